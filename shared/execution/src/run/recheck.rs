//! Looking at the signal again: right before a rung is opened, while it works, and when the last one is over.

use std::time::Duration;

use gamma_market::SignalRow;
use gamma_strategy::constant_stable::{self, Plan, Snapshot};

use super::Run;
use crate::report::Outcome;

/// The longest a re-read of the signal may take while orders are out.
pub(super) const RECHECK_BUDGET: Duration = Duration::from_secs(3);

/// The same right before a rung is opened, which waits for it.
pub(super) const LOOK_BUDGET: Duration = Duration::from_secs(2);

/// What a look at the signal says of the plan in hand.
pub(super) enum Look {
    /// It asks for the same.
    Same,
    /// It asks for something else.
    Moved(Box<Asked>),
    /// Nothing that could be used, in words: the plan is kept.
    Unusable(String),
}

/// What the feed asks for, once that is not the plan in hand any more.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Asked {
    /// This row's trade.
    For(SignalRow),
    /// No trade.
    Nothing,
}

impl Run<'_> {
    /// What the feed asks for now, when that is other sides, strikes or another expiry, or no trade at all. A feed that cannot be read keeps the
    /// plan.
    pub(super) async fn signal_moved(&mut self, plan: &Plan, budget: Duration) -> Option<Asked> {
        let look = self.look_at_signal(plan, budget).await;
        self.told(look)
    }

    /// What a look at the signal said: a note, or what it now asks for.
    pub(super) fn told(&mut self, look: Look) -> Option<Asked> {
        self.looked = self.now();
        match look {
            Look::Same => None,
            Look::Moved(asked) => Some(*asked),
            Look::Unusable(why) => {
                self.note(why);
                None
            }
        }
    }

    pub(super) async fn look_at_signal(&self, plan: &Plan, budget: Duration) -> Look {
        let view = match self.ports.signal.read(budget).await {
            Ok(view) => view,
            Err(error) => return Look::Unusable(format!("the signal could not be read again, the plan is kept: {error}")),
        };
        let row = match self.row_of_today(&view) {
            Ok(row) => row,
            Err(none) if none.outcome == Outcome::NothingToDo => return Look::Moved(Box::new(Asked::Nothing)),
            Err(refusal) => return Look::Unusable(format!("the signal read again is unusable, the plan is kept: {}", refusal.detail)),
        };
        let nothing_held = std::collections::BTreeMap::new();
        match constant_stable::decide(&row, Snapshot { equity: Some(plan.equity), positions: &nothing_held }, &self.profile.strategy) {
            Ok(again) if again.same_trades(plan) => Look::Same,
            Ok(_) | Err(constant_stable::PlanRefusal::NoSide) => Look::Moved(Box::new(Asked::For(row))),
            Err(refusal) => Look::Unusable(format!("the signal read again gives no plan, the plan is kept: {refusal}")),
        }
    }
}
