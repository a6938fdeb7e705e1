//! What an order asks for, in no broker's words.

use gamma_market::{Effect, LegAction, OptionSymbol, Price};

/// An order for some packages: legs with ratios, how many, at what price, for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    legs: Vec<TicketLeg>,
    quantity: u32,
    pricing: Pricing,
    time_in_force: TimeInForce,
}

/// One leg of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketLeg {
    /// The contract.
    pub symbol: OptionSymbol,
    /// Bought or sold.
    pub action: LegAction,
    /// Whether a position is to be opened or closed.
    pub effect: PositionEffect,
    /// Contracts of it in one package, at least one.
    pub ratio: u32,
}

/// Whether a leg opens or closes a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PositionEffect {
    /// `…_TO_OPEN`.
    Opening,
    /// `…_TO_CLOSE`.
    Closing,
}

/// The price of one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pricing {
    /// Whatever the market gives.
    Market,
    /// This credit or more, this debit or less; points, not negative.
    Limit {
        /// Credit or debit; a single leg bought is a debit, sold a credit.
        effect: Effect,
        /// Points.
        price: Price,
    },
}

/// How long an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until the close of the session it works in.
    Day,
    /// Until the series ends.
    GoodTillCancel,
    /// What fills at once; the rest is cancelled.
    ImmediateOrCancel,
    /// All at once or nothing.
    FillOrKill,
}

/// An order that cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// No legs.
    #[error("legs: got none, expected at least one")]
    NoLegs,
    /// One contract in two legs.
    #[error("legs: got {0} twice, expected each contract once")]
    ContractTwice(OptionSymbol),
    /// Zero packages, or a leg of zero contracts.
    #[error("quantity: got 0, expected at least 1")]
    NoQuantity,
    /// Ratios like 2 to 3, whose net price in whole cents not every set of leg prices in whole cents can
    /// make.
    #[error("legs: got no leg with ratio 1, expected at least one")]
    NoUnitLeg,
    /// A limit below zero.
    #[error("price: got {0}, expected a limit that is not negative; credit or debit is said apart")]
    NegativeLimit(Price),
}

impl Ticket {
    /// An order for `quantity` packages of `legs`.
    ///
    /// # Errors
    /// [`TicketError`] when a leg, the quantity or the limit is impossible.
    pub fn new(
        legs: Vec<TicketLeg>,
        quantity: u32,
        pricing: Pricing,
        time_in_force: TimeInForce,
    ) -> Result<Self, TicketError> {
        if legs.is_empty() {
            return Err(TicketError::NoLegs);
        }
        let twice = |leg: &&TicketLeg| legs.iter().filter(|other| other.symbol == leg.symbol).count() > 1;
        if let Some(leg) = legs.iter().find(twice) {
            return Err(TicketError::ContractTwice(leg.symbol));
        }
        if quantity == 0 || legs.iter().any(|leg| leg.ratio == 0) {
            return Err(TicketError::NoQuantity);
        }
        if legs.iter().all(|leg| leg.ratio != 1) {
            return Err(TicketError::NoUnitLeg);
        }
        match pricing {
            Pricing::Limit { price, .. } if price.is_negative() => Err(TicketError::NegativeLimit(price)),
            _ => Ok(Self { legs, quantity, pricing, time_in_force }),
        }
    }

    /// The legs, in the order they were given.
    #[must_use]
    pub fn legs(&self) -> &[TicketLeg] {
        &self.legs
    }

    /// Packages.
    #[must_use]
    pub const fn quantity(&self) -> u32 {
        self.quantity
    }

    /// The price of one package.
    #[must_use]
    pub const fn pricing(&self) -> Pricing {
        self.pricing
    }

    /// How long it stands.
    #[must_use]
    pub const fn time_in_force(&self) -> TimeInForce {
        self.time_in_force
    }

    /// The least cash one package may bring in, in points: a credit's price, or a debit's below zero. `None`
    /// for market orders.
    #[must_use]
    pub(crate) fn least_cash(&self) -> Option<Price> {
        match self.pricing {
            Pricing::Market => None,
            Pricing::Limit { effect: Effect::Credit, price } => Some(price),
            Pricing::Limit { effect: Effect::Debit, price } => Some(-price),
        }
    }

    /// Contracts in one package, all legs together.
    pub fn contracts(&self) -> u32 {
        self.legs.iter().map(|leg| leg.ratio).sum()
    }
}

impl TicketLeg {
    /// Contracts of `packages` packages, negative when sold.
    pub fn signed(&self, packages: u32) -> i64 {
        let contracts = i64::from(self.ratio) * i64::from(packages);
        match self.action {
            LegAction::Buy => contracts,
            LegAction::Sell => -contracts,
        }
    }
}
