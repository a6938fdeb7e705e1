//! Cron expressions of six fields, and the moments they mean on the clocks of a zone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, date};
use jiff::tz::{AmbiguousOffset, TimeZone};

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Days that are looked through for the next match: the 29th of February is missing for eight years around
/// 2100.
const DAYS_AHEAD: usize = 9 * 366;

/// `minutes hours day-of-month month day-of-week year`. What the service knows beside lists, ranges and steps
/// (`L`, `W`, `#`) is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

/// One of the two fields for days is always `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    /// 1 is Sunday.
    OfWeek(BTreeSet<i16>),
}

/// Field, what came, what was expected.
type Refusal = (&'static str, String, &'static str);

struct Field {
    name: &'static str,
    least: i16,
    most: i16,
    words: &'static [&'static str],
    expected: &'static str,
}

const MINUTES: Field = Field {
    name: "minutes",
    least: 0,
    most: 59,
    words: &[],
    expected: "minutes from 0 to 59: *, values, ascending ranges, steps",
};
const HOURS: Field = Field {
    name: "hours",
    least: 0,
    most: 23,
    words: &[],
    expected: "hours from 0 to 23: *, values, ascending ranges, steps",
};
const OF_MONTH: Field = Field {
    name: "day of month",
    least: 1,
    most: 31,
    words: &[],
    expected: "days from 1 to 31, or ? beside a day of the week",
};
const MONTH: Field = Field {
    name: "month",
    least: 1,
    most: 12,
    words: &MONTHS,
    expected: "months from 1 to 12 or JAN to DEC",
};
const OF_WEEK: Field = Field {
    name: "day of week",
    least: 1,
    most: 7,
    words: &WEEKDAYS,
    expected: "days from 1 (SUN) to 7 (SAT), or ? beside a day of the month",
};
const YEAR: Field =
    Field { name: "year", least: 1970, most: 2199, words: &[], expected: "years from 1970 to 2199" };

impl Cron {
    /// Reads what stands between the brackets.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, month, of_week, year] = fields[..] else {
            return Err((
                "fields",
                text.to_owned(),
                "six: minutes hours day-of-month month day-of-week year",
            ));
        };
        let days = match (of_month, of_week) {
            ("?", "?") => {
                return Err((
                    "days",
                    text.to_owned(),
                    "? in one of day of month and day of week, and not in both",
                ));
            }
            ("?", _) => Days::OfWeek(OF_WEEK.read(of_week)?),
            (_, "?") => Days::OfMonth(OF_MONTH.read(of_month)?),
            _ => return Err(("days", text.to_owned(), "? in one of day of month and day of week")),
        };
        let (minutes, hours, months, years) =
            (MINUTES.read(minutes)?, HOURS.read(hours)?, MONTH.read(month)?, YEAR.read(year)?);
        Ok(Self { minutes, hours, days, months, years })
    }

    /// The first moment after `after` that it means on the clocks of `zone`. A time that the clocks skip is
    /// skipped, one that they show twice comes once, at its first passing. `None` when none comes within nine
    /// years.
    #[must_use]
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut day = zone.to_datetime(after).date();
        // An expression may name its first year.
        if let Some(year) = self.years.range(day.year()..).next().filter(|year| **year > day.year()) {
            day = date(*year, 1, 1);
        }
        let days = std::iter::successors(Some(day), |day| day.tomorrow().ok()).take(DAYS_AHEAD);
        days.filter(|day| self.is_on(*day))
            .flat_map(|day| self.times().map(move |time| day.to_datetime(time)))
            .find_map(|at| {
                let at = moment(at, zone)?;
                (at > after).then_some(at)
            })
    }

    fn is_on(&self, day: Date) -> bool {
        let of_days = match &self.days {
            Days::OfMonth(days) => days.contains(&i16::from(day.day())),
            Days::OfWeek(days) => days.contains(&i16::from(day.weekday().to_sunday_one_offset())),
        };
        of_days && self.months.contains(&i16::from(day.month())) && self.years.contains(&day.year())
    }

    fn times(&self) -> impl Iterator<Item = Time> {
        let part = |value: &i16| i8::try_from(*value).unwrap_or_default();
        self.hours.iter().flat_map(move |hour| {
            self.minutes.iter().filter_map(move |minute| Time::new(part(hour), part(minute), 0, 0).ok())
        })
    }
}

/// When the clocks of `zone` show `at` for the first time; `None` when they skip it.
pub(super) fn moment(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let found = zone.to_ambiguous_timestamp(at);
    match found.offset() {
        AmbiguousOffset::Gap { .. } => None,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => found.compatible().ok(),
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<BTreeSet<i16>, Refusal> {
        let parts: Option<Vec<BTreeSet<i16>>> = text.split(',').map(|part| self.part(part)).collect();
        parts
            .map(|parts| parts.into_iter().flatten().collect())
            .ok_or_else(|| (self.name, text.to_owned(), self.expected))
    }

    /// `*`, `5`, `5-10`, and each with `/step`; a single value with a step goes on to the end.
    fn part(&self, text: &str) -> Option<BTreeSet<i16>> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
            None => (text, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((from, to)) => (self.value(from)?, self.value(to)?),
            None => {
                let from = self.value(range)?;
                (from, if step.is_some() { self.most } else { from })
            }
        };
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        (from <= to).then(|| (from..=to).step_by(step).collect())
    }

    fn value(&self, text: &str) -> Option<i16> {
        let named = self
            .words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(text))
            .and_then(|at| i16::try_from(at + 1).ok());
        named.or_else(|| number(text)).filter(|value| (self.least..=self.most).contains(value))
    }
}

/// Digits alone: a sign would be read as a number too.
fn number(text: &str) -> Option<i16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
