//! The sides of a day: each intent with its rungs and the plan it came from.

use std::collections::BTreeMap;

use gamma_execution::ports::{IntentRecord, IntentState, LoadedDay, OrderStatus, RungRecord, RungState};
use gamma_market::{Effect, Price, Right, Vertical};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::plan::{Plan, Report, SidePlan};

/// One intent, and what is known of it.
pub(crate) struct Side<'a> {
    pub(crate) intent: &'a IntentRecord,
    pub(crate) vertical: Vertical,
    /// By number.
    pub(crate) rungs: Vec<&'a RungRecord>,
    /// The plan that wanted these strikes, where a report has it: a run that died left none.
    pub(crate) plan: Option<(&'a Plan, &'a SidePlan)>,
    /// When its run began, where a report says so.
    pub(crate) started: Option<Timestamp>,
    /// A later plan of the day came after it.
    superseded: bool,
}

/// Every intent of the day by revision, put before call. An intent is never taken back, so a later look at
/// the day has no fewer.
pub(crate) fn sides<'a>(day: &'a LoadedDay, reports: &'a BTreeMap<String, Report>) -> Vec<Side<'a>> {
    let newest = day.intents.iter().map(|intent| intent.key.revision).max().unwrap_or_default();
    // The tabs have rows for the verticals of puts and calls; what other strategies work has none.
    let mut sides: Vec<Side<'a>> =
        day.intents.iter().filter_map(|intent| Side::new(intent, day, reports, newest)).collect();
    sides.sort_by_key(|side| (side.intent.key.revision, side.vertical.right()));
    sides
}

impl<'a> Side<'a> {
    fn new(
        intent: &'a IntentRecord,
        day: &'a LoadedDay,
        reports: &'a BTreeMap<String, Report>,
        newest: u32,
    ) -> Option<Self> {
        let vertical = intent.package.as_vertical().filter(|vertical| intent.key.slot == vertical.right())?;
        let mut rungs: Vec<&RungRecord> = day.rungs.iter().filter(|rung| rung.intent == intent.key).collect();
        rungs.sort_by_key(|rung| rung.number);
        let own = reports.get(&intent.writer.run_id);
        let plan = own.and_then(|report| report.plan.as_ref());
        // A report keeps the last plan only; of an earlier one it says nothing, unless it wanted the same
        // strikes.
        let side = |plan: &'a Plan| {
            plan.sides.iter().find(|side| intent.key.slot == side.side && side.vertical == vertical)
        };
        let plan = plan.and_then(|plan| Some((plan, side(plan)?)));
        let started = own.map(|report| report.started);
        Some(Self { intent, vertical, rungs, plan, started, superseded: intent.key.revision < newest })
    }

    /// `PUT_SHORT`.
    pub(crate) fn name(&self) -> String {
        format!("{}_{}", self.kind(), self.direction())
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match self.vertical.right() {
            Right::Put => "PUT",
            Right::Call => "CALL",
        }
    }

    pub(crate) const fn direction(&self) -> &'static str {
        match self.intent.effect {
            Effect::Credit => "SHORT",
            Effect::Debit => "LONG",
        }
    }

    pub(crate) const fn effect(&self) -> &'static str {
        match self.intent.effect {
            Effect::Credit => "CREDIT",
            Effect::Debit => "DEBIT",
        }
    }

    pub(crate) fn expiry(&self) -> Date {
        self.vertical.sell().expiry()
    }

    /// `6895/6900`, the lower strike first.
    pub(crate) fn strikes(&self) -> String {
        format!("{}/{}", self.vertical.low(), self.vertical.high())
    }

    /// Packages filled, proven.
    pub(crate) fn filled(&self) -> u32 {
        self.rungs.iter().map(|rung| rung.state.filled()).sum()
    }

    /// Quantity-weighted price of the executions, to a hundredth of a cent. Unknown unless every filled
    /// package has its price.
    pub(crate) fn fill_price(&self) -> Option<Price> {
        let fills = || {
            self.rungs
                .iter()
                .filter_map(|rung| {
                    if let RungState::Terminal { fills, .. } = &rung.state { Some(fills) } else { None }
                })
                .flatten()
        };
        let priced: u32 = fills().map(|fill| fill.quantity).sum();
        if priced == 0 || priced != self.filled() {
            return None;
        }
        let paid: Decimal = fills().map(|fill| fill.price.points() * Decimal::from(fill.quantity)).sum();
        Some(Price::new((paid / Decimal::from(priced)).round_dp(4)))
    }

    /// Bid, ask and mid that the first rung was priced from.
    pub(crate) fn nbbo(&self) -> Option<(Price, Price, Price)> {
        self.rungs.first().map(|rung| rung.nbbo)
    }

    /// Fill price against the mid; above zero is better than the mid.
    pub(crate) fn improvement(&self) -> Option<Price> {
        let (price, (_, _, mid)) = (self.fill_price()?, self.nbbo()?);
        Some(match self.intent.effect {
            Effect::Credit => price - mid,
            Effect::Debit => mid - price,
        })
    }

    /// How it ended, in the words of the first system where it had one.
    pub(crate) fn reason(&self) -> &'static str {
        let filled = self.filled();
        let unknown = |rung: &&RungRecord| matches!(rung.state, RungState::Unknown { .. });
        if self.intent.state == IntentState::Unresolved || self.rungs.iter().any(unknown) {
            "UNRESOLVED"
        } else if self.rungs.iter().any(|rung| !rung.state.is_over()) {
            "OPEN"
        } else if filled >= self.intent.quantity {
            "OK"
        } else if filled > 0 {
            "PARTIAL_FILL"
        } else if self.superseded {
            "REPLANNED"
        } else if self.rungs.is_empty() {
            "NOT_SENT"
        } else if self.rungs.iter().all(refused) {
            "REJECTED"
        } else {
            "NO_FILL"
        }
    }
}

fn refused(rung: &&RungRecord) -> bool {
    matches!(
        rung.state,
        RungState::Refused { .. }
            | RungState::NeverAccepted { .. }
            | RungState::Terminal { status: OrderStatus::Rejected, .. }
    )
}
