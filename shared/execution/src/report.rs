//! What a run says of itself: one named outcome, and everything a reader needs to know why.

use std::collections::BTreeMap;
use std::fmt;

use gamma_market::{Effect, PackageNbbo, Price, Right, Vertical};
use gamma_strategy::constant_stable::Plan;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::gates::Gate;
use crate::ladder::{RungSkip, SideEnd};
use crate::ports::{Fill, OrderId, OrderStatus, RungRecord, RungState};
use crate::tokens::TokenSaved;

/// The one named outcome of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every side filled completely.
    Filled,
    /// Some, not all, filled on every side that was traded, and as much is missing of each.
    PartiallyFilled,
    /// Every side has fills, and more is missing of one than of the other: 5 puts and 1 call are not the
    /// condor that was planned.
    Uneven,
    /// Of two sides one has fills and the other has none: the position is not what was planned.
    OneSided,
    /// Orders were worked, nothing filled.
    NoFill,
    /// The plan was ready too late: no rung could have been waited, cancelled and confirmed any more, and
    /// none was sent.
    OutOfTime,
    /// Orders were sent, and the broker refused or rejected every one.
    Rejected,
    /// The plan had nothing to trade.
    NothingToDo,
    /// Everything but sending was done.
    DryRun,
    /// An earlier run had already traded this day; nothing was placed.
    AlreadyTraded,
    /// An earlier run had died; its orders were proven and recorded, nothing was placed.
    Recovered,
    /// No session today, or it closed early.
    MarketClosed,
    /// The event is stale, has no time, or it is not the time to trade.
    OutsideWindow,
    /// What was announced of closures does not read: whether today is a session is not known.
    CalendarUnreadable,
    /// The account has no armed record.
    NotArmed,
    /// An operator halted trading.
    Halted,
    /// The edge guard pauses the account.
    EdgePaused,
    /// Another run is at work.
    AnotherRunActive,
    /// The feed has no row that may be traded today.
    SignalUnusable,
    /// The strategy refused the day: equity, volatility, strikes.
    PlanRefused,
    /// Every side was refused by approval.
    NotApproved,
    /// The feed could not be read.
    SignalUnavailable,
    /// The broker could not be read before anything was placed.
    BrokerUnavailable,
    /// The broker's refresh token is dead: a person has to log in.
    TokenDead,
    /// The ledger could not be read or written before anything was placed.
    LedgerUnavailable,
    /// An order's fate could not be proven: an operator has to look.
    Unresolved,
    /// A sweep found the day in order.
    Swept,
    /// The last sweep holds other positions than the day's fills explain: an operator has to look.
    PositionsDiffer,
    /// A sweep found that the account's day has no final outcome: nothing says that it was traded, or why
    /// not.
    NoFinalOutcome,
    /// An operator's decision about orders that could not be proven is recorded.
    Resolved,
    /// An operator's decision was not recorded, because it does not fit what is known.
    NotResolved,
}

/// What kind of outcome it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Orders were worked.
    Traded,
    /// Nothing to trade, as it should be.
    Idle,
    /// Refused, with the reason.
    Refused,
    /// Failed: somebody has to act.
    Failed,
}

