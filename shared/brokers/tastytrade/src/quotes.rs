//! `GET /market-data/by-type` (docs/reference/tastytrade.md, Market data).

use std::collections::BTreeMap;

use gamma_execution::ports::{BrokerError, BrokerFault};
use gamma_http::Request;
use gamma_market::{LegQuote, OptionSymbol, Price, QuoteBook, QuoteState};
use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::broker::Tastytrade;
use crate::chain::SymbolBook;
use crate::client::{failed, real};
use crate::envelope;
use crate::fields::{self, Object};

/// The most symbols of one request.
const MOST_SYMBOLS: usize = 100;

const OPERATION: &str = "GET market-data";

impl Tastytrade {
    /// Quotes from the stream where there is one, then from REST for what it left open. A leg that neither
    /// knows is absent: a price is never invented.
    pub(crate) async fn leg_quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        let names = self.names();
        let mut book = self.streamed(symbols, &names).await;
        let open: Vec<OptionSymbol> =
            symbols.iter().filter(|symbol| !book.get(symbol).is_some_and(is_whole)).copied().collect();
        if open.is_empty() {
            return Ok(book);
        }
        match self.quotes_by_type(&open, &names).await {
            // A leg's two sides are of one moment: the whole quote of one source or of the other.
            Ok(asked) => {
                for (symbol, quote) in asked {
                    let kept = book.entry(symbol).or_insert(quote);
                    if is_whole(&quote) {
                        *kept = quote;
                    }
                }
            }
            Err(error) if book.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, open = open.len(), "quotes that the stream left open could not be read")
            }
        }
        Ok(book)
    }

    async fn streamed(&self, symbols: &[OptionSymbol], names: &SymbolBook) -> QuoteBook {
        let Some(stream) = self.stream.get() else { return QuoteBook::new() };
        let wanted: Vec<_> = symbols.iter().map(|symbol| (*symbol, names.names(symbol).streamer)).collect();
        match stream.quotes(&wanted).await {
            Ok(mut book) => {
                book.retain(|symbol, _| symbols.contains(symbol));
                if book.len() < symbols.len() {
                    tracing::warn!(
                        asked = symbols.len(),
                        came = book.len(),
                        "the quote stream left legs open"
                    );
                }
                book
            }
            Err(error) => {
                tracing::warn!(%error, "the quote stream gave nothing");
                QuoteBook::new()
            }
        }
    }

    async fn quotes_by_type(
        &self,
        symbols: &[OptionSymbol],
        names: &SymbolBook,
    ) -> Result<QuoteBook, BrokerError> {
        let url = format!("{}/market-data/by-type", self.client.base);
        let mut book = QuoteBook::new();
        for chunk in symbols.chunks(MOST_SYMBOLS) {
            let wanted: BTreeMap<String, OptionSymbol> =
                chunk.iter().map(|symbol| (names.names(symbol).api, *symbol)).collect();
            let list = chunk.iter().map(|symbol| names.names(symbol).api).collect::<Vec<_>>().join(",");
            let answer = self
                .client
                .read_urgently(OPERATION, || Request::get(&url).query(&[("equity-option", list.clone())]))
                .await;
            let answer = real(OPERATION, answer)?;
            book.append(
                &mut read(&answer, &wanted, self.client.clock.now())
                    .map_err(|fault| failed(OPERATION, fault))?,
            );
        }
        Ok(book)
    }
}

fn is_whole(quote: &LegQuote) -> bool {
    quote.bid.is_some() && quote.ask.is_some()
}

/// The quotes of `wanted` out of the answer, read at `now`, by the API's names. What the broker does not know
/// has no item and is absent, and so is what does not read as an item: it costs no other leg.
pub(crate) fn read(
    answer: &Value,
    wanted: &BTreeMap<String, OptionSymbol>,
    now: Timestamp,
) -> Result<QuoteBook, BrokerFault> {
    let data = envelope::data(answer, "market data")?;
    let items = data.value("items").and_then(Value::as_array).ok_or_else(|| data.bad("items", "a list"))?;
    let mut book = QuoteBook::new();
    for row in items.iter().filter_map(|item| Object::of(item, "market data").ok()) {
        let Some(symbol) = row.text("symbol").ok().flatten().and_then(|name| wanted.get(name)) else {
            continue;
        };
        book.insert(*symbol, leg_quote(&row, now));
    }
    Ok(book)
}

