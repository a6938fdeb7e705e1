//! Trading the day: prepare, decide, approve, work; anew when the signal moves before anything has filled.

use gamma_strategy::constant_stable::{self, Plan};

use super::prepare::{ApprovedSide, approved_report};
use super::recheck::{Asked, SignalCheck};
use super::{Ended, Run};
use crate::ladder::{SideEnd, StopReason};
use crate::ports::{IntentKey, LoadedDay, OrderStatus};
use crate::report::{Outcome, RungReport, SideCount, SideReport};
use crate::schedule::share;
use crate::worker::{Planned, Round, Side};

/// How often a day is planned, the signal moving before anything fills.
const MOST_PLANS: u32 = 4;

impl Run<'_> {
    /// Prepares, decides, approves, works; anew when the signal moves before anything has filled.
    pub(super) async fn trade(&mut self, day: &LoadedDay) -> Result<Outcome, Ended> {
        // A run that ended before its first SENDING leaves intents behind: theirs stay, ours come after them.
        let first_revision = 1 + day.intents.iter().map(|intent| intent.key.revision).max().unwrap_or(0);
        let mut account = self.worker.account(day).await?;
        self.stage("prepare");
        let mut row = self.signal().await?;
        self.worker.checked_now();
        self.worker.renew().await?;
        self.stage("signal");
        for revision in first_revision..first_revision + MOST_PLANS {
            let plan = self.decide(&row, &account).map_err(|ended| self.after_orders(ended))?;
            let approved =
                self.approve(&plan, &account, revision).await.map_err(|ended| self.after_orders(ended))?;
            let nothing = plan.sides.iter().all(|side| side.quantity() == 0);
            if approved.is_empty() {
                let outcome = if nothing { Outcome::NothingToDo } else { Outcome::NotApproved };
                let ended = Ended::new(outcome, self.why_nothing(&plan));
                return Err(self.after_orders(ended));
            }
            let planned = plan.sides.iter().filter(|side| side.quantity() > 0).count();
            let reports: Vec<SideReport> =
                approved.iter().map(|side| approved_report(side, revision)).collect();
            let intents = approved.into_iter().map(|side| self.planned(side, revision, planned)).collect();
            let mut sides = self.worker.begin(intents, &account).await?;
            self.stage("decide and approve");
            let may_replan = revision + 1 < first_revision + MOST_PLANS;
            let check = SignalCheck {
                signal: self.ports.signal,
                request: self.request,
                profile: self.profile,
                date: self.date(),
                plan: &plan,
            };
            let round = self.worker.work(&mut sides, &account, &check, may_replan).await;
            self.stage("work");
            self.report_sides(reports, &sides);
            let Round::Changed(moved) = round else { break };
            // Planned anew only because nothing has filled; on the row that was read, for the feed may show
            // nothing the next moment.
            row = match moved {
                Asked::For(row) => row,
                // Its trade may come back, and orders were sent: that is no day without anything to do.
                Asked::Nothing => match self.signal().await {
                    Ok(row) => row,
                    Err(ended) => return Err(self.after_orders(ended)),
                },
            };
            let end = self.worker.end_of_trading(None);
            if share(self.now(), end, 1, &self.profile.execution).rungs == 0 {
                self.worker.ring();
                return Err(Ended::new(
                    Outcome::NoFill,
                    "the signal moved, and no rung of the new plan fits before the close: nothing more was sent",
                ));
            }
            account = self.worker.account(day).await.map_err(|error| self.after_orders(error.into()))?;
        }
        self.outcome_of_sides()
    }

    /// What a day is called whose first plan sent orders and whose next one sends none: nothing filled,
    /// whatever the reason why it sends none.
    fn after_orders(&mut self, ended: Ended) -> Ended {
        if self.report.sides.iter().all(|side| side.rungs.is_empty()) {
            return ended;
        }
        let detail = format!("orders were sent and none filled; then: {}", ended.detail);
        let plans = matches!(
            ended.outcome,
            Outcome::NothingToDo | Outcome::PlanRefused | Outcome::NotApproved | Outcome::SignalUnusable
        );
        if ended.outcome.alarms() {
            self.worker.ring();
        }
        Ended::new(if plans { Outcome::NoFill } else { ended.outcome }, detail)
    }

    /// What the day's sides make of it, with the reason where there is one to tell.
    fn outcome_of_sides(&mut self) -> Result<Outcome, Ended> {
        let sides: Vec<&SideReport> = self.report.sides.iter().collect();
        // A side that approval refused was planned all the same: beside a filled one it makes the day
        // one-sided.
        let unresolved = |side: &SideReport| matches!(side.end, Some(SideEnd::Unresolved(_)));
        let count = |side: &&SideReport| SideCount {
            revision: side.revision,
            quantity: side.quantity.max(1),
            filled: side.filled,
            unresolved: unresolved(side),
        };
        let outcome = Outcome::of_sides(&sides.iter().map(count).collect::<Vec<_>>());
        let disturbed = sides
            .iter()
            .any(|side| matches!(&side.end, Some(SideEnd::Rejected(_))) || stop_of(side).is_some());
        let why = match outcome {
            Outcome::NoFill => why_unfilled(&sides),
            Outcome::OneSided | Outcome::Uneven => Some(Ended::new(outcome, counts(&sides))),
            _ => None,
        };
        if disturbed {
            self.worker.ring();
        }
        why.map_or(Ok(outcome), Err)
    }

    fn why_nothing(&self, plan: &Plan) -> String {
        let skips = plan.sides.iter().filter_map(|side| match &side.decision {
            constant_stable::Decision::Skip { reason } => Some(format!("{}: {reason}", side.name())),
            constant_stable::Decision::Trade { .. } => None,
        });
        let refusals = self
            .report
            .sides
            .iter()
            .filter_map(|side| side.refused.as_ref().map(|reason| format!("{}: {reason}", side.name)));
        skips.chain(refusals).collect::<Vec<_>>().join("; ")
    }

    fn planned(&self, side: ApprovedSide, revision: u32, planned: usize) -> Planned {
        Planned {
            key: IntentKey {
                strategy: constant_stable::NAME.to_owned(),
                slot: side.plan.side.into(),
                revision,
            },
            name: side.plan.name().to_owned(),
            planned,
            closes: self.request.calendar().series_close(&side.plan.vertical.sell(), self.date()),
            intent: side.intent,
        }
    }

    fn report_sides(&mut self, reports: Vec<SideReport>, sides: &[Side]) {
        for (mut report, side) in reports.into_iter().zip(sides) {
            report.rungs = RungReport::all(report.effect, side.rungs(), side.skips());
            report.filled = side.filled();
            report.end = side.end().cloned();
            report.total(self.profile.execution.cost_per_contract);
            self.report.sides.push(report);
        }
    }
}

