//! From the broker's snapshot and the signal to approved sides.

use std::time::Duration;

use gamma_market::calendar::{Calendar, at_eastern};
use gamma_market::{PackageNbbo, SignalRow};
use gamma_strategy::constant_stable::{Decision, Plan, SidePlan, Snapshot, decide};
use gamma_strategy::signal::select;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{AccountProfile, Ended, Run, Task};
use crate::approval::{Approved, Intent};
use crate::gates::time_gates;
use crate::ladder::Ladder;
use crate::ports::{LoadedDay, SignalError, SignalView};
use crate::profile::seconds;
use crate::report::{Outcome, RungReport, SideReport};
use crate::schedule::share;
use crate::worker::{Account, Wanted};

/// The longest one read of the signal may take.
const SIGNAL_BUDGET: Duration = Duration::from_secs(8);

/// A side that passed approval.
pub(super) struct ApprovedSide {
    pub(super) plan: SidePlan,
    pub(super) intent: Approved<Intent>,
    pub(super) nbbo: PackageNbbo,
}

impl Run<'_> {
    /// Waits until the signal is final, then reads until its row may be traded or no rung would fit any more.
    pub(super) async fn signal(&mut self) -> Result<SignalRow, Ended> {
        let execution = &self.profile.execution;
        let ready = at_eastern(self.date(), execution.signal_ready);
        if self.now() < ready {
            self.ports.signal.prepare(SIGNAL_BUDGET).await;
        }
        while self.now() < ready {
            let nap = self.now() + seconds(execution.lease_seconds) / 4;
            self.ports.clock.sleep_until(nap.min(ready)).await;
            self.worker.renew().await?;
        }
        let give_up = self.worker.end_of_trading(None);
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
            self.worker.renew().await?;
        }
    }

    fn row_of_today(&self, view: &SignalView) -> Result<SignalRow, Ended> {
        row_of(view, self.date(), self.profile, self.request.calendar())
    }

    pub(super) fn decide(&mut self, row: &SignalRow, account: &Account) -> Result<Plan, Ended> {
        let snapshot = Snapshot { equity: account.snapshot.equity, positions: &account.snapshot.positions };
        self.report.signal.clone_from(&row.published.0);
        let plan = decide(row, snapshot, &self.profile.strategy)
            .map_err(|refusal| Ended::new(Outcome::PlanRefused, refusal))?;
        tracing::info!(run_id = %self.request.run_id, units = plan.units, multiplier = plan.multiplier, structure = %plan.structure, "planned");
        self.report.plan = Some(plan.clone());
        Ok(plan)
    }

    /// Approves every side that is to be traded; a refused one is reported with its reason.
    pub(super) async fn approve(
        &mut self,
        plan: &Plan,
        account: &Account,
        revision: u32,
    ) -> Result<Vec<ApprovedSide>, Ended> {
        let sides: Vec<&SidePlan> =
            plan.sides.iter().filter(|side| matches!(side.decision, Decision::Trade { .. })).collect();
        let closes =
            |side: &SidePlan| self.request.calendar().series_close(&side.vertical.sell(), self.date());
        let wanted = |side: &&SidePlan| Wanted {
            package: side.vertical.into(),
            quantity: side.quantity(),
            closes: closes(side),
        };
        let wanted: Vec<Wanted> = sides.iter().map(wanted).collect();
        let verdicts = self.worker.approve(account, plan.equity, &wanted).await?;
        let mut approved = Vec::new();
        for (side, verdict) in sides.into_iter().zip(verdicts) {
            match (verdict.intent, verdict.nbbo) {
                (Ok(intent), Some(nbbo)) => approved.push(ApprovedSide { plan: side.clone(), intent, nbbo }),
                (intent, nbbo) => {
                    let reason = intent.err().unwrap_or_else(|| "no price".to_owned());
                    self.worker.note(format!("{} refused: {reason}", side.name()));
                    let mut report = side_report(side, revision);
                    (report.decision_nbbo, report.refused) = (nbbo, Some(reason));
                    self.report.sides.push(report);
                }
            }
        }
        Ok(approved)
    }

    /// The dry run: the same reads and decisions, and the ladder it would have worked.
    pub(super) async fn rehearse(&mut self) -> Result<(), Ended> {
        let account = self.worker.account(&LoadedDay::default()).await?;
        self.stage("prepare");
        let scheduled = if let Task::Trade { scheduled, .. } = self.request.task { scheduled } else { None };
        let on_time =
            time_gates(self.now(), scheduled, &self.profile.execution, &self.request.calendar).is_empty();
        let row = if on_time { self.signal().await? } else { self.newest_signal().await? };
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
        let view = self.ports.signal.read(SIGNAL_BUDGET).await?;
        match self.row_of_today(&view) {
            Ok(row) => Ok(row),
            Err(none) => {
                self.worker.note(format!("a live run would find no signal: {}", none.detail));
                let newest = view.rows.iter().map(|row| row.date).max().ok_or(none)?;
                let row =
                    select(&view.rows, newest, self.profile.strategy.selection(), self.request.calendar());
                row.cloned().map_err(|refusal| Ended::new(Outcome::SignalUnusable, refusal))
            }
        }
    }

    fn rehearsed(&self, side: &ApprovedSide) -> SideReport {
        let execution = &self.profile.execution;
        let mut report = approved_report(side, 1);
        let end = self
            .worker
            .end_of_trading(self.request.calendar().series_close(&side.plan.vertical.sell(), self.date()));
        let share = share(self.now(), end, execution.rung_offsets.len(), execution);
        let wait = if share.rungs == 0 { seconds(execution.rung_seconds) } else { share.wait };
        let mut at = self.now();
        for (number, offset) in (1..).zip(&execution.rung_offsets) {
            let price = Some(Ladder::price(side.intent.get(), side.nbbo, *offset));
            let quantity = side.intent.get().quantity;
            let note = Some("not sent".to_owned());
            let (order, status) = (None, None);
            report.rungs.push(RungReport {
                number,
                at,
                nbbo: Some(side.nbbo),
                price,
                quantity,
                order,
                status,
                filled: 0,
                fills: Vec::new(),
                note,
            });
            at += wait + seconds(execution.cancel_settle_seconds);
        }
        report
    }
}

/// An empty report of one side.
fn side_report(plan: &SidePlan, revision: u32) -> SideReport {
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

/// With what approval fixed.
pub(super) fn approved_report(side: &ApprovedSide, revision: u32) -> SideReport {
    let intent = side.intent.get();
    let mut report = side_report(&side.plan, revision);
    report.quantity = intent.quantity;
    report.decision_nbbo = Some(side.nbbo);
    report.worst_price = Some(intent.worst_price);
    report.worst_loss_added = Some(intent.worst_loss_added);
    report
}

/// The row that may be traded on `date`. Rows alone do not say it: beside the day's row the feed may show
/// that there is no trade.
pub(super) fn row_of(
    view: &SignalView,
    date: Date,
    profile: &AccountProfile,
    calendar: &Calendar,
) -> Result<SignalRow, Ended> {
    if let Some(why) = view.no_trade.as_ref().filter(|_| view.rows.iter().any(|row| row.date == date)) {
        return Err(Ended::new(
            Outcome::NothingToDo,
            format!("the signal shows no trade beside its row of {date}: {why}"),
        ));
    }
    let row = select(&view.rows, date, profile.strategy.selection(), calendar);
    row.cloned().map_err(|refusal| Ended::new(Outcome::SignalUnusable, refusal))
}
