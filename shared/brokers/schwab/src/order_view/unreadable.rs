//! A row of a list that does not read as an order, kept as far as it does.

use gamma_execution::ports::{OrderId, OrderStatus, OrderView};
use gamma_wire::KnownLegs;
use rust_decimal::prelude::ToPrimitive;

use super::{Place, in_short, linked};
use crate::broker::ROOTS;
use crate::fields::{FieldError, Object};
use crate::foreign::{is_no_option, may_be_ours};
use crate::order_status::status;

/// The row as what it may touch, for whoever looks for orders of others. One of the list without an id gets
/// one that no order can have.
///
/// # Errors
/// `why` it does not read, where it has no id and could be an order of ours: nobody could ask for it, and a
/// list in which ours is missing proves nothing. A child without an id is its parent's matter.
pub(super) fn kept(
    row: &Object<'_>,
    number: usize,
    place: Place,
    why: FieldError,
) -> Result<OrderView, FieldError> {
    let legs = known_legs(row);
    let id = row.id("orderId").ok().flatten();
    if id.is_none() && (place == Place::Child || legs.may_touch(ROOTS)) {
        return Err(why);
    }
    let id = id.unwrap_or_else(|| format!("row {number} without an id"));
    tracing::debug!(order = id, %why, "a row of the list does not read");
    let count = |key: &str| {
        row.decimal(key).ok().flatten().and_then(|number| number.ceil().to_u32()).unwrap_or_default()
    };
    let words = |key: &str| row.words(key).ok().flatten();
    Ok(OrderView {
        id: OrderId(id),
        status: match row.text("status") {
            Ok(Some(word)) => status(word),
            _ => OrderStatus::Other("a status that does not read".to_owned()),
        },
        quantity: count("quantity"),
        filled: count("filledQuantity"),
        price: row.price("price").ok().flatten(),
        effect: None,
        // Where nothing in it can be of our contracts there is nothing to fear from it.
        foreign_legs: legs.any(),
        legs: legs.into_legs(),
        entered: row.time("enteredTime").ok().flatten(),
        fills: Vec::new(),
        reason: words("statusDescription"),
        tag: words("tag"),
        name: None,
        linked: linked(row),
        unreadable: Some(in_short(&why)),
    })
}

