//! Why an accepted order never reaches the market.

use std::collections::BTreeMap;
use std::fmt;

use gamma_market::{LegAction, OptionSymbol, Price, PriceRule, Tick};
use rust_decimal::Decimal;

use super::book::Order;
use super::matching::cash_range;
use super::ticket::{PositionEffect, Pricing, Ticket, TicketLeg};
use super::{Exchange, OrderState};
use crate::account::{FEES_PER_CONTRACT, requirement};

/// What speaks against an order. Its text is in Schwab's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// A leg is no listed option.
    NotListed(OptionSymbol),
    /// The first leg never trades again.
    Closed(OptionSymbol),
    /// The limit is between two ticks.
    OffTick {
        /// The limit.
        price: Price,
        /// What it is to be a multiple of.
        tick: Tick,
    },
    /// A leg closes more than is held.
    NothingToClose {
        /// The leg's option.
        symbol: OptionSymbol,
        /// Contracts held, long positive.
        held: i64,
    },
    /// The order costs more than there is.
    TooLittleMoney {
        /// Dollars needed.
        cost: Decimal,
        /// Dollars there are.
        funds: Decimal,
    },
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(symbol) => write!(f, "{symbol} is not a listed option."),
            Self::Closed(symbol) => write!(f, "{symbol} is closed for trading."),
            Self::OffTick { price, tick } => {
                write!(f, "The limit price {price} is not a multiple of {tick}.")
            }
            Self::NothingToClose { symbol, held } => {
                write!(f, "You do not hold enough of {symbol} to close: the position is {held}.")
            }
            Self::TooLittleMoney { cost, funds } => {
                write!(
                    f,
                    "Your buying power is insufficient for this order: it needs {cost:.2} and {funds:.2} is available."
                )
            }
        }
    }
}

impl Exchange {
    /// The broker's words on why `order` is rejected; `None` when it may go to the market.
    pub(super) fn objection(&self, order: &Order) -> Option<String> {
        self.overtaken(order).or_else(|| {
            self.objections(&order.ticket, order.unfilled(), order.id)
                .next()
                .map(|objection| objection.to_string())
        })
    }

    /// Why an order like this would be rejected now.
    pub fn preview(&self, ticket: &Ticket) -> Option<String> {
        self.objections(ticket, ticket.quantity(), 0).next().map(|objection| objection.to_string())
    }

    /// Everything that speaks against `packages` of `ticket` now, the order with `id` left out of what is
    /// reserved.
    pub fn objections(&self, ticket: &Ticket, packages: u32, id: u64) -> impl Iterator<Item = Objection> {
        let objections = [
            self.not_tradable(ticket),
            off_tick(ticket),
            self.nothing_to_close(ticket),
            self.too_little_money(ticket, packages, id),
        ];
        objections.into_iter().flatten()
    }

    fn overtaken(&self, order: &Order) -> Option<String> {
        let old = self.book.order(order.replaces?)?;
        (old.state != OrderState::Replaced)
            .then(|| format!("The order to be replaced, {}, is no longer working.", old.id))
    }

    fn not_tradable(&self, ticket: &Ticket) -> Option<Objection> {
        let unlisted = ticket.legs().iter().find(|leg| self.market.chain().option(&leg.symbol).is_none());
        if let Some(leg) = unlisted {
            return Some(Objection::NotListed(leg.symbol));
        }
        let closed = self.next_session(ticket).is_none();
        ticket.legs().first().filter(|_| closed).map(|leg| Objection::Closed(leg.symbol))
    }

    fn nothing_to_close(&self, ticket: &Ticket) -> Option<Objection> {
        let closing = ticket.legs().iter().filter(|leg| leg.effect == PositionEffect::Closing);
        let impossible = closing.into_iter().find(|leg| !self.closes(leg, ticket.quantity()));
        impossible.map(|leg| Objection::NothingToClose {
            symbol: leg.symbol,
            held: self.account.quantity(&leg.symbol),
        })
    }

    /// Whether so many packages of `leg` only take away from what is held.
    pub fn closes(&self, leg: &TicketLeg, packages: u32) -> bool {
        let left = self.account.quantity(&leg.symbol) + leg.signed(packages);
        match leg.action {
            LegAction::Sell => left >= 0,
            LegAction::Buy => left <= 0,
        }
    }

    fn too_little_money(&self, ticket: &Ticket, packages: u32, id: u64) -> Option<Objection> {
        let live = self.book.posts().iter().filter(|other| other.id != id && other.passed_review());
        let reserved: Decimal = live.map(|other| self.cost(&other.ticket, other.unfilled())).sum();
        let funds = self.account.cash()
            - requirement(&self.account.quantities(), self.market.underlying().points())
            - reserved;
        let cost = self.cost(ticket, packages);
        let funds = funds.max(Decimal::ZERO);
        (cost > funds).then_some(Objection::TooLittleMoney { cost, funds })
    }

    /// Dollars that `packages` of an order take from the available funds: what is paid with fees plus what
    /// more must be held, never below zero. A market order is taken to fill at the natural price.
    pub fn cost(&self, ticket: &Ticket, packages: u32) -> Decimal {
        let contracts = Decimal::from(ticket.contracts()) * Decimal::from(packages);
        let cash = self.expected_cash(ticket).dollars_per_contract() * Decimal::from(packages);
        (self.more_held_against(ticket, packages) - cash + contracts * FEES_PER_CONTRACT).max(Decimal::ZERO)
    }

    /// Dollars more that are held against the positions once `packages` of an order have filled; negative
    /// when it frees some.
    pub fn more_held_against(&self, ticket: &Ticket, packages: u32) -> Decimal {
        let held = self.account.quantities();
        let mut after: BTreeMap<OptionSymbol, i64> = held.clone();
        for leg in ticket.legs() {
            *after.entry(leg.symbol).or_default() += leg.signed(packages);
        }
        let level = self.market.underlying().points();
        requirement(&after, level) - requirement(&held, level)
    }

    /// Whether an order waits for a session that has not begun.
    pub fn opens_later(&self, ticket: &Ticket) -> bool {
        self.next_session(ticket).is_some_and(|(open, _)| open > self.now())
    }

    /// Cash of one package in points, negative when paid: its limit, or the natural price of a market order.
    pub fn expected_cash(&self, ticket: &Ticket) -> Price {
        ticket.least_cash().unwrap_or_else(|| {
            let quotes = self.market.quotes(ticket.legs().iter().map(|leg| &leg.symbol));
            cash_range(ticket, &quotes).map_or(Price::ZERO, |range| Price::cents(range.worst))
        })
    }
}

fn off_tick(ticket: &Ticket) -> Option<Objection> {
    let Pricing::Limit { price, .. } = ticket.pricing() else { return None };
    let tick = tick_of(ticket, price)?;
    (!tick.holds(price)).then_some(Objection::OffTick { price, tick })
}

fn tick_of(ticket: &Ticket, price: Price) -> Option<Tick> {
    let rule = PriceRule::for_root(ticket.legs().first()?.symbol.root())?;
    Some(if ticket.legs().len() == 1 { rule.leg_tick(price) } else { rule.package_tick() })
}
