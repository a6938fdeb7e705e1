//! Quotes of legs and of whole packages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Effect, Leg, LegAction, OptionSymbol, Package, Price, Tick, Vertical};

/// Whether a quote is of a market that trades now, as far as the broker says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuoteState {
    /// It is live, or the broker says nothing else.
    #[default]
    Live,
    /// The broker says that it is delayed (Schwab's `realtime: false`, for one).
    Delayed,
    /// The broker says that the security is halted or closed to trading.
    Halted,
}

/// The best bid and offer of one contract. A side that is absent is unknown; a bid of 0.00 is a price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegQuote {
    /// Best bid in points.
    pub bid: Option<Price>,
    /// Best offer in points.
    pub ask: Option<Price>,
    /// When the exchange last changed it, where the broker says.
    pub at: Option<Timestamp>,
    /// Whether its market trades.
    #[serde(default)]
    pub state: QuoteState,
}

impl LegQuote {
    /// Both sides, when both are there, not negative and not crossed.
    #[must_use]
    pub fn two_sided(&self) -> Option<(Price, Price)> {
        match (self.bid, self.ask) {
            (Some(bid), Some(ask)) if !bid.is_negative() && bid <= ask => Some((bid, ask)),
            _ => None,
        }
    }
}

/// Leg quotes of one moment, read in one batch.
pub type QuoteBook = BTreeMap<OptionSymbol, LegQuote>;

/// The best bid and offer of a package, on tick, derived from its legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageNbbo {
    /// Credit or debit.
    pub effect: Effect,
    /// The lower end, in points. For a credit: what the market pays at once.
    pub bid: Price,
    /// The upper end, in points. For a debit: what the market asks at once.
    pub ask: Price,
    /// Half-way, rounded to the tick.
    pub mid: Price,
}

/// The NBBO of any package of one-to-one legs (docs/reference/strategy.md, Package NBBO).
///
/// Worst cash is what hitting every leg's far side brings (Σ sold bids − Σ bought asks), best cash the near
/// sides (Σ sold asks − Σ bought bids). Both negative or zero: a debit; both positive or zero: a credit;
/// across zero: the sign of the midpoint, with the lower end held at 0. Each end is rounded to `tick`, then
/// the mid of the rounded ends; ties as in [`Tick::round`].
///
/// `None` when a leg has no two-sided quote: unavailable, never invented.
#[must_use]
pub fn package_nbbo(legs: &[Leg], book: &QuoteBook, tick: Tick) -> Option<PackageNbbo> {
    let (worst, best) = cash_range(legs, book)?;
    let (effect, bid, ask) = if best <= Price::ZERO {
        (Effect::Debit, -best, -worst)
    } else if worst >= Price::ZERO {
        (Effect::Credit, worst, best)
    } else if !worst.halfway(best).is_negative() {
        (Effect::Credit, Price::ZERO, best)
    } else {
        (Effect::Debit, Price::ZERO, -worst)
    };
    Some(on_tick(effect, bid, ask, tick))
}

fn cash_range(legs: &[Leg], book: &QuoteBook) -> Option<(Price, Price)> {
    if legs.is_empty() {
        return None;
    }
    let legs: Vec<(Leg, u32)> = legs.iter().map(|leg| (*leg, 1)).collect();
    cash_range_of(&legs, book)
}

fn cash_range_of(legs: &[(Leg, u32)], book: &QuoteBook) -> Option<(Price, Price)> {
    legs.iter().try_fold((Price::ZERO, Price::ZERO), |(worst, best), (leg, ratio)| {
        let (bid, ask) = book.get(&leg.symbol)?.two_sided()?;
        let times = |price: Price| Price::new(price.points() * Decimal::from(*ratio));
        Some(match leg.action {
            LegAction::Sell => (worst + times(bid), best + times(ask)),
            LegAction::Buy => (worst - times(ask), best - times(bid)),
        })
    })
}

fn on_tick(effect: Effect, bid: Price, ask: Price, tick: Tick) -> PackageNbbo {
    let (bid, ask) = (tick.round(bid), tick.round(ask));
    PackageNbbo { effect, bid, ask, mid: tick.round(bid.halfway(ask)) }
}

impl Package {
    /// The NBBO of this package in its own direction, as for a [`Vertical`]; `None` also where its direction
    /// is not said.
    #[must_use]
    pub fn nbbo(&self, book: &QuoteBook, tick: Tick) -> Option<PackageNbbo> {
        let (worst, best) = cash_range_of(self.legs(), book)?;
        let effect = self.effect()?;
        Some(match effect {
            Effect::Credit => on_tick(effect, worst, best, tick),
            Effect::Debit => on_tick(effect, -best, -worst, tick),
        })
    }
}

impl Vertical {
    /// The NBBO of this vertical in its own direction: a credit is quoted as cash in, a debit as cash out.
    /// Unlike [`package_nbbo`] the direction is given by the strikes, so a bid may be negative when the legs'
    /// spreads are wide.
    #[must_use]
    pub fn nbbo(&self, book: &QuoteBook, tick: Tick) -> Option<PackageNbbo> {
        Package::vertical(*self).nbbo(book, tick)
    }
}

