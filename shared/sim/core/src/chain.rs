//! Option chains from files: the real quotes a simulated market starts from.
//!
//! Two file layouts are read, told apart by their header line: one row a strike with both rights, and one row
//! a contract. `data/README.md` describes the two embedded files.

mod columns;
mod parse;

use std::collections::BTreeMap;

use gamma_market::{OptionSymbol, Price, Right, Strike};
use jiff::civil::Date;

pub use parse::ChainError;

/// The root of every series in a chain.
pub const ROOT: &str = "SPXW";

/// Lines of `spxw-2025-09-03.csv` that list every strike of expiry 2025-09-10 a second time with other
/// quotes. Their prices lie between those of -10 and -12, so they are most likely another expiry under a
/// wrong label; a market needs one quote a contract.
const LISTED_TWICE: std::ops::RangeInclusive<usize> = 656..=831;

/// The quotes of one trade date: every expiry, right and strike of one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    trade_date: Date,
    series: BTreeMap<(Date, Right), Vec<ListedOption>>,
}

/// One listed contract as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOption {
    /// The strike.
    pub strike: Strike,
    /// Best bid in points. 0.00 is a bid.
    pub bid: Price,
    /// Best ask in points, never below the bid; `None` when nobody offers.
    pub ask: Option<Price>,
    /// Price of the last trade in points, where the file has one.
    pub last: Option<Price>,
    /// Contracts traded that day.
    pub volume: u64,
    /// Contracts open.
    pub open_interest: u64,
}

impl Chain {
    /// The chain of 2025-09-03: expiries 2025-09-04, -05, -10 and -12, the index near 6448.
    ///
    /// # Errors
    /// [`ChainError`]; a test reads both embedded files.
    pub fn spxw_2025_09_03() -> Result<Self, ChainError> {
        let text = include_str!("../data/spxw-2025-09-03.csv");
        let lines = text.lines().zip(1..).filter(|(_, line)| !LISTED_TWICE.contains(line));
        let unambiguous: Vec<_> = lines.map(|(text, _)| text).collect();
        Self::parse("spxw-2025-09-03.csv", &unambiguous.join("\n"))
    }

    /// The chain of 2019-06-26 at 15:45 in New York: expiries 2019-06-26, -28, 07-01 and 07-03, the index
    /// near 2918.
    ///
    /// # Errors
    /// [`ChainError`]; a test reads both embedded files.
    pub fn spxw_2019_06_26() -> Result<Self, ChainError> {
        Self::parse("spxw-2019-06-26-1545.csv", include_str!("../data/spxw-2019-06-26-1545.csv"))
    }

    /// Reads a chain from the text of `file` (a name for messages).
    ///
    /// # Errors
    /// [`ChainError`], which names file, line and field, what came and what was expected.
    pub fn parse(file: &str, text: &str) -> Result<Self, ChainError> {
        parse::chain(file, text)
    }

    /// The same market on another day: each of `expiries` has the quotes of this chain's first expiry.
    #[must_use]
    pub fn dated(&self, trade_date: Date, expiries: impl IntoIterator<Item = Date>) -> Self {
        let first = self.expiries().first().copied().unwrap_or(self.trade_date);
        let series = |expiry| {
            [Right::Put, Right::Call].map(|right| ((expiry, right), self.series(first, right).to_vec()))
        };
        Self { trade_date, series: expiries.into_iter().flat_map(series).collect() }
    }

    /// The day the quotes are of.
    #[must_use]
    pub const fn trade_date(&self) -> Date {
        self.trade_date
    }

    /// The expiries, nearest first.
    #[must_use]
    pub fn expiries(&self) -> Vec<Date> {
        let mut expiries: Vec<_> = self.series.keys().map(|(expiry, _)| *expiry).collect();
        expiries.dedup();
        expiries
    }

    /// The contracts of one expiry and right by rising strike; empty when there are none.
    #[must_use]
    pub fn series(&self, expiry: Date, right: Right) -> &[ListedOption] {
        self.series.get(&(expiry, right)).map_or(&[], Vec::as_slice)
    }

    /// Every expiry and right with its contracts by rising strike.
    pub fn all_series(&self) -> impl Iterator<Item = (Date, Right, &[ListedOption])> {
        self.series.iter().map(|((expiry, right), options)| (*expiry, *right, options.as_slice()))
    }

    /// One contract, `None` when it is not listed.
    #[must_use]
    pub fn option(&self, symbol: &OptionSymbol) -> Option<&ListedOption> {
        if symbol.root() != ROOT {
            return None;
        }
        let series = self.series(symbol.expiry(), symbol.right());
        let at = series.binary_search_by_key(&symbol.strike(), |option| option.strike).ok()?;
        series.get(at)
    }
}

#[cfg(test)]
mod tests;