/// How many of each planned side filled, in words.
fn counts(sides: &[&SideReport]) -> String {
    let newest = sides.iter().map(|side| side.revision).max().unwrap_or_default();
    let told = sides.iter().filter(|side| side.revision == newest || side.filled > 0);
    told.map(|side| format!("{} {} of {}", side.name, side.filled, side.quantity))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A day without a fill is named after what stopped it, where something did.
fn why_unfilled(sides: &[&SideReport]) -> Option<Ended> {
    let stopped =
        sides.iter().find_map(|side| stop_of(side)).map(|(outcome, reason)| Ended::new(outcome, reason));
    if sides.iter().all(|side| side.rungs.is_empty())
        && sides.iter().any(|side| side.end == Some(SideEnd::Stopped(StopReason::TimeUp)))
    {
        return Some(Ended::new(
            Outcome::OutOfTime,
            "no rung could have been waited, cancelled and confirmed before the close or the end of the function",
        ));
    }
    let reached_the_broker = sides
        .iter()
        .flat_map(|side| &side.rungs)
        .any(|rung| rung.order.is_some() && rung.status != Some(OrderStatus::Rejected));
    let refusals = sides.iter().flat_map(|side| {
        side.rungs.iter().filter_map(|rung| rung.note.as_ref().map(|note| format!("{}: {note}", side.name)))
    });
    let rejections = sides.iter().filter_map(|side| match &side.end {
        Some(SideEnd::Rejected(why)) => Some(format!("{}: {why}", side.name)),
        _ => None,
    });
    let words: Vec<String> = rejections.chain(refusals).collect();
    let moved = || {
        let moved = sides.iter().any(|side| side.end == Some(SideEnd::Stopped(StopReason::SignalMoved)));
        moved.then(|| Ended::new(Outcome::NoFill, "the signal moved, and no other plan was worked"))
    };
    stopped
        .or_else(|| {
            (!reached_the_broker && !words.is_empty())
                .then(|| Ended::new(Outcome::Rejected, words.join("; ")))
        })
        .or_else(moved)
}

/// What stopped a side, where it was neither the plan nor the time.
fn stop_of(side: &SideReport) -> Option<(Outcome, &StopReason)> {
    let Some(SideEnd::Stopped(reason)) = &side.end else { return None };
    let outcome = match reason {
        StopReason::Halted(_) => Outcome::Halted,
        StopReason::Disarmed => Outcome::NotArmed,
        StopReason::LeaseLost(_) => Outcome::AnotherRunActive,
        StopReason::Ledger(_) | StopReason::MarkUnknown(_) => Outcome::LedgerUnavailable,
        StopReason::Contradiction(_) | StopReason::OtherSideUnresolved | StopReason::NotFoundInTime => {
            Outcome::NoFill
        }
        StopReason::SignalMoved | StopReason::TimeUp => return None,
    };
    Some((outcome, reason))
}
