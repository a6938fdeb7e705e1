//! When a schedule fires next. What is not understood is said to be unknown, never guessed.

mod cron;
mod expression;

use gamma_execution::gates::AnnouncedCalendar;
use gamma_market::calendar::{Calendar, ClosedReason, EARLY_CLOSE, SessionDay, trade_date};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use cron::Cron;
pub use expression::{Expression, ExpressionError, RateUnit};

/// A schedule as its service keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// `cron(13 16 ? * MON-FRI *)`.
    pub expression: String,
    /// The zone its expression is read in; UTC where the service names none.
    pub time_zone: String,
    /// Whether it is on.
    pub enabled: bool,
    /// It does not fire before.
    pub starts: Option<Timestamp>,
    /// It does not fire after.
    pub ends: Option<Timestamp>,
}

/// When it fires next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextFire {
    /// Then.
    At(Fire),
    /// Not any more, and why.
    Never(String),
    /// Nobody here can tell, and why.
    Unknown(String),
}

/// One moment at which a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fire {
    /// The moment.
    pub at: Timestamp,
    /// The same on the clocks of the schedule's zone, `Wed 2025-09-03 16:13`.
    pub local: String,
    /// What the calendar says of it, `holiday (Good Friday), will not trade`; nothing on a full session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Schedule {
    /// When it fires next after `now`, on or off; by `calendar` where what it fires only matters on a full
    /// session.
    #[must_use]
    pub fn next(&self, now: Timestamp, calendar: Option<&AnnouncedCalendar>) -> NextFire {
        self.fires(now, calendar, false)
    }

    /// When it fires next on a full session.
    #[must_use]
    pub fn next_session(&self, now: Timestamp, calendar: &AnnouncedCalendar) -> NextFire {
        match calendar {
            Ok(_) => self.fires(now, Some(calendar), true),
            Err(why) => NextFire::Unknown(why.clone()),
        }
    }

    fn fires(&self, now: Timestamp, calendar: Option<&AnnouncedCalendar>, sessions_only: bool) -> NextFire {
        let expression: Expression = match self.expression.parse() {
            Ok(expression) => expression,
            Err(error) => return NextFire::Unknown(ExpressionError::to_string(&error)),
        };
        let Ok(zone) = TimeZone::get(&self.time_zone) else {
            return NextFire::Unknown(format!("time zone {:?}: not known here", self.time_zone));
        };
        // A start is a moment at which it may fire, so the search begins just before it.
        let starts =
            self.starts.and_then(|start| start.checked_sub(jiff::SignedDuration::from_nanos(1)).ok());
        let mut after = starts.map_or(now, |start| start.max(now));
        // No year has as many days without a session in a row.
        for _ in 0..400 {
            let next = match &expression {
                Expression::Cron(cron) => cron
                    .next(after, &zone)
                    .ok_or_else(|| NextFire::Never("no such date comes within nine years".to_owned())),
                Expression::At(at) => once(*at, &zone).and_then(|at| {
                    if at > after { Ok(at) } else { Err(NextFire::Never(format!("it was for {at}"))) }
                }),
                Expression::Rate(count, unit) => self
                    .starts
                    .filter(|start| *start > now)
                    .ok_or_else(|| counted_from_nowhere(*count, *unit)),
            };
            let at = match next {
                Ok(at) => at,
                Err(unknown) => return unknown,
            };
            if let Some(end) = self.ends.filter(|end| at > *end) {
                return NextFire::Never(format!("it ended on {}", local(end, &zone)));
            }
            let note = calendar.and_then(|calendar| calendar_note(at, calendar));
            if !sessions_only || note.is_none() {
                return NextFire::At(Fire { at, local: local(at, &zone), note });
            }
            if !matches!(expression, Expression::Cron(_)) {
                return NextFire::Never(format!(
                    "it fires on {} only: {}",
                    local(at, &zone),
                    note.unwrap_or_default()
                ));
            }
            after = at;
        }
        NextFire::Unknown("the calendar knows no session at which it fires".to_owned())
    }
}

fn counted_from_nowhere(count: u32, unit: RateUnit) -> NextFire {
    NextFire::Unknown(format!("every {count} {unit}, counted from a moment that the service does not tell"))
}

/// A single time that the zone's clocks skip: what the service makes of it is not documented.
fn once(at: DateTime, zone: &TimeZone) -> Result<Timestamp, NextFire> {
    let skipped = || NextFire::Unknown(format!("{at}: the clocks of its zone skip that time"));
    cron::moment(at, zone).ok_or_else(skipped)
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%a %Y-%m-%d %H:%M").to_string()
}

/// Why nothing would be traded then.
fn calendar_note(at: Timestamp, calendar: &AnnouncedCalendar) -> Option<String> {
    let known = calendar.as_ref().unwrap_or_else(|_| Calendar::built_in());
    let why = match known.session_day(trade_date(at)) {
        SessionDay::Open { early_close: false } => calendar.as_ref().err()?.clone(),
        SessionDay::Open { early_close: true } => format!("early close at {}", EARLY_CLOSE.strftime("%H:%M")),
        SessionDay::Closed(ClosedReason::Holiday(name)) => format!("holiday ({name})"),
        SessionDay::Closed(reason) => reason.to_string(),
    };
    Some(format!("{why}, will not trade"))
}

#[cfg(test)]
mod tests;
