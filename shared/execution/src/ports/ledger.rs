use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use gamma_market::{Effect, OptionSymbol, Package, Price, Right};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Consumer;
use super::broker::{Fill, OrderId, OrderName, OrderStatus};
use super::edge::EdgeDecision;

/// Who writes: carried by every conditional write, so that a write whose answer was lost is recognised as our
/// own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// The run.
    pub run_id: String,
    /// The fence its lease was given.
    pub fence: u64,
}

/// The right to act for one (account, trade date), for a short while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: String,
    /// The trade date.
    pub date: Date,
    /// Run and fence; the fence rises with every take.
    pub writer: Writer,
    /// Until when, on the run's clock.
    pub expires: Timestamp,
}

/// What came of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is written, by this call or by an earlier one of ours.
    Ours,
    /// The condition failed: somebody else's item stands there. The text says whose.
    Theirs(String),
}

/// The day's record: one per (account, strategy, trade date); it gates trading for that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRecord {
    /// The account.
    pub account: String,
    /// The strategy, `constant_stable`.
    pub strategy: String,
    /// The trade date.
    pub date: Date,
    /// Who planned it.
    pub writer: Writer,
    /// Where the day stands.
    pub state: DayState,
    /// Whether any rung was ever marked SENDING: from then on no other delivery may plan.
    pub sending: bool,
    /// The named outcome, once there is one.
    pub outcome: Option<String>,
}

/// Where a day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayState {
    /// A run is, or was, at work.
    Open,
    /// A run ended it with a named outcome.
    Closed,
}

/// What a strategy calls one of the packages that it works beside each other: `put`, `call`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub String);

impl Ord for Slot {
    /// Puts before calls, as everywhere; what is neither comes behind them.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |slot: &Self| slot.right().map_or(2, |right| right as u8);
        rank(self).cmp(&rank(other)).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Slot {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Slot {
    /// The side of a plan that it stands for, where it stands for one.
    #[must_use]
    pub fn right(&self) -> Option<Right> {
        [Right::Put, Right::Call].into_iter().find(|right| *self == *right)
    }
}

impl From<Right> for Slot {
    fn from(right: Right) -> Self {
        Self(right.to_string())
    }
}

impl PartialEq<Right> for Slot {
    fn eq(&self, right: &Right) -> bool {
        self.0 == right.to_string()
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which intent: the slot and its revision; attributes hang below it, they are not the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntentKey {
    /// The strategy.
    pub strategy: String,
    /// Which of the strategy's packages.
    #[serde(alias = "side")]
    pub slot: Slot,
    /// 1, then one more for each re-plan.
    pub revision: u32,
}

impl fmt::Display for IntentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#r{}", self.strategy, self.slot, self.revision)
    }
}

/// One side of the plan, approved, written before its first order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentRecord {
    /// Its key.
    pub key: IntentKey,
    /// What is traded.
    pub package: Package,
    /// Credit or debit.
    pub effect: Effect,
    /// Packages approved for the day.
    pub quantity: u32,
    /// Sides that its plan was to trade, those included that approval refused: one that is missing beside a
    /// filled one makes the day one-sided, also for whoever recovers it.
    pub planned_sides: u32,
    /// The mid at decision time, in points.
    pub decision_mid: Price,
    /// The worst price it may ever be sent at, in points: a floor for credits, a ceiling for debits.
    pub worst_price: Price,
    /// Who wrote it.
    pub writer: Writer,
    /// Where it stands.
    pub state: IntentState,
    /// Packages filled, proven.
    pub filled: u32,
    /// Net contracts of its legs that the account held before anything was sent for it, long positive: what a
    /// change is measured against when an order was never found.
    pub held: BTreeMap<OptionSymbol, i64>,
}

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// Orders may be out.
    Open,
    /// Every rung is proven terminal.
    Terminal,
    /// An order's fate could not be proven; nothing more may be sent for it.
    Unresolved,
}

/// One attempt to place an order: SENDING is written before the POST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungRecord {
    /// The intent it belongs to.
    pub intent: IntentKey,
    /// 1, 2, 3 … counted over the intent; a retry after a proven refusal is a new number.
    pub number: u32,
    /// The limit in points.
    pub price: Price,
    /// Packages asked for: the verified remainder.
    pub quantity: u32,
    /// When SENDING was written.
    pub at: Timestamp,
    /// Order ids the broker already showed then; none of them can be this order.
    pub seen: Vec<OrderId>,
    /// Who wrote it.
    pub writer: Writer,
    /// Where it stands.
    pub state: RungState,
    /// The NBBO the price was made from: bid, ask, mid.
    pub nbbo: (Price, Price, Price),
}

