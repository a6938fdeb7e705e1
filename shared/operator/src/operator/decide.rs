//! Arming and halting: records that every run reads, and the list of their changes.

use gamma_execution::ports::{ControlChange, ControlRecord, ControlScope, Standing};

use super::{Operator, Who};
use crate::error::OperatorError;

impl Operator<'_> {
    /// Whether arming this account needs a confirmation: it was never armed.
    ///
    /// # Errors
    /// [`OperatorError`] when the account is not known, or its record does not read: then it is not armed
    /// either.
    pub async fn arms_first(&self, account: &str) -> Result<bool, OperatorError> {
        self.known(account)?;
        Ok(self.ports.records.arming(account).await?.is_none())
    }

    /// Arms an account for live trading. The first time the account's name must be confirmed; a wrong
    /// confirmation is always refused.
    ///
    /// # Errors
    /// [`OperatorError`]; after [`OperatorError::Ledger`] it may be armed all the same.
    pub async fn arm(
        &self,
        account: &str,
        who: Who<'_>,
        confirm: Option<&str>,
    ) -> Result<Standing, OperatorError> {
        self.known(account)?;
        let decision = self.decision(who)?;
        let unconfirmed = |why| {
            let got = confirm.map_or_else(
                || "nothing".to_owned(),
                |text| format!("{:?}", text.chars().take(60).collect::<String>()),
            );
            OperatorError::NotConfirmed { account: account.to_owned(), got, why }
        };
        match confirm {
            Some(name) if name == account => {}
            Some(_) => return Err(unconfirmed("it is not the account that is to be armed")),
            None if self.arms_first(account).await? => {
                return Err(unconfirmed("this account was never armed for live trading"));
            }
            None => {}
        }
        self.ports
            .records
            .decide(&ControlRecord::Arming { account: account.to_owned(), armed: true }, &decision)
            .await?;
        Ok(Standing { on: true, decision })
    }

    /// Disarms an account. Nothing is read first and nothing asked: it works whatever stands there.
    ///
    /// # Errors
    /// [`OperatorError`]; after [`OperatorError::Ledger`] it may still be armed.
    pub async fn disarm(&self, account: &str, who: Who<'_>) -> Result<Standing, OperatorError> {
        self.known(account)?;
        let decision = self.decision(who)?;
        self.ports
            .records
            .decide(&ControlRecord::Arming { account: account.to_owned(), armed: false }, &decision)
            .await?;
        Ok(Standing { on: false, decision })
    }

    /// Halts an account or all: a run at work cancels its orders, proves them over and sends nothing more; no
    /// other run sends anything. Nothing is read first and nothing asked.
    ///
    /// # Errors
    /// [`OperatorError`]; after [`OperatorError::Ledger`] it may not be halted.
    pub async fn halt(&self, scope: &ControlScope, who: Who<'_>) -> Result<Standing, OperatorError> {
        self.set_halt(scope, true, who).await
    }

    /// Lifts the halt of an account or the one of all; each is lifted apart.
    ///
    /// # Errors
    /// As [`Operator::halt`]: it may still be halted.
    pub async fn resume(&self, scope: &ControlScope, who: Who<'_>) -> Result<Standing, OperatorError> {
        self.set_halt(scope, false, who).await
    }

    async fn set_halt(
        &self,
        scope: &ControlScope,
        halted: bool,
        who: Who<'_>,
    ) -> Result<Standing, OperatorError> {
        self.known_scope(scope)?;
        let decision = self.decision(who)?;
        self.ports.records.decide(&ControlRecord::Halt { scope: scope.clone(), halted }, &decision).await?;
        Ok(Standing { on: halted, decision })
    }

    /// What operators changed, newest first: of an account with what was changed for all, or the latter
    /// alone.
    ///
    /// # Errors
    /// [`OperatorError`] when the account is not known or the list does not read.
    pub async fn changes(&self, scope: &ControlScope) -> Result<Vec<ControlChange>, OperatorError> {
        self.known_scope(scope)?;
        let mut changes = self.ports.records.changes(scope).await?;
        if *scope != ControlScope::All {
            changes.extend(self.ports.records.changes(&ControlScope::All).await?);
            changes.sort_by(|a, b| (b.decision.at, &b.id).cmp(&(a.decision.at, &a.id)));
        }
        Ok(changes)
    }
}
