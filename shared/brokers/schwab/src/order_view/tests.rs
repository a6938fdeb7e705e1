use super::*;
use gamma_market::PositionEffect::{Close, Open};
use serde_json::json;

fn read(value: &Value) -> Result<OrderView, FieldError> {
    order_view(&Object::of(value, "order").unwrap())
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn filled_vertical() -> Value {
    fixture(include_str!("../../fixtures/order__filled_vertical.json"))
}

fn fills(view: &OrderView) -> Vec<String> {
    view.fills.iter().map(|fill| format!("{} @ {}", fill.quantity, fill.price)).collect()
}

#[test]
fn a_filled_vertical() {
    let view = read(&filled_vertical()).unwrap();
    assert_eq!(
        (view.id.0.as_str(), &view.status, view.quantity, view.filled),
        ("1005638175790", &OrderStatus::Filled, 2, 2)
    );
    assert_eq!(
        (view.price, view.effect, view.foreign_legs),
        (Some(Price::cents(115)), Some(Effect::Credit), false)
    );
    assert_eq!((view.tag.as_deref(), view.reason.as_deref()), (Some("TA_someapp"), None));
    assert_eq!(view.entered.unwrap().to_string(), "2026-08-20T18:30:05Z");
    let legs: Vec<_> =
        view.legs.iter().map(|(leg, ratio)| format!("{:?} {} x{ratio}", leg.action, leg.symbol)).collect();
    assert_eq!(legs, ["Buy SPXW  260821P05895000 x1", "Sell SPXW  260821P05900000 x1"]);
    assert_eq!(
        view.fills,
        [Fill { quantity: 2, price: Price::cents(115), at: "2026-08-20T18:30:07Z".parse().ok() }]
    );
}

#[test]
fn a_canceled_order_keeps_its_partial_fill() {
    let view = read(&fixture(include_str!("../../fixtures/order__canceled_after_partial.json"))).unwrap();
    assert_eq!((&view.status, view.quantity, view.filled), (&OrderStatus::Canceled, 5, 3));
    assert_eq!(fills(&view), ["1 @ 1.10", "2 @ 1.125"]);
}

#[test]
fn a_rejected_order_says_why() {
    let view = read(&fixture(include_str!("../../fixtures/order__rejected.json"))).unwrap();
    assert_eq!((&view.status, view.filled), (&OrderStatus::Rejected, 0));
    assert!(view.reason.unwrap().contains("buying power"));
    assert!(view.fills.is_empty());
}

#[test]
fn how_many_are_filled() {
    type Change = fn(&mut Value);
    let none: Change = |_| {};
    let no_count: Change = |order| {
        order.as_object_mut().unwrap().remove("filledQuantity");
    };
    let no_activity: Change = |order| {
        order.as_object_mut().unwrap().remove("orderActivityCollection");
    };
    for (status, count, change, expected) in [
        ("WORKING", json!(1.0), no_activity, 1),
        ("CANCELED", json!(0.0), no_activity, 0),
        ("CANCELED", json!(2.0), none, 2),
        ("WORKING", json!(0), no_count, 2),
        ("WORKING", json!(0.0), none, 2),
        ("FILLED", json!(0.0), no_activity, 2),
        ("CANCELED", Value::Null, no_activity, 0),
    ] {
        let mut order = filled_vertical();
        order["status"] = json!(status);
        order["filledQuantity"] = count.clone();
        order["remainingQuantity"] = json!(0.0);
        change(&mut order);
        assert_eq!(read(&order).unwrap().filled, expected, "{status} {count}");
    }
}

#[test]
fn an_execution_that_does_not_add_up_is_counted_but_not_priced() {
    let mut missing_leg = filled_vertical();
    missing_leg["orderActivityCollection"][0]["executionLegs"].as_array_mut().unwrap().pop();
    let mut unknown_leg = filled_vertical();
    unknown_leg["orderActivityCollection"][0]["executionLegs"][0]["legId"] = json!(9);
    for order in [missing_leg, unknown_leg] {
        let view = read(&order).unwrap();
        assert_eq!((view.filled, view.fills.len()), (2, 0));
    }
}

#[test]
fn a_leg_in_parts_is_weighted_by_contracts() {
    let mut order = filled_vertical();
    order["orderActivityCollection"][0]["executionLegs"] = json!([
        {"legId": 1, "quantity": 2.0, "price": 2.95},
        {"legId": 2, "quantity": 1.0, "price": 4.10},
        {"legId": 2, "quantity": 1.0, "price": 4.15}]);
    assert_eq!(fills(&read(&order).unwrap()), ["2 @ 1.175"]);
}

#[test]
fn foreign_orders_are_read_but_never_look_like_ours() {
    let share = json!({"orderId": 1, "status": "WORKING", "quantity": 0.5, "filledQuantity": 0.0, "orderType": "MARKET",
        "orderLegCollection": [{"legId": 1, "instruction": "BUY", "quantity": 0.5, "instrument": {"assetType": "EQUITY", "symbol": "SPY"}}]});
    let view = read(&share).unwrap();
    assert_eq!(
        (view.quantity, view.foreign_legs, view.legs.len(), view.price, view.effect),
        (1, true, 0, None, None)
    );

    let mut closing = filled_vertical();
    closing["orderLegCollection"][0]["instruction"] = json!("BUY_TO_CLOSE");
    let view = read(&closing).unwrap();
    let positions: Vec<_> = view.legs.iter().map(|(leg, _)| leg.position).collect();
    assert_eq!(
        (view.foreign_legs, positions, view.filled),
        (false, vec![Close, Open], 2),
        "it says what it closes"
    );

    let mut uneven = filled_vertical();
    uneven["orderLegCollection"][0]["quantity"] = json!(3.0);
    assert!(read(&uneven).unwrap().foreign_legs);

    let mut ratio = filled_vertical();
    ratio["orderLegCollection"][0]["quantity"] = json!(4.0);
    let view = read(&ratio).unwrap();
    assert_eq!((view.foreign_legs, view.legs[0].1, view.legs[1].1, view.fills.len()), (false, 2, 1, 0));
}

#[test]
fn an_edited_order_is_linked_however_the_link_is_written() {
    for (link, ids) in [
        (json!([{"orderId": 5, "status": "REPLACED"}, {"orderId": "6"}]), vec!["5", "6"]),
        (json!([5, "6", 5]), vec!["5", "6"]),
        (json!({"orderId": 5}), vec!["5"]),
        (json!("7"), vec!["7"]),
        (json!([{"orderId": 1_005_638_175_790_u64}, 1_005_638_175_790_u64]), vec![]),
        (json!([{}, null, "x", [5], 1.5, {"orderId": null}]), vec![]),
        (json!([]), vec![]),
        (Value::Null, vec![]),
    ] {
        let mut order = filled_vertical();
        order["replacingOrderCollection"] = link.clone();
        let linked = read(&order).unwrap().linked;
        assert_eq!(linked.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(), ids, "{link}");
    }
    assert!(read(&filled_vertical()).unwrap().linked.is_empty());
}

#[test]
fn what_does_not_read_is_named() {
    for (at, value, shown) in [
        ("/orderId", Value::Null, "order.orderId: got nothing"),
        ("/orderId", json!("12a"), "order.orderId: got \"12a\""),
        ("/status", json!(3), "order.status: got 3"),
        ("/quantity", json!(1.5), "order.quantity: got 1.5"),
        ("/quantity", Value::Null, "order.quantity: got nothing"),
        ("/filledQuantity", json!("two"), "order.filledQuantity: got \"two\""),
        ("/price", json!({}), "order.price: got {}"),
        ("/enteredTime", json!("yesterday"), "order.enteredTime: got \"yesterday\""),
        ("/orderLegCollection", json!({}), "order.orderLegCollection: got {}"),
        (
            "/orderActivityCollection/0/quantity",
            Value::Null,
            "order.orderActivityCollection[0].quantity: got nothing",
        ),
        ("/orderActivityCollection/0/executionLegs/1/price", json!("x"), "executionLegs[1].price: got \"x\""),
    ] {
        let mut order = filled_vertical();
        *order.pointer_mut(at).unwrap() = value;
        let error = read(&order).unwrap_err().to_string();
        assert!(error.contains(shown), "{at}: {error}");
    }
}
