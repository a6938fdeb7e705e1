"""What somebody is told, and that the runbook says what to do then."""

import json
import re

from . import rule

MISSING = {"breaching", "notBreaching", "ignore", "missing"}
COMPARISONS = {"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"}
STATISTICS = {"Sum", "Minimum", "Maximum", "Average", "SampleCount"}
# The metrics that there are, and the dimension each is looked at by.
OURS = {"Ended": "Outcome", "Failed": "ErrorType", "Heartbeat": "Account", "LoginHoursLeft": "Login"}
AWSS = {
    ("AWS/Lambda", "Errors"): "FunctionName",
    ("AWS/Lambda", "Duration"): "FunctionName",
    ("AWS/Lambda", "Invocations"): "FunctionName",
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "QueueName",
    ("AWS/Scheduler", "InvocationDroppedCount"): "ScheduleGroup",
}


def watched(alarm):
    """Each metric an alarm looks at: (namespace, name, dimensions, statistic, period)."""
    if "Metrics" not in alarm:
        yield tuple(alarm.get(key) for key in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period"))
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            stat, metric = query["MetricStat"], query["MetricStat"]["Metric"]
            yield metric.get("Namespace"), metric.get("MetricName"), metric.get("Dimensions"), stat.get("Stat"), stat.get("Period")


def seen_by(alarms):
    """(metric, value of its dimension) that these alarms look at."""
    metrics = [metric for alarm in alarms for metric in watched(alarm.properties)]
    return {(name, dimension["Value"]) for _, name, dimensions, *_ in metrics for dimension in dimensions or []}


@rule
def every_alarm_tells_somebody_and_knows_what_silence_means(subject):
    topics = {subject.live.resolve({"Ref": topic.logical}) for topic in subject.live.of_type("AWS::SNS::Topic")}
    for alarm in subject.alarms():
        said = alarm.properties
        if not said.get("AlarmActions") or not set(said["AlarmActions"]) <= topics:
            yield f"{alarm.logical}: its actions are {said.get('AlarmActions')}, expected the stack's topic"
        if not set(said.get("OKActions", [])) <= topics:
            yield f"{alarm.logical}: OK goes to {said.get('OKActions')}, expected the stack's topic"
        if said.get("TreatMissingData") not in MISSING:
            yield f"{alarm.logical}: TreatMissingData {said.get('TreatMissingData')!r}, expected one of {sorted(MISSING)}"
        if said.get("ComparisonOperator") not in COMPARISONS:
            yield f"{alarm.logical}: compares by {said.get('ComparisonOperator')!r}"
        if not 1 <= len(said.get("AlarmName", "")) <= 255 or not said.get("AlarmDescription"):
            yield f"{alarm.logical}: no name, or says nothing to who gets it"


@rule
def alarms_look_at_metrics_that_exist(subject):
    for alarm in subject.alarms():
        for namespace, name, dimensions, statistic, _ in watched(alarm.properties):
            expected = OURS.get(name) if namespace == subject.live.name else AWSS.get((namespace, name))
            if expected is None:
                yield f"{alarm.logical}: nobody writes {namespace} {name}"
            elif [dimension["Name"] for dimension in dimensions or []] != [expected]:
                yield f"{alarm.logical}: {name} by {dimensions}, expected by {expected} alone"
            if statistic not in STATISTICS:
                yield f"{alarm.logical}: statistic {statistic!r}, expected one of {sorted(STATISTICS)}"


@rule
def alarms_are_such_that_cloudwatch_takes_them(subject):
    for alarm in subject.alarms():
        said = alarm.properties
        for *_, period in watched(said):
            if not isinstance(period, int) or not (period in (10, 30) or (period > 0 and period % 60 == 0)):
                yield f"{alarm.logical}: a period of {period!r} s, expected 10, 30 or whole minutes"
            else:
                most = 604800 if period >= 3600 else 86400
                if not isinstance(said.get("EvaluationPeriods"), int) or not 0 < period * said["EvaluationPeriods"] <= most:
                    yield f"{alarm.logical}: {said.get('EvaluationPeriods')} periods of {period} s, expected at most {most} s together"
        queries = said.get("Metrics", [])
        if queries:
            ids = [query.get("Id", "") for query in queries]
            answers = [query for query in queries if query.get("ReturnData", True)]
            if len(queries) > 10 or len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z]\w*", one) for one in ids):
                yield f"{alarm.logical}: metrics {ids}, expected at most ten, each with an id of its own"
            if len(answers) != 1 or "SEARCH" in json.dumps(queries):
                yield f"{alarm.logical}: {len(answers)} of its metrics are compared, expected one, without a search"
            used = {one for answer in answers for one in re.findall(r"\bm\d+\b", answer.get("Expression", ""))}
            if used != {one for one in ids if re.fullmatch(r"m\d+", one)}:
                yield f"{alarm.logical}: adds up {sorted(used)} of {sorted(ids)}"


