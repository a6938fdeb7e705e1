//! Why an accepted order never reaches the market.

use std::collections::BTreeMap;

use gamma_market::{LegAction, OptionSymbol, Price, PriceRule, Tick};
use rust_decimal::Decimal;

use super::book::Order;
use super::matching::cash_range;
use super::ticket::{PositionEffect, Pricing, Ticket};
use super::{Exchange, OrderState};
use crate::account::{FEES_PER_CONTRACT, requirement};

impl Exchange {
    /// The broker's words on why `order` is rejected; `None` when it may go to the market.
    pub(super) fn objection(&self, order: &Order) -> Option<String> {
        self.overtaken(order).or_else(|| self.objection_to(&order.ticket, order.unfilled(), order.id))
    }

    /// Why an order like this would be rejected now.
    pub(crate) fn preview(&self, ticket: &Ticket) -> Option<String> {
        self.objection_to(ticket, ticket.quantity(), 0)
    }

    fn objection_to(&self, ticket: &Ticket, packages: u32, id: u64) -> Option<String> {
        self.not_tradable(ticket).or_else(|| off_tick(ticket)).or_else(|| self.nothing_to_close(ticket)).or_else(|| self.too_little_money(ticket, packages, id))
    }

    fn overtaken(&self, order: &Order) -> Option<String> {
        let old = self.book.order(order.replaces?)?;
        (old.state != OrderState::Replaced).then(|| format!("The order to be replaced, {}, is no longer working.", old.id))
    }

    fn not_tradable(&self, ticket: &Ticket) -> Option<String> {
        let unlisted = ticket.legs().iter().find(|leg| self.market.chain().option(&leg.symbol).is_none());
        if let Some(leg) = unlisted {
            return Some(format!("{} is not a listed option.", leg.symbol));
        }
        let closed = self.next_session(ticket).is_none();
        closed.then(|| format!("{} is closed for trading.", ticket.legs().first().map(|leg| leg.symbol.to_string()).unwrap_or_default()))
    }

    fn nothing_to_close(&self, ticket: &Ticket) -> Option<String> {
        let closing = ticket.legs().iter().filter(|leg| leg.effect == PositionEffect::Closing);
        closing.into_iter().find_map(|leg| {
            let held = self.account.quantity(&leg.symbol);
            let left = held + leg.signed(ticket.quantity());
            let closes = match leg.action {
                LegAction::Sell => left >= 0,
                LegAction::Buy => left <= 0,
            };
            (!closes).then(|| format!("You do not hold enough of {} to close: the position is {held}.", leg.symbol))
        })
    }

    fn too_little_money(&self, ticket: &Ticket, packages: u32, id: u64) -> Option<String> {
        let live = self.book.posts().iter().filter(|other| other.id != id && other.passed_review());
        let reserved: Decimal = live.map(|other| self.cost(&other.ticket, other.unfilled())).sum();
        let funds = self.account.cash() - requirement(&self.account.quantities(), self.market.underlying().points()) - reserved;
        let cost = self.cost(ticket, packages);
        (cost > funds.max(Decimal::ZERO))
            .then(|| format!("Your buying power is insufficient for this order: it needs {:.2} and {:.2} is available.", cost, funds.max(Decimal::ZERO)))
    }

    /// Dollars that `packages` of an order take from the available funds: what is paid with fees plus what more must be held, never
    /// below zero. A market order is taken to fill at the natural price.
    pub(crate) fn cost(&self, ticket: &Ticket, packages: u32) -> Decimal {
        let held = self.account.quantities();
        let mut after: BTreeMap<OptionSymbol, i64> = held.clone();
        for leg in ticket.legs() {
            *after.entry(leg.symbol).or_default() += leg.signed(packages);
        }
        let level = self.market.underlying().points();
        let more = requirement(&after, level) - requirement(&held, level);
        let contracts = Decimal::from(ticket.contracts()) * Decimal::from(packages);
        let cash = self.expected_cash(ticket).dollars_per_contract() * Decimal::from(packages);
        (more - cash + contracts * FEES_PER_CONTRACT).max(Decimal::ZERO)
    }

    /// Cash of one package in points, negative when paid: its limit, or the natural price of a market order.
    pub(crate) fn expected_cash(&self, ticket: &Ticket) -> Price {
        ticket.least_cash().unwrap_or_else(|| {
            let quotes = self.market.quotes(ticket.legs().iter().map(|leg| &leg.symbol));
            cash_range(ticket, &quotes).map_or(Price::ZERO, |range| Price::cents(range.worst))
        })
    }
}

fn off_tick(ticket: &Ticket) -> Option<String> {
    let Pricing::Limit { price, .. } = ticket.pricing() else { return None };
    let tick = tick_of(ticket, price)?;
    (!tick.holds(price)).then(|| format!("The limit price {price} is not a multiple of {tick}."))
}

fn tick_of(ticket: &Ticket, price: Price) -> Option<Tick> {
    let rule = PriceRule::for_root(ticket.legs().first()?.symbol.root())?;
    Some(if ticket.legs().len() == 1 { rule.leg_tick(price) } else { rule.package_tick() })
}
