//! Working the approved sides: the driver of the ladders, side by side.

use gamma_market::calendar::series_close;
use gamma_market::{Price, PriceRule};
use gamma_strategy::constant_stable::{self, Plan, Snapshot};
use gamma_strategy::signal::select;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::prepare::{Account, ApprovedSide, approve_report, side_report};
use super::{Ended, Run};
use crate::fingerprint::Fingerprint;
use crate::ladder::{Command, Event, Ladder, Posting, RungSkip, Settings, SideEnd, StopReason};
use crate::ports::{Arming, CancelReply, IntentKey, IntentRecord, IntentState, Lease, NotPlaced, OrderId, PlaceReply, PutOutcome, RungRecord, RungState};
use crate::profile::{ExecutionProfile, seconds};
use crate::report::{Outcome, RungReport, SideReport};
use crate::schedule::share;

/// The longest a re-read of the signal may take while orders are out.
const RECHECK_BUDGET: Duration = Duration::from_secs(3);

/// One side being worked.
struct Side {
    ladder: Ladder,
    record: IntentRecord,
    rungs: Vec<RungRecord>,
    report: SideReport,
}

/// How a round of ladders ended.
#[derive(PartialEq, Eq)]
enum Round {
    /// Every side is done.
    Over,
    /// The signal moved, and nothing has filled: plan once more.
    Moved,
}

