//! Packages: one to four option legs that trade as one order at one net price.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Effect, Leg, LegAction, OptionSymbol, PositionEffect, Right, Vertical, settlement_value};

/// Most legs in a package; no broker takes more.
pub const MOST_LEGS: usize = 4;

/// Which form a package has. Brokers want it named, and read the legs accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One leg.
    Single,
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
            Self::Single => "single",
            Self::Vertical => "vertical",
            Self::IronCondor => "iron condor",
            Self::Custom => "custom",
        })
    }
}

/// Legs with their ratios that make a package of a known shape.
///
/// The legs have one order however they were given: the bought ones first, as brokers list them, then by
/// contract. Two packages of the same legs, shape and direction are therefore equal.
///
/// ```
/// use gamma_market::{Effect, Package, Vertical};
/// let put = Vertical::new("SPXW260212P6900".parse()?, "SPXW260212P6895".parse()?)?;
/// let call = Vertical::new("SPXW260212C7000".parse()?, "SPXW260212C7005".parse()?)?;
/// let condor = Package::iron_condor(put, call)?;
/// assert_eq!((condor.legs().len(), condor.effect()), (4, Some(Effect::Credit)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Package {
    shape: Shape,
    /// The first `count` are its legs; behind them stands the first again, without contracts.
    legs: [(Leg, u32); MOST_LEGS],
    count: usize,
    effect: Option<Effect>,
}

/// A package as it is kept.
#[derive(Serialize, Deserialize)]
struct Written {
    shape: Shape,
    effect: Option<Effect>,
    legs: Vec<WrittenLeg>,
}

#[derive(Serialize, Deserialize)]
struct WrittenLeg {
    #[serde(flatten)]
    leg: Leg,
    ratio: u32,
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
    /// More than any broker takes.
    #[error("legs: got {got}, expected at most {MOST_LEGS}")]
    TooMany {
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
    /// Legs that are not of the shape they are said to have.
    #[error("legs: expected those of one {0}")]
    OtherShape(Shape),
}

impl Package {
    /// One leg: bought for a debit, sold for a credit.
    #[must_use]
    pub fn single(leg: Leg) -> Self {
        let effect = match leg.action {
            LegAction::Buy => Effect::Debit,
            LegAction::Sell => Effect::Credit,
        };
        Self::of(Shape::Single, &[(leg, 1)], Some(effect))
    }

    /// A vertical.
    #[must_use]
    pub fn vertical(vertical: Vertical) -> Self {
        Self::of(Shape::Vertical, &one_to_one(&[vertical]), Some(vertical.effect()))
    }

    /// An iron condor of its two wings. Their widths may differ.
    ///
    /// # Errors
    /// [`PackageError::NotACondor`] unless root and expiry agree, both are credits or both debits, and every
    /// put strike is below every call strike. What fails here may still be a [custom](Package::custom)
    /// package.
    pub fn iron_condor(put: Vertical, call: Vertical) -> Result<Self, PackageError> {
        let series = |vertical: &Vertical| (vertical.sell().root().to_owned(), vertical.sell().expiry());
        let sides = (put.right(), call.right()) == (Right::Put, Right::Call);
        if sides && series(&put) == series(&call) && put.effect() == call.effect() && put.high() < call.low()
        {
            return Ok(Self::of(Shape::IronCondor, &one_to_one(&[put, call]), Some(put.effect())));
        }
        Err(PackageError::NotACondor { put, put_effect: put.effect(), call, call_effect: call.effect() })
    }

