"""Deploys template.yaml into a running moto.

moto's CloudFormation makes what it knows and passes over the rest without a word: schedules, alarms, subscriptions, settings of asynchronous
invocations. Those are made here through the SDK; a type that neither makes is an error. Afterwards every declared resource must be there.

    load.py --endpoint http://127.0.0.1:5555 --parameters ScheduleState=ENABLED DryRun=false
    load.py --endpoint http://127.0.0.1:5555 --only AWS::SQS::Queue AWS::Scheduler::ScheduleGroup AWS::Scheduler::Schedule

prints what was made as JSON: {logical id: {"type": …, "name": …}}.
"""

import argparse
import io
import json
import re
import sys
import zipfile
from pathlib import Path

from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).parent))

from local_aws import clients  # noqa: E402
from stack import ACCOUNT, BUCKET, KEY, REGION, STACK, Stack, read, transformed  # noqa: E402

GONE = ("ResourceNotFoundException", "NotFoundException", "NoSuchEntity", "NotFound", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "404")


class LoadError(Exception):
    """What could not be made, or is not there although it was."""


def schedule_group(client, group):
    client("scheduler").create_schedule_group(Name=group.properties["Name"])


def schedule(client, made):
    client("scheduler").create_schedule(**made.properties)


def schedule_again(client, made):
    client("scheduler").update_schedule(**made.properties)


def alarm(client, made):
    client("cloudwatch").put_metric_alarm(**made.properties)


def subscription(client, made):
    client("sns").subscribe(**made.properties)


def invoke_config(client, made):
    client("lambda").put_function_event_invoke_config(**made.properties)


def function(client, made):
    client("lambda").create_function(**_configuration(made), Architectures=made.properties["Architectures"], Code=made.properties["Code"], Tags=_tags(made))


def function_again(client, made):
    client("lambda").update_function_configuration(**_configuration(made))


def _configuration(made):
    return {name: value for name, value in made.properties.items() if name not in ("Code", "Architectures", "Tags")}


def _tags(made):
    return {tag["Key"]: tag["Value"] for tag in made.properties.get("Tags", [])}


def table_rest(client, _stack, made):
    """Of a table moto's CloudFormation leaves out how it forgets and how it is kept."""
    name = made.properties["TableName"]
    client("dynamodb").update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=made.properties["PointInTimeRecoverySpecification"])
    if client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED":
        client("dynamodb").update_time_to_live(TableName=name, TimeToLiveSpecification=made.properties["TimeToLiveSpecification"])


def policies(client, stack, made):
    """It keeps a statement that is not there as None, and changes no policy once it is made."""
    for policy in made.properties.get("Policies", []):
        document = json.dumps(policy["PolicyDocument"])
        client("iam").put_role_policy(RoleName=stack.resolve({"Ref": made.logical}), PolicyName=policy["PolicyName"], PolicyDocument=document)


def nothing(_client, _made):
    """It is as it was: its properties follow from its name."""


# What is made through the SDK: how it is made, and made again by the next deployment.
MADE_HERE = {
    "AWS::Scheduler::ScheduleGroup": (schedule_group, nothing),
    "AWS::Scheduler::Schedule": (schedule, schedule_again),
    "AWS::CloudWatch::Alarm": (alarm, alarm),
    "AWS::SNS::Subscription": (subscription, nothing),
    # moto's CloudFormation knows it, but takes neither its architecture nor its log group.
    "AWS::Lambda::Function": (function, function_again),
    "AWS::Lambda::EventInvokeConfig": (invoke_config, invoke_config),
}

# What is made by moto's CloudFormation, but not wholly.
COMPLETED = {"AWS::DynamoDB::Table": table_rest, "AWS::IAM::Role": policies}

