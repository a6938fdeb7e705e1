//! The trading calendar of US equity and index options, 2010 to 2035: which days are sessions, and when each
//! series stops trading on them.
//!
//! Rules (NYSE Rule 7.2, Cboe Rule 5.1) plus a short table of one-off closures; `tests/xnys.rs` compares
//! every day with an independent calendar. Outside those years the answer is [`ClosedReason::UnknownYear`]:
//! nothing trades on a guess.
//!
//! What is announced later than a build, such as a day of mourning, comes in as [`ExtraDays`]: production
//! code asks a [`Calendar`] that was made with them. The functions of this module are the built-in calendar
//! alone.
//!
//! Only regular trading hours are described; overnight and post-close ("curb") sessions of index options are
//! not.

mod announced;
mod eastern;
mod holidays;

use std::fmt;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday, time};

use crate::OptionSymbol;

pub use announced::{ExtraDay, ExtraDays, ExtraDaysError};
pub use eastern::{at_eastern, eastern, trade_date};

/// Whether the market opens on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionDay {
    /// No session, and why.
    Closed(ClosedReason),
    /// A session.
    Open {
        /// Whether it ends three hours early, at 13:00 Eastern.
        early_close: bool,
    },
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosedReason {
    /// Saturday or Sunday, a holiday or not.
    Weekend,
    /// A holiday, the day it is observed on, or a one-off closure, by name.
    Holiday(&'static str),
    /// A closure that was announced after the build, and why; blank where nobody said.
    Announced(String),
    /// Outside 2010–2035: not known, so treated as closed.
    UnknownYear,
}

/// `open`, `open, early close at 13:00`, or `closed: ` and the reason.
impl fmt::Display for SessionDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(reason) => write!(f, "closed: {reason}"),
            Self::Open { early_close: false } => f.write_str("open"),
            Self::Open { early_close: true } => f.write_str("open, early close at 13:00"),
        }
    }
}

impl fmt::Display for ClosedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Announced(why) if !why.is_empty() => return write!(f, "announced ({why})"),
            Self::Announced(_) => "announced",
            Self::Weekend => "weekend",
            Self::Holiday(name) => name,
            Self::UnknownYear => "the calendar knows 2010 to 2035 only",
        })
    }
}

/// When stocks stop trading in a full session, New York (NYSE Rule 7.2).
const EQUITY_CLOSE: Time = time(16, 0, 0, 0);

/// When they do in a session that ends early (NYSE's list of holidays and early closings).
pub const EARLY_CLOSE: Time = time(13, 0, 0, 0);

/// When index options stop trading in a full session, but for those that expire with the stock market (Cboe
/// Rule 5.1).
pub const INDEX_OPTIONS_CLOSE: Time = time(16, 15, 0, 0);

/// When they do in a session that ends early.
const EARLY_INDEX_OPTIONS_CLOSE: Time = time(13, 15, 0, 0);

/// By when trading of `date` is over, whatever happens: nothing trades later, and an early close or a closed
/// day is not asked after. For whoever may be late and never early.
#[must_use]
pub fn latest_close(date: Date) -> Timestamp {
    at_eastern(date, INDEX_OPTIONS_CLOSE)
}

/// The years that are known.
const YEARS: RangeInclusive<i16> = 2010..=2035;

static BUILT_IN: Calendar = Calendar { extra: ExtraDays::NONE };

/// The built-in calendar with what was announced after the build: the one place where both are combined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    extra: ExtraDays,
}

impl Calendar {
    /// The built-in calendar with these extra days.
    #[must_use]
    pub const fn with(extra: ExtraDays) -> Self {
        Self { extra }
    }

    /// The built-in calendar alone.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// What was announced after the build.
    #[must_use]
    pub const fn extra(&self) -> &ExtraDays {
        &self.extra
    }

