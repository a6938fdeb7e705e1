//! Choosing the row of a signal feed that may be traded today.

use gamma_market::SignalRow;
use gamma_market::calendar::{Calendar, SessionDay};
use jiff::civil::Date;
use rust_decimal::Decimal;
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
    /// Rows of the trade date ask for different trades.
    #[error("signal Date: {rows} rows of {date} ask for different trades, expected one trade")]
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
    /// The expiry is further away than the profile trades.
    #[error("signal TDate: got {expiry}, expected a day at most {most_days} days after {trade_date}")]
    TooFar {
        /// The row's expiry.
        expiry: Date,
        /// The trade date.
        trade_date: Date,
        /// The profile's limit.
        most_days: u16,
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

/// What a profile says of the rows it trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection<'a> {
    /// Trade a row that expires on its own day.
    pub same_day_expiry: bool,
    /// The furthest expiry, in calendar days after the trade date.
    pub most_days_to_expiry: u16,
    /// The volatility field that sizes the trade; the others are for the record.
    pub volatility_field: &'a str,
}

/// The row to trade: the newest `Date`, which must be the trade date, with a `TDate` after it, or on it when
/// `same_day_expiry`, and not too far away. Of several rows of that day that ask for the same trade it is the
/// feed's first.
///
/// Position in the feed means nothing: some feeds list oldest first, others newest first (incident: a list
/// read from the wrong end traded expired symbols).
///
/// # Errors
/// [`SignalRefusal`] says which condition failed and what came.
pub fn select<'a>(
    rows: &'a [SignalRow],
    trade_date: Date,
    selection: Selection<'_>,
    calendar: &Calendar,
) -> Result<&'a SignalRow, SignalRefusal> {
    let newest =
        rows.iter().map(|row| row.date).max().ok_or(SignalRefusal::Empty { expected: trade_date })?;
    if newest != trade_date {
        return Err(SignalRefusal::NotToday { newest, expected: trade_date });
    }
    let of_the_day: Vec<_> = rows.iter().filter(|row| row.date == trade_date).collect();
    let [chosen, others @ ..] = &of_the_day[..] else {
        return Err(SignalRefusal::Empty { expected: trade_date });
    };
    if others.iter().any(|row| asked(row, selection) != asked(chosen, selection)) {
        return Err(SignalRefusal::Ambiguous { date: trade_date, rows: of_the_day.len() });
    }
    let expiry =
        chosen.expiry.ok_or(SignalRefusal::Missing { field: "TDate", expected: "the expiry, YYYY-MM-DD" })?;
    let same_day = selection.same_day_expiry;
    let early = if same_day { expiry < trade_date } else { expiry <= trade_date };
    if early {
        let expected = if same_day { "on or after" } else { "after" };
        return Err(SignalRefusal::Expired { expiry, trade_date, expected });
    }
    let most_days = selection.most_days_to_expiry;
    // Further away another series is traded at other prices: a wrong year in the feed, or another strategy's
    // row.
    if trade_date.duration_until(expiry).as_hours() > 24 * i64::from(most_days) {
        return Err(SignalRefusal::TooFar { expiry, trade_date, most_days });
    }
    match calendar.session_day(expiry) {
        SessionDay::Open { .. } => Ok(*chosen),
        SessionDay::Closed(reason) => Err(SignalRefusal::NoSession { expiry, closed: reason.to_string() }),
    }
}

