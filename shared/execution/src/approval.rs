//! Approval: the only door to the broker.
//!
//! [`approve`] turns one side of a plan into an [`Approved<Intent>`] after checking tick, capability, price envelope and
//! risk; [`Approved::order`] turns that into the [`Approved<PackageOrder>`] of one rung. Nothing else can make either.

use std::collections::{BTreeMap, BTreeSet};

use gamma_market::{Effect, OptionSymbol, PackageNbbo, Price, PriceRule, Tick, Vertical, settlement_value};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::ports::{Capabilities, Incapable, OrderKind};

/// Something that passed every check. It can be made only in this module, so only what was approved can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub const fn get(&self) -> &T {
        &self.0
    }
}

/// One side of the plan with its quantity and price envelope fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Intent {
    /// What is traded.
    pub vertical: Vertical,
    /// Most packages over all orders of the day.
    pub quantity: u32,
    /// The package mid when it was decided, in points.
    pub decision_mid: Price,
    /// The worst price it may ever be sent at: a floor for credits, a ceiling for debits.
    pub worst_price: Price,
    /// The package tick.
    pub tick: Tick,
    /// Dollars that this package adds to the worst loss at expiry, at its worst price.
    pub worst_loss_added: Decimal,
}

/// A limit order for one vertical, opening, good for the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOrder {
    /// What is traded.
    pub vertical: Vertical,
    /// Credit or debit.
    pub effect: Effect,
    /// Packages.
    pub quantity: u32,
    /// Limit in points, above zero.
    pub price: Price,
}

/// The limits approval holds a package to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How far from the decision-time mid a price may ever go, in points.
    pub envelope: Price,
    /// Largest share of equity that the day's packages may add to the worst loss.
    pub worst_loss_share: Decimal,
}

/// What approval looks at besides the package itself.
#[derive(Debug, Clone, Copy)]
pub struct Book<'a> {
    /// Account value in dollars.
    pub equity: Decimal,
    /// Net contracts held.
    pub positions: &'a BTreeMap<OptionSymbol, i64>,
    /// Packages of this plan approved before.
    pub approved: &'a [Approved<Intent>],
    /// Contracts touched by working orders that are not ours.
    pub foreign: &'a BTreeSet<OptionSymbol>,
    /// Net contracts that the ledger's fills of the day made.
    pub ledger: &'a BTreeMap<OptionSymbol, i64>,
    /// What the broker can do.
    pub capabilities: Capabilities,
}

/// Why a package is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// No tick table for the product.
    #[error("no tick table for root {root}")]
    NoTickTable {
        /// The root.
        root: String,
    },
    /// The broker cannot do it.
    #[error(transparent)]
    Capability(#[from] Incapable),
    /// Nothing to send.
    #[error("quantity: got 0, expected at least 1")]
    NothingToSend,
    /// More than what is left of the approved quantity.
    #[error("quantity: got {got}, expected at most the {left} left of the approved {approved}")]
    TooMany {
        /// Asked.
        got: u32,
        /// Left.
        left: u32,
        /// Approved for the day.
        approved: u32,
    },
    /// The package has no usable price.
    #[error("price: the mid is {mid}, expected more than 0 and less than the width {width}")]
    NoPrice {
        /// The mid.
        mid: Price,
        /// The width.
        width: Price,
    },
    /// The price is outside what was approved.
    #[error("price: got {price}, expected {expected}")]
    Price {
        /// What was asked.
        price: Price,
        /// The rule it breaks.
        expected: String,
    },
    /// A working order of somebody else's touches a leg.
    #[error("a working order that is not ours touches {symbol}")]
    ForeignOrder {
        /// The leg.
        symbol: OptionSymbol,
    },
    /// The broker's positions do not hold what the ledger says was filled: one of them is behind, or somebody closed it.
    #[error("{symbol}: the broker shows {shown} contracts, the ledger has filled {filled} today")]
    BrokerShowsLess {
        /// The leg.
        symbol: OptionSymbol,
        /// Held at the broker.
        shown: i64,
        /// Filled by the ledger's account.
        filled: i64,
    },
    /// The day's packages would risk too much.
    #[error("worst loss: this adds {added} dollars, expected at most {most} ({share} of equity {equity})")]
    WorstLoss {
        /// Dollars added.
        added: Decimal,
        /// Dollars allowed.
        most: Decimal,
        /// The profile's share.
        share: Decimal,
        /// Account value.
        equity: Decimal,
    },
}

