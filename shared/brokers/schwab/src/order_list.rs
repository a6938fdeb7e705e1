//! `GET /accounts/{hash}/orders` (docs/reference/schwab.md, Order lists).

use gamma_execution::ports::{BrokerFault, OrderView};
use jiff::{Timestamp, ToSpan, Unit};
use serde_json::Value;

use crate::fields::{FieldError, Object};
use crate::order_view::{Place, in_short, row_view};

/// The most rows Schwab gives, and what we ask for. A list this long may have been cut off.
pub(crate) const MOST_ROWS: usize = 3000;

/// Every order of the list, children of triggers and OCOs as orders of their own, parents first. A row of
/// others that does not read is kept as far as it does.
pub(crate) fn order_list(answer: &Value) -> Result<Vec<OrderView>, BrokerFault> {
    let rows = answer.as_array().ok_or_else(|| FieldError::new("orders", Some(answer), "a list"))?;
    if may_be_cut_off(answer) {
        return Err(BrokerFault::Malformed(format!(
            "orders: got {} rows, expected fewer: the list may be cut off",
            rows.len()
        )));
    }
    let mut views = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let row = Object::of(row, format!("orders[{at}]"))?;
        let view = row_view(&row, views.len() + 1, Place::Top)?;
        flatten(&row, view, &mut views);
    }
    Ok(views)
}

/// Whether there may be more orders than a list shows.
pub(crate) fn may_be_cut_off(answer: &Value) -> bool {
    answer.as_array().is_some_and(|rows| rows.len() >= MOST_ROWS)
}

/// Children are never ours, since our orders stand alone, so that none makes the list unreadable. One that
/// cannot be shown is marked on its parent: what that one touches is not known.
fn flatten(order: &Object<'_>, view: OrderView, views: &mut Vec<OrderView>) {
    let parent = views.len();
    views.push(view);
    let spoil = |views: &mut Vec<OrderView>, why: FieldError| {
        if let Some(view) = views.get_mut(parent) {
            view.legs.clear();
            (view.foreign_legs, view.unreadable) = (true, Some(in_short(&why)));
        }
    };
    let children = order.objects("childOrderStrategies").unwrap_or_else(|why| {
        spoil(views, why);
        Vec::new()
    });
    for child in children {
        match row_view(&child, views.len() + 1, Place::Child) {
            Ok(view) => flatten(&child, view, views),
            Err(why) => spoil(views, why),
        }
    }
}

