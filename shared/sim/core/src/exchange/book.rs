//! The record of orders: what the broker really did, for the wire and for tests.

use gamma_market::{Effect, OptionSymbol, Price};
use jiff::Timestamp;

use super::ticket::Ticket;

/// Room between two activities for one row a leg.
const ACTIVITY_STEP: u64 = 16;

/// Every order ever accepted, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    orders: Vec<Order>,
    first_id: u64,
    next_activity: u64,
    /// Orders that were taken out again: their ids are nobody's.
    taken_out: u32,
}

/// One accepted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The broker's id: thirteen digits at Schwab, nine at tastytrade.
    pub id: u64,
    /// How many orders were accepted before it.
    pub ordinal: u32,
    /// What it asks for.
    pub ticket: Ticket,
    /// When it was accepted.
    pub entered: Timestamp,
    /// Where it stands.
    pub state: OrderState,
    /// What it has filled, oldest first.
    pub fills: Vec<Fill>,
    /// When it became terminal.
    pub closed: Option<Timestamp>,
    /// The activity that records its cancel.
    pub cancel_activity: Option<u64>,
    /// The order it takes the place of.
    pub replaces: Option<u64>,
    /// When it is, or was, to be looked at.
    pub(super) review: Timestamp,
    pub(super) on_market: bool,
    pub(super) schedule: Schedule,
    /// Every state with the moment it began.
    pub(super) history: Vec<(Timestamp, OrderState)>,
    /// Why it is to be rejected when it is looked at, whatever it asks for.
    pub(super) condemned: Option<String>,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// Accepted, not on the market yet.
    Pending(PendingStage),
    /// On the market.
    Working,
    /// A cancel is on its way; it may still fill.
    PendingCancel,
    /// A replacement is on its way; it may still fill.
    PendingReplace,
    /// Completely filled.
    Filled,
    /// Cancelled, perhaps after some fills.
    Canceled,
    /// Rejected, and why.
    Rejected(String),
    /// Its time ran out.
    Expired,
    /// Another order took its place.
    Replaced,
}

/// The words brokers have for an order on its way to the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingStage {
    /// Waits for the market to open, or for its turn.
    Activation,
    /// In a queue.
    Queued,
    /// Seen, nothing more.
    Accepted,
}

/// When the next steps of an order's life happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Schedule {
    pub(super) review: Option<Timestamp>,
    pub(super) release: Option<Timestamp>,
    pub(super) cancel: Option<Timestamp>,
    pub(super) expire: Option<Timestamp>,
    /// When somebody takes this many packages, against all chance.
    pub(super) forced_fill: Option<(Timestamp, u32)>,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The activity that records it; the account's rows for its legs are numbered on from there.
    pub activity: u64,
    /// When.
    pub at: Timestamp,
    /// Packages.
    pub quantity: u32,
    /// Whether the package brought cash in or cost it.
    pub effect: Effect,
    /// Net price of one package in points, never negative.
    pub price: Price,
    /// The price of each leg in points, whole cents, in the order of the ticket's legs. They add up to the
    /// net price exactly.
    pub leg_prices: Vec<Price>,
}

/// One execution with what was filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledPackage {
    /// The order it belongs to.
    pub order: u64,
    /// Each contract of one package with its signed ratio, bought positive, in the order of the ticket's
    /// legs.
    pub contracts: Vec<(OptionSymbol, i64)>,
    /// The execution.
    pub fill: Fill,
}

impl OrderState {
    /// Nothing more can happen to the order.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Rejected(_) | Self::Expired | Self::Replaced)
    }
}

impl Order {
    /// Packages filled.
    #[must_use]
    pub fn filled(&self) -> u32 {
        self.fills.iter().map(|fill| fill.quantity).sum()
    }

    /// Packages not filled, whatever became of them.
    #[must_use]
    pub fn unfilled(&self) -> u32 {
        self.ticket.quantity().saturating_sub(self.filled())
    }

    /// When it is, or was, to be looked at before it may go to the market.
    pub const fn review(&self) -> Timestamp {
        self.review
    }

    /// When it first reached the market.
    pub fn live_since(&self) -> Option<Timestamp> {
        self.history.iter().find(|(_, state)| *state == OrderState::Working).map(|(since, _)| *since)
    }

