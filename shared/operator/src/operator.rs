//! The use cases. Every change names who and why; what could not be done says so, what is not known is never
//! shown as known.

mod decide;
mod recover;
mod status;
mod switch;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gamma_execution::ports::{Clock, ControlScope, Decision, OperatorLedger, TokenStore};

use crate::error::OperatorError;
use crate::login::Login;
use crate::names::Names;
use crate::ports::{Days, Invocations, Schedules, Sessions};

pub use recover::Recovery;
pub use status::{
    AccountStatus, ArmedSince, EdgeStanding, Halted, Known, LastRun, LoginStatus, OpenIntent, ScheduleStatus,
    Status,
};
pub use switch::{Switch, SwitchResult, Switched};

/// What the use cases work with.
#[derive(Clone, Copy)]
pub struct OperatorPorts<'a> {
    /// Time.
    pub clock: &'a dyn Clock,
    /// The operators' records.
    pub records: &'a dyn OperatorLedger,
    /// What became of each day.
    pub days: &'a dyn Days,
    /// The schedules.
    pub schedules: &'a dyn Schedules,
    /// The calendar.
    pub sessions: &'a dyn Sessions,
    /// The functions.
    pub functions: &'a dyn Invocations,
    /// The token documents.
    pub tokens: &'a dyn TokenStore,
}

/// Who asks for a change, and why.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The person.
    pub by: &'a str,
    /// The reason.
    pub why: &'a str,
}

/// Everything that an operator does, over ports.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    /// What the deployment's parts are called; an account that is not among them is refused.
    pub names: &'a Names,
    /// The login of each account.
    pub logins: &'a BTreeMap<String, Login>,
    /// The world.
    pub ports: OperatorPorts<'a>,
}

/// The longest words that are kept, in characters.
pub const LONGEST: usize = 1000;

impl Operator<'_> {
    /// The account, if the deployment has it.
    fn known(&self, account: &str) -> Result<(), OperatorError> {
        if self.names.trade.contains_key(account) {
            return Ok(());
        }
        let known = self.names.accounts().collect::<Vec<_>>().join(", ");
        Err(OperatorError::UnknownAccount { got: account.chars().take(60).collect(), known })
    }

    /// All, or an account that the deployment has.
    fn known_scope(&self, scope: &ControlScope) -> Result<(), OperatorError> {
        match scope {
            ControlScope::All => Ok(()),
            ControlScope::Account(account) => self.known(account),
        }
    }

    /// The accounts that a scope means, by name.
    fn accounts_of(&self, scope: &ControlScope) -> Result<Vec<String>, OperatorError> {
        self.known_scope(scope)?;
        Ok(match scope {
            ControlScope::All => self.names.accounts().map(str::to_owned).collect(),
            ControlScope::Account(account) => vec![account.clone()],
        })
    }

    fn decision(&self, who: Who<'_>) -> Result<Decision, OperatorError> {
        for (field, value, expected) in [
            ("by", who.by, "who asks, up to 1000 characters"),
            ("why", who.why, "why, up to 1000 characters"),
        ] {
            if value.trim().is_empty() || value.chars().count() > LONGEST {
                return Err(OperatorError::Unsaid { field, expected });
            }
        }
        Ok(Decision {
            by: who.by.trim().to_owned(),
            why: who.why.trim().to_owned(),
            at: self.ports.clock.now(),
        })
    }
}