/// The query that covers `from` to `to`.
pub(crate) fn entered_between(from: Timestamp, to: Timestamp) -> [(&'static str, String); 3] {
    let [first, last] = whole_milliseconds(from, to);
    [("fromEnteredTime", first), ("toEnteredTime", last), ("maxResults", MOST_ROWS.to_string())]
}

/// Both times in whole milliseconds, as queries want them, widened where a time has a finer part.
pub(crate) fn whole_milliseconds(from: Timestamp, to: Timestamp) -> [String; 2] {
    let floor = from.subsec_nanosecond() % 1_000_000;
    let first = from.checked_sub(floor.nanoseconds()).unwrap_or(from);
    let last = to.round(Unit::Millisecond).unwrap_or(to);
    let last = if last < to { last.checked_add(1.millisecond()).unwrap_or(last) } else { last };
    [format!("{first:.3}"), format!("{last:.3}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn children_are_orders_of_their_own() {
        let answer: Value =
            serde_json::from_str(include_str!("../fixtures/orders__trigger_oco_and_shares.json")).unwrap();
        let shown: Vec<_> = order_list(&answer)
            .unwrap()
            .iter()
            .map(|view| format!("{} {} {} {}", view.id, view.status, view.legs.len(), view.foreign_legs))
            .collect();
        assert_eq!(
            shown,
            [
                "1005638175800 working 1 false",
                "1005638175801 pending 0 false",
                "1005638175802 pending 1 false",
                "1005638175803 pending 1 false",
                "1005638175810 filled 0 true",
            ]
        );
    }

    #[test]
    fn a_list_that_may_be_cut_off_is_an_error() {
        let rows = |count: usize| Value::Array(vec![json!({"orderId": 1, "status": "EXPIRED"}); count]);
        assert_eq!(order_list(&rows(MOST_ROWS - 1)).unwrap().len(), MOST_ROWS - 1);
        assert!(order_list(&rows(MOST_ROWS)).unwrap_err().to_string().contains("cut off"));
        assert!(order_list(&json!({"message": "x"})).unwrap_err().to_string().contains("orders: got {"));
    }

    #[test]
    fn the_query_has_milliseconds_and_never_narrows() {
        for (from, to, first, last) in [
            (
                "2026-08-20T04:00:00Z",
                "2026-08-21T04:00:00Z",
                "2026-08-20T04:00:00.000Z",
                "2026-08-21T04:00:00.000Z",
            ),
            (
                "2026-08-20T04:00:00.1239Z",
                "2026-08-20T05:00:00.1231Z",
                "2026-08-20T04:00:00.123Z",
                "2026-08-20T05:00:00.124Z",
            ),
            (
                "2026-08-20T04:00:00.0009Z",
                "2026-08-20T05:00:00.9999Z",
                "2026-08-20T04:00:00.000Z",
                "2026-08-20T05:00:01.000Z",
            ),
        ] {
            let query = entered_between(from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(
                (query[0].1.as_str(), query[1].1.as_str(), query[2].1.as_str()),
                (first, last, "3000")
            );
        }
    }

    /// JSON that has our keys, so that the reader gets past the first one.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop_oneof![
                Just("EXECUTION"),
                Just("FILL"),
                Just("FILLED"),
                Just("OPTION"),
                Just("BUY_TO_OPEN"),
                Just("SELL_TO_CLOSE"),
                Just("SPXW  260821P05900000"),
                Just("2026-08-20T18:30:05+0000"),
                Just("1.15"),
                Just("7e27"),
                Just("NaN"),
            ]
            .prop_map(Value::from),
        ];
        let key = prop_oneof![
            Just("orderId"),
            Just("status"),
            Just("quantity"),
            Just("filledQuantity"),
            Just("price"),
            Just("orderLegCollection"),
            Just("instrument"),
            Just("assetType"),
            Just("symbol"),
            Just("instruction"),
            Just("legId"),
            Just("orderActivityCollection"),
            Just("activityType"),
            Just("executionType"),
            Just("executionLegs"),
            Just("time"),
            Just("enteredTime"),
            Just("childOrderStrategies"),
            Just("securitiesAccount"),
            Just("positions"),
            Just("longQuantity"),
            Just("shortQuantity"),
            Just("initialBalances"),
            Just("liquidationValue"),
            Just("SPXW  260821P05900000"),
            Just("quote"),
            Just("bidPrice"),
            Just("quoteTime"),
            Just("orderStrategy"),
            Just("orderValidationResult"),
            Just("rejects"),
            Just("accountNumber"),
            Just("hashValue"),
        ];
        leaf.prop_recursive(6, 80, 8, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::vec((key.clone(), inner), 0..12).prop_map(|pairs| Value::Object(
                    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
                )),
            ]
        })
    }

    /// An order whose every field may be anything.
    fn any_order() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<f64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0_u32..5).prop_map(Value::from),
            Just(json!("7.9e27")),
        ];
        proptest::collection::vec(number, 6).prop_map(|n| {
            json!({"orderId": 1, "status": "WORKING", "quantity": n[0], "filledQuantity": n[1], "price": n[2],
                "orderLegCollection": [{"legId": 1, "instruction": "BUY_TO_OPEN", "quantity": n[0],
                    "instrument": {"assetType": "OPTION", "symbol": "SPXW  260821P05900000"}}],
                "orderActivityCollection": [{"activityType": "EXECUTION", "executionType": "FILL", "quantity": n[3],
                    "executionLegs": [{"legId": 1, "quantity": n[4], "price": n[5]}, {"legId": 1, "quantity": n[5], "price": n[4]}]}]})
        })
    }

    proptest! {
        #[test]
        fn no_answer_panics_a_reader(value in any_json(), order in any_order()) {
            let symbol = "SPXW  260821P05900000".parse().unwrap();
            let _ = order_list(&value);
            let _ = order_list(&json!([value, order]));
            let _ = order_list(&json!([order]));
            let _ = crate::account::snapshot(&value);
            let _ = crate::account::snapshot(&json!({"securitiesAccount": {"positions": [value]}}));
            let _ = crate::quotes::book(&value, &[symbol]);
            let _ = crate::account_hash::account_hash(&value, Some("1"));
            let _ = crate::account_hash::account_hash(&json!([value]), None);
            let _ = crate::preview::Preview::read(&value);
        }
    }
}
