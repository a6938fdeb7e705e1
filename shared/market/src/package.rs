//! Packages: option legs that trade as one order at one net price.

use std::fmt;

use crate::{Effect, Leg, LegAction, OptionSymbol, Right, Vertical};

/// Which form a package has. Brokers want it named, and read the legs accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Two strikes of one right, one sold and one bought.
    Vertical,
    /// A put vertical below a call vertical, both sold or both bought.
    IronCondor,
    /// Any other.
    Custom,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vertical => "vertical",
            Self::IronCondor => "iron condor",
            Self::Custom => "custom",
        })
    }
}

/// Legs with their ratios that make a package of a known shape.
///
/// The legs have one order however they were given: the bought ones first, as brokers list them, then by contract. Two packages of the
/// same legs and shape are therefore equal.
///
/// ```
/// use gamma_market::{Effect, Package, Vertical};
/// let put = Vertical::new("SPXW260212P6900".parse()?, "SPXW260212P6895".parse()?)?;
/// let call = Vertical::new("SPXW260212C7000".parse()?, "SPXW260212C7005".parse()?)?;
/// let condor = Package::iron_condor(put, call)?;
/// assert_eq!((condor.legs().len(), condor.effect()), (4, Some(Effect::Credit)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    shape: Shape,
    legs: Vec<(Leg, u32)>,
    effect: Option<Effect>,
}

/// Legs that make no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Two verticals that are not the two wings of one condor.
    #[error(
        "iron condor: got {put} ({put_effect}) and {call} ({call_effect}), expected a put vertical below a call vertical of one root and expiry, both credits or both debits"
    )]
    NotACondor {
        /// What was given as the put vertical.
        put: Vertical,
        /// Credit or debit.
        put_effect: Effect,
        /// What was given as the call vertical.
        call: Vertical,
        /// Credit or debit.
        call_effect: Effect,
    },
    /// One leg or none.
    #[error("legs: got {got}, expected at least 2")]
    TooFew {
        /// How many.
        got: usize,
    },
    /// One contract in two legs: what is meant may be one leg, or none.
    #[error("legs: got {0} twice, expected each contract once")]
    ContractTwice(OptionSymbol),
    /// Two roots: they have no common tick, and perhaps no common settlement.
    #[error("legs: got {0} and {1}, expected one root")]
    TwoRoots(OptionSymbol, OptionSymbol),
    /// Ratios that are not in lowest terms: how many packages that is would be anybody's guess.
    #[error("ratios: got {0:?}, expected lowest terms and no zero")]
    Ratios(Vec<u32>),
}

impl Package {
    /// A vertical.
    #[must_use]
    pub fn vertical(vertical: Vertical) -> Self {
        Self::of(Shape::Vertical, one_to_one(&[vertical]), Some(vertical.effect()))
    }

    /// An iron condor of its two wings. Their widths may differ.
    ///
    /// # Errors
    /// [`PackageError::NotACondor`] unless root and expiry agree, both are credits or both debits, and every put strike is below
    /// every call strike. What fails here may still be a [custom](Package::custom) package.
    pub fn iron_condor(put: Vertical, call: Vertical) -> Result<Self, PackageError> {
        let series = |vertical: &Vertical| (vertical.sell().root().to_owned(), vertical.sell().expiry());
        let sides = (put.right(), call.right()) == (Right::Put, Right::Call);
        if sides && series(&put) == series(&call) && put.effect() == call.effect() && put.high() < call.low() {
            return Ok(Self::of(Shape::IronCondor, one_to_one(&[put, call]), Some(put.effect())));
        }
        Err(PackageError::NotACondor { put, put_effect: put.effect(), call, call_effect: call.effect() })
    }

    /// Any legs, each with the contracts of it in one package. Whether it is a credit or a debit is the price's to say.
    ///
    /// # Errors
    /// [`PackageError`] unless there are two legs or more, of one root, each contract once, with ratios in lowest terms.
    pub fn custom(legs: impl IntoIterator<Item = (Leg, u32)>) -> Result<Self, PackageError> {
        let legs: Vec<(Leg, u32)> = legs.into_iter().collect();
        let ([(first, _), rest @ ..], true) = (legs.as_slice(), legs.len() > 1) else { return Err(PackageError::TooFew { got: legs.len() }) };
        if let Some((other, _)) = rest.iter().find(|(leg, _)| leg.symbol.root() != first.symbol.root()) {
            return Err(PackageError::TwoRoots(first.symbol, other.symbol));
        }
        let twice = |(leg, _): &&(Leg, u32)| legs.iter().filter(|(other, _)| other.symbol == leg.symbol).count() > 1;
        if let Some((leg, _)) = legs.iter().find(twice) {
            return Err(PackageError::ContractTwice(leg.symbol));
        }
        let ratios: Vec<u32> = legs.iter().map(|(_, ratio)| *ratio).collect();
        if ratios.contains(&0) || ratios.iter().copied().fold(0, greatest_common_divisor) != 1 {
            return Err(PackageError::Ratios(ratios));
        }
        Ok(Self::of(Shape::Custom, legs, None))
    }

    fn of(shape: Shape, mut legs: Vec<(Leg, u32)>, effect: Option<Effect>) -> Self {
        legs.sort_by_key(|(leg, _)| (leg.action, leg.symbol));
        Self { shape, legs, effect }
    }

