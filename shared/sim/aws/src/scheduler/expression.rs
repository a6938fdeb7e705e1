//! Schedule expressions, and the moments they name in a time zone.
//!
//! Where clocks are put forward, AWS skips an invocation whose local time does not exist; where they are put
//! back, it invokes once for a time that comes twice. Its documentation does not say which of the two, nor
//! what becomes of a one-time schedule in the gap: here it is the earlier, and never. Source: EventBridge
//! Scheduler user guide, "Schedule types"; AWS re:Post, "EventBridge and daylight saving time".

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::cron::Cron;

/// When a schedule is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Cron(Cron),
    /// Once, at a local time.
    At(DateTime),
    /// Again and again after so long; days have 24 hours.
    Rate(SignedDuration),
}

/// An expression that EventBridge Scheduler would refuse, or one that is not known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: got {came:?}, expected {expected}")]
pub struct ExpressionError {
    field: &'static str,
    came: String,
    expected: String,
}

impl ExpressionError {
    pub(super) fn of(field: &'static str, came: &str, expected: &str) -> Self {
        Self { field, came: came.to_owned(), expected: expected.to_owned() }
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        let wrong = |expected| ExpressionError::of("expression", text, expected);
        let (kind, inner) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or_else(|| wrong("cron(…), at(…) or rate(…)"))?;
        Ok(Self(match kind {
            "cron" => Kind::Cron(Cron::parse(inner)?),
            // The grammar knows no fraction of a second and no zone.
            "at" if inner.len() == 19 => {
                Kind::At(inner.parse().map_err(|_| wrong("at(yyyy-mm-ddThh:mm:ss)"))?)
            }
            "at" => return Err(wrong("at(yyyy-mm-ddThh:mm:ss)")),
            "rate" => Kind::Rate(rate(inner).ok_or_else(|| wrong("rate(number minutes), hours or days"))?),
            _ => return Err(wrong("cron(…), at(…) or rate(…)")),
        }))
    }
}

fn rate(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_once(' ')?;
    let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(SignedDuration::from_secs)
}

impl Expression {
    /// The first moment it names after `after`. A rate counts from `begin`, which is its first.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone, begin: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Cron(cron) => cron.next(after, zone),
            Kind::At(at) => instant(*at, zone).filter(|at| *at > after),
            Kind::Rate(_) if begin > after => Some(begin),
            Kind::Rate(every) => {
                let periods = after.duration_since(begin).as_secs().div_euclid(every.as_secs()) + 1;
                begin.checked_add(SignedDuration::from_secs(every.as_secs().checked_mul(periods)?)).ok()
            }
        }
    }

    /// Whether it names one moment only.
    #[must_use]
    pub const fn is_once(&self) -> bool {
        matches!(self.0, Kind::At(_))
    }
}

