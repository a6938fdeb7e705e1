"""What is said of a build."""

import platform
import struct
import tempfile
import unittest
from pathlib import Path

from artifacts import MACHINES, complaints

PROGRAMS = {"One": "trade", "Two": "trade", "Three": "control"}


class Built(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.built = Path(directory.name)
        self.folders = {"One": "One", "Two": "One", "Three": "Three"}
        for folder in ("One", "Three"):
            (self.built / folder).mkdir()
            self.program(folder, MACHINES[platform.machine()])

    def program(self, folder, machine, mode=0o755):
        path = self.built / folder / "bootstrap"
        path.write_bytes(b"\x7fELF" + bytes(14) + struct.pack("<H", machine))
        path.chmod(mode)

    def said(self):
        lines = ["Resources:"] + [f"  {name}: {{ Type: AWS::Serverless::Function, Properties: {{ CodeUri: {uri} }} }}" for name, uri in self.folders.items()]
        (self.built / "template.yaml").write_text("\n".join(lines), encoding="utf-8")
        metadata = {name: {"BuildProperties": {"Binary": binary}} for name, binary in PROGRAMS.items()}
        template = {"Resources": {name: {"Type": "AWS::Serverless::Function", "Metadata": metadata[name]} for name in PROGRAMS}}
        return list(complaints(self.built, template))

    def test_nothing_where_each_function_has_a_program_for_this_machine(self):
        self.assertEqual(self.said(), [])

    def test_what_is_missing_or_wrong_is_named(self):
        self.program("Three", 1)
        self.assertRegex(self.said()[0], "^Three: .* is for machine 1")
        self.program("Three", MACHINES[platform.machine()], 0o644)
        self.assertRegex(self.said()[0], "^Three: .* is not executable")
        (self.built / "Three/bootstrap").unlink()
        self.assertRegex(self.said()[0], "^Three: no ")

    def test_one_program_cannot_be_two(self):
        self.folders["Three"] = "One"
        self.assertRegex(self.said()[0], "holds one program for control, trade")


if __name__ == "__main__":
    unittest.main()