impl Outcome {
    /// Its kind.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Filled
            | Self::PartiallyFilled
            | Self::Uneven
            | Self::OneSided
            | Self::NoFill
            | Self::Rejected => Status::Traded,
            Self::NothingToDo
            | Self::DryRun
            | Self::AlreadyTraded
            | Self::Recovered
            | Self::MarketClosed
            | Self::Swept
            | Self::Resolved => Status::Idle,
            Self::OutsideWindow
            | Self::NotArmed
            | Self::Halted
            | Self::EdgePaused
            | Self::AnotherRunActive
            | Self::SignalUnusable
            | Self::PlanRefused
            | Self::NotApproved
            | Self::OutOfTime
            | Self::NotResolved => Status::Refused,
            Self::CalendarUnreadable
            | Self::SignalUnavailable
            | Self::BrokerUnavailable
            | Self::TokenDead
            | Self::LedgerUnavailable
            | Self::Unresolved
            | Self::PositionsDiffer
            | Self::NoFinalOutcome => Status::Failed,
        }
    }

    /// Whether an operator should be told at once.
    #[must_use]
    pub const fn alarms(self) -> bool {
        matches!(self.status(), Status::Failed)
            || matches!(
                self,
                Self::NotArmed
                    | Self::EdgePaused
                    | Self::OneSided
                    | Self::Uneven
                    | Self::Rejected
                    | Self::Recovered
                    | Self::SignalUnusable
                    | Self::PlanRefused
                    | Self::OutOfTime
            )
    }

    /// Its name in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::PartiallyFilled => "partially_filled",
            Self::Uneven => "uneven",
            Self::OneSided => "one_sided",
            Self::NoFill => "no_fill",
            Self::OutOfTime => "out_of_time",
            Self::Rejected => "rejected",
            Self::NothingToDo => "nothing_to_do",
            Self::DryRun => "dry_run",
            Self::AlreadyTraded => "already_traded",
            Self::Recovered => "recovered",
            Self::MarketClosed => "market_closed",
            Self::OutsideWindow => "outside_window",
            Self::CalendarUnreadable => "calendar_unreadable",
            Self::NotArmed => "not_armed",
            Self::Halted => "halted",
            Self::EdgePaused => "edge_paused",
            Self::AnotherRunActive => "another_run_active",
            Self::SignalUnusable => "signal_unusable",
            Self::PlanRefused => "plan_refused",
            Self::NotApproved => "not_approved",
            Self::SignalUnavailable => "signal_unavailable",
            Self::BrokerUnavailable => "broker_unavailable",
            Self::TokenDead => "token_dead",
            Self::LedgerUnavailable => "ledger_unavailable",
            Self::Unresolved => "unresolved",
            Self::Swept => "swept",
            Self::PositionsDiffer => "positions_differ",
            Self::NoFinalOutcome => "no_final_outcome",
            Self::Resolved => "resolved",
            Self::NotResolved => "not_resolved",
        }
    }

    /// The outcome called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }

    /// The outcome of a day's sides. A side that was planned anew before it had filled anything counts no
    /// more.
    #[must_use]
    pub fn of_sides(sides: &[SideCount]) -> Self {
        let newest = sides.iter().map(|side| side.revision).max().unwrap_or_default();
        let counted: Vec<&SideCount> = sides
            .iter()
            .filter(|side| side.revision == newest || side.filled > 0 || side.unresolved)
            .collect();
        let filled = counted.iter().filter(|side| side.filled > 0).count();
        // More than planned is as uneven as less: a cancel that was believed before its last fill was
        // counted.
        let missing = |side: &SideCount| i64::from(side.quantity) - i64::from(side.filled);
        if counted.iter().any(|side| side.unresolved) {
            Self::Unresolved
        } else if counted.is_empty() {
            Self::NothingToDo
        } else if filled == 0 {
            Self::NoFill
        } else if filled < counted.len() {
            Self::OneSided
        } else if counted.iter().all(|side| side.filled == side.quantity) {
            Self::Filled
        } else if counted.windows(2).any(|two| missing(two[0]) != missing(two[1])) {
            Self::Uneven
        } else {
            Self::PartiallyFilled
        }
    }
}