/// A side that is no price is absent: `"NaN"`, a negative marker, a number beyond every market, nothing.
///
/// A bid of 0.00 is a price: nobody pays anything. An ask of 0.00 is not: nobody sells for nothing.
fn leg_quote(row: &Object<'_>, now: Timestamp) -> LegQuote {
    let price = |key: &str| row.value(key).and_then(fields::price);
    LegQuote {
        bid: price("bid").filter(|bid| !bid.is_negative()),
        ask: price("ask").filter(|ask| *ask > Price::ZERO),
        at: row.time("updated-at").ok().flatten(),
        state: if is_halted(row, now) { QuoteState::Halted } else { QuoteState::Live },
    }
}

/// The flag says it; where there is none, the times do: milliseconds, -1 or 0 for none, and a halt without an
/// end goes on. No field says that a quote is delayed; that shows in its time.
fn is_halted(row: &Object<'_>, now: Timestamp) -> bool {
    if let Some(halted) = row.value("is-trading-halted") {
        // It is a boolean; whatever else stands there is no word for trading as usual.
        return *halted != false && *halted != "false";
    }
    let time =
        |key: &str| row.value(key).and_then(fields::decimal).and_then(|at| at.to_i64()).filter(|at| *at > 0);
    let now = now.as_millisecond();
    time("halt-start-time")
        .is_some_and(|start| start <= now && time("halt-end-time").is_none_or(|end| now < end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAME: &str = "SPXW  260821P05900000";

    fn wanted(names: &[&str]) -> BTreeMap<String, OptionSymbol> {
        names.iter().map(|name| ((*name).to_owned(), name.parse().unwrap())).collect()
    }

    #[test]
    fn a_batch_with_an_index_and_a_symbol_nobody_knows() {
        let answer: Value =
            serde_json::from_str(include_str!("../fixtures/market_data__batch_with_index.json")).unwrap();
        let book =
            read(&answer, &wanted(&[NAME, "SPXW  260821P05895000", "SPXW  260821P05000000"]), Timestamp::MAX)
                .unwrap();
        let shown: Vec<_> = book
            .iter()
            .map(|(symbol, quote)| {
                format!("{symbol} {} {} {}", quote.bid.unwrap(), quote.ask.unwrap(), quote.at.unwrap())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "SPXW  260821P05895000 3.90 4.00 2026-08-20T18:30:05.1Z",
                "SPXW  260821P05900000 4.10 4.20 2026-08-20T18:30:05.1Z"
            ]
        );
    }

    #[test]
    fn zero_is_a_bid_but_no_ask_and_markers_are_absent() {
        for (bid, ask, shown) in [
            (json!("4.1"), json!("4.2"), "4.10 4.20"),
            (json!("0.0"), json!("0.05"), "0.00 0.05"),
            (json!(0), json!("0.0"), "0.00 -"),
            (json!(4.1), json!(4), "4.10 4.00"),
            (json!("NaN"), json!("NaN"), "- -"),
            (json!("-1.0"), json!(-999), "- -"),
            (Value::Null, json!({}), "- -"),
        ] {
            let answer =
                json!({"data": {"items": [{"symbol": NAME, "bid": bid, "ask": ask, "updated-at": 5}]}});
            let book = read(&answer, &wanted(&[NAME]), Timestamp::MAX).unwrap();
            let side = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
            let quote = book.values().next().unwrap();
            assert_eq!(format!("{} {}", side(quote.bid), side(quote.ask)), shown);
        }
    }

    #[test]
    fn only_what_was_asked_for_is_in_the_book() {
        let answer = json!({"data": {"items": [{"symbol": NAME, "bid": "1"}, {"bid": "2"}]}});
        assert!(read(&answer, &wanted(&["SPXW  260821P05895000"]), Timestamp::MAX).unwrap().is_empty());
        assert!(
            read(&json!({"data": []}), &BTreeMap::new(), Timestamp::MAX)
                .unwrap_err()
                .to_string()
                .contains("market data.data: got []")
        );
    }
}
