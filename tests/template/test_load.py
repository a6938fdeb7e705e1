"""The template deployed into a moto, and asked of each service through the SDK."""

import copy
import json
import subprocess
import sys
import unittest
from pathlib import Path

from load import Deployment, LoadError
from local_aws import Moto, clients
from observed import differences, everything
from stack import ACCOUNT, DRY, LIVE, REGION, ROOT, read

sys.path.insert(0, str(ROOT / "scripts/lib"))

import before_deploy  # noqa: E402

ACCOUNTS = ("schwab", "tt-ira", "tt-individual")
TRADE = "cron(13 16 ? * MON-FRI *)"
SCHEDULES = {"-warmup": "cron(10 16 ? * MON-FRI *)", "": TRADE, "-sweep": "cron(16 16 ? * MON-FRI *)", "-last-sweep": "cron(30 16 ? * * *)"}
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:gamma-trading-dead-letters"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:gamma-trading-alarms"


MOTO = Moto()


def setUpModule():
    MOTO.__enter__()
    unittest.addModuleCleanup(MOTO.__exit__)


class Deployed(unittest.TestCase):
    """First as `sam deploy` makes it, then with schedules that fire, then live."""

    @classmethod
    def setUpClass(cls):
        cls.client = staticmethod(clients(MOTO.endpoint))
        deployment = Deployment(cls.client, read())
        cls.dry_stack = deployment.deploy(DRY)
        cls.dry, cls.dry_differences = everything(cls.client, cls.dry_stack), differences(cls.client, cls.dry_stack)
        cls.dry_subscriptions = cls.client("sns").list_subscriptions()["Subscriptions"]
        enabled = deployment.deploy({"ScheduleState": "ENABLED"})
        cls.enabled = everything(cls.client, enabled)
        cls.live_stack = deployment.deploy(LIVE)
        cls.live, cls.live_differences = everything(cls.client, cls.live_stack), differences(cls.client, cls.live_stack)

    def test_everything_is_there_as_the_template_has_it(self):
        self.assertEqual(self.dry_differences, [])
        self.assertEqual(self.live_differences, [])
        self.assertEqual(set(self.dry), set(self.dry_stack.declared))
        self.assertEqual(len(self.dry_stack.declared) + 1, len(self.live_stack.declared), "a subscription more")

    def test_schedules(self):
        there = {name: self.client("scheduler").get_schedule(Name=name, GroupName="gamma-cs") for name in self._schedules("gamma-cs")}
        names = {f"gamma-cs-{account}{suffix}" for account in ACCOUNTS for suffix in SCHEDULES} | {"gamma-cs-token-keeper"}
        self.assertEqual(set(there), names)
        for account in ACCOUNTS:
            for suffix, expression in SCHEDULES.items():
                schedule = there[f"gamma-cs-{account}{suffix}"]
                self.assertEqual(schedule["ScheduleExpression"], expression, schedule["Name"])
                self.assertTrue(schedule["Target"]["Arn"].endswith(f":function:gamma-trading-trade-{account}"), schedule["Target"])
                event = json.loads(schedule["Target"]["Input"])
                self.assertEqual(event["account"], "warmup" if suffix == "-warmup" else account)
                self.assertEqual(event.get("sweep", False), suffix.endswith("sweep"))
        role = self.live_stack.physical["ScheduleRole"]["Arn"]
        for name, schedule in there.items():
            self.assertEqual((schedule["State"], schedule["ScheduleExpressionTimezone"]), ("ENABLED", "America/New_York"), name)
            self.assertEqual(schedule["FlexibleTimeWindow"], {"Mode": "OFF"}, name)
            self.assertEqual((schedule["Target"]["DeadLetterConfig"], schedule["Target"]["RoleArn"]), ({"Arn": QUEUE}, role), name)
            self.assertEqual(json.loads(schedule["Target"]["Input"])["scheduled_time"], "<aws.scheduler.scheduled-time>", name)
            self.client("lambda").get_function_configuration(FunctionName=schedule["Target"]["Arn"])
        trade = there["gamma-cs-schwab"]["Target"]["RetryPolicy"]
        invoked = self.client("lambda").get_function_event_invoke_config(FunctionName="gamma-trading-trade-schwab")
        self.assertLessEqual(trade["MaximumEventAgeInSeconds"] + invoked["MaximumEventAgeInSeconds"], 120)

    def _schedules(self, group):
        pages = self.client("scheduler").get_paginator("list_schedules").paginate(GroupName=group)
        return [schedule["Name"] for page in pages for schedule in page["Schedules"]]

    def test_the_table_outlives_the_stack(self):
        table = self.live["Ledger"]
        self.assertTrue(table["DeletionProtectionEnabled"] and table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        self.assertEqual(table["TimeToLiveSpecification"], {"AttributeName": "ttl", "Enabled": True})
        self.assertEqual(table["KeySchema"], [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}])
        with self.assertRaises(self.client("dynamodb").exceptions.ClientError):
            self.client("dynamodb").delete_table(TableName="gamma-trading-ledger")

    def test_alarms_reach_somebody(self):
        alarms = self.client("cloudwatch").get_paginator("describe_alarms").paginate().build_full_result()["MetricAlarms"]
        self.assertEqual(len(alarms), 36)
        for alarm in alarms:
            self.assertEqual(alarm["AlarmActions"], [TOPIC], alarm["AlarmName"])
        silent = {alarm["Dimensions"][0]["Value"] for alarm in alarms if alarm.get("MetricName") == "Heartbeat"}
        self.assertEqual(silent, set(ACCOUNTS))
        self.assertEqual(self.live["AlarmMail"], {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": LIVE["AlarmEmail"]})
        self.assertEqual(self.dry_subscriptions, [])

    def test_functions_are_live_only_when_told(self):
        for account in ACCOUNTS:
            logical = f"Trade{account.title().replace('-', '')}"
            variables = [state[logical]["Environment"]["Variables"] for state in (self.dry, self.enabled, self.live)]
            self.assertEqual([v["GAMMA_DRY_RUN"] for v in variables], ["true", "true", "false"])
            self.assertEqual([v["GAMMA_TOKENS"] for v in variables], ["borrow", "borrow", "keep"])

    def test_logs_end_and_events_are_not_retried(self):
        groups = self.client("logs").get_paginator("describe_log_groups").paginate().build_full_result()["logGroups"]
        functions = self.client("lambda").get_paginator("list_functions").paginate().build_full_result()["Functions"]
        self.assertEqual({group["logGroupName"] for group in groups}, {f"/aws/lambda/{function['FunctionName']}" for function in functions})
        self.assertEqual({group["retentionInDays"] for group in groups}, {400})
        for function in functions:
            invoked = self.client("lambda").get_function_event_invoke_config(FunctionName=function["FunctionName"])
            self.assertEqual(invoked["DestinationConfig"]["OnFailure"]["Destination"], QUEUE)
            if "-trade-" in function["FunctionName"]:
                self.assertEqual(invoked["MaximumRetryAttempts"], 0)

    def test_another_schedule_state_changes_nothing_but_schedules(self):
        changed = {logical for logical in self.enabled if self.dry.get(logical) != self.enabled[logical]}
        kinds = {self.live_stack.declared[logical]["Type"] for logical in changed}
        self.assertEqual(kinds, {"AWS::Scheduler::Schedule"})
        for logical in changed:
            self.assertEqual({**self.dry[logical], "State": "ENABLED"}, self.enabled[logical])
        self.assertEqual(len(changed), 13)


class BeforeDeploying(unittest.TestCase):
    """scripts/deploy asks first whose stack of that name it is."""

    def verdict(self, stack):
        return before_deploy.verdict(clients(MOTO.endpoint)("cloudformation"), stack)

    def test_another_systems_stack_of_the_name_is_left_alone(self):
        foreign = {"Resources": {"Function": {"Type": "AWS::SQS::Queue"}}}
        clients(MOTO.endpoint)("cloudformation").create_stack(StackName="old-system", TemplateBody=json.dumps(foreign))
        self.assertIn("old-system: it is there and is not one of gamma-trading's", str(self.verdict("old-system")))

    def test_a_new_one_and_our_own_may_be_deployed(self):
        kept = {"Resources": {"Ledger": read()["Resources"]["Ledger"]}}
        kept["Resources"]["Ledger"]["Properties"]["TableName"] = "another-ledger"
        clients(MOTO.endpoint)("cloudformation").create_stack(StackName="ours", TemplateBody=json.dumps(kept))
        self.assertEqual([self.verdict("ours"), self.verdict("none-yet")], [None, None])


class Refused(unittest.TestCase):
    """What the loader must not pass over."""

    def template_with(self, logical, resource):
        template = copy.deepcopy(read())
        kept = {name: whole for name, whole in template["Resources"].items() if whole["Type"] in ("AWS::SQS::Queue", "AWS::SNS::Topic")}
        return {**template, "Resources": {**kept, logical: resource}, "Outputs": {}}

    def test_a_type_that_nobody_makes_fails(self):
        pipe = {"Type": "AWS::Backup::BackupVault", "Properties": {"BackupVaultName": "ledger"}}
        with self.assertRaisesRegex(LoadError, "AWS::Backup::BackupVault: neither moto"):
            Deployment(clients(MOTO.endpoint), self.template_with("Vault", pipe), "unknown-type").deploy({})

    def test_what_disappears_is_missed(self):
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "short-lived"}}
        client = clients(MOTO.endpoint)
        deployment = Deployment(client, self.template_with("ShortLived", topic), "vanishing")
        deployment.deploy({})
        client("sns").delete_topic(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:short-lived")
        with self.assertRaisesRegex(LoadError, r"declared, but not there: ShortLived \(AWS::SNS::Topic\)"):
            deployment.counted()

    def test_what_is_not_as_the_template_has_it_is_named(self):
        client = clients(MOTO.endpoint)
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "drifted"}}
        stack = Deployment(client, self.template_with("Drifted", topic), "drifting").deploy({})
        self.assertEqual(differences(client, stack), [])
        url = client("sqs").get_queue_url(QueueName="drifting-dead-letters")["QueueUrl"]
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
        self.assertEqual(differences(client, stack), ["DeadLetters.MessageRetentionPeriod: template 1209600, there 60"])

    def test_as_a_command_it_makes_only_what_is_asked(self):
        kinds = ["AWS::SQS::Queue", "AWS::Scheduler::ScheduleGroup", "AWS::Scheduler::Schedule"]
        command = [sys.executable, str(Path(__file__).parent / "load.py"), "--endpoint", MOTO.endpoint, "--stack", "beside"]
        command += ["--parameters", "ScheduleState=ENABLED", "SchedulePrefix=beside", "--only", *kinds]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        made = json.loads(done.stdout)
        self.assertEqual({resource["type"] for resource in made.values()}, set(kinds))
        self.assertEqual(made["TradeTtIraSweep"]["name"], "beside-tt-ira-sweep")
        schedule = clients(MOTO.endpoint)("scheduler").get_schedule(Name="beside-tt-ira-sweep", GroupName="beside")
        self.assertTrue(schedule["Target"]["Arn"].endswith(":function:beside-trade-tt-ira"), schedule["Target"])


if __name__ == "__main__":
    unittest.main()
