//! From the broker's snapshot and the signal to approved sides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join_all, join3};
use gamma_market::calendar::at_eastern;
use gamma_market::{OptionSymbol, PackageNbbo, QuoteBook, SignalRow, Vertical};
use gamma_strategy::constant_stable::{Decision, Plan, SidePlan, Snapshot, decide};
use gamma_strategy::signal::select;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Ended, Run, Task};
use crate::approval::{Approved, Book, Intent, approve, unbounded_expiries};
use crate::gates::time_gates;
use crate::ladder::Ladder;
use crate::ports::{AccountSnapshot, BrokerError, BrokerFault, Lease, LoadedDay, OrderId, OrderView, SignalError, SignalView};
use crate::profile::seconds;
use crate::report::{Outcome, RungReport, SideReport};
use crate::schedule::share;
use crate::{quotes, recovery};

/// The longest one read of the signal may take.
const SIGNAL_BUDGET: Duration = Duration::from_secs(8);

/// How often the broker is asked before a decision or a recovery, a second apart, whatever its adapter tries by itself.
const READ_TRIES: u32 = 3;

/// How long a read before trading is tried, as long as a rung still fits.
const READ_PATIENCE: Duration = Duration::from_secs(20);

/// How long one side waits for the quotes of the other before it trades without it.
const GAP_PATIENCE: Duration = Duration::from_secs(10);

/// Adapters answer or fail within this time. What comes later came to a process that stood still, and is as old as the question.
const PROMPT: SignedDuration = SignedDuration::from_secs(6);

/// The most orders and positions that are noted one by one.
const MOST_NOTED: usize = 20;

/// The account as the broker shows it before the decision.
pub(super) struct Account {
    pub(super) snapshot: AccountSnapshot,
    /// Today's orders, and those that work whenever they were entered.
    pub(super) orders: Vec<OrderView>,
    /// Net contracts that the ledger's fills of the day made.
    ledger: BTreeMap<OptionSymbol, i64>,
    /// Orders of the day that are known to be ours, however stale the list that shows them.
    ours: Vec<OrderId>,
}

impl Account {
    /// Orders that work, or may work, and are not ours.
    fn working(&self) -> impl Iterator<Item = &OrderView> {
        self.orders.iter().filter(|order| !order.status.is_terminal() && !self.ours.contains(&order.id))
    }

    /// Which of these contracts are touched by orders that work and are not ours.
    fn foreign(&self, verticals: &[Vertical]) -> BTreeSet<OptionSymbol> {
        let legs = verticals.iter().flat_map(Vertical::legs).map(|leg| leg.symbol);
        legs.filter(|symbol| self.working().any(|order| order.may_touch(*symbol))).collect()
    }

    pub(super) fn seen(&self) -> Vec<OrderId> {
        self.orders.iter().map(|order| order.id.clone()).collect()
    }
}

/// A side that passed approval.
pub(super) struct ApprovedSide {
    pub(super) plan: SidePlan,
    pub(super) intent: Approved<Intent>,
    pub(super) nbbo: PackageNbbo,
}

