//! One event on its way from a schedule to its function: tried, tried again, and laid aside in the end.

use std::sync::Arc;

use axum::http::Method;
use gamma_sim_core::random::uuid;
use gamma_sim_core::time::Hold;
use jiff::{SignedDuration, Timestamp};

use super::schedule::{Context, Schedule};
use super::{Firing, Inner};
use crate::host::{InvokeError, InvokeKind};

/// The wait before the second try; each later one is twice as long, up to the longest. Exponential is all
/// that is documented.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

pub(super) struct Delivery {
    inner: Arc<Inner>,
    schedule: Arc<Schedule>,
    scheduled: Timestamp,
    execution: String,
    attempts: u32,
}

impl Delivery {
    pub(super) fn new(inner: Arc<Inner>, schedule: Arc<Schedule>, scheduled: Timestamp) -> Self {
        let seed = schedule
            .arn()
            .bytes()
            .fold(inner.seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let execution = uuid(seed, u64::try_from(scheduled.as_second()).unwrap_or(0));
        Self { inner, schedule, scheduled, execution, attempts: 0 }
    }

    /// Tries once; what is left to do when that fails. The caller holds the moment.
    pub(super) async fn first(mut self) -> Option<impl Future<Output = ()>> {
        match self.attempt().await {
            Ok(request_id) => {
                self.end(Ok(request_id)).await;
                None
            }
            Err(error) => {
                let hold = self.inner.clock.hold();
                Some(self.again(error, hold))
            }
        }
    }

    async fn attempt(&mut self) -> Result<String, InvokeError> {
        self.attempts += 1;
        let event = self.schedule.event(Context {
            scheduled: self.scheduled,
            execution: &self.execution,
            attempt: self.attempts,
        });
        let invoked =
            self.inner.invoker.invoke(&self.schedule.target.arn, event.as_bytes(), InvokeKind::Event).await;
        invoked.map(|result| result.request_id)
    }

    /// Sees it through after a first failure. `hold` is on the moment of that.
    async fn again(mut self, mut error: InvokeError, mut hold: Hold) {
        let (target, mut wait) = (self.schedule.target.clone(), FIRST_WAIT);
        let too_old = self.scheduled.saturating_add(target.oldest).unwrap_or(Timestamp::MAX);
        let condition = loop {
            if self.attempts > target.retries {
                break "MaximumRetryAttempts";
            }
            let next = self.inner.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
            if next > too_old {
                break "MaximumEventAgeInSeconds";
            }
            let alarm = self.inner.clock.alarm(next);
            drop(hold);
            hold = alarm.await;
            match self.attempt().await {
                Ok(request_id) => {
                    self.end(Ok(request_id)).await;
                    return;
                }
                Err(again) => error = again,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        };
        self.lay_aside(&error, condition).await;
        self.end(Err(error.code().to_owned())).await;
        drop(hold);
    }

    /// Sends the event to the schedule's queue, if it has one, with why it could not be delivered.
    /// Source: EventBridge Scheduler user guide, "Configuring a dead-letter queue".
    async fn lay_aside(&self, error: &InvokeError, condition: &str) {
        let Some(queue) = &self.schedule.target.dead_letters else { return };
        let event = self.schedule.event(Context {
            scheduled: self.scheduled,
            execution: &self.execution,
            attempt: self.attempts,
        });
        let attributes = [
            ("ERROR_CODE", error.code().to_owned()),
            ("ERROR_MESSAGE", error.to_string()),
            ("EXECUTION_ID", self.execution.clone()),
            ("EXHAUSTED_RETRY_CONDITION", condition.to_owned()),
            ("IS_PAYLOAD_TRUNCATED", "false".to_owned()),
            ("RETRY_ATTEMPTS", self.attempts.saturating_sub(1).to_string()),
            ("SCHEDULED_TIME", self.scheduled.to_string()),
            ("SCHEDULE_ARN", self.schedule.arn().to_owned()),
            ("TARGET_ARN", self.schedule.target.arn.clone()),
        ];
        if let Err(error) = self.inner.aws.send_message(queue, &event, &attributes).await {
            self.inner.problem(format!("schedule {}, dead letter: {error}", self.schedule.name));
        }
    }

    async fn end(self, result: Result<String, String>) {
        let (schedule, group) = (&self.schedule.name, &self.schedule.group);
        if self.schedule.is_once() && self.schedule.deleted_after {
            let path = format!("/schedules/{schedule}?groupName={group}");
            if let Err(error) = self.inner.aws.rest("scheduler", Method::DELETE, &path).await {
                self.inner.problem(format!("schedule {schedule}, its end: {error}"));
            }
        }
        let (scheduled, at, attempts) = (self.scheduled, self.inner.clock.now(), self.attempts);
        self.inner.fired(Firing { schedule: schedule.clone(), scheduled, at, attempts, result });
    }
}
