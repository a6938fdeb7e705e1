//! What can be quoted beside the options of the chain: shares, each with a price and a path of its own.

use std::fmt;

use gamma_market::{LegQuote, OptionSymbol, Price};
use jiff::Timestamp;

use super::curve::in_thousandths;
use super::path::Path;
use super::thousandths;
use super::walk::{Hours, Walk};
use crate::random::Stream;

/// Anything the market can quote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instrument {
    /// One option of the chain.
    Option(OptionSymbol),
    /// A share, by its ticker, such as `SPY`.
    Share(String),
}

impl From<OptionSymbol> for Instrument {
    fn from(symbol: OptionSymbol) -> Self {
        Self::Option(symbol)
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(symbol) => symbol.fmt(f),
            Self::Share(ticker) => f.write_str(ticker),
        }
    }
}

/// A share to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Its ticker.
    pub ticker: String,
    /// Dollars it stands at when the market starts; it never falls below a cent.
    pub price: Price,
    /// Dollars from bid to ask, at least a cent.
    pub spread: Price,
    /// How it moves from there.
    pub path: Path,
}

/// A share as the market keeps it.
#[derive(Debug, Clone)]
pub(super) struct ListedShare {
    share: Share,
    walk: Walk,
}

/// A cent, in thousandths.
const CENT: i64 = 10;

impl ListedShare {
    /// The share at `start`; `index` sets its chances apart from other shares'.
    pub(super) fn new(share: Share, seed: u64, index: u16, start: Timestamp) -> Self {
        // As lively as the index, which takes steps of 0.4 points at about 6450.
        let step = in_thousandths(share.price) * 62 / 1_000_000;
        let walk = Walk::new(&share.path, seed, Stream::Share(index), start)
            .with_step(step.max(1))
            .during(Hours::Shares);
        Self { share, walk }
    }

    pub(super) fn is(&self, ticker: &str) -> bool {
        self.share.ticker == ticker
    }

    pub(super) fn advance_to(&mut self, now: Timestamp) {
        self.walk.advance_to(now);
    }

    /// Dollars, to the cent.
    pub(super) fn price(&self) -> Price {
        thousandths(self.cents() * CENT)
    }

    /// The price in the middle of the spread; of an odd number of cents the ask has the odd one.
    pub(super) fn quote(&self) -> LegQuote {
        let spread = (in_thousandths(self.share.spread) / CENT).max(1);
        let bid = (self.cents() - spread / 2).max(0);
        let side = |cents: i64| Some(thousandths(cents * CENT));
        LegQuote { bid: side(bid), ask: side(bid + spread), at: Some(self.walk.now()), ..LegQuote::default() }
    }

    fn cents(&self) -> i64 {
        ((in_thousandths(self.share.price) + self.walk.shift()) / CENT).max(1)
    }
}