impl Run<'_> {
    /// What the account holds, what was ordered today, and what works, whenever it was ordered: three questions, asked at once.
    pub(super) async fn account(&mut self, day: &LoadedDay) -> Result<Account, Ended> {
        let (broker, (from, to)) = (self.ports.broker, self.today());
        broker.expect_quotes();
        let account = self.patiently(async || broker.account().await);
        let orders = self.patiently(async || broker.orders(from, to).await);
        let working = self.patiently(async || broker.working_orders().await);
        let (snapshot, orders, working) = join3(account, orders, working).await;
        let (snapshot, orders, working) = (snapshot?, orders?, working?);
        let ours = day.known_orders().into_iter().chain(self.sent.iter().cloned()).collect();
        let account = Account { snapshot, orders: recovery::merged(orders, working.orders), ledger: day.fills(), ours };
        for expiry in unbounded_expiries(&account.snapshot.positions) {
            self.note(format!("the account already holds more short than long calls of {expiry}: its loss has no floor, and it is not ours"));
        }
        if let Some(since) = working.since {
            let words = format!("the broker shows working orders that were entered since {since}");
            if !self.report.notes.contains(&words) {
                self.report.notes.push(words);
            }
        }
        let strange = |order: &OrderView| match &order.unreadable {
            Some(why) => format!("order {} is not ours and does not read, it may be working: {why}", order.id),
            None => format!("order {} is working and not ours; it is left alone", order.id),
        };
        self.note_some("working orders", account.working().map(strange).collect());
        let unread = account.snapshot.unreadable.iter().map(|words| format!("a position that is not ours does not read: {words}"));
        self.note_some("positions", unread.collect());
        Ok(account)
    }

    /// Notes the first of many.
    fn note_some(&mut self, what: &str, notes: Vec<String>) {
        let rest = notes.len().saturating_sub(MOST_NOTED);
        self.notes(notes.into_iter().take(MOST_NOTED).collect());
        if rest > 0 {
            self.note(format!("{rest} more {what} are not ours"));
        }
    }

    /// The trade date from midnight New York until a little after now, or until it was over.
    pub(super) fn today(&self) -> (Timestamp, Timestamp) {
        let midnight = |date| at_eastern(date, jiff::civil::Time::midnight());
        let over = self.date().tomorrow().map_or(Timestamp::MAX, midnight);
        (midnight(self.date()), (self.now() + SignedDuration::from_secs(60)).min(over))
    }

    /// Waits until the signal is final, then reads until its row may be traded or no rung would fit any more.
    pub(super) async fn signal(&mut self, mut lease: Option<&mut Lease>) -> Result<SignalRow, Ended> {
        let execution = &self.profile.execution;
        let ready = at_eastern(self.date(), execution.signal_ready);
        if self.now() < ready {
            self.ports.signal.prepare(SIGNAL_BUDGET).await;
        }
        while self.now() < ready {
            let nap = self.now() + seconds(execution.lease_seconds) / 4;
            self.ports.clock.sleep_until(nap.min(ready)).await;
            if let Some(lease) = lease.as_deref_mut() {
                self.renew(lease).await?;
            }
        }
        let give_up = self.end_of_trading(None);
        loop {
            let trouble = match self.ports.signal.read(SIGNAL_BUDGET).await {
                Ok(view) => match self.row_of_today(&view) {
                    Ok(row) => return Ok(row),
                    Err(none) => none,
                },
                // The feed has tried as often as it may.
                Err(error @ SignalError::Login(_)) => return Err(error.into()),
                Err(error) => error.into(),
            };
            let next = self.now() + seconds(execution.signal_poll_seconds);
            if share(next, give_up, 1, execution).rungs == 0 {
                return Err(trouble);
            }
            self.ports.clock.sleep_until(next).await;
            if let Some(lease) = lease.as_deref_mut() {
                self.renew(lease).await?;
            }
        }
    }

    /// The row that may be traded today. Rows alone do not say it: beside the day's row the feed may show that there is no trade.
    pub(super) fn row_of_today(&self, view: &SignalView) -> Result<SignalRow, Ended> {
        if let Some(why) = view.no_trade.as_ref().filter(|_| view.rows.iter().any(|row| row.date == self.date())) {
            return Err(Ended::new(Outcome::NothingToDo, format!("the signal shows no trade beside its row of {}: {why}", self.date())));
        }
        let row = select(&view.rows, self.date(), self.profile.strategy.selection(), self.request.calendar());
        row.cloned().map_err(|refusal| Ended::new(Outcome::SignalUnusable, refusal))
    }

    pub(super) fn decide(&mut self, row: &SignalRow, account: &Account) -> Result<Plan, Ended> {
        let snapshot = Snapshot { equity: account.snapshot.equity, positions: &account.snapshot.positions };
        self.report.signal.clone_from(&row.published.0);
        let plan = decide(row, snapshot, &self.profile.strategy).map_err(|refusal| Ended::new(Outcome::PlanRefused, refusal))?;
        tracing::info!(run_id = %self.request.run_id, units = plan.units, multiplier = plan.multiplier, structure = %plan.structure, "planned");
        self.report.plan = Some(plan.clone());
        Ok(plan)
    }

    /// Quotes of every leg in one batched read, and of those that it did not answer, or not well enough for a price, one by one. When the
    /// answer was made, as far as that is known, stands beside it.
    pub(super) async fn quotes_of(&self, verticals: &[Vertical]) -> (Timestamp, Result<QuoteBook, BrokerError>) {
        let broker = self.ports.broker;
        let legs: BTreeSet<_> = verticals.iter().flat_map(Vertical::legs).map(|leg| leg.symbol).collect();
        let asked = self.now();
        let mut book = match broker.quotes(&legs.into_iter().collect::<Vec<_>>()).await {
            Ok(book) => book,
            Err(error) => return (self.now(), Err(error)),
        };
        let read = if self.now().duration_since(asked) > PROMPT { asked } else { self.now() };
        let gaps = quotes::gaps(verticals, &book, read, &self.profile.execution);
        for single in join_all(gaps.iter().map(async |leg| broker.quotes(&[*leg]).await)).await {
            // A leg that does not answer alone either stays as it is.
            book.extend(single.unwrap_or_default());
        }
        (read, Ok(book))
    }

    /// Quotes of every leg before anything is sent. Incomplete ones are asked for again: while every side has a gap as long as a rung still
    /// fits, and else as long as the side that has a price loses nothing by it.
    async fn whole_quotes(&self, mut lease: Option<&mut Lease>, verticals: &[Vertical]) -> Result<(Timestamp, QuoteBook), Ended> {
        let execution = &self.profile.execution;
        let end = self.end_of_trading(verticals.first().and_then(|vertical| self.request.calendar().series_close(&vertical.sell(), self.date())));
        let fits = |rungs: usize| share(self.now() + seconds(1), end, rungs, execution).rungs == rungs;
        let patient_until = self.now() + GAP_PATIENCE;
        loop {
            let (read, answer) = self
                .patiently(async || {
                    let (read, answer) = self.quotes_of(verticals).await;
                    answer.map(|answer| (read, answer))
                })
                .await?;
            let has_price = |vertical: &Vertical| quotes::package(*vertical, &answer, read, execution).is_ok();
            let priced = verticals.iter().filter(|vertical| has_price(vertical)).count();
            let goes_on = match priced {
                0 => fits(1),
                some if some < verticals.len() => self.now() < patient_until && fits(execution.rung_offsets.len()),
                _ => false,
            };
            if !goes_on {
                return Ok((read, answer));
            }
            tracing::warn!(run_id = %self.request.run_id, priced, "legs without a quote that makes a price; asking again");
            self.ports.clock.sleep_until(self.now() + seconds(1)).await;
            if let Some(lease) = lease.as_deref_mut() {
                self.renew(lease).await?;
            }
        }
    }

    /// A read of the broker that no order of this run waits for. What may pass is waited out within the time there is: an outage, a 401 (the
    /// adapter has refreshed its token by then), a page of the edge. Other refusals are asked about a few times, for half an answer reads
    /// like one.
    pub(super) async fn patiently<T>(&self, read: impl AsyncFn() -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        let execution = &self.profile.execution;
        let began = self.now();
        let mut tries = 1;
        loop {
            let error = match read().await {
                Err(error) if !matches!(error.fault, BrokerFault::TokenDead(_)) => error,
                result => return result,
            };
            let passes = error.fault.may_pass() || matches!(error.fault, BrokerFault::Unauthorized(_));
            let next = self.now() + seconds(1);
            let in_time = next < began + READ_PATIENCE && share(next, self.end_of_trading(None), 1, execution).rungs > 0;
            // After the close nothing is in a hurry, and nobody waits for ever either.
            if tries >= READ_TRIES && !(passes && in_time) {
                return Err(error);
            }
            tracing::warn!("{error}; trying again");
            tries += 1;
            self.ports.clock.sleep_until(next).await;
        }
    }

    /// Approves every side that is to be traded; a refused one is reported with its reason.
    pub(super) async fn approve(&mut self, lease: Option<&mut Lease>, plan: &Plan, account: &Account, revision: u32) -> Result<Vec<ApprovedSide>, Ended> {
        let wanted: Vec<&SidePlan> = plan.sides.iter().filter(|side| matches!(side.decision, Decision::Trade { .. })).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let verticals: Vec<Vertical> = wanted.iter().map(|side| side.vertical).collect();
        let (read, book) = self.whole_quotes(lease, &verticals).await?;
        self.quoted = Some((read, book.clone()));
        let (foreign, capabilities) = (account.foreign(&verticals), self.ports.broker.capabilities());
        let mut sides = Vec::new();
        let mut approved: Vec<Approved<Intent>> = Vec::new();
        for side in wanted {
            let nbbo = quotes::package(side.vertical, &book, read, &self.profile.execution);
            let verdict = match nbbo.clone() {
                Err(fault) => Err(format!("no price: {fault}")),
                Ok(nbbo) => {
                    let positions = &account.snapshot.positions;
                    let book = Book { equity: plan.equity, positions, approved: &approved, foreign: &foreign, ledger: &account.ledger, capabilities };
                    approve(side.vertical, side.quantity(), nbbo, book, self.profile.execution.limits())
                        .map(|intent| (intent, nbbo))
                        .map_err(|refusal| refusal.to_string())
                }
            };
            match verdict {
                Ok((intent, nbbo)) => {
                    approved.push(intent.clone());
                    sides.push(ApprovedSide { plan: side.clone(), intent, nbbo });
                }
                Err(reason) => {
                    self.note(format!("{} refused: {reason}", side.name()));
                    let mut report = side_report(side, revision);
                    (report.decision_nbbo, report.refused) = (nbbo.ok(), Some(reason));
                    self.report.sides.push(report);
                }
            }
        }
        Ok(sides)
    }

    /// The dry run: the same reads and decisions, and the ladder it would have worked.
    pub(super) async fn rehearse(&mut self) -> Result<(), Ended> {
        let account = self.account(&LoadedDay::default()).await?;
        self.stage("prepare");
        let scheduled = if let Task::Trade { scheduled, .. } = self.request.task { scheduled } else { None };
        let on_time = time_gates(self.now(), scheduled, &self.profile.execution, &self.request.calendar).is_empty();
        let row = if on_time { self.signal(None).await? } else { self.newest_signal().await? };
        self.stage("signal");
        let plan = self.decide(&row, &account)?;
        let sides = self.approve(None, &plan, &account, 1).await?;
        self.stage("decide and approve");
        for side in sides {
            let report = self.rehearsed(&side);
            self.report.sides.push(report);
        }
        Ok(())
    }

    /// The newest row there is, for a dry run at another hour; what a live run would say of it is noted.
    async fn newest_signal(&mut self) -> Result<SignalRow, Ended> {
        let view = self.ports.signal.read(SIGNAL_BUDGET).await?;
        match self.row_of_today(&view) {
            Ok(row) => Ok(row),
            Err(none) => {
                self.note(format!("a live run would find no signal: {}", none.detail));
                let newest = view.rows.iter().map(|row| row.date).max().ok_or(none)?;
                let row = select(&view.rows, newest, self.profile.strategy.selection(), self.request.calendar());
                row.cloned().map_err(|refusal| Ended::new(Outcome::SignalUnusable, refusal))
            }
        }
    }

    fn rehearsed(&self, side: &ApprovedSide) -> SideReport {
        let execution = &self.profile.execution;
        let mut report = side_report(&side.plan, 1);
        approve_report(&mut report, side);
        let end = self.end_of_trading(self.request.calendar().series_close(&side.plan.vertical.sell(), self.date()));
        let share = share(self.now(), end, execution.rung_offsets.len(), execution);
        let wait = if share.rungs == 0 { seconds(execution.rung_seconds) } else { share.wait };
        let mut at = self.now();
        for (number, offset) in (1..).zip(&execution.rung_offsets) {
            let price = Some(Ladder::price(side.intent.get(), side.nbbo, *offset));
            let quantity = side.intent.get().quantity;
            let note = Some("not sent".to_owned());
            let (order, status) = (None, None);
            report.rungs.push(RungReport { number, at, nbbo: Some(side.nbbo), price, quantity, order, status, filled: 0, fills: Vec::new(), note });
            at += wait + seconds(execution.cancel_settle_seconds);
        }
        report
    }
}

/// An empty report of one side.
pub(super) fn side_report(plan: &SidePlan, revision: u32) -> SideReport {
    SideReport {
        name: plan.name().to_owned(),
        side: plan.side,
        revision,
        vertical: plan.vertical,
        effect: plan.effect(),
        quantity: 0,
        filled: 0,
        decision_nbbo: None,
        worst_price: None,
        worst_loss_added: None,
        refused: None,
        end: None,
        rungs: Vec::new(),
        average_price: None,
        improvement: None,
        cost: Decimal::ZERO,
    }
}

/// What approval fixed.
pub(super) fn approve_report(report: &mut SideReport, side: &ApprovedSide) {
    let intent = side.intent.get();
    report.quantity = intent.quantity;
    report.decision_nbbo = Some(side.nbbo);
    report.worst_price = Some(intent.worst_price);
    report.worst_loss_added = Some(intent.worst_loss_added);
}
