//! One account's orders on the simulated market: what is accepted, when it reaches the market, what it fills
//! at, and what becomes of the account.
//!
//! Everything is a function of the seed, the requests and their virtual times. Orders match on whole seconds;
//! the steps of an order's life (reaching the market, being cancelled) take a seeded part of a second each,
//! so a fill can win against a cancel.

mod book;
mod events;
mod interference;
mod liquidity;
mod matching;
mod review;
mod ticket;

use std::sync::{Mutex, MutexGuard, PoisonError};

use gamma_market::calendar::{equity_open, series_close, trade_date};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

use crate::account::Account;
use crate::market::Market;
use crate::random::{Stream, between, stream_at};
use crate::time::Advance;

pub use book::{Book, Fill, FilledPackage, Order, OrderState, PendingStage};
pub use liquidity::Regime;
pub use review::Objection;
pub use ticket::{PositionEffect, Pricing, Ticket, TicketError, TicketLeg, TimeInForce};

use book::Schedule;

/// How many days ahead a session is looked for; no closure of the exchange is longer.
const DAYS_AHEAD: i32 = 10;

/// The market, the order book of one account, and the account.
#[derive(Debug, Clone)]
pub struct Exchange {
    seed: u64,
    now: Timestamp,
    market: Market,
    book: Book,
    account: Account,
    regime: Regime,
    last_match: Option<Timestamp>,
    day: Date,
}

/// Why an order cannot be cancelled or replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CancelError {
    /// No order has that id.
    #[error("order {0}: got an id no order has, expected one of this account's orders")]
    Unknown(u64),
    /// Nothing can happen to it any more, or a replacement is under way.
    #[error(
        "order {id}: got a request to cancel or replace it while it is {state:?}, expected a working order"
    )]
    NotCancelable {
        /// The order.
        id: u64,
        /// Where it stands.
        state: OrderState,
    },
}

impl Exchange {
    /// An exchange at the time `market` stands at.
    #[must_use]
    pub fn new(market: Market, account: Account, seed: u64) -> Self {
        let now = market.now();
        let mut exchange = Self {
            seed,
            now,
            market,
            book: Book::new(seed),
            account,
            regime: Regime::of_seed(seed),
            last_match: None,
            day: trade_date(now),
        };
        exchange.begin_day();
        exchange
    }

    /// The same, with orders numbered from `id` on, as a broker with ids of another length does.
    #[must_use]
    pub fn with_order_ids_from(mut self, id: u64) -> Self {
        self.book = self.book.with_ids_from(id);
        self
    }

    /// The latest time it was brought to.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The market.
    #[must_use]
    pub const fn market(&self) -> &Market {
        &self.market
    }

    /// Every order ever accepted.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Cash, positions and transactions.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// How willingly the market trades inside the spread.
    #[must_use]
    pub const fn regime(&self) -> Regime {
        self.regime
    }

    /// What the account would be worth if every position were closed at its mid, in dollars.
    #[must_use]
    pub fn liquidation_value(&self) -> Decimal {
        self.account.liquidation_value(&self.market)
    }

    /// Accepts an order at the exchange's time and gives its id. Whether it reaches the market or is rejected
    /// shows later.
    pub fn submit(&mut self, ticket: Ticket) -> u64 {
        let (stage, latency) = self.admission();
        let review = self.later(latency);
        let session = self.next_session(&ticket);
        let schedule = Schedule {
            review: Some(review),
            release: session
                .map(|(open, _)| open)
                .filter(|open| *open > review)
                .map(|open| plus_milliseconds(open, latency)),
            cancel: None,
            expire: session.and_then(|(_, close)| expiry_of(&ticket, close)),
            forced_fill: None,
        };
        self.book.add(ticket, self.now, OrderState::Pending(stage), schedule)
    }

    /// Asks for a cancel; the order may still fill until it is through. Asking again changes nothing.
    ///
    /// # Errors
    /// [`CancelError`] when there is no such order or it cannot be cancelled any more.
    pub fn cancel(&mut self, id: u64) -> Result<(), CancelError> {
        let (at, now) = (self.cancel_time(id)?, self.now);
        if let Some(order) = self.book.get_mut(id).filter(|order| order.state != OrderState::PendingCancel) {
            order.enter(OrderState::PendingCancel, now);
            order.schedule.cancel = Some(at);
        }
        Ok(())
    }

