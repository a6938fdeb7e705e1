//! `cron(minutes hours day-of-month month day-of-week year)`, as EventBridge Scheduler reads it.
//! Source: EventBridge Scheduler user guide, "Schedule types".

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, time};
use jiff::tz::TimeZone;

use super::expression::{ExpressionError, instant};

type Numbers = BTreeSet<i16>;

/// What a cron expression allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Days,
    months: Numbers,
    years: Numbers,
}

/// One of the two day fields says it, the other is `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(Numbers),
    /// 1 is Sunday.
    OfWeek(Numbers),
}

/// A field's name, its range, and the names its numbers have.
struct Field {
    name: &'static str,
    first: i16,
    last: i16,
    names: &'static [&'static str],
}

const MINUTES: Field = Field { name: "minutes", first: 0, last: 59, names: &[] };
const HOURS: Field = Field { name: "hours", first: 0, last: 23, names: &[] };
const DAY_OF_MONTH: Field = Field { name: "day-of-month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    first: 1,
    last: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    first: 1,
    last: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
const YEAR: Field = Field { name: "year", first: 1970, last: 2199, names: &[] };

impl Cron {
    /// Reads what stands between the parentheses.
    pub(super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minutes, hours, day_of_month, month, day_of_week, year] = fields.as_slice() else {
            return Err(ExpressionError::of(
                "cron",
                text,
                "six fields: minutes hours day-of-month month day-of-week year",
            ));
        };
        let days = match (day_of_month, day_of_week) {
            (days, "?") if days != "?" => Days::OfMonth(DAY_OF_MONTH.read(days)?),
            ("?", days) if days != "?" => Days::OfWeek(DAY_OF_WEEK.read(days)?),
            _ => {
                return Err(ExpressionError::of(
                    "day-of-month and day-of-week",
                    &format!("{day_of_month} and {day_of_week}"),
                    "? in exactly one of the two",
                ));
            }
        };
        Ok(Self {
            minutes: MINUTES.read(minutes)?,
            hours: HOURS.read(hours)?,
            days,
            months: MONTH.read(month)?,
            years: YEAR.read(year)?,
        })
    }

    /// The first moment after `after`.
    pub(super) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let last_year = *self.years.last()?;
        let first = after.to_zoned(zone.clone()).date();
        let dates = std::iter::successors(Some(first), |date| date.tomorrow().ok())
            .take_while(|date| date.year() <= last_year);
        dates
            .filter(|date| self.allows(*date))
            .find_map(|date| self.times(date).filter_map(|at| instant(at, zone)).find(|at| *at > after))
    }

    fn allows(&self, date: Date) -> bool {
        let day = match &self.days {
            Days::OfMonth(days) => days.contains(&i16::from(date.day())),
            Days::OfWeek(days) => days.contains(&i16::from(date.weekday().to_sunday_one_offset())),
        };
        day && self.months.contains(&i16::from(date.month())) && self.years.contains(&date.year())
    }

    fn times(&self, date: Date) -> impl Iterator<Item = DateTime> {
        let small = |number: &i16| i8::try_from(*number).unwrap_or(0);
        self.hours.iter().flat_map(move |hour| {
            self.minutes.iter().map(move |minute| date.to_datetime(time(small(hour), small(minute), 0, 0)))
        })
    }
}

impl Field {
    fn read(&self, text: &str) -> Result<Numbers, ExpressionError> {
        let mut numbers = Numbers::new();
        for part in text.split(',') {
            let (range, step) =
                part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
            let step = match step.map(str::parse::<usize>) {
                None => None,
                Some(Ok(step)) if step > 0 => Some(step),
                Some(_) => return Err(self.wrong(text)),
            };
            let (first, last) = self.range(range, step.is_some()).ok_or_else(|| self.wrong(text))?;
            numbers.extend((first..=last).step_by(step.unwrap_or(1)));
        }
        Ok(numbers)
    }

    /// With a step a single number is where it begins.
    fn range(&self, text: &str, with_step: bool) -> Option<(i16, i16)> {
        let (first, last) = match text.split_once('-') {
            _ if text == "*" => (self.first, self.last),
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            None => (self.number(text)?, if with_step { self.last } else { self.number(text)? }),
        };
        (first <= last).then_some((first, last))
    }

    fn number(&self, text: &str) -> Option<i16> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
            .and_then(|at| i16::try_from(at).ok())
            .map(|at| at + self.first);
        named.or_else(|| text.parse().ok()).filter(|number| (self.first..=self.last).contains(number))
    }

    fn wrong(&self, text: &str) -> ExpressionError {
        let names = if self.names.is_empty() { "" } else { " or names of three letters" };
        let expected = format!(
            "numbers from {} to {}{names}, with , - * / between them (L, W and # are not known here)",
            self.first, self.last
        );
        ExpressionError::of(self.name, text, &expected)
    }
}
