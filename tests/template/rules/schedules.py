"""When functions are invoked, with what, and how late an invocation may come."""

import functools
import json
import re
import zoneinfo

from . import rule

MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()
# Minutes, hours, day of month, month, day of week, year: range, names, and what else the field may say.
FIELDS = [
    ("minutes", 0, 59, [], ""),
    ("hours", 0, 23, [], ""),
    ("day of month", 1, 31, [], r"\?|L|LW|[1-9]\d?W"),
    ("month", 1, 12, MONTHS, ""),
    ("day of week", 1, 7, DAYS, r"\?|[1-7]?L|[1-7]#[1-5]"),
    ("year", 1970, 2199, [], ""),
]
CONTEXT = {"<aws.scheduler.schedule-arn>", "<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>", "<aws.scheduler.attempt-number>"}

WEEKDAYS, EVERY_DAY = "? * MON-FRI *", "? * * *"
# What each schedule of an account is for: its name's ending, when, and the file in events/ it is like.
KINDS = {
    "-warmup": (f"cron(10 16 {WEEKDAYS})", "warmup.json"),
    "": (f"cron(13 16 {WEEKDAYS})", "schwab.json"),
    "-sweep": (f"cron(16 16 {WEEKDAYS})", "sweep.json"),
    "-last-sweep": (f"cron(30 16 {EVERY_DAY})", "sweep.json"),
}


@functools.cache
def zones():
    """Every time zone of the IANA's."""
    return zoneinfo.available_timezones()


@rule
def time_zones_exist(subject):
    for schedule in subject.schedules():
        zone = schedule.properties.get("ScheduleExpressionTimezone")
        if zone not in zones() or zone != "America/New_York":
            yield f"{schedule.logical}: time zone {zone!r}, expected America/New_York"


@rule
def expressions_are_schedulers(subject):
    for schedule in subject.schedules():
        for complaint in expression(schedule.properties.get("ScheduleExpression", "")):
            yield f"{schedule.logical}: {schedule.properties.get('ScheduleExpression')!r}: {complaint}"


def expression(text):
    """What EventBridge Scheduler would not take of an expression."""
    if re.fullmatch(r"rate\((1 (minute|hour|day)|(?!0*1 )[1-9]\d* (minutes|hours|days))\)", text):
        return
    if re.fullmatch(r"at\(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\)", text):
        return
    cron = re.fullmatch(r"cron\((.*)\)", text)
    fields = cron.group(1).split(" ") if cron else []
    if len(fields) != len(FIELDS):
        yield "expected cron(…) of six fields, rate(value unit) or at(yyyy-mm-ddThh:mm:ss)"
        return
    for value, field in zip(fields, FIELDS):
        yield from _field(value, *field)
    if (fields[2] == "?") == (fields[4] == "?"):
        yield "expected ? in one of the two day fields, and only in one"


def _field(text, name, least, most, names, special):
    def number(value):
        return names.index(value) + least if value in names else int(value) if re.fullmatch(r"\d{1,4}", value) else None

    if special and re.fullmatch(special, text):
        return
    for part in text.split(","):
        shape = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        first, last, step = shape.groups() if shape else (None, None, None)
        numbers = [number(value) for value in (first, last) if value not in (None, "*")]
        if not shape or (first == "*" and last) or None in numbers or any(not least <= value <= most for value in numbers):
            yield f"{name} {part!r}: expected {least} to {most}{', or names' if names else ''}, with , - * /"
        elif numbers != sorted(numbers):
            yield f"{name} {part!r}: a range that ends before it begins"
        elif step is not None and not 1 <= int(step) <= most:
            yield f"{name} {part!r}: a step of {step}"


@rule
def windows_are_off_in_words(subject):
    for schedule in subject.schedules():
        window = schedule.properties.get("FlexibleTimeWindow")
        if window != {"Mode": "OFF"} or not isinstance(window["Mode"], str):
            yield f"{schedule.logical}: flexible window {window!r}, expected the text \"OFF\": unquoted it is the boolean"


