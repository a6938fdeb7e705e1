"""The functions: what Lambda takes, and what each must have beside it."""

import re

from . import rule

ARCHITECTURES = {"arm64", "x86_64"}
# Seconds within which CloudWatch has a metric that a service handed over.
COUNTED_WITHIN = 180
RETENTIONS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
SECRET_NAME = re.compile(r"SECRET|PASSWORD|PASSWD|_PASS\b|CREDENTIAL|API_?KEY|APP_KEY|PRIVATE|_TOKEN\b|SA_JSON")
# What stands in the environment as it is written: short words.
PLAIN = re.compile(r"[a-z0-9][a-z0-9,.-]{0,40}")


@rule
def timeouts_fit(subject):
    for name, function in subject.functions():
        timeout, least = function.properties.get("Timeout"), 240 if name.startswith("trade-") else 1
        if not isinstance(timeout, int) or not least <= timeout <= 900:
            yield f"{function.logical}: a timeout of {timeout!r} s, expected {least} to 900: an order must be confirmed after the close"


@rule
def memory_runtime_and_architecture_exist(subject):
    allowed = subject.template["Parameters"]["Architecture"].get("AllowedValues", [])
    if not allowed or not set(allowed) <= ARCHITECTURES:
        yield f"parameter Architecture: allows {allowed}, expected only {sorted(ARCHITECTURES)}"
    for _, function in subject.functions():
        memory = function.properties.get("MemorySize")
        if not isinstance(memory, int) or not 128 <= memory <= 10240:
            yield f"{function.logical}: {memory!r} MB, expected 128 to 10240"
        program = (function.properties.get("Runtime"), function.properties.get("Handler"))
        if program != ("provided.al2023", "bootstrap"):
            yield f"{function.logical}: runtime and handler {program}, expected provided.al2023 and bootstrap"
        if function.whole["Properties"].get("Architectures") != [{"Ref": "Architecture"}]:
            yield f"{function.logical}: architectures {function.whole['Properties'].get('Architectures')}, expected what the parameter says"


@rule
def functions_are_built_from_what_they_are_called(subject):
    for name, function in subject.functions():
        binary = subject.binary(function.logical)
        if name != binary and not name.startswith(f"{binary}-"):
            yield f"{function.logical}: {name} is built from {binary}"
        if f'name = "{binary}"' not in subject.text(f"functions/{binary}/Cargo.toml"):
            yield f"{function.logical}: functions/{binary} builds no {binary}"


@rule
def no_concurrency_is_reserved(subject):
    """New accounts of AWS's cannot: a stack that reserves some does not deploy there."""
    for _, function in subject.functions():
        if "ReservedConcurrentExecutions" in function.properties:
            yield f"{function.logical}: reserves concurrency"


