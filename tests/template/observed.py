"""What is really there, asked of each service, in the template's own words: {property: value}."""

import json
from urllib.parse import unquote

# What moto takes and forgets; tests/template/rules sees to it instead.
FORGOTTEN = {("AWS::Lambda::Function", "LoggingConfig"), ("AWS::Lambda::Function", "Code"), ("AWS::Lambda::EventInvokeConfig", "Qualifier")}


def observed(client, stack, resource):
    """The resource as its service describes it."""
    return OF[resource.type](client, stack, resource)


def differences(client, stack):
    """Every property that is not as the template has it: `logical.property: template …, there …`."""
    found = []
    for resource in stack.resources.values():
        there = observed(client, stack, resource)
        for name, wanted in resource.properties.items():
            if (resource.type, name) not in FORGOTTEN and there.get(name) != wanted:
                found.append(f"{resource.logical}.{name}: template {wanted!r}, there {there.get(name)!r}")
    return found


def everything(client, stack):
    """All of the stack, by logical id."""
    return {resource.logical: observed(client, stack, resource) for resource in stack.resources.values()}


def _table(client, _stack, resource):
    name = resource.properties["TableName"]
    table = client("dynamodb").describe_table(TableName=name)["Table"]
    ttl = client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return {
        "TableName": table["TableName"],
        "BillingMode": table["BillingModeSummary"]["BillingMode"],
        "AttributeDefinitions": table["AttributeDefinitions"],
        "KeySchema": table["KeySchema"],
        "DeletionProtectionEnabled": table["DeletionProtectionEnabled"],
        "TimeToLiveSpecification": {"AttributeName": ttl.get("AttributeName"), "Enabled": ttl["TimeToLiveStatus"] == "ENABLED"},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": backups["PointInTimeRecoveryStatus"] == "ENABLED"},
    }


def _queue(client, _stack, resource):
    url = client("sqs").get_queue_url(QueueName=resource.properties["QueueName"])["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        "QueueName": attributes["QueueArn"].rsplit(":", 1)[1],
        "MessageRetentionPeriod": int(attributes["MessageRetentionPeriod"]),
        "SqsManagedSseEnabled": attributes.get("SqsManagedSseEnabled") == "true",
    }


def _topic(client, stack, resource):
    attributes = client("sns").get_topic_attributes(TopicArn=stack.resolve({"Ref": resource.logical}))["Attributes"]
    return {"TopicName": attributes["TopicArn"].rsplit(":", 1)[1]}


def _subscription(client, _stack, resource):
    topic = resource.properties["TopicArn"]
    only, = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return {name: only[name] for name in ("TopicArn", "Protocol", "Endpoint")}


def _schedule_group(client, _stack, resource):
    return {"Name": client("scheduler").get_schedule_group(Name=resource.properties["Name"])["Name"]}


def _schedule(client, _stack, resource):
    there = client("scheduler").get_schedule(Name=resource.properties["Name"], GroupName=resource.properties["GroupName"])
    return {name: value for name, value in there.items() if name not in ("Arn", "CreationDate", "LastModificationDate", "ResponseMetadata")}


def _role(client, stack, resource):
    name = stack.resolve({"Ref": resource.logical})
    iam = client("iam")
    policies = [iam.get_role_policy(RoleName=name, PolicyName=policy) for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "AssumeRolePolicyDocument": _document(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]),
        "Policies": [{"PolicyName": policy["PolicyName"], "PolicyDocument": _document(policy["PolicyDocument"])} for policy in policies],
        "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
    }


def _document(document):
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _log_group(client, _stack, resource):
    name = resource.properties["LogGroupName"]
    there, = [group for group in client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] if group["logGroupName"] == name]
    return {"LogGroupName": there["logGroupName"], "RetentionInDays": there.get("retentionInDays")}


def _alarm(client, _stack, resource):
    there, = client("cloudwatch").describe_alarms(AlarmNames=[resource.properties["AlarmName"]])["MetricAlarms"]
    said = {name: value for name, value in there.items() if value not in ([], None) and not name.startswith("State") and not name.endswith("Timestamp")}
    return {name: value for name, value in said.items() if name not in ("AlarmArn", "ActionsEnabled")}


def _dashboard(client, _stack, resource):
    there = client("cloudwatch").get_dashboard(DashboardName=resource.properties["DashboardName"])
    return {"DashboardName": there["DashboardName"], "DashboardBody": there["DashboardBody"]}


def _function(client, _stack, resource):
    there = client("lambda").get_function(FunctionName=resource.properties["FunctionName"])
    said = {name: value for name, value in there["Configuration"].items() if name not in ("LastModified", "RevisionId")}
    return {**said, "Tags": [{"Key": key, "Value": value} for key, value in there.get("Tags", {}).items()]}


def _invoke_config(client, _stack, resource):
    there = client("lambda").get_function_event_invoke_config(FunctionName=resource.properties["FunctionName"])
    said = {name: value for name, value in there.items() if name not in ("LastModified", "ResponseMetadata")}
    return {**said, "FunctionName": said["FunctionArn"].split(":")[6]}


OF = {
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::Subscription": _subscription,
    "AWS::Scheduler::ScheduleGroup": _schedule_group,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::EventInvokeConfig": _invoke_config,
}
