"""What `sam build` made: for every function of the template an executable called bootstrap, for this machine.

    artifacts.py BUILD-DIRECTORY
"""

import os
import platform
import struct
import sys
from pathlib import Path

from stack import read

# The machine a program is for, as its ELF header says.
MACHINES = {"x86_64": 62, "aarch64": 183}


def complaints(built, template):
    """What is missing or wrong. Functions of one program share its folder, which the built template names."""
    made = read(Path(built) / "template.yaml")["Resources"]
    folders = {}
    for logical, resource in functions(template):
        folder = (Path(built) / made[logical]["Properties"]["CodeUri"]).resolve()
        folders.setdefault(folder, set()).add(resource["Metadata"]["BuildProperties"]["Binary"])
        program = folder / "bootstrap"
        if not program.is_file():
            yield f"{logical}: no {program}"
        elif not os.access(program, os.X_OK):
            yield f"{logical}: {program} is not executable"
        else:
            header = program.read_bytes()[:20]
            machine = struct.unpack_from("<H", header, 18)[0] if header[:4] == b"\x7fELF" else None
            if machine != MACHINES.get(platform.machine()):
                yield f"{logical}: {program} is for machine {machine}, expected {MACHINES.get(platform.machine())}"
    for folder, binaries in folders.items():
        if len(binaries) > 1:
            yield f"{folder}: holds one program for {', '.join(sorted(binaries))}"


def functions(template):
    """The functions that are built."""
    return [(logical, resource) for logical, resource in template["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"]


def main():
    built, template = sys.argv[1], read()
    found = list(complaints(built, template))
    for complaint in found:
        print(complaint, file=sys.stderr)
    if not found:
        print(f"built: {len(functions(template))} functions")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