@rule
def deliveries_are_bounded_and_the_lost_are_kept(subject):
    queues = {subject.live.resolve({"Fn::GetAtt": [queue.logical, "Arn"]}) for queue in subject.live.of_type("AWS::SQS::Queue")}
    for schedule in subject.schedules():
        target = schedule.properties.get("Target", {})
        retry = target.get("RetryPolicy", {})
        attempts, age = retry.get("MaximumRetryAttempts"), retry.get("MaximumEventAgeInSeconds")
        if not _within(attempts, 0, 185):
            yield f"{schedule.logical}: {attempts!r} retries, expected 0 to 185"
        if not _within(age, 60, 86400):
            yield f"{schedule.logical}: an event age of {age!r} s, expected 60 to 86400"
        letters = target.get("DeadLetterConfig")
        if not isinstance(letters, dict) or set(letters) != {"Arn"} or letters["Arn"] not in queues:
            yield f"{schedule.logical}: dead letters {letters!r}, expected the Arn of a queue of the stack and nothing else"


def _within(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


@rule
def a_late_trade_is_refused(subject):
    """Scheduler may deliver late, and Lambda may start late: together within the age at which the function refuses."""
    configs = {config.properties["FunctionName"]: config.properties for config in subject.live.of_type("AWS::Lambda::EventInvokeConfig")}
    for account, profile in subject.profiles.items():
        trade = _schedule(subject, f"{subject.live.parameters['SchedulePrefix']}-{account}")
        config = configs.get(f"{subject.live.name}-trade-{account}", {})
        if trade is None:
            yield f"{account}: no schedule trades it"
            continue
        latest = trade.properties["Target"].get("RetryPolicy", {}).get("MaximumEventAgeInSeconds", 86400) + config.get("MaximumEventAgeInSeconds", 21600)
        stale = profile["execution"]["stale_after_seconds"]
        if latest > stale:
            yield f"{trade.logical}: may start {latest} s late, expected at most stale_after_seconds = {stale} of accounts.toml"


def _schedule(subject, name):
    return next((schedule for schedule in subject.schedules() if schedule.properties["Name"] == name), None)


@rule
def schedules_are_called_as_the_operator_looks_for_them(subject):
    names = subject.text("shared/operator/src/names.rs")
    suffixes = re.findall(r'Self::\w+ => "([^"]*)",', names)
    if sorted(suffixes) != sorted(KINDS):
        yield f"names.rs: schedules end in {suffixes}, expected {list(KINDS)}"
    prefix = subject.live.parameters["SchedulePrefix"]
    if f'SCHEDULES: &\'static str = "{prefix}"' not in names:
        yield f"SchedulePrefix: default {prefix}, names.rs has another"
    expected = {f"{prefix}-{account}{suffix}" for account in subject.profiles for suffix in suffixes} | {f"{prefix}-token-keeper"}
    there = {schedule.properties.get("Name") for schedule in subject.schedules()}
    for name in sorted(expected ^ there, key=str):
        yield f"schedule {name}: {'no operator looks for it' if name in there else 'an operator looks for it, and the template has none'}"
    for schedule in subject.schedules():
        if schedule.properties.get("GroupName") != prefix:
            yield f"{schedule.logical}: group {schedule.properties.get('GroupName')!r}, expected {prefix}"


@rule
def schedules_fire_when_they_should_and_only_when_switched_on(subject):
    prefix = subject.live.parameters["SchedulePrefix"]
    for account in subject.profiles:
        for suffix, (when, _) in KINDS.items():
            schedule = _schedule(subject, f"{prefix}-{account}{suffix}")
            if schedule is not None and schedule.properties.get("ScheduleExpression") != when:
                yield f"{schedule.logical}: {schedule.properties.get('ScheduleExpression')}, expected {when}"
    for stack, state in ((subject.dry, "DISABLED"), (subject.live, "ENABLED")):
        for schedule in subject.schedules(stack):
            if schedule.properties.get("State") != state:
                yield f"{schedule.logical}: {schedule.properties.get('State')!r} with ScheduleState {state}"


@rule
def schedules_reach_their_own_function(subject):
    prefix, stack = subject.live.parameters["SchedulePrefix"], subject.live
    arns = {function.properties["FunctionName"]: stack.resolve({"Fn::GetAtt": [function.logical, "Arn"]}) for _, function in subject.functions()}
    wanted = {f"{prefix}-{account}{suffix}": f"{stack.name}-trade-{account}" for account in subject.profiles for suffix in KINDS}
    for name, function in {**wanted, f"{prefix}-token-keeper": f"{stack.name}-token-keeper"}.items():
        schedule = _schedule(subject, name)
        if schedule is not None and schedule.properties["Target"]["Arn"] != arns.get(function):
            yield f"{schedule.logical}: invokes {schedule.properties['Target']['Arn']}, expected {function}"


@rule
def inputs_are_understood(subject):
    """Each input is like its event in events/, has no field its function does not know, and only context attributes that Scheduler has."""
    prefix = subject.live.parameters["SchedulePrefix"]
    fields = re.search(r"const FIELDS: \[&str; \d+\] =\s*\[([^\]]*)\]", subject.text("functions/trade/src/event.rs")).group(1)
    known = set(re.findall(r'"(\w+)"', fields))
    for account in subject.profiles:
        for suffix, (_, like) in KINDS.items():
            schedule = _schedule(subject, f"{prefix}-{account}{suffix}")
            if schedule is None:
                continue
            said, example = _input(schedule), dict(subject.events(like))
            if said is None:
                yield f"{schedule.logical}: its input is no JSON object"
                continue
            if not set(said) <= known:
                yield f"{schedule.logical}: the function does not know {sorted(set(said) - known)}"
            example["account"] = "warmup" if suffix == "-warmup" else account
            if {k: v for k, v in said.items() if k in example and k != "scheduled_time"} != {k: v for k, v in example.items() if k != "scheduled_time"}:
                yield f"{schedule.logical}: {said}, expected it like events/{like} for {account}"
            if set(said) - set(example) - {"scheduled_time", "execution_id"}:
                yield f"{schedule.logical}: {said} says more than events/{like}"
    for schedule in subject.schedules():
        said = _input(schedule) or {}
        if said.get("scheduled_time") != "<aws.scheduler.scheduled-time>" or said.get("execution_id") != "<aws.scheduler.execution-id>":
            yield f"{schedule.logical}: {said}: expected Scheduler's own time and execution id"
        for attribute in re.findall(r"<[^>]*>", schedule.properties["Target"].get("Input", "")):
            if attribute not in CONTEXT:
                yield f"{schedule.logical}: {attribute} is no context attribute of Scheduler's"


@rule
def the_token_keeper_understands_its_input(subject):
    schedule = _schedule(subject, f"{subject.live.parameters['SchedulePrefix']}-token-keeper")
    said = _input(schedule) if schedule else None
    if said is None or {key: value for key, value in said.items() if key not in ("scheduled_time", "execution_id")} != {"refresh": {}}:
        yield f"token keeper: {said}, expected it to ask for a refresh"
    code = subject.rust("functions/token-keeper")
    for field in said or {}:
        if not re.search(rf"\b{field}\b", code):
            yield f"token keeper: the function does not know {field!r}"
    if subject.events("token-keeper.json").keys() - {"scheduled_time", "execution_id"} != {"refresh"}:
        yield "events/token-keeper.json: expected it to ask for a refresh, as the schedule does"


def _input(schedule):
    try:
        said = json.loads(schedule.properties["Target"].get("Input", ""))
    except json.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None
