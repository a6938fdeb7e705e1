//! One schedule, read as `GetSchedule` answers it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::expression::Expression;

/// A schedule that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) name: String,
    pub(super) group: String,
    arn: String,
    expression: Expression,
    zone: TimeZone,
    enabled: bool,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    pub(super) deleted_after: bool,
    pub(super) target: Target,
}

/// What it invokes, and what becomes of an event that cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// A function's ARN.
    pub(super) arn: String,
    input: String,
    /// `MaximumRetryAttempts`, at most 185.
    pub(super) retries: u32,
    /// `MaximumEventAgeInSeconds`, a minute at least and a day at most.
    pub(super) oldest: SignedDuration,
    /// The ARN of a queue.
    pub(super) dead_letters: Option<String>,
}

/// A schedule that AWS would refuse, or one that asks for what is not known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schedule {schedule}, {field}: got {came}, expected {expected}")]
pub(super) struct ScheduleError {
    schedule: String,
    field: &'static str,
    came: String,
    expected: String,
}

/// What an invocation is told of itself where its input asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) scheduled: Timestamp,
    pub(super) execution: &'a str,
    pub(super) attempt: u32,
}

impl Schedule {
    pub(super) fn read(answer: &Value) -> Result<Self, ScheduleError> {
        let name = answer["Name"].as_str().unwrap_or_default();
        let wrong = |field, came: &Value, expected: &str| ScheduleError {
            schedule: name.to_owned(),
            field,
            came: came.to_string(),
            expected: expected.to_owned(),
        };
        let text = |field: &'static str| {
            answer[field].as_str().map(str::to_owned).ok_or_else(|| wrong(field, &answer[field], "a text"))
        };
        let moment = |field: &'static str| {
            moment(&answer[field]).map_err(|()| wrong(field, &answer[field], "a time, or none"))
        };
        let expression = text("ScheduleExpression")?;
        let expression = expression.parse().map_err(|error| {
            wrong("ScheduleExpression", &answer["ScheduleExpression"], &format!("one that reads: {error}"))
        })?;
        let zone = answer["ScheduleExpressionTimezone"].as_str().unwrap_or("UTC");
        let zone = TimeZone::get(zone)
            .map_err(|_| wrong("ScheduleExpressionTimezone", &zone.into(), "an IANA time zone"))?;
        let window = &answer["FlexibleTimeWindow"]["Mode"];
        if window != "OFF" {
            return Err(wrong("FlexibleTimeWindow", window, "\"OFF\"; others are not known here"));
        }
        let enabled = match answer["State"].as_str() {
            Some("ENABLED") => true,
            Some("DISABLED") => false,
            _ => return Err(wrong("State", &answer["State"], "\"ENABLED\" or \"DISABLED\"")),
        };
        let deleted_after = match answer["ActionAfterCompletion"].as_str() {
            None | Some("NONE") => false,
            Some("DELETE") => true,
            Some(_) => {
                return Err(wrong(
                    "ActionAfterCompletion",
                    &answer["ActionAfterCompletion"],
                    "\"NONE\" or \"DELETE\"",
                ));
            }
        };
        let target = Target::read(&answer["Target"])
            .map_err(|(field, came, expected)| wrong(field, &came, expected))?;
        let (start, end) = (moment("StartDate")?, moment("EndDate")?);
        Ok(Self {
            name: text("Name")?,
            group: text("GroupName")?,
            arn: text("Arn")?,
            expression,
            zone,
            enabled,
            start,
            end,
            deleted_after,
            target,
        })
    }

    /// When it is due next after `after`; `since` is when it first came to be as it is.
    pub(super) fn next(&self, after: Timestamp, since: Timestamp) -> Option<Timestamp> {
        let begin = self.start.unwrap_or(since);
        let after = self.start.map_or(after, |start| after.max(start - SignedDuration::from_nanos(1)));
        let next = self.expression.next(after, &self.zone, begin).filter(|_| self.enabled)?;
        self.end.is_none_or(|end| next <= end).then_some(next)
    }

    /// Whether nothing comes after its one moment.
    pub(super) const fn is_once(&self) -> bool {
        self.expression.is_once()
    }

    pub(super) fn arn(&self) -> &str {
        &self.arn
    }

    /// The event, with what it asks to be told filled in. Without an input a function gets an empty object.
    pub(super) fn event(&self, context: Context<'_>) -> String {
        let (scheduled, attempt) = (context.scheduled.to_string(), context.attempt.to_string());
        let known = [
            ("scheduled-time", scheduled.as_str()),
            ("execution-id", context.execution),
            ("schedule-arn", &self.arn),
            ("attempt-number", &attempt),
        ];
        known.iter().fold(self.target.input.clone(), |input, (name, value)| {
            input.replace(&format!("<aws.scheduler.{name}>"), value)
        })
    }
}