/// The moment a local time names: none in the gap of a clock put forward, the earlier of two.
pub(super) fn instant(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(at).ok()
        }
        AmbiguousOffset::Gap { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The first moments after `after`, in New York.
    fn moments(expression: &str, after: &str, count: usize) -> Vec<String> {
        let (expression, zone) =
            (expression.parse::<Expression>().unwrap(), TimeZone::get("America/New_York").unwrap());
        let (mut after, begin) = (at(after), at(after));
        let next = |after: Timestamp| expression.next(after, &zone, begin);
        let found = std::iter::from_fn(|| next(after).inspect(|at| after = *at));
        found.take(count).map(|at| at.to_string()).collect()
    }

    #[test]
    fn a_cron_keeps_new_york_time_through_both_clock_changes() {
        let trade = "cron(13 16 ? * MON-FRI *)";
        assert_eq!(
            moments(trade, "2025-10-31T00:00:00Z", 2),
            ["2025-10-31T20:13:00Z", "2025-11-03T21:13:00Z"]
        );
        assert_eq!(
            moments(trade, "2026-03-06T00:00:00Z", 2),
            ["2026-03-06T21:13:00Z", "2026-03-09T20:13:00Z"]
        );
        assert_eq!(
            moments("cron(13 16 ? * 2-6 *)", "2025-11-28T21:13:00Z", 1),
            ["2025-12-01T21:13:00Z"],
            "1 is Sunday; the moment itself is over"
        );
        assert_eq!(
            moments("cron(30 16 * * ? *)", "2025-11-07T22:00:00Z", 2),
            ["2025-11-08T21:30:00Z", "2025-11-09T21:30:00Z"]
        );
    }

    #[test]
    fn a_missing_local_time_is_skipped_a_repeated_one_fires_once() {
        let half_past_two = "cron(30 2 * * ? *)";
        assert_eq!(
            moments(half_past_two, "2026-03-07T00:00:00Z", 2),
            ["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"]
        );
        let half_past_one = "cron(30 1 * * ? *)";
        assert_eq!(
            moments(half_past_one, "2025-11-01T12:00:00Z", 2),
            ["2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"]
        );
        assert_eq!(moments("at(2026-03-08T02:30:00)", "2026-03-07T00:00:00Z", 1), Vec::<String>::new());
    }

    #[test]
    fn lists_ranges_steps_and_years() {
        let quarter_hours = moments("cron(0/15 9-10 1,15 JAN,jul ? 2026)", "2025-06-01T00:00:00Z", 9);
        assert_eq!(
            (quarter_hours[0].as_str(), quarter_hours[1].as_str()),
            ("2026-01-01T14:00:00Z", "2026-01-01T14:15:00Z")
        );
        assert_eq!(quarter_hours[8], "2026-01-15T14:00:00Z");
        assert_eq!(
            moments("cron(0 12 31 2 ? *)", "2025-01-01T00:00:00Z", 1),
            Vec::<String>::new(),
            "no such day"
        );
        assert_eq!(
            moments("cron(0 12 1 1 ? 2020)", "2025-01-01T00:00:00Z", 1),
            Vec::<String>::new(),
            "the year is over"
        );
    }

    #[test]
    fn once_and_at_a_rate() {
        assert_eq!(moments("at(2025-09-03T16:13:00)", "2025-09-01T00:00:00Z", 3), ["2025-09-03T20:13:00Z"]);
        let every_half_day = moments("rate(12 hours)", "2025-11-01T12:00:00Z", 3);
        assert_eq!(every_half_day, ["2025-11-02T00:00:00Z", "2025-11-02T12:00:00Z", "2025-11-03T00:00:00Z"]);
        let begin = at("2025-09-01T00:00:00Z");
        let first = "rate(1 day)".parse::<Expression>().unwrap().next(
            begin - SignedDuration::from_nanos(1),
            &TimeZone::UTC,
            begin,
        );
        assert_eq!(first, Some(begin), "it begins with one");
    }

    #[test]
    fn what_aws_would_refuse_is_refused_and_named() {
        for (text, words) in [
            ("cron(13 16 * * MON-FRI *)", "day-of-month and day-of-week: got \"* and MON-FRI\""),
            ("cron(13 16 ? * ? *)", "? in exactly one"),
            ("cron(13 16 ? * MON-FRI)", "cron: got \"13 16 ? * MON-FRI\", expected six fields"),
            ("cron(60 16 ? * MON-FRI *)", "minutes: got \"60\""),
            ("cron(13 16 ? * FRI-MON *)", "day-of-week: got \"FRI-MON\""),
            ("cron(13 16 L * ? *)", "day-of-month: got \"L\""),
            ("cron(13 16 ? * 2#1 *)", "day-of-week: got \"2#1\""),
            ("cron(0/0 16 ? * MON *)", "minutes: got \"0/0\""),
            ("at(2025-09-03T16:13)", "at(yyyy-mm-ddThh:mm:ss)"),
            ("at(2025-09-03T16:13:00Z)", "at(yyyy-mm-ddThh:mm:ss)"),
            ("rate(0 hours)", "rate(number minutes)"),
            ("rate(5 weeks)", "rate(number minutes)"),
            ("13 16 ? * MON-FRI *", "cron(…), at(…) or rate(…)"),
        ] {
            let error = text.parse::<Expression>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
