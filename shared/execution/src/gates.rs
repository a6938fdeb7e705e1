//! The gates a live run must pass before it may touch anything. Pure: time comes in as an argument.

use gamma_market::calendar::{Calendar, EARLY_CLOSE, SessionDay, at_eastern, eastern, trade_date};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::Serialize;

use crate::profile::ExecutionProfile;

/// Why a live run is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "gate")]
pub enum Gate {
    /// No session today.
    #[error("no session today: {reason}")]
    MarketClosed {
        /// Weekend, the holiday's name, or an unknown year.
        reason: String,
    },
    /// An early close: the session is over before the strategy's time.
    #[error("the session closed early, at {closed} New York")]
    ClosedEarly {
        /// When.
        closed: Time,
    },
    /// What was announced after the build does not read: today may be closed.
    #[error("{reason}; whether there is a session today is not known")]
    CalendarUnreadable {
        /// Where it is kept, what came and what was expected.
        reason: String,
    },
    /// A live run needs the scheduler's time.
    #[error("scheduled_time: missing, expected the scheduler's time; only a dry run goes without")]
    NoScheduledTime,
    /// The event is too old, or of the future.
    #[error("scheduled_time: got {scheduled}, which is {age_seconds} s before now, expected 0 to {most} s")]
    StaleEvent {
        /// The scheduler's time.
        scheduled: Timestamp,
        /// Its age.
        age_seconds: i64,
        /// The profile's limit.
        most: u32,
    },
    /// Not the time to trade.
    #[error("it is {now} New York, expected between {opens} and {closes}")]
    OutsideWindow {
        /// New York time of day.
        now: Time,
        /// Window start.
        opens: Time,
        /// Window end.
        closes: Time,
    },
    /// The deployment's parameter says dry.
    #[error("this deployment is dry (parameter DryRun)")]
    DeploymentDry,
    /// The account has no armed record.
    #[error("the account is not armed")]
    NotArmed,
    /// Trading is halted.
    #[error("trading is halted: {reason}")]
    Halted {
        /// The operator's words.
        reason: String,
    },
    /// The edge guard pauses the account.
    #[error("the edge guard pauses trading until {until}: {why}")]
    EdgePaused {
        /// The last day of the pause.
        until: Date,
        /// What the test says.
        why: String,
    },
    /// Another run is at work on this account.
    #[error("another run holds the lease: {holder}")]
    LeaseHeld {
        /// Which.
        holder: String,
    },
    /// The day has already been traded.
    #[error("already traded today: {outcome}")]
    AlreadyTraded {
        /// The day's outcome.
        outcome: String,
    },
}

/// How far a scheduler's clock may run ahead of ours, in seconds.
const AHEAD: i64 = 5;

/// The calendar with what was announced after the build. The error says why that does not read; then the
/// built-in calendar is believed where it has a day closed, and no session is traded.
pub type AnnouncedCalendar = Result<Calendar, String>;

/// The calendar as far as it is known.
pub(crate) fn known(calendar: &AnnouncedCalendar) -> &Calendar {
    calendar.as_ref().unwrap_or_else(|_| Calendar::built_in())
}

