"""template.yaml as CloudFormation would see it: the SAM transform, then parameters, conditions and intrinsic functions resolved."""

import copy
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The translator makes a client of AWS for partition names alone; it must not look for a configuration to do so.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# It counts what it does, and complains that nobody asks.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parents[2]

STACK = "gamma-trading"
REGION = "us-east-1"
ACCOUNT = "123456789012"

# Where the code would be uploaded to.
BUCKET, KEY = "deployed-code", "bootstrap.zip"

# What a deployment is made with; the first is what `sam deploy` does unless it is told otherwise.
DRY = {}
LIVE = {"DryRun": "false", "ScheduleState": "ENABLED", "AlarmEmail": "operator@example.com", "Spreadsheet": "trading-journal"}

_GONE = object()


class TemplateError(Exception):
    """What CloudFormation or the transform would refuse."""


class NoManagedPolicies:
    """No policy of AWS's is named in the template; a name would have to be looked up."""

    def load(self):
        return {}


def read(path=ROOT / "template.yaml"):
    """The template as written, tags as `Fn::…`."""
    return yaml_parse(Path(path).read_text(encoding="utf-8"))


def transformed(template):
    """The template after the SAM transform, code uploaded."""
    template = copy.deepcopy(template)
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{BUCKET}/{KEY}"
    return transform(template, {}, NoManagedPolicies())


@dataclass(frozen=True)
class Resource:
    """A resource of the stack, its properties resolved; `whole` is what the transformed template says of it."""

    logical: str
    type: str
    properties: dict
    whole: dict


class Resources(Mapping):
    """A stack's resources by logical id, each worked out when it is first asked for: most rules look at few."""

    def __init__(self, stack):
        self._stack, self._made = stack, {}

    def __getitem__(self, logical):
        if logical not in self._made:
            whole = self._stack.declared[logical]
            self._made[logical] = Resource(logical, whole["Type"], self._stack.resolve(whole.get("Properties", {})), whole)
        return self._made[logical]

    def __iter__(self):
        return iter(self._stack.declared)

    def __len__(self):
        return len(self._stack.declared)