/// What a set of contracts is worth at expiry when the index settles at `settle`, in points: Σ quantity ×
/// intrinsic. Quantities are signed, long positive.
#[must_use]
pub fn settlement_value(positions: &BTreeMap<OptionSymbol, i64>, settle: Decimal) -> Decimal {
    positions
        .iter()
        .map(|(symbol, quantity)| Decimal::from(*quantity) * crate::vertical::intrinsic(*symbol, settle))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PUT_HIGH: &str = "SPXW260212P6900";
    const PUT_LOW: &str = "SPXW260212P6895";
    const CALL_LOW: &str = "SPXW260212C7000";
    const CALL_HIGH: &str = "SPXW260212C7005";

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn book(rows: &[(&str, &str, &str)]) -> QuoteBook {
        rows.iter()
            .map(|(symbol, bid, ask)| {
                let side = |text: &str| (!text.is_empty()).then(|| price(text));
                (symbol.parse().unwrap(), LegQuote { bid: side(bid), ask: side(ask), ..LegQuote::default() })
            })
            .collect()
    }

    fn reference_book() -> QuoteBook {
        book(&[
            (PUT_HIGH, "2.00", "2.10"),
            (PUT_LOW, "1.05", "1.15"),
            (CALL_LOW, "1.80", "1.95"),
            (CALL_HIGH, "0.90", "1.00"),
        ])
    }

    fn vertical(sell: &str, buy: &str) -> Vertical {
        Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap()
    }

    fn legs(verticals: &[Vertical]) -> Vec<Leg> {
        verticals.iter().flat_map(Vertical::legs).collect()
    }

    fn shown(nbbo: Option<PackageNbbo>) -> String {
        nbbo.map_or("unavailable".into(), |n| format!("{} {}/{}/{}", n.effect, n.bid, n.ask, n.mid))
    }

    #[test]
    fn reference_vector_21_a_vertical_both_ways() {
        let book = reference_book();
        assert_eq!(shown(vertical(PUT_HIGH, PUT_LOW).nbbo(&book, Tick::NICKEL)), "credit 0.85/1.05/0.95");
        assert_eq!(shown(vertical(PUT_LOW, PUT_HIGH).nbbo(&book, Tick::NICKEL)), "debit 0.85/1.05/0.95");
    }

    #[test]
    fn reference_vectors_23_and_24_four_legs() {
        let book = reference_book();
        let put = vertical(PUT_HIGH, PUT_LOW);
        let call = vertical(CALL_LOW, CALL_HIGH);
        let (long_put, long_call) = (vertical(PUT_LOW, PUT_HIGH), vertical(CALL_HIGH, CALL_LOW));
        for (package, expected) in [
            (legs(&[put, call]), "credit 1.65/2.10/1.90"),
            (legs(&[long_put, long_call]), "debit 1.65/2.10/1.90"),
            (legs(&[put, long_call]), "credit 0.00/0.25/0.10"),
        ] {
            assert_eq!(shown(package_nbbo(&package, &book, Tick::NICKEL)), expected);
        }
    }

    #[test]
    fn incident_a_leg_bid_of_zero_is_a_price() {
        // Reference vector 25 records the old behaviour (package unavailable) as a bug.
        let book = book(&[(PUT_HIGH, "0.05", "0.10"), (PUT_LOW, "0.00", "0.05")]);
        assert_eq!(shown(vertical(PUT_HIGH, PUT_LOW).nbbo(&book, Tick::NICKEL)), "credit 0.00/0.10/0.05");
    }

    #[test]
    fn only_missing_crossed_or_negative_makes_it_unavailable() {
        for rows in [
            vec![(PUT_HIGH, "2.00", "2.10")],
            vec![(PUT_HIGH, "2.00", "2.10"), (PUT_LOW, "", "1.15")],
            vec![(PUT_HIGH, "2.00", ""), (PUT_LOW, "1.05", "1.15")],
            vec![(PUT_HIGH, "2.20", "2.10"), (PUT_LOW, "1.05", "1.15")],
            vec![(PUT_HIGH, "-0.05", "2.10"), (PUT_LOW, "1.05", "1.15")],
        ] {
            assert_eq!(vertical(PUT_HIGH, PUT_LOW).nbbo(&book(&rows), Tick::NICKEL), None, "{rows:?}");
        }
        assert_eq!(package_nbbo(&[], &reference_book(), Tick::NICKEL), None);
    }

    proptest! {
        #[test]
        fn a_package_quote_is_ordered_on_tick_and_mirrors(quotes in proptest::collection::vec((0_i64..4000, 0_i64..100), 4)) {
            let book: QuoteBook = [PUT_HIGH, PUT_LOW, CALL_LOW, CALL_HIGH]
                .iter()
                .zip(&quotes)
                .map(|(symbol, (bid, spread))| {
                    let quote = LegQuote { bid: Some(Price::cents(*bid)), ask: Some(Price::cents(bid + spread)), ..LegQuote::default() };
                    (symbol.parse().unwrap(), quote)
                })
                .collect();
            let credit = vertical(PUT_HIGH, PUT_LOW).nbbo(&book, Tick::NICKEL).unwrap();
            let debit = vertical(PUT_LOW, PUT_HIGH).nbbo(&book, Tick::NICKEL).unwrap();
            prop_assert!(credit.bid <= credit.mid && credit.mid <= credit.ask);
            prop_assert_eq!((credit.bid, credit.ask, credit.mid), (debit.bid, debit.ask, debit.mid));
            let condor = package_nbbo(&legs(&[vertical(PUT_HIGH, PUT_LOW), vertical(CALL_LOW, CALL_HIGH)]), &book, Tick::NICKEL).unwrap();
            prop_assert!(!condor.bid.is_negative() && condor.bid <= condor.mid && condor.mid <= condor.ask);
            for end in [condor.bid, condor.ask, condor.mid] {
                prop_assert!(Tick::NICKEL.holds(end));
            }
        }
    }
}
