//! Working the approved sides: the driver of the ladders, side by side.

use std::collections::BTreeSet;

use futures_util::future::join;
use gamma_strategy::constant_stable::{self, Plan};
use jiff::Timestamp;

use super::lease::half;
use super::prepare::{Account, ApprovedSide, approve_report, side_report};
use super::recheck::{Asked, LOOK_BUDGET, RECHECK_BUDGET};
use super::slots::Slot;
use super::{Ended, Run};
use crate::ladder::{Command, Event, Ladder, RungSkip, Settings, SideEnd, StopReason};
use crate::ports::{IntentKey, IntentRecord, IntentState, Lease, LoadedDay, OrderStatus, PutOutcome, RungRecord};
use crate::profile::seconds;
use crate::quotes::QuoteFault;
use crate::recovery;
use crate::report::{Outcome, RungReport, SideCount, SideReport};
use crate::schedule::share;

/// How often a day is planned, the signal moving before anything fills.
const MOST_PLANS: u32 = 4;

/// One side being worked.
pub(super) struct Side {
    pub(super) ladder: Ladder,
    pub(super) record: IntentRecord,
    pub(super) rungs: Vec<RungRecord>,
    /// Rungs that were not opened, and when.
    pub(super) skips: Vec<(Timestamp, RungSkip)>,
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
    pub(super) slot: u32,
    /// Why it has no price, as far as that was noted.
    pub(super) gap: Option<QuoteFault>,
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
            let approved = self.approve(Some(lease), &plan, &account, revision).await.map_err(|ended| self.after_orders(ended))?;
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
            account = self.account(day).await.map_err(|ended| self.after_orders(ended))?;
        }
        self.outcome_of_sides()
    }

    /// What a day is called whose first plan sent orders and whose next one sends none: nothing filled, whatever the reason why it sends none.
    fn after_orders(&mut self, ended: Ended) -> Ended {
        if self.report.sides.iter().all(|side| side.rungs.is_empty()) {
            return ended;
        }
        let detail = format!("orders were sent and none filled; then: {}", ended.detail);
        let plans = matches!(ended.outcome, Outcome::NothingToDo | Outcome::PlanRefused | Outcome::NotApproved | Outcome::SignalUnusable);
        self.alarm |= ended.outcome.alarms();
        Ended::new(if plans { Outcome::NoFill } else { ended.outcome }, detail)
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
                skips: Vec::new(),
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
                let wanted = moved.is_none().then_some(plan);
                if let Some(row) = self.open_rung(lease, sides, account, wanted, end, &mut slot).await {
                    moved = Some(row);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
                recheck_at = moved.is_none().then(|| midway(self.now(), slot.closes));
                continue;
            }
            let again_at = slot.again_at.filter(|_| ready && !locating);
            if again_at.is_some_and(|at| now >= at) {
                let wanted = moved.is_none().then_some(plan);
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
                    self.note("the signal moved while orders were out: they are cancelled");
                    moved = Some(row);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
            }
        }
        // Nobody plans a day for ever.
        self.alarm |= moved.is_some() && !may_replan;
        let mut settled = self.settle(sides).await;
        let Some(row) = moved.filter(|_| may_replan && replaceable(sides)) else { return Round::Over };
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

    pub(super) async fn stop(&mut self, sides: &mut [Side], reason: &StopReason) {
        self.tell_all(sides, &Event::Stop(reason.clone())).await;
        let written = self.write_all(sides).await;
        self.notes(written);
    }

    fn report_sides(&mut self, sides: Vec<Side>) {
        for side in sides {
            let mut report = side.report;
            report.rungs = RungReport::all(report.effect, &side.rungs, &side.skips);
            report.filled = side.ladder.filled();
            report.end = side.ladder.end().cloned();
            report.total(self.profile.execution.cost_per_contract);
            self.report.sides.push(report);
        }
    }
}

/// Nothing has filled yet, as far as the broker shows it.
pub(super) fn untouched(sides: &[Side]) -> bool {
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
    let moved = || {
        let moved = sides.iter().any(|side| side.end == Some(SideEnd::Stopped(StopReason::SignalMoved)));
        moved.then(|| Ended::new(Outcome::NoFill, "the signal moved, and no other plan was worked"))
    };
    stopped.or_else(|| (!reached_the_broker && !words.is_empty()).then(|| Ended::new(Outcome::Rejected, words.join("; ")))).or_else(moved)
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
