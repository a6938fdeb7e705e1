"""The accounts: those of accounts.toml, each deployed as the others are."""

import json
import re

from policies import role as role_of

from . import rule


@rule
def the_template_has_the_accounts_of_the_profiles(subject):
    profiles = set(subject.profiles)
    there = {name.removeprefix("trade-") for name, _ in subject.functions() if name.startswith("trade-")}
    guarded = {name.removeprefix("edge-guard-") for name, _ in subject.functions() if name.startswith("edge-guard-")}
    for said, accounts in (("trade", there), ("edge-guard", guarded)):
        for account in sorted(accounts ^ profiles):
            yield f"{said}-{account}: {'accounts.toml has no such account' if account in accounts else 'accounts.toml has it, the template does not'}"
    for name, function in subject.functions():
        variables = function.properties["Environment"]["Variables"]
        if "GAMMA_ACCOUNTS" in variables and set(variables["GAMMA_ACCOUNTS"].split(",")) != profiles:
            yield f"{function.logical}: GAMMA_ACCOUNTS {variables['GAMMA_ACCOUNTS']}, expected {','.join(sorted(profiles))}"
        own = re.fullmatch(r"(?:trade|edge-guard)-(.*)", name)
        if own and variables.get("GAMMA_ACCOUNT") != own.group(1):
            yield f"{function.logical}: GAMMA_ACCOUNT {variables.get('GAMMA_ACCOUNT')!r}, expected {own.group(1)}"


@rule
def parts_are_called_as_the_operator_looks_for_them(subject):
    names = subject.text("shared/operator/src/names.rs")
    if f'STACK: &\'static str = "{subject.live.name}"' not in names:
        yield f"names.rs: its stack is not {subject.live.name}"
    each = re.findall(r'(\w+): of_each\("([\w-]+)"\)', names)
    single = re.findall(r'(\w+): format!\("\{stack\}-([\w-]+)"\)', names)
    expected = {f"{part}-{account}" for _, part in each for account in subject.profiles} | {part for field, part in single if field != "table"}
    there = {name for name, _ in subject.functions()}
    for name in sorted(expected ^ there):
        yield f"function {name}: {'no operator looks for it' if name in there else 'an operator looks for it, and the template has none'}"
    for table in subject.live.of_type("AWS::DynamoDB::Table"):
        if ("table", table.properties["TableName"].removeprefix(f"{subject.live.name}-")) not in single:
            yield f"table {table.properties['TableName']}: no operator looks for it"


def block(subject, account, broker):
    """What the template has for an account, its names and its broker's parameters replaced: {logical id: text}."""
    camel = account.title().replace("-", "")
    found = {}
    for logical, resource in subject.template["Resources"].items():
        if not re.fullmatch(rf"(Trade|EdgeGuard){camel}(Role|Log|Failed|Slow|Silent)?", logical):
            continue
        resource = json.loads(json.dumps(resource))
        _without_parameters(resource)
        text = json.dumps(resource, sort_keys=True)
        text = text.replace(f"/gamma/{broker}/token_json", "/gamma/BROKER/token_json")
        text = re.sub(rf"(Trade|EdgeGuard){camel}(?=\b|Role|Log|Failed|Slow|Silent)", r"\1ACCOUNT", text)
        found[logical.replace(camel, "ACCOUNT")] = re.sub(rf"(?<![\w/]){re.escape(account)}(?![\w-]*_)|(?<=-){re.escape(account)}", "ACCOUNT", text)
    return found


def _without_parameters(resource):
    """Takes out the parameters that a role may read: they are the broker's, and held against what is read."""
    for policy in resource.get("Properties", {}).get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            for part in statement.get("Fn::If", [statement]):
                if isinstance(part, dict) and "ssm:" in json.dumps(part.get("Action", "")) and "PutParameter" not in json.dumps(part["Action"]):
                    part["Resource"] = "read"


@rule
def every_account_is_deployed_like_the_others(subject):
    brokers = {account: subject.folders[profile["broker"]] for account, profile in subject.profiles.items()}
    first = next(iter(brokers))
    model = block(subject, first, brokers[first])
    for account, broker in brokers.items():
        own = block(subject, account, broker)
        for logical in sorted(model.keys() | own.keys()):
            if model.get(logical) != own.get(logical):
                yield f"{account}: {logical} is not as it is of {first}: {_first_difference(model.get(logical), own.get(logical))}"


def _first_difference(one, other):
    if one is None or other is None:
        return "one of them has none"
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"…{one[max(at - 40, 0):at + 40]}… against …{other[max(at - 40, 0):at + 40]}…"


@rule
def an_account_stays_at_home(subject):
    """A function of an account reads and writes its own part of the ledger, its own broker's secrets, and nobody else's."""
    arns = {subject.live.resolve({"Fn::GetAtt": [r.logical, "Arn"]}): r for r in subject.live.of_type("AWS::IAM::Role")}
    for name, function in subject.functions():
        own = re.fullmatch(r"(?:trade|edge-guard)-(.*)", name)
        if not own:
            continue
        account = own.group(1)
        broker = subject.folders[subject.profiles[account]["broker"]]
        role = role_of(name, arns[function.properties["Role"]].properties)
        for grant in [grant for statement in role.statements for grant in statement.grants()]:
            parameter = grant.resource.partition(":parameter/gamma/")[2]
            if parameter and parameter.split("/")[0] not in (account, broker, "shared"):
                yield f"{name}: {grant}: another account's"
            if grant.action == "ssm:PutParameter" and parameter != f"{broker}/token_json":
                yield f"{name}: {grant}: writes what is not its token"
            homes = (f"{account}#", f"control#{account}", "control#all", f"token#/gamma/{broker}/token_json", "token#sheet/")
            if grant.key is not None and not grant.key.startswith(homes):
                yield f"{name}: {grant}: another account's"
            if (grant.key or "").startswith("control#") and grant.action.split(":")[1] not in ("GetItem", "BatchGetItem", "Query"):
                yield f"{name}: {grant}: what an operator decides is only read"


@rule
def who_comes_after_a_trade_reads_no_login_of_the_feed(subject):
    arns = {subject.live.resolve({"Fn::GetAtt": [r.logical, "Arn"]}): r for r in subject.live.of_type("AWS::IAM::Role")}
    for name, function in subject.functions():
        if name.startswith("trade-"):
            continue
        role = role_of(name, arns[function.properties["Role"]].properties)
        for grant in [grant for statement in role.statements for grant in statement.grants()]:
            parameter = grant.resource.partition(":parameter/gamma/")[2]
            if parameter in ("shared/gw_email", "shared/gw_password"):
                yield f"{name}: {grant}: needs no login of the feed"
            if name in ("sheets-log", "control") and re.search(r"app_key|app_secret|client_", parameter):
                yield f"{name}: {grant}: needs no broker's application"