# Whether it is there, asked of its own service: {type: (service, operation, {parameter: property})}; the subscription is counted below.
THERE = {
    "AWS::DynamoDB::Table": ("dynamodb", "describe_table", {"TableName": "TableName"}),
    "AWS::SQS::Queue": ("sqs", "get_queue_url", {"QueueName": "QueueName"}),
    "AWS::Lambda::Function": ("lambda", "get_function_configuration", {"FunctionName": "FunctionName"}),
    "AWS::Lambda::EventInvokeConfig": ("lambda", "get_function_event_invoke_config", {"FunctionName": "FunctionName"}),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "get_dashboard", {"DashboardName": "DashboardName"}),
    "AWS::Scheduler::ScheduleGroup": ("scheduler", "get_schedule_group", {"Name": "Name"}),
    "AWS::Scheduler::Schedule": ("scheduler", "get_schedule", {"Name": "Name", "GroupName": "GroupName"}),
}


class Deployment:
    """A stack in a running moto."""

    def __init__(self, client, template, name=STACK, only=(), region=REGION, account=ACCOUNT):
        self._client, self._name, self._only, self._place = client, name, tuple(only), (region, account)
        self._template = transformed(template)
        self._made = {}
        self.stack = None

    def deploy(self, parameters):
        """Makes the stack, or brings it to these parameters; its resources are in `stack` then."""
        wanted = self._stack(parameters)
        self._code()
        physical = self._cloudformation(wanted)
        left = {logical: r for logical, r in wanted.declared.items() if logical not in physical and self._is_wanted(r["Type"])}
        unknown = sorted({r["Type"] for r in left.values()} - set(MADE_HERE))
        if unknown:
            raise LoadError(f"{', '.join(unknown)}: neither moto's CloudFormation nor tests/template/load.py makes it")
        self.stack = self._stack(parameters, physical)
        for kind, (first, again) in MADE_HERE.items():
            for logical, whole in left.items():
                if whole["Type"] == kind:
                    (again if self._made.get(logical) == kind else first)(self._client, self.stack.resources[logical])
                    self._made[logical] = kind
        for resource in self.stack.of_type(*COMPLETED):
            if self._is_wanted(resource.type):
                COMPLETED[resource.type](self._client, self.stack, resource)
        self.counted()
        return self.stack

    def _stack(self, parameters, physical=None):
        region, account = self._place
        return Stack(self._template, parameters, self._name, physical, region, account)

    def _is_wanted(self, kind):
        return not self._only or kind in self._only

    def _code(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            package.writestr("bootstrap", "#!/bin/sh\n")
        self._client("s3").create_bucket(Bucket=BUCKET)
        self._client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=packed.getvalue())

    def _cloudformation(self, wanted):
        """What moto makes of the template, by logical id."""
        cloudformation = self._client("cloudformation")
        template = self._known_to_moto(wanted)
        request = {
            "StackName": self._name,
            "TemplateBody": json.dumps(template),
            "Parameters": [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in wanted.parameters.items()],
            "Capabilities": ["CAPABILITY_IAM"],
        }
        if self.stack is None:
            cloudformation.create_stack(**request)
        else:
            cloudformation.update_stack(**request)
        status = cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]["StackStatus"]
        if not status.endswith("_COMPLETE") or "ROLLBACK" in status:
            raise LoadError(f"stack {self._name}: {status}")
        made = {}
        for resource in cloudformation.describe_stack_resources(StackName=self._name)["StackResources"]:
            if "PhysicalResourceId" in resource:
                made[resource["LogicalResourceId"]] = self._named(resource)
        return made

    def _known_to_moto(self, wanted):
        """The template without what is made here; who refers to that is given its name."""
        resources = self._template["Resources"]
        elsewhere = {logical for logical, whole in resources.items() if whole["Type"] in MADE_HERE or not self._is_wanted(whole["Type"])}

        def named(value):
            if isinstance(value, list):
                return list(map(named, value))
            if not isinstance(value, dict):
                return value
            if elsewhere & _named_by(value):
                return wanted.resolve(value)
            return {key: named(item) for key, item in value.items()}

        kept = {logical: named(whole) for logical, whole in resources.items() if logical not in elsewhere}
        return {**self._template, "Resources": kept, "Outputs": {} if self._only else named(self._template.get("Outputs", {}))}

    def _named(self, resource):
        """What moto called it where the template leaves the name to CloudFormation, or where the address is moto's own."""
        name = resource["PhysicalResourceId"]
        match resource["ResourceType"]:
            case "AWS::IAM::Role":
                return {"Ref": name, "Arn": self._client("iam").get_role(RoleName=name)["Role"]["Arn"]}
            case "AWS::SQS::Queue":
                return {"Ref": name}
            case "AWS::Logs::LogGroup":
                # CloudFormation's attribute ends in ":*", moto's does not.
                there, = [group for group in self._client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] if group["logGroupName"] == name]
                return {"Arn": there["logGroupArn"]}
        return {}

    def counted(self):
        """Fails unless every resource that is declared with these parameters is there."""
        missing = [f"{r.logical} ({r.type})" for r in self.stack.resources.values() if self._is_wanted(r.type) and not self._is_there(r)]
        if missing:
            raise LoadError(f"declared, but not there: {', '.join(missing)}")

    def _is_there(self, resource):
        properties = resource.properties
        match resource.type:
            case "AWS::SNS::Topic":
                topics = self._client("sns").get_paginator("list_topics").paginate().build_full_result()["Topics"]
                return any(topic["TopicArn"].endswith(f":{properties['TopicName']}") for topic in topics)
            case "AWS::SNS::Subscription":
                listed = self._client("sns").list_subscriptions_by_topic(TopicArn=properties["TopicArn"])["Subscriptions"]
                return [(s["Protocol"], s["Endpoint"]) for s in listed] == [(properties["Protocol"], properties["Endpoint"])]
            case "AWS::Logs::LogGroup":
                name = properties["LogGroupName"]
                listed = self._client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
                return any(group["logGroupName"] == name for group in listed)
            case "AWS::CloudWatch::Alarm":
                return len(self._client("cloudwatch").describe_alarms(AlarmNames=[properties["AlarmName"]])["MetricAlarms"]) == 1
            case "AWS::IAM::Role":
                name = self.stack.physical.get(resource.logical, {}).get("Ref")
                return name is not None and self._answers("iam", "get_role", {"RoleName": name})
        if resource.type not in THERE:
            raise LoadError(f"{resource.type}: nothing says how to count it; teach tests/template/load.py")
        service, operation, names = THERE[resource.type]
        return self._answers(service, operation, {parameter: properties[field] for parameter, field in names.items()})

    def _answers(self, service, operation, request):
        try:
            getattr(self._client(service), operation)(**request)
            return True
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE or "NotFound" in error.response["Error"]["Code"]:
                return False
            raise


def _named_by(value):
    """The resources that an intrinsic function refers to."""
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        return {name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text)}
    return {name for name in (value.get("Ref"), (value.get("Fn::GetAtt") or [None])[0]) if isinstance(name, str)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--endpoint", required=True, help="moto's address")
    arguments.add_argument("--stack", default=STACK, help="the stack's name")
    arguments.add_argument("--parameters", nargs="*", default=[], metavar="NAME=VALUE", help="what the deployment is made with")
    arguments.add_argument("--only", nargs="*", default=[], metavar="TYPE", help="make only resources of these types; all others are taken as made")
    asked = arguments.parse_args()
    parameters = dict(pair.split("=", 1) for pair in asked.parameters)
    stack = Deployment(clients(asked.endpoint), read(), asked.stack, asked.only).deploy(parameters)
    made = [resource for resource in stack.resources.values() if named(resource) and (not asked.only or resource.type in asked.only)]
    print(json.dumps({r.logical: {"type": r.type, "name": stack.resolve({"Ref": r.logical})} for r in made}, indent=1))


def named(resource):
    """Whether others could refer to it by name."""
    return resource.type not in ("AWS::SNS::Subscription", "AWS::Lambda::EventInvokeConfig")


if __name__ == "__main__":
    main()