    /// Whether the market opens on `date`, a civil date in New York. An extra day never opens what the
    /// built-in calendar has closed.
    #[must_use]
    pub fn session_day(&self, date: Date) -> SessionDay {
        if !YEARS.contains(&date.year()) {
            return SessionDay::Closed(ClosedReason::UnknownYear);
        }
        if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            return SessionDay::Closed(ClosedReason::Weekend);
        }
        if let Some(name) = holidays::holiday(date) {
            return SessionDay::Closed(ClosedReason::Holiday(name));
        }
        match self.extra.of(date) {
            Some(ExtraDay::Closed(why)) => SessionDay::Closed(ClosedReason::Announced(why.clone())),
            Some(ExtraDay::Early(_)) => SessionDay::Open { early_close: true },
            None => SessionDay::Open { early_close: holidays::closes_early(date) },
        }
    }

    /// When the stock market, and with it every PM-settled series expiring that day, closes: 16:00 Eastern,
    /// 13:00 on an early close. `None` when there is no session.
    #[must_use]
    pub fn equity_close(&self, date: Date) -> Option<Timestamp> {
        self.close(date, EQUITY_CLOSE, EARLY_CLOSE)
    }

    /// When `symbol` stops trading on `date` (Cboe SPX, SPXW and XSP contract specifications).
    ///
    /// - An expiring PM-settled series (roots SPXW, XSP, XSPW): with the stock market, 16:00 Eastern, 13:00
    ///   on an early close.
    /// - Any other series still trading: fifteen minutes later, 16:15 or 13:15.
    /// - Root SPX is AM-settled: it settles on the opening prices of its expiry, so its last session is the
    ///   one *before*, and runs to 16:15.
    ///
    /// A series whose expiry is not a session (a Saturday, as SPX symbols had until 2015, or a holiday)
    /// expires on the last session before it.
    ///
    /// `None` on closed days, once the series has stopped trading, for a root whose hours we hold no table
    /// for, and where date or expiry lies in a year the calendar does not know.
    #[must_use]
    pub fn series_close(&self, symbol: &OptionSymbol, date: Date) -> Option<Timestamp> {
        let settlement = settlement_of(symbol.root())?;
        let expiry = self.last_session_to(symbol.expiry())?;
        let trades = match settlement {
            Settlement::Pm => date <= expiry,
            Settlement::Am => date < expiry,
        };
        if !trades {
            None
        } else if date == expiry {
            self.equity_close(date)
        } else {
            self.close(date, INDEX_OPTIONS_CLOSE, EARLY_INDEX_OPTIONS_CLOSE)
        }
    }

    fn is_session(&self, date: Date) -> bool {
        matches!(self.session_day(date), SessionDay::Open { .. })
    }

    fn close(&self, date: Date, usual: Time, early: Time) -> Option<Timestamp> {
        match self.session_day(date) {
            SessionDay::Closed(_) => None,
            SessionDay::Open { early_close } => {
                Some(at_eastern(date, if early_close { early } else { usual }))
            }
        }
    }

    /// `date` when it is a session, else the last one before. No closure in these years is longer than five
    /// days, so a week without a session is a year the calendar does not know.
    fn last_session_to(&self, date: Date) -> Option<Date> {
        std::iter::successors(Some(date), |day| day.yesterday().ok())
            .take(7)
            .find(|day| self.is_session(*day))
    }
}

/// [`Calendar::session_day`] of the built-in calendar.
///
/// ```
/// use gamma_market::calendar::session_day;
/// use jiff::civil::date;
/// assert_eq!(session_day(date(2026, 2, 12)).to_string(), "open");
/// assert_eq!(session_day(date(2026, 4, 3)).to_string(), "closed: Good Friday");
/// ```
#[must_use]
pub fn session_day(date: Date) -> SessionDay {
    BUILT_IN.session_day(date)
}

/// When the session of `date` begins by the built-in calendar: 09:30 Eastern. `None` when there is none.
#[must_use]
pub fn equity_open(date: Date) -> Option<Timestamp> {
    BUILT_IN.is_session(date).then(|| at_eastern(date, time(9, 30, 0, 0)))
}

/// [`Calendar::equity_close`] of the built-in calendar.
#[must_use]
pub fn equity_close(date: Date) -> Option<Timestamp> {
    BUILT_IN.equity_close(date)
}

/// [`Calendar::series_close`] of the built-in calendar.
#[must_use]
pub fn series_close(symbol: &OptionSymbol, date: Date) -> Option<Timestamp> {
    BUILT_IN.series_close(symbol, date)
}

/// Whether a series settles on the opening or the closing prices of its expiry.
enum Settlement {
    Am,
    Pm,
}

fn settlement_of(root: &str) -> Option<Settlement> {
    match root {
        "SPX" => Some(Settlement::Am),
        "SPXW" | "XSP" | "XSPW" => Some(Settlement::Pm),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
