//! Working approved packages: the driver of the ladders, side by side.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join;
use jiff::Timestamp;

use super::rungs::Interval;
use super::{Account, WorkError, Worker};
use crate::approval::{Approved, Intent};
use crate::ladder::{Command, Event, Ladder, RungSkip, Settings, SideEnd, StopReason};
use crate::ports::{IntentKey, IntentRecord, IntentState, PutOutcome, RungRecord, Writer};
use crate::profile::seconds;
use crate::quotes::QuoteFault;
use crate::recovery;
use crate::schedule::share;

/// The longest that a check of the plan may take while orders are out.
const CHECK_BUDGET: Duration = Duration::from_secs(3);

/// The same right before a rung is opened, which waits for it.
pub(super) const SHORT_CHECK_BUDGET: Duration = Duration::from_secs(2);

/// Whether what is worked is still wanted. Asked right before each rung and while it works, as long as
/// nothing has filled.
#[async_trait]
pub trait PlanCheck: Send + Sync {
    /// What is wanted instead.
    type Change: Send;

    /// Looks once, for no longer than `budget`.
    async fn check(&self, budget: Duration) -> Check<Self::Change>;
}

/// What a check of the plan says.
pub enum Check<C> {
    /// The same is wanted.
    Same,
    /// Something else is wanted.
    Changed(C),
    /// Nothing that could be used, in words: the plan is kept.
    Unknown(String),
}

/// An approved package, before it is worked.
pub struct Planned {
    /// Which intent it becomes.
    pub key: IntentKey,
    /// What it is called in notes: `PUT_SHORT`.
    pub name: String,
    /// What approval fixed.
    pub intent: Approved<Intent>,
    /// Packages that the plan was to trade, those included that approval refused.
    pub planned: usize,
    /// When its series stops trading, where that is known.
    pub closes: Option<Timestamp>,
}

/// One package being worked.
pub struct Side {
    /// What it is called in notes: `PUT_SHORT`.
    name: String,
    pub(super) ladder: Ladder,
    pub(super) record: IntentRecord,
    pub(super) rungs: Vec<RungRecord>,
    /// Rungs that were not opened, and when.
    pub(super) skips: Vec<(Timestamp, RungSkip)>,
    /// When trading in it is over.
    ends: Timestamp,
    /// When the wait of its rung ends.
    pub(super) closes: Timestamp,
    /// Rungs whose state the ledger is not known to have.
    pub(super) unwritten: BTreeSet<u32>,
    /// Rungs whose mark the ledger may or may not have.
    pub(super) unsure: BTreeSet<u32>,
    /// Orders that are to be sent once this tick's cancels and reads are done.
    pub(super) due: Vec<Command>,
    /// When the quotes were read that its order is priced by.
    pub(super) quoted: Timestamp,
    /// The interval in which its last rung was opened.
    pub(super) interval: u32,
    /// Why it has no price, as far as that was noted.
    pub(super) gap: Option<QuoteFault>,
}

impl Side {
    /// What it is called in notes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rungs, as the ledger has them.
    #[must_use]
    pub fn rungs(&self) -> &[RungRecord] {
        &self.rungs
    }

    /// Rungs that were not opened, and when.
    #[must_use]
    pub fn skips(&self) -> &[(Timestamp, RungSkip)] {
        &self.skips
    }

    /// Packages filled, proven.
    #[must_use]
    pub const fn filled(&self) -> u32 {
        self.ladder.filled()
    }

    /// How it ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<&SideEnd> {
        self.ladder.end()
    }
}

/// How a round of ladders ended.
pub enum Round<C> {
    /// Every side is done.
    Over,
    /// Something else is wanted, and nothing has filled: plan anew.
    Changed(C),
}