@rule
def every_function_logs_where_it_is_looked_for_and_logs_end(subject):
    groups = {group.properties["LogGroupName"]: group for group in subject.live.of_type("AWS::Logs::LogGroup")}
    for name, function in subject.functions():
        logged = function.properties.get("LoggingConfig", {})
        expected = f"/aws/lambda/{function.properties['FunctionName']}"
        if logged != {"LogFormat": "JSON", "LogGroup": expected}:
            yield f"{function.logical}: logs {logged}, expected JSON in {expected}"
        if expected not in groups:
            yield f"{function.logical}: no log group {expected}"
    for name, group in groups.items():
        if group.properties.get("RetentionInDays") not in RETENTIONS:
            yield f"{group.logical}: kept {group.properties.get('RetentionInDays')!r} days, expected one of {sorted(RETENTIONS)}"
        # One that a failed first deployment left behind would be in the way of the next.
        if (group.whole.get("DeletionPolicy"), group.whole.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain"):
            yield f"{group.logical}: goes with the stack, expected RetainExceptOnCreate, and Retain when it is replaced"
    for days in subject.template["Parameters"]["LogRetentionDays"].get("AllowedValues", [None]):
        if days not in RETENTIONS:
            yield f"parameter LogRetentionDays: allows {days}, which CloudWatch does not"


@rule
def every_function_has_dead_letters_and_a_trade_is_never_retried(subject):
    queues = {subject.live.resolve({"Fn::GetAtt": [queue.logical, "Arn"]}) for queue in subject.live.of_type("AWS::SQS::Queue")}
    configs = {config.properties["FunctionName"]: config.properties for config in subject.live.of_type("AWS::Lambda::EventInvokeConfig")}
    for name, function in subject.functions():
        config = configs.get(function.properties["FunctionName"], {})
        retries, age = config.get("MaximumRetryAttempts"), config.get("MaximumEventAgeInSeconds")
        most = 0 if name.startswith("trade-") else 2
        if not isinstance(retries, int) or not 0 <= retries <= most:
            yield f"{function.logical}: {retries!r} retries of Lambda's, expected at most {most}"
        if not isinstance(age, int) or not 60 <= age <= 21600:
            yield f"{function.logical}: an event age of {age!r} s, expected 60 to 21600"
        if config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination") not in queues:
            yield f"{function.logical}: failed events go nowhere, expected the queue of dead letters"


@rule
def every_function_has_an_alarm_for_errors_and_for_slowness(subject):
    said = ("Namespace", "MetricName", "Statistic", "Threshold", "ComparisonOperator", "Dimensions")
    alarms = [tuple(alarm.properties.get(key) for key in said) for alarm in subject.alarms(subject.dry)]
    for _, function in subject.functions():
        of_it = [{"Name": "FunctionName", "Value": function.properties["FunctionName"]}]
        if ("AWS/Lambda", "Errors", "Sum", 1, "GreaterThanOrEqualToThreshold", of_it) not in alarms:
            yield f"{function.logical}: no alarm at its first error"
        limit = function.properties["Timeout"] * 800
        if ("AWS/Lambda", "Duration", "Maximum", limit, "GreaterThanOrEqualToThreshold", of_it) not in alarms:
            yield f"{function.logical}: no alarm at {limit} ms, four fifths of its timeout"


@rule
def an_error_that_is_counted_late_still_alarms(subject):
    # Lambda dates Errors and Duration to the minute a run began, and hands them over once it has ended, which may take its whole timeout; CloudWatch
    # may take minutes more. An alarm that looks at the last minute alone never sees them.
    timeouts = {function.properties["FunctionName"]: function.properties["Timeout"] for _, function in subject.functions()}
    for alarm in subject.alarms():
        said = alarm.properties
        if said.get("Namespace") != "AWS/Lambda" or said.get("MetricName") not in ("Errors", "Duration"):
            continue
        least = max(timeouts.get(dimension["Value"], 900) for dimension in said["Dimensions"]) + COUNTED_WITHIN
        back = said["EvaluationPeriods"] * said["Period"]
        if back < least:
            yield f"{alarm.logical}: looks {back} s back, expected {least} s: the function's timeout and {COUNTED_WITHIN} s"
        if said.get("DatapointsToAlarm", said["EvaluationPeriods"]) != 1:
            yield f"{alarm.logical}: DatapointsToAlarm {said.get('DatapointsToAlarm')!r}, expected 1: one run is one datapoint"


@rule
def no_secret_is_written_down(subject):
    for _, function in subject.functions():
        for name, value in function.whole["Properties"].get("Environment", {}).get("Variables", {}).items():
            if SECRET_NAME.search(name):
                yield f"{function.logical}: {name} is called like a secret; secrets are read from parameters under /gamma"
            for literal in _literals(value):
                if not PLAIN.fullmatch(literal):
                    yield f"{function.logical}: {name} is written down as {literal[:4]}…, expected a short word or a reference"
    for name, parameter in subject.template["Parameters"].items():
        if parameter.get("NoEcho") or re.search(r"secret|password|token|key$", name, re.IGNORECASE):
            yield f"parameter {name}: a secret would pass through CloudFormation"


def _literals(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict) and "Fn::If" in value:
        return [text for branch in value["Fn::If"][1:] for text in _literals(branch)]
    return []


@rule
def a_deployment_is_dry_unless_told(subject):
    if subject.dry.parameters["DryRun"] != "true" or subject.dry.parameters["ScheduleState"] != "DISABLED":
        yield f"defaults: DryRun {subject.dry.parameters['DryRun']}, ScheduleState {subject.dry.parameters['ScheduleState']}, expected true and DISABLED"
    for stack, dry, tokens in ((subject.dry, "true", "borrow"), (subject.live, "false", "keep")):
        for name, function in subject.functions(stack):
            variables = function.properties.get("Environment", {}).get("Variables", {})
            if name.startswith(("trade-", "edge-guard-")) and variables.get("GAMMA_DRY_RUN") != dry:
                yield f"{function.logical}: GAMMA_DRY_RUN {variables.get('GAMMA_DRY_RUN')!r} in a deployment with DryRun {dry}"
            if name.startswith(("trade-", "edge-guard-", "token-keeper")) and variables.get("GAMMA_TOKENS") != tokens:
                yield f"{function.logical}: GAMMA_TOKENS {variables.get('GAMMA_TOKENS')!r} in a deployment with DryRun {dry}, expected {tokens}"
