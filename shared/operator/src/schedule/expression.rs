//! What EventBridge Scheduler understands of times, as far as it is understood here.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;

use super::cron::Cron;

/// A schedule's expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// `cron(minutes hours day-of-month month day-of-week year)`.
    Cron(Cron),
    /// `at(2025-09-03T16:13:00)`: once.
    At(DateTime),
    /// `rate(12 hours)`.
    Rate(u32, RateUnit),
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateUnit {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days of 24 hours.
    Days,
}

impl fmt::Display for RateUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        })
    }
}

/// An expression that is not understood; it may well be one to the service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schedule expression {expression:?}: {field}: got {got:?}, expected {expected}")]
pub struct ExpressionError {
    pub(super) expression: String,
    pub(super) field: &'static str,
    pub(super) got: String,
    pub(super) expected: &'static str,
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let refused = |field, got: &str, expected| ExpressionError {
            expression: text.to_owned(),
            field,
            got: got.to_owned(),
            expected,
        };
        let inner = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(fields) = inner("cron") {
            return Cron::parse(fields)
                .map(Self::Cron)
                .map_err(|(field, got, expected)| refused(field, &got, expected));
        }
        if let Some(time) = inner("at") {
            let expected = "a time such as 2025-09-03T16:13:00";
            let read =
                DateTime::strptime("%Y-%m-%dT%H:%M:%S", time).map_err(|_| refused("time", time, expected))?;
            // What reads is also written as the service writes it: no blank, no missing zero.
            return if read.strftime("%Y-%m-%dT%H:%M:%S").to_string() == time {
                Ok(Self::At(read))
            } else {
                Err(refused("time", time, expected))
            };
        }
        if let Some(rate) = inner("rate") {
            let (count, unit) = rate
                .split_once(' ')
                .ok_or_else(|| refused("rate", rate, "a count and a unit such as 12 hours"))?;
            let unit = match unit {
                "minute" | "minutes" => RateUnit::Minutes,
                "hour" | "hours" => RateUnit::Hours,
                "day" | "days" => RateUnit::Days,
                _ => return Err(refused("unit", unit, "minutes, hours or days")),
            };
            let count = count
                .parse()
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| refused("count", count, "a whole number above 0"))?;
            return Ok(Self::Rate(count, unit));
        }
        Err(refused("kind", text, "cron(…), at(…) or rate(…)"))
    }
}
