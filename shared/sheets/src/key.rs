//! When two cells say the same: the one place that decides whether a row is ours.
//!
//! What we write is text. A person who types the same into a cell leaves what Google makes of it: a date
//! becomes a number of days (46064), `1` a number, `true` a boolean, and is read back as such. Keys are
//! therefore compared by what they say, each column in its own kind.

use std::str::FromStr;

use gamma_market::calendar::eastern;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

/// The day that Google's day numbers count from.
const DAY_ZERO: Date = date(1899, 12, 30);
/// Day numbers of this century: another number in a column of dates is no date of ours.
const DAYS: std::ops::RangeInclusive<i32> = 36_526..=73_050;

/// One column of a table's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The column's heading.
    pub column: &'static str,
    /// What its cells hold.
    pub kind: Kind,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A day.
    Date,
    /// A number: `1` and `1.0` are the same.
    Number,
    /// A name: blanks around it and capitals make no other. `0123` and `123` are two names, though Google
    /// makes one number of them: which of the two a person had typed is not known any more.
    Text,
}

/// What a cell says, to be compared with another of its column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Said {
    Day(Date),
    Number(Decimal),
    /// Also what does not read as the column's kind, a formula among it: it says what its text says.
    Text(String),
}

impl Key {
    /// A column of days.
    #[must_use]
    pub const fn date(column: &'static str) -> Self {
        Self { column, kind: Kind::Date }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(column: &'static str) -> Self {
        Self { column, kind: Kind::Number }
    }

    /// A column of names.
    #[must_use]
    pub const fn text(column: &'static str) -> Self {
        Self { column, kind: Kind::Text }
    }
}

impl Kind {
    pub(crate) fn read(self, cell: &str) -> Said {
        let said = match self {
            Self::Date => day(cell).map(Said::Day),
            Self::Number => number(cell).map(Said::Number),
            Self::Text => None,
        };
        said.unwrap_or_else(|| Said::Text(name(cell)))
    }

    /// Whether two cells of a column of this kind say the same.
    #[must_use]
    pub fn same(self, cell: &str, other: &str) -> bool {
        self.read(cell) == self.read(other)
    }
}

/// The day that a cell says: [`iso_day`], a date as the United States write it (`2/11/2026`), or Google's
/// number of a day (`46064`, with a fraction where it has a time).
///
/// ```
/// use gamma_sheets::key::day;
/// assert_eq!(day("46064"), day("2026-02-11"));
/// assert_eq!(day("2/11/2026"), day("2026-02-11"));
/// assert_eq!(day("Total"), None);
/// ```
#[must_use]
pub fn day(cell: &str) -> Option<Date> {
    let text = plain(cell);
    iso_day(text).or_else(|| spelled_day(text)).or_else(|| numbered_day(text))
}

/// A plain date, or of a time with an offset the day in New York. A time without an offset is of its own day.
#[must_use]
pub fn iso_day(text: &str) -> Option<Date> {
    let text = text.trim();
    let moment = text.parse::<Timestamp>().map(|at| at.to_zoned(eastern().clone()).date());
    moment.or_else(|_| text.parse::<Date>()).ok()
}

/// `2/11/2026`, `2/11/26`, `2026/2/11`, `2026-2-11`, each with or without a time behind it. What only another
/// country would write (`13/2/2026`) is no date: typed as a date it is a number, whatever the country.
fn spelled_day(text: &str) -> Option<Date> {
    let written = text.split_whitespace().next()?;
    let separator = if written.contains('/') { '/' } else { '-' };
    let parts: Vec<&str> = written.split(separator).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    if parts
        .iter()
        .any(|part| part.is_empty() || part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let (year, month, day) = match (first.len(), separator, third.len()) {
        (4, _, _) => (first.parse().ok()?, second, third),
        (_, '/', 4) => (third.parse().ok()?, first, second),
        (_, '/', 2) => (2000 + third.parse::<i16>().ok()?, first, second),
        _ => return None,
    };
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

fn numbered_day(text: &str) -> Option<Date> {
    let days = i32::try_from(number(text)?.trunc()).ok().filter(|days| DAYS.contains(days))?;
    DAY_ZERO.checked_add(days.days()).ok()
}

fn number(cell: &str) -> Option<Decimal> {
    let text = plain(cell);
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok().map(|number| number.normalize())
}

fn name(cell: &str) -> String {
    plain(cell).split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

/// Without blanks around it, and without the apostrophe by which a person makes text of it.
fn plain(cell: &str) -> &str {
    let text = cell.trim();
    text.strip_prefix('\'').map_or(text, str::trim)
}

#[cfg(test)]
mod tests;
