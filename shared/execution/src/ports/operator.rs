//! What operators decide: the records that every run reads, and the list of their changes, which is kept for
//! ever.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::edge::EdgeDecision;
use super::ledger::{Decision, LedgerError};

/// Whom an operator's record is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ControlScope {
    /// Every account.
    All,
    /// One account.
    Account(String),
}

impl ControlScope {
    /// The account's name, or `all`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::All => "all",
            Self::Account(account) => account,
        }
    }
}

impl From<&str> for ControlScope {
    fn from(name: &str) -> Self {
        if name == "all" { Self::All } else { Self::Account(name.to_owned()) }
    }
}

impl From<String> for ControlScope {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl From<ControlScope> for String {
    fn from(scope: ControlScope) -> Self {
        scope.name().to_owned()
    }
}

impl fmt::Display for ControlScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A decision that is a record of its own: each run reads it before trading and at every rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlRecord {
    /// Whether this account is armed for live trading.
    Arming {
        /// The account; all cannot be armed at once.
        account: String,
        /// Whether it is.
        armed: bool,
    },
    /// Whether trading is halted. The halt of all accounts and the halt of one are lifted apart.
    Halt {
        /// Whose.
        scope: ControlScope,
        /// Whether it is.
        halted: bool,
    },
}

impl ControlRecord {
    /// Whom it is for.
    #[must_use]
    pub fn scope(&self) -> ControlScope {
        match self {
            Self::Arming { account, .. } => ControlScope::Account(account.clone()),
            Self::Halt { scope, .. } => scope.clone(),
        }
    }

    /// What writing it means.
    #[must_use]
    pub const fn verb(&self) -> ControlVerb {
        match self {
            Self::Arming { armed: true, .. } => ControlVerb::Arm,
            Self::Arming { armed: false, .. } => ControlVerb::Disarm,
            Self::Halt { halted: true, .. } => ControlVerb::Halt,
            Self::Halt { halted: false, .. } => ControlVerb::Resume,
        }
    }
}

/// What an operator changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlVerb {
    /// Armed an account.
    Arm,
    /// Disarmed it.
    Disarm,
    /// Halted trading.
    Halt,
    /// Lifted a halt.
    Resume,
    /// Switched schedules on.
    SchedulesOn,
    /// Switched them off.
    SchedulesOff,
}

impl ControlVerb {
    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm => "arm",
            Self::Disarm => "disarm",
            Self::Halt => "halt",
            Self::Resume => "resume",
            Self::SchedulesOn => "schedules_on",
            Self::SchedulesOff => "schedules_off",
        }
    }

    /// Whether it is about schedules, which stand outside the ledger.
    #[must_use]
    pub const fn is_of_schedules(self) -> bool {
        matches!(self, Self::SchedulesOn | Self::SchedulesOff)
    }
}

impl fmt::Display for ControlVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How far a change got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Recorded before it was tried. Whether it was made is not proven as long as this stands.
    AskedFor,
    /// Proven made.
    Done,
    /// Not made, or only in part; the detail says what.
    Failed,
}

/// One change that an operator made or asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlChange {
    /// Whom it is for.
    pub scope: ControlScope,
    /// Its name among the changes of the same moment.
    pub id: String,
    /// What was changed.
    pub verb: ControlVerb,
    /// Who, why, when.
    #[serde(flatten)]
    pub decision: Decision,
    /// How far it got.
    pub state: ChangeState,
    /// What became of it, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A record as it stands, with who decided it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Armed, or halted.
    pub on: bool,
    /// Who, why, when.
    #[serde(flatten)]
    pub decision: Decision,
}

/// The operators' part of the ledger. The last decision stands; no write waits for a read, so that a halt
/// never fails for one.
#[async_trait]
pub trait OperatorLedger: Send + Sync {
    /// The account's armed record; `None` when it was never armed.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read or understood.
    async fn arming(&self, account: &str) -> Result<Option<Standing>, LedgerError>;

    /// The halt of an account, or the one of all; `None` when there never was one.
    ///
    /// # Errors
    /// As [`OperatorLedger::arming`].
    async fn halt(&self, scope: &ControlScope) -> Result<Option<Standing>, LedgerError>;

    /// What the edge guard left for the account's next run.
    ///
    /// # Errors
    /// As [`OperatorLedger::arming`].
    async fn edge_decision(&self, account: &str) -> Result<Option<EdgeDecision>, LedgerError>;

    /// Writes the record, and the change beside it: both or neither.
    ///
    /// # Errors
    /// [`LedgerError`] when the decision names nobody or no reason, or is not known to be written.
    async fn decide(&self, record: &ControlRecord, decision: &Decision) -> Result<(), LedgerError>;

    /// Records a change of something that stands outside the ledger, before it is tried.
    ///
    /// # Errors
    /// As [`OperatorLedger::decide`]; then it must not be tried.
    async fn ask(
        &self,
        scope: &ControlScope,
        verb: ControlVerb,
        decision: &Decision,
    ) -> Result<ControlChange, LedgerError>;

    /// Records how far a change got that was asked for.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known to be written; then it goes on as asked for.
    async fn conclude(&self, change: &ControlChange) -> Result<(), LedgerError>;

    /// Every change of one account, or every one of all, newest first.
    ///
    /// # Errors
    /// As [`OperatorLedger::arming`].
    async fn changes(&self, scope: &ControlScope) -> Result<Vec<ControlChange>, LedgerError>;
}
