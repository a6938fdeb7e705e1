"""What must hold of the template and linters do not see. A rule gives a sentence for each thing that is wrong."""

RULES = {}


def rule(check):
    """Registers a rule under its function's name."""
    RULES[check.__name__] = check
    return check


def load():
    """All rules, by name."""
    from . import accounts, alarms, code, functions, roles, schedules, table  # noqa: F401

    return dict(RULES)
