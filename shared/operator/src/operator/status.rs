//! How each account stands. What could not be read is said to be unknown, with the reason; the rest is shown
//! all the same.

mod account;

use std::fmt;

use gamma_execution::ports::{ControlChange, Slot, Verdict};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::Operator;
use crate::error::OperatorError;
use crate::names::ScheduleKind;
use crate::schedule::NextFire;
use futures_util::future::join_all;
use gamma_execution::ports::ControlScope;

/// Read, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Known<T> {
    /// Read.
    Is(T),
    /// Not read, and why.
    Unknown {
        /// Why.
        unknown: String,
    },
}

impl<T> Known<T> {
    fn of<E: fmt::Display>(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Is(value),
            Err(error) => Self::Unknown { unknown: error.to_string() },
        }
    }
}

/// How a deployment stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// When it was asked.
    pub at: Timestamp,
    /// The accounts, by name.
    pub accounts: Vec<AccountStatus>,
}

/// How an account stands.
#[derive(Debug, Clone, Serialize)]
pub struct AccountStatus {
    /// Its name.
    pub account: String,
    /// Whether it is armed, by whom and why; `None` when it never was.
    pub armed: Known<Option<ArmedSince>>,
    /// The halts that stop it, its own and the one of all.
    pub halted: Known<Vec<Halted>>,
    /// Its last run that was to trade, of the days that were looked at.
    pub last_run: Known<Option<LastRun>>,
    /// Its last sweep of these days.
    pub last_sweep: Known<Option<LastRun>>,
    /// Its schedules, in the order of the day.
    pub schedules: Vec<ScheduleStatus>,
    /// Its login.
    pub login: Known<LoginStatus>,
    /// Intents of these days that are not settled, unresolved ones first.
    pub open_intents: Known<Vec<OpenIntent>>,
    /// What the edge guard says of the next run.
    pub edge: Known<Option<EdgeStanding>>,
    /// What is still to be handed off, `sheets-log run-1`.
    pub outbox: Known<Vec<String>>,
    /// The newest change of its schedules, where it is not proven done.
    pub unproven: Known<Option<ControlChange>>,
    /// The first of the days that were looked at.
    pub looked_back_to: Date,
}

/// Whether an account is armed, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArmedSince {
    /// Whether.
    pub armed: bool,
    /// Since when.
    pub since: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A halt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Halted {
    /// The account, or `all`.
    pub whom: String,
    /// Since when.
    pub since: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastRun {
    /// The trade date.
    pub date: Date,
    /// The run.
    pub run_id: String,
    /// The named outcome.
    pub outcome: String,
    /// Whether it was to trade for real.
    pub live: bool,
    /// When it ended, where its report says so.
    pub ended: Option<Timestamp>,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduleStatus {
    /// Its name.
    pub name: String,
    /// What it is for; `None` for the token keeper's.
    pub kind: Option<ScheduleKind>,
    /// On or off; `None` when there is no such schedule.
    pub on: Known<Option<bool>>,
    /// Its expression and zone, where there is one.
    pub expression: Option<String>,
    /// When it fires next, were it on.
    pub next: Option<NextFire>,
    /// When it fires next on a full session, where the next fire does not trade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_session: Option<NextFire>,
}

/// How old a login is, by its document's own times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoginStatus {
    /// The broker.
    pub broker: &'static str,
    /// The document's name.
    pub document: String,
    /// When a person logged in; where a login does not end by itself, when the access token was made.
    pub created: Option<Timestamp>,
    /// Whole hours until a person must log in again, below zero when it is too late; `None` where a login
    /// does not end by itself.
    pub hours_left: Option<i64>,
    /// When the access token expires; runs refresh it.
    pub access_expires: Option<Timestamp>,
}

/// An intent that is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenIntent {
    /// The trade date.
    pub date: Date,
    /// Which of the strategy's packages.
    pub slot: Slot,
    /// The revision.
    pub revision: u32,
    /// Whether an operator must decide; otherwise a sweep may still prove it.
    pub unresolved: bool,
    /// Packages approved.
    pub quantity: u32,
    /// Packages proven filled.
    pub filled: u32,
    /// Orders whose fate is open.
    pub open_orders: usize,
}

/// What the edge guard left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeStanding {
    /// The newest trade date it is made from.
    pub run_date: Date,
    /// What the test said.
    pub verdict: Verdict,
    /// The last day of the last pause, also when it is over.
    pub pause_until: Option<Date>,
    /// Whether today is one of its days; whether the run heeds it, the profile says.
    pub pauses_today: bool,
    /// The reason in words.
    pub why: String,
}

impl Operator<'_> {
    /// How an account stands, or all of them.
    ///
    /// # Errors
    /// [`OperatorError::UnknownAccount`] alone: what cannot be read is said in the answer.
    pub async fn status(&self, scope: &ControlScope) -> Result<Status, OperatorError> {
        let accounts = self.accounts_of(scope)?;
        let at = self.ports.clock.now();
        Ok(Status {
            at,
            accounts: join_all(accounts.iter().map(|account| self.account_status(account, at))).await,
        })
    }

    /// Every schedule of the accounts, and the token keeper's with all of them.
    ///
    /// # Errors
    /// As [`Operator::status`].
    pub async fn schedules(&self, scope: &ControlScope) -> Result<Vec<ScheduleStatus>, OperatorError> {
        let accounts = self.accounts_of(scope)?;
        let at = self.ports.clock.now();
        let mut all = join_all(accounts.iter().map(|account| self.schedules_of(account, at))).await.concat();
        if *scope == ControlScope::All {
            all.push(self.schedule_status(self.names.token_keeper_schedule(), None, at, None).await);
        }
        Ok(all)
    }
}