/// What one side of a day came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideCount {
    /// Which plan of the day it belongs to, counted from 1.
    pub revision: u32,
    /// Packages planned.
    pub quantity: u32,
    /// Packages filled.
    pub filled: u32,
    /// The fate of one of its orders is open.
    pub unresolved: bool,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The whole run, for people and programs.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// What was asked for: `trade`, `sweep` or `resolve`.
    pub task: &'static str,
    /// What kind of outcome it is.
    pub status: Status,
    /// The named outcome.
    pub outcome: Outcome,
    /// The reason in words.
    pub detail: String,
    /// Whether an operator should be told at once.
    pub alarm: bool,
    /// The account.
    pub account: String,
    /// The run.
    pub run_id: String,
    /// The trade date in New York.
    pub trade_date: Date,
    /// Whether sending was left out.
    pub dry_run: bool,
    /// The gates that would have refused a live run (dry runs) or did refuse this one.
    pub gates: Vec<Gate>,
    /// The signal's row as it was published, once one was planned by; the last one when the signal moved.
    pub signal: BTreeMap<String, String>,
    /// The plan, once there is one; the last one when the signal moved.
    pub plan: Option<Plan>,
    /// Every side, by revision.
    pub sides: Vec<SideReport>,
    /// All-in dollars for each contract traded, as the account's profile estimates them.
    pub cost_per_contract: Decimal,
    /// What became of the token document.
    pub token: TokenSaved,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// When it began, on the run's clock.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Milliseconds of each stage, in order.
    pub durations_ms: Vec<(String, i64)>,
}

/// One side that was approved, or would have been sent.
#[derive(Debug, Clone, Serialize)]
pub struct SideReport {
    /// `PUT_SHORT`.
    pub name: String,
    /// Put or call.
    pub side: Right,
    /// The revision of its intent.
    pub revision: u32,
    /// What was traded.
    pub vertical: Vertical,
    /// Credit or debit.
    pub effect: Effect,
    /// Packages approved; zero when refused.
    pub quantity: u32,
    /// Packages filled, proven.
    pub filled: u32,
    /// The quotes at decision time.
    pub decision_nbbo: Option<PackageNbbo>,
    /// The worst price it may be sent at.
    pub worst_price: Option<Price>,
    /// Dollars added to the worst loss at expiry.
    pub worst_loss_added: Option<Decimal>,
    /// Why approval refused it.
    pub refused: Option<String>,
    /// How the ladder ended.
    pub end: Option<SideEnd>,
    /// The rungs.
    pub rungs: Vec<RungReport>,
    /// Quantity-weighted net price of the fills, in points.
    pub average_price: Option<Price>,
    /// Average price against the decision-time mid, in points; positive is better than mid.
    pub improvement: Option<Price>,
    /// All-in dollars for the contracts filled, by the profile's estimate.
    pub cost: Decimal,
}

/// One rung.
#[derive(Debug, Clone, Serialize)]
pub struct RungReport {
    /// Counted over the intent.
    pub number: u32,
    /// When it was sent, or would be.
    pub at: Timestamp,
    /// The quotes its price was made from.
    pub nbbo: Option<PackageNbbo>,
    /// Its limit in points.
    pub price: Option<Price>,
    /// Packages asked for.
    pub quantity: u32,
    /// The broker's order id.
    pub order: Option<OrderId>,
    /// How the order ended.
    pub status: Option<OrderStatus>,
    /// Packages filled.
    pub filled: u32,
    /// The executions.
    pub fills: Vec<Fill>,
    /// What else happened: refused, skipped, unknown.
    pub note: Option<String>,
}

impl RungReport {
    /// A side's rungs as the ledger has them, and those that were not opened, in the order of their time.
    #[must_use]
    pub fn all(effect: Effect, rungs: &[RungRecord], skips: &[(Timestamp, RungSkip)]) -> Vec<Self> {
        let mut all: Vec<Self> =
            rungs.iter().map(|rung| Self::of(effect, rung)).chain(skips.iter().map(Self::skipped)).collect();
        all.sort_by_key(|rung| rung.at);
        all
    }

    /// A rung that was never opened has no number.
    fn skipped((at, skip): &(Timestamp, RungSkip)) -> Self {
        let note = Some(format!("not opened: {skip}"));
        Self {
            number: 0,
            at: *at,
            nbbo: None,
            price: None,
            quantity: 0,
            order: None,
            status: None,
            filled: 0,
            fills: Vec::new(),
            note,
        }
    }

