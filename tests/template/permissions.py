"""Holds the template's roles against what was really asked of AWS.

    permissions.py DIRECTORY

reads the records that the end-to-end tests leave in GAMMA_AWS_CALLS: lines {"role", "action", "resource", "leading_keys"}. Fails where a
role is not granted what it asked for, where a part of a statement was granted and nobody needed it, and where a wildcard stands that is not
among the few below. Then makes each role wider and narrower in every small way, and fails where that is not noticed.
"""

import functools
import json
import re
import sys
from pathlib import Path

from policies import Call, PolicyError, like, role as role_of
from stack import LIVE, Stack, read
from wider import mutants

# Where a pattern may stand for many, and why. Everything else is named in full.
WILDCARDS = {
    r"{account}#\*": "an account's days by date, its outbox, marks and edge",
    r"token#sheet/\*": "the lock of the spreadsheet, whose id an operator sets",
    r"arn:aws:logs:[^*]*:log-group:/aws/lambda/{stack}-[^*:]+:\*": "a function's own log streams",
    r"arn:aws:scheduler:[^*]*:schedule/{prefix}/{prefix}-\*": "the deployment's own schedules",
}

# Granted although no test asks for it: (role, pattern of the grant's words, why). One that is no longer needed fails.
NO_TOPIC = "no stack of the tests has a topic"
UNTESTED = [
    ("edge-guard-{account}", "dynamodb:PutItem on * key {account}#told", "a pause needs more days than the tests trade"),
    ("edge-guard-{account}", "sns:Publish on *:gamma-trading-alarms", NO_TOPIC),
    ("sheets-log", "sns:Publish on *:gamma-trading-alarms", NO_TOPIC),
    ("token-keeper", "sns:Publish on *:gamma-trading-alarms", NO_TOPIC),
]

# Who stands for no function of the deployment: tests themselves, and functions whose secrets have other names.
NOBODY = "local"


class Roles:
    """The roles of the deployed stack, by the names that functions sign with."""

    def __init__(self, stack):
        self.stack = stack
        arns = {stack.resolve({"Fn::GetAtt": [r.logical, "Arn"]}): r for r in stack.of_type("AWS::IAM::Role")}
        self.functions = {r.properties["FunctionName"].removeprefix(f"{stack.name}-"): r for r in stack.of_type("AWS::Lambda::Function")}
        self.roles = {short: role_of(short, arns[function.properties["Role"]].properties) for short, function in self.functions.items()}
        self.schedules = stack.of_type("AWS::Scheduler::Schedule")
        for arn in {schedule.properties["Target"]["RoleArn"] for schedule in self.schedules}:
            self.roles["scheduler"] = role_of("scheduler", arns[arn].properties)
        self.accounts = sorted({name.removeprefix("trade-") for name in self.functions if name.startswith("trade-")})
        table, topic = (stack.of_type(kind)[0].logical for kind in ("AWS::DynamoDB::Table", "AWS::SNS::Topic"))
        self.table, self.topic = stack.resolve({"Fn::GetAtt": [table, "Arn"]}), stack.resolve({"Ref": topic})
        self.group = stack.of_type("AWS::Scheduler::ScheduleGroup")[0].properties["Name"]

    def services(self):
        """What Lambda and Scheduler themselves do with the roles, as the template tells them to: [(role, call)]."""
        where = f"{self.stack.region}:{self.stack.account}"
        for short, function in self.functions.items():
            stream = f"arn:aws:logs:{where}:log-group:{function.properties['LoggingConfig']['LogGroup']}:log-stream:2025/09/03/[$LATEST]0"
            yield from ((short, Call(action, stream)) for action in ("logs:CreateLogStream", "logs:PutLogEvents"))
        for config in self.stack.of_type("AWS::Lambda::EventInvokeConfig"):
            short = config.properties["FunctionName"].removeprefix(f"{self.stack.name}-")
            yield short, Call("sqs:SendMessage", config.properties["DestinationConfig"]["OnFailure"]["Destination"])
        for schedule in self.schedules:
            yield "scheduler", Call("lambda:InvokeFunction", schedule.properties["Target"]["Arn"])
            yield "scheduler", Call("sqs:SendMessage", schedule.properties["Target"]["DeadLetterConfig"]["Arn"])

    def call(self, record):
        """A record as the deployed stack would see it: tests call tables, topics and functions otherwise."""
        action, resource = record["action"], record["resource"]
        service, where = action.partition(":")[0], f"{self.stack.region}:{self.stack.account}"
        match service:
            case "dynamodb":
                # One day stands for all: no pattern tells them apart.
                return Call(action, self.table, frozenset(re.sub(r"\d{4}-\d\d-\d\d$", "2025-09-03", key) for key in record["leading_keys"]))
            case "ssm":
                # A version is asked for as name:version, and is the parameter's own.
                return Call(action, f"arn:aws:ssm:{where}:parameter/{resource.split(':')[0].lstrip('/')}")
            case "lambda":
                return Call(action, f"arn:aws:lambda:{where}:function:{self.stack.name}-{resource.removeprefix(f'{self.stack.name}-')}")
            case "sns":
                return Call(action, self.topic)
            case "scheduler":
                group, _, name = resource.partition("/")
                return Call(action, f"arn:aws:scheduler:{where}:schedule/{self.group}/{name.replace(group, self.group, 1) if name.startswith(group) else name}")
            case "iam":
                return Call(action, self.schedules[0].properties["Target"]["RoleArn"], service="scheduler.amazonaws.com")
        return Call(action, resource)

    def calls(self, records):
        """All of the records and what the services do, by role. What was asked for one account is asked for each: they are deployed alike."""
        asked = {}
        noted = [alike for record in records if record["role"] != NOBODY for alike in for_each_account(record, self.logins)]
        for name, call in [(record["role"], self.call(record)) for record in noted] + list(self.services()):
            asked.setdefault(name, set()).add(call)
        return asked

    @functools.cached_property
    def logins(self):
        """The folder of each account's login, as its trading function may write the token: {"tt-ira": "tt"}."""
        found = {}
        for account in self.accounts:
            for statement in self.roles[f"trade-{account}"].statements:
                for token in [resource for resource in statement.resources if "ssm:PutParameter" in statement.actions]:
                    found[account] = token.split("/")[-2]
        return found


