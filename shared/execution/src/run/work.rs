//! Working the approved sides: the driver of the ladders, side by side.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::future::{join, join3};
use gamma_market::{QuoteBook, SignalRow, Vertical};
use gamma_strategy::constant_stable::{self, Plan, Snapshot};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::orders::FRESH;
use super::prepare::{Account, ApprovedSide, approve_report, side_report};
use super::{Ended, Run};
use crate::ladder::{Command, Event, Ladder, Settings, SideEnd, StopReason};
use crate::ports::{Arming, BrokerError, Controls, IntentKey, IntentRecord, IntentState, Lease, LedgerError, LoadedDay, OrderStatus, PutOutcome, RungRecord};
use crate::profile::{ExecutionProfile, seconds};
use crate::quotes::{self, QuoteFault};
use crate::recovery;
use crate::report::{Outcome, SideCount, SideReport};
use crate::schedule::share;

/// The longest a re-read of the signal may take while orders are out.
const RECHECK_BUDGET: Duration = Duration::from_secs(3);

/// The same right before a rung is opened, which waits for it.
const LOOK_BUDGET: Duration = Duration::from_secs(2);

/// A look at the signal this long ago is as good as one right before the rung.
const JUST_LOOKED: SignedDuration = SignedDuration::from_secs(2);

/// How often a day is planned, the signal moving before anything fills.
const MOST_PLANS: u32 = 4;

/// One side being worked.
pub(super) struct Side {
    pub(super) ladder: Ladder,
    pub(super) record: IntentRecord,
    pub(super) rungs: Vec<RungRecord>,
    pub(super) report: SideReport,
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
    /// The slot in which its last rung was opened.
    slot: u32,
    /// Why it has no price, as far as that was noted.
    gap: Option<QuoteFault>,
}

/// The time that both sides share for one rung.
struct Slot {
    number: u32,
    /// Rungs of the plan that no slot was opened for yet.
    rungs_left: usize,
    /// Until when its orders wait for fills.
    closes: Timestamp,
    /// When the next one may begin: they are cancelled and proven by then.
    ends: Timestamp,
    /// When a side without a price is asked about again.
    again_at: Option<Timestamp>,
}

/// What a look at the signal says of the plan in hand.
enum Look {
    /// It asks for the same.
    Same,
    /// It asks for something else.
    Moved(Box<Asked>),
    /// Nothing that could be used, in words: the plan is kept.
    Unusable(String),
}

/// What the feed asks for, once that is not the plan in hand any more.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum Asked {
    /// This row's trade.
    For(SignalRow),
    /// No trade.
    Nothing,
}

/// How a round of ladders ended.
enum Round {
    /// Every side is done.
    Over,
    /// The feed asks for something else, and nothing has filled: plan anew.
    Moved(Box<Asked>),
}

