"""Roles: who may take them, and that each grant is spelt out. What they need is held against records of calls, in permissions.py."""

import json
import re

from permissions import Roles, _wild, wildcards_of

from . import rule

# Actions that IAM has, of those the template could name; a misspelt one grants nothing and nobody says so.
ACTIONS = set(
    """
    dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:ConditionCheckItem
    ssm:GetParameter ssm:GetParameters ssm:PutParameter lambda:InvokeFunction sns:Publish sqs:SendMessage logs:CreateLogStream logs:PutLogEvents
    scheduler:GetSchedule scheduler:ListSchedules scheduler:UpdateSchedule iam:PassRole
    """.split()
)


@rule
def every_grant_is_spelt_out(subject):
    roles = Roles(subject.live)
    wildcards = wildcards_of(roles)
    for role in roles.roles.values():
        for statement in role.statements:
            for grant in statement.grants():
                yield from _wild(role, grant, wildcards)
                if grant.action not in ACTIONS:
                    yield f"{role.name}: {grant.action} is no action that is known to be needed"


@rule
def a_role_is_taken_by_one_service_and_used(subject):
    used = {function.properties["Role"] for _, function in subject.functions()}
    scheduled = {schedule.properties["Target"]["RoleArn"] for schedule in subject.schedules()}
    groups = [subject.live.resolve({"Fn::GetAtt": [g.logical, "Arn"]}) for g in subject.live.of_type("AWS::Scheduler::ScheduleGroup")]
    for role in subject.live.of_type("AWS::IAM::Role"):
        arn = subject.live.resolve({"Fn::GetAtt": [role.logical, "Arn"]})
        trusted = role.properties["AssumeRolePolicyDocument"]["Statement"]
        allowed = [(t.get("Effect"), t.get("Principal"), t.get("Action")) for t in trusted]
        service = "scheduler" if arn in scheduled else "lambda"
        if allowed != [("Allow", {"Service": f"{service}.amazonaws.com"}, "sts:AssumeRole")]:
            yield f"{role.logical}: taken by {allowed}, expected by {service} alone"
        if (arn in used) == (arn in scheduled):
            yield f"{role.logical}: nobody takes it, or functions and schedules both do"
        if arn in scheduled:
            condition = trusted[0].get("Condition")
            expected = {"StringEquals": {"aws:SourceAccount": subject.live.account, "aws:SourceArn": groups[0] if groups else None}}
            if condition != expected:
                yield f"{role.logical}: taken under {condition}, expected for the stack's own group alone: {expected}"
    roles = [function.properties["Role"] for _, function in subject.functions()]
    for arn in sorted({arn for arn in roles if roles.count(arn) > 1}):
        yield f"{arn}: several functions share it"


@rule
def the_template_holds_in_every_account_region_and_partition(subject):
    text = json.dumps(subject.template["Resources"])
    for found in sorted(set(re.findall(r"arn:aws[\w-]*:|\b(?:us|eu|ap|sa|ca|me|af)-[a-z]+-\d\b|\b\d{12}\b", text))):
        yield f"{found} is written down, expected AWS::Partition, AWS::Region and AWS::AccountId"
    used = json.dumps([subject.template.get(part) for part in ("Globals", "Conditions", "Resources")])
    for name in subject.template["Parameters"]:
        if f'{{"Ref": "{name}"}}' not in used and f"${{{name}}}" not in used:
            yield f"parameter {name}: nothing uses it"


@rule
def a_mail_address_gets_mail(subject):
    mails = [s.properties for s in subject.live.of_type("AWS::SNS::Subscription")]
    if [(m["Protocol"], m["Endpoint"]) for m in mails] != [("email", subject.live.parameters["AlarmEmail"])]:
        yield f"subscriptions {mails}, expected the address of AlarmEmail"
    if subject.dry.of_type("AWS::SNS::Subscription"):
        yield "somebody gets mail although AlarmEmail is empty"