    /// Any legs, each with the contracts of it in one package. Whether it is a credit or a debit is the
    /// price's to say, or [whoever wants it](Package::directed).
    ///
    /// # Errors
    /// [`PackageError`] unless there are two to four legs, of one root, each contract once, with ratios in
    /// lowest terms.
    pub fn custom(legs: impl IntoIterator<Item = (Leg, u32)>) -> Result<Self, PackageError> {
        let legs: Vec<(Leg, u32)> = legs.into_iter().collect();
        let ([(first, _), rest @ ..], true) = (legs.as_slice(), legs.len() > 1) else {
            return Err(PackageError::TooFew { got: legs.len() });
        };
        if legs.len() > MOST_LEGS {
            return Err(PackageError::TooMany { got: legs.len() });
        }
        if let Some((other, _)) = rest.iter().find(|(leg, _)| leg.symbol.root() != first.symbol.root()) {
            return Err(PackageError::TwoRoots(first.symbol, other.symbol));
        }
        let twice =
            |(leg, _): &&(Leg, u32)| legs.iter().filter(|(other, _)| other.symbol == leg.symbol).count() > 1;
        if let Some((leg, _)) = legs.iter().find(twice) {
            return Err(PackageError::ContractTwice(leg.symbol));
        }
        let ratios: Vec<u32> = legs.iter().map(|(_, ratio)| *ratio).collect();
        if ratios.contains(&0) || ratios.iter().copied().fold(0, greatest_common_divisor) != 1 {
            return Err(PackageError::Ratios(ratios));
        }
        Ok(Self::of(Shape::Custom, &legs, None))
    }

    /// The package in the direction in which it is wanted, where the legs do not say it.
    #[must_use]
    pub const fn directed(self, effect: Effect) -> Self {
        match self.effect {
            Some(_) => self,
            None => Self { effect: Some(effect), ..self },
        }
    }

    /// The same legs, each of them opening, or each closing.
    #[must_use]
    pub fn positioned(mut self, position: PositionEffect) -> Self {
        for (leg, _) in &mut self.legs {
            leg.position = position;
        }
        self
    }

    /// The package that closes what this one opens, or opens what it closes: every leg the other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        let other = |position| match position {
            PositionEffect::Open => PositionEffect::Close,
            PositionEffect::Close => PositionEffect::Open,
        };
        let legs: Vec<_> = self
            .legs()
            .iter()
            .map(|(leg, ratio)| {
                (
                    Leg { symbol: leg.symbol, action: leg.action.opposite(), position: other(leg.position) },
                    *ratio,
                )
            })
            .collect();
        Self::of(self.shape, &legs, self.effect.map(Effect::opposite))
    }

    /// `given` holds one to four legs.
    fn of(shape: Shape, given: &[(Leg, u32)], effect: Option<Effect>) -> Self {
        let mut sorted = given.to_vec();
        sorted.sort_by_key(|(leg, _)| (leg.action, leg.symbol));
        let mut legs = [(sorted[0].0, 0); MOST_LEGS];
        legs[..sorted.len()].copy_from_slice(&sorted);
        Self { shape, legs, count: sorted.len(), effect }
    }

    /// Which form it has.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The legs and how many contracts of each one package has; the bought ones first, then by contract.
    #[must_use]
    pub fn legs(&self) -> &[(Leg, u32)] {
        &self.legs[..self.count]
    }

    /// The contracts of its legs.
    pub fn symbols(&self) -> impl Iterator<Item = OptionSymbol> {
        self.legs().iter().map(|(leg, _)| leg.symbol)
    }

    /// The root that all legs have.
    #[must_use]
    pub fn root(&self) -> &str {
        self.legs[0].0.symbol.root()
    }

    /// Credit or debit, where strikes or whoever wants it decide it.
    #[must_use]
    pub const fn effect(&self) -> Option<Effect> {
        self.effect
    }

    /// What one package does to a position: contracts of each leg, bought ones positive.
    #[must_use]
    pub fn contracts(&self) -> BTreeMap<OptionSymbol, i64> {
        self.legs().iter().map(|(leg, ratio)| (leg.symbol, leg.action.sign() * i64::from(*ratio))).collect()
    }

    /// Whether every leg closes.
    #[must_use]
    pub fn only_closes(&self) -> bool {
        self.legs().iter().all(|(leg, _)| leg.position == PositionEffect::Close)
    }

    /// The two legs of an opening vertical, where it is one.
    #[must_use]
    pub fn as_vertical(&self) -> Option<Vertical> {
        let [(buy, 1), (sell, 1)] = self.legs() else { return None };
        let opens = buy.position == PositionEffect::Open && sell.position == PositionEffect::Open;
        if self.shape == Shape::Vertical && opens {
            Vertical::new(sell.symbol, buy.symbol).ok()
        } else {
            None
        }
    }

    /// It in words: a vertical by its strikes, any other by its legs.
    #[must_use]
    pub fn in_words(&self) -> String {
        self.as_vertical().map_or_else(|| self.to_string(), |vertical| vertical.to_string())
    }

    /// What it can cost or bring at most in its direction, in points, when it is worth what it is worth at
    /// expiry: nobody sells for more than that, and nobody buys. `None` where nothing bounds it: legs of
    /// several expiries, or more calls one way than the other.
    #[must_use]
    pub fn most_worth(&self) -> Option<Decimal> {
        let contracts = self.contracts();
        let expiries: std::collections::BTreeSet<_> = contracts.keys().map(OptionSymbol::expiry).collect();
        let calls: i64 = contracts
            .iter()
            .filter(|(symbol, _)| symbol.right() == Right::Call)
            .map(|(_, quantity)| quantity)
            .sum();
        let (effect, bounded) = (self.effect?, expiries.len() == 1);
        let grows = match effect {
            Effect::Credit => calls < 0,
            Effect::Debit => calls > 0,
        };
        if !bounded || grows {
            return None;
        }
        let worths = corners(&contracts).map(|settle| settlement_value(&contracts, settle));
        match effect {
            Effect::Credit => worths.min().map(|least| -least),
            Effect::Debit => worths.max(),
        }
    }
}

