//! The ways of faults that have several.

use std::time::Duration;

use gamma_market::{LegQuote, Price, QuoteState};
use jiff::Timestamp;

/// Another order of the same account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Another {
    /// The one with this id, whether it exists or not.
    Id(u64),
    /// The one accepted last before this one.
    Before,
}

/// An answer with status 200 and nothing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// No body.
    Body,
    /// `[]`, at tastytrade an answer whose list of items is empty.
    List,
    /// `{}`.
    Object,
    /// A page for people.
    Page,
}

/// What is wrong with a quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// It is left out without a word.
    Missing,
    /// Nobody bids, and nothing is said of it.
    NoBid,
    /// Nobody offers.
    NoAsk,
    /// The bid is above the ask.
    Crossed,
    /// A bid of 0.05 or what there is, an ask of 9.00 or twice what there is.
    Wide,
    /// Last changed so long ago.
    Old(Duration),
    /// The security is halted.
    Halted,
    /// The quote is a delayed one.
    Delayed,
}

impl Odd {
    /// The quote made odd; `None` when it is left out.
    pub(super) fn of(self, quote: LegQuote, now: Timestamp) -> Option<LegQuote> {
        let twice = |price: Price| price + price;
        match self {
            Self::Missing => None,
            Self::NoBid => Some(LegQuote { bid: None, ..quote }),
            Self::NoAsk => Some(LegQuote { ask: None, ..quote }),
            Self::Crossed => {
                let ask = quote.ask.unwrap_or(Price::cents(10));
                Some(LegQuote { bid: Some(ask + Price::cents(20)), ask: Some(ask), ..quote })
            }
            Self::Wide => {
                let bid = quote.bid.map_or(Price::cents(5), |bid| bid.min(Price::cents(5)));
                Some(LegQuote {
                    bid: Some(bid),
                    ask: quote.ask.map(|ask| twice(ask).max(Price::cents(900))),
                    ..quote
                })
            }
            Self::Old(age) => {
                Some(LegQuote { at: Some(now.checked_sub(age).unwrap_or(Timestamp::MIN)), ..quote })
            }
            Self::Halted => Some(LegQuote { state: QuoteState::Halted, ..quote }),
            Self::Delayed => Some(LegQuote { state: QuoteState::Delayed, ..quote }),
        }
    }
}
