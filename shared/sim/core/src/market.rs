//! A market that starts on real quotes and moves on from there, the same way for the same seed.
//!
//! At the start every quote is the chain's own. From then on the index walks at random while the market is
//! open, and a contract is quoted where the chain had the contract that lay as far from the index: strike `K`
//! after a shift of `d` points is read off the chain's bid and ask curves at `K − d`. Spreads breathe a
//! little, quotes stay on tick, and neighbouring strikes never offer a free spread. A test may write down how
//! the index moves instead ([`Path`]), and list shares beside the chain ([`Share`]).

mod curve;
mod instrument;
mod path;
mod walk;

use std::sync::Arc;

use gamma_market::{LegQuote, OptionSymbol, Price, QuoteBook, Right, Strike};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::chain::{Chain, ListedOption, ROOT};
use crate::random::Stream;
use curve::Curve;
use instrument::ListedShare;
use walk::Walk;

pub use instrument::{Instrument, Share};
pub use path::{Path, PathPoint};
pub use walk::session_of;

/// The simulated market. What it quotes depends on chain, seed, start and the second it stands at, and on
/// nothing else: reading it changes nothing, and one long step ends where many short ones do.
#[derive(Debug, Clone)]
pub struct Market {
    chain: Arc<Chain>,
    seed: u64,
    curves: Arc<[Curve]>,
    level: Price,
    walk: Walk,
    shares: Vec<ListedShare>,
}

impl Market {
    /// A market that shows the chain's own quotes at `start` (whole seconds; a fraction is dropped).
    #[must_use]
    pub fn new(chain: Chain, seed: u64, start: Timestamp) -> Self {
        let curves = (0..)
            .zip(chain.all_series())
            .map(|(index, (expiry, right, options))| Curve::new(index, expiry, right, options))
            .collect();
        let walk = Walk::new(&Path::Seeded, seed, Stream::Walk, start);
        Self { level: parity_level(&chain), chain: Arc::new(chain), seed, curves, walk, shares: Vec::new() }
    }

    /// The same with an index that goes along `path` from here on, and options that follow it. For a market
    /// at its start.
    #[must_use]
    pub fn along(mut self, path: &Path) -> Self {
        self.walk = Walk::new(path, self.seed, Stream::Walk, self.now());
        self
    }

    /// The same with a share beside the chain from here on; one of the same ticker is replaced.
    #[must_use]
    pub fn with_share(mut self, share: Share) -> Self {
        let place =
            self.shares.iter().position(|listed| listed.is(&share.ticker)).unwrap_or(self.shares.len());
        let listed = ListedShare::new(share, self.seed, u16::try_from(place).unwrap_or(u16::MAX), self.now());
        match self.shares.get_mut(place) {
            Some(replaced) => *replaced = listed,
            None => self.shares.push(listed),
        }
        self
    }

    /// Steps second by second to `now`. A time before the market's own changes nothing.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.walk.advance_to(now);
        for share in &mut self.shares {
            share.advance_to(now);
        }
    }

    /// The second the market stands at.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.walk.now()
    }

    /// The chain it started from.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The level of the index in points, to the cent: put-call parity of the chain plus the walk.
    #[must_use]
    pub fn underlying(&self) -> Price {
        Price::new((self.level.points() + thousandths(self.walk.shift()).points()).round_dp(2))
    }

    /// How far the index has moved since the start, in points.
    #[must_use]
    pub fn shift(&self) -> Price {
        thousandths(self.walk.shift())
    }

    /// What a share stands at in dollars, to the cent; `None` when it is not listed.
    #[must_use]
    pub fn share_price(&self, ticker: &str) -> Option<Price> {
        self.shares.iter().find(|share| share.is(ticker)).map(ListedShare::price)
    }

    /// The quote of anything the market knows, `None` when it is not listed.
    #[must_use]
    pub fn quote_of(&self, instrument: &Instrument) -> Option<LegQuote> {
        match instrument {
            Instrument::Option(symbol) => self.quote(symbol),
            Instrument::Share(ticker) => {
                self.shares.iter().find(|share| share.is(ticker)).map(ListedShare::quote)
            }
        }
    }

    /// The quote of one contract, `None` when it is not listed.
    #[must_use]
    pub fn quote(&self, symbol: &OptionSymbol) -> Option<LegQuote> {
        if symbol.root() != ROOT {
            return None;
        }
        let quotes = self.series_quotes(symbol.expiry(), symbol.right());
        let at = quotes.binary_search_by_key(&symbol.strike(), |(strike, _)| *strike).ok()?;
        quotes.get(at).map(|(_, quote)| *quote)
    }

    /// The quotes of one expiry and right by rising strike.
    #[must_use]
    pub fn series_quotes(&self, expiry: Date, right: Right) -> Vec<(Strike, LegQuote)> {
        let curve = self.curves.iter().find(|curve| curve.is_of(expiry, right));
        curve.map(|curve| curve.quotes(self.seed, &self.walk)).unwrap_or_default()
    }

    /// The quotes of some contracts at one moment; what is not listed is absent.
    #[must_use]
    pub fn quotes<'a>(&self, symbols: impl IntoIterator<Item = &'a OptionSymbol>) -> QuoteBook {
        symbols.into_iter().filter_map(|symbol| Some((*symbol, self.quote(symbol)?))).collect()
    }
}

/// The index level that put-call parity gives at the strike where put and call of the first expiry cost most
/// nearly the same. A chain without one two-sided pair has level 0.
fn parity_level(chain: &Chain) -> Price {
    let Some(expiry) = chain.expiries().first().copied() else { return Price::ZERO };
    let mid = |option: &ListedOption| option.ask.map(|ask| option.bid.halfway(ask));
    let puts = chain.series(expiry, Right::Put);
    let pairs = chain.series(expiry, Right::Call).iter().filter_map(|call| {
        let at = puts.binary_search_by_key(&call.strike, |put| put.strike).ok()?;
        let difference = mid(call)? - mid(puts.get(at)?)?;
        Some((difference, call.strike))
    });
    pairs
        .min_by_key(|(difference, _)| difference.abs())
        .map_or(Price::ZERO, |(difference, strike)| Price::new(strike.points()) + difference)
}

/// A price of whole thousandths of a point, the unit the curves count in.
pub(crate) fn thousandths(value: i64) -> Price {
    Price::new(Decimal::new(value, 3))
}

#[cfg(test)]
mod tests;