/// What a row asks for: expiry, each side's direction and strike, the volatility. Strengths, prices and the
/// index are for the record only, and so is the strike of a side without a direction.
fn asked(row: &SignalRow, selection: Selection<'_>) -> impl PartialEq {
    let side = |go: Option<Decimal>, strike: Option<Decimal>| {
        let go = go.filter(|go| !go.is_zero())?;
        Some((go.is_sign_negative(), strike.map(|strike| strike.trunc())))
    };
    (
        row.expiry,
        side(row.left_go, row.put_strike),
        side(row.right_go, row.call_strike),
        row.volatilities.get(selection.volatility_field).copied(),
    )
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

    fn selection(same_day_expiry: bool) -> Selection<'static> {
        Selection { same_day_expiry, most_days_to_expiry: 7, volatility_field: "VixOne" }
    }

    const TODAY: Date = date(2026, 2, 11);
    const TOMORROW: Date = date(2026, 2, 12);

    #[test]
    fn incident_list_read_from_the_wrong_end_the_newest_date_wins() {
        let old = row(date(2026, 2, 10), Some(TODAY));
        let new = row(TODAY, Some(TOMORROW));
        for rows in [[old.clone(), new.clone()], [new.clone(), old]] {
            assert_eq!(select(&rows, TODAY, selection(false), Calendar::built_in()), Ok(&new));
        }
    }

    #[test]
    fn incident_signal_row_of_another_day_is_refused_and_shown() {
        let today = |expiry| row(TODAY, expiry);
        let mut other = today(Some(TOMORROW));
        other.left_go = Some(1.into());
        for (rows, same_day, message) in [
            (vec![], false, "signal: the feed holds no row, expected one with Date 2026-02-11"),
            (
                vec![row(date(2026, 2, 10), Some(TODAY))],
                false,
                "signal Date: the newest row is of 2026-02-10, expected 2026-02-11",
            ),
            (
                vec![today(Some(TOMORROW)), row(TOMORROW, Some(date(2026, 2, 13)))],
                false,
                "signal Date: the newest row is of 2026-02-12, expected 2026-02-11",
            ),
            (
                vec![today(Some(TOMORROW)), other],
                false,
                "signal Date: 2 rows of 2026-02-11 ask for different trades, expected one trade",
            ),
            (
                vec![today(None)],
                false,
                "signal TDate: missing or not a number, expected the expiry, YYYY-MM-DD",
            ),
            (
                vec![today(Some(TODAY))],
                false,
                "signal TDate: got 2026-02-11, expected a day after 2026-02-11",
            ),
            (
                vec![today(Some(date(2026, 2, 10)))],
                true,
                "signal TDate: got 2026-02-10, expected a day on or after 2026-02-11",
            ),
        ] {
            assert_eq!(
                select(&rows, TODAY, selection(same_day), Calendar::built_in()).unwrap_err().to_string(),
                message
            );
        }
        let weekend = [today(Some(date(2026, 2, 14)))];
        assert!(matches!(
            select(&weekend, TODAY, selection(false), Calendar::built_in()),
            Err(SignalRefusal::NoSession { .. })
        ));
        assert!(select(&[today(Some(TODAY))], TODAY, selection(true), Calendar::built_in()).is_ok());
    }

    #[test]
    fn an_expiry_further_away_than_the_limit_is_refused() {
        let chosen = |expiry, most_days| {
            select(
                &[row(TODAY, Some(expiry))],
                TODAY,
                Selection { most_days_to_expiry: most_days, ..selection(false) },
                Calendar::built_in(),
            )
            .cloned()
        };
        // 2026-02-11 is a Wednesday; the 16th is a holiday.
        for (expiry, most_days) in
            [(TOMORROW, 1), (date(2026, 2, 13), 2), (date(2026, 2, 18), 7), (date(2026, 4, 10), 60)]
        {
            assert_eq!(chosen(expiry, most_days), Ok(row(TODAY, Some(expiry))), "{expiry}");
        }
        for (expiry, most_days) in [
            (date(2026, 2, 13), 1),
            (date(2026, 2, 19), 7),
            (date(2026, 3, 12), 7),
            (date(2027, 2, 12), 7),
            (Date::MAX, 60),
        ] {
            let message = format!(
                "signal TDate: got {expiry}, expected a day at most {most_days} days after 2026-02-11"
            );
            assert_eq!(chosen(expiry, most_days).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn rows_that_ask_for_the_same_trade_agree() {
        type Change = fn(&mut SignalRow);
        let full = SignalRow {
            put_strike: Some(6900.into()),
            call_strike: Some(7000.into()),
            left_go: Some(Decimal::NEGATIVE_ONE),
            right_go: None,
            volatilities: BTreeMap::from([
                ("VixOne".to_owned(), Decimal::new(2, 1)),
                ("VIX".to_owned(), Decimal::new(19, 2)),
            ]),
            ..row(TODAY, Some(TOMORROW))
        };
        let chosen = |change: Change| {
            let mut other = full.clone();
            change(&mut other);
            let rows = [row(date(2026, 2, 10), Some(TODAY)), full.clone(), other, full.clone()];
            select(&rows, TODAY, selection(false), Calendar::built_in()).cloned()
        };
        let agree: [Change; 10] = [
            |it| it.left_strength = Some(Decimal::ONE),
            |it| it.right_strength = Some(Decimal::ONE),
            |it| it.put_price = Some(Decimal::ONE),
            |it| it.call_price = Some(Decimal::ONE),
            |it| it.spot = Some(6950.into()),
            |it| it.left_go = Some(Decimal::new(-25, 1)),
            |it| it.put_strike = Some(Decimal::new(69_005, 1)),
            |it| it.right_go = Some(Decimal::ZERO),
            |it| it.call_strike = Some(7005.into()),
            |it| it.volatilities.remove("VIX").map_or((), drop),
        ];
        for (at, change) in agree.into_iter().enumerate() {
            assert_eq!(chosen(change), Ok(full.clone()), "{at}: the feed's first counts");
        }
        let differ: [Change; 7] = [
            |it| it.expiry = Some(date(2026, 2, 13)),
            |it| it.expiry = None,
            |it| it.left_go = Some(Decimal::ONE),
            |it| it.left_go = None,
            |it| it.right_go = Some(Decimal::ONE),
            |it| it.put_strike = Some(6905.into()),
            |it| it.volatilities.insert("VixOne".to_owned(), Decimal::new(21, 2)).map_or((), drop),
        ];
        for (at, change) in differ.into_iter().enumerate() {
            assert_eq!(chosen(change), Err(SignalRefusal::Ambiguous { date: TODAY, rows: 3 }), "{at}");
        }
    }
}
