//! No answer, whatever it holds, panics a reader.

use std::collections::BTreeMap;

use gamma_http::{HeaderMap, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    Preview, QuoteToken, SymbolBook, account, error_body, order_list, place, preview, quotes, transactions,
};

/// JSON that has our keys, so that a reader gets past the first one.
fn any_json() -> impl Strategy<Value = Value> {
    let words = [
        "Equity Option",
        "Long",
        "Short",
        "Buy to Open",
        "Sell to Open",
        "Filled",
        "Cancelled",
        "Credit",
        "Debit",
        "SPXW  260821P05900000",
        "2026-08-20T18:30:05.010+00:00",
        "1.15",
        "7e27",
        "NaN",
        "invalid_grant",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let keys = [
        "data",
        "items",
        "pagination",
        "external-identifier",
        "replacing-order-id",
        "underlying-symbol",
        "total-items",
        "total-pages",
        "order",
        "id",
        "status",
        "size",
        "price",
        "price-effect",
        "legs",
        "instrument-type",
        "symbol",
        "action",
        "quantity",
        "quantity-direction",
        "remaining-quantity",
        "fills",
        "fill-id",
        "fill-price",
        "filled-at",
        "received-at",
        "error",
        "errors",
        "code",
        "message",
        "expirations",
        "strikes",
        "put",
        "strike-price",
        "bid",
        "ask",
        "token",
        "dxlink-url",
        "net-liquidating-value",
        "fee-calculation",
        "buying-power-effect",
        "warnings",
        "transaction-type",
        "executed-at",
        "value",
        "value-effect",
    ];
    leaf.prop_recursive(6, 80, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((proptest::sample::select(keys.to_vec()), inner), 0..12).prop_map(
                |pairs| Value::Object(
                    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
                )
            ),
        ]
    })
}

/// An order whose every number may be anything.
fn any_order() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<f64>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        (0_u32..5).prop_map(Value::from),
        Just(json!("1e9"))
    ];
    let status = proptest::sample::select(vec!["Live", "Filled", "Cancelled", "Removed"]);
    (status, proptest::collection::vec(number, 9)).prop_map(|(status, n)| {
        let leg = |symbol: &str, action: &str, at: usize| {
            json!({"instrument-type": "Equity Option", "symbol": symbol, "action": action, "quantity": n[at], "remaining-quantity": n[at + 1],
                "fills": [{"fill-id": "a", "quantity": n[at + 2], "fill-price": n[at + 3]}, {"quantity": n[at + 3], "fill-price": n[at + 2]}]})
        };
        json!({"id": 1, "status": status, "price": n[8],
            "legs": [leg("SPXW  260821P05895000", "Buy to Open", 0), leg("SPXW  260821P05900000", "Sell to Open", 4)]})
    })
}

proptest! {
    #[test]
    fn no_answer_panics_a_reader(value in any_json(), order in any_order(), status in 100_u16..600) {
        let list = |row: &Value| json!({"data": {"items": [row]}});
        for answer in [value.clone(), list(&value), list(&order), json!({"data": value}), json!({"data": {"order": value}})] {
            if let Ok((rows, _)) = order_list::page(&answer, jiff::Timestamp::MAX) {
                for view in order_list::merged(rows.into_iter().map(|(_, view)| view)) {
                    let executed = view.fills.iter().fold(0_u32, |sum, fill| sum.saturating_add(fill.quantity));
                    prop_assert!(view.filled >= executed && view.legs.iter().all(|(_, ratio)| *ratio > 0), "{view:?}");
                    prop_assert!(view.unreadable.is_none() || view.filled == 0, "{view:?}");
                    prop_assert!(!view.is_settled(view.quantity) || view.filled <= view.quantity, "{view:?}");
                }
            }
            let _ = (account::equity(&answer), account::positions(&answer).is_ok());
            let _ = quotes::read(&answer, &BTreeMap::new(), jiff::Timestamp::MAX);
            let _ = (SymbolBook::read(&answer), QuoteToken::read(&answer).is_ok(), transactions::page(&answer));
            let response = Response { status, headers: HeaderMap::new(), body: answer.to_string().into_bytes() };
            let read = |response: &Response| error_body::read(&response.body, &["canary"]);
            let opinion: Result<Preview, _> = preview::opinion(&response, read);
            prop_assert!(opinion.is_ok_and(|preview| preview.accepted == preview.rejects.is_empty()) || status < 300);
            let _ = place::placed(&response, "5WT00001", "gt-1-p1", read);
        }
    }
}
