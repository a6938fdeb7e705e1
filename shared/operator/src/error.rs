//! Why an operator's wish was not done.

use gamma_execution::ports::LedgerError;

use crate::ports::FunctionError;

/// Why. Each has a stable name, which the operator's function answers with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperatorError {
    /// The deployment has no such account.
    #[error("account: got {got:?}, expected one of {known}")]
    UnknownAccount {
        /// What was asked for.
        got: String,
        /// The deployment's accounts.
        known: String,
    },
    /// A change must say who and why.
    #[error("{field}: got nothing, or too much; expected {expected}")]
    Unsaid {
        /// `by` or `why`.
        field: &'static str,
        /// What it should say.
        expected: &'static str,
    },
    /// Live trading of an account is armed for the first time, and nobody confirmed that it is this account
    /// that is meant.
    #[error("confirm: got {got}, expected {account:?}: {why}; nothing was changed")]
    NotConfirmed {
        /// The account.
        account: String,
        /// What came.
        got: String,
        /// Why it is asked for.
        why: &'static str,
    },
    /// The ledger could not be read or written.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// A function could not be invoked.
    #[error("{0}")]
    Function(#[from] FunctionError),
}

impl OperatorError {
    /// Its stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownAccount { .. } => "UnknownAccount",
            Self::Unsaid { .. } => "MalformedEvent",
            Self::NotConfirmed { .. } => "NotConfirmed",
            Self::Ledger(_) => "LedgerUnavailable",
            Self::Function(_) => "FunctionUnavailable",
        }
    }
}
