//! Approval: the only door to the broker.
//!
//! [`approve`] turns one side of a plan into an [`Approved<Intent>`] after checking tick, capability, price
//! envelope and risk; [`Approved::order`] turns that into the [`Approved<PackageOrder>`] of one rung. Nothing
//! else can make either.

use std::collections::{BTreeMap, BTreeSet};

use gamma_market::{
    Effect, Leg, OptionSymbol, Package, PackageNbbo, PositionEffect, Price, PriceRule, Right, Tick, corners,
    settlement_value,
};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::ports::{Capabilities, Incapable, OrderKind};

/// Something that passed every check. It can be made only in this module, so only what was approved can be
/// sent.
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
    pub package: Package,
    /// Credit or debit.
    pub effect: Effect,
    /// Most packages over all orders of the day.
    pub quantity: u32,
    /// The package mid when it was decided, in points.
    pub decision_mid: Price,
    /// The worst price it may ever be sent at: a floor for credits, a ceiling for debits.
    pub worst_price: Price,
    /// The package tick.
    pub tick: Tick,
    /// What no price of it reaches, in points, where its worth at expiry is bounded: the width of a vertical.
    pub most_worth: Option<Price>,
    /// Dollars that this package adds to the worst loss at expiry, at its worst price.
    pub worst_loss_added: Decimal,
}