    /// Which form it has.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The legs and how many contracts of each one package has; the bought ones first, then by contract.
    #[must_use]
    pub fn legs(&self) -> &[(Leg, u32)] {
        &self.legs
    }

    /// Credit or debit where the strikes decide it; `None` for a custom package.
    #[must_use]
    pub const fn effect(&self) -> Option<Effect> {
        self.effect
    }
}

/// `iron condor +1 SPXW260212P6895 +1 SPXW260212C7005 -1 SPXW260212P6900 -1 SPXW260212C7000`.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shape)?;
        for (leg, ratio) in &self.legs {
            let sign = match leg.action {
                LegAction::Buy => '+',
                LegAction::Sell => '-',
            };
            write!(f, " {sign}{ratio} {}", leg.symbol.streamer().trim_start_matches('.'))?;
        }
        Ok(())
    }
}

fn one_to_one(verticals: &[Vertical]) -> Vec<(Leg, u32)> {
    verticals.iter().flat_map(Vertical::legs).map(|leg| (leg, 1)).collect()
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertical(sell: &str, buy: &str) -> Vertical {
        Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap()
    }

    fn legs(rows: &[(&str, i32)]) -> Vec<(Leg, u32)> {
        rows.iter()
            .map(|(symbol, signed)| {
                let action = if *signed < 0 { LegAction::Sell } else { LegAction::Buy };
                (Leg { symbol: symbol.parse().unwrap(), action }, signed.unsigned_abs())
            })
            .collect()
    }

    #[test]
    fn every_shape_lists_the_bought_legs_first() {
        let put = vertical("SPXW260212P6900", "SPXW260212P6895");
        let call = vertical("SPXW260212C7000", "SPXW260212C7010");
        let broken_wing = [("SPXW260212P6915", -1), ("SPXW260212P6930", 1), ("SPXW260212P6905", 2), ("SPXW260212P6920", -2)];
        for (package, effect, shown) in [
            (Package::vertical(put), Some(Effect::Credit), "vertical +1 SPXW260212P6895 -1 SPXW260212P6900"),
            (
                Package::iron_condor(put, call).unwrap(),
                Some(Effect::Credit),
                "iron condor +1 SPXW260212P6895 +1 SPXW260212C7010 -1 SPXW260212P6900 -1 SPXW260212C7000",
            ),
            (Package::custom(legs(&broken_wing)).unwrap(), None, "custom +2 SPXW260212P6905 +1 SPXW260212P6930 -1 SPXW260212P6915 -2 SPXW260212P6920"),
        ] {
            assert_eq!((package.effect(), package.to_string().as_str()), (effect, shown));
        }
        let reversed: Vec<_> = legs(&broken_wing).into_iter().rev().collect();
        assert_eq!(Package::custom(reversed), Package::custom(legs(&broken_wing)), "the order they come in says nothing");
    }

    #[test]
    fn only_two_wings_of_one_condor_make_one() {
        let put = vertical("SPXW260212P6900", "SPXW260212P6895");
        let call = vertical("SPXW260212C7000", "SPXW260212C7005");
        let bought = Package::iron_condor(vertical("SPXW260212P6895", "SPXW260212P6900"), vertical("SPXW260212C7005", "SPXW260212C7000"));
        assert_eq!(bought.unwrap().effect(), Some(Effect::Debit));
        for (why, put, call) in [
            ("the wrong way round", call, put),
            ("two puts", put, vertical("SPXW260212P7000", "SPXW260212P7005")),
            ("one sold, one bought", put, vertical("SPXW260212C7005", "SPXW260212C7000")),
            ("two expiries", put, vertical("SPXW260213C7000", "SPXW260213C7005")),
            ("two roots", put, vertical("SPX260212C7000", "SPX260212C7005")),
            ("one strike in both wings", put, vertical("SPXW260212C6900", "SPXW260212C6905")),
            ("wings that overlap", put, vertical("SPXW260212C6895", "SPXW260212C6905")),
        ] {
            let error = Package::iron_condor(put, call).unwrap_err();
            assert!(matches!(error, PackageError::NotACondor { .. }) && error.to_string().contains("expected a put vertical below"), "{why}: {error}");
        }
    }

    #[test]
    fn legs_that_make_no_package_are_named() {
        for (rows, shown) in [
            (vec![], "got 0, expected at least 2"),
            (vec![("SPXW260212P6900", -1)], "got 1, expected at least 2"),
            (vec![("SPXW260212P6900", -1), ("SPX260212P6895", 1)], "expected one root"),
            (vec![("SPXW260212P6900", -1), ("SPXW260212P6895", 1), ("SPXW260212P6900", 1)], "SPXW  260212P06900000 twice"),
            (vec![("SPXW260212P6900", -2), ("SPXW260212P6895", 4)], "got [2, 4], expected lowest terms"),
            (vec![("SPXW260212P6900", -1), ("SPXW260212P6895", 0)], "got [1, 0], expected lowest terms and no zero"),
            (vec![("SPXW260212P6900", 0), ("SPXW260212P6895", 0)], "got [0, 0]"),
        ] {
            let error = Package::custom(legs(&rows)).unwrap_err().to_string();
            assert!(error.contains(shown), "{error}");
        }
        let calendar = legs(&[("SPXW260212P6900", -1), ("SPXW260219P6900", 1)]);
        assert_eq!(Package::custom(calendar).unwrap().legs().len(), 2, "two expiries are a package");
    }
}