def for_each_account(record, logins):
    """The record as each account would have left it; as it is where it is about none, or about what only its own broker has."""
    parts = [record["role"], record["resource"] if not record["action"].startswith("dynamodb:") else "", *record["leading_keys"]]
    account = next((account for part in parts for account in logins if _about(account, part)), None)
    account = account or next((account for part in parts for account in logins if f"/gamma/{logins[account]}/token_json" in part), None)
    for other in logins if account else ():
        said = [_of_other(part, account, other, logins) for part in parts]
        if None not in said:
            yield {**record, "role": said[0], "resource": said[1] or record["resource"], "leading_keys": said[2:]}
    if account is None:
        yield record


def _about(account, part):
    own = rf"(^|control#|-){account}(?=#|$|-warmup$|-sweep$|-last-sweep$)|^/gamma/{account}/(sizing|account_number)$"
    return re.search(own, part) is not None


def _of_other(part, account, other, logins):
    """A part of a record of one account as it would be of another; None where the other's broker has none like it."""
    if f"/gamma/{logins[account]}/token_json" in part:
        return part.replace(f"/gamma/{logins[account]}/", f"/gamma/{logins[other]}/")
    name = re.fullmatch(r"/gamma/([\w-]+)/(\w+)", part)
    if name and name.group(2) in ("sizing", "account_number"):
        return part.replace(f"/gamma/{account}/", f"/gamma/{other}/")
    if name:
        return part if name.group(1) == "shared" or logins[account] == logins[other] else None
    return re.sub(rf"(^|control#|-){account}(?=#|$|-warmup$|-sweep$|-last-sweep$)", rf"\g<1>{other}", part)


