//! What is left of a run: hand it off, prove it now.

use gamma_execution::handoff::{HandedOff, hand_off};
use gamma_execution::ports::Handoff;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use super::Operator;
use crate::error::OperatorError;
use crate::ports::{Answered, Wait};

/// What came of recovering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The account's function was asked to; what it finds is in the ledger afterwards.
    AskedFor,
    /// It answered.
    Answered(Value),
    /// It failed.
    Failed {
        /// Its error's stable name.
        error_type: String,
        /// Its words.
        message: String,
    },
}

impl Operator<'_> {
    /// Gives what is in an account's outbox to its consumers.
    ///
    /// # Errors
    /// [`OperatorError`] when the account is not known; what could not be given is in the answer.
    pub async fn hand_off(&self, account: &str, consumers: &dyn Handoff) -> Result<HandedOff, OperatorError> {
        self.known(account)?;
        Ok(hand_off(self.ports.days.outbox(), consumers, account).await)
    }

    /// Has an account's trading function prove and record what is open: a sweep, which places nothing. Of
    /// today, unless a date is said.
    ///
    /// # Errors
    /// [`OperatorError`] when the account is not known, or the function is not known to be invoked.
    pub async fn recover(
        &self,
        account: &str,
        date: Option<Date>,
        wait: Wait,
    ) -> Result<Recovery, OperatorError> {
        self.known(account)?;
        let mut event = json!({ "account": account, "sweep": true });
        if let Some(date) = date {
            event["date"] = date.to_string().into();
        }
        Ok(match self.ports.functions.ask(&self.names.trade[account], &event, wait).await? {
            Answered::Queued => Recovery::AskedFor,
            Answered::Returned(answer) => Recovery::Answered(answer),
            Answered::Failed { error_type, message } => Recovery::Failed { error_type, message },
        })
    }
}
