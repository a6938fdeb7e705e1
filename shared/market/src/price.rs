//! Prices in option points.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A price or a price difference in option points (one point is 100 dollars on an SPX contract).
///
/// Leg prices are never negative; a package quote can be, where the market crosses zero.
/// Exact decimal, never a float; serialised as a string, so that no reader rounds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(Decimal);

/// A text that is not a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("price: got {text:?}, expected a decimal number of option points such as 1.15")]
pub struct PriceError {
    text: String,
}

impl Price {
    /// Zero points. A bid of zero is a price, not a missing quote.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// A price of `points`.
    #[must_use]
    pub const fn new(points: Decimal) -> Self {
        Self(points)
    }

    /// A price of `cents` hundredths of a point: `Price::cents(115)` is 1.15.
    #[must_use]
    pub fn cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    /// The number of points.
    #[must_use]
    pub const fn points(self) -> Decimal {
        self.0
    }

    /// Dollars for one contract with the usual multiplier of 100.
    #[must_use]
    pub fn dollars_per_contract(self) -> Decimal {
        self.0 * Decimal::ONE_HUNDRED
    }

    /// Half-way between two prices, unrounded.
    #[must_use]
    pub fn halfway(self, other: Self) -> Self {
        Self((self.0 + other.0) / Decimal::TWO)
    }

    /// The price without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < Decimal::ZERO
    }
}

/// Always with two decimals or more, as brokers want it: `1.1` prints as `1.10`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut points = self.0.normalize();
        if points.scale() < 2 {
            points.rescale(2);
        }
        f.pad(&points.to_string())
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Price({self})")
    }
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let trimmed = text.trim();
        Decimal::from_str(trimmed)
            .or_else(|_| Decimal::from_scientific(trimmed))
            .map(Self)
            .map_err(|_| PriceError { text: text.chars().take(40).collect() })
    }
}

impl Add for Price {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Price {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Price {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Price {
    fn sum<I: Iterator<Item = Self>>(prices: I) -> Self {
        prices.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_at_least_two_decimals_and_keeps_the_finer_ones() {
        for (text, shown) in [
            ("1.1", "1.10"),
            ("0", "0.00"),
            ("2.950", "2.95"),
            ("-0.05", "-0.05"),
            ("4.1534", "4.1534"),
            ("1e-1", "0.10"),
        ] {
            assert_eq!(text.parse::<Price>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_price_is_named() {
        for text in ["", "NaN", "1,15", "one"] {
            let error = text.parse::<Price>().unwrap_err();
            assert!(error.to_string().contains("expected a decimal number"), "{error}");
        }
    }

    #[test]
    fn serialises_as_text() {
        assert_eq!(serde_json::to_string(&Price::cents(115)).unwrap(), "\"1.15\"");
    }
}
