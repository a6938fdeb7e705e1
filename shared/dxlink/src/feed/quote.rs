//! The event `Quote`.

use std::str::FromStr;

use gamma_market::{LegQuote, Price};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{Row, text};
use crate::StreamerSymbol;

/// No quote is dearer, in points; arithmetic with legs and quantities stays inside a decimal.
const DEAREST: i64 = 1_000_000_000;

/// The best bid and offer of a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuoteEvent {
    pub(crate) symbol: StreamerSymbol,
    pub(crate) quote: LegQuote,
}

impl QuoteEvent {
    /// `None` for a row of another type, and for one that does not say which symbol it is about.
    ///
    /// A side that is no price is absent: `"NaN"`, an infinity, null, a negative marker, a number beyond
    /// every market, nothing. A bid of 0 is a price, nobody pays anything; an ask of 0 is none, nobody sells
    /// for nothing.
    pub(crate) fn of(row: &Row<'_>) -> Option<Self> {
        if row.kind != "Quote" {
            return None;
        }
        let symbol = row.get("eventSymbol").and_then(text)?.parse().ok()?;
        let side = |field| row.get(field).and_then(price);
        let at = [row.get("bidTime"), row.get("askTime")].into_iter().flatten().filter_map(time).max();
        let (bid, ask) = (
            side("bidPrice").filter(|bid| !bid.is_negative()),
            side("askPrice").filter(|ask| *ask > Price::ZERO),
        );
        let quote = LegQuote { bid, ask, at, ..LegQuote::default() };
        Some(Self { symbol, quote })
    }
}

/// A price from the digits on the wire. Text is read too: it is `"NaN"` or an infinity, which are no prices.
fn price(value: &RawValue) -> Option<Price> {
    let written = value.get();
    let price =
        if written.starts_with('"') { Price::from_str(&text(value)?) } else { Price::from_str(written) }
            .ok()?;
    (price.points().abs() <= DEAREST.into()).then_some(price)
}

/// Milliseconds since 1970; 0 is unknown.
fn time(value: &RawValue) -> Option<Timestamp> {
    let millis = value.get().parse::<i64>().ok().filter(|millis| *millis > 0)?;
    Timestamp::from_millisecond(millis).ok()
}
