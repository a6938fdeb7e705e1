//! `GET /marketdata/v1/quotes` (docs/reference/schwab.md, Market data).

use gamma_execution::ports::BrokerFault;
use gamma_market::{LegQuote, OptionSymbol, Price, QuoteBook, QuoteState};
use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::fields::{self, Object};

/// The quotes of `wanted` out of the answer. What the broker does not know (`errors.invalidSymbols`) has no
/// key and is absent from the book.
pub(crate) fn book(answer: &Value, wanted: &[OptionSymbol]) -> Result<QuoteBook, BrokerFault> {
    let rows = answer
        .as_object()
        .ok_or_else(|| crate::fields::FieldError::new("quotes", Some(answer), "an object"))?;
    let mut book = QuoteBook::new();
    for (key, row) in rows {
        let Ok(symbol) = key.parse::<OptionSymbol>() else { continue };
        if !wanted.contains(&symbol) {
            continue;
        }
        // A row that does not read is absent as one that did not come: it costs no other leg its quote.
        let Ok(row) = Object::of(row, "quotes") else { continue };
        if let Ok(Some(quote)) = row.object("quote") {
            book.insert(symbol, LegQuote { state: state(&row, &quote), ..leg_quote(&quote) });
        }
    }
    Ok(book)
}

/// Whether the market that is quoted trades. `Unknown` is what Schwab writes where it keeps no status; any
/// other word than `Normal` is of a security that does not trade, whether we know it or not.
fn state(row: &Object<'_>, quote: &Object<'_>) -> QuoteState {
    // Whether Schwab calls index options "Closed" between 16:00 and 16:15, while they trade, is not known:
    // their quotes' age decides.
    let trades = quote
        .value("securityStatus")
        .is_none_or(|status| matches!(status.as_str(), Some("Normal" | "Unknown" | "Closed")));
    let live = row.value("realtime").is_none_or(|live| *live == Value::Bool(true));
    match (trades, live) {
        (false, _) => QuoteState::Halted,
        (true, false) => QuoteState::Delayed,
        (true, true) => QuoteState::Live,
    }
}

/// A side that is no price is absent: `"NaN"`, a negative marker, a number beyond every market, nothing.
///
/// A bid of 0.00 is a price: nobody pays anything. An ask of 0.00 is not: nobody sells for nothing, Schwab
/// writes 0 where no offer stands.
fn leg_quote(quote: &Object<'_>) -> LegQuote {
    let price = |key: &str| quote.value(key).and_then(fields::price);
    LegQuote {
        bid: price("bidPrice").filter(|bid| !bid.is_negative()),
        ask: price("askPrice").filter(|ask| *ask > Price::ZERO),
        at: quote
            .value("quoteTime")
            .and_then(fields::decimal)
            .and_then(|millis| millis.to_i64())
            .filter(|millis| *millis > 0)
            .and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        ..LegQuote::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const NAME: &str = "SPXW  260821P05900000";

    fn quote(bid: Value, ask: Value) -> String {
        let answer = json!({NAME: {"quote": {"bidPrice": bid, "askPrice": ask}}});
        let book = book(&answer, &[NAME.parse().unwrap()]).unwrap();
        let quote = book.values().next().unwrap();
        let side = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
        format!("{} {}", side(quote.bid), side(quote.ask))
    }

    #[test]
    fn a_batch_with_an_index_and_a_symbol_nobody_knows() {
        let answer: Value =
            serde_json::from_str(include_str!("../fixtures/quotes__batch_with_invalid.json")).unwrap();
        let wanted: Vec<OptionSymbol> = [NAME, "SPXW  260821P05895000", "SPXW  260821P05000000"]
            .iter()
            .map(|name| name.parse().unwrap())
            .collect();
        let book = book(&answer, &wanted).unwrap();
        let shown: Vec<_> = book
            .iter()
            .map(|(symbol, quote)| {
                format!("{symbol} {} {} {}", quote.bid.unwrap(), quote.ask.unwrap(), quote.at.unwrap())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "SPXW  260821P05895000 3.90 4.00 2026-08-20T18:30:05.01Z",
                "SPXW  260821P05900000 4.10 4.20 2026-08-20T18:30:05.01Z"
            ]
        );
    }

    #[test]
    fn zero_is_a_bid_but_no_ask_and_markers_are_absent() {
        for (bid, ask, shown) in [
            (json!(4.1), json!(4.2), "4.10 4.20"),
            (json!(0.0), json!(0.05), "0.00 0.05"),
            (json!(0), json!(0.0), "0.00 -"),
            (json!("4.1"), json!(4), "4.10 4.00"),
            (json!("NaN"), json!("NaN"), "- -"),
            (json!(-1.0), json!(-999), "- -"),
            (Value::Null, json!({}), "- -"),
        ] {
            assert_eq!(quote(bid, ask), shown);
        }
    }

    #[test]
    fn delayed_and_halted_quotes_say_so() {
        use QuoteState::{Delayed, Halted, Live};
        for (realtime, status, expected) in [
            (json!(true), json!("Normal"), Live),
            (Value::Null, Value::Null, Live),
            (json!(true), json!("Unknown"), Live),
            (json!(false), json!("Normal"), Delayed),
            (json!("no"), json!("Normal"), Delayed),
            (json!(true), json!("Halted"), Halted),
            (json!(true), json!("Closed"), Live),
            (json!(true), json!("Suspended"), Halted),
            (json!(true), json!(7), Halted),
            (json!(false), json!("Halted"), Halted),
        ] {
            let answer = json!({NAME: {"realtime": realtime, "quote": {"bidPrice": 1, "askPrice": 2, "securityStatus": status}}});
            let book = book(&answer, &[NAME.parse().unwrap()]).unwrap();
            assert_eq!(book.values().next().unwrap().state, expected, "{answer}");
        }
    }

    #[test]
    fn only_what_was_asked_for_is_in_the_book() {
        let answer =
            json!({NAME: {"quote": {"bidPrice": 1}}, "SPXW  260821P05895000": {"assetMainType": "OPTION"}});
        for odd in [Value::Null, json!("gone"), json!({"quote": []}), json!({"quote": 7})] {
            let answer = json!({NAME: {"quote": {"bidPrice": 1}}, "SPXW  260821P05895000": odd});
            let wanted = [NAME, "SPXW  260821P05895000"].map(|name| name.parse().unwrap());
            assert_eq!(
                book(&answer, &wanted).unwrap().into_keys().collect::<Vec<_>>(),
                [wanted[0]],
                "{answer}"
            );
        }
        assert!(book(&answer, &["SPXW  260821P05895000".parse().unwrap()]).unwrap().is_empty());
        assert!(book(&json!([]), &[]).unwrap_err().to_string().contains("quotes: got []"));
    }

    proptest! {
        #[test]
        fn no_quote_time_panics(millis: i64) {
            let answer = json!({NAME: {"quote": {"quoteTime": millis}}});
            let _ = book(&answer, &[NAME.parse().unwrap()]);
        }
    }
}