/// The settlements at which the worth of contracts of one expiry can be least or most, but for one above all
/// strikes.
pub fn corners(contracts: &BTreeMap<OptionSymbol, i64>) -> impl Iterator<Item = Decimal> {
    std::iter::once(Decimal::ZERO).chain(contracts.keys().map(|symbol| symbol.strike().points()))
}

impl From<Vertical> for Package {
    fn from(vertical: Vertical) -> Self {
        Self::vertical(vertical)
    }
}

impl From<Package> for Written {
    fn from(package: Package) -> Self {
        let legs =
            package.legs().iter().map(|(leg, ratio)| WrittenLeg { leg: *leg, ratio: *ratio }).collect();
        Self { shape: package.shape, effect: package.effect, legs }
    }
}

impl TryFrom<Written> for Package {
    type Error = PackageError;

    fn try_from(written: Written) -> Result<Self, PackageError> {
        let legs: Vec<(Leg, u32)> =
            written.legs.into_iter().map(|written| (written.leg, written.ratio)).collect();
        if let (Shape::Single, [(leg, 1)]) = (written.shape, &legs[..]) {
            return Ok(Self::single(*leg));
        }
        let any = Self::custom(legs)?;
        let as_said = match written.shape {
            Shape::Custom => return Ok(Self { effect: written.effect, ..any }),
            Shape::Single => None,
            Shape::Vertical => any
                .verticals()
                .filter(|verticals| verticals.len() == 1)
                .map(|verticals| Self::vertical(verticals[0])),
            Shape::IronCondor => match any.verticals().as_deref() {
                Some([put, call]) => Self::iron_condor(*put, *call).ok(),
                _ => None,
            },
        };
        let as_said = as_said.ok_or(PackageError::OtherShape(written.shape))?;
        Ok(Self { legs: any.legs, ..as_said })
    }
}