    fn of(effect: Effect, rung: &RungRecord) -> Self {
        let (bid, ask, mid) = rung.nbbo;
        let (status, fills) = match &rung.state {
            RungState::Terminal { status, fills, .. } => (Some(status.clone()), fills.clone()),
            _ => (None, Vec::new()),
        };
        let note = match &rung.state {
            RungState::Refused { reason } => Some(format!("refused: {reason}")),
            RungState::Unknown { reason } => Some(format!("outcome unknown: {reason}")),
            _ => None,
        };
        Self {
            number: rung.number,
            at: rung.at,
            nbbo: Some(PackageNbbo { effect, bid, ask, mid }),
            price: Some(rung.price),
            quantity: rung.quantity,
            order: rung.state.order().cloned(),
            status,
            filled: rung.state.filled(),
            fills,
            note,
        }
    }
}

impl SideReport {
    /// Works out average price, improvement and cost from the fills.
    pub fn total(&mut self, cost_per_contract: Decimal) {
        let fills: Vec<&Fill> = self.rungs.iter().flat_map(|rung| &rung.fills).collect();
        let quantity: Decimal = fills.iter().map(|fill| Decimal::from(fill.quantity)).sum();
        self.cost = Decimal::from(self.filled) * Decimal::TWO * cost_per_contract;
        if quantity.is_zero() {
            return;
        }
        let paid: Decimal = fills.iter().map(|fill| fill.price.points() * Decimal::from(fill.quantity)).sum();
        let average = Price::new((paid / quantity).round_dp(4));
        self.average_price = Some(average);
        self.improvement = self.decision_nbbo.map(|nbbo| match self.effect {
            Effect::Credit => average - nbbo.mid,
            Effect::Debit => nbbo.mid - average,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mix_of_sides_has_one_outcome_one_sided_never_silent() {
        for (sides, outcome) in [
            (vec![], Outcome::NothingToDo),
            (vec![(1, 2, 2, false)], Outcome::Filled),
            (vec![(1, 2, 2, false), (1, 3, 3, false)], Outcome::Filled),
            (vec![(1, 2, 1, false)], Outcome::PartiallyFilled),
            (vec![(1, 5, 4, false), (1, 5, 4, false)], Outcome::PartiallyFilled),
            // A top-up of uneven holdings that misses as much of each side leaves what was planned, less of
            // it.
            (vec![(1, 2, 1, false), (1, 3, 2, false)], Outcome::PartiallyFilled),
            (vec![(1, 5, 5, false), (1, 5, 1, false)], Outcome::Uneven),
            (vec![(1, 2, 1, false), (1, 3, 3, false)], Outcome::Uneven),
            (vec![(1, 4, 6, false), (1, 4, 4, false)], Outcome::Uneven),
            (vec![(1, 2, 0, false), (1, 3, 3, false)], Outcome::OneSided),
            (vec![(1, 2, 0, false), (1, 3, 0, false)], Outcome::NoFill),
            (vec![(1, 2, 0, true), (1, 3, 3, false)], Outcome::Unresolved),
            // Planned anew: what had not filled counts no more, what is open does.
            (vec![(1, 2, 0, false), (2, 3, 3, false)], Outcome::Filled),
            (vec![(1, 2, 0, true), (2, 3, 3, false)], Outcome::Unresolved),
        ] {
            let count = |&(revision, quantity, filled, unresolved): &(u32, u32, u32, bool)| SideCount {
                revision,
                quantity,
                filled,
                unresolved,
            };
            assert_eq!(Outcome::of_sides(&sides.iter().map(count).collect::<Vec<_>>()), outcome, "{sides:?}");
        }
        assert!(
            Outcome::OneSided.alarms()
                && Outcome::Uneven.alarms()
                && Outcome::NotArmed.alarms()
                && !Outcome::Filled.alarms()
        );
    }
}