impl Worker<'_> {
    /// Writes the intents of a plan, all of them or none, and makes them ready to be worked.
    ///
    /// # Errors
    /// [`WorkError`] when they are not, or not known to be, ours to write.
    pub async fn begin(&mut self, plan: Vec<Planned>, account: &Account) -> Result<Vec<Side>, WorkError> {
        let lease = self.lease()?.clone();
        let sides: Vec<Side> =
            plan.into_iter().map(|planned| self.side(planned, account, lease.writer.clone())).collect();
        let (ledger, intents) =
            (self.ledger, sides.iter().map(|side| side.record.clone()).collect::<Vec<_>>());
        match self.persist(async || ledger.put_intents(&lease, &intents).await).await? {
            PutOutcome::Ours => Ok(sides),
            PutOutcome::Theirs(holder) => {
                Err(WorkError::TakenOver(format!("the plan is not ours to write: {holder}")))
            }
        }
    }

    fn side(&self, planned: Planned, account: &Account, writer: Writer) -> Side {
        let intent = planned.intent.get();
        let record = IntentRecord {
            key: planned.key,
            package: intent.package,
            effect: intent.effect,
            quantity: intent.quantity,
            planned_sides: u32::try_from(planned.planned).unwrap_or(u32::MAX),
            decision_mid: intent.decision_mid,
            worst_price: intent.worst_price,
            writer,
            state: IntentState::Open,
            filled: 0,
            held: recovery::held(&intent.package, &account.snapshot.positions),
        };
        let ends = self.end_of_trading(planned.closes);
        let execution = self.scope.execution;
        let look_until = (ends + seconds(execution.locate_seconds)).min(self.prove_by());
        let settings = Settings { profile: execution.clone(), look_until, prove_by: self.prove_by() };
        Side {
            name: planned.name,
            ladder: Ladder::new(planned.intent, execution.rung_offsets.clone(), settings),
            record,
            rungs: Vec::new(),
            skips: Vec::new(),
            ends,
            closes: Timestamp::MIN,
            unwritten: BTreeSet::new(),
            unsure: BTreeSet::new(),
            due: Vec::new(),
            quoted: Timestamp::MIN,
            interval: 0,
            gap: None,
        }
    }

    /// Opens rung after rung for all sides at once and keeps each ladder fed, until every side is done.
    /// `may_replan`: what `check` says in time may still be traded instead.
    pub async fn work<C: Send>(
        &mut self,
        sides: &mut [Side],
        account: &Account,
        check: &dyn PlanCheck<Change = C>,
        may_replan: bool,
    ) -> Round<C> {
        let execution = self.scope.execution;
        let end = sides.first().map_or_else(|| self.end_of_trading(None), |side| side.ends);
        let mut interval = Interval {
            number: 0,
            rungs_left: execution.rung_offsets.len(),
            closes: self.now(),
            ends: self.now(),
            again_at: None,
        };
        let mut recheck_at = None;
        let mut changed = None;
        let mut lease_lost = false;
        loop {
            if sides.iter().all(|side| side.ladder.end().is_some()) {
                let filled = sides.iter().any(|side| side.ladder.filled() > 0);
                let resumed = changed.is_some()
                    && filled
                    && sides.iter_mut().map(|side| side.ladder.resume()).filter(|on| *on).count() > 0;
                if !resumed {
                    if may_replan && changed.is_none() && self.may_plan_anew(sides, end) {
                        // The last rung is over and nothing has filled: what is wanted by now may still be
                        // traded.
                        changed = self.changed(check, SHORT_CHECK_BUDGET).await;
                    }
                    break;
                }
                self.note("something filled before the cancel: the plan in hand is kept");
            }
            let now = self.now();
            let settled = sides.iter().all(|side| side.ladder.is_ready() || side.ladder.end().is_some());
            let ready = sides.iter().any(|side| side.ladder.is_ready());
            // While an order is being looked for the other side waits, however long the broker is deaf.
            let locating = sides.iter().any(|side| side.ladder.is_locating());
            let interval_ends_at = (ready && !locating).then_some(interval.ends);
            if ready && (settled || interval_ends_at.is_some_and(|ends| now >= ends)) {
                let wanted = changed.is_none().then_some(check);
                if let Some(change) = self.open_rung(sides, account, wanted, end, &mut interval).await {
                    changed = Some(change);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
                recheck_at = changed.is_none().then(|| midway(self.now(), interval.closes));
                continue;
            }
            let again_at = interval.again_at.filter(|_| ready && !locating);
            if again_at.is_some_and(|at| now >= at) {
                let wanted = changed.is_none().then_some(check);
                if let Some(change) = self.open_late(sides, account, wanted, &mut interval).await {
                    changed = Some(change);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
                continue;
            }
            let wakes = sides.iter().filter_map(|side| side.ladder.next_wake());
            // A renewal that failed is tried again a second later.
            let renew_at = (!lease_lost).then(|| (self.expires.get() - self.half()).max(now + seconds(1)));
            let wake = wakes
                .chain(interval_ends_at)
                .chain(again_at)
                .chain(recheck_at)
                .chain(renew_at)
                .min()
                .unwrap_or(end);
            self.clock.sleep_until(wake).await;
            // Cancels and reads come first: a ledger that stalls must not hold them up.
            self.tell_all(sides, &Event::Time).await;
            let (renewed, written) = join(
                async { if lease_lost { Ok(()) } else { self.renew_once().await } },
                self.write_all(sides),
            )
            .await;
            self.note_all(written);
            if let Err(error) = renewed {
                // What is out is still cancelled and proven; nothing more is sent, and the lease is not asked
                // for again.
                lease_lost = true;
                self.stop(sides, &StopReason::LeaseLost(error.to_string())).await;
            }
            self.send_due(sides, account).await;
            if recheck_at.is_some_and(|at| self.now() >= at) {
                recheck_at = None;
                if untouched(sides)
                    && let Some(change) = self.changed(check, CHECK_BUDGET).await
                {
                    self.note("the signal moved while orders were out: they are cancelled");
                    changed = Some(change);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
            }
        }
        // Nobody plans a day for ever.
        self.alarm |= changed.is_some() && !may_replan;
        let mut settled = self.settle(sides).await;
        let Some(change) = changed.filter(|_| may_replan && replaceable(sides)) else { return Round::Over };
        // The ledger takes no plan after one that it has not as ended: it is told until it does, or no rung
        // of the new plan fits.
        while !settled
            && share(self.now() + seconds(1), end, 1, execution).rungs > 0
            && self.renew().await.is_ok()
        {
            self.clock.sleep_until(self.now() + seconds(1)).await;
            settled = self.settle(sides).await;
        }
        if settled {
            return Round::Changed(change);
        }
        self.alarm = true;
        self.note(
            "the signal moved, and the ledger does not have the first plan as ended: nothing more is sent",
        );
        Round::Over
    }

    /// What is wanted instead by now, if it is something else.
    pub(super) async fn changed<C: Send>(
        &mut self,
        check: &dyn PlanCheck<Change = C>,
        budget: Duration,
    ) -> Option<C> {
        let said = check.check(budget).await;
        self.heed(said)
    }

    /// What a check of the plan said: a note, or what is wanted instead.
    pub(super) fn heed<C>(&mut self, said: Check<C>) -> Option<C> {
        self.checked_now();
        match said {
            Check::Same => None,
            Check::Changed(change) => Some(change),
            Check::Unknown(why) => {
                self.note(why);
                None
            }
        }
    }

    /// The plan was made of what is wanted now.
    pub fn checked_now(&mut self) {
        self.checked = self.now();
    }

    /// Nothing has filled, nothing is in doubt, and a rung of another plan would fit.
    fn may_plan_anew(&self, sides: &[Side], end: Timestamp) -> bool {
        replaceable(sides) && share(self.now(), end, 1, self.scope.execution).rungs > 0
    }

    pub(super) async fn stop(&mut self, sides: &mut [Side], reason: &StopReason) {
        self.tell_all(sides, &Event::Stop(reason.clone())).await;
        let written = self.write_all(sides).await;
        self.note_all(written);
    }
}

/// Nothing has filled yet, as far as the broker shows it.
pub(super) fn untouched(sides: &[Side]) -> bool {
    sides.iter().all(|side| side.ladder.filled_so_far() == 0)
}

/// Every side came to its end, or was refused, or was stopped because the signal moved, without a fill:
/// another plan may take its place.
fn replaceable(sides: &[Side]) -> bool {
    let over = |side: &Side| {
        matches!(
            side.ladder.end(),
            Some(SideEnd::Exhausted | SideEnd::Rejected(_) | SideEnd::Stopped(StopReason::SignalMoved))
        )
    };
    sides.iter().all(|side| over(side) && side.ladder.filled() == 0 && side.unsure.is_empty())
}

/// Half-way between two times.
fn midway(from: Timestamp, to: Timestamp) -> Timestamp {
    from.checked_add(to.duration_since(from) / 2).unwrap_or(to)
}
