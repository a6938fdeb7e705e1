//! How long a login still lives that ends by itself: so long after a person logged in, and no refresh
//! prolongs it.

use jiff::{SignedDuration, Timestamp};

const HOUR: i64 = 60 * 60;

/// For its last two days a person is reminded, by every round.
const REMINDS: i64 = 48 * HOUR;

/// For its last day it pages: tomorrow's run may be the first without a token.
const PAGES: i64 = 24 * HOUR;

/// Clocks differ; a login that lies further ahead than this is no time of ours.
const SKEW: i64 = 5 * 60;

/// How a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runway {
    /// More than two days are left.
    Long {
        /// Whole hours left.
        hours: i64,
    },
    /// Two days at most: to be renewed soon.
    Short {
        /// Whole hours left.
        hours: i64,
    },
    /// A day at most, or none: to be renewed now.
    Ending {
        /// Whole hours left; 0 when it is over.
        hours: i64,
    },
    /// The document's login lies in the future, so nothing is known of its age.
    Unknown,
}

impl Runway {
    /// Of a login made at `created`, unix seconds, that lasts so long.
    #[must_use]
    pub fn of(created: i64, lasts: SignedDuration, now: Timestamp) -> Self {
        let age = now.as_second().saturating_sub(created);
        let left = lasts.as_secs().saturating_sub(age);
        let hours = left.max(0) / HOUR;
        match left {
            _ if age <= -SKEW => Self::Unknown,
            left if left > REMINDS => Self::Long { hours },
            left if left > PAGES => Self::Short { hours },
            _ => Self::Ending { hours },
        }
    }

    /// Whole hours left, where that is known.
    #[must_use]
    pub const fn hours(self) -> Option<i64> {
        match self {
            Self::Long { hours } | Self::Short { hours } | Self::Ending { hours } => Some(hours),
            Self::Unknown => None,
        }
    }

    /// What a person should know, where there is something to do: with the section of the runbook that says
    /// how.
    #[must_use]
    pub fn words(self, runbook: &str) -> Option<String> {
        let log_in = format!("a person must log in again, see docs/runbook.md, '{runbook}'");
        match self {
            Self::Long { .. } => None,
            Self::Short { hours } | Self::Ending { hours: hours @ 1.. } => {
                Some(format!("the login ends in {hours} h: {log_in}"))
            }
            Self::Ending { .. } => Some(format!("the login ends within the hour, or has ended: {log_in}")),
            Self::Unknown => Some(format!(
                "creation_timestamp: got a time to come, expected unix seconds of the login; when it ends is not known: {log_in}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_short_ending_to_the_second() {
        const DAY: i64 = 24 * HOUR;
        const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        for (age, runway) in [
            (-SKEW, Runway::Unknown),
            (1 - SKEW, Runway::Long { hours: 168 }),
            (0, Runway::Long { hours: 168 }),
            (4 * DAY, Runway::Long { hours: 72 }),
            (5 * DAY - 1, Runway::Long { hours: 48 }),
            (5 * DAY, Runway::Short { hours: 48 }),
            (5 * DAY + 1, Runway::Short { hours: 47 }),
            (6 * DAY - 1, Runway::Short { hours: 24 }),
            (6 * DAY, Runway::Ending { hours: 24 }),
            (7 * DAY - HOUR, Runway::Ending { hours: 1 }),
            (7 * DAY - 1, Runway::Ending { hours: 0 }),
            (7 * DAY, Runway::Ending { hours: 0 }),
            (9 * DAY, Runway::Ending { hours: 0 }),
        ] {
            assert_eq!(Runway::of(now.as_second() - age, WEEK, now), runway, "{age} s");
        }
        // Milliseconds instead of seconds, and nothing at all.
        assert_eq!(Runway::of(now.as_millisecond(), WEEK, now), Runway::Unknown);
        assert_eq!(Runway::of(i64::MIN, WEEK, now), Runway::Ending { hours: 0 });
    }

    #[test]
    fn an_operator_reads_time_left_and_next_step_only_when_near() {
        assert_eq!(Runway::Long { hours: 49 }.words("Schwab login"), None);
        for (runway, begins) in [
            (Runway::Short { hours: 47 }, "the login ends in 47 h: "),
            (Runway::Ending { hours: 1 }, "the login ends in 1 h: "),
            (Runway::Ending { hours: 0 }, "the login ends within the hour, or has ended: "),
            (Runway::Unknown, "creation_timestamp: got a time to come"),
        ] {
            let words = runway.words("Schwab login").unwrap();
            assert!(
                words.starts_with(begins) && words.ends_with("see docs/runbook.md, 'Schwab login'"),
                "{words}"
            );
        }
    }
}
