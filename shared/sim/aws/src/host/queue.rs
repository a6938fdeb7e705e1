//! Asynchronous invocations: queued, retried, given up.
//! Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".

use std::time::Duration;

use super::service::{Attached, Invocation, Service, later};
use super::{AsyncFailure, FailureCondition};
use gamma_sim_core::time::Hold;

/// The first retry comes a minute after the failure, the second two.
const RETRY_STEP: Duration = Duration::from_secs(60);
/// A throttled event comes back after a second, then after twice as long each time, up to five minutes.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

impl Service {
    /// Sees an event through until it succeeds or is given up. `hold` is on the moment it was accepted.
    pub(super) async fn deliver(&self, invocation: Invocation, mut hold: Hold) {
        let config = &invocation.function.config;
        let expiry = later(self.clock.now(), config.max_event_age);
        let mut attempts = 0;
        let mut error = String::new();
        let mut backoff = FIRST_BACKOFF;
        let condition = loop {
            if config.reserved_concurrency == Some(0) {
                break FailureCondition::ZeroReservedConcurrency;
            }
            let again = if let Some(permit) = invocation.function.permit() {
                let attached = Attached::new(&self.clock, &invocation.request_id);
                drop(hold);
                attempts += 1;
                let end = self.attempt(&invocation, attempts, attached).await;
                drop(permit);
                let Some(failure) = end.outcome.error_text() else { return };
                hold = self.clock.hold();
                error = failure;
                if attempts > u32::from(config.max_retries) {
                    break FailureCondition::RetriesExhausted;
                }
                later(self.clock.now(), RETRY_STEP.saturating_mul(attempts))
            } else {
                let again = later(self.clock.now(), backoff);
                backoff = backoff.saturating_mul(2).min(LONGEST_BACKOFF);
                again
            };
            // The alarm is set before time is let go, so that no other can ring between the two.
            let alarm = self.clock.alarm(again.min(expiry));
            drop(hold);
            hold = alarm.await;
            if self.clock.now() >= expiry {
                break FailureCondition::EventAgeExceeded;
            }
        };
        let failure = AsyncFailure {
            request_id: invocation.request_id,
            function: config.name.clone(),
            condition,
            attempts,
            at: self.clock.now(),
            payload: invocation.payload.to_vec(),
            error,
        };
        // Time stands still until its queue has heard of it.
        self.give_up(failure, config.on_failure.as_deref()).await;
        drop(hold);
    }
}
