//! What the use cases need beside the ledger's ports of `gamma-execution`.

use async_trait::async_trait;
use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::ports::{Archive, Ledger, LedgerError, LoadedDay, Outbox, RunRecord};
use jiff::civil::Date;
use serde_json::Value;

use crate::schedule::Schedule;

/// The deployment's schedules, by name.
#[async_trait]
pub trait Schedules: Send + Sync {
    /// One; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`ScheduleFault`] when it could not be read.
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, ScheduleFault>;

    /// Switches one on or off and leaves everything else of it as it is; `None` when there is none of that
    /// name: none is made. `Some(false)` when it stood so already. An answer means that it was read again and
    /// is proven.
    ///
    /// # Errors
    /// [`ScheduleFault`] when it is not proven.
    async fn switch(&self, name: &str, on: bool) -> Result<Option<bool>, ScheduleFault>;
}

/// A schedule that could not be read, or is not proven to be changed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("schedule {name}: {what}: {reason}")]
pub struct ScheduleFault {
    /// Which.
    pub name: String,
    /// `read` or `switch`.
    pub what: &'static str,
    /// Why.
    pub reason: String,
}

/// How long an invocation is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until it is queued.
    Queued,
    /// Until it has answered.
    Answer,
}

/// The sessions, with what was announced after the build.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The calendar as a run reads it now; the error says why what was announced is not known or does not
    /// read.
    async fn calendar(&self) -> AnnouncedCalendar;
}

/// The deployment's functions, by name.
#[async_trait]
pub trait Invocations: Send + Sync {
    /// Invokes one and waits as long as is said. A call that was waited for is never repeated by itself.
    ///
    /// # Errors
    /// [`FunctionError`] when it is not known to be queued, or gave no answer.
    async fn ask(&self, function: &str, event: &Value, wait: Wait) -> Result<Answered, FunctionError>;
}

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It is queued.
    Queued,
    /// Its answer.
    Returned(Value),
    /// It failed: its error's type and message.
    Failed {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        message: String,
    },
}

/// An invocation that is not known to be made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("function {function}: {reason}")]
pub struct FunctionError {
    /// Which.
    pub function: String,
    /// Why.
    pub reason: String,
}

/// What status reads of an account's days.
#[async_trait]
pub trait Days: Send + Sync {
    /// Everything kept of a day.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read or understood; so for all of them.
    async fn day(&self, account: &str, strategy: &str, date: Date) -> Result<LoadedDay, LedgerError>;

    /// The day's recorded runs.
    ///
    /// # Errors
    /// As [`Days::day`].
    async fn runs_of(&self, account: &str, date: Date) -> Result<Vec<RunRecord>, LedgerError>;

    /// What is still to be handed off.
    fn outbox(&self) -> &dyn Outbox;
}

#[async_trait]
impl<L: Ledger + Archive + Outbox> Days for L {
    async fn day(&self, account: &str, strategy: &str, date: Date) -> Result<LoadedDay, LedgerError> {
        self.load_day(account, strategy, date).await
    }

    async fn runs_of(&self, account: &str, date: Date) -> Result<Vec<RunRecord>, LedgerError> {
        self.runs(account, date).await
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }
}
