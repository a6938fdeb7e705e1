"""What template and code have to agree about."""

import re

from subject import CODE, PARTLY

from . import rule

def read_by(subject, binary):
    return set(re.findall(r"GAMMA_[A-Z_]*[A-Z]", subject.rust(*CODE[binary], *PARTLY.get(binary, []))))


def required_by(subject, binary):
    """The variables without which a function refuses to start."""
    code = subject.rust(*CODE[binary])
    return set(re.findall(r'needed\(\s*"(GAMMA_\w+)"', code)) | set(re.findall(r'value\("(GAMMA_\w+)"\)\s*\.ok_or_else', code))


@rule
def every_variable_is_read_and_every_needed_one_is_set(subject):
    for _, function in subject.functions():
        binary = subject.binary(function.logical)
        variables = function.properties.get("Environment", {}).get("Variables", {})
        known = read_by(subject, binary)
        for name in sorted(set(variables) - known):
            yield f"{function.logical}: sets {name}, which {binary} does not read"
        for name in sorted(required_by(subject, binary) - set(variables)):
            yield f"{function.logical}: {binary} needs {name}, which is not set"
        for name, value in variables.items():
            if not isinstance(value, str) or (name != "GAMMA_SPREADSHEET" and not value):
                yield f"{function.logical}: {name} is {value!r}, expected a text"


@rule
def the_functions_that_are_named_exist(subject):
    there = {function.properties["FunctionName"] for _, function in subject.functions()}
    for name, function in subject.functions():
        for variable, value in function.properties.get("Environment", {}).get("Variables", {}).items():
            if variable.endswith("_FUNCTION") and value not in there:
                yield f"{function.logical}: {variable} names {value}, which is no function of the stack"
            part = {"GAMMA_SHEETS_LOG_FUNCTION": "sheets-log", "GAMMA_EDGE_GUARD_FUNCTION": name.replace("trade-", "edge-guard-")}.get(variable)
            if part and value != f"{subject.live.name}-{part}":
                yield f"{function.logical}: {variable} names {value}, expected {subject.live.name}-{part}"