impl Target {
    fn read(target: &Value) -> Result<Self, (&'static str, Value, &'static str)> {
        let arn = target["Arn"]
            .as_str()
            .filter(|arn| arn.starts_with("arn:aws:lambda:") && arn.contains(":function:"));
        let arn = arn
            .ok_or_else(|| {
                ("Target.Arn", target["Arn"].clone(), "a function's ARN; others are not known here")
            })?
            .to_owned();
        if !target["RoleArn"].as_str().is_some_and(|role| role.starts_with("arn:aws:iam::")) {
            return Err(("Target.RoleArn", target["RoleArn"].clone(), "a role's ARN"));
        }
        let policy = &target["RetryPolicy"];
        let number = |field: &'static str, usual: i64, least: i64, most: i64, expected| match &policy[field] {
            Value::Null => Ok(usual),
            came => came
                .as_i64()
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| (field, came.clone(), expected)),
        };
        let retries = number("MaximumRetryAttempts", 185, 0, 185, "0 to 185")?;
        let oldest = number("MaximumEventAgeInSeconds", 86_400, 60, 86_400, "60 to 86400")?;
        let dead_letters = target["DeadLetterConfig"]["Arn"].as_str().map(str::to_owned);
        let input = target["Input"].as_str().unwrap_or("{}").to_owned();
        Ok(Self {
            arn,
            input,
            retries: u32::try_from(retries).unwrap_or(0),
            oldest: SignedDuration::from_secs(oldest),
            dead_letters,
        })
    }
}

/// A time as clients send it: seconds since 1970, or a text.
fn moment(value: &Value) -> Result<Option<Timestamp>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(|_| ()),
        Value::Number(number) => {
            let seconds =
                number.as_i64().or_else(|| number.to_string().split('.').next()?.parse().ok()).ok_or(())?;
            Timestamp::from_second(seconds).map(Some).map_err(|_| ())
        }
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({
            "Name": "gamma-cs-schwab", "GroupName": "gamma-cs", "Arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/gamma-cs/gamma-cs-schwab",
            "ScheduleExpression": "cron(13 16 ? * MON-FRI *)", "ScheduleExpressionTimezone": "America/New_York", "State": "ENABLED",
            "FlexibleTimeWindow": { "Mode": "OFF" }, "ActionAfterCompletion": null, "StartDate": null, "EndDate": null,
            "Target": {
                "Arn": "arn:aws:lambda:us-east-1:123456789012:function:f", "RoleArn": "arn:aws:iam::123456789012:role/r",
                "Input": r#"{"at":"<aws.scheduler.scheduled-time>","id":"<aws.scheduler.execution-id>","of":"<aws.scheduler.schedule-arn>","n":<aws.scheduler.attempt-number>}"#,
                "RetryPolicy": { "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60 }, "DeadLetterConfig": { "Arn": "arn:aws:sqs:us-east-1:123456789012:q" },
            },
        })
    }

    fn with(pointer: &str, value: Value) -> Result<Schedule, ScheduleError> {
        let mut answer = answer();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        answer.pointer_mut(parent).unwrap()[field] = value;
        Schedule::read(&answer)
    }

    fn next(schedule: &Schedule, after: &str) -> Option<String> {
        let after = after.parse().unwrap();
        schedule.next(after, after).map(|at| at.to_string())
    }

    #[test]
    fn an_event_is_told_what_it_asks_for() {
        let context =
            Context { scheduled: "2025-09-03T20:13:00Z".parse().unwrap(), execution: "x1", attempt: 2 };
        let event: Value = serde_json::from_str(&Schedule::read(&answer()).unwrap().event(context)).unwrap();
        assert_eq!(event, json!({ "at": "2025-09-03T20:13:00Z", "id": "x1", "of": answer()["Arn"], "n": 2 }));
    }

    #[test]
    fn state_and_dates_bound_it() {
        let monday = "2025-09-01T00:00:00Z";
        assert_eq!(
            next(&Schedule::read(&answer()).unwrap(), monday).as_deref(),
            Some("2025-09-01T20:13:00Z")
        );
        assert_eq!(next(&with("/State", json!("DISABLED")).unwrap(), monday), None);
        assert_eq!(
            next(&with("/StartDate", json!("2025-09-02T20:13:00Z")).unwrap(), monday).as_deref(),
            Some("2025-09-02T20:13:00Z")
        );
        assert_eq!(
            next(&with("/StartDate", json!(1_756_944_000.0)).unwrap(), monday).as_deref(),
            Some("2025-09-04T20:13:00Z")
        );
        assert_eq!(next(&with("/EndDate", json!("2025-09-01T20:12:59Z")).unwrap(), monday), None);
    }

    #[test]
    fn what_cannot_be_scheduled_is_named() {
        for (pointer, value, words) in [
            (
                "/ScheduleExpression",
                json!("cron(13 16 * * MON *)"),
                "schedule gamma-cs-schwab, ScheduleExpression: got",
            ),
            (
                "/ScheduleExpressionTimezone",
                json!("New_York"),
                "got \"New_York\", expected an IANA time zone",
            ),
            ("/FlexibleTimeWindow/Mode", json!(false), "FlexibleTimeWindow: got false"),
            ("/State", json!("ON"), "State: got \"ON\""),
            ("/Target/Arn", json!("arn:aws:sqs:us-east-1:123456789012:q"), "Target.Arn"),
            ("/Target/RoleArn", Value::Null, "Target.RoleArn: got null"),
            ("/Target/RetryPolicy/MaximumEventAgeInSeconds", json!(59), "got 59, expected 60 to 86400"),
            ("/Target/RetryPolicy/MaximumRetryAttempts", json!(186), "got 186, expected 0 to 185"),
        ] {
            let error = with(pointer, value).unwrap_err().to_string();
            assert!(error.contains(words), "{pointer}: {error}");
        }
    }
}
