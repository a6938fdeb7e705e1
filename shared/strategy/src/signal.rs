//! Choosing the row of a signal feed that may be traded today.

use gamma_market::SignalRow;
use gamma_market::calendar::{Calendar, SessionDay};
use jiff::civil::Date;
use serde::Serialize;

/// Why no row of the feed may be traded. Each is a skip that is said aloud, never a guess.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum SignalRefusal {
    /// The feed is empty.
    #[error("signal: the feed holds no row, expected one with Date {expected}")]
    Empty {
        /// The trade date.
        expected: Date,
    },
    /// The newest row is of another day.
    #[error("signal Date: the newest row is of {newest}, expected {expected}")]
    NotToday {
        /// The newest row's day.
        newest: Date,
        /// The trade date.
        expected: Date,
    },
    /// Two different rows claim the trade date.
    #[error("signal Date: {rows} different rows are of {date}, expected one")]
    Ambiguous {
        /// The trade date.
        date: Date,
        /// How many rows.
        rows: usize,
    },
    /// A field the trade needs is absent, null or no number.
    #[error("signal {field}: missing or not a number, expected {expected}")]
    Missing {
        /// The field's name in the feed.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// The expiry has passed, or is today where the profile does not trade on the day of expiry.
    #[error("signal TDate: got {expiry}, expected a day {expected} {trade_date}")]
    Expired {
        /// The row's expiry.
        expiry: Date,
        /// The trade date.
        trade_date: Date,
        /// `after`, or `on or after`.
        expected: &'static str,
    },
    /// The expiry is no trading day, so no such series exists.
    #[error("signal TDate: got {expiry}, which is {closed}, expected a trading day")]
    NoSession {
        /// The row's expiry.
        expiry: Date,
        /// Why the calendar has no session.
        closed: String,
    },
}

/// The row to trade: the newest `Date`, which must be the trade date, with a `TDate` after it, or on it when `same_day_expiry`.
///
/// Position in the feed means nothing: some feeds list oldest first, others newest first (incident: a list read from the
/// wrong end traded expired symbols).
///
/// # Errors
/// [`SignalRefusal`] says which condition failed and what came.
pub fn select<'a>(rows: &'a [SignalRow], trade_date: Date, same_day_expiry: bool, calendar: &Calendar) -> Result<&'a SignalRow, SignalRefusal> {
    let newest = rows.iter().max_by_key(|row| row.date).ok_or(SignalRefusal::Empty { expected: trade_date })?;
    if newest.date != trade_date {
        return Err(SignalRefusal::NotToday { newest: newest.date, expected: trade_date });
    }
    let of_the_day: Vec<_> = rows.iter().filter(|row| row.date == trade_date).collect();
    if of_the_day.iter().any(|row| *row != newest) {
        return Err(SignalRefusal::Ambiguous { date: trade_date, rows: of_the_day.len() });
    }
    let expiry = newest.expiry.ok_or(SignalRefusal::Missing { field: "TDate", expected: "the expiry, YYYY-MM-DD" })?;
    let early = if same_day_expiry { expiry < trade_date } else { expiry <= trade_date };
    if early {
        let expected = if same_day_expiry { "on or after" } else { "after" };
        return Err(SignalRefusal::Expired { expiry, trade_date, expected });
    }
    match calendar.session_day(expiry) {
        SessionDay::Open { .. } => Ok(newest),
        SessionDay::Closed(reason) => Err(SignalRefusal::NoSession { expiry, closed: reason.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use std::collections::BTreeMap;

    fn row(day: Date, expiry: Option<Date>) -> SignalRow {
        SignalRow {
            date: day,
            expiry,
            put_strike: None,
            call_strike: None,
            left_go: None,
            right_go: None,
            left_strength: None,
            right_strength: None,
            put_price: None,
            call_price: None,
            volatilities: BTreeMap::new(),
            spot: None,
            published: Default::default(),
        }
    }

    const TODAY: Date = date(2026, 2, 11);
    const TOMORROW: Date = date(2026, 2, 12);

    #[test]
    fn incident_a_list_read_from_the_wrong_end_the_newest_date_wins_in_any_order() {
        let old = row(date(2026, 2, 10), Some(TODAY));
        let new = row(TODAY, Some(TOMORROW));
        for rows in [[old.clone(), new.clone()], [new.clone(), old]] {
            assert_eq!(select(&rows, TODAY, false, Calendar::built_in()), Ok(&new));
        }
    }

    #[test]
    fn incident_signal_row_of_another_day_every_other_feed_is_refused_with_what_came() {
        let today = |expiry| row(TODAY, expiry);
        let mut other = today(Some(TOMORROW));
        other.left_go = Some(1.into());
        for (rows, same_day, message) in [
            (vec![], false, "signal: the feed holds no row, expected one with Date 2026-02-11"),
            (vec![row(date(2026, 2, 10), Some(TODAY))], false, "signal Date: the newest row is of 2026-02-10, expected 2026-02-11"),
            (vec![today(Some(TOMORROW)), row(TOMORROW, Some(date(2026, 2, 13)))], false, "signal Date: the newest row is of 2026-02-12, expected 2026-02-11"),
            (vec![today(Some(TOMORROW)), other], false, "signal Date: 2 different rows are of 2026-02-11, expected one"),
            (vec![today(None)], false, "signal TDate: missing or not a number, expected the expiry, YYYY-MM-DD"),
            (vec![today(Some(TODAY))], false, "signal TDate: got 2026-02-11, expected a day after 2026-02-11"),
            (vec![today(Some(date(2026, 2, 10)))], true, "signal TDate: got 2026-02-10, expected a day on or after 2026-02-11"),
        ] {
            assert_eq!(select(&rows, TODAY, same_day, Calendar::built_in()).unwrap_err().to_string(), message);
        }
        let weekend = [today(Some(date(2026, 2, 14)))];
        assert!(matches!(select(&weekend, TODAY, false, Calendar::built_in()), Err(SignalRefusal::NoSession { .. })));
        assert!(select(&[today(Some(TODAY))], TODAY, true, Calendar::built_in()).is_ok());
    }
}
