//! Executing the recovery plan at the start of a delivery: prove and record what an earlier run left, place nothing.

use super::{Ended, Run};
use crate::ports::{BrokerError, BrokerFault, IntentRecord, IntentState, Lease, LoadedDay, OrderId, OrderView, RungRecord, RungState};
use crate::profile::seconds;
use crate::recovery::{self, Action};
use crate::report::Outcome;

impl Run<'_> {
    /// Proves every open rung of the day. `None` when there was nothing to recover; else the sides in words.
    pub(super) async fn recover(&mut self, lease: &mut Lease, day: &LoadedDay) -> Result<Option<String>, Ended> {
        let open_intents = day.intents.iter().any(|intent| intent.state == IntentState::Open);
        if recovery::open_rungs(day).is_empty() && !open_intents {
            let unresolved = day.intents.iter().find(|intent| intent.state == IntentState::Unresolved);
            return match unresolved {
                Some(intent) => Err(Ended::new(Outcome::Unresolved, format!("intent {} waits for an operator's decision (docs/runbook.md)", intent.key))),
                None => Ok(None),
            };
        }
        let mut rungs = day.rungs.clone();
        if !recovery::open_rungs(day).is_empty() {
            if let Some(at) = recovery::settled_at(day, self.profile.execution.locate_seconds) {
                self.ports.clock.sleep_until(at).await;
            }
            let (from, to) = self.today();
            let orders = self.ports.broker.orders(from, to).await?;
            for action in recovery::plan(day, &orders) {
                let proven = self.execute(lease, action).await?;
                rungs.retain(|rung| (&rung.intent, rung.number) != (&proven.intent, proven.number));
                rungs.push(proven);
            }
        }
        self.settle_intents(day, &rungs).await.map(Some)
    }

    async fn execute(&mut self, lease: &mut Lease, action: Action) -> Result<RungRecord, Ended> {
        let (rung, order) = match action {
            Action::Record { rung, order } => (rung, order),
            Action::Cancel { rung, order } => {
                let reply = self.ports.broker.cancel(&order).await;
                tracing::info!(run_id = %self.request.run_id, %order, ?reply, "recovery asked for a cancel");
                let view = self.prove(lease, &order).await?;
                (rung, view)
            }
            Action::Read { rung, order } => {
                let view = self.prove(lease, &order).await?;
                (rung, view)
            }
            Action::Unresolved { rung, reason } => {
                return Err(Ended::new(Outcome::Unresolved, format!("rung {} of {}: {reason}", rung.number, rung.intent)));
            }
        };
        let state = RungState::Terminal { order: order.id, status: order.status, filled: order.filled, fills: order.fills };
        let proven = RungRecord { state, ..rung };
        let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
        self.persist(async || ledger.set_rung(account, date, &proven).await).await?;
        Ok(proven)
    }

    /// Reads the order until it is over, asking again for a cancel while it works.
    async fn prove(&mut self, lease: &mut Lease, id: &OrderId) -> Result<OrderView, Ended> {
        let mut cancels = 1;
        loop {
            self.renew(lease).await?;
            match self.ports.broker.order(id).await {
                Ok(view) if view.status.is_terminal() => return Ok(view),
                Ok(_) if cancels < self.profile.execution.cancel_tries => {
                    cancels += 1;
                    let reply = self.ports.broker.cancel(id).await;
                    tracing::info!(run_id = %self.request.run_id, order = %id, ?reply, "recovery asked again for a cancel");
                }
                Ok(_) => {}
                Err(error @ BrokerError { fault: BrokerFault::TokenDead(_), .. }) => return Err(error.into()),
                Err(error) => self.note(format!("order {id} could not be read: {error}")),
            }
            if self.now() >= self.prove_by() {
                return Err(Ended::new(Outcome::Unresolved, format!("order {id} could not be proven over")));
            }
            self.ports.clock.sleep_until(self.now() + seconds(self.profile.execution.cancel_settle_seconds)).await;
        }
    }

    /// All rungs are proven: so are the intents.
    async fn settle_intents(&mut self, day: &LoadedDay, rungs: &[RungRecord]) -> Result<String, Ended> {
        let mut words = Vec::new();
        for intent in &day.intents {
            let of_intent = rungs.iter().filter(|rung| rung.intent == intent.key);
            let filled = of_intent.map(|rung| if let RungState::Terminal { filled, .. } = rung.state { filled } else { 0 }).sum();
            let record = IntentRecord { state: IntentState::Terminal, filled, ..intent.clone() };
            let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
            if record != *intent {
                self.persist(async || ledger.set_intent(account, date, &record).await).await?;
            }
            words.push(format!("{} filled {filled} of {}", intent.vertical, intent.quantity));
        }
        Ok(words.join(", "))
    }
}