impl RungRecord {
    /// The name of its order: trade date, intent, rung, as `20260211-constant_stable-put-r1-2`.
    #[must_use]
    pub fn order_name(&self, date: Date) -> OrderName {
        let IntentKey { strategy, slot, revision } = &self.intent;
        OrderName(format!("{}-{strategy}-{slot}-r{revision}-{}", date.strftime("%Y%m%d"), self.number))
    }
}

/// Where a rung stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum RungState {
    /// The POST may be under way; whether an order exists is not known.
    Sending,
    /// The broker's answer named this order; no read of it has shown yet that it is ours. Nothing is
    /// cancelled by a name.
    Named {
        /// The id that came back.
        order: OrderId,
    },
    /// The broker showed this order, and it is ours.
    Accepted {
        /// The broker's id.
        order: OrderId,
    },
    /// Proven never to have existed.
    Refused {
        /// Why.
        reason: String,
    },
    /// Proven over.
    Terminal {
        /// The broker's id.
        order: OrderId,
        /// How it ended.
        status: OrderStatus,
        /// Packages filled.
        filled: u32,
        /// The executions.
        fills: Vec<Fill>,
    },
    /// The outcome could not be proven.
    Unknown {
        /// What is known.
        reason: String,
    },
    /// Never found, and after the close every witness says that it never existed.
    NeverAccepted {
        /// The witnesses.
        reason: String,
    },
    /// Nothing could be proven; an operator looked and decided.
    Resolved {
        /// Packages filled, in the operator's words.
        filled: u32,
        /// Who decided, why, and when.
        decision: Decision,
    },
}

impl RungState {
    /// Nothing more can happen to it, and nothing about it is open.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Terminal { .. } | Self::Refused { .. } | Self::NeverAccepted { .. } | Self::Resolved { .. }
        )
    }

    /// Packages filled, as far as that is settled.
    #[must_use]
    pub const fn filled(&self) -> u32 {
        match self {
            Self::Terminal { filled, .. } | Self::Resolved { filled, .. } => *filled,
            Self::Sending
            | Self::Named { .. }
            | Self::Accepted { .. }
            | Self::Refused { .. }
            | Self::Unknown { .. }
            | Self::NeverAccepted { .. } => 0,
        }
    }

    /// The order it is known to be.
    #[must_use]
    pub const fn order(&self) -> Option<&OrderId> {
        match self {
            Self::Accepted { order } | Self::Terminal { order, .. } => Some(order),
            Self::Sending
            | Self::Named { .. }
            | Self::Refused { .. }
            | Self::Unknown { .. }
            | Self::NeverAccepted { .. }
            | Self::Resolved { .. } => None,
        }
    }
}

/// Who decided, why, and when: kept with every operator record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The operator.
    pub by: String,
    /// The reason, shown wherever the record matters.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// Everything the ledger holds of one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadedDay {
    /// The day record.
    pub day: Option<DayRecord>,
    /// All intents, by key.
    pub intents: Vec<IntentRecord>,
    /// All rungs, by intent and number.
    pub rungs: Vec<RungRecord>,
    /// How every delivery of the account's day ended that has ended, by run id.
    pub runs: BTreeMap<String, RunEnd>,
}

/// How one delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// The outcome's name.
    pub outcome: String,
    /// Whether it was to trade for real.
    pub live: bool,
}

impl LoadedDay {
    /// Rungs whose fate is open.
    pub fn open_rungs(&self) -> impl Iterator<Item = &RungRecord> {
        self.rungs.iter().filter(|rung| !rung.state.is_over())
    }

    /// The orders that the ledger knows to be its own.
    #[must_use]
    pub fn known_orders(&self) -> Vec<OrderId> {
        self.rungs.iter().filter_map(|rung| rung.state.order().cloned()).collect()
    }

    /// Net contracts that the day's settled fills made, long positive.
    #[must_use]
    pub fn fills(&self) -> BTreeMap<OptionSymbol, i64> {
        let mut net = BTreeMap::new();
        for rung in &self.rungs {
            let Some(intent) = self.intents.iter().find(|intent| intent.key == rung.intent) else { continue };
            for (symbol, contracts) in intent.package.contracts() {
                *net.entry(symbol).or_default() += contracts * i64::from(rung.state.filled());
            }
        }
        net.retain(|_, contracts| *contracts != 0);
        net
    }
}