    /// When anything about it last changed.
    pub fn last_change(&self) -> Timestamp {
        let states = self.history.iter().map(|(since, _)| *since);
        states.chain(self.fills.iter().map(|fill| fill.at)).max().unwrap_or(self.entered)
    }

    /// Whether it is live and has been found in order.
    pub(super) fn passed_review(&self) -> bool {
        self.schedule.review.is_none() && !self.state.is_terminal()
    }

    /// Whether it can fill.
    pub(super) fn is_matchable(&self) -> bool {
        self.on_market && !self.state.is_terminal()
    }

    /// The order with its fills of the last `delay` left out, and nothing else as it was: a count that
    /// follows.
    #[must_use]
    pub fn counted_late(mut self, delay: std::time::Duration, now: Timestamp) -> Self {
        let counted = now.checked_sub(delay).unwrap_or(Timestamp::MIN);
        self.fills.retain(|fill| fill.at <= counted);
        self
    }

    /// The order as it stood at an earlier moment; `None` before it was accepted.
    #[must_use]
    pub fn as_of(&self, at: Timestamp) -> Option<Self> {
        let (_, state) = self.history.iter().rev().find(|(since, _)| *since <= at)?;
        let mut order = self.clone();
        order.state = state.clone();
        order.history.retain(|(since, _)| *since <= at);
        order.fills.retain(|fill| fill.at <= at);
        order.closed = order.closed.filter(|closed| *closed <= at);
        order.cancel_activity = order.cancel_activity.filter(|_| order.closed.is_some());
        Some(order)
    }

    pub(super) fn enter(&mut self, state: OrderState, at: Timestamp) {
        self.history.push((at, state.clone()));
        self.state = state;
    }

    pub(super) fn close(&mut self, state: OrderState, at: Timestamp) {
        self.enter(state, at);
        self.closed = Some(at);
        self.on_market = false;
    }
}

impl Book {
    pub(super) fn new(seed: u64) -> Self {
        // Ids differ from seed to seed so that nobody gets used to one.
        Self {
            orders: Vec::new(),
            first_id: 1_005_600_000_000 + seed % 1_000 * 100_000,
            next_activity: 104_558_120_000,
            taken_out: 0,
        }
    }

    pub(super) fn with_ids_from(self, first_id: u64) -> Self {
        Self { first_id, ..self }
    }

    /// Every order ever accepted with its fills, oldest first: the independent record of what was posted and
    /// what came of it.
    #[must_use]
    pub fn posts(&self) -> &[Order] {
        &self.orders
    }

    /// One order.
    #[must_use]
    pub fn order(&self, id: u64) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    /// Every execution of every order, oldest order first.
    #[must_use]
    pub fn filled_packages(&self) -> Vec<FilledPackage> {
        let package = |order: &Order, fill: &Fill| FilledPackage {
            order: order.id,
            contracts: order.ticket.legs().iter().map(|leg| (leg.symbol, leg.signed(1))).collect(),
            fill: fill.clone(),
        };
        self.orders
            .iter()
            .flat_map(|order| order.fills.iter().map(move |fill| package(order, fill)))
            .collect()
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Order> {
        self.orders.iter_mut().find(|order| order.id == id)
    }

    pub(super) fn next_ordinal(&self) -> u32 {
        u32::try_from(self.orders.len()).unwrap_or(u32::MAX).saturating_add(self.taken_out)
    }

    /// Takes an order out, as if it had never been accepted. Whether there was one.
    pub(super) fn take_out(&mut self, id: u64) -> bool {
        let before = self.orders.len();
        self.orders.retain(|order| order.id != id);
        let gone = self.orders.len() < before;
        self.taken_out += u32::from(gone);
        gone
    }

    pub(super) fn next_activity(&mut self) -> u64 {
        self.next_activity += ACTIVITY_STEP;
        self.next_activity
    }

    pub(super) fn add(
        &mut self,
        ticket: Ticket,
        entered: Timestamp,
        state: OrderState,
        schedule: Schedule,
    ) -> u64 {
        let ordinal = self.next_ordinal();
        let id = self.first_id + u64::from(ordinal) * 13;
        self.orders.push(Order {
            id,
            ordinal,
            ticket,
            entered,
            history: vec![(entered, state.clone())],
            condemned: None,
            state,
            fills: Vec::new(),
            closed: None,
            cancel_activity: None,
            replaces: None,
            review: schedule.review.unwrap_or(entered),
            on_market: false,
            schedule,
        });
        id
    }
}
