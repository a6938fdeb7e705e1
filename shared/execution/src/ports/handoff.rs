use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ledger::{LedgerError, RunRecord};

/// Who takes a run from the trading function once it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consumer {
    /// Writes the spreadsheet, and tells a person what a person should know.
    SheetsLog,
    /// Keeps the account's equity and the sequential test.
    EdgeGuard,
}

impl Consumer {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::SheetsLog, Self::EdgeGuard];

    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SheetsLog => "sheets-log",
            Self::EdgeGuard => "edge-guard",
        }
    }
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Consumer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|consumer| consumer.name() == name)
            .ok_or_else(|| format!("got {name:?}, expected sheets-log or edge-guard"))
    }
}

/// Where a run is kept: all that a hand-off carries. What happened is read from the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunKey {
    /// The account.
    pub account: String,
    /// The trade date.
    pub trade_date: Date,
    /// The run.
    pub run_id: String,
}

/// A run that one consumer has not been given yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingHandoff {
    /// The run.
    pub run: RunKey,
    /// To whom.
    pub consumer: Consumer,
}

/// What is still to be handed off. Its marks are written with the run's record, all or nothing, so that none
/// is forgotten.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Everything of the account that is not known to be handed off, oldest day first.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read.
    async fn pending(&self, account: &str) -> Result<Vec<PendingHandoff>, LedgerError>;

    /// Takes the mark away. Harmless when it is gone already; when it fails, the consumer is given the run
    /// again.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn handed_off(&self, handoff: &PendingHandoff) -> Result<(), LedgerError>;
}

/// Gives a run to its consumer, without waiting for what the consumer makes of it.
#[async_trait]
pub trait Handoff: Send + Sync {
    /// Gives it.
    ///
    /// # Errors
    /// [`HandoffError`] when it is not known to be taken.
    async fn hand_off(&self, handoff: &PendingHandoff) -> Result<(), HandoffError>;
}

/// A hand-off that is not known to be taken; it stays in the outbox.
#[derive(Debug, Clone, thiserror::Error)]
#[error("hand off run {run_id} to {consumer}: {reason}")]
pub struct HandoffError {
    /// The run.
    pub run_id: String,
    /// To whom.
    pub consumer: Consumer,
    /// Why, without secrets.
    pub reason: String,
}

/// The records that consumers read.
#[async_trait]
pub trait Archive: Send + Sync {
    /// One run; `None` when no such run is recorded.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read or understood.
    async fn run(&self, run: &RunKey) -> Result<Option<RunRecord>, LedgerError>;

    /// Every recorded run of an account's day, by run id.
    ///
    /// # Errors
    /// As [`Archive::run`].
    async fn runs(&self, account: &str, date: Date) -> Result<Vec<RunRecord>, LedgerError>;
}