@rule
def what_should_be_heard_of_is_watched(subject):
    live, seen = subject.live, seen_by(subject.alarms())
    queues = {live.resolve({"Fn::GetAtt": [queue.logical, "QueueName"]}) for queue in live.of_type("AWS::SQS::Queue")}
    wanted = {("Heartbeat", account) for account in subject.profiles} | {("ApproximateNumberOfMessagesVisible", queue) for queue in queues}
    wanted |= {("Invocations", f"{live.name}-token-keeper"), ("LoginHoursLeft", "schwab"), ("Failed", "Unresolved"), ("Failed", "NoFinalOutcome"), ("Failed", "PositionsDiffer")}
    for name, value in sorted(wanted - seen):
        yield f"no alarm looks at {name} of {value}"
    for alarm in subject.alarms():
        for _, name, *_, period in watched(alarm.properties):
            if name in ("Heartbeat", "Invocations"):
                said = alarm.properties
                day = said["EvaluationPeriods"] * period >= 86400 + 3600
                if said["TreatMissingData"] != "breaching" or said["ComparisonOperator"] != "LessThanThreshold" or not day:
                    yield f"{alarm.logical}: silence must alarm, after a day and an hour at least: the day the clocks change has 25 hours"


def produced(subject):
    """(error types, all outcomes by name, those that alarm) as the Rust sources say."""
    code = subject.rust()
    report = subject.text("shared/execution/src/report.rs")
    names = dict(re.findall(r'Self::(\w+) => "([a-z_]+)"', report))
    alarms = report.split("fn alarms", 1)[1].split("fn ", 1)[0]
    failed = re.search(r"\| Self::NotResolved => Status::Refused,(.*?)=>\s*\{?\s*Status::Failed", report, re.DOTALL).group(1)
    outcomes = {variant for variant in re.findall(r"Self::(\w+)", alarms + failed) if variant in names}
    types = set(re.findall(r'Failure::new\(\s*"(\w+)"', code))
    types |= {name for pair in re.findall(r'Failure::new\(\s*if \w+ \{\s*"(\w+)"\s*\} else \{\s*"(\w+)"\s*\}', code) for name in pair}
    types |= {name for pair in re.findall(r'\(\s*"(\w+)",\s*"[^"]*",?\s*\)\s*\} else \{\s*\(\s*"(\w+)",\s*"', code) for name in pair}
    # Outcomes, and what an operator's request fails with, are mapped by name.
    types |= set(re.findall(r'=> "([A-Z][a-z]\w+)",', code))
    types |= set(re.findall(r'map_or\(\s*"([A-Z][a-z]\w+)",\s*\|', code)) | set(re.findall(r'error_type: "(\w+)"', code))
    for words in re.findall(r"&str; \d+\] =\s*\[([^\]]*)\]", code):
        # A list in which one is a type is a list of types.
        listed = set(re.findall(r'"(\w+)"', words))
        types |= listed if listed & types else set()
    return types, names, outcomes


@rule
def every_outcome_that_alarms_reaches_an_alarm(subject):
    types, names, alarming = produced(subject)
    main = subject.text("functions/trade/src/function.rs").split("let error_type = match", 1)[1].split("};", 1)[0]
    seen = seen_by(subject.alarms(subject.dry))
    for variant in sorted(alarming):
        # What ends as a Lambda error is counted by its type, and by the function's own alarm for errors.
        if f"Outcome::{variant} " not in main and ("Ended", names[variant]) not in seen:
            yield f"outcome {names[variant]}: alarms, and no alarm looks at it"
    for name, value in sorted(seen):
        if name == "Ended" and value not in {names[variant] for variant in alarming}:
            yield f"outcome {value}: an alarm looks at it, and no run that alarms ends so"
        if name == "Failed" and value not in types:
            yield f"error type {value}: an alarm looks at it, and nothing fails so"


@rule
def the_runbook_says_what_to_do(subject):
    runbook = subject.text("docs/runbook.md")
    types, names, alarming = produced(subject)
    cells = [line.split("|")[1] for line in runbook.splitlines() if line.startswith("|")]
    rows = {word.strip(" `*") for cell in cells for word in [cell, *cell.split(",")]}
    for said in sorted(types):
        if said not in rows:
            yield f"docs/runbook.md: no row for the error type {said}"
    for variant in sorted(alarming):
        if names[variant] not in rows and variant not in rows:
            yield f"docs/runbook.md: no row for the outcome {names[variant]}"
    for alarm in subject.alarms():
        # The runbook calls alarms without the names of stack, function and account.
        words = re.sub(r"^\S+?(: | )", "", alarm.properties["AlarmName"])
        if words not in rows:
            yield f"docs/runbook.md: no row for the alarm {words!r} ({alarm.logical})"


@rule
def the_dashboard_shows_what_there_is(subject):
    dashboards = subject.live.of_type("AWS::CloudWatch::Dashboard")
    if len(dashboards) != 1:
        yield f"{len(dashboards)} dashboards, expected one"
    for dashboard in dashboards:
        try:
            body = json.loads(dashboard.properties["DashboardBody"])
        except json.JSONDecodeError as error:
            yield f"{dashboard.logical}: its body is no JSON: {error}"
            continue
        text = dashboard.properties["DashboardBody"]
        for name, function in subject.functions():
            called = function.properties["FunctionName"]
            if name.startswith("trade-") and (f'"{called}"' not in text or f"'/aws/lambda/{called}'" not in text):
                yield f"{dashboard.logical}: does not show {name}, its metrics and its log"
        for name in OURS:
            if name not in text:
                yield f"{dashboard.logical}: does not show {name}"
        for widget in body["widgets"]:
            if widget["x"] + widget["width"] > 24 or not widget["properties"].get("title"):
                yield f"{dashboard.logical}: a widget without a title, or wider than the page"