/// Approves one side: capability, foreign orders, positions that hold the day's fills, price, envelope, and the worst loss it adds.
///
/// # Errors
/// [`Refusal`] names what came and what was expected.
pub fn approve(vertical: Vertical, quantity: u32, nbbo: PackageNbbo, book: Book<'_>, limits: Limits) -> Result<Approved<Intent>, Refusal> {
    if quantity == 0 {
        return Err(Refusal::NothingToSend);
    }
    let capabilities = book.capabilities;
    let kind = match vertical.effect() {
        Effect::Credit => OrderKind::NetCredit,
        Effect::Debit => OrderKind::NetDebit,
    };
    capabilities.takes(vertical.legs().len(), quantity, kind)?;
    if let Some(leg) = vertical.legs().iter().find(|leg| book.foreign.contains(&leg.symbol)) {
        return Err(Refusal::ForeignOrder { symbol: leg.symbol });
    }
    for leg in vertical.legs() {
        let of = |held: &BTreeMap<OptionSymbol, i64>| held.get(&leg.symbol).copied().unwrap_or_default();
        let (shown, filled) = (of(book.positions), of(book.ledger));
        if filled != 0 && shown * filled.signum() < filled.abs() {
            return Err(Refusal::BrokerShowsLess { symbol: leg.symbol, shown, filled });
        }
    }
    let rule = PriceRule::for_root(vertical.sell().root()).ok_or_else(|| Refusal::NoTickTable { root: vertical.sell().root().to_owned() })?;
    // The broker's step, where it is the coarser one.
    let tick = std::cmp::max_by_key(rule.package_tick(), capabilities.tick(vertical.sell().root())?, |tick| tick.points());
    let (width, mid) = (vertical.width(), nbbo.mid);
    if mid <= Price::ZERO || mid >= width {
        return Err(Refusal::NoPrice { mid, width });
    }
    let step = Price::new(tick.points());
    let worst_price = match vertical.effect() {
        Effect::Credit => tick.ceil(mid - limits.envelope).max(step),
        Effect::Debit => tick.floor(mid + limits.envelope).min(width - step),
    };
    let mut intent = Intent { vertical, quantity, decision_mid: mid, worst_price, tick, worst_loss_added: Decimal::ZERO };
    intent.worst_loss_added = worst_loss(&intent, book);
    let most = (book.equity * limits.worst_loss_share).round_dp(2);
    if intent.worst_loss_added > most {
        return Err(Refusal::WorstLoss { added: intent.worst_loss_added, most, share: limits.worst_loss_share, equity: book.equity });
    }
    Ok(Approved(intent))
}

/// The most dollars that the day's packages can lose at expiry, over every strike: this package alone, and together with the sides approved
/// before (either may fill without the other). What the account holds counts neither against them nor for them: a loss that is there
/// already must not hide one that is added.
fn worst_loss(intent: &Intent, book: Book<'_>) -> Decimal {
    let mut all: Vec<&Intent> = book.approved.iter().map(Approved::get).collect();
    all.push(intent);
    loss(&[intent]).max(loss(&all))
}

fn loss(intents: &[&Intent]) -> Decimal {
    let mut held: BTreeMap<OptionSymbol, i64> = BTreeMap::new();
    let mut cash = Decimal::ZERO;
    for intent in intents {
        let packages = i64::from(intent.quantity);
        *held.entry(intent.vertical.buy()).or_default() += packages;
        *held.entry(intent.vertical.sell()).or_default() -= packages;
        let paid = intent.worst_price.points() * Decimal::from(packages);
        cash += if intent.vertical.effect() == Effect::Credit { paid } else { -paid };
    }
    let strikes: BTreeSet<Decimal> = held.keys().map(|symbol| symbol.strike().points()).collect();
    // A vertical is long as many calls as it is short, and as many puts: below the lowest strike and above the highest nothing changes.
    let worst = strikes.into_iter().map(|settle| settlement_value(&held, settle)).min().unwrap_or_default();
    ((-worst - cash) * Decimal::ONE_HUNDRED).max(Decimal::ZERO).round_dp(2)
}

/// Expiries in which the account already holds more calls short than long: its loss has no floor. That is the user's own
/// doing; the run warns of it and goes on.
#[must_use]
pub fn unbounded_expiries(positions: &BTreeMap<OptionSymbol, i64>) -> BTreeSet<jiff::civil::Date> {
    let mut calls: BTreeMap<jiff::civil::Date, i64> = BTreeMap::new();
    for (symbol, held) in positions.iter().filter(|(symbol, _)| symbol.right() == gamma_market::Right::Call) {
        *calls.entry(symbol.expiry()).or_default() += held;
    }
    calls.into_iter().filter(|(_, net)| *net < 0).map(|(expiry, _)| expiry).collect()
}

impl Approved<Intent> {
    /// The order of one rung: on tick, inside the envelope, no more than what is left of the approved quantity.
    ///
    /// # Errors
    /// [`Refusal`] names what came and what was expected.
    pub fn order(&self, quantity: u32, price: Price, filled: u32) -> Result<Approved<PackageOrder>, Refusal> {
        let intent = self.get();
        let left = intent.quantity.saturating_sub(filled);
        if quantity == 0 {
            return Err(Refusal::NothingToSend);
        }
        if quantity > left {
            return Err(Refusal::TooMany { got: quantity, left, approved: intent.quantity });
        }
        let wrong = |expected: String| Err(Refusal::Price { price, expected });
        if !intent.tick.holds(price) {
            return wrong(format!("a multiple of {}", intent.tick));
        }
        if price <= Price::ZERO || price >= intent.vertical.width() {
            return wrong(format!("above 0 and below the width {}", intent.vertical.width()));
        }
        let effect = intent.vertical.effect();
        match effect {
            Effect::Credit if price < intent.worst_price => wrong(format!("{} or more", intent.worst_price)),
            Effect::Debit if price > intent.worst_price => wrong(format!("{} or less", intent.worst_price)),
            _ => Ok(Approved(PackageOrder { vertical: intent.vertical, effect, quantity, price })),
        }
    }
}

#[cfg(test)]
mod tests;