class Stack:
    """The resources that exist with the given parameters."""

    def __init__(self, template, parameters, name=STACK, physical=None, region=REGION, account=ACCOUNT):
        """`physical` says what was really made: {logical id: {"Ref": …, "Arn": …}}; the rest is called as AWS calls it."""
        self.template = template if "Globals" not in template and "Transform" not in template else transformed(template)
        self.name, self.region, self.account = name, region, account
        self.parameters = _parameters(self.template.get("Parameters", {}), parameters)
        self.physical = physical or {}
        self._conditions = {}
        self._resolving = []
        declared = self.template["Resources"]
        self.declared = {logical: whole for logical, whole in declared.items() if "Condition" not in whole or self.condition(whole["Condition"])}
        self.resources = Resources(self)

    def of_type(self, *types):
        """The resources of these types."""
        return [self.resources[logical] for logical, whole in self.declared.items() if whole["Type"] in types]

    def condition(self, name):
        """Whether a condition holds."""
        if name not in self._conditions:
            conditions = self.template.get("Conditions", {})
            if name not in conditions:
                raise TemplateError(f"condition {name}: not declared, expected one of {', '.join(conditions)}")
            self._conditions[name] = self.resolve(conditions[name])
        return self._conditions[name]

    def resolve(self, value):
        """The value with every intrinsic function worked out."""
        value = self._resolve(value)
        return None if value is _GONE else value

    def _resolve(self, value):
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not _GONE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), = value.items()
            if function in ("Ref", "Condition") and isinstance(argument, str):
                return self._ref(argument) if function == "Ref" else self.condition(argument)
            if function.startswith("Fn::"):
                return self._function(function, argument)
        resolved = {key: self._resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _GONE}

    def _function(self, function, argument):
        match function:
            case "Fn::Sub":
                text, names = (argument, {}) if isinstance(argument, str) else argument
                return self._sub(text, names)
            case "Fn::GetAtt":
                logical, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(logical, attribute)
            case "Fn::If":
                condition, then, otherwise = argument
                return self._resolve(then if self.condition(condition) else otherwise)
            case "Fn::Equals":
                one, other = map(self._resolve, argument)
                return one == other
            case "Fn::Not":
                return not self._resolve(argument[0])
            case "Fn::And":
                return all(map(self._resolve, argument))
            case "Fn::Or":
                return any(map(self._resolve, argument))
            case "Fn::Join":
                separator, parts = argument
                return separator.join(self._resolve(parts))
        raise TemplateError(f"{function}: not known here; teach tests/template/stack.py what it does")

    def _sub(self, text, names):
        def one(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in names:
                return str(self._resolve(names[name]))
            logical, dot, attribute = name.partition(".")
            return str(self._attribute(logical, attribute) if dot else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", one, text)

    def _ref(self, name):
        pseudo = {
            "AWS::StackName": self.name,
            "AWS::Region": self.region,
            "AWS::AccountId": self.account,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _GONE,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        return self.physical.get(name, {}).get("Ref") or self._made(name)["Ref"]

    def _attribute(self, logical, attribute):
        made = self.physical.get(logical, {}).get(attribute) or self._made(logical).get(attribute)
        if made is None:
            raise TemplateError(f"Fn::GetAtt {logical}.{attribute}: not known here; teach tests/template/stack.py what it is")
        return made

    def _made(self, logical):
        """What AWS calls a resource of ours, and its attributes."""
        whole = self.template["Resources"].get(logical)
        if whole is None or logical not in self.declared:
            raise TemplateError(f"{logical}: referred to, but not {'declared' if whole is None else 'there with these parameters'}")
        if logical in self._resolving:
            raise TemplateError(f"{logical}: refers to itself through {' → '.join(self._resolving)}")
        self._resolving.append(logical)
        try:
            return self._names(logical, whole["Type"], whole.get("Properties", {}))
        finally:
            self._resolving.pop()

    def _names(self, logical, kind, properties):
        def arn(service, what, region=self.region):
            return f"arn:aws:{service}:{region}:{self.account}:{what}"

        def named(field):
            return self._resolve(properties[field]) if field in properties else f"{self.name}-{logical}"

        match kind:
            case "AWS::Lambda::Function":
                name = named("FunctionName")
                return {"Ref": name, "Arn": arn("lambda", f"function:{name}")}
            case "AWS::DynamoDB::Table":
                name = named("TableName")
                return {"Ref": name, "Arn": arn("dynamodb", f"table/{name}")}
            case "AWS::SQS::Queue":
                name = named("QueueName")
                return {"Ref": f"https://sqs.{self.region}.amazonaws.com/{self.account}/{name}", "Arn": arn("sqs", name), "QueueName": name}
            case "AWS::SNS::Topic":
                name = named("TopicName")
                return {"Ref": arn("sns", name), "TopicName": name}
            case "AWS::Logs::LogGroup":
                name = named("LogGroupName")
                # CloudFormation's attribute ends so.
                return {"Ref": name, "Arn": arn("logs", f"log-group:{name}:*")}
            case "AWS::IAM::Role":
                name = named("RoleName")
                return {"Ref": name, "Arn": arn("iam", f"role/{name}", region="")}
            case "AWS::Scheduler::ScheduleGroup":
                name = named("Name")
                return {"Ref": name, "Arn": arn("scheduler", f"schedule-group/{name}")}
            case "AWS::Scheduler::Schedule":
                name = named("Name")
                return {"Ref": name, "Arn": arn("scheduler", f"schedule/{self._resolve(properties.get('GroupName', 'default'))}/{name}")}
            case "AWS::CloudWatch::Alarm":
                name = named("AlarmName")
                return {"Ref": name, "Arn": arn("cloudwatch", f"alarm:{name}")}
            case "AWS::CloudWatch::Dashboard":
                return {"Ref": named("DashboardName")}
        raise TemplateError(f"{logical}: what AWS calls a {kind} is not known here; teach tests/template/stack.py")


def _parameters(declared, given):
    for name in given:
        if name not in declared:
            raise TemplateError(f"parameter {name}: not declared, expected one of {', '.join(declared)}")
    values = {}
    for name, parameter in declared.items():
        if name not in given and "Default" not in parameter:
            raise TemplateError(f"parameter {name}: no value and no default")
        value = given.get(name, parameter.get("Default"))
        value = value if parameter["Type"] == "Number" else str(value)
        if str(value) not in map(str, parameter.get("AllowedValues", [value])):
            raise TemplateError(f"parameter {name}: got {value!r}, expected one of {parameter['AllowedValues']}")
        if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], value):
            raise TemplateError(f"parameter {name}: got {value!r}, expected {parameter['AllowedPattern']}")
        values[name] = value
    return values


def as_json(value):
    """One text for one value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True)
