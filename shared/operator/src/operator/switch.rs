//! Schedules on and off. They stand outside the ledger, so the change is recorded before it is tried and
//! concluded when it is proven.

use futures_util::future::join_all;
use gamma_execution::ports::{ChangeState, ControlChange, ControlScope, ControlVerb};
use serde::{Deserialize, Serialize};

use super::{Operator, Who};
use crate::error::OperatorError;
use crate::names::ScheduleKind;

/// What to switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Whose schedules.
    pub scope: ControlScope,
    /// On or off.
    pub on: bool,
    /// Off: the sweeps too, and with all accounts the token keeper. Without them nobody notices what an
    /// account's day left open, or that a login runs out; so they go on whenever anything does.
    pub sweeps: bool,
}

/// What became of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    /// Its name.
    pub name: String,
    /// The account; `None` for the token keeper's, which is for all.
    pub account: Option<String>,
    /// What it is for; `None` for the token keeper's.
    pub kind: Option<ScheduleKind>,
    /// What became of it.
    #[serde(flatten)]
    pub result: SwitchResult,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "reason")]
pub enum SwitchResult {
    /// It was changed.
    Changed,
    /// It stood so already.
    Already,
    /// There is no such schedule; none was made.
    Missing,
    /// It is not proven to be changed, and why.
    Failed(String),
}

impl SwitchResult {
    /// Whether it stands as it was asked for.
    #[must_use]
    pub const fn is_so(&self) -> bool {
        matches!(self, Self::Changed | Self::Already)
    }
}

impl Switch {
    fn kinds(&self) -> &'static [ScheduleKind] {
        if self.on || self.sweeps { &ScheduleKind::ALL } else { &[ScheduleKind::Warmup, ScheduleKind::Trade] }
    }

    /// The tokens of an account that trades must be kept; they are not only its own.
    fn token_keeper(&self) -> bool {
        self.on || (self.sweeps && self.scope == ControlScope::All)
    }
}

impl Operator<'_> {
    /// Switches schedules; each is tried, whatever becomes of the others. The change as it is recorded in the
    /// end, and what became of each.
    ///
    /// # Errors
    /// [`OperatorError`] when it was refused or could not be recorded; then no schedule was touched.
    pub async fn switch(
        &self,
        switch: &Switch,
        who: Who<'_>,
    ) -> Result<(ControlChange, Vec<Switched>), OperatorError> {
        let accounts = self.accounts_of(&switch.scope)?;
        let decision = self.decision(who)?;
        let verb = if switch.on { ControlVerb::SchedulesOn } else { ControlVerb::SchedulesOff };
        let asked = self.ports.records.ask(&switch.scope, verb, &decision).await?;
        let of_account = |account: &String| {
            switch
                .kinds()
                .iter()
                .map(|kind| (self.names.schedule(account, *kind), Some(account.clone()), Some(*kind)))
                .collect()
        };
        let mut each: Vec<(String, Option<String>, Option<ScheduleKind>)> =
            accounts.iter().flat_map::<Vec<_>, _>(of_account).collect();
        each.extend(switch.token_keeper().then(|| (self.names.token_keeper_schedule(), None, None)));
        let switched = join_all(each.into_iter().map(async |(name, account, kind)| {
            let result = match self.ports.schedules.switch(&name, switch.on).await {
                Ok(Some(true)) => SwitchResult::Changed,
                Ok(Some(false)) => SwitchResult::Already,
                Ok(None) => SwitchResult::Missing,
                Err(fault) => SwitchResult::Failed(fault.reason),
            };
            Switched { name, account, kind, result }
        }))
        .await;
        let mut concluded = conclude(asked, &switched);
        if let Err(error) = self.ports.records.conclude(&concluded).await {
            concluded.state = ChangeState::AskedFor;
            let unrecorded = format!("what became of it is not recorded: {error}");
            concluded.detail = Some(
                concluded
                    .detail
                    .map_or_else(|| unrecorded.clone(), |detail| format!("{detail}; {unrecorded}")),
            );
        }
        Ok((concluded, switched))
    }
}

fn conclude(asked: ControlChange, switched: &[Switched]) -> ControlChange {
    let words = |switched: &Switched| match &switched.result {
        SwitchResult::Changed | SwitchResult::Already => None,
        SwitchResult::Missing => Some(format!("{}: missing", switched.name)),
        SwitchResult::Failed(reason) => Some(format!("{}: {reason}", switched.name)),
    };
    let left: Vec<String> = switched.iter().filter_map(words).collect();
    if left.is_empty() {
        ControlChange { state: ChangeState::Done, ..asked }
    } else {
        ControlChange { state: ChangeState::Failed, detail: Some(left.join("; ")), ..asked }
    }
}