impl Run<'_> {
    /// Prepares, decides, approves, works; once more when the signal moves before anything has filled.
    pub(super) async fn trade(&mut self, lease: &mut Lease, first_revision: u32) -> Result<Outcome, Ended> {
        let mut account = self.account().await?;
        self.stage("prepare");
        let mut row = self.signal().await?;
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
            let mut sides = self.write_intents(lease, approved, revision, &offsets).await?;
            self.stage("decide and approve");
            let round = self.work(lease, &mut sides, &account, &plan, &mut offsets, revision == first_revision).await;
            self.stage("work");
            self.report_sides(sides);
            if round == Round::Over {
                break;
            }
            account = self.account().await?;
            row = self.signal().await?;
        }
        if let Some(ended) = self.stopped_before_sending() {
            return Err(ended);
        }
        let sides: Vec<_> = self.report.sides.iter().filter(|side| side.quantity > 0 && !superseded(side, &self.report.sides)).collect();
        let totals: Vec<_> = sides.iter().map(|side| (side.quantity, side.filled, matches!(side.end, Some(SideEnd::Unresolved(_))))).collect();
        Ok(Outcome::of_sides(&totals))
    }

    /// A run that was stopped before it sent anything is named after what stopped it, not after what it did not fill.
    fn stopped_before_sending(&self) -> Option<Ended> {
        let stops = self.report.sides.iter().filter_map(|side| match &side.end {
            Some(SideEnd::Stopped(reason)) if self.sent == 0 => Some(reason),
            _ => None,
        });
        let outcome = |reason: &StopReason| match reason {
            StopReason::Halted(_) => Some(Outcome::Halted),
            StopReason::Disarmed => Some(Outcome::NotArmed),
            StopReason::LeaseLost(_) => Some(Outcome::AnotherRunActive),
            StopReason::Ledger(_) => Some(Outcome::LedgerUnavailable),
            StopReason::SignalMoved | StopReason::TimeUp => None,
        };
        stops.filter_map(|reason| outcome(reason).map(|outcome| Ended::new(outcome, reason))).next()
    }

    fn why_nothing(&self, plan: &Plan) -> String {
        let skips = plan.sides.iter().filter_map(|side| match &side.decision {
            constant_stable::Decision::Skip { reason } => Some(format!("{}: {reason}", side.name())),
            constant_stable::Decision::Trade { .. } => None,
        });
        let refusals = self.report.sides.iter().filter_map(|side| side.refused.as_ref().map(|reason| format!("{}: {reason}", side.name)));
        skips.chain(refusals).collect::<Vec<_>>().join("; ")
    }

    async fn write_intents(&mut self, lease: &Lease, approved: Vec<ApprovedSide>, revision: u32, offsets: &[Price]) -> Result<Vec<Side>, Ended> {
        let mut sides = Vec::new();
        for side in approved {
            let intent = side.intent.get();
            let record = IntentRecord {
                key: IntentKey { strategy: constant_stable::NAME.to_owned(), side: side.plan.side, revision },
                vertical: intent.vertical,
                effect: intent.vertical.effect(),
                quantity: intent.quantity,
                decision_mid: intent.decision_mid,
                worst_price: intent.worst_price,
                writer: lease.writer.clone(),
                state: IntentState::Open,
                filled: 0,
            };
            let ledger = self.ports.ledger;
            if let PutOutcome::Theirs(holder) = self.persist(async || ledger.put_intent(lease, &record).await).await? {
                return Err(Ended::new(Outcome::AnotherRunActive, format!("intent {} is not ours to write: {holder}", record.key)));
            }
            let mut report = side_report(&side.plan, revision);
            approve_report(&mut report, &side);
            let settings = Settings { profile: self.profile.execution.clone(), prove_by: self.prove_by() };
            sides.push(Side { ladder: Ladder::new(side.intent, offsets.to_vec(), settings), record, rungs: Vec::new(), report });
        }
        Ok(sides)
    }

    /// Opens rung after rung for both sides at once and keeps each ladder fed, until every side is done.
    async fn work(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, plan: &Plan, offsets: &mut Vec<Price>, may_replan: bool) -> Round {
        let execution = &self.profile.execution;
        let close = sides.first().and_then(|side| series_close(&side.record.vertical.sell(), self.date()));
        let end = self.end_of_trading(close);
        let mut slot_ends = self.now();
        let mut recheck_at = None;
        let mut moved = false;
        loop {
            if sides.iter().all(|side| side.ladder.end().is_some()) {
                let filled = sides.iter().any(|side| side.ladder.filled() > 0);
                let resumed = moved && filled && sides.iter_mut().map(|side| side.ladder.resume()).filter(|on| *on).count() > 0;
                if !resumed {
                    break;
                }
                self.note("something filled before the cancel: the plan in hand is kept");
            }
            let now = self.now();
            let settled = sides.iter().all(|side| side.ladder.is_ready() || side.ladder.end().is_some());
            let ready = sides.iter().any(|side| side.ladder.is_ready());
            if ready && (settled || now >= slot_ends) {
                let wait = self.open_rung(lease, sides, account, end, offsets).await;
                slot_ends = self.now() + wait + seconds(execution.confirm_seconds);
                recheck_at = (may_replan && !moved).then(|| self.now() + wait / 2);
                continue;
            }
            let wakes = sides.iter().filter_map(|side| side.ladder.next_wake());
            let renew_at = lease.expires - half(execution);
            let wake = wakes.chain(ready.then_some(slot_ends)).chain(recheck_at).chain([renew_at]).min().unwrap_or(renew_at);
            self.ports.clock.sleep_until(wake).await;
            if let Err(ended) = self.renew(lease).await {
                self.stop(lease, sides, account, &StopReason::LeaseLost(ended.detail)).await;
            }
            if recheck_at.is_some_and(|at| self.now() >= at) {
                recheck_at = None;
                if sides.iter().all(|side| side.ladder.filled_so_far() == 0) && self.signal_moved(plan).await {
                    self.note("the signal moved while orders were out: cancelling to plan once more");
                    moved = true;
                    self.stop(lease, sides, account, &StopReason::SignalMoved).await;
                }
            }
            for side in sides.iter_mut() {
                let now = self.now();
                let commands = side.ladder.step(now, Event::Time);
                self.carry_out(lease, side, account, commands).await;
            }
        }
        self.settle(sides).await;
        let untouched = sides.iter().all(|side| side.ladder.end() == Some(&SideEnd::Stopped(StopReason::SignalMoved)) && side.ladder.filled() == 0);
        if moved && untouched && !offsets.is_empty() { Round::Moved } else { Round::Over }
    }

    /// Opens the next rung for every side that is ready; answers with how long it waits for fills.
    async fn open_rung(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, end: Timestamp, offsets: &mut Vec<Price>) -> Duration {
        let rungs = share(self.now(), end, offsets.len().max(1), &self.profile.execution);
        let stop = if rungs.rungs == 0 { Some(StopReason::TimeUp) } else { self.may_not_open(lease).await };
        if let Some(reason) = stop {
            self.stop(lease, sides, account, &reason).await;
            return Duration::ZERO;
        }
        if !offsets.is_empty() {
            offsets.remove(0);
        }
        let legs = sides.iter().filter(|side| side.ladder.is_ready()).flat_map(|side| side.record.vertical.legs()).map(|leg| leg.symbol);
        let book = match self.quotes(legs).await {
            Ok(book) => book,
            Err(ended) => {
                self.note(format!("quotes: {}", ended.detail));
                gamma_market::QuoteBook::new()
            }
        };
        let closes = self.now() + rungs.wait;
        for side in sides.iter_mut().filter(|side| side.ladder.is_ready()) {
            let tick = PriceRule::for_root(side.record.vertical.sell().root()).map(PriceRule::package_tick);
            let nbbo = tick.and_then(|tick| side.record.vertical.nbbo(&book, tick));
            let now = self.now();
            let commands = side.ladder.step(now, Event::Open { nbbo, closes });
            self.carry_out(lease, side, account, commands).await;
        }
        rungs.wait
    }

    /// Halt, arming and lease are read at every rung.
    async fn may_not_open(&mut self, lease: &mut Lease) -> Option<StopReason> {
        let (ledger, account) = (self.ports.ledger, &self.request.account);
        match self.persist(async || ledger.controls(account).await).await {
            Ok(controls) => {
                if let Some(reason) = controls.halted {
                    return Some(StopReason::Halted(reason));
                }
                if controls.arming == Arming::NotArmed {
                    return Some(StopReason::Disarmed);
                }
            }
            Err(error) => return Some(StopReason::Ledger(error.to_string())),
        }
        self.renew(lease).await.err().map(|ended| StopReason::LeaseLost(ended.detail))
    }

    /// Prolongs the lease when less than half of it is left.
    pub(super) async fn renew(&mut self, lease: &mut Lease) -> Result<(), Ended> {
        let now = self.now();
        if lease.expires.duration_since(now) > half(&self.profile.execution) {
            return Ok(());
        }
        let expires = now + seconds(self.profile.execution.lease_seconds);
        let ledger = self.ports.ledger;
        let held = &*lease;
        match self.persist(async || ledger.renew_lease(held, expires).await).await? {
            PutOutcome::Ours => {
                lease.expires = expires;
                Ok(())
            }
            PutOutcome::Theirs(holder) => Err(Ended::new(Outcome::AnotherRunActive, format!("the lease was taken over: {holder}"))),
        }
    }

    /// Whether the feed now asks for other sides, strikes or another expiry. A feed that cannot be read keeps the plan.
    async fn signal_moved(&mut self, plan: &Plan) -> bool {
        let rows = match self.ports.signal.rows(RECHECK_BUDGET).await {
            Ok(rows) => rows,
            Err(error) => {
                self.note(format!("the signal could not be read again, the plan is kept: {error}"));
                return false;
            }
        };
        let row = match select(&rows, self.date(), self.profile.strategy.raw().same_day_expiry) {
            Ok(row) => row,
            Err(refusal) => {
                self.note(format!("the signal read again is unusable, the plan is kept: {refusal}"));
                return false;
            }
        };
        let nothing_held = std::collections::BTreeMap::new();
        match constant_stable::decide(row, Snapshot { equity: Some(plan.equity), positions: &nothing_held }, &self.profile.strategy) {
            Ok(again) => !again.same_trades(plan),
            Err(constant_stable::PlanRefusal::NoSide) => true,
            Err(refusal) => {
                self.note(format!("the signal read again gives no plan, the plan is kept: {refusal}"));
                false
            }
        }
    }

    async fn stop(&mut self, lease: &mut Lease, sides: &mut [Side], account: &Account, reason: &StopReason) {
        for side in sides.iter_mut() {
            let now = self.now();
            let commands = side.ladder.step(now, Event::Stop(reason.clone()));
            self.carry_out(lease, side, account, commands).await;
        }
    }

    /// Executes commands and feeds back what came of them, until the ladder wants to wait.
    async fn carry_out(&mut self, lease: &mut Lease, side: &mut Side, account: &Account, commands: Vec<Command>) {
        let mut queue = std::collections::VecDeque::from(commands);
        while let Some(command) = queue.pop_front() {
            let more = match command {
                Command::Post(posting) => {
                    let reply = self.post(lease, side, account, &posting).await;
                    let now = self.now();
                    side.ladder.step(now, Event::Posted(reply))
                }
                Command::Read(order) => self.read(side, &order).await,
                Command::Cancel(order) => {
                    self.cancel(&order).await;
                    Vec::new()
                }
                Command::Locate(posting) => self.locate(side, &posting).await,
                Command::Skipped(skip) => {
                    self.skipped(side, &skip);
                    Vec::new()
                }
                record => {
                    self.record(side, record).await;
                    Vec::new()
                }
            };
            queue.extend(more);
        }
    }

    /// SENDING first, then the POST, once. What cannot be marked is not sent.
    async fn post(&mut self, lease: &mut Lease, side: &mut Side, account: &Account, posting: &Posting) -> PlaceReply {
        let not_sent = |why: String| PlaceReply::Refused(NotPlaced::NotConnected(why));
        let order = posting.order.get();
        // The lease must outlive the POST, or another run could take over while it is in flight.
        if lease.expires.duration_since(self.now()) <= SignedDuration::from_secs(ExecutionProfile::POST_SECONDS)
            && let Err(ended) = self.renew(lease).await
        {
            side.ladder.step(self.now(), Event::Stop(StopReason::LeaseLost(ended.detail.clone())));
            return not_sent(ended.detail);
        }
        let mut seen = account.seen();
        seen.extend(side.rungs.iter().filter_map(crate::recovery::known_order));
        let rung = RungRecord {
            intent: side.record.key.clone(),
            number: posting.number,
            price: order.price,
            quantity: order.quantity,
            at: self.now(),
            seen,
            writer: lease.writer.clone(),
            state: RungState::Sending,
            nbbo: (posting.nbbo.bid, posting.nbbo.ask, posting.nbbo.mid),
        };
        side.report.rungs.push(rung_report(&rung, posting));
        side.rungs.push(rung.clone());
        let ledger = self.ports.ledger;
        let held = &*lease;
        let why = match self.persist(async || ledger.put_sending(held, &rung).await).await {
            Ok(PutOutcome::Ours) => {
                tracing::info!(run_id = %self.request.run_id, intent = %rung.intent, rung = rung.number, price = %rung.price, quantity = rung.quantity, "sending");
                self.sent += 1;
                return self.ports.broker.place(&posting.order).await;
            }
            Ok(PutOutcome::Theirs(holder)) => StopReason::LeaseLost(holder),
            Err(error) => StopReason::Ledger(error.to_string()),
        };
        let detail = why.to_string();
        side.ladder.step(self.now(), Event::Stop(why));
        not_sent(detail)
    }

    async fn read(&mut self, side: &mut Side, id: &OrderId) -> Vec<Command> {
        let read = self.ports.broker.order(id).await;
        let now = self.now();
        match read {
            Ok(view) => side.ladder.step(now, Event::Seen(&view)),
            Err(error) => {
                self.note(format!("order {id}: {error}"));
                side.ladder.step(now, Event::Unread)
            }
        }
    }

    async fn cancel(&mut self, id: &OrderId) {
        match self.ports.broker.cancel(id).await {
            CancelReply::Requested => {}
            CancelReply::Refused(why) => self.note(format!("cancel of {id} refused, reading it until it is over: {why}")),
            CancelReply::Unknown(why) => self.note(format!("cancel of {id}: {why}; reading it until it is over")),
        }
    }

    async fn locate(&mut self, side: &mut Side, posting: &Posting) -> Vec<Command> {
        let Some(rung) = side.rungs.iter().find(|rung| rung.number == posting.number) else {
            return Vec::new();
        };
        let (from, to) = self.today();
        let listed = self.ports.broker.orders(from, to).await;
        let now = self.now();
        match listed {
            Ok(orders) => {
                let (vertical, quantity, price) = (side.record.vertical, rung.quantity, rung.price);
                let print = Fingerprint { vertical, quantity, price, marked: rung.at, seen: &rung.seen, tag: None };
                side.ladder.step(now, Event::Located(print.matches(&orders)))
            }
            Err(error) => {
                self.note(format!("an order of unknown outcome is looked for, the list failed: {error}"));
                side.ladder.step(now, Event::Unread)
            }
        }
    }

    fn skipped(&mut self, side: &mut Side, skip: &RungSkip) {
        let (number, at, note) = (0, self.now(), Some(format!("not opened: {skip}")));
        let (nbbo, price, quantity, order, status) = (None, None, 0, None, None);
        side.report.rungs.push(RungReport { number, at, nbbo, price, quantity, order, status, filled: 0, fills: Vec::new(), note });
    }

    /// Writes where a rung stands. The order's life goes on when the ledger does not answer: SENDING is durable, so a later delivery finds it.
    async fn record(&mut self, side: &mut Side, command: Command) {
        let (number, state) = match command {
            Command::RecordAccepted { posting, order } => (posting.number, RungState::Accepted { order }),
            Command::RecordRefused { posting, reason } => (posting.number, RungState::Refused { reason }),
            Command::RecordUnknown { posting, reason } => (posting.number, RungState::Unknown { reason }),
            Command::RecordTerminal { posting, order } => {
                let order = *order;
                (posting.number, RungState::Terminal { order: order.id, status: order.status, filled: order.filled, fills: order.fills })
            }
            _ => return,
        };
        if let Some(report) = side.report.rungs.iter_mut().rfind(|rung| rung.number == number) {
            show(report, &state);
        }
        let Some(rung) = side.rungs.iter_mut().find(|rung| rung.number == number) else {
            return;
        };
        rung.state = state;
        let (rung, ledger, account, date) = (rung.clone(), self.ports.ledger, &self.request.account, self.date());
        match self.persist(async || ledger.set_rung(account, date, &rung).await).await {
            Ok(PutOutcome::Ours) => {}
            Ok(PutOutcome::Theirs(what)) => self.note(format!("rung {} of {} stands otherwise in the ledger: {what}", rung.number, rung.intent)),
            Err(error) => self.note(format!("rung {} of {} could not be recorded: {error}", rung.number, rung.intent)),
        }
    }

    /// Records where every intent stands.
    async fn settle(&mut self, sides: &mut [Side]) {
        for side in sides {
            let unresolved = matches!(side.ladder.end(), Some(SideEnd::Unresolved(_)));
            side.record.state = if unresolved { IntentState::Unresolved } else { IntentState::Terminal };
            side.record.filled = side.ladder.filled();
            let (record, ledger, account, date) = (side.record.clone(), self.ports.ledger, &self.request.account, self.date());
            match self.persist(async || ledger.set_intent(account, date, &record).await).await {
                Ok(PutOutcome::Ours) => {}
                Ok(PutOutcome::Theirs(what)) => self.note(format!("intent {} stands otherwise in the ledger: {what}", record.key)),
                Err(error) => self.note(format!("intent {} could not be recorded: {error}", record.key)),
            }
        }
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

/// A side of the first revision that was re-planned counts no more.
fn superseded(side: &SideReport, all: &[SideReport]) -> bool {
    side.end == Some(SideEnd::Stopped(StopReason::SignalMoved)) && side.filled == 0 && all.iter().any(|other| other.revision > side.revision)
}

fn half(execution: &ExecutionProfile) -> SignedDuration {
    SignedDuration::from_secs(i64::from(execution.lease_seconds) / 2)
}

fn rung_report(rung: &RungRecord, posting: &Posting) -> RungReport {
    RungReport {
        number: rung.number,
        at: rung.at,
        nbbo: Some(posting.nbbo),
        price: Some(rung.price),
        quantity: rung.quantity,
        order: None,
        status: None,
        filled: 0,
        fills: Vec::new(),
        note: None,
    }
}

fn show(report: &mut RungReport, state: &RungState) {
    match state {
        RungState::Sending => {}
        RungState::Accepted { order } => report.order = Some(order.clone()),
        RungState::Refused { reason } => report.note = Some(format!("refused: {reason}")),
        RungState::Unknown { reason } => report.note = Some(format!("outcome unknown: {reason}")),
        RungState::Terminal { order, status, filled, fills } => {
            (report.order, report.status, report.filled) = (Some(order.clone()), Some(status.clone()), *filled);
            report.fills.clone_from(fills);
        }
    }
}
