//! An operator's decision about orders whose fate nothing can prove, recorded so that one lost order does not
//! lock the day for ever.

use gamma_market::Right;
use jiff::civil::Date;

use super::{Earlier, Ended, Run, outcome};
use crate::ports::{
    BrokerError, BrokerFault, Decision, IntentRecord, IntentState, LoadedDay, PutOutcome, RungRecord,
    RungState,
};
use crate::recovery;
use crate::report::Outcome;

/// What an operator says of one side of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolve {
    /// The trade date.
    pub date: Date,
    /// The side of the plan.
    pub side: Right,
    /// Packages of this side that were filled that day, all orders together.
    pub filled: u32,
    /// Who decided.
    pub by: String,
    /// Why: what was looked at.
    pub why: String,
}

fn refused(why: impl ToString) -> Ended {
    Ended::new(Outcome::NotResolved, why)
}

impl Run<'_> {
    pub(super) async fn resolve(&mut self, asked: &Resolve) -> Ended {
        for (field, value) in [("by", &asked.by), ("why", &asked.why)] {
            if value.trim().is_empty() {
                return refused(format!("resolve {field}: got nothing, expected who decided and why"));
            }
        }
        if let Err(ended) = self.take_lease().await {
            return ended;
        }
        self.stage("admit");
        let ended = match self.resolved(asked).await {
            Ok(ended) | Err(ended) => ended,
        };
        self.leave(ended).await
    }

    /// What can be proven is proven first; the decision stands for the rest only.
    async fn resolved(&mut self, asked: &Resolve) -> Result<Ended, Ended> {
        if !self.worker.is_closed() {
            return Err(refused(
                "the trade date is not over: its orders may still appear or fill; deliveries and sweeps prove what they can until five minutes after the close",
            ));
        }
        let day = self.load().await?;
        match self.earlier(&day).await {
            Ok(Earlier::Recovered { words }) => {
                return Ok(Ended::new(
                    Outcome::Recovered,
                    format!("there was nothing left to decide: {words}"),
                ));
            }
            Ok(_) => {}
            Err(ended) if matches!(ended.outcome, Outcome::LedgerUnavailable | Outcome::AnotherRunActive) => {
                return Err(ended);
            }
            Err(ended) => self.worker.note(format!("the broker cannot prove it: {}", ended.detail)),
        }
        let day = self.load().await?;
        let (intent, open) = doubtful(&day, asked)?;
        for rung in &open {
            self.may_be_decided(&day, rung).await?;
        }
        let proven: u32 =
            day.rungs.iter().filter(|rung| rung.intent == intent.key).map(|rung| rung.state.filled()).sum();
        let most = proven + open.iter().map(|rung| rung.quantity).sum::<u32>();
        if asked.filled < proven || asked.filled > most.min(intent.quantity) {
            let most = most.min(intent.quantity);
            return Err(refused(format!(
                "resolve filled: got {}, expected between {proven} (proven) and {most}",
                asked.filled
            )));
        }
        let decision = Decision { by: asked.by.clone(), why: asked.why.clone(), at: self.now() };
        let mut rest = asked.filled - proven;
        for rung in open {
            let filled = rest.min(rung.quantity);
            rest -= filled;
            self.decide_rung(RungRecord {
                state: RungState::Resolved { filled, decision: decision.clone() },
                ..rung
            })
            .await?;
        }
        self.decide_intent(IntentRecord { state: IntentState::Terminal, filled: asked.filled, ..intent })
            .await?;
        self.decided(asked).await
    }

    /// An order that the broker shows alive, or over with fills that add up, is not a matter of opinion.
    async fn may_be_decided(&mut self, day: &LoadedDay, rung: &RungRecord) -> Result<(), Ended> {
        let (id, proven) = match &rung.state {
            RungState::Named { order } => (order, false),
            state => match state.order() {
                Some(order) => (order, true),
                None => return Ok(()),
            },
        };
        match self.ports.broker.order(id).await {
            // What an answer named is ours only when it shows that; else it says nothing of ours.
            Ok(view)
                if !proven
                    && recovery::proves(
                        day,
                        rung,
                        &view,
                        self.profile.execution.application_tag.as_deref(),
                        self.worker.names_of(),
                    )
                    .is_err() =>
            {
                Ok(())
            }
            Ok(view) if !view.status.is_terminal() => {
                Err(refused(format!("order {id} is {} at the broker: cancel it there first", view.status)))
            }
            Ok(view) if view.is_settled(rung.quantity) => Err(refused(format!(
                "order {id} is {} at the broker with {} filled: a sweep records that",
                view.status, view.filled
            ))),
            Ok(_) | Err(BrokerError { fault: BrokerFault::NotFound(_), .. }) => Ok(()),
            Err(error) => {
                self.worker.note(format!("order {id} could not be read, the decision stands alone: {error}"));
                self.worker.ring();
                Ok(())
            }
        }
    }

    async fn decide_rung(&mut self, rung: RungRecord) -> Result<(), Ended> {
        let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
        match self.worker.persist(async || ledger.set_rung(account, date, &rung).await).await? {
            PutOutcome::Ours => Ok(()),
            PutOutcome::Theirs(what) => Err(refused(format!(
                "rung {} of {} stands otherwise in the ledger: {what}",
                rung.number, rung.intent
            ))),
        }
    }

    async fn decide_intent(&mut self, intent: IntentRecord) -> Result<(), Ended> {
        let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
        match self.worker.persist(async || ledger.set_intent(account, date, &intent).await).await? {
            PutOutcome::Ours => Ok(()),
            PutOutcome::Theirs(what) => {
                Err(refused(format!("intent {} stands otherwise in the ledger: {what}", intent.key)))
            }
        }
    }

    /// The day gets its outcome once nothing of it is open.
    async fn decided(&mut self, asked: &Resolve) -> Result<Ended, Ended> {
        let day = self.load().await?;
        let (outcome, words) = outcome::outcome_of(&recovery::standings(&day, &day.rungs));
        let closed = day.day.as_ref().is_some_and(|record| record.outcome.is_some());
        if outcome != Outcome::Unresolved && !closed {
            self.closes_day = Some(outcome.name());
        }
        let rest = if outcome == Outcome::Unresolved {
            "the other side still waits for a decision"
        } else {
            outcome.name()
        };
        Ok(Ended::new(
            Outcome::Resolved,
            format!("{} decided: {}; {words}; the day: {rest}", asked.by, asked.why),
        ))
    }
}

/// The side's intent that has open rungs: at most one revision can.
fn doubtful(day: &LoadedDay, asked: &Resolve) -> Result<(IntentRecord, Vec<RungRecord>), Ended> {
    let of = |intent: &&IntentRecord| {
        intent.key.slot == asked.side && day.open_rungs().any(|rung| rung.intent == intent.key)
    };
    let Some(intent) = day.intents.iter().find(of) else {
        return Err(refused(format!(
            "the {} side of {}: nothing of it is open, there is nothing to decide",
            asked.side, asked.date
        )));
    };
    let open = day.open_rungs().filter(|rung| rung.intent == intent.key).cloned().collect();
    Ok((intent.clone(), open))
}