/// A limit order for one package, good for the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOrder {
    /// What is traded.
    pub package: Package,
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
    /// What the ledger expects to be held of the contracts that it has worked today: held before, and filled.
    /// The broker may still show what was closed.
    pub expected: &'a BTreeMap<OptionSymbol, i64>,
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
    /// Neither the legs nor whoever wants it say whether it is a credit or a debit.
    #[error("effect: got none, expected credit or debit for {package}")]
    NoDirection {
        /// The package.
        package: Package,
    },
    /// The package has no usable price.
    #[error("price: the mid is {mid}, expected {}", bounds(*.most_worth))]
    NoPrice {
        /// The mid.
        mid: Price,
        /// What no price of it reaches, where there is a bound.
        most_worth: Option<Price>,
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
    /// The broker's positions do not hold what the ledger says was filled: one of them is behind, or somebody
    /// closed it.
    #[error("{symbol}: the broker shows {shown} contracts, the ledger has filled {filled} today")]
    BrokerShowsLess {
        /// The leg.
        symbol: OptionSymbol,
        /// Held at the broker.
        shown: i64,
        /// Filled by the ledger's account.
        filled: i64,
    },
    /// A leg would close what is not held.
    #[error("{symbol}: closing {wanted} contracts, there are {held} to close")]
    ClosesMoreThanHeld {
        /// The leg.
        symbol: OptionSymbol,
        /// Contracts to close.
        wanted: i64,
        /// Contracts that may be closed: held at the broker, and by the ledger where it knows them.
        held: i64,
    },
    /// A leg would close the long that covers a short, and the short stays.
    #[error("{right}: closing leaves {bare} short contracts without a long that covers them")]
    UncoversShort {
        /// Put or call.
        right: Right,
        /// Contracts.
        bare: i64,
    },
    /// Nothing bounds what the day's packages can lose.
    #[error("worst loss: nothing bounds it: {0}")]
    Unbounded(String),
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

/// Approves one package: capability, foreign orders, positions that hold the day's fills and what is to be
/// closed, price, envelope, and the worst loss it adds.
///
/// # Errors
/// [`Refusal`] names what came and what was expected.
pub fn approve(
    package: impl Into<Package>,
    quantity: u32,
    nbbo: PackageNbbo,
    book: Book<'_>,
    limits: Limits,
) -> Result<Approved<Intent>, Refusal> {
    let package = package.into();
    if quantity == 0 {
        return Err(Refusal::NothingToSend);
    }
    let effect = package.effect().ok_or(Refusal::NoDirection { package })?;
    let capabilities = book.capabilities;
    let kind = match effect {
        Effect::Credit => OrderKind::NetCredit,
        Effect::Debit => OrderKind::NetDebit,
    };
    capabilities.takes(package.legs().len(), quantity, kind)?;
    if let Some(symbol) = package.symbols().find(|symbol| book.foreign.contains(symbol)) {
        return Err(Refusal::ForeignOrder { symbol });
    }
    for (leg, ratio) in package.legs() {
        let of = |held: &BTreeMap<OptionSymbol, i64>| held.get(&leg.symbol).copied().unwrap_or_default();
        let (shown, filled) = (of(book.positions), of(book.ledger));
        match leg.position {
            PositionEffect::Open if filled != 0 && shown * filled.signum() < filled.abs() => {
                return Err(Refusal::BrokerShowsLess { symbol: leg.symbol, shown, filled });
            }
            PositionEffect::Open => {}
            PositionEffect::Close => {
                let expected = book.expected.get(&leg.symbol).copied().unwrap_or(shown);
                let there = |held: i64| (held * -leg.action.sign()).max(0);
                let held = there(shown).min(there(expected));
                // Packages approved before may close the same contract: together they close no more.
                let wanted = i64::from(*ratio) * i64::from(quantity) + closing(book.approved, *leg);
                if held < wanted {
                    return Err(Refusal::ClosesMoreThanHeld { symbol: leg.symbol, wanted, held });
                }
            }
        }
    }
    let rule = PriceRule::for_root(package.root())
        .ok_or_else(|| Refusal::NoTickTable { root: package.root().to_owned() })?;
    // The broker's step, where it is the coarser one.
    let tick = std::cmp::max_by_key(rule.tick_of(&package), capabilities.tick(package.root())?, |tick| {
        tick.points()
    });
    let (most_worth, mid) = (package.most_worth().map(Price::new), nbbo.mid);
    if mid <= Price::ZERO || most_worth.is_some_and(|most| mid >= most) {
        return Err(Refusal::NoPrice { mid, most_worth });
    }
    let step = Price::new(tick.points());
    let worst_price = match effect {
        Effect::Credit => tick.ceil(mid - limits.envelope).max(step),
        Effect::Debit => {
            let ceiling = tick.floor(mid + limits.envelope);
            most_worth.map_or(ceiling, |most| ceiling.min(most - step))
        }
    };
    let mut intent = Intent {
        package,
        effect,
        quantity,
        decision_mid: mid,
        worst_price,
        tick,
        most_worth,
        worst_loss_added: Decimal::ZERO,
    };
    intent.worst_loss_added = worst_loss(&intent, book)?;
    let most = (book.equity * limits.worst_loss_share).round_dp(2);
    if intent.worst_loss_added > most {
        return Err(Refusal::WorstLoss {
            added: intent.worst_loss_added,
            most,
            share: limits.worst_loss_share,
            equity: book.equity,
        });
    }
    Ok(Approved(intent))
}

/// Contracts that these packages close of a leg's contract, the same way.
fn closing(approved: &[Approved<Intent>], leg: Leg) -> i64 {
    let of = |intent: &Approved<Intent>| {
        let same = intent.get().package.legs().iter().filter(|(other, _)| *other == leg);
        same.map(|(_, ratio)| i64::from(*ratio) * i64::from(intent.get().quantity)).sum::<i64>()
    };
    approved.iter().map(of).sum()
}

fn bounds(most_worth: Option<Price>) -> String {
    most_worth.map_or_else(
        || "more than 0".to_owned(),
        |most| format!("more than 0 and less than the width {most}"),
    )
}

/// The most dollars that the day's packages can lose at expiry, over every settlement of every expiry: this
/// package alone, and together with those approved before (either may fill without the other). What the
/// account holds counts neither against them nor for them: a loss that is there already must not hide one
/// that is added.
fn worst_loss(intent: &Intent, book: Book<'_>) -> Result<Decimal, Refusal> {
    let mut all: Vec<&Intent> = book.approved.iter().map(Approved::get).collect();
    all.push(intent);
    let opens = loss(&[intent])?.max(loss(&all)?);
    if !closes_anything(intent) {
        return Ok(opens);
    }
    // What a leg closes may have covered something else that is held.
    Ok(opens.max(uncovered(&[intent], book.positions)?).max(uncovered(&all, book.positions)?))
}

fn closes_anything(intent: &Intent) -> bool {
    intent.package.legs().iter().any(|(leg, _)| leg.position == PositionEffect::Close)
}

/// What the legs that open can lose. Those that close free nothing: they may not fill.
fn loss(intents: &[&Intent]) -> Result<Decimal, Refusal> {
    let opening: Vec<&Intent> =
        intents.iter().copied().filter(|intent| !intent.package.only_closes()).collect();
    let mut held = BTreeMap::<OptionSymbol, i64>::new();
    for intent in &opening {
        for (leg, ratio) in
            intent.package.legs().iter().filter(|(leg, _)| leg.position == PositionEffect::Open)
        {
            *held.entry(leg.symbol).or_default() +=
                leg.action.sign() * i64::from(*ratio) * i64::from(intent.quantity);
        }
    }
    if let Some(expiry) = unbounded_expiries(&held).first() {
        return Err(Refusal::Unbounded(format!("more calls of {expiry} are short than long")));
    }
    Ok(dollars(-least_worth(&held) - cash(&opening)))
}

/// What is lost more at the worst after these packages than before them, with all that the account holds of
/// their root. Puts and calls are looked at apart, and shorts are counted as well as settled: whatever else
/// the account loses must not hide that a short is left without the long that covered it.
fn uncovered(intents: &[&Intent], positions: &BTreeMap<OptionSymbol, i64>) -> Result<Decimal, Refusal> {
    let of_root = |symbol: &OptionSymbol| intents.iter().any(|intent| intent.package.root() == symbol.root());
    let (mut more, mut all) = (Decimal::ZERO, Decimal::ZERO);
    for right in [Right::Put, Right::Call] {
        let mut before = positions.clone();
        before.retain(|symbol, _| symbol.right() == right && of_root(symbol));
        let mut after = before.clone();
        for intent in intents {
            let contracts = intent.package.contracts().into_iter();
            for (symbol, contracts) in contracts.filter(|(symbol, _)| symbol.right() == right) {
                *after.entry(symbol).or_default() += contracts * i64::from(intent.quantity);
            }
        }
        let (bare, bare_before) = (bare_shorts(&after), bare_shorts(&before));
        if bare > bare_before {
            return Err(Refusal::UncoversShort { right, bare: bare - bare_before });
        }
        let difference = least_worth(&before) - least_worth(&after);
        more += difference.max(Decimal::ZERO);
        all += difference;
    }
    // What puts lose less does not make good what calls lose more: the index settles on one side.
    let difference = if more.is_zero() { all } else { more };
    Ok(dollars(difference - cash(intents)))
}

/// Contracts of one right that are short without a long that lives as long.
fn bare_shorts(contracts: &BTreeMap<OptionSymbol, i64>) -> i64 {
    let mut by_expiry: BTreeMap<jiff::civil::Date, (i64, i64)> = BTreeMap::new();
    for (symbol, quantity) in contracts {
        let (long, short) = by_expiry.entry(symbol.expiry()).or_default();
        *long += quantity.max(&0);
        *short += (-quantity).max(0);
    }
    let (mut free, mut bare) = (0, 0);
    for (long, short) in by_expiry.values().rev() {
        free += long;
        bare += (short - free).max(0);
        free = (free - short).max(0);
    }
    bare
}

/// What comes in, in points, each package at its worst price.
fn cash(intents: &[&Intent]) -> Decimal {
    let each = intents.iter().map(|intent| {
        let paid = intent.worst_price.points() * Decimal::from(intent.quantity);
        if intent.effect == Effect::Credit { paid } else { -paid }
    });
    each.sum()
}

fn dollars(points: Decimal) -> Decimal {
    (points * Decimal::ONE_HUNDRED).max(Decimal::ZERO).round_dp(2)
}

/// The least that contracts can be worth at expiry, each expiry settling where it is worst; no higher than at
/// its highest strike, above which short calls lose for ever.
fn least_worth(contracts: &BTreeMap<OptionSymbol, i64>) -> Decimal {
    let expiries: BTreeSet<_> = contracts.keys().map(OptionSymbol::expiry).collect();
    let least = expiries.into_iter().map(|expiry| {
        let mut of_expiry = contracts.clone();
        of_expiry.retain(|symbol, _| symbol.expiry() == expiry);
        corners(&of_expiry).map(|settle| settlement_value(&of_expiry, settle)).min().unwrap_or_default()
    });
    least.sum()
}

/// Expiries in which the account already holds more calls short than long: its loss has no floor. That is the
/// user's own doing; the run warns of it and goes on.
#[must_use]
pub fn unbounded_expiries(positions: &BTreeMap<OptionSymbol, i64>) -> BTreeSet<jiff::civil::Date> {
    let mut calls: BTreeMap<jiff::civil::Date, i64> = BTreeMap::new();
    for (symbol, held) in positions.iter().filter(|(symbol, _)| symbol.right() == Right::Call) {
        *calls.entry(symbol.expiry()).or_default() += held;
    }
    calls.into_iter().filter(|(_, net)| *net < 0).map(|(expiry, _)| expiry).collect()
}

impl Approved<Intent> {
    /// The order of one rung: on tick, inside the envelope, no more than what is left of the approved
    /// quantity.
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
        if price <= Price::ZERO || intent.most_worth.is_some_and(|most| price >= most) {
            return wrong(bounds(intent.most_worth));
        }
        let effect = intent.effect;
        match effect {
            Effect::Credit if price < intent.worst_price => wrong(format!("{} or more", intent.worst_price)),
            Effect::Debit if price > intent.worst_price => wrong(format!("{} or less", intent.worst_price)),
            _ => Ok(Approved(PackageOrder { package: intent.package, effect, quantity, price })),
        }
    }
}

#[cfg(test)]
mod tests;
