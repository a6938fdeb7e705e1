//! From the broker's snapshot and the signal to approved sides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join;
use gamma_market::calendar::at_eastern;
use gamma_market::{OptionSymbol, PackageNbbo, PriceRule, QuoteBook, SignalRow};
use gamma_strategy::constant_stable::{Decision, Plan, SidePlan, Snapshot, decide};
use gamma_strategy::signal::select;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Ended, Run, Task};
use crate::approval::{Approved, Book, Intent, approve, unbounded_expiries};
use crate::gates::time_gates;
use crate::ladder::Ladder;
use crate::ports::{AccountSnapshot, BrokerError, BrokerFault, Lease, OrderId, OrderView, SignalError};
use crate::profile::seconds;
use crate::report::{Outcome, RungReport, SideReport};
use crate::schedule::share;

/// The longest one read of the signal may take.
const SIGNAL_BUDGET: Duration = Duration::from_secs(8);

/// How often the broker is asked before a decision or a recovery, a second apart, whatever its adapter tries by itself.
const READ_TRIES: u32 = 3;

/// The account as the broker shows it before the decision.
pub(super) struct Account {
    pub(super) snapshot: AccountSnapshot,
    pub(super) orders: Vec<OrderView>,
    /// Net contracts that the ledger's fills of the day made.
    ledger: BTreeMap<OptionSymbol, i64>,
}

