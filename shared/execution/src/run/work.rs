//! Working the approved sides: the driver of the ladders, side by side.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::future::join;
use gamma_market::{Price, PriceRule, QuoteBook, SignalRow};
use gamma_strategy::constant_stable::{self, Plan, Snapshot};
use gamma_strategy::signal::select;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::prepare::{Account, ApprovedSide, approve_report, side_report};
use super::{Ended, Run};
use crate::ladder::{Command, Event, Ladder, Settings, SideEnd, StopReason};
use crate::ports::{Arming, BrokerError, Controls, IntentKey, IntentRecord, IntentState, Lease, LedgerError, LoadedDay, OrderStatus, PutOutcome, RungRecord};
use crate::profile::{ExecutionProfile, seconds};
use crate::recovery;
use crate::report::{Outcome, SideCount, SideReport};
use crate::schedule::share;

/// The longest a re-read of the signal may take while orders are out.
const RECHECK_BUDGET: Duration = Duration::from_secs(3);

/// Quotes read no longer ago than this make a rung's price.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

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
    /// Orders that are to be sent once this tick's cancels and reads are done.
    pub(super) due: Vec<Command>,
}

/// How a round of ladders ended.
enum Round {
    /// Every side is done.
    Over,
    /// The signal moved to this row, and nothing has filled: plan once more.
    Moved(Box<SignalRow>),
}

