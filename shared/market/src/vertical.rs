//! Legs and verticals.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{OptionSymbol, Price, Right, Strike};

/// Whether a package brings cash in or costs cash. Never expressed by a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Cash comes in when the package opens.
    Credit,
    /// Cash goes out when the package opens.
    Debit,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Credit => "credit",
            Self::Debit => "debit",
        })
    }
}

impl Effect {
    /// The other direction.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Credit => Self::Debit,
            Self::Debit => Self::Credit,
        }
    }
}

/// Which way a leg trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegAction {
    /// Bought.
    Buy,
    /// Sold.
    Sell,
}

/// Whether a leg opens a position or closes one that is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionEffect {
    /// Buy to open, sell to open.
    #[default]
    Open,
    /// Buy to close, sell to close.
    Close,
}

impl LegAction {
    /// What one contract of it does to a position: one more, or one less.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// One leg of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Leg {
    /// The contract.
    pub symbol: OptionSymbol,
    /// Bought or sold.
    pub action: LegAction,
    /// Whether that opens or closes.
    #[serde(default)]
    pub position: PositionEffect,
}

impl Leg {
    /// A leg that opens.
    #[must_use]
    pub const fn open(symbol: OptionSymbol, action: LegAction) -> Self {
        Self { symbol, action, position: PositionEffect::Open }
    }

    /// A leg that closes.
    #[must_use]
    pub const fn close(symbol: OptionSymbol, action: LegAction) -> Self {
        Self { symbol, action, position: PositionEffect::Close }
    }
}

/// A two-leg spread in one expiry and right: one contract sold, one bought, different strikes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "VerticalLegs", into = "VerticalLegs")]
pub struct Vertical {
    sell: OptionSymbol,
    buy: OptionSymbol,
}

#[derive(Serialize, Deserialize)]
struct VerticalLegs {
    sell: OptionSymbol,
    buy: OptionSymbol,
}

/// Two legs that do not make a vertical.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "vertical: got sell {sell} and buy {buy}, expected one root, expiry and right with two different strikes"
)]
pub struct VerticalError {
    sell: OptionSymbol,
    buy: OptionSymbol,
}

impl Vertical {
    /// A vertical of two legs.
    ///
    /// # Errors
    /// [`VerticalError`] unless root, expiry and right agree and the strikes differ.
    pub fn new(sell: OptionSymbol, buy: OptionSymbol) -> Result<Self, VerticalError> {
        let same = sell.root() == buy.root() && sell.expiry() == buy.expiry() && sell.right() == buy.right();
        if same && sell.strike() != buy.strike() {
            Ok(Self { sell, buy })
        } else {
            Err(VerticalError { sell, buy })
        }
    }

    /// The leg sold.
    #[must_use]
    pub const fn sell(&self) -> OptionSymbol {
        self.sell
    }

    /// The leg bought.
    #[must_use]
    pub const fn buy(&self) -> OptionSymbol {
        self.buy
    }

    /// Both legs, the bought one first, as brokers list them.
    #[must_use]
    pub const fn legs(&self) -> [Leg; 2] {
        [Leg::open(self.buy, LegAction::Buy), Leg::open(self.sell, LegAction::Sell)]
    }

    /// Put or call.
    #[must_use]
    pub const fn right(&self) -> Right {
        self.sell.right()
    }

    /// The lower strike.
    #[must_use]
    pub fn low(&self) -> Strike {
        self.sell.strike().min(self.buy.strike())
    }

    /// The higher strike.
    #[must_use]
    pub fn high(&self) -> Strike {
        self.sell.strike().max(self.buy.strike())
    }

    /// The distance between the strikes: the most the spread can be worth.
    #[must_use]
    pub fn width(&self) -> Price {
        Price::new(self.high().points() - self.low().points())
    }

    /// Selling the dearer leg is a credit, buying it a debit: for puts the higher strike is dearer, for calls
    /// the lower.
    #[must_use]
    pub fn effect(&self) -> Effect {
        let sells_high = self.sell.strike() > self.buy.strike();
        match (self.right(), sells_high) {
            (Right::Put, true) | (Right::Call, false) => Effect::Credit,
            (Right::Put, false) | (Right::Call, true) => Effect::Debit,
        }
    }

    /// What one unit is worth at expiry when the index settles at `settle`, in points; negative is owed.
    #[must_use]
    pub fn intrinsic(&self, settle: Decimal) -> Decimal {
        intrinsic(self.buy, settle) - intrinsic(self.sell, settle)
    }
}

/// What one contract is worth at expiry when the index settles at `settle`, in points.
#[must_use]
pub(crate) fn intrinsic(symbol: OptionSymbol, settle: Decimal) -> Decimal {
    let strike = symbol.strike().points();
    let value = match symbol.right() {
        Right::Put => strike - settle,
        Right::Call => settle - strike,
    };
    value.max(Decimal::ZERO)
}

/// `SPXW 2026-02-12 put 6895/6900`.
impl fmt::Display for Vertical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {}/{}",
            self.sell.root(),
            self.sell.expiry(),
            self.right(),
            self.low(),
            self.high()
        )
    }
}

impl fmt::Debug for Vertical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vertical(sell {}, buy {})", self.sell, self.buy)
    }
}

impl TryFrom<VerticalLegs> for Vertical {
    type Error = VerticalError;

    fn try_from(legs: VerticalLegs) -> Result<Self, VerticalError> {
        Self::new(legs.sell, legs.buy)
    }
}

impl From<Vertical> for VerticalLegs {
    fn from(vertical: Vertical) -> Self {
        Self { sell: vertical.sell, buy: vertical.buy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertical(sell: &str, buy: &str) -> Result<Vertical, VerticalError> {
        Vertical::new(sell.parse().unwrap(), buy.parse().unwrap())
    }

    #[test]
    fn the_dearer_leg_decides_the_effect() {
        for (sell, buy, effect) in [
            ("SPXW260212P6900", "SPXW260212P6895", Effect::Credit),
            ("SPXW260212P6895", "SPXW260212P6900", Effect::Debit),
            ("SPXW260212C7000", "SPXW260212C7005", Effect::Credit),
            ("SPXW260212C7005", "SPXW260212C7000", Effect::Debit),
        ] {
            let spread = vertical(sell, buy).unwrap();
            assert_eq!(spread.effect(), effect, "{spread:?}");
            assert_eq!(spread.width(), Price::cents(500));
        }
    }

    #[test]
    fn legs_that_do_not_belong_together_are_refused() {
        for (sell, buy) in [
            ("SPXW260212P6900", "SPXW260212P6900"),
            ("SPXW260212P6900", "SPXW260212C6895"),
            ("SPXW260212P6900", "SPXW260213P6895"),
            ("SPXW260212P6900", "SPX260212P6895"),
        ] {
            assert!(vertical(sell, buy).is_err(), "{sell} {buy}");
        }
    }

    #[test]
    fn intrinsic_is_bounded_by_the_width() {
        let spread = vertical("SPXW260212P6900", "SPXW260212P6895").unwrap();
        for (settle, worth) in [(6950, 0), (6898, -2), (6895, -5), (6000, -5)] {
            assert_eq!(spread.intrinsic(Decimal::from(settle)), Decimal::from(worth));
        }
    }
}