/// What others decided of the account's trading, read before trading and at every rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controls {
    /// Whether the account is armed for live trading.
    pub arming: Arming,
    /// Why trading is halted, for all or for this account.
    pub halted: Option<String>,
    /// What the edge guard left for the account's next run, once it has decided anything.
    pub edge: Option<EdgeDecision>,
}

/// The account's armed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arming {
    /// An operator armed it.
    Armed,
    /// No record, or disarmed.
    NotArmed,
}

/// The final record of one run: one named outcome, and what a reader needs to know why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The run.
    pub run_id: String,
    /// The account.
    pub account: String,
    /// The trade date.
    pub date: Date,
    /// The outcome's name.
    pub outcome: String,
    /// Whether it was to trade for real.
    pub live: bool,
    /// The whole report as JSON.
    pub report: serde_json::Value,
    /// Who is to be given it: marked in the outbox with the same write. Not kept in the record itself.
    pub hand_off: Vec<Consumer>,
}

/// A ledger call that failed: nothing is known of whether a write was made, except where the name says so.
#[derive(Debug, Clone, thiserror::Error)]
#[error("ledger: {operation} {item}: {reason}")]
pub struct LedgerError {
    /// What was attempted.
    pub operation: &'static str,
    /// On which item.
    pub item: String,
    /// Why it failed, without secrets.
    pub reason: String,
    /// The table refused it or was never asked: nothing was written. Otherwise nobody knows.
    pub refused: bool,
}

/// The durable record. Conditional writes recognise their own success: when the condition fails, the item
/// that stands there is compared with what we meant to write.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes the lease of (account, date) for `run_id` until `expires`, when it is free or expired at `now`.
    /// `Ok(Err(holder))` when another run holds it.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn take_lease(
        &self,
        account: &str,
        date: Date,
        run_id: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Result<Lease, String>, LedgerError>;

    /// Prolongs a lease we hold; [`PutOutcome::Theirs`] when it was taken over.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn renew_lease(&self, lease: &Lease, expires: Timestamp) -> Result<PutOutcome, LedgerError>;

    /// Gives the lease back, so that a later delivery need not wait; failure is harmless, it expires.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError>;

    /// Everything kept of (account, strategy, date), read consistently.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read or understood.
    async fn load_day(&self, account: &str, strategy: &str, date: Date) -> Result<LoadedDay, LedgerError>;

    /// Opens the day for this writer: creates the record, or takes over one that has no SENDING and a lower
    /// fence.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn open_day(&self, day: &DayRecord) -> Result<PutOutcome, LedgerError>;

    /// Creates the intents of a plan: all of them or none.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn put_intents(&self, lease: &Lease, intents: &[IntentRecord]) -> Result<PutOutcome, LedgerError>;

    /// Creates a rung in state SENDING, and marks the day as sending, only while the lease's fence is still
    /// ours: one transaction.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn put_sending(&self, lease: &Lease, rung: &RungRecord) -> Result<PutOutcome, LedgerError>;

    /// Records where a rung stands. A terminal rung is changed only by more fills of its order; one that
    /// never came to be only by an order that shows up for it after all.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn set_rung(&self, account: &str, date: Date, rung: &RungRecord)
    -> Result<PutOutcome, LedgerError>;

    /// Records where an intent stands and its fills.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn set_intent(
        &self,
        account: &str,
        date: Date,
        intent: &IntentRecord,
    ) -> Result<PutOutcome, LedgerError>;

    /// Closes the day with its named outcome, when it is ours or an older fence's.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn close_day(
        &self,
        lease: &Lease,
        strategy: &str,
        outcome: &str,
    ) -> Result<PutOutcome, LedgerError>;

    /// Keeps the run's own final record, one per run.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn put_run(&self, run: &RunRecord) -> Result<PutOutcome, LedgerError>;

    /// The operator's records for this account and for all, and the edge guard's decision. Absence of the
    /// armed record is [`Arming::NotArmed`].
    ///
    /// # Errors
    /// [`LedgerError`] when they could not be read.
    async fn controls(&self, account: &str) -> Result<Controls, LedgerError>;
}