impl Run<'_> {
    /// Prepares, decides, approves, works; once more when the signal moves before anything has filled.
    pub(super) async fn trade(&mut self, lease: &mut Lease, day: &LoadedDay) -> Result<Outcome, Ended> {
        // A run that ended before its first SENDING leaves intents behind: theirs stay, ours come after them.
        let first_revision = 1 + day.intents.iter().map(|intent| intent.key.revision).max().unwrap_or(0);
        let mut account = self.account(day.fills()).await?;
        self.stage("prepare");
        let mut row = self.signal(Some(lease)).await?;
        self.renew(lease).await?;
        self.stage("signal");
        let mut offsets = self.profile.execution.rung_offsets.clone();
        for revision in [first_revision, first_revision + 1] {
            let plan = self.decide(&row, &account)?;
            let approved = self.approve(&plan, &account, revision).await?;
            let nothing = plan.sides.iter().all(|side| side.quantity() == 0);
            if approved.is_empty() {
                let outcome = if nothing { Outcome::NothingToDo } else { Outcome::NotApproved };
                return Err(Ended::new(outcome, self.why_nothing(&plan)));
            }
            let planned = plan.sides.iter().filter(|side| side.quantity() > 0).count();
            let mut sides = self.write_intents(lease, approved, &account, (revision, planned, &offsets)).await?;
            self.stage("decide and approve");
            let round = self.work(lease, &mut sides, &account, &plan, &mut offsets, revision == first_revision).await;
            self.stage("work");
            self.report_sides(sides);
            let Round::Moved(moved) = round else { break };
            // Planned once more only because nothing has filled; on the row that was read, for the feed may show nothing the next moment.
            row = *moved;
            account = self.account(day.fills()).await?;
        }
        let sides: Vec<&SideReport> = self.report.sides.iter().collect();
        // A side that approval refused was planned all the same: beside a filled one it makes the day one-sided.
        let unresolved = |side: &SideReport| matches!(side.end, Some(SideEnd::Unresolved(_)));
        let count =
            |side: &&SideReport| SideCount { revision: side.revision, quantity: side.quantity.max(1), filled: side.filled, unresolved: unresolved(side) };
        let outcome = Outcome::of_sides(&sides.iter().map(count).collect::<Vec<_>>());
        let disturbed = sides.iter().any(|side| matches!(&side.end, Some(SideEnd::Rejected(_))) || stop_of(side).is_some());
        let why_unfilled = if outcome == Outcome::NoFill { why_unfilled(&sides) } else { None };
        self.alarm |= disturbed;
        why_unfilled.map_or(Ok(outcome), Err)
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
        (revision, planned, offsets): (u32, usize, &[Price]),
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
                ladder: Ladder::new(side.intent, offsets.to_vec(), settings),
                record,
                rungs: Vec::new(),
                report,
                closes: Timestamp::MIN,
                unwritten: BTreeSet::new(),
                due: Vec::new(),
            });
        }
        let (ledger, intents) = (self.ports.ledger, sides.iter().map(|side| side.record.clone()).collect::<Vec<_>>());
        match self.persist(async || ledger.put_intents(lease, &intents).await).await? {
            PutOutcome::Ours => Ok(sides),
            PutOutcome::Theirs(holder) => Err(Ended::new(Outcome::AnotherRunActive, format!("the plan is not ours to write: {holder}"))),
        }
    }

    /// Opens rung after rung for both sides at once and keeps each ladder fed, until every side is done.
    async fn work(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, plan: &Plan, offsets: &mut Vec<Price>, may_replan: bool) -> Round {
        let execution = &self.profile.execution;
        let close = sides.first().and_then(|side| self.request.calendar().series_close(&side.record.vertical.sell(), self.date()));
        let end = self.end_of_trading(close);
        let mut slot_ends = self.now();
        let mut recheck_at = None;
        let mut moved = None;
        let mut lease_lost = false;
        loop {
            if sides.iter().all(|side| side.ladder.end().is_some()) {
                let filled = sides.iter().any(|side| side.ladder.filled() > 0);
                let resumed = moved.is_some() && filled && sides.iter_mut().map(|side| side.ladder.resume()).filter(|on| *on).count() > 0;
                if !resumed {
                    break;
                }
                self.note("something filled before the cancel: the plan in hand is kept");
            }
            let now = self.now();
            let settled = sides.iter().all(|side| side.ladder.is_ready() || side.ladder.end().is_some());
            let ready = sides.iter().any(|side| side.ladder.is_ready());
            // While an order is being looked for the other side waits, however long the broker is deaf.
            let slot_ends_at = (ready && !sides.iter().any(|side| side.ladder.is_locating())).then_some(slot_ends);
            if ready && (settled || slot_ends_at.is_some_and(|ends| now >= ends)) {
                let wait = self.open_rung(lease, sides, account, end, offsets).await;
                slot_ends = self.now() + wait + seconds(execution.confirm_seconds);
                recheck_at = (may_replan && moved.is_none()).then(|| self.now() + wait / 2);
                continue;
            }
            let wakes = sides.iter().filter_map(|side| side.ladder.next_wake());
            // A renewal that failed is tried again a second later.
            let renew_at = (!lease_lost).then(|| (lease.expires - half(execution)).max(now + seconds(1)));
            let wake = wakes.chain(slot_ends_at).chain(recheck_at).chain(renew_at).min().unwrap_or(end);
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
                let untouched = sides.iter().all(|side| side.ladder.filled_so_far() == 0);
                if untouched && let Some(row) = self.signal_moved(plan).await {
                    self.note("the signal moved while orders were out: cancelling to plan once more");
                    moved = Some(row);
                    self.stop(sides, &StopReason::SignalMoved).await;
                }
            }
        }
        self.settle(sides).await;
        let untouched = sides.iter().all(|side| side.ladder.end() == Some(&SideEnd::Stopped(StopReason::SignalMoved)) && side.ladder.filled() == 0);
        match moved {
            Some(row) if untouched && !offsets.is_empty() => Round::Moved(Box::new(row)),
            _ => Round::Over,
        }
    }

    /// Opens the next rung for every side that is ready; answers with how long it waits for fills.
    async fn open_rung(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, end: Timestamp, offsets: &mut Vec<Price>) -> Duration {
        let execution = &self.profile.execution;
        let in_doubt = sides.iter().any(|side| side.ladder.in_doubt());
        let (stop, book) = if in_doubt {
            (Some(StopReason::OtherSideUnresolved), QuoteBook::new())
        } else {
            let quotes = self.rung_quotes(sides);
            let (stop, (read, quotes)) = join(self.may_not_open(lease), quotes).await;
            // What was read beside a slow ledger may be old by now.
            let old = stop.is_none() && self.now().duration_since(read) > FRESH;
            let quotes = if old { self.rung_quotes(sides).await.1 } else { quotes };
            (stop, self.book(quotes))
        };
        // Only now is it known how much time the reads have left: the rung must still be waited, cancelled and confirmed.
        let share = share(self.now(), end, offsets.len().max(1), execution);
        if let Some(reason) = stop.or_else(|| (share.rungs == 0).then_some(StopReason::TimeUp)) {
            self.stop(sides, &reason).await;
            return Duration::ZERO;
        }
        let nbbo = |side: &Side| {
            let tick = PriceRule::for_root(side.record.vertical.sell().root()).map(PriceRule::package_tick);
            tick.and_then(|tick| side.record.vertical.nbbo(&book, tick))
        };
        let ready = sides.iter().filter(|side| side.ladder.is_ready());
        if ready.clone().all(|side| nbbo(side).is_none()) {
            // A gap in the quotes costs the time it lasts, not a rung.
            self.ports.clock.sleep_until(self.now() + seconds(1)).await;
            return Duration::ZERO;
        }
        if !offsets.is_empty() {
            offsets.remove(0);
        }
        let closes = self.now() + share.wait;
        for side in sides.iter_mut().filter(|side| side.ladder.is_ready()) {
            let Some(nbbo) = nbbo(side) else { continue };
            let now = self.now();
            if now + seconds(execution.least_rung_seconds) > closes {
                continue;
            }
            side.closes = closes;
            let commands = side.ladder.step(now, Event::Open { nbbo, closes });
            self.carry_out(lease, side, account, commands).await;
            // The id is durable before the other side's order goes out.
            let written = self.write_all(std::slice::from_mut(side)).await;
            self.notes(written);
        }
        share.wait
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

    /// The row with which the feed now asks for other sides, strikes or another expiry. A feed that cannot be read keeps the plan.
    async fn signal_moved(&mut self, plan: &Plan) -> Option<SignalRow> {
        let rows = match self.ports.signal.rows(RECHECK_BUDGET).await {
            Ok(rows) => rows,
            Err(error) => {
                self.note(format!("the signal could not be read again, the plan is kept: {error}"));
                return None;
            }
        };
        let row = match select(&rows, self.date(), self.profile.strategy.raw().same_day_expiry, self.request.calendar()) {
            Ok(row) => row,
            Err(refusal) => {
                self.note(format!("the signal read again is unusable, the plan is kept: {refusal}"));
                return None;
            }
        };
        let nothing_held = std::collections::BTreeMap::new();
        match constant_stable::decide(row, Snapshot { equity: Some(plan.equity), positions: &nothing_held }, &self.profile.strategy) {
            Ok(again) => (!again.same_trades(plan)).then(|| row.clone()),
            Err(constant_stable::PlanRefusal::NoSide) => Some(row.clone()),
            Err(refusal) => {
                self.note(format!("the signal read again gives no plan, the plan is kept: {refusal}"));
                None
            }
        }
    }

    async fn stop(&mut self, sides: &mut [Side], reason: &StopReason) {
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

impl<'a> Run<'a> {
    /// Quotes for every side that is ready: those that approval has just read, or fresh ones.
    fn rung_quotes(&mut self, sides: &[Side]) -> impl Future<Output = (Timestamp, Result<QuoteBook, BrokerError>)> + use<'a> {
        let legs = sides.iter().filter(|side| side.ladder.is_ready()).flat_map(|side| side.record.vertical.legs()).map(|leg| leg.symbol);
        let legs: Vec<_> = legs.collect::<BTreeSet<_>>().into_iter().collect();
        let (broker, clock) = (self.ports.broker, self.ports.clock);
        let just_read = self.quoted.take().filter(|(at, _)| self.now().duration_since(*at) <= FRESH);
        async move {
            match just_read {
                Some((at, book)) => (at, Ok(book)),
                None => {
                    let quotes = broker.quotes(&legs).await;
                    (clock.now(), quotes)
                }
            }
        }
    }
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
        StopReason::Ledger(_) => Outcome::LedgerUnavailable,
        StopReason::Contradiction(_) | StopReason::OtherSideUnresolved | StopReason::NotFoundInTime => Outcome::NoFill,
        StopReason::SignalMoved | StopReason::TimeUp => return None,
    };
    Some((outcome, reason))
}

fn half(execution: &ExecutionProfile) -> SignedDuration {
    SignedDuration::from_secs(i64::from(execution.lease_seconds) / 2)
}
