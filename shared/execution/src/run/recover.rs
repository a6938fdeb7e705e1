//! Executing the recovery plan at the start of a delivery: prove and record what an earlier run left, place nothing.

use gamma_market::Vertical;
use gamma_market::calendar::{at_eastern, trade_date};
use jiff::{SignedDuration, Timestamp};

use super::{Ended, Run};
use crate::ports::{BrokerError, BrokerFault, IntentRecord, IntentState, Lease, LoadedDay, OrderId, OrderStatus, OrderView, PutOutcome, RungRecord, RungState};
use crate::profile::seconds;
use crate::recovery::{self, Action, Shown, TradeDate};
use crate::report::{Outcome, SideCount};

/// From the close of the series until an order that does not show up is known never to have existed.
pub(super) const AFTER_THE_CLOSE: SignedDuration = SignedDuration::from_secs(30);

/// A cancel that was asked for often enough is asked for again after this long, as long as the order works.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(5);

impl Run<'_> {
    /// Proves every open rung of the day, as far as the broker shows it. `Ok(None)` when there was nothing to recover; else how
    /// the day's sides stand.
    pub(super) async fn recover(&mut self, lease: &mut Lease, day: &LoadedDay) -> Result<Option<Vec<Standing>>, Ended> {
        let open = day.open_rungs().next().is_some();
        if !open && day.intents.iter().all(|intent| intent.state == IntentState::Terminal) {
            return Ok(None);
        }
        let mut rungs = day.rungs.clone();
        let mut first_trouble = None;
        if open {
            if let Some(at) = recovery::settled_at(day, self.profile.execution.locate_seconds) {
                self.ports.clock.sleep_until(at).await;
                self.renew(lease).await?;
            }
            let actions = self.recovery_plan(day).await?;
            // Every live order is asked to go before any is waited for, and one that cannot be proven hides no other.
            for order in actions.iter().filter_map(|action| if let Action::Cancel { order, .. } = action { Some(order) } else { None }) {
                let reply = self.ports.broker.cancel(order).await;
                tracing::info!(run_id = %self.request.run_id, %order, ?reply, "recovery asked for a cancel");
            }
            for action in actions {
                match self.execute(lease, action).await {
                    Ok(proven) => {
                        tracing::info!(intent = %proven.intent, rung = proven.number, state = ?proven.state, "recovered");
                        rungs.retain(|rung| (&rung.intent, rung.number) != (&proven.intent, proven.number));
                        rungs.push(proven);
                    }
                    Err(ended) if ended.outcome == Outcome::Unresolved => {
                        first_trouble.get_or_insert(ended);
                    }
                    Err(ended) => return Err(ended),
                }
            }
        }
        let sides = self.settle_intents(lease, day, &rungs).await?;
        match first_trouble {
            Some(trouble) => Err(trouble),
            None => match sides.iter().find(|side| side.unresolved) {
                Some(side) => Err(Ended::new(Outcome::Unresolved, format!("{} waits for an operator's decision (docs/runbook.md)", side.vertical))),
                None => Ok(Some(sides)),
            },
        }
    }

    /// What is to be done about every open rung, from everything the broker shows.
    async fn recovery_plan(&mut self, day: &LoadedDay) -> Result<Vec<Action>, Ended> {
        let (from, to) = self.today();
        let broker = self.ports.broker;
        let orders = self.patiently(async || broker.orders(from, to).await).await?;
        let closed = self.now() > self.closes() + AFTER_THE_CLOSE;
        let nameless = day.open_rungs().any(|rung| rung.state.order().is_none());
        let snapshot = if closed && nameless { Some(self.ports.broker.account().await) } else { None };
        if let Some(Err(error)) = &snapshot {
            self.note(format!("positions could not be read: {error}"));
        }
        let positions = snapshot.as_ref().and_then(|snapshot| snapshot.as_ref().ok()).map(|snapshot| &snapshot.positions);
        let state_of_date = if closed { TradeDate::Closed { positions, today: trade_date(self.now()) } } else { TradeDate::Open };
        let tag = self.profile.execution.application_tag.as_deref();
        let names_of = self.ports.broker.capabilities().names_orders.then(|| self.date());
        Ok(recovery::plan(day, Shown { orders: &orders, trade_date: state_of_date, tag, names_of }))
    }

    /// When the series of the trade date stopped trading.
    pub(super) fn closes(&self) -> Timestamp {
        at_eastern(self.date(), jiff::civil::time(16, 15, 0, 0))
    }

    async fn execute(&mut self, lease: &mut Lease, action: Action) -> Result<RungRecord, Ended> {
        let (rung, state) = match action {
            Action::Record { rung, order } => (rung, recovery::terminal(order)),
            Action::Cancel { rung, order } | Action::Read { rung, order } => {
                let view = self.prove(lease, &order, rung.quantity).await?;
                (rung, recovery::terminal(view))
            }
            Action::NeverAccepted { rung, reason } => (rung, RungState::NeverAccepted { reason }),
            Action::Unresolved { rung, reason } => {
                return Err(Ended::new(Outcome::Unresolved, format!("rung {} of {}: {reason}", rung.number, rung.intent)));
            }
        };
        // Under our own fence: a run that has lost its lease recovers nothing.
        let proven = RungRecord { state, writer: lease.writer.clone(), ..rung };
        let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
        match self.persist(async || ledger.set_rung(account, date, &proven).await).await? {
            PutOutcome::Ours => Ok(proven),
            PutOutcome::Theirs(what) => Err(written_meanwhile(&what)),
        }
    }

    /// Reads the order until it is over, asking again for a cancel while it works.
    async fn prove(&mut self, lease: &mut Lease, id: &OrderId, quantity: u32) -> Result<OrderView, Ended> {
        let (mut cancels, mut asked) = (1, self.now());
        loop {
            self.renew(lease).await?;
            match self.ports.broker.order(id).await {
                Ok(view) if view.status == OrderStatus::Replaced => {
                    return Err(Ended::new(Outcome::Unresolved, recovery::replaced(&view)));
                }
                Ok(view) if view.is_settled(quantity) => return Ok(view),
                // Over, but its fills do not add up yet.
                Ok(view) if view.status.is_terminal() => {}
                Ok(_) if cancels < self.profile.execution.cancel_tries || self.now().duration_since(asked) >= ASK_AGAIN => {
                    (cancels, asked) = (cancels + 1, self.now());
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

    /// An intent whose rungs are all proven over is so itself, whatever was known of it before.
    async fn settle_intents(&mut self, lease: &Lease, day: &LoadedDay, rungs: &[RungRecord]) -> Result<Vec<Standing>, Ended> {
        for intent in &day.intents {
            let of_intent: Vec<_> = rungs.iter().filter(|rung| rung.intent == intent.key).collect();
            let state = if of_intent.iter().all(|rung| rung.state.is_over()) { IntentState::Terminal } else { IntentState::Unresolved };
            let filled = filled(&of_intent);
            if (state, filled) != (intent.state, intent.filled) {
                let record = IntentRecord { state, filled, writer: lease.writer.clone(), ..intent.clone() };
                let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
                if let PutOutcome::Theirs(what) = self.persist(async || ledger.set_intent(account, date, &record).await).await? {
                    return Err(written_meanwhile(&what));
                }
            }
        }
        Ok(standings(day, rungs))
    }
}

/// Somebody else recorded otherwise: the next delivery reads it afresh.
fn written_meanwhile(what: &str) -> Ended {
    Ended::new(Outcome::AnotherRunActive, format!("the ledger was written by another run meanwhile: {what}"))
}

/// How one side of a day stands.
pub(super) struct Standing {
    vertical: Vertical,
    revision: u32,
    quantity: u32,
    planned_sides: u32,
    filled: u32,
    unresolved: bool,
}

/// How the sides of a day stand: the last revision of each.
pub(super) fn standings(day: &LoadedDay, rungs: &[RungRecord]) -> Vec<Standing> {
    let last = |intent: &&IntentRecord| day.intents.iter().all(|other| other.key.side != intent.key.side || other.key.revision <= intent.key.revision);
    let standing = |intent: &IntentRecord| {
        let of_intent: Vec<_> = rungs.iter().filter(|rung| rung.intent == intent.key).collect();
        let unresolved = !of_intent.iter().all(|rung| rung.state.is_over());
        let (revision, quantity, planned_sides) = (intent.key.revision, intent.quantity, intent.planned_sides);
        Standing { vertical: intent.vertical, revision, quantity, planned_sides, filled: filled(&of_intent), unresolved }
    };
    day.intents.iter().filter(last).map(standing).collect()
}

/// The outcome that a day's sides make, and the sides in words.
pub(super) fn outcome_of(sides: &[Standing]) -> (Outcome, String) {
    let count = |side: &Standing| SideCount { revision: side.revision, quantity: side.quantity, filled: side.filled, unresolved: side.unresolved };
    let newest = sides.iter().map(|side| side.revision).max().unwrap_or_default();
    let of_newest: Vec<_> = sides.iter().filter(|side| side.revision == newest).collect();
    // A side that approval refused has no intent; it was planned all the same.
    let planned = of_newest.iter().map(|side| side.planned_sides).max().unwrap_or_default();
    let refused = planned.saturating_sub(u32::try_from(of_newest.len()).unwrap_or(u32::MAX));
    let unfilled = (0..refused).map(|_| SideCount { revision: newest, quantity: 1, filled: 0, unresolved: false });
    let totals: Vec<_> = sides.iter().map(count).chain(unfilled).collect();
    let words: Vec<_> = sides.iter().map(|side| format!("{} filled {} of {}", side.vertical, side.filled, side.quantity)).collect();
    (Outcome::of_sides(&totals), words.join(", "))
}

fn filled(rungs: &[&RungRecord]) -> u32 {
    rungs.iter().map(|rung| rung.state.filled()).sum()
}
