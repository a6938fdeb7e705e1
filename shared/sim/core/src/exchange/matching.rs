//! Whether an order fills in a second, how much of it, and at which prices.

use gamma_market::{Effect, LegAction, Price, QuoteBook};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::liquidity::{CERTAIN, Regime};
use super::ticket::{Ticket, TicketLeg};
use crate::random::between;

/// The cash of one package, in cents: from hitting every leg's far side to every near side. Negative is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CashRange {
    pub(super) worst: i64,
    pub(super) best: i64,
}

/// What the market does with an order in one second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Execution {
    pub(super) quantity: u32,
    pub(super) effect: Effect,
    pub(super) price: Price,
    pub(super) leg_prices: Vec<Price>,
}

/// A leg's market: cents from the side that costs us to the side that favours us.
struct LegMarket {
    ratio: i64,
    sign: i64,
    worst: i64,
    room: i64,
}

impl LegMarket {
    /// `None` without two sides, or off the cent.
    fn new(leg: &TicketLeg, quotes: &QuoteBook) -> Option<Self> {
        let (bid, ask) = quotes.get(&leg.symbol)?.two_sided()?;
        let (bid, ask) = (cents(bid)?, cents(ask)?);
        let (sign, worst) = match leg.action {
            LegAction::Sell => (1, bid),
            LegAction::Buy => (-1, ask),
        };
        Some(Self { ratio: leg.ratio.into(), sign, worst, room: ask - bid })
    }
}

/// The market of a package, `None` while a leg has no two sides.
pub(super) fn cash_range(ticket: &Ticket, quotes: &QuoteBook) -> Option<CashRange> {
    Some(range_of(&leg_markets(ticket, quotes)?))
}

fn leg_markets(ticket: &Ticket, quotes: &QuoteBook) -> Option<Vec<LegMarket>> {
    ticket.legs().iter().map(|leg| LegMarket::new(leg, quotes)).collect()
}

fn range_of(legs: &[LegMarket]) -> CashRange {
    let worst = legs.iter().map(|leg| leg.sign * leg.worst * leg.ratio).sum();
    let room: i64 = legs.iter().map(|leg| leg.room * leg.ratio).sum();
    CashRange { worst, best: worst + room }
}

/// What happens to `remaining` packages in one second: as many as the quotes are good for at the natural
/// price when the order crosses the spread, some or all at the limit by chance when it lies inside, nothing
/// otherwise.
pub(super) fn execute(
    ticket: &Ticket,
    remaining: u32,
    quotes: &QuoteBook,
    regime: Regime,
    random: &mut ChaCha8Rng,
) -> Option<Execution> {
    let legs = leg_markets(ticket, quotes)?;
    let range = range_of(&legs);
    let limit = ticket.least_cash().map_or(Some(range.worst), cents)?;
    if limit > range.best || remaining == 0 {
        return None;
    }
    let (cash, quantity) = if limit <= range.worst {
        (range.worst, regime.shown(remaining, remaining < ticket.quantity(), random)?)
    } else {
        let depth = (range.best - limit) * CERTAIN / (range.best - range.worst);
        let somebody = between(random, 1, CERTAIN) <= regime.chance(depth);
        somebody.then(|| (limit, regime.part(remaining, random)))?
    };
    Some(execution(quantity, cash, leg_prices(&legs, cash - range.worst)))
}

/// What `quantity` packages fill at when somebody takes them against all chance: the natural price where the
/// limit allows it, and the limit where the market would never pay it. `None` while a leg has no two sides.
pub(super) fn execute_anyway(ticket: &Ticket, quantity: u32, quotes: &QuoteBook) -> Option<Execution> {
    let legs = leg_markets(ticket, quotes)?;
    let range = range_of(&legs);
    let cash = ticket.least_cash().map_or(Some(range.worst), cents)?.max(range.worst);
    let mut leg_prices = leg_prices(&legs, cash.min(range.best) - range.worst);
    let beyond = (cash - range.best).max(0);
    // A sold leg can be paid any price; a bought one cannot cost less than nothing.
    let payer = legs
        .iter()
        .position(|leg| leg.ratio == 1 && leg.sign > 0)
        .or_else(|| legs.iter().position(|leg| leg.ratio == 1))?;
    if let (Some(leg), Some(price)) = (legs.get(payer), leg_prices.get_mut(payer)) {
        *price += leg.sign * beyond;
    }
    Some(execution(quantity, cash, leg_prices))
}

fn execution(quantity: u32, cash: i64, leg_prices: Vec<i64>) -> Execution {
    let effect = if cash >= 0 { Effect::Credit } else { Effect::Debit };
    Execution {
        quantity,
        effect,
        price: Price::cents(cash.abs()),
        leg_prices: leg_prices.into_iter().map(Price::cents).collect(),
    }
}

/// Leg prices in cents whose net is `better` cents above the worst: every leg moves towards its favourable
/// side in proportion to its room, and the cents that do not divide go to the first leg with ratio 1, which
/// may leave its market by them.
fn leg_prices(legs: &[LegMarket], better: i64) -> Vec<i64> {
    let room: i64 = legs.iter().map(|leg| leg.room * leg.ratio).sum();
    let moves: Vec<i64> =
        legs.iter().map(|leg| if room == 0 { 0 } else { leg.room * better / room }).collect();
    let spread: i64 = legs.iter().zip(&moves).map(|(leg, cents)| leg.ratio * cents).sum();
    let mut rest = better - spread;
    let mut prices: Vec<i64> = Vec::with_capacity(legs.len());
    for (leg, cents) in legs.iter().zip(moves) {
        // First the legs that have the room, then (below) whoever has ratio 1.
        let extra = if leg.ratio == 1 { rest.min(leg.room - cents) } else { 0 };
        rest -= extra;
        prices.push(leg.worst + leg.sign * (cents + extra));
    }
    if let Some((leg, price)) = legs.iter().zip(&mut prices).find(|(leg, _)| leg.ratio == 1) {
        *price += leg.sign * rest;
    }
    prices
}

/// `None` for a price off the cent.
fn cents(price: Price) -> Option<i64> {
    let cents = price.points().checked_mul(Decimal::ONE_HUNDRED)?;
    cents.is_integer().then(|| cents.to_i64())?
}
