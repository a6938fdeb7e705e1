//! Executing the recovery plan at the start of a delivery: prove and record what an earlier run left, place
//! nothing.

use gamma_market::calendar::trade_date;
use jiff::{SignedDuration, Timestamp};

use super::{HeldBy, WorkError, Worker};
use crate::ports::{
    BrokerError, BrokerFault, IntentRecord, IntentState, LoadedDay, OrderId, OrderStatus, OrderView,
    PutOutcome, RungRecord, RungState,
};
use crate::profile::seconds;
use crate::recovery::{self, Action, Shown, Standing, TradeDate};

/// A cancel that was asked for often enough is asked for again after this long, as long as the order works.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// Between two looks for an order that is not shown.
const LOOK_EVERY: u32 = 2;

/// What one pass over the open rungs came to.
struct Pass {
    /// The first that could not be proven, if any.
    trouble: Option<WorkError>,
    /// Whether another look may prove more.
    again: bool,
    /// Whether a rung turned out to be named after another's order, so that it is to be planned for anew.
    renamed: bool,
}

/// Rungs whose orders an answer named, and nothing more.
fn named(day: &LoadedDay) -> usize {
    day.rungs.iter().filter(|rung| matches!(rung.state, RungState::Named { .. })).count()
}

impl Worker<'_> {
    /// Proves every open rung of the day, as far as the broker shows it; an order that does not show up is
    /// looked for until trading ends. `Ok(None)` when there was nothing to recover; else how the day's sides
    /// stand.
    ///
    /// # Errors
    /// [`WorkError`] when something could not be proven, read or written.
    pub async fn recover(&mut self, day: &LoadedDay) -> Result<Option<Vec<Standing>>, WorkError> {
        let open = day.open_rungs().next().is_some();
        if !open && day.intents.iter().all(|intent| intent.state == IntentState::Terminal) {
            return Ok(None);
        }
        let mut known = day.clone();
        let mut trouble = None;
        if open {
            if let Some(at) = recovery::settled_at(day, self.scope.execution.locate_seconds) {
                self.clock.sleep_until(at).await;
                self.renew().await?;
            }
            let look_until = self.look_until();
            loop {
                let pass = match self.recover_once(&mut known).await {
                    Err(error) if error.may_be_asked_again() && self.now() < look_until => {
                        Pass { trouble: Some(error), again: true, renamed: false }
                    }
                    pass => pass?,
                };
                trouble = pass.trouble;
                if pass.renamed {
                    continue;
                }
                if !pass.again || self.now() >= look_until {
                    break;
                }
                self.clock.sleep_until(self.now() + seconds(LOOK_EVERY)).await;
                self.renew().await?;
            }
        }
        let sides = self.settle_intents(day, &known.rungs).await?;
        match trouble {
            Some(trouble) => Err(trouble),
            None => match sides.iter().find(|side| side.unresolved) {
                Some(side) => Err(WorkError::Unresolved(format!(
                    "{} waits for an operator's decision (docs/runbook.md)",
                    side.package.in_words()
                ))),
                None => Ok(Some(sides)),
            },
        }
    }

    /// Until when an order that is not shown, or not proven over, is looked at again and again.
    fn look_until(&self) -> Timestamp {
        (self.closes() + seconds(self.scope.execution.locate_seconds)).min(self.prove_by())
    }

    /// One look at everything that is open. What is proven goes into `day`.
    async fn recover_once(&mut self, day: &mut LoadedDay) -> Result<Pass, WorkError> {
        let actions = self.recovery_plan(day).await?;
        // Every live order is asked to go before any is waited for, and one that cannot be proven hides no
        // other.
        for order in actions
            .iter()
            .filter_map(|action| if let Action::Cancel { order, .. } = action { Some(order) } else { None })
        {
            let reply = self.broker.cancel(order).await;
            tracing::info!(run_id = %self.scope.run_id, %order, ?reply, "recovery asked for a cancel");
        }
        let mut pass = Pass { trouble: None, again: false, renamed: false };
        let named_before = named(day);
        let mut proven_now = 0;
        let several = actions.len() > 1;
        for action in actions {
            pass.again |=
                matches!(action, Action::Unresolved { may_change: true, .. } | Action::ReadNamed { .. });
            // While trading is on none waits for another that takes long: they take turns.
            let in_turn = several && self.now() < self.look_until();
            let until = if in_turn {
                self.now() + seconds(self.scope.execution.confirm_seconds)
            } else {
                self.prove_by()
            };
            let takes_turns = in_turn && !matches!(action, Action::Unresolved { .. });
            match self.execute(day, action, until).await {
                Ok(proven) => {
                    proven_now +=
                        usize::from(day.rungs.iter().any(|rung| {
                            is_same(rung, &proven) && matches!(rung.state, RungState::Named { .. })
                        }));
                    tracing::info!(intent = %proven.intent, rung = proven.number, state = ?proven.state, "recovered");
                    day.rungs.retain(|rung| !is_same(rung, &proven));
                    day.rungs.push(proven);
                }
                Err(unresolved @ WorkError::Unresolved(_)) => {
                    pass.again |= takes_turns;
                    pass.trouble.get_or_insert(unresolved);
                }
                Err(error) => return Err(error),
            }
        }
        pass.again &= pass.trouble.is_some();
        pass.renamed = named(day) + proven_now < named_before;
        Ok(pass)
    }

    /// What is to be done about every open rung, from everything the broker shows.
    async fn recovery_plan(&mut self, day: &LoadedDay) -> Result<Vec<Action>, WorkError> {
        let orders = self.shown_orders().await?;
        let closed = self.is_closed();
        let nameless = day.open_rungs().any(|rung| rung.state.order().is_none());
        let snapshot = if closed && nameless { Some(self.broker.account().await) } else { None };
        if let Some(Err(error)) = &snapshot {
            self.note(format!("positions could not be read: {error}"));
        }
        let positions =
            snapshot.as_ref().and_then(|snapshot| snapshot.as_ref().ok()).map(|snapshot| &snapshot.positions);
        let trade_date = if closed {
            TradeDate::Closed { positions, today: trade_date(self.now()) }
        } else {
            TradeDate::Open
        };
        let tag = self.scope.execution.application_tag.as_deref();
        Ok(recovery::plan(day, Shown { orders: &orders, trade_date, tag, names_of: self.names_of() }))
    }

    async fn execute(
        &mut self,
        day: &mut LoadedDay,
        action: Action,
        until: Timestamp,
    ) -> Result<RungRecord, WorkError> {
        let (rung, state) = match action {
            // Whole, or of a session that is long over, or edited and followed: one look is enough.
            Action::Record { rung, order }
                if order.filled >= rung.quantity
                    || order.status == OrderStatus::Replaced
                    || self.is_closed() =>
            {
                (rung, recovery::terminal(order))
            }
            Action::Record { rung, order } => {
                let view = self.prove((&order.id, rung.quantity), Some(&order), until).await?;
                (rung, recovery::terminal(view))
            }
            Action::Cancel { rung, order } | Action::Read { rung, order } => {
                let view = self.prove((&order, rung.quantity), None, until).await?;
                (rung, recovery::terminal(view))
            }
            Action::ReadNamed { rung, order } => {
                let view = self.prove_named(day, (&rung, &order), until).await?;
                (rung, recovery::terminal(view))
            }
            Action::NeverAccepted { rung, reason } => (rung, RungState::NeverAccepted { reason }),
            Action::Unresolved { rung, reason, .. } => {
                return Err(WorkError::Unresolved(format!(
                    "rung {} of {}: {reason}",
                    rung.number, rung.intent
                )));
            }
        };
        // Under our own fence: a run that has lost its lease recovers nothing.
        let proven = RungRecord { state, writer: self.lease()?.writer.clone(), ..rung };
        let (ledger, account, date) = (self.ledger, self.scope.account, self.date());
        match self.persist(async || ledger.set_rung(account, date, &proven).await).await? {
            PutOutcome::Ours => Ok(proven),
            PutOutcome::Theirs(what) => Err(written_meanwhile(&what)),
        }
    }

    /// The order that an answer named, once its read shows that it is ours: asked to go, and read until it is
    /// over. One that is another's leaves the rung as nameless as if no answer had come.
    async fn prove_named(
        &mut self,
        day: &mut LoadedDay,
        (rung, id): (&RungRecord, &OrderId),
        until: Timestamp,
    ) -> Result<OrderView, WorkError> {
        let unresolved =
            |why: String| WorkError::Unresolved(format!("rung {} of {}: {why}", rung.number, rung.intent));
        let broker = self.broker;
        // Nothing hurries after the close, and what is read then is the last word.
        let read = if self.is_closed() {
            self.patiently(async || broker.order(id).await).await
        } else {
            broker.order(id).await
        };
        let hidden = matches!(
            &read,
            Err(BrokerError { fault: BrokerFault::NotFound(_) | BrokerFault::Refused(_), .. })
        );
        let view = read.map_err(|error| {
            unresolved(format!("order {id}, which the answer named, is not shown: {error}"))
        });
        let tag = self.scope.execution.application_tag.as_deref();
        let ours = match &view {
            Ok(view) => recovery::proves(day, rung, view, tag, self.names_of())
                .map_err(|why| format!("the answer named another: {why}")),
            // After the close the list tells what there was; until then it is read again. A read that failed
            // says nothing either way.
            Err(error) if self.is_closed() && hidden => Err(error.to_string()),
            Err(_) => Ok(()),
        };
        if let Err(why) = ours {
            for known in day.rungs.iter_mut().filter(|known| is_same(known, rung)) {
                known.state = RungState::Unknown { reason: why.clone() };
            }
            return Err(unresolved(why));
        }
        let view = view?;
        if !view.status.is_terminal() {
            let reply = self.broker.cancel(id).await;
            tracing::info!(run_id = %self.scope.run_id, order = %id, ?reply, "recovery asked for a cancel");
        }
        self.prove((id, rung.quantity), None, until).await
    }

    /// Reads the order until it is over, asking again for a cancel while it works. One with fewer fills than
    /// ordered is over when two reads say the same, far enough apart for its last fill to be counted, where
    /// there is time for that; `first` is the first of them.
    async fn prove(
        &mut self,
        (id, quantity): (&OrderId, u32),
        first: Option<&OrderView>,
        until: Timestamp,
    ) -> Result<OrderView, WorkError> {
        let (mut cancels, mut asked) = (1, self.now());
        let lag = seconds(self.scope.execution.fills_lag_seconds);
        let mut before = first.map(|view| (view.filled, view.status.clone(), self.now()));
        loop {
            self.renew().await?;
            let now = self.now();
            match self.broker.order(id).await {
                Ok(view) if view.status == OrderStatus::Replaced => {
                    return Err(WorkError::Unresolved(recovery::replaced(&view)));
                }
                // Edited: the new order is not ours to cancel, and the old one is over.
                Ok(view) if view.filled < quantity && !view.linked.is_empty() => {
                    return self.not_edited(view, quantity).await;
                }
                Ok(view) if view.is_settled(quantity) => {
                    let same = before.as_ref().is_some_and(|(filled, status, at)| {
                        (*filled, status) == (view.filled, &view.status) && *at + lag <= now
                    });
                    if view.filled == quantity || same || self.is_closed() || now + lag >= self.prove_by() {
                        return self.not_edited(view, quantity).await;
                    }
                    if before
                        .as_ref()
                        .is_none_or(|(filled, status, _)| (*filled, status) != (view.filled, &view.status))
                    {
                        before = Some((view.filled, view.status, now));
                    }
                }
                // Over, but its fills do not add up yet.
                Ok(view) if view.status.is_terminal() => {}
                Ok(_)
                    if cancels < self.scope.execution.cancel_tries
                        || self.now().duration_since(asked) >= ASK_AGAIN =>
                {
                    (cancels, asked) = (cancels + 1, self.now());
                    let reply = self.broker.cancel(id).await;
                    tracing::info!(run_id = %self.scope.run_id, order = %id, ?reply, "recovery asked again for a cancel");
                }
                Ok(_) => {}
                Err(error @ BrokerError { fault: BrokerFault::TokenDead(_), .. }) => return Err(error.into()),
                Err(error) => self.note(format!("order {id} could not be read: {error}")),
            }
            if self.now() >= until {
                return Err(WorkError::Unresolved(format!("order {id} could not be proven over")));
            }
            self.clock.sleep_until(self.now() + seconds(self.scope.execution.cancel_settle_seconds)).await;
        }
    }

    /// An order that is over, unless another one goes on in its place.
    async fn not_edited(&mut self, view: OrderView, quantity: u32) -> Result<OrderView, WorkError> {
        if view.filled == quantity {
            return Ok(view);
        }
        if let Some(by) = view.linked.first() {
            return Err(WorkError::Unresolved(recovery::edited(&view.id, by)));
        }
        let orders = self.shown_orders().await?;
        match recovery::successors(&view.id, &orders).first() {
            Some(by) => Err(WorkError::Unresolved(recovery::edited(&view.id, by))),
            None => Ok(view),
        }
    }

    /// Records what the broker shows by now of a rung that was called over.
    ///
    /// # Errors
    /// [`WorkError`] when it could not be recorded; nobody may look again today.
    pub async fn correct(
        &mut self,
        day: &mut LoadedDay,
        rung: RungRecord,
        order: OrderView,
    ) -> Result<(), WorkError> {
        self.renew().await?;
        let rung =
            RungRecord { state: recovery::terminal(order), writer: self.lease()?.writer.clone(), ..rung };
        let (ledger, account, date) = (self.ledger, self.scope.account, self.date());
        if let PutOutcome::Theirs(what) =
            self.persist(async || ledger.set_rung(account, date, &rung).await).await?
        {
            self.alarm = true;
            return Err(written_meanwhile(&what));
        }
        day.rungs.retain(|known| !is_same(known, &rung));
        day.rungs.push(rung);
        Ok(())
    }

    /// Takes the lease under a later fence: what is proven changes only under one.
    ///
    /// # Errors
    /// [`WorkError`] when it is not ours any more.
    pub async fn take_lease_anew(&mut self) -> Result<(), WorkError> {
        let (ledger, held) = (self.ledger, self.lease()?.clone());
        self.persist(async || ledger.release_lease(&held).await).await?;
        self.take_lease().await?.map_err(|HeldBy(holder)| WorkError::TakenOver(holder))
    }

    /// An intent whose rungs are all proven over is so itself, whatever was known of it before.
    ///
    /// # Errors
    /// [`WorkError`] when it could not be recorded.
    pub async fn settle_intents(
        &mut self,
        day: &LoadedDay,
        rungs: &[RungRecord],
    ) -> Result<Vec<Standing>, WorkError> {
        for intent in &day.intents {
            let of_intent: Vec<_> = rungs.iter().filter(|rung| rung.intent == intent.key).collect();
            let state = if of_intent.iter().all(|rung| rung.state.is_over()) {
                IntentState::Terminal
            } else {
                IntentState::Unresolved
            };
            let filled = recovery::filled(&of_intent);
            if (state, filled) != (intent.state, intent.filled) {
                let record =
                    IntentRecord { state, filled, writer: self.lease()?.writer.clone(), ..intent.clone() };
                let (ledger, account, date) = (self.ledger, self.scope.account, self.date());
                if let PutOutcome::Theirs(what) =
                    self.persist(async || ledger.set_intent(account, date, &record).await).await?
                {
                    return Err(written_meanwhile(&what));
                }
            }
        }
        Ok(recovery::standings(day, rungs))
    }
}

/// Two records of one rung.
#[must_use]
pub fn is_same(one: &RungRecord, other: &RungRecord) -> bool {
    (&one.intent, one.number) == (&other.intent, other.number)
}

/// Somebody else recorded otherwise: the next delivery reads it afresh.
fn written_meanwhile(what: &str) -> WorkError {
    WorkError::TakenOver(format!("the ledger was written by another run meanwhile: {what}"))
}
