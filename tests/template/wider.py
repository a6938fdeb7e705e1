"""A role made a little wider, or narrower: what the check of permissions must notice."""

# What no function needs, of each service that one uses.
NEEDLESS = {
    "dynamodb": "dynamodb:DeleteTable",
    "ssm": "ssm:DeleteParameter",
    "lambda": "lambda:UpdateFunctionCode",
    "logs": "logs:DeleteLogGroup",
    "sqs": "sqs:PurgeQueue",
    "sns": "sns:Subscribe",
    "scheduler": "scheduler:DeleteSchedule",
    "iam": "iam:GetRole",
}


def mutants(role, everyone):
    """Each (what was changed, the role with it)."""
    for number, statement in enumerate(role.statements):
        for words, changed in _wider(statement, everyone):
            yield f"statement {number + 1}: {words}", role.with_statement(number, **changed)
        yield f"statement {number + 1} taken out", role.without(number)
        for part in ("actions", "resources", "keys"):
            values = getattr(statement, part) or ()
            for value in values if len(values) > 1 else ():
                yield f"statement {number + 1} without {value}", role.with_statement(number, **{part: tuple(v for v in values if v != value)})


def _wider(statement, everyone):
    service = statement.actions[0].partition(":")[0]
    alike = [other for role in everyone for other in role.statements if other.actions[0].partition(":")[0] == service]
    for action in sorted({NEEDLESS[service]} | {action for other in alike for action in other.actions} - set(statement.actions)):
        yield f"also {action}", {"actions": (*statement.actions, action)}
    for action in statement.actions:
        yield f"{service}:* for {action}", {"actions": tuple(f"{service}:*" if a == action else a for a in statement.actions)}
    for resource in sorted({resource for other in alike for resource in other.resources} - set(statement.resources)):
        yield f"also {resource}", {"resources": (*statement.resources, resource)}
    for wide, resource in [(wide, resource) for resource in statement.resources for wide in _widened(resource)]:
        yield f"{wide} for {resource}", {"resources": tuple(wide if r == resource else r for r in statement.resources)}
    if statement.keys is not None:
        yield "any leading key", {"keys": None}
        for key in sorted({key for other in alike for key in other.keys or ()} - set(statement.keys)):
            yield f"also key {key}", {"keys": (*statement.keys, key)}
        for wide, key in [(wide, key) for key in statement.keys for wide in _widened(key)]:
            yield f"key {wide} for {key}", {"keys": tuple(wide if k == key else k for k in statement.keys)}
    if statement.passed_to is not None:
        yield "to any service", {"passed_to": None}


def _widened(text):
    """Shorter, and any ending; the whole; and one letter that may be any."""
    shorter = text.rstrip("*").rstrip("#:/-")
    return [wide for wide in (shorter[:-1] + "*", shorter.rpartition("/")[0] + "/*" if "/" in shorter else "*", "?" + text[1:], "*") if wide != text]
