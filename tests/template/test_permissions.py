"""The check of permissions: told what is asked, it must see what is missing, what is too much, and every mutant."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import permissions
from permissions import Roles, all_complaints, complaints, records, unnoticed
from policies import Call, PolicyError, Role, Statement, like, statement
from stack import DRY, LIVE, Stack, read

TABLE, TEMPLATE = "arn:aws:dynamodb:us-east-1:123456789012:table/gamma-trading-ledger", read()
KEYS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["schwab#*"]}}


def filled(pattern):
    """A text that a pattern means."""
    return pattern.replace("*", "2025-09-03")


def as_if_all_were_used(roles):
    """One call for each part of each statement that the services do not use already."""
    asked = roles.calls([])
    for name, role in roles.roles.items():
        for one in role.statements:
            for grant in one.grants():
                keys = frozenset() if grant.key is None else frozenset([filled(grant.key)])
                asked.setdefault(name, set()).add(Call(grant.action, filled(grant.resource), keys, (one.passed_to or (None,))[0]))
    return asked


class Evaluated(unittest.TestCase):
    """As IAM would."""

    def setUp(self):
        reads = Statement(("dynamodb:GetItem", "dynamodb:Query"), (TABLE,), ("schwab#*", "control#all"))
        self.role = Role("trade-schwab", (reads, Statement(("iam:PassRole",), ("arn:role",), passed_to=("scheduler.amazonaws.com",))))

    def allowed(self, action, resource, *keys, service=None):
        return bool(self.role.ways(Call(action, resource, frozenset(keys), service)))

    def test_action_resource_and_every_key_must_be_granted(self):
        self.assertTrue(self.allowed("dynamodb:GetItem", TABLE, "schwab#2025-09-03"))
        self.assertTrue(self.allowed("dynamodb:GetItem", TABLE, "schwab#2025-09-03", "control#all"))
        self.assertFalse(self.allowed("dynamodb:GetItem", TABLE, "schwab#2025-09-03", "tt-ira#2025-09-03"))
        self.assertFalse(self.allowed("dynamodb:PutItem", TABLE, "schwab#2025-09-03"))
        self.assertFalse(self.allowed("dynamodb:GetItem", TABLE + "s", "schwab#2025-09-03"))
        self.assertTrue(self.allowed("iam:PassRole", "arn:role", service="scheduler.amazonaws.com"))
        self.assertFalse(self.allowed("iam:PassRole", "arn:role", service="lambda.amazonaws.com"))

    def test_a_pattern_is_iams(self):
        self.assertTrue(like("schwab#*", "schwab#") and like("a?c", "abc") and like("a.c", "a.c"))
        self.assertFalse(like("a.c", "abc") or like("schwab#", "schwab#x") or like("schwab#*", "x-schwab#1"))

    def test_what_is_not_understood_is_refused(self):
        allow = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}
        self.assertEqual(statement("r", {**allow, "Condition": KEYS}).keys, ("schwab#*",))
        for said in [
            {**allow, "Effect": "Deny"},
            {"Effect": "Allow", "NotAction": "dynamodb:GetItem", "Resource": TABLE},
            {"Effect": "Allow", "Action": "dynamodb:GetItem", "NotResource": TABLE},
            {**allow, "Condition": {"StringLike": {"dynamodb:LeadingKeys": ["schwab#*"]}}},
            {**allow, "Condition": {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["schwab#*"]}}},
            {**allow, "Condition": {"ForAllValues:StringLike": {"dynamodb:Attributes": ["pk"]}}},
        ]:
            with self.assertRaises(PolicyError):
                statement("r", said)


class Complained(unittest.TestCase):
    """What the check says."""

    def setUp(self):
        self.role = Role("trade-schwab", (Statement(("dynamodb:GetItem", "dynamodb:PutItem"), (TABLE,), ("schwab#*", "control#all")),))
        keys = ("schwab#2025-09-03", "control#all")
        self.calls = {Call(action, TABLE, frozenset([key])) for action in ("dynamodb:GetItem", "dynamodb:PutItem") for key in keys}

    def said(self, role=None, calls=None, untested=()):
        return list(complaints(role or self.role, self.calls if calls is None else calls, [r"(schwab)#\*"], untested))

    def test_nothing_where_each_part_is_needed(self):
        self.assertEqual(self.said(), [])

    def test_what_is_missing_names_role_action_resource_and_key(self):
        missing = self.said(calls=self.calls | {Call("dynamodb:PutItem", TABLE, frozenset(["tt-ira#2025-09-03"]))})
        self.assertEqual(missing, [f"trade-schwab: needs dynamodb:PutItem on {TABLE} keys tt-ira#2025-09-03, and is not granted it"])

    def test_a_part_that_nothing_needs_is_named(self):
        calls = {call for call in self.calls if call != Call("dynamodb:PutItem", TABLE, frozenset(["control#all"]))}
        self.assertEqual(self.said(calls=calls), [f"trade-schwab: statement 1 grants dynamodb:PutItem on {TABLE} key control#all, and nothing needs it"])

    def test_what_is_granted_twice_is_needed_nowhere(self):
        twice = Role("trade-schwab", (*self.role.statements, Statement(("dynamodb:GetItem",), (TABLE,), ("control#all",))))
        self.assertEqual(len(self.said(twice)), 2)

    def test_one_request_for_two_partitions_needs_both(self):
        calls = {Call(action, TABLE, frozenset(["schwab#2025-09-03", "control#all"])) for action in ("dynamodb:GetItem", "dynamodb:PutItem")}
        self.assertEqual(self.said(calls=calls), [])

    def test_a_narrow_key_is_needed_where_one_of_the_keys_has_no_other(self):
        role = self.role.with_statement(0, keys=("schwab#edge", "schwab#*", "control#all"))
        calls = self.calls | {Call("dynamodb:GetItem", TABLE, frozenset(["schwab#edge", "schwab#told"]))}
        unneeded = [said for said in self.said(role, calls) if "nothing needs it" in said]
        self.assertEqual([said.split(" key ")[1].split(",")[0] for said in unneeded], ["schwab#edge", "schwab#edge"])

    def test_an_excuse_holds_only_as_long_as_it_is_needed(self):
        calls = {call for call in self.calls if call != Call("dynamodb:PutItem", TABLE, frozenset(["control#all"]))}
        excuse = ("trade-*", "dynamodb:PutItem on * key control#all", "no test does")
        self.assertEqual(self.said(calls=calls, untested=[excuse]), [])
        self.assertRegex(self.said(untested=[excuse])[0], "take it off the list")


class OfTheTemplate(unittest.TestCase):
    """The template's own roles, as if every part of them were used."""

    @classmethod
    def setUpClass(cls):
        cls.roles = Roles(Stack(TEMPLATE, LIVE))
        cls.asked = as_if_all_were_used(cls.roles)

    def test_every_function_and_the_schedules_have_a_role_without_needless_wildcards(self):
        self.assertEqual(set(self.roles.roles), set(self.roles.functions) | {"scheduler"})
        self.assertEqual([said for said in all_complaints(self.roles, self.asked) if "stands for many" in said or "any partition" in said], [])

    def test_what_the_services_do_is_granted_and_all_that_the_schedules_role_is_for(self):
        own = {name: set() for name in self.roles.roles} | self.roles.calls([])
        missing = [said for name, role in self.roles.roles.items() for said in complaints(role, own[name], []) if "not granted" in said]
        self.assertEqual(missing, [])
        self.assertEqual(list(complaints(self.roles.roles["scheduler"], own["scheduler"], [])), [])

    def test_every_role_made_wider_or_narrower_is_noticed(self):
        silent, count = unnoticed(self.roles, self.asked)
        self.assertEqual(silent, [])
        self.assertGreater(count, 500)

    def test_a_dry_deployment_may_do_less_and_touches_no_token(self):
        dry = Roles(Stack(TEMPLATE, DRY)).roles
        for name, live in self.roles.roles.items():
            grants = {grant for one in dry[name].statements for grant in one.grants()}
            self.assertLessEqual(grants, {grant for one in live.statements for grant in one.grants()}, name)
            for grant in grants:
                self.assertNotEqual(grant.action, "ssm:PutParameter", name)
                self.assertFalse((grant.key or "").startswith("token#/"), f"{name}: {grant}")

    def test_a_record_is_read_as_the_deployed_stack_would_see_it(self):
        def call(action, resource, *keys):
            return self.roles.call({"role": "control", "action": action, "resource": resource, "leading_keys": list(keys)})

        self.assertEqual(call("dynamodb:GetItem", "gamma-77-0", "schwab#x"), Call("dynamodb:GetItem", TABLE, frozenset(["schwab#x"])))
        parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/gamma/schwab/token_json"
        self.assertEqual(call("ssm:GetParameter", "/gamma/schwab/token_json:3"), Call("ssm:GetParameter", parameter))
        function = "arn:aws:lambda:us-east-1:123456789012:function:gamma-trading-sheets-log"
        self.assertEqual(call("lambda:InvokeFunction", "sheets-log"), Call("lambda:InvokeFunction", function))
        self.assertEqual(call("lambda:InvokeFunction", "gamma-trading-sheets-log"), Call("lambda:InvokeFunction", function))
        schedule = "arn:aws:scheduler:us-east-1:123456789012:schedule/gamma-cs/gamma-cs-schwab"
        self.assertEqual(call("scheduler:GetSchedule", "test/test-schwab"), Call("scheduler:GetSchedule", schedule))
        self.assertEqual(call("s3:? GET /x", "*"), Call("s3:? GET /x", "*"))

    def test_what_one_account_asked_is_asked_for_each(self):
        def alike(role, action, resource, *keys):
            record = {"role": role, "action": action, "resource": resource, "leading_keys": list(keys)}
            return {(r["role"], r["resource"], *r["leading_keys"]) for r in permissions.for_each_account(record, self.roles.logins)}

        self.assertEqual(self.roles.logins, {"schwab": "schwab", "tt-ira": "tt", "tt-individual": "tt"})
        days = {(f"trade-{account}", "t", f"{account}#2025-09-03", f"control#{account}", "control#all") for account in self.roles.accounts}
        self.assertEqual(alike("trade-tt-ira", "dynamodb:BatchGetItem", "t", "tt-ira#2025-09-03", "control#tt-ira", "control#all"), days)
        tokens = {("trade-schwab", "/gamma/schwab/token_json"), ("trade-tt-ira", "/gamma/tt/token_json"), ("trade-tt-individual", "/gamma/tt/token_json")}
        self.assertEqual(alike("trade-schwab", "ssm:PutParameter", "/gamma/schwab/token_json"), tokens)
        self.assertEqual(alike("trade-tt-individual", "ssm:PutParameter", "/gamma/tt/token_json"), tokens)
        self.assertEqual(alike("trade-schwab", "ssm:GetParameters", "/gamma/schwab/app_key"), {("trade-schwab", "/gamma/schwab/app_key")})
        keepers = {("token-keeper", "t", f"token#/gamma/{login}/token_json") for login in ("schwab", "tt")}
        self.assertEqual(alike("token-keeper", "dynamodb:UpdateItem", "t", "token#/gamma/tt/token_json"), keepers)
        self.assertEqual(alike("sheets-log", "ssm:GetParameters", "/gamma/shared/smtp_to"), {("sheets-log", "/gamma/shared/smtp_to")})
        handed = {(f"trade-{account}", f"edge-guard-{account}") for account in self.roles.accounts}
        self.assertEqual(alike("trade-tt-individual", "lambda:InvokeFunction", "edge-guard-tt-individual"), handed)
        switched = {("control", f"gamma-cs/gamma-cs-{account}-warmup") for account in self.roles.accounts}
        self.assertEqual(alike("control", "scheduler:UpdateSchedule", "gamma-cs/gamma-cs-tt-ira-warmup"), switched)

    def test_who_is_no_function_of_the_template_is_named_but_for_nobody(self):
        one = {"action": "ssm:GetParameters", "resource": "/gamma/x", "leading_keys": []}
        asked = self.roles.calls([{**one, "role": "trade-bogus"}, {**one, "role": permissions.NOBODY}])
        strangers = [said for said in all_complaints(self.roles, asked) if "no function of the template" in said]
        self.assertEqual(len(strangers), 1)
        self.assertTrue(strangers[0].startswith("trade-bogus: asks for 1 things"), strangers)

    def as_recorded(self):
        """What tests would leave that ask for all that is granted, but for what no test asks for."""
        excused = permissions.untested_of(self.roles)
        for name, role in self.roles.roles.items():
            for grant in [grant for one in role.statements for grant in one.grants()]:
                if name == "scheduler" or grant.action.startswith(("logs:", "sqs:")) or any(like(a, name) and like(b, str(grant)) for a, b, _ in excused):
                    continue
                short = {"dynamodb": "gamma-1-0", "iam": "role", "sns": "topic"}.get(grant.action.partition(":")[0])
                asked = grant.resource.partition(":parameter")[2] or grant.resource.rpartition("schedule/")[2].rpartition(":function:")[2]
                yield {"role": name, "action": grant.action, "resource": short or filled(asked), "leading_keys": [filled(grant.key)] if grant.key else []}

    def command(self, lines):
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "1-0.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
            program = [sys.executable, str(Path(__file__).with_name("permissions.py")), directory]
            return subprocess.run(program, capture_output=True, text=True, timeout=120)

    def test_as_a_command_it_says_what_is_wrong_or_that_nothing_is(self):
        lines = list(self.as_recorded())
        done = self.command(lines)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^10 roles: granted what \d+ calls need, and nothing else; \d+ mutants of them are all noticed$")
        done = self.command([line for line in lines if line["action"] != "iam:PassRole"] + [{**lines[0], "action": "dynamodb:Scan", "role": "control"}])
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"control: needs dynamodb:Scan on .*\n(.*\n)*control: statement \d+ grants iam:PassRole on .*, and nothing needs it")

    def test_no_records_is_an_error_and_each_is_read_once(self):
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaisesRegex(SystemExit, "no records of calls"):
                records(directory)
            line = json.dumps({"role": "control", "action": "ssm:GetParameters", "resource": "/gamma/x", "leading_keys": []})
            for name in ("1-0.jsonl", "2-0.jsonl"):
                (Path(directory) / name).write_text(f"{line}\n{line}\n", encoding="utf-8")
            self.assertEqual(len(records(directory)), 1)


if __name__ == "__main__":
    unittest.main()