/// The contracts of a row's legs, read one by one.
fn known_legs(order: &Object<'_>) -> KnownLegs {
    let Ok(legs) = order.objects("orderLegCollection") else { return KnownLegs::unknown() };
    let is_group = || {
        order.value("childOrderStrategies").is_some()
            || order.value("orderStrategyType").is_some_and(|kind| kind == "OCO")
    };
    if legs.is_empty() && !is_group() {
        return KnownLegs::unknown();
    }
    KnownLegs::new(legs.iter().filter(|leg| !is_no_option(leg)).filter_map(|leg| {
        let instrument = leg.object("instrument").ok().flatten();
        let symbol = instrument.and_then(|instrument| instrument.text("symbol").ok().flatten()?.parse().ok());
        (symbol.is_some() || may_be_ours(leg)).then_some(symbol)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_list::order_list;
    use gamma_execution::ports::BrokerFault;
    use serde_json::{Value, json};

    const OURS: &str = "SPXW  260821P05900000";

    fn order(id: u64, legs: &Value) -> Value {
        json!({"orderId": id, "status": "WORKING", "quantity": 1, "orderLegCollection": legs})
    }

    fn option(symbol: &str, quantity: Value) -> Value {
        json!({"instruction": "BUY_TO_OPEN", "quantity": quantity, "instrument": {"assetType": "OPTION", "symbol": symbol}})
    }

    /// The row stands between two that read.
    fn listed(row: &Value) -> Result<OrderView, BrokerFault> {
        let good = |id| order(id, &json!([option(OURS, json!(1))]));
        let views = order_list(&json!([good(1), row, good(3)]))?;
        assert!(views[0].unreadable.is_none() && views.last().unwrap().unreadable.is_none(), "{views:?}");
        assert_eq!((views[0].id.0.as_str(), views.last().unwrap().id.0.as_str()), ("1", "3"));
        Ok(views[1].clone())
    }

    #[test]
    fn a_row_that_does_not_read_leaves_the_rest_readable() {
        let with = |key: &str, value: Value| {
            let mut row = order(2, &json!([option("AAPL  260821C00200000", json!(1))]));
            row[key] = value;
            row
        };
        let bond = json!([{"instruction": "BUY", "quantity": "many", "instrument": {"assetType": "FIXED_INCOME", "symbol": "912828"}}]);
        let mut filled_bond = order(2, &bond);
        filled_bond["orderActivityCollection"] =
            json!([{"activityType": "EXECUTION", "executionType": "FILL"}]);
        let mut nameless = with("status", Value::Null);
        nameless["orderId"] = Value::Null;
        // Row, id, status, whether it may touch a contract of ours.
        for (row, id, status, touches) in [
            (filled_bond, "2", "working", false),
            (with("status", Value::Null), "2", "a status that does not read", false),
            (with("enteredTime", json!(7)), "2", "working", false),
            (with("price", json!({})), "2", "working", false),
            (order(2, &json!([option("AAPL  260821C00200000", Value::Null)])), "2", "working", false),
            (order(2, &json!([option(OURS, Value::Null)])), "2", "working", true),
            (
                order(
                    2,
                    &json!([option("SPXW  26", json!(1)), option("AAPL  260821C00200000", Value::Null)]),
                ),
                "2",
                "working",
                true,
            ),
            (order(2, &json!("none")), "2", "working", true),
            (order(2, &json!([null])), "2", "working", true),
            (nameless, "row 2 without an id", "a status that does not read", false),
        ] {
            let view = listed(&row).unwrap();
            assert_eq!(
                (view.id.0.as_str(), view.status.to_string().as_str(), view.may_touch(OURS.parse().unwrap())),
                (id, status, touches),
                "{row}"
            );
            assert!(view.unreadable.is_some() && !view.is_settled(0) && view.fills.is_empty(), "{view:?}");
        }
    }

    #[test]
    fn a_row_that_may_be_ours_and_has_no_id_spoils_the_list() {
        let without_id = |legs: Value| {
            let mut row = order(2, &legs);
            row["orderId"] = json!("two");
            row
        };
        let unreadable = [
            json!([option(OURS, json!(1))]),
            json!([option("XSP   ", json!(1))]),
            json!([{}]),
            json!([]),
            json!(7),
        ]
        .map(without_id);
        for row in unreadable.into_iter().chain([json!(null), json!(5)]) {
            assert!(matches!(listed(&row).unwrap_err(), BrokerFault::Malformed(_)), "{row}");
        }
    }

    #[test]
    fn children_that_do_not_read_are_kept_like_others() {
        let child = json!({"orderId": null, "status": null, "orderLegCollection": [option(OURS, json!(1))]});
        let mut parent = order(2, &json!([option(OURS, json!(1))]));
        parent["childOrderStrategies"] = json!([{"orderStrategyType": "OCO", "orderId": 21, "status": null, "childOrderStrategies": [child, order(23, &json!([]))]}]);
        let views = order_list(&json!([parent])).unwrap();
        let shown: Vec<_> = views
            .iter()
            .map(|view| {
                (view.id.0.as_str(), view.unreadable.is_some(), view.may_touch(OURS.parse().unwrap()))
            })
            .collect();
        assert_eq!(
            shown,
            [("2", false, true), ("21", true, true), ("23", false, false)],
            "nobody knows what the one without an id touches"
        );
        parent["childOrderStrategies"] = json!("two");
        let [view] = order_list(&json!([parent])).unwrap().try_into().unwrap();
        assert!(
            view.unreadable.is_some() && view.may_touch("SPXW  260821C06000000".parse().unwrap()),
            "its children may touch anything: {view:?}"
        );
    }
}
