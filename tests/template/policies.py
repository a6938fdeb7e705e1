"""A role's policies, and what IAM would say to a call. Understands what template.yaml uses, and refuses the rest."""

import functools
import re
from dataclasses import dataclass, field, replace

LEADING_KEYS = {"ForAllValues:StringLike"}


class PolicyError(Exception):
    """A policy that is not understood here: nothing may be concluded from it."""


@dataclass(frozen=True)
class Call:
    """One thing that somebody asks of AWS; `keys` are the partition keys of a request of DynamoDB."""

    action: str
    resource: str
    keys: frozenset = frozenset()
    service: str | None = None

    def __str__(self):
        keys = f" keys {', '.join(sorted(self.keys))}" if self.keys else ""
        return f"{self.action} on {self.resource}{keys}"


@dataclass(frozen=True)
class Grant:
    """The smallest part of a statement: one action, one resource and, of a table, one leading key; `key` is None where none is asked."""

    action: str
    resource: str
    key: str | None

    def __str__(self):
        return f"{self.action} on {self.resource}" + (f" key {self.key}" if self.key is not None else "")


@dataclass(frozen=True)
class Statement:
    """Who has it may do each action to each resource, with requests that name no other leading keys."""

    actions: tuple
    resources: tuple
    keys: tuple | None = None
    passed_to: tuple | None = None

    def grants(self):
        """All its parts."""
        return [Grant(action, resource, key) for action in self.actions for resource in self.resources for key in (self.keys or (None,))]

    def ways(self, call):
        """Each way it allows a call: the grants that are used together, and of how many each is one that would do."""
        if call.action not in self.actions or (self.passed_to is not None and call.service not in self.passed_to):
            return
        for resource in self.resources:
            if not like(resource, call.resource):
                continue
            if self.keys is None:
                yield {Grant(call.action, resource, None): 1}
                continue
            # AWS takes a request without keys to be within any list of them.
            choices = [[key for key in self.keys if like(key, asked)] for asked in call.keys] or [list(self.keys)]
            if all(choices):
                used = {key for choice in choices for key in choice}
                yield {Grant(call.action, resource, key): min(len(choice) for choice in choices if key in choice) for key in used}


@dataclass(frozen=True)
class Role:
    """What a role may do."""

    name: str
    statements: tuple = field(default=())

    def ways(self, call):
        """Each way some statement allows it."""
        return [(number, way) for number, statement in enumerate(self.statements) for way in statement.ways(call)]

    def with_statement(self, number, **changed):
        """The same with one statement changed."""
        statements = list(self.statements)
        statements[number] = replace(statements[number], **changed)
        return replace(self, statements=tuple(statements))

    def without(self, number):
        """The same without one statement."""
        return replace(self, statements=self.statements[:number] + self.statements[number + 1 :])


@functools.cache
def _pattern(pattern):
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern)), re.DOTALL)


@functools.cache
def like(pattern, text):
    """Whether a text is what a pattern of IAM's means."""
    return _pattern(pattern).fullmatch(text) is not None


def role(name, properties):
    """The role of a resource's resolved properties."""
    if properties.get("ManagedPolicyArns"):
        raise PolicyError(f"role {name}: managed policies, expected only policies of its own")
    statements = [statement(name, said) for policy in properties.get("Policies", []) for said in _list(policy["PolicyDocument"]["Statement"])]
    return Role(name, tuple(statements))


def statement(name, said):
    """One statement as the template has it."""
    unknown = set(said) - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown or said.get("Effect") != "Allow":
        raise PolicyError(f"role {name}: {said}: expected Effect Allow with Action, Resource and Condition only")
    keys, passed_to = None, None
    for operator, condition in said.get("Condition", {}).items():
        for key, values in condition.items():
            if operator in LEADING_KEYS and key == "dynamodb:LeadingKeys" and keys is None:
                keys = tuple(_list(values))
            elif operator == "StringEquals" and key == "iam:PassedToService" and passed_to is None:
                passed_to = tuple(_list(values))
            else:
                raise PolicyError(f"role {name}: condition {operator} {key}: not understood here")
    return Statement(tuple(_list(said["Action"])), tuple(_list(said["Resource"])), keys, passed_to)


def _list(value):
    return value if isinstance(value, list) else [value]
