//! Quotes that may make a price: of securities that trade, fresh, two-sided, uncrossed, and not so wide that
//! their middle says nothing.

use gamma_market::{LegQuote, OptionSymbol, Package, PackageNbbo, Price, PriceRule, QuoteBook, QuoteState};
use jiff::{SignedDuration, Timestamp};

use crate::profile::ExecutionProfile;

/// Why a leg's quote makes no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteFault {
    /// The broker gave none.
    #[error("{symbol}: no quote")]
    Missing {
        /// The leg.
        symbol: OptionSymbol,
    },
    /// Bid or ask is absent, or negative, or the bid is above the ask, or the ask is zero: nobody sells for
    /// nothing.
    #[error("{symbol}: got bid {} and ask {}, expected both, the ask above 0 and the bid no higher than it", shown(*.bid), shown(*.ask))]
    NotTwoSided {
        /// The leg.
        symbol: OptionSymbol,
        /// Its bid in points.
        bid: Option<Price>,
        /// Its ask in points.
        ask: Option<Price>,
    },
    /// Its market does not trade, or is shown late.
    #[error("{symbol}: the broker says that its quote is {}", words(*.state))]
    NotLive {
        /// The leg.
        symbol: OptionSymbol,
        /// What the broker says.
        state: QuoteState,
    },
    /// The exchange changed it too long ago.
    #[error("{symbol}: its quote is {age} s old, expected {most} at most")]
    Old {
        /// The leg.
        symbol: OptionSymbol,
        /// Its age in seconds.
        age: i64,
        /// The profile's limit.
        most: u32,
    },
    /// Bid and ask are too far apart.
    #[error("{symbol}: got bid {bid} and ask {ask}, expected them {most} points apart at most")]
    Wide {
        /// The leg.
        symbol: OptionSymbol,
        /// Its bid in points.
        bid: Price,
        /// Its ask in points.
        ask: Price,
        /// The profile's limit in points.
        most: Price,
    },
    /// No price steps are known for the root.
    #[error("{symbol}: no tick table for its root")]
    NoTickTable {
        /// The leg.
        symbol: OptionSymbol,
    },
}

fn shown(price: Option<Price>) -> String {
    price.map_or_else(|| "nothing".to_owned(), |price| price.to_string())
}

const fn words(state: QuoteState) -> &'static str {
    match state {
        QuoteState::Live => "live",
        QuoteState::Delayed => "delayed",
        QuoteState::Halted => "of a halted security",
    }
}

/// What is wrong with the quote of one leg at `now`; `None` when it may make a price. A quote that does not
/// say how old it is counts as fresh: it was read a moment ago.
#[must_use]
pub fn leg_fault(
    symbol: OptionSymbol,
    quote: Option<&LegQuote>,
    now: Timestamp,
    profile: &ExecutionProfile,
) -> Option<QuoteFault> {
    let Some(quote) = quote else { return Some(QuoteFault::Missing { symbol }) };
    if quote.state != QuoteState::Live {
        return Some(QuoteFault::NotLive { symbol, state: quote.state });
    }
    let Some((bid, ask)) = quote.two_sided().filter(|(_, ask)| *ask > Price::ZERO) else {
        return Some(QuoteFault::NotTwoSided { symbol, bid: quote.bid, ask: quote.ask });
    };
    if ask - bid > profile.widest_leg {
        return Some(QuoteFault::Wide { symbol, bid, ask, most: profile.widest_leg });
    }
    let age = quote.at.map_or(SignedDuration::ZERO, |at| now.duration_since(at)).as_secs();
    let most = profile.oldest_quote_seconds;
    (age > i64::from(most)).then_some(QuoteFault::Old { symbol, age, most })
}

/// The NBBO of a package at `now`, in its own direction.
///
/// # Errors
/// The first leg whose quote makes no price, and why.
pub fn package(
    package: &Package,
    book: &QuoteBook,
    now: Timestamp,
    profile: &ExecutionProfile,
) -> Result<PackageNbbo, QuoteFault> {
    for symbol in package.symbols() {
        if let Some(fault) = leg_fault(symbol, book.get(&symbol), now, profile) {
            return Err(fault);
        }
    }
    let symbol = package.legs()[0].0.symbol;
    let rule = PriceRule::for_root(package.root()).ok_or(QuoteFault::NoTickTable { symbol })?;
    package.nbbo(book, rule.tick_of(package)).ok_or(QuoteFault::Missing { symbol })
}

/// The legs of these packages whose quotes make no price at `now`.
#[must_use]
pub fn gaps(
    packages: &[Package],
    book: &QuoteBook,
    now: Timestamp,
    profile: &ExecutionProfile,
) -> Vec<OptionSymbol> {
    let legs = packages.iter().flat_map(Package::symbols);
    legs.filter(|symbol| leg_fault(*symbol, book.get(symbol), now, profile).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::tests::vertical;

    #[test]
    fn only_a_live_fresh_two_sided_narrow_leg_makes_a_price() {
        let now: Timestamp = "2026-02-11T21:13:31Z".parse().unwrap();
        let profile = ExecutionProfile::default();
        let quote = |bid: Option<i64>, ask: Option<i64>| LegQuote {
            bid: bid.map(Price::cents),
            ask: ask.map(Price::cents),
            ..LegQuote::default()
        };
        let good = quote(Some(410), Some(420));
        let aged =
            |seconds: i64| LegQuote { at: now.checked_sub(SignedDuration::from_secs(seconds)).ok(), ..good };
        for (leg, shown) in [
            (Some(good), "ok"),
            (Some(quote(Some(0), Some(5))), "ok"),
            (Some(quote(Some(420), Some(420))), "ok"),
            (Some(quote(Some(0), Some(200))), "ok"),
            (Some(aged(120)), "ok"),
            // A clock of the exchange's that runs ahead of ours.
            (Some(aged(-3)), "ok"),
            (None, "no quote"),
            (Some(quote(None, Some(420))), "got bid nothing and ask 4.20"),
            (Some(quote(Some(410), None)), "got bid 4.10 and ask nothing"),
            (Some(quote(Some(421), Some(420))), "got bid 4.21 and ask 4.20"),
            (Some(quote(Some(-1), Some(420))), "got bid -0.01"),
            // What brokers show where there is no market; 0.00 is a price of a bid only.
            (Some(quote(Some(0), Some(0))), "got bid 0.00 and ask 0.00"),
            (
                Some(quote(Some(5), Some(900))),
                "got bid 0.05 and ask 9.00, expected them 2.00 points apart at most",
            ),
            (Some(aged(121)), "its quote is 121 s old, expected 120 at most"),
            (Some(LegQuote { state: QuoteState::Halted, ..good }), "a halted security"),
            (Some(LegQuote { state: QuoteState::Delayed, ..good }), "is delayed"),
        ] {
            let [one, other] = vertical().legs();
            for (at, beside) in [(one.symbol, other.symbol), (other.symbol, one.symbol)] {
                let book: QuoteBook = leg
                    .map(|leg| (at, leg))
                    .into_iter()
                    .chain([(beside, quote(Some(100), Some(110)))])
                    .collect();
                let words = package(&vertical().into(), &book, now, &profile)
                    .map_or_else(|fault| fault.to_string(), |_| "ok".to_owned());
                assert!(words.contains(shown), "{leg:?}: got {words}, expected {shown}");
                assert_eq!(
                    gaps(&[vertical().into()], &book, now, &profile),
                    if shown == "ok" { vec![] } else { vec![at] }
                );
            }
        }
    }
}
