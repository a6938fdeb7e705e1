//! Whether the signal still asks for the plan in hand.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use gamma_market::SignalRow;
use gamma_strategy::constant_stable::{self, Plan, Snapshot};
use jiff::civil::Date;

use super::{AccountProfile, RunRequest, prepare};
use crate::ports::SignalSource;
use crate::report::Outcome;
use crate::worker::{Check, PlanCheck};

/// What the feed asks for, once that is not the plan in hand any more.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Asked {
    /// This row's trade.
    For(SignalRow),
    /// No trade.
    Nothing,
}

/// The plan in hand, and where what it was made of is read again.
pub(super) struct SignalCheck<'a> {
    pub(super) signal: &'a dyn SignalSource,
    pub(super) request: &'a RunRequest,
    pub(super) profile: &'a AccountProfile,
    pub(super) date: Date,
    pub(super) plan: &'a Plan,
}

#[async_trait]
impl PlanCheck for SignalCheck<'_> {
    type Change = Asked;

    /// What the feed asks for now, when that is other sides, strikes or another expiry, or no trade at all. A
    /// feed that cannot be read keeps the plan.
    async fn check(&self, budget: Duration) -> Check<Asked> {
        let view = match self.signal.read(budget).await {
            Ok(view) => view,
            Err(error) => {
                return Check::Unknown(format!(
                    "the signal could not be read again, the plan is kept: {error}"
                ));
            }
        };
        let row = match prepare::row_of(&view, self.date, self.profile, self.request.calendar()) {
            Ok(row) => row,
            Err(none) if none.outcome == Outcome::NothingToDo => return Check::Changed(Asked::Nothing),
            Err(refusal) => {
                return Check::Unknown(format!(
                    "the signal read again is unusable, the plan is kept: {}",
                    refusal.detail
                ));
            }
        };
        let nothing_held = BTreeMap::new();
        match constant_stable::decide(
            &row,
            Snapshot { equity: Some(self.plan.equity), positions: &nothing_held },
            &self.profile.strategy,
        ) {
            Ok(again) if again.same_trades(self.plan) => Check::Same,
            Ok(_) | Err(constant_stable::PlanRefusal::NoSide) => Check::Changed(Asked::For(row)),
            Err(refusal) => {
                Check::Unknown(format!("the signal read again gives no plan, the plan is kept: {refusal}"))
            }
        }
    }
}