impl Run<'_> {
    /// Prepares, decides, approves, works; anew when the signal moves before anything has filled.
    pub(super) async fn trade(&mut self, lease: &mut Lease, day: &LoadedDay) -> Result<Outcome, Ended> {
        // A run that ended before its first SENDING leaves intents behind: theirs stay, ours come after them.
        let first_revision = 1 + day.intents.iter().map(|intent| intent.key.revision).max().unwrap_or(0);
        let mut account = self.account(day).await?;
        self.stage("prepare");
        let mut row = self.signal(Some(lease)).await?;
        self.looked = self.now();
        self.renew(lease).await?;
        self.stage("signal");
        for revision in first_revision..first_revision + MOST_PLANS {
            let plan = self.decide(&row, &account).map_err(|ended| self.after_orders(ended))?;
            let approved = self.approve(Some(lease), &plan, &account, revision).await?;
            let nothing = plan.sides.iter().all(|side| side.quantity() == 0);
            if approved.is_empty() {
                let outcome = if nothing { Outcome::NothingToDo } else { Outcome::NotApproved };
                let ended = Ended::new(outcome, self.why_nothing(&plan));
                return Err(self.after_orders(ended));
            }
            let planned = plan.sides.iter().filter(|side| side.quantity() > 0).count();
            let mut sides = self.write_intents(lease, approved, &account, (revision, planned)).await?;
            self.stage("decide and approve");
            let may_replan = revision + 1 < first_revision + MOST_PLANS;
            let round = self.work(lease, &mut sides, &account, &plan, may_replan).await;
            self.stage("work");
            self.report_sides(sides);
            let Round::Moved(moved) = round else { break };
            // Planned anew only because nothing has filled; on the row that was read, for the feed may show nothing the next moment.
            row = match *moved {
                Asked::For(row) => row,
                // Its trade may come back, and orders were sent: that is no day without anything to do.
                Asked::Nothing => match self.signal(Some(lease)).await {
                    Ok(row) => row,
                    Err(ended) => return Err(self.after_orders(ended)),
                },
            };
            let end = self.end_of_trading(None);
            if share(self.now(), end, 1, &self.profile.execution).rungs == 0 {
                self.alarm = true;
                return Err(Ended::new(Outcome::NoFill, "the signal moved, and no rung of the new plan fits before the close: nothing more was sent"));
            }
            account = self.account(day).await?;
        }
        self.outcome_of_sides()
    }

    /// What a day is called whose first plan sent orders and whose next one sends none: nothing filled, whatever the reason why it sends none.
    fn after_orders(&mut self, ended: Ended) -> Ended {
        let plans = matches!(ended.outcome, Outcome::NothingToDo | Outcome::PlanRefused | Outcome::NotApproved | Outcome::SignalUnusable);
        if !plans || self.report.sides.iter().all(|side| side.rungs.is_empty()) {
            return ended;
        }
        self.alarm |= ended.outcome.alarms();
        Ended::new(Outcome::NoFill, ended.detail)
    }

    /// What the day's sides make of it, with the reason where there is one to tell.
    fn outcome_of_sides(&mut self) -> Result<Outcome, Ended> {
        let sides: Vec<&SideReport> = self.report.sides.iter().collect();
        // A side that approval refused was planned all the same: beside a filled one it makes the day one-sided.
        let unresolved = |side: &SideReport| matches!(side.end, Some(SideEnd::Unresolved(_)));
        let count =
            |side: &&SideReport| SideCount { revision: side.revision, quantity: side.quantity.max(1), filled: side.filled, unresolved: unresolved(side) };
        let outcome = Outcome::of_sides(&sides.iter().map(count).collect::<Vec<_>>());
        let disturbed = sides.iter().any(|side| matches!(&side.end, Some(SideEnd::Rejected(_))) || stop_of(side).is_some());
        let why = match outcome {
            Outcome::NoFill => why_unfilled(&sides),
            Outcome::OneSided | Outcome::Uneven => Some(Ended::new(outcome, counts(&sides))),
            _ => None,
        };
        self.alarm |= disturbed;
        why.map_or(Ok(outcome), Err)
    }

    fn why_nothing(&self, plan: &Plan) -> String {
        let skips = plan.sides.iter().filter_map(|side| match &side.decision {
            constant_stable::Decision::Skip { reason } => Some(format!("{}: {reason}", side.name())),
            constant_stable::Decision::Trade { .. } => None,
        });
        let refusals = self.report.sides.iter().filter_map(|side| side.refused.as_ref().map(|reason| format!("{}: {reason}", side.name)));
        skips.chain(refusals).collect::<Vec<_>>().join("; ")
    }

    async fn write_intents(
        &mut self,
        lease: &Lease,
        approved: Vec<ApprovedSide>,
        account: &Account,
        (revision, planned): (u32, usize),
    ) -> Result<Vec<Side>, Ended> {
        let mut sides = Vec::new();
        for side in approved {
            let intent = side.intent.get();
            let record = IntentRecord {
                key: IntentKey { strategy: constant_stable::NAME.to_owned(), side: side.plan.side, revision },
                vertical: intent.vertical,
                effect: intent.vertical.effect(),
                quantity: intent.quantity,
                planned_sides: u32::try_from(planned).unwrap_or(u32::MAX),
                decision_mid: intent.decision_mid,
                worst_price: intent.worst_price,
                writer: lease.writer.clone(),
                state: IntentState::Open,
                filled: 0,
                held: recovery::held(intent.vertical, &account.snapshot.positions),
            };
            let mut report = side_report(&side.plan, revision);
            approve_report(&mut report, &side);
            let ends = self.end_of_trading(self.request.calendar().series_close(&intent.vertical.sell(), self.date()));
            let look_until = (ends + seconds(self.profile.execution.locate_seconds)).min(self.prove_by());
            let settings = Settings { profile: self.profile.execution.clone(), look_until, prove_by: self.prove_by() };
            sides.push(Side {
                ladder: Ladder::new(side.intent, self.profile.execution.rung_offsets.clone(), settings),
                record,
                rungs: Vec::new(),
                report,
                closes: Timestamp::MIN,
                unwritten: BTreeSet::new(),
                unsure: BTreeSet::new(),
                due: Vec::new(),
                quoted: Timestamp::MIN,
                slot: 0,
                gap: None,
            });
        }
        let (ledger, intents) = (self.ports.ledger, sides.iter().map(|side| side.record.clone()).collect::<Vec<_>>());
        match self.persist(async || ledger.put_intents(lease, &intents).await).await? {
            PutOutcome::Ours => Ok(sides),
            PutOutcome::Theirs(holder) => Err(Ended::new(Outcome::AnotherRunActive, format!("the plan is not ours to write: {holder}"))),
        }
    }

    /// Opens rung after rung for both sides at once and keeps each ladder fed, until every side is done.
    async fn work(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, plan: &Plan, may_replan: bool) -> Round {
        let execution = &self.profile.execution;
        let close = sides.first().and_then(|side| self.request.calendar().series_close(&side.record.vertical.sell(), self.date()));
        let end = self.end_of_trading(close);
        let mut slot = Slot { number: 0, rungs_left: execution.rung_offsets.len(), closes: self.now(), ends: self.now(), again_at: None };
        let mut recheck_at = None;
        let mut moved = None;
        let mut lease_lost = false;
        loop {
            if sides.iter().all(|side| side.ladder.end().is_some()) {
                let filled = sides.iter().any(|side| side.ladder.filled() > 0);
                let resumed = moved.is_some() && filled && sides.iter_mut().map(|side| side.ladder.resume()).filter(|on| *on).count() > 0;
                if !resumed {
                    if may_replan && moved.is_none() && self.may_plan_anew(sides, end) {
                        // The last rung is over and nothing has filled: what the feed asks for by now may still be traded.
                        moved = self.signal_moved(plan, LOOK_BUDGET).await;
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
            let slot_ends_at = (ready && !locating).then_some(slot.ends);
            if ready && (settled || slot_ends_at.is_some_and(|ends| now >= ends)) {
                let wanted = (may_replan && moved.is_none()).then_some(plan);
                if let Some(row) = self.open_rung(lease, sides, account, wanted, end, &mut slot).await {
                    moved = Some(row);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
                recheck_at = (may_replan && moved.is_none()).then(|| midway(self.now(), slot.closes));
                continue;
            }
            let again_at = slot.again_at.filter(|_| ready && !locating);
            if again_at.is_some_and(|at| now >= at) {
                let wanted = (may_replan && moved.is_none()).then_some(plan);
                if let Some(row) = self.open_late(lease, sides, account, wanted, &mut slot).await {
                    moved = Some(row);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
                continue;
            }
            let wakes = sides.iter().filter_map(|side| side.ladder.next_wake());
            // A renewal that failed is tried again a second later.
            let renew_at = (!lease_lost).then(|| (lease.expires - half(execution)).max(now + seconds(1)));
            let wake = wakes.chain(slot_ends_at).chain(again_at).chain(recheck_at).chain(renew_at).min().unwrap_or(end);
            self.ports.clock.sleep_until(wake).await;
            // Cancels and reads come first: a ledger that stalls must not hold them up.
            self.tell_all(sides, &Event::Time).await;
            let (renewed, written) = join(async { if lease_lost { Ok(()) } else { self.renew_once(lease).await } }, self.write_all(sides)).await;
            self.notes(written);
            if let Err(ended) = renewed {
                // What is out is still cancelled and proven; nothing more is sent, and the lease is not asked for again.
                lease_lost = true;
                self.stop(sides, &StopReason::LeaseLost(ended.detail)).await;
            }
            self.send_due(lease, sides, account).await;
            if recheck_at.is_some_and(|at| self.now() >= at) {
                recheck_at = None;
                if untouched(sides)
                    && let Some(row) = self.signal_moved(plan, RECHECK_BUDGET).await
                {
                    self.note("the signal moved while orders were out: cancelling to plan once more");
                    moved = Some(row);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
            }
        }
        let mut settled = self.settle(sides).await;
        let Some(row) = moved.filter(|_| replaceable(sides)) else { return Round::Over };
        // The ledger takes no plan after one that it has not as ended: it is told until it does, or no rung of the new plan fits.
        while !settled && share(self.now() + seconds(1), end, 1, execution).rungs > 0 && self.renew(lease).await.is_ok() {
            self.ports.clock.sleep_until(self.now() + seconds(1)).await;
            settled = self.settle(sides).await;
        }
        if settled {
            return Round::Moved(Box::new(row));
        }
        self.alarm = true;
        self.note("the signal moved, and the ledger does not have the first plan as ended: nothing more is sent");
        Round::Over
    }

    /// Nothing has filled, nothing is in doubt, and a rung of another plan would fit.
    fn may_plan_anew(&self, sides: &[Side], end: Timestamp) -> bool {
        replaceable(sides) && share(self.now(), end, 1, &self.profile.execution).rungs > 0
    }

    /// Opens the next rung for every side that is ready. Gives the row with which the signal has moved instead, when it has: looked at right
    /// before the rung, so that none opens on strikes that the feed no longer shows.
    async fn open_rung(
        &mut self,
        lease: &mut Lease,
        sides: &mut [Side],
        account: &Account,
        plan: Option<&Plan>,
        end: Timestamp,
        slot: &mut Slot,
    ) -> Option<Asked> {
        let execution = &self.profile.execution;
        (slot.number, slot.closes, slot.ends, slot.again_at) = (slot.number + 1, self.now(), self.now(), None);
        if sides.iter().any(|side| side.ladder.in_doubt()) {
            self.stop(sides, &StopReason::OtherSideUnresolved).await;
            return None;
        }
        let plan = plan.filter(|_| untouched(sides) && self.now().duration_since(self.looked) > JUST_LOOKED);
        let verticals: Vec<Vertical> = sides.iter().filter(|side| side.ladder.is_ready()).map(|side| side.record.vertical).collect();
        let just_read = self.quoted.take().filter(|(at, _)| self.now().duration_since(*at) <= FRESH);
        let quotes = async {
            match just_read {
                Some((at, book)) => (at, Ok(book)),
                None => self.quotes_of(&verticals).await,
            }
        };
        let look = async {
            match plan {
                Some(plan) => self.look_at_signal(plan, LOOK_BUDGET).await,
                None => Look::Same,
            }
        };
        let (stop, (read, quotes), look) = join3(self.may_not_open(lease), quotes, look).await;
        // What was read beside a slow ledger or feed may be old by now.
        let old = stop.is_none() && self.now().duration_since(read) > FRESH;
        let (read, quotes) = if old { self.quotes_of(&verticals).await } else { (read, quotes) };
        let book = self.book(quotes);
        // Only now is it known how much time the reads have left: the rung must still be waited, cancelled and confirmed.
        let share = share(self.now(), end, slot.rungs_left.max(1), execution);
        if let Some(reason) = stop.or_else(|| (share.rungs == 0).then_some(StopReason::TimeUp)) {
            self.stop(sides, &reason).await;
            return None;
        }
        if let Some(row) = self.told(look) {
            self.note("the signal moved before the next rung: planning once more");
            return Some(row);
        }
        let now = self.now();
        let priced = |side: &&mut Side| quotes::package(side.record.vertical, &book, now, execution).is_ok();
        if !sides.iter_mut().filter(|side| side.ladder.is_ready()).any(|side| priced(&side)) {
            // A gap in the quotes costs the time it lasts, not a rung.
            self.ports.clock.sleep_until(self.now() + seconds(1)).await;
            slot.ends = self.now();
            return None;
        }
        slot.rungs_left = slot.rungs_left.saturating_sub(1);
        slot.closes = self.now() + share.wait;
        slot.ends = slot.closes + seconds(execution.confirm_seconds);
        self.open_sides(lease, sides, account, (read, &book), slot).await;
        None
    }

    /// Opens the rung of this slot for every side that is ready, has not had it, and has a price. Who has none is asked about again.
    async fn open_sides(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, (read, book): (Timestamp, &QuoteBook), slot: &mut Slot) {
        let execution = &self.profile.execution;
        slot.again_at = None;
        for side in sides.iter_mut().filter(|side| side.ladder.is_ready() && side.slot != slot.number) {
            let now = self.now();
            if now + seconds(execution.least_rung_seconds) > slot.closes {
                continue;
            }
            let nbbo = match quotes::package(side.record.vertical, book, now, execution) {
                Ok(nbbo) => nbbo,
                Err(fault) => {
                    if side.gap.as_ref() != Some(&fault) {
                        self.note(format!("{} waits for a price: {fault}", side.report.name));
                        side.gap = Some(fault);
                    }
                    slot.again_at = Some(now + seconds(1));
                    continue;
                }
            };
            (side.closes, side.slot, side.quoted, side.gap) = (slot.closes, slot.number, read, None);
            let commands = side.ladder.step(now, Event::Open { nbbo, closes: slot.closes });
            self.carry_out(lease, side, account, commands).await;
            // The id is durable before the other side's order goes out.
            let written = self.write_all(std::slice::from_mut(side)).await;
            self.notes(written);
        }
    }

    /// A side that had no price when its slot began opens its rung as soon as it has one: a gap costs the time it lasts, not the slot. What
    /// holds for every rung holds for this one; gives the row with which the signal has moved meanwhile.
    async fn open_late(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, plan: Option<&Plan>, slot: &mut Slot) -> Option<Asked> {
        slot.again_at = None;
        if sides.iter().any(|side| side.ladder.in_doubt()) {
            self.stop(sides, &StopReason::OtherSideUnresolved).await;
            return None;
        }
        let waits = |side: &&Side| side.ladder.is_ready() && side.slot != slot.number;
        let verticals: Vec<Vertical> = sides.iter().filter(waits).map(|side| side.record.vertical).collect();
        if verticals.is_empty() {
            return None;
        }
        let (stop, (read, quotes)) = join(self.may_not_open(lease), self.quotes_of(&verticals)).await;
        if let Some(reason) = stop {
            self.stop(sides, &reason).await;
            return None;
        }
        let (book, now) = (self.book(quotes), self.now());
        let opens = verticals.iter().any(|vertical| quotes::package(*vertical, &book, now, &self.profile.execution).is_ok());
        let plan = plan.filter(|_| opens && untouched(sides) && now.duration_since(self.looked) > JUST_LOOKED);
        if let Some(plan) = plan
            && let Some(row) = self.signal_moved(plan, LOOK_BUDGET).await
        {
            self.note("the signal moved before the next rung: planning once more");
            return Some(row);
        }
        self.open_sides(lease, sides, account, (read, &book), slot).await;
        None
    }

    /// A read that failed is an empty book.
    fn book(&mut self, quotes: Result<QuoteBook, BrokerError>) -> QuoteBook {
        quotes.unwrap_or_else(|error| {
            self.note(format!("quotes: {error}"));
            QuoteBook::new()
        })
    }

    /// Halt, arming and lease are read at every rung.
    async fn may_not_open(&self, lease: &mut Lease) -> Option<StopReason> {
        if let Some(reason) = self.forbidden().await {
            return Some(reason);
        }
        self.renew(lease).await.err().map(|ended| StopReason::LeaseLost(ended.detail))
    }

    /// Halted, no longer armed, or not known to be neither.
    pub(super) async fn forbidden(&self) -> Option<StopReason> {
        let (ledger, account) = (self.ports.ledger, &self.request.account);
        let asked = Cell::new(self.now());
        let read = async || {
            asked.set(self.now());
            ledger.controls(account).await
        };
        let reason = match self.persist(read).await {
            Ok(Controls { halted: Some(reason), .. }) => StopReason::Halted(reason),
            Ok(Controls { arming: Arming::NotArmed, .. }) => StopReason::Disarmed,
            Ok(_) => {
                self.permitted.set(asked.get());
                return None;
            }
            Err(error) => StopReason::Ledger(error.to_string()),
        };
        Some(reason)
    }

    /// Prolongs the lease when less than half of it is left, and tries until it is known.
    pub(super) async fn renew(&self, lease: &mut Lease) -> Result<(), Ended> {
        if lease.expires.duration_since(self.now()) > half(&self.profile.execution) {
            return Ok(());
        }
        self.prolong(lease).await
    }

    /// Prolongs the lease from the moment of the write that succeeds.
    pub(super) async fn prolong(&self, lease: &mut Lease) -> Result<(), Ended> {
        let held = &*lease;
        let answer = self.persist(async || self.prolong_once(held).await).await?;
        prolonged(lease, answer)
    }

    /// As [`Run::renew`] while orders are out: one try, and a ledger that does not answer is asked again at the next tick, as long as
    /// the lease lasts.
    async fn renew_once(&self, lease: &mut Lease) -> Result<(), Ended> {
        if lease.expires.duration_since(self.now()) > half(&self.profile.execution) {
            return Ok(());
        }
        match self.prolong_once(lease).await {
            Err(error) if lease.expires > self.now() => {
                tracing::warn!("{error}; trying again at the next tick");
                Ok(())
            }
            answer => prolonged(lease, answer?),
        }
    }

    /// Until when the lease would last, and whether it is ours.
    async fn prolong_once(&self, lease: &Lease) -> Result<(Timestamp, PutOutcome), LedgerError> {
        let expires = self.now() + seconds(self.profile.execution.lease_seconds);
        let outcome = self.ports.ledger.renew_lease(lease, expires).await?;
        Ok((expires, outcome))
    }

    /// What the feed asks for now, when that is other sides, strikes or another expiry, or no trade at all. A feed that cannot be read keeps the
    /// plan.
    async fn signal_moved(&mut self, plan: &Plan, budget: Duration) -> Option<Asked> {
        let look = self.look_at_signal(plan, budget).await;
        self.told(look)
    }

    /// What a look at the signal said: a note, or what it now asks for.
    fn told(&mut self, look: Look) -> Option<Asked> {
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

    async fn look_at_signal(&self, plan: &Plan, budget: Duration) -> Look {
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

    pub(super) async fn stop(&mut self, sides: &mut [Side], reason: &StopReason) {
        self.tell_all(sides, &Event::Stop(reason.clone())).await;
        let written = self.write_all(sides).await;
        self.notes(written);
    }

    fn report_sides(&mut self, sides: Vec<Side>) {
        for side in sides {
            let mut report = side.report;
            report.filled = side.ladder.filled();
            report.end = side.ladder.end().cloned();
            report.total(self.profile.execution.cost_per_contract);
            self.report.sides.push(report);
        }
    }
}

/// Nothing has filled yet, as far as the broker shows it.
fn untouched(sides: &[Side]) -> bool {
    sides.iter().all(|side| side.ladder.filled_so_far() == 0)
}

/// Every side came to its end, or was refused, or was stopped because the signal moved, without a fill: another plan may take its place.
fn replaceable(sides: &[Side]) -> bool {
    let over = |side: &Side| matches!(side.ladder.end(), Some(SideEnd::Exhausted | SideEnd::Rejected(_) | SideEnd::Stopped(StopReason::SignalMoved)));
    sides.iter().all(|side| over(side) && side.ladder.filled() == 0 && side.unsure.is_empty())
}

/// Half-way between two times.
fn midway(from: Timestamp, to: Timestamp) -> Timestamp {
    from.checked_add(to.duration_since(from) / 2).unwrap_or(to)
}

/// How many of each planned side filled, in words.
fn counts(sides: &[&SideReport]) -> String {
    let newest = sides.iter().map(|side| side.revision).max().unwrap_or_default();
    let told = sides.iter().filter(|side| side.revision == newest || side.filled > 0);
    told.map(|side| format!("{} {} of {}", side.name, side.filled, side.quantity)).collect::<Vec<_>>().join(", ")
}

fn prolonged(lease: &mut Lease, (expires, outcome): (Timestamp, PutOutcome)) -> Result<(), Ended> {
    match outcome {
        PutOutcome::Ours => {
            lease.expires = expires;
            Ok(())
        }
        PutOutcome::Theirs(holder) => Err(Ended::new(Outcome::AnotherRunActive, format!("the lease was taken over: {holder}"))),
    }
}

/// A day without a fill is named after what stopped it, where something did.
fn why_unfilled(sides: &[&SideReport]) -> Option<Ended> {
    let stopped = sides.iter().find_map(|side| stop_of(side)).map(|(outcome, reason)| Ended::new(outcome, reason));
    if sides.iter().all(|side| side.rungs.is_empty()) && sides.iter().any(|side| side.end == Some(SideEnd::Stopped(StopReason::TimeUp))) {
        return Some(Ended::new(Outcome::OutOfTime, "no rung could have been waited, cancelled and confirmed before the close or the end of the function"));
    }
    let reached_the_broker = sides.iter().flat_map(|side| &side.rungs).any(|rung| rung.order.is_some() && rung.status != Some(OrderStatus::Rejected));
    let refusals = sides.iter().flat_map(|side| side.rungs.iter().filter_map(|rung| rung.note.as_ref().map(|note| format!("{}: {note}", side.name))));
    let rejections = sides.iter().filter_map(|side| match &side.end {
        Some(SideEnd::Rejected(why)) => Some(format!("{}: {why}", side.name)),
        _ => None,
    });
    let words: Vec<String> = rejections.chain(refusals).collect();
    stopped.or_else(|| (!reached_the_broker && !words.is_empty()).then(|| Ended::new(Outcome::Rejected, words.join("; "))))
}

/// What stopped a side, where it was neither the plan nor the time.
fn stop_of(side: &SideReport) -> Option<(Outcome, &StopReason)> {
    let Some(SideEnd::Stopped(reason)) = &side.end else { return None };
    let outcome = match reason {
        StopReason::Halted(_) => Outcome::Halted,
        StopReason::Disarmed => Outcome::NotArmed,
        StopReason::LeaseLost(_) => Outcome::AnotherRunActive,
        StopReason::Ledger(_) | StopReason::MarkUnknown(_) => Outcome::LedgerUnavailable,
        StopReason::Contradiction(_) | StopReason::OtherSideUnresolved | StopReason::NotFoundInTime => Outcome::NoFill,
        StopReason::SignalMoved | StopReason::TimeUp => return None,
    };
    Some((outcome, reason))
}

fn half(execution: &ExecutionProfile) -> SignedDuration {
    SignedDuration::from_secs(i64::from(execution.lease_seconds) / 2)
}