impl Account {
    /// Contracts touched by orders that still work. Called when no order of ours can be out, so they are the user's.
    fn foreign(&self) -> BTreeSet<OptionSymbol> {
        let working = self.orders.iter().filter(|order| !order.status.is_terminal());
        working.flat_map(|order| order.legs.iter().map(|(leg, _)| leg.symbol)).collect()
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
    pub(super) async fn account(&mut self, ledger: BTreeMap<OptionSymbol, i64>) -> Result<Account, Ended> {
        let (broker, (from, to)) = (self.ports.broker, self.today());
        broker.expect_quotes();
        let account = self.patiently(async || broker.account().await);
        let orders = self.patiently(async || broker.orders(from, to).await);
        let (snapshot, orders) = join(account, orders).await;
        let (snapshot, orders) = (snapshot?, orders?);
        for expiry in unbounded_expiries(&snapshot.positions) {
            self.note(format!("the account already holds more short than long calls of {expiry}: its loss has no floor, and it is not ours"));
        }
        for order in orders.iter().filter(|order| !order.status.is_terminal()) {
            self.note(format!("order {} is working and not ours; it is left alone", order.id));
        }
        Ok(Account { snapshot, orders, ledger })
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
        let mut refused_login = false;
        loop {
            let trouble = match self.ports.signal.rows(SIGNAL_BUDGET).await {
                Ok(rows) => match select(&rows, self.date(), self.profile.strategy.raw().same_day_expiry, self.request.calendar()) {
                    Ok(row) => return Ok(row.clone()),
                    Err(refusal) => Ended::new(Outcome::SignalUnusable, refusal),
                },
                // Once may be the service's own trouble; a login that is refused again is not tried for ever.
                Err(error @ SignalError::Login(_)) if refused_login => return Err(error.into()),
                Err(error @ SignalError::Login(_)) => {
                    refused_login = true;
                    error.into()
                }
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

    pub(super) fn decide(&mut self, row: &SignalRow, account: &Account) -> Result<Plan, Ended> {
        let snapshot = Snapshot { equity: account.snapshot.equity, positions: &account.snapshot.positions };
        self.report.signal.clone_from(&row.published.0);
        let plan = decide(row, snapshot, &self.profile.strategy).map_err(|refusal| Ended::new(Outcome::PlanRefused, refusal))?;
        tracing::info!(run_id = %self.request.run_id, units = plan.units, multiplier = plan.multiplier, structure = %plan.structure, "planned");
        self.report.plan = Some(plan.clone());
        Ok(plan)
    }

    /// Quotes of every leg in one batched read.
    async fn quotes(&self, legs: impl Iterator<Item = OptionSymbol>) -> Result<QuoteBook, Ended> {
        let symbols: Vec<_> = legs.collect::<BTreeSet<_>>().into_iter().collect();
        Ok(self.patiently(async || self.ports.broker.quotes(&symbols).await).await?)
    }

    /// A read of the broker that no order of this run waits for: a failure that may be over in a moment is waited for, and so is an answer
    /// that does not read, such as half of one.
    pub(super) async fn patiently<T>(&self, read: impl AsyncFn() -> Result<T, BrokerError>) -> Result<T, BrokerError> {
        let mut tries = 1;
        loop {
            match read().await {
                Err(error) if tries < READ_TRIES && (error.fault.may_pass() || matches!(error.fault, BrokerFault::Malformed(_))) => {
                    tracing::warn!("{error}; trying again");
                    tries += 1;
                    self.ports.clock.sleep_until(self.now() + seconds(1)).await;
                }
                result => return result,
            }
        }
    }

    /// Approves every side that is to be traded; a refused one is reported with its reason.
    pub(super) async fn approve(&mut self, plan: &Plan, account: &Account, revision: u32) -> Result<Vec<ApprovedSide>, Ended> {
        let wanted: Vec<&SidePlan> = plan.sides.iter().filter(|side| matches!(side.decision, Decision::Trade { .. })).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let book = self.quotes(wanted.iter().flat_map(|side| side.vertical.legs()).map(|leg| leg.symbol)).await?;
        self.quoted = Some((self.now(), book.clone()));
        let (foreign, capabilities) = (account.foreign(), self.ports.broker.capabilities());
        let mut sides = Vec::new();
        let mut approved: Vec<Approved<Intent>> = Vec::new();
        for side in wanted {
            let nbbo = PriceRule::for_root(side.vertical.sell().root()).and_then(|rule| side.vertical.nbbo(&book, rule.package_tick()));
            let verdict = match nbbo {
                None => Err("NBBO unavailable: a leg has no two-sided quote".to_owned()),
                Some(nbbo) => {
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
                    (report.decision_nbbo, report.refused) = (nbbo, Some(reason));
                    self.report.sides.push(report);
                }
            }
        }
        Ok(sides)
    }

    /// The dry run: the same reads and decisions, and the ladder it would have worked.
    pub(super) async fn rehearse(&mut self) -> Result<(), Ended> {
        let account = self.account(BTreeMap::new()).await?;
        self.stage("prepare");
        let scheduled = if let Task::Trade { scheduled, .. } = self.request.task { scheduled } else { None };
        let on_time = time_gates(self.now(), scheduled, &self.profile.execution, &self.request.calendar).is_empty();
        let row = if on_time { self.signal(None).await? } else { self.newest_signal().await? };
        self.stage("signal");
        let plan = self.decide(&row, &account)?;
        let sides = self.approve(&plan, &account, 1).await?;
        self.stage("decide and approve");
        for side in sides {
            let report = self.rehearsed(&side);
            self.report.sides.push(report);
        }
        Ok(())
    }

    /// The newest row there is, for a dry run at another hour; what a live run would say of it is noted.
    async fn newest_signal(&mut self) -> Result<SignalRow, Ended> {
        let rows = self.ports.signal.rows(SIGNAL_BUDGET).await?;
        let same_day = self.profile.strategy.raw().same_day_expiry;
        match select(&rows, self.date(), same_day, self.request.calendar()) {
            Ok(row) => Ok(row.clone()),
            Err(refusal) => {
                self.note(format!("a live run would find no signal: {refusal}"));
                let newest = rows.iter().map(|row| row.date).max().ok_or_else(|| Ended::new(Outcome::SignalUnusable, &refusal))?;
                select(&rows, newest, same_day, self.request.calendar()).cloned().map_err(|refusal| Ended::new(Outcome::SignalUnusable, refusal))
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
