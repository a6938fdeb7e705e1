//! A question for quotes and what has come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use gamma_market::LegQuote;

use crate::StreamerSymbol;

/// What came of one question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotes {
    /// The last quote of each leg that has one of two sides, not crossed. All of them came after the
    /// question, on one connection.
    pub complete: BTreeMap<StreamerSymbol, LegQuote>,
    /// The others.
    pub missing: Vec<Missing>,
}

/// A leg without a quote of two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub symbol: StreamerSymbol,
    /// Why.
    pub why: Why,
}

/// Why a leg has no quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The question was not sent in time: the connection was not up, or another question was being answered.
    NotAsked {
        /// What last went wrong with the connection, where something did.
        trouble: Option<String>,
    },
    /// It was asked for and nothing came: an unknown symbol, no permission, or a feed that is stuck. The
    /// protocol says none of these.
    Silent,
    /// A quote came, and it is not of two sides: one is absent, or they are crossed.
    NotTwoSided(LegQuote),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |price: Option<gamma_market::Price>| {
            price.map_or("nothing".to_owned(), |price| price.to_string())
        };
        write!(f, "{}: ", self.symbol)?;
        match &self.why {
            Why::NotAsked { trouble: None } => {
                f.write_str("got no turn, expected a connection within the time given")
            }
            Why::NotAsked { trouble: Some(trouble) } => {
                write!(f, "got no connection ({trouble}), expected one within the time given")
            }
            Why::Silent => f.write_str("got no quote, expected one within the time given"),
            Why::NotTwoSided(quote) => {
                write!(f, "got bid {} and ask {}, expected two sides", side(quote.bid), side(quote.ask))
            }
        }
    }
}

/// A question while it is answered: the task writes, the caller reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    wanted: BTreeSet<StreamerSymbol>,
    asked: bool,
    seen: BTreeMap<StreamerSymbol, LegQuote>,
    trouble: Option<String>,
}

impl Answer {
    pub(crate) fn to(wanted: &[StreamerSymbol]) -> Self {
        Self { wanted: wanted.iter().cloned().collect(), ..Self::default() }
    }

    pub(crate) const fn wanted(&self) -> &BTreeSet<StreamerSymbol> {
        &self.wanted
    }

    /// The question goes out: what came before it does not count.
    pub(crate) fn asked(&mut self) {
        self.asked = true;
        self.seen.clear();
    }

    /// The connection is gone, and what came over it may be old by the time it is back.
    pub(crate) fn lost(&mut self, trouble: Option<String>) {
        self.asked = false;
        self.seen.clear();
        self.trouble = trouble.or(self.trouble.take());
    }

    /// The last quote counts, also when it is worse than the one before.
    pub(crate) fn saw(&mut self, symbol: StreamerSymbol, quote: LegQuote) {
        if self.asked && self.wanted.contains(&symbol) {
            self.seen.insert(symbol, quote);
        }
    }

    fn two_sided(&self, symbol: &StreamerSymbol) -> Option<&LegQuote> {
        self.seen.get(symbol).filter(|quote| quote.two_sided().is_some())
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.wanted.iter().all(|symbol| self.two_sided(symbol).is_some())
    }

    pub(crate) fn quotes(&self) -> Quotes {
        let mut quotes = Quotes::default();
        for symbol in &self.wanted {
            if let Some(quote) = self.two_sided(symbol) {
                quotes.complete.insert(symbol.clone(), *quote);
            } else {
                quotes.missing.push(Missing { symbol: symbol.clone(), why: self.why(symbol) });
            }
        }
        quotes
    }

    fn why(&self, symbol: &StreamerSymbol) -> Why {
        match self.seen.get(symbol) {
            Some(quote) => Why::NotTwoSided(*quote),
            None if self.asked => Why::Silent,
            None => Why::NotAsked { trouble: self.trouble.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamma_market::Price;

    fn quote(bid: Option<i64>, ask: Option<i64>) -> LegQuote {
        LegQuote { bid: bid.map(Price::cents), ask: ask.map(Price::cents), ..LegQuote::default() }
    }

    #[test]
    fn the_last_quote_counts_and_the_rest_says_why() {
        let [good, worse, silent]: [StreamerSymbol; 3] = [".A", ".B", ".C"].map(|text| text.parse().unwrap());
        let mut answer = Answer::to(&[good.clone(), worse.clone(), silent]);
        answer.saw(good.clone(), quote(Some(1), Some(2)));
        assert!(answer.quotes().complete.is_empty(), "it came before the question");
        answer.asked();
        for (symbol, bid, ask) in [
            (&good, Some(410), Some(400)),
            (&good, Some(0), Some(420)),
            (&worse, Some(5), Some(10)),
            (&worse, Some(5), None),
        ] {
            answer.saw(symbol.clone(), quote(bid, ask));
        }
        let quotes = answer.quotes();
        assert_eq!(quotes.complete.keys().collect::<Vec<_>>(), [&good]);
        let shown: Vec<_> = quotes.missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                ".B: got bid 0.05 and ask nothing, expected two sides",
                ".C: got no quote, expected one within the time given"
            ]
        );
        answer.lost(Some("closed by the server".to_owned()));
        let shown: Vec<_> = answer.quotes().missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown[0], ".A: got no connection (closed by the server), expected one within the time given",
            "an old quote is none"
        );
    }
}