    /// Puts a new order in the place of another once that one is off the market, and gives the new id. When
    /// the old one fills meanwhile the new one is rejected.
    ///
    /// # Errors
    /// [`CancelError`] as with [`Exchange::cancel`].
    pub fn replace(&mut self, id: u64, ticket: Ticket) -> Result<u64, CancelError> {
        let (at, now) = (self.cancel_time(id)?, self.now);
        let delay = at.duration_since(self.now);
        let new = self.submit(ticket);
        if let Some(order) = self.book.get_mut(new) {
            order.replaces = Some(id);
            order.review = order.review.checked_add(delay).unwrap_or(order.review);
            order.schedule.review = Some(order.review);
        }
        if let Some(order) = self.book.get_mut(id) {
            order.enter(OrderState::PendingReplace, now);
            order.schedule.cancel = Some(at);
        }
        Ok(new)
    }

    fn cancel_time(&self, id: u64) -> Result<Timestamp, CancelError> {
        let order = self.book.order(id).ok_or(CancelError::Unknown(id))?;
        if order.state.is_terminal() || order.state == OrderState::PendingReplace {
            return Err(CancelError::NotCancelable { id, state: order.state.clone() });
        }
        let mut random = stream_at(self.seed, Stream::OrderLife(order.ordinal), 1);
        Ok(self.later(between(&mut random, 300, 1200)))
    }

    /// What the next order is shown as until it works, and how many milliseconds that takes.
    fn admission(&self) -> (PendingStage, i64) {
        let mut random = stream_at(self.seed, Stream::OrderLife(self.book.next_ordinal()), 0);
        let stage = match between(&mut random, 0, 2) {
            0 => PendingStage::Activation,
            1 => PendingStage::Queued,
            _ => PendingStage::Accepted,
        };
        (stage, between(&mut random, 300, 1000))
    }

    /// When the legs trade together next, or trade now: the session's opening and the first leg's close.
    /// `None` when never again.
    fn next_session(&self, ticket: &Ticket) -> Option<(Timestamp, Timestamp)> {
        let today = trade_date(self.now);
        (0..=DAYS_AHEAD).find_map(|days| {
            let date = today.checked_add(days.days()).ok()?;
            let closes = ticket.legs().iter().map(|leg| series_close(&leg.symbol, date));
            let close = closes.collect::<Option<Vec<_>>>()?.into_iter().min()?;
            (close > self.now).then_some((equity_open(date)?, close))
        })
    }

    fn later(&self, milliseconds: i64) -> Timestamp {
        plus_milliseconds(self.now, milliseconds)
    }
}

/// When an order that nobody cancels ends: a day order with its session, any other with the first of its
/// series.
fn expiry_of(ticket: &Ticket, session_close: Timestamp) -> Option<Timestamp> {
    match ticket.time_in_force() {
        TimeInForce::GoodTillCancel => {
            let last_close =
                |leg: &TicketLeg| series_close(&leg.symbol, leg.symbol.expiry()).unwrap_or(session_close);
            ticket.legs().iter().map(last_close).min()
        }
        TimeInForce::Day | TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => Some(session_close),
    }
}

fn plus_milliseconds(at: Timestamp, milliseconds: i64) -> Timestamp {
    at.checked_add(milliseconds.milliseconds()).unwrap_or(at)
}

/// An exchange that several faces and the clock share.
#[derive(Debug)]
pub struct SharedExchange(Mutex<Exchange>);

impl SharedExchange {
    /// Shares `exchange`.
    #[must_use]
    pub const fn new(exchange: Exchange) -> Self {
        Self(Mutex::new(exchange))
    }

    /// The exchange, brought to `now` first, for as long as the guard lives. Nothing else moves meanwhile.
    pub fn at(&self, now: Timestamp) -> MutexGuard<'_, Exchange> {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        exchange.advance_to(now);
        exchange
    }

    /// The exchange as it was last left.
    pub fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Advance for SharedExchange {
    fn advance_to(&self, now: Timestamp) {
        drop(self.at(now));
    }
}

#[cfg(test)]
mod tests;