/// The gates that time and calendar decide; empty when a live run may begin.
#[must_use]
pub fn time_gates(
    now: Timestamp,
    scheduled: Option<Timestamp>,
    profile: &ExecutionProfile,
    calendar: &AnnouncedCalendar,
) -> Vec<Gate> {
    let mut shut = Vec::new();
    let today = trade_date(now);
    let time = now.to_zoned(eastern().clone()).time().round(jiff::Unit::Second).unwrap_or_default();
    match known(calendar).session_day(today) {
        SessionDay::Closed(reason) => shut.push(Gate::MarketClosed { reason: reason.to_string() }),
        SessionDay::Open { early_close: true } => shut.push(Gate::ClosedEarly { closed: EARLY_CLOSE }),
        SessionDay::Open { early_close: false } => shut.extend(
            calendar.as_ref().err().map(|reason| Gate::CalendarUnreadable { reason: reason.clone() }),
        ),
    }
    match scheduled {
        None => shut.push(Gate::NoScheduledTime),
        Some(scheduled) => {
            let age_seconds = now.duration_since(scheduled).as_secs();
            if age_seconds < -AHEAD || age_seconds > i64::from(profile.stale_after_seconds) {
                shut.push(Gate::StaleEvent { scheduled, age_seconds, most: profile.stale_after_seconds });
            }
        }
    }
    let (opens, closes) = (profile.window_opens, profile.window_closes);
    if now < at_eastern(today, opens) || now > at_eastern(today, closes) {
        shut.push(Gate::OutsideWindow { now: time, opens, closes });
    }
    shut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::tests::profile;

    fn gates(now: &str, scheduled: Option<&str>) -> Vec<&'static str> {
        gates_by(&Ok(Calendar::default()), now, scheduled)
    }

    fn gates_by(calendar: &AnnouncedCalendar, now: &str, scheduled: Option<&str>) -> Vec<&'static str> {
        time_gates(now.parse().unwrap(), scheduled.map(|text| text.parse().unwrap()), &profile(), calendar)
            .iter()
            .map(|gate| match gate {
                Gate::MarketClosed { .. } => "closed",
                Gate::ClosedEarly { .. } => "early",
                Gate::CalendarUnreadable { .. } => "unreadable",
                Gate::NoScheduledTime => "no time",
                Gate::StaleEvent { .. } => "stale",
                Gate::OutsideWindow { .. } => "window",
                _ => "other",
            })
            .collect()
    }

    #[test]
    fn announced_days_shut_the_gates_and_unreadable_ones_too() {
        let announced = Ok(Calendar::with("closed 2025-09-03 mourning; early 2025-09-04".parse().unwrap()));
        let unreadable = Err("parameter: no list".to_owned());
        for (now, by_announced, by_unreadable) in [
            ("2025-09-03T20:13:00Z", vec!["closed"], vec!["unreadable"]),
            ("2025-09-04T20:13:00Z", vec!["early"], vec!["unreadable"]),
            ("2025-09-05T20:13:00Z", vec![], vec!["unreadable"]),
            // Here nothing is in doubt, and nobody need be called.
            ("2025-09-06T20:13:00Z", vec!["closed"], vec!["closed"]),
            ("2025-11-28T21:13:00Z", vec!["early"], vec!["early"]),
        ] {
            assert_eq!(gates_by(&announced, now, Some(now)), by_announced, "{now}");
            assert_eq!(gates_by(&unreadable, now, Some(now)), by_unreadable, "{now}");
        }
    }

    #[test]
    fn a_live_run_begins_only_on_time_on_a_full_session() {
        for (now, scheduled, expected) in [
            ("2025-09-03T20:13:00Z", Some("2025-09-03T20:13:00Z"), vec![]),
            ("2025-09-03T20:13:59Z", Some("2025-09-03T20:13:00Z"), vec![]),
            ("2025-09-03T20:13:00Z", Some("2025-09-03T20:13:04Z"), vec![]),
            ("2025-12-03T21:13:10Z", Some("2025-12-03T21:13:00Z"), vec![]), // winter time
            ("2025-12-03T20:13:10Z", Some("2025-12-03T20:13:00Z"), vec!["window"]),
            ("2025-09-03T20:13:00Z", None, vec!["no time"]),
            ("2025-09-03T20:13:00Z", Some("2025-09-02T20:13:00Z"), vec!["stale"]),
            ("2025-09-03T20:13:00Z", Some("2025-09-03T20:14:00Z"), vec!["stale"]),
            ("2025-09-03T20:16:00Z", Some("2025-09-03T20:15:59Z"), vec!["window"]),
            ("2025-09-06T20:13:00Z", Some("2025-09-06T20:13:00Z"), vec!["closed"]), // Saturday
            ("2025-11-27T21:13:00Z", Some("2025-11-27T21:13:00Z"), vec!["closed"]), // Thanksgiving
            ("2025-11-28T21:13:00Z", Some("2025-11-28T21:13:00Z"), vec!["early"]),
            ("2036-01-02T21:13:00Z", Some("2036-01-02T21:13:00Z"), vec!["closed"]), // a year the calendar does not know
        ] {
            assert_eq!(gates(now, scheduled), expected, "{now} {scheduled:?}");
        }
    }
}