impl Package {
    /// The verticals that its legs make, puts first, where every leg is one to one and belongs to one.
    fn verticals(&self) -> Option<Vec<Vertical>> {
        if self.legs().iter().any(|(_, ratio)| *ratio != 1) {
            return None;
        }
        let of = |right: Right| {
            let mut legs = self.legs().iter().map(|(leg, _)| leg).filter(|leg| leg.symbol.right() == right);
            let (first, second) = (legs.next(), legs.next());
            match (first, second, legs.next()) {
                (None, ..) => Some(None),
                (Some(buy), Some(sell), None)
                    if buy.action != sell.action && buy.position == sell.position =>
                {
                    Some(Some(Vertical::new(sell.symbol, buy.symbol).ok()?))
                }
                _ => None,
            }
        };
        Some([of(Right::Put)?, of(Right::Call)?].into_iter().flatten().collect())
    }
}

/// `iron condor +1 SPXW260212P6895 +1 SPXW260212C7005 -1 SPXW260212P6900 -1 SPXW260212C7000`; a leg that
/// closes says so.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shape)?;
        for (leg, ratio) in self.legs() {
            let sign = match leg.action {
                LegAction::Buy => '+',
                LegAction::Sell => '-',
            };
            let closes = if leg.position == PositionEffect::Close { " to close" } else { "" };
            write!(f, " {sign}{ratio} {}{closes}", leg.symbol.streamer().trim_start_matches('.'))?;
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
                (Leg::open(symbol.parse().unwrap(), action), signed.unsigned_abs())
            })
            .collect()
    }

    #[test]
    fn every_shape_lists_the_bought_legs_first() {
        let put = vertical("SPXW260212P6900", "SPXW260212P6895");
        let call = vertical("SPXW260212C7000", "SPXW260212C7010");
        let broken_wing = [
            ("SPXW260212P6915", -1),
            ("SPXW260212P6930", 1),
            ("SPXW260212P6905", 2),
            ("SPXW260212P6920", -2),
        ];
        for (package, effect, shown) in [
            (Package::vertical(put), Some(Effect::Credit), "vertical +1 SPXW260212P6895 -1 SPXW260212P6900"),
            (
                Package::iron_condor(put, call).unwrap(),
                Some(Effect::Credit),
                "iron condor +1 SPXW260212P6895 +1 SPXW260212C7010 -1 SPXW260212P6900 -1 SPXW260212C7000",
            ),
            (
                Package::custom(legs(&broken_wing)).unwrap(),
                None,
                "custom +2 SPXW260212P6905 +1 SPXW260212P6930 -1 SPXW260212P6915 -2 SPXW260212P6920",
            ),
        ] {
            assert_eq!((package.effect(), package.to_string().as_str()), (effect, shown));
        }
        let reversed: Vec<_> = legs(&broken_wing).into_iter().rev().collect();
        assert_eq!(
            Package::custom(reversed),
            Package::custom(legs(&broken_wing)),
            "the order they come in says nothing"
        );
    }

    #[test]
    fn only_two_wings_of_one_condor_make_one() {
        let put = vertical("SPXW260212P6900", "SPXW260212P6895");
        let call = vertical("SPXW260212C7000", "SPXW260212C7005");
        let bought = Package::iron_condor(
            vertical("SPXW260212P6895", "SPXW260212P6900"),
            vertical("SPXW260212C7005", "SPXW260212C7000"),
        );
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
            assert!(
                matches!(error, PackageError::NotACondor { .. })
                    && error.to_string().contains("expected a put vertical below"),
                "{why}: {error}"
            );
        }
    }

    #[test]
    fn legs_that_make_no_package_are_named() {
        for (rows, shown) in [
            (vec![], "got 0, expected at least 2"),
            (vec![("SPXW260212P6900", -1)], "got 1, expected at least 2"),
            (vec![("SPXW260212P6900", -1), ("SPX260212P6895", 1)], "expected one root"),
            (
                vec![("SPXW260212P6900", -1), ("SPXW260212P6895", 1), ("SPXW260212P6900", 1)],
                "SPXW  260212P06900000 twice",
            ),
            (vec![("SPXW260212P6900", -2), ("SPXW260212P6895", 4)], "got [2, 4], expected lowest terms"),
            (
                vec![("SPXW260212P6900", -1), ("SPXW260212P6895", 0)],
                "got [1, 0], expected lowest terms and no zero",
            ),
            (vec![("SPXW260212P6900", 0), ("SPXW260212P6895", 0)], "got [0, 0]"),
            (
                vec![
                    ("SPXW260212P6900", 1),
                    ("SPXW260212P6895", 1),
                    ("SPXW260212P6890", 1),
                    ("SPXW260212P6885", 1),
                    ("SPXW260212P6880", 1),
                ],
                "got 5, expected at most 4",
            ),
        ] {
            let error = Package::custom(legs(&rows)).unwrap_err().to_string();
            assert!(error.contains(shown), "{error}");
        }
        let calendar = legs(&[("SPXW260212P6900", -1), ("SPXW260219P6900", 1)]);
        assert_eq!(Package::custom(calendar).unwrap().legs().len(), 2, "two expiries are a package");
    }

    #[test]
    fn what_closes_a_package_is_its_legs_the_other_way() {
        let opening = Package::vertical(vertical("SPXW260212P6900", "SPXW260212P6895"));
        let closing = opening.reversed();
        assert_eq!(closing.to_string(), "vertical +1 SPXW260212P6900 to close -1 SPXW260212P6895 to close");
        assert_eq!(
            (closing.effect(), closing.only_closes(), closing.as_vertical()),
            (Some(Effect::Debit), true, None)
        );
        assert_eq!((closing.reversed(), opening.only_closes()), (opening, false));
    }

    #[test]
    fn a_package_reads_back_as_it_was_written() {
        let put = vertical("SPXW260212P6900", "SPXW260212P6895");
        let condor = Package::iron_condor(put, vertical("SPXW260212C7000", "SPXW260212C7005")).unwrap();
        let custom = Package::custom(legs(&[("SPXW260212P6900", -1), ("SPXW260212P6895", 2)])).unwrap();
        let single = Package::single(Leg::close("SPXW260212P6900".parse().unwrap(), LegAction::Buy));
        for package in [
            put.into(),
            Package::vertical(put).reversed(),
            condor,
            condor.reversed(),
            custom,
            custom.directed(Effect::Debit),
            single,
        ] {
            let text = serde_json::to_string(&package).unwrap();
            assert_eq!(serde_json::from_str::<Package>(&text).unwrap(), package, "{text}");
        }
        let other = serde_json::to_string(&custom).unwrap().replace("custom", "vertical");
        assert!(
            serde_json::from_str::<Package>(&other)
                .unwrap_err()
                .to_string()
                .contains("expected those of one vertical")
        );
    }

    #[test]
    fn a_price_is_bounded_by_what_the_package_can_be_worth() {
        let leg = |symbol: &str, action| Package::single(Leg::open(symbol.parse().unwrap(), action));
        let calendar = Package::custom(legs(&[("SPXW260212P6900", -1), ("SPXW260219P6900", 1)])).unwrap();
        for (package, most) in [
            (Package::vertical(vertical("SPXW260212P6900", "SPXW260212P6895")), Some(5)),
            (Package::vertical(vertical("SPXW260212C6895", "SPXW260212C6900")).reversed(), Some(5)),
            (leg("SPXW260212P6900", LegAction::Sell), Some(6900)),
            (leg("SPXW260212P6900", LegAction::Buy), Some(6900)),
            (leg("SPXW260212C6900", LegAction::Sell), None),
            (leg("SPXW260212C6900", LegAction::Buy), None),
            (calendar.directed(Effect::Debit), None),
            (calendar, None),
        ] {
            assert_eq!(package.most_worth(), most.map(Decimal::from), "{package}");
        }
    }
}
