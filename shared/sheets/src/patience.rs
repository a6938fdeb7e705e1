//! How often and for how long Google is asked again.

use std::time::Duration;

use gamma_execution::ports::Clock;
use gamma_http::Response;
use gamma_http::retry::{Backoff, SHORTEST_RATE_LIMIT_WAIT};
use jiff::Timestamp;

/// Quotas are counted by the minute, so the tries last nearly one; the deadline may end them sooner.
const BACKOFF: Backoff =
    Backoff { tries: 8, first: Duration::from_millis(500), factor: 2.0, longest: Duration::from_secs(16) };

/// The tries of one request.
pub(crate) struct Patience<'a> {
    clock: &'a dyn Clock,
    deadline: Timestamp,
    made: u32,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(clock: &'a dyn Clock, deadline: Timestamp) -> Self {
        Self { clock, deadline, made: 0 }
    }

    /// The limit of the next exchange: `longest`, or what is left until the deadline; `None` when that is
    /// less than `least`.
    pub(crate) fn timeout(&self, least: Duration, longest: Duration) -> Option<Duration> {
        let left = Duration::try_from(self.deadline.duration_since(self.clock.now())).ok()?;
        (left >= least).then(|| left.min(longest))
    }

    /// Waits before the next try, longer each time and not less than `least`. False, at once, when there is
    /// no next try before the deadline.
    pub(crate) async fn again(&mut self, least: Duration, why: &str) -> bool {
        self.made += 1;
        let now = self.clock.now();
        let jitter = f64::from(now.subsec_nanosecond().unsigned_abs()) / 1e9;
        let Some(wait) = BACKOFF.wait_before(self.made + 1, jitter).map(|wait| wait.max(least)) else {
            return false;
        };
        let Some(until) = now.checked_add(wait).ok().filter(|until| *until < self.deadline) else {
            return false;
        };
        tracing::warn!(why, try_number = self.made, wait_ms = wait.as_millis(), "sheets: trying again");
        self.clock.sleep_until(until).await;
        true
    }

    /// How many tries ended, for messages.
    pub(crate) const fn made(&self) -> u32 {
        self.made
    }
}

/// How long an answer asks us to stay away.
pub(crate) fn asked_wait(answer: &Response) -> Duration {
    let least = if answer.status == 429 { SHORTEST_RATE_LIMIT_WAIT } else { Duration::ZERO };
    answer.retry_after().unwrap_or_default().max(least)
}
