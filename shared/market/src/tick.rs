//! Ticks: the steps prices move in, and rounding to them.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::{Package, Price, Shape};

/// A price step. Always positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Tick(Decimal);

/// A tick that is not positive, or a price that is not on its tick.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TickError {
    /// The step is zero or below.
    #[error("tick: got {0}, expected a step above zero such as 0.05")]
    NotPositive(Decimal),
    /// The price lies between two steps.
    #[error("price: got {price}, expected a multiple of the tick {tick}")]
    OffTick {
        /// The price as it came.
        price: Price,
        /// The step it should be a multiple of.
        tick: Tick,
    },
}

impl Tick {
    /// 0.05: SPX spreads, and SPX single legs below 3.00.
    pub const NICKEL: Self = Self(Decimal::from_parts(5, 0, 0, false, 2));
    /// 0.10: SPX single legs at 3.00 and above.
    pub const DIME: Self = Self(Decimal::from_parts(10, 0, 0, false, 2));
    /// 0.01: XSP.
    pub const PENNY: Self = Self(Decimal::from_parts(1, 0, 0, false, 2));

    /// The step in points.
    #[must_use]
    pub const fn points(self) -> Decimal {
        self.0
    }

    /// The nearest price on this tick. A tie goes to the *even* number of ticks (banker's rounding), so that
    /// a run of mids is not pushed to one side: 0.975 → 1.00 (20 ticks), 1.025 → 1.00 (20 ticks), 0.125 →
    /// 0.10 (2 ticks).
    #[must_use]
    pub fn round(self, price: Price) -> Price {
        self.at(price, RoundingStrategy::MidpointNearestEven)
    }

    /// The highest price on this tick that is not above `price`.
    #[must_use]
    pub fn floor(self, price: Price) -> Price {
        self.at(price, RoundingStrategy::ToNegativeInfinity)
    }

    /// The lowest price on this tick that is not below `price`.
    #[must_use]
    pub fn ceil(self, price: Price) -> Price {
        self.at(price, RoundingStrategy::ToPositiveInfinity)
    }

    fn at(self, price: Price, strategy: RoundingStrategy) -> Price {
        let ticks = (price.points() / self.0).round_dp_with_strategy(0, strategy);
        Price::new(ticks * self.0)
    }

    /// Whether `price` is a whole number of ticks.
    #[must_use]
    pub fn holds(self, price: Price) -> bool {
        (price.points() % self.0).is_zero()
    }

    /// `price` itself, or an error that names it.
    ///
    /// # Errors
    /// [`TickError::OffTick`] when the price lies between two steps.
    pub fn check(self, price: Price) -> Result<Price, TickError> {
        if self.holds(price) { Ok(price) } else { Err(TickError::OffTick { price, tick: self }) }
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl TryFrom<Decimal> for Tick {
    type Error = TickError;

    fn try_from(step: Decimal) -> Result<Self, TickError> {
        if step > Decimal::ZERO { Ok(Self(step)) } else { Err(TickError::NotPositive(step)) }
    }
}

impl From<Tick> for Decimal {
    fn from(tick: Tick) -> Self {
        tick.0
    }
}

/// Which tick applies, by product and by what is traded (Cboe SPX and XSP contract specifications).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PriceRule {
    /// SPX and SPXW: single legs 0.05 below 3.00 and 0.10 from there; packages 0.05.
    Spx,
    /// XSP: 0.01 throughout.
    Xsp,
}

impl PriceRule {
    /// The rule for an option root, `None` where we hold no table for it.
    #[must_use]
    pub fn for_root(root: &str) -> Option<Self> {
        match root {
            "SPX" | "SPXW" => Some(Self::Spx),
            "XSP" | "XSPW" => Some(Self::Xsp),
            _ => None,
        }
    }

    /// The tick of a single leg quoted at `price`.
    #[must_use]
    pub fn leg_tick(self, price: Price) -> Tick {
        match self {
            Self::Spx if price < Price::cents(300) => Tick::NICKEL,
            Self::Spx => Tick::DIME,
            Self::Xsp => Tick::PENNY,
        }
    }

    /// The tick that every price of `package` is on. A single leg's tick grows with its price: the coarser
    /// one fits below and above.
    #[must_use]
    pub fn tick_of(self, package: &Package) -> Tick {
        if package.shape() == Shape::Single { self.leg_tick(Price::cents(300)) } else { self.package_tick() }
    }

    /// The tick of a package's net price.
    #[must_use]
    pub const fn package_tick(self) -> Tick {
        match self {
            Self::Spx => Tick::NICKEL,
            Self::Xsp => Tick::PENNY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn reference_vector_26_nickel_rounding_with_ties_to_even() {
        for (from, to) in [
            ("0.975", "1.00"),
            ("1.025", "1.00"),
            ("0.125", "0.10"),
            ("0.07", "0.05"),
            ("0.026", "0.05"),
            ("-0.075", "-0.10"),
        ] {
            assert_eq!(Tick::NICKEL.round(price(from)), price(to), "{from}");
        }
    }

    #[test]
    fn tick_tables() {
        for (rule, at, tick) in [
            (PriceRule::Spx, "0.00", Tick::NICKEL),
            (PriceRule::Spx, "2.95", Tick::NICKEL),
            (PriceRule::Spx, "3.00", Tick::DIME),
            (PriceRule::Spx, "57.10", Tick::DIME),
            (PriceRule::Xsp, "0.01", Tick::PENNY),
            (PriceRule::Xsp, "12.34", Tick::PENNY),
        ] {
            assert_eq!(rule.leg_tick(price(at)), tick, "{rule:?} {at}");
        }
        assert_eq!(PriceRule::for_root("SPXW").unwrap().package_tick(), Tick::NICKEL);
        assert_eq!(PriceRule::for_root("XSP").unwrap().package_tick(), Tick::PENNY);
        assert_eq!(PriceRule::for_root("QQQ"), None);
    }

    #[test]
    fn an_off_tick_price_is_named() {
        let error = Tick::NICKEL.check(price("1.13")).unwrap_err();
        assert_eq!(error.to_string(), "price: got 1.13, expected a multiple of the tick 0.05");
    }

    proptest! {
        #[test]
        fn rounding_is_on_tick_within_half_a_tick_and_idempotent(mills in -100_000_i64..100_000) {
            let raw = Price::new(Decimal::new(mills, 3));
            for tick in [Tick::PENNY, Tick::NICKEL, Tick::DIME] {
                let rounded = tick.round(raw);
                prop_assert!(tick.holds(rounded));
                prop_assert!((rounded - raw).abs().points() * Decimal::TWO <= tick.points());
                prop_assert_eq!(tick.round(rounded), rounded);
                prop_assert!(tick.floor(raw) <= raw && raw <= tick.ceil(raw));
            }
        }
    }
}