def records(directory):
    """The records that were left."""
    lines = [line for path in sorted(Path(directory).glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    if not lines:
        raise SystemExit(f"{directory}: no records of calls, expected the *.jsonl that tests leave with GAMMA_AWS_CALLS={directory}")
    return [json.loads(line) for line in sorted(set(lines))]


def complaints(role, calls, wildcards, untested=()):
    """Everything that is wrong with a role, given all that is asked with it."""
    needed = set()
    for call in sorted(calls, key=str):
        ways = role.ways(call)
        if not ways:
            yield f"{role.name}: needs {call}, and is not granted it"
        # What one way alone allows is needed; where a key has one pattern alone, that pattern is.
        if len(ways) == 1:
            (number, way), = ways
            needed |= {(number, grant) for grant, choices in way.items() if choices == 1}
    excused = set()
    for number, statement in enumerate(role.statements):
        if "iam:PassRole" in statement.actions and statement.passed_to is None:
            yield f"{role.name}: statement {number + 1} passes a role to any service, expected a condition on iam:PassedToService"
        for grant in statement.grants():
            yield from _wild(role, grant, wildcards)
            excuse = next((entry for entry in untested if like(entry[0], role.name) and like(entry[1], str(grant))), None)
            if (number, grant) in needed:
                continue
            # An excuse is for one part, not for a second like it.
            if excuse is None or excuse in excused:
                yield f"{role.name}: statement {number + 1} grants {grant}, and nothing needs it"
            excused.add(excuse)
    for entry in untested:
        if like(entry[0], role.name) and entry not in excused:
            yield f"{role.name}: {entry[1]} is listed as untested, but is needed, or is not granted: take it off the list"


def _wild(role, grant, wildcards):
    for part in (grant.action, grant.resource, grant.key or ""):
        if ("*" in part or "?" in part) and not any(re.fullmatch(pattern, part) for pattern in wildcards):
            yield f"{role.name}: {grant}: {part} stands for many, and is not among the few that may"
    if grant.resource.startswith("arn:aws:dynamodb:") and grant.key is None:
        yield f"{role.name}: {grant}: any partition of the table, expected a condition on dynamodb:LeadingKeys"


def wildcards_of(roles):
    """The patterns that may stand, for this stack."""
    names = {"stack": re.escape(roles.stack.name), "prefix": re.escape(roles.group), "account": f"({'|'.join(map(re.escape, roles.accounts))})"}
    return [re.sub(r"\{(stack|prefix|account)\}", lambda name: names[name.group(1)], pattern) for pattern in WILDCARDS]


def untested_of(roles):
    """The excuses, for each account its own."""
    words = [{"account": account, "login": login} for account, login in roles.logins.items()]
    return sorted({tuple(part.format(**one) for part in entry) for entry in UNTESTED for one in words})


def all_complaints(roles, asked):
    """Those of every role, and who is nobody's."""
    for name in sorted(set(asked) - set(roles.roles)):
        yield f"{name}: asks for {len(asked[name])} things and is no function of the template, such as {sorted(map(str, asked[name]))[0]}"
    for name, role in roles.roles.items():
        yield from complaints(role, asked.get(name, set()), wildcards_of(roles), untested_of(roles))


def unnoticed(roles, asked):
    """The mutants of every role with which nothing is wrong that was not before; and how many there are."""
    wildcards, untested, everything = wildcards_of(roles), untested_of(roles), list(roles.roles.values())
    silent, count = [], 0
    for name, role in roles.roles.items():
        before = set(complaints(role, asked.get(name, set()), wildcards, untested))
        for said, mutant in mutants(role, everything):
            count += 1
            if set(complaints(mutant, asked.get(name, set()), wildcards, untested)) <= before:
                silent.append(f"{name}: {said}: nobody notices")
    return silent, count


def main():
    try:
        roles = Roles(Stack(read(), LIVE))
        asked = roles.calls(records(sys.argv[1]))
        found = list(all_complaints(roles, asked))
        # Only where nothing is wrong can be said whether a mutant makes it so.
        silent, count = ([], 0) if found else unnoticed(roles, asked)
    except PolicyError as error:
        raise SystemExit(str(error)) from error
    for complaint in found + silent:
        print(complaint, file=sys.stderr)
    if found or silent:
        raise SystemExit(1)
    print(f"{len(roles.roles)} roles: granted what {sum(map(len, asked.values()))} calls need, and nothing else; {count} mutants of them are all noticed")


if __name__ == "__main__":
    main()
