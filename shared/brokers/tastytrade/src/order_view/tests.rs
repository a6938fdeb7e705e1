use super::*;
use gamma_execution::ports::Fill;
use gamma_market::Price;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

const BOUGHT: &str = "SPXW  260821P05895000";
const SOLD: &str = "SPXW  260821P05900000";

fn read(value: &Value) -> Result<OrderView, FieldError> {
    order_view(&Object::of(value, "order").unwrap(), "2026-08-20T18:40:00Z".parse().unwrap())
}

fn fixture(text: &str) -> Value {
    let mut answer: Value = serde_json::from_str(text).unwrap();
    answer["data"].take()
}

fn filled_vertical() -> Value {
    fixture(include_str!("../../fixtures/order__filled_vertical.json"))
}

fn fills(view: &OrderView) -> Vec<String> {
    view.fills.iter().map(|fill| format!("{} @ {}", fill.quantity, fill.price)).collect()
}

/// A vertical of `quantity`; the fills of each leg as (id, contracts, cents).
fn order(status: &str, quantity: u32, remaining: [Value; 2], legs: [&[(&str, u32, i64)]; 2]) -> Value {
    let leg = |symbol: &str, action: &str, remaining: &Value, fills: &[(&str, u32, i64)]| {
        let fills: Vec<Value> = fills
            .iter()
            .map(|(id, contracts, cents)| json!({"fill-id": id, "quantity": contracts, "fill-price": Price::cents(*cents).to_string(), "filled-at": "2026-08-20T18:30:06.910+00:00"}))
            .collect();
        json!({"instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "remaining-quantity": remaining, "action": action, "fills": fills})
    };
    let [bought, sold] = &remaining;
    json!({"id": 5, "status": status, "size": quantity, "price": "1.15", "price-effect": "Credit", "terminal-at": "2026-08-20T18:30:07.000+00:00",
        "legs": [leg(BOUGHT, "Buy to Open", bought, legs[0]), leg(SOLD, "Sell to Open", sold, legs[1])]})
}

#[test]
fn a_filled_vertical() {
    let view = read(&filled_vertical()).unwrap();
    assert_eq!(
        (view.id.0.as_str(), &view.status, view.quantity, view.filled),
        ("312345678", &OrderStatus::Filled, 2, 2)
    );
    assert_eq!(
        (view.price, view.effect, view.foreign_legs),
        (Some(Price::cents(115)), Some(Effect::Credit), false)
    );
    assert_eq!(
        (view.tag.as_deref(), view.name.clone(), view.reason.as_deref()),
        (Some("gamma-trading/0.1.0"), Some(OrderName("gt-1-p1".into())), None)
    );
    assert_eq!(view.entered.unwrap().to_string(), "2026-08-20T18:30:05.01Z");
    let legs: Vec<_> =
        view.legs.iter().map(|(leg, ratio)| format!("{:?} {} x{ratio}", leg.action, leg.symbol)).collect();
    assert_eq!(legs, ["Buy SPXW  260821P05895000 x1", "Sell SPXW  260821P05900000 x1"]);
    assert_eq!(
        view.fills,
        [Fill { quantity: 2, price: Price::cents(115), at: "2026-08-20T18:30:06.91Z".parse().ok() }]
    );
    assert!(view.is_settled(2));
}

#[test]
fn a_cancelled_order_keeps_its_partial_fill_paired_in_time() {
    let view = read(&fixture(include_str!("../../fixtures/order__cancelled_after_partial.json"))).unwrap();
    assert_eq!((&view.status, view.quantity, view.filled), (&OrderStatus::Canceled, 5, 3));
    assert_eq!(fills(&view), ["1 @ 1.10", "1 @ 1.10", "1 @ 1.15"]);
    assert!(view.is_settled(5));
}

#[test]
fn a_rejected_order_says_why() {
    let view = read(&fixture(include_str!("../../fixtures/order__rejected.json"))).unwrap();
    assert_eq!(
        (&view.status, view.filled, view.reason.as_deref()),
        (&OrderStatus::Rejected, 0, Some("Price is not on a valid tick"))
    );
    assert!(view.fills.is_empty() && view.is_settled(2));
}

#[test]
fn an_order_is_over_only_once_status_remainder_and_fills_agree() {
    let both: [&[(&str, u32, i64)]; 2] = [&[("a", 2, 295)], &[("b", 2, 410)]];
    let one: [&[(&str, u32, i64)]; 2] = [&[("a", 1, 295)], &[("b", 1, 410)]];
    let half: [&[(&str, u32, i64)]; 2] = [&[("a", 1, 295)], &[]];
    let none: [&[(&str, u32, i64)]; 2] = [&[], &[]];
    let left = |bought: u32, sold: u32| [json!(bought), json!(sold)];
    let untold = || [Value::Null, Value::Null];
    for (status, remaining, attached, shown, filled, settled) in [
        ("Filled", left(0, 0), both, "filled", 2, true),
        ("Filled", [json!("0"), json!(0.0)], both, "filled", 2, true),
        ("Filled", untold(), both, "filled", 2, true),
        // The word comes before the fills do.
        ("Filled", left(0, 0), none, "filled", 0, false),
        ("Filled", left(0, 0), one, "filled", 1, false),
        ("Filled", left(0, 0), half, "filled", 0, false),
        ("Filled", left(1, 0), both, "Filled, 2 of 2 fills attached", 2, false),
        ("Cancelled", left(2, 2), none, "canceled", 0, true),
        ("Cancelled", left(1, 1), one, "canceled", 1, true),
        ("CANCELED", untold(), one, "canceled", 1, true),
        // Nothing works any more, so nothing remains: no word about fills.
        ("Cancelled", left(0, 0), none, "canceled", 0, true),
        ("Cancelled", left(0, 0), one, "canceled", 1, true),
        // More was filled than is attached.
        ("Cancelled", left(1, 1), none, "Cancelled, 0 of 1 fills attached", 0, false),
        ("Cancelled", left(0, 1), one, "Cancelled, 1 of 2 fills attached", 1, false),
        ("Expired", left(1, 2), none, "Expired, 0 of 1 fills attached", 0, false),
        // Half a package is none: the other leg's fill is on its way.
        ("Cancelled", left(0, 0), half, "Cancelled, 0 of 1 fills attached", 0, false),
        ("Cancelled", untold(), half, "Cancelled, 0 of 1 fills attached", 0, false),
        ("Cancelled", left(2, 2), one, "Cancelled, 1 of 1 fills attached", 1, false),
        ("Live", left(2, 2), one, "working", 1, false),
        ("Cancel Requested", left(0, 0), one, "cancel pending", 1, false),
    ] {
        let view = read(&order(status, 2, remaining.clone(), attached)).unwrap();
        assert_eq!(
            (view.status.to_string().as_str(), view.filled, view.is_settled(2)),
            (shown, filled, settled),
            "{status} {remaining:?} {attached:?}"
        );
    }
}

/// One answer cannot tell whether a cancel left nothing, or a fill did.
#[test]
fn a_cancel_that_left_nothing_is_believed_after_the_fills_lag() {
    let one: [&[(&str, u32, i64)]; 2] = [&[("a", 1, 295)], &[("b", 1, 410)]];
    let (zeroed, untold, told) = ([json!(0), json!(0)], [Value::Null, Value::Null], [json!(1), json!(1)]);
    for (status, remaining, times, believed) in [
        ("Cancelled", &zeroed, json!({"terminal-at": "2026-08-20T18:39:57.001+00:00"}), false),
        ("Cancelled", &zeroed, json!({"terminal-at": "2026-08-20T18:39:57.000+00:00"}), true),
        ("Cancelled", &zeroed, json!({"cancelled-at": "2026-08-20T18:39:58.000+00:00"}), false),
        ("Cancelled", &zeroed, json!({"updated-at": 1_787_251_199_000_i64}), false),
        ("Cancelled", &zeroed, json!({"updated-at": 1_787_251_197_000_i64}), true),
        ("Cancelled", &zeroed, json!({"updated-at": 0}), false),
        ("Expired", &zeroed, json!({}), false),
        ("Cancelled", &untold, json!({"terminal-at": "2026-08-20T18:39:59.000+00:00"}), false),
        // The broker's clock may be ahead of ours.
        ("Cancelled", &zeroed, json!({"terminal-at": "2026-08-20T18:40:01.000+00:00"}), false),
        ("Cancelled", &told, json!({"terminal-at": "2026-08-20T18:39:59.999+00:00"}), true),
        ("Rejected", &zeroed, json!({"terminal-at": "2026-08-20T18:39:59.999+00:00"}), true),
    ] {
        let mut shown = order(status, 2, remaining.clone(), one);
        shown.as_object_mut().unwrap().remove("terminal-at");
        shown.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        let view = read(&shown).unwrap();
        assert_eq!(
            (view.filled, view.is_settled(2)),
            (1, believed),
            "{status} {remaining:?} {times}: {:?}",
            view.status
        );
    }
}

#[test]
fn a_replaced_order_has_a_new_id_unless_it_filled_first() {
    let both: [&[(&str, u32, i64)]; 2] = [&[("a", 2, 295)], &[("b", 2, 410)]];
    for (status, fills, expected) in [
        ("Cancelled", [&[][..], &[][..]], OrderStatus::Replaced),
        ("Removed", [&[][..], &[][..]], OrderStatus::Replaced),
        ("Replace Requested", [&[][..], &[][..]], OrderStatus::CancelPending),
        ("Filled", both, OrderStatus::Filled),
    ] {
        let mut replaced = order(status, 2, [Value::Null, Value::Null], fills);
        replaced["replacing-order-id"] = json!(6);
        assert_eq!(read(&replaced).unwrap().status, expected, "{status}");
        replaced["replacing-order-id"] = json!(0);
        assert_ne!(read(&replaced).unwrap().status, OrderStatus::Replaced, "0 is no order");
    }
}

#[test]
fn the_orders_an_order_is_linked_to_are_named() {
    for (word, replaces, by, linked, shown) in [
        ("Live", json!(4), Value::Null, vec!["4"], "working"),
        ("Contingent", json!("4"), json!(0), vec!["4"], "pending"),
        ("Replace Requested", Value::Null, json!(6), vec!["6"], "cancel pending"),
        ("Cancelled", json!(4), json!("6"), vec!["4", "6"], "replaced"),
        ("Cancelled", json!(0), json!("0"), vec![], "canceled"),
        ("Cancelled", json!(""), json!(" "), vec![], "canceled"),
        ("Cancelled", json!(0.0), json!("00"), vec![], "canceled"),
        // Something took its place, whatever it is called.
        ("Cancelled", Value::Null, json!("none of digits"), vec![], "replaced"),
        ("Cancelled", Value::Null, json!([6]), vec![], "replaced"),
        // An order is not its own.
        ("Live", json!(5), Value::Null, vec![], "working"),
        ("Filled", json!(6), json!(6), vec!["6"], "Filled, 0 of 2 fills attached"),
    ] {
        let mut order = order(word, 2, [json!(2), json!(2)], [&[], &[]]);
        order["replaces-order-id"] = replaces.clone();
        order["replacing-order-id"] = by.clone();
        let view = read(&order).unwrap();
        let named: Vec<&str> = view.linked.iter().map(|id| id.0.as_str()).collect();
        let status = if word == "Filled" { shown.to_owned() } else { view.status.to_string() };
        assert_eq!((named, status.as_str()), (linked, shown), "{word} {replaces} {by}");
    }
}

#[test]
fn an_order_that_waits_for_another_is_not_over() {
    for (status, contingent) in [
        ("Contingent", "Pending Order"),
        ("Replace Requested", "Replace Requested"),
        ("Live", "Pending Cancel"),
    ] {
        let mut order = order(status, 2, [json!(2), json!(2)], [&[], &[]]);
        order["contingent-status"] = json!(contingent);
        let view = read(&order).unwrap();
        assert!(!view.status.is_terminal() && !view.is_settled(2), "{status}: {view:?}");
    }
}

#[test]
fn what_is_reported_twice_is_counted_once() {
    let mut twice = filled_vertical();
    let again = twice["legs"][0].clone();
    twice["legs"].as_array_mut().unwrap().push(again);
    let fill = twice["legs"][1]["fills"][0].clone();
    twice["legs"][1]["fills"].as_array_mut().unwrap().push(fill);
    let view = read(&twice).unwrap();
    assert_eq!((view.legs.len(), view.filled, view.foreign_legs), (2, 2, false));
    assert_eq!(fills(&view), ["2 @ 1.15"]);

    // Two parts of one leg's fills in two reports of it.
    let mut split = order("Filled", 2, [json!(0), json!(0)], [&[("a", 1, 295)], &[("c", 2, 410)]]);
    let mut rest = split["legs"][0].clone();
    rest["fills"] = json!([{"fill-id": "b", "quantity": 1, "fill-price": "2.95"}]);
    split["legs"].as_array_mut().unwrap().push(rest);
    let view = read(&split).unwrap();
    assert_eq!((view.filled, view.is_settled(2)), (2, true));

    // A later report in which more is gone than any fill shows.
    let mut behind = order("Cancelled", 2, [json!(2), json!(2)], [&[], &[]]);
    let mut later = behind["legs"][0].clone();
    later["remaining-quantity"] = json!(1);
    behind["legs"].as_array_mut().unwrap().push(later);
    assert_eq!(read(&behind).unwrap().status.to_string(), "Cancelled, 0 of 1 fills attached");

    let mut other_size = filled_vertical();
    let mut odd = other_size["legs"][0].clone();
    odd["quantity"] = json!(3);
    other_size["legs"].as_array_mut().unwrap().push(odd);
    assert!(read(&other_size).unwrap().foreign_legs);

    // An order that looks like nobody's of ours proves no more than another that its fills are all there.
    let mut closing = order("Cancelled", 2, [json!(1), json!(1)], [&[], &[]]);
    closing["legs"][0]["action"] = json!("Buy to Close");
    let view = read(&closing).unwrap();
    assert_eq!(
        (view.foreign_legs, view.status.to_string().as_str(), view.is_settled(2)),
        (false, "Cancelled, 0 of 1 fills attached", false)
    );
}

#[test]
fn a_fill_that_lacks_fields_is_counted_as_far_as_it_can_be() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, u32, usize); 5] = [
        ("no id", |fill| drop(fill.as_object_mut().unwrap().remove("fill-id")), 2, 1),
        ("no ids", |fill| *fill = json!({"quantity": 2, "fill-price": "2.95"}), 2, 1),
        ("no time", |fill| drop(fill.as_object_mut().unwrap().remove("filled-at")), 2, 1),
        ("no price", |fill| drop(fill.as_object_mut().unwrap().remove("fill-price")), 2, 0),
        ("no quantity", |fill| drop(fill.as_object_mut().unwrap().remove("quantity")), 0, 0),
    ];
    for (name, change, filled, priced) in cases {
        let mut order = filled_vertical();
        change(&mut order["legs"][0]["fills"][0]);
        let view = read(&order).unwrap();
        assert_eq!(
            (view.filled, view.fills.len(), view.is_settled(2)),
            (filled, priced, filled == 2),
            "{name}"
        );
    }
    let mut alike = order("Filled", 2, [json!(0), json!(0)], [&[], &[("b", 2, 410)]]);
    alike["legs"][0]["fills"] =
        json!([{"quantity": 1, "fill-price": "2.95"}, {"quantity": 1, "fill-price": "2.95"}]);
    assert_eq!(read(&alike).unwrap().filled, 2, "two without ids in one report are two");
    let again = alike["legs"][0].clone();
    alike["legs"].as_array_mut().unwrap().push(again);
    assert_eq!(read(&alike).unwrap().filled, 2, "and the same two in the next report");
}

#[test]
fn foreign_orders_are_read_but_never_look_like_ours() {
    let answer: Value =
        serde_json::from_str(include_str!("../../fixtures/orders__ours_shares_and_a_closing_leg.json"))
            .unwrap();
    let (rows, _) = crate::order_list::page(&answer, Timestamp::MAX).unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|(id, view)| {
            format!("{id} {} {} x{} {}", view.status, view.legs.len(), view.quantity, view.foreign_legs)
        })
        .collect();
    assert_eq!(
        shown,
        ["312345678 pending 2 x2 false", "312345600 working 0 x11 true", "312345601 pending 1 x1 false"]
    );

    let mut ratio = filled_vertical();
    ratio["legs"][0]["quantity"] = json!(4);
    let view = read(&ratio).unwrap();
    assert_eq!(
        (view.foreign_legs, view.quantity, view.legs[0].1, view.legs[1].1, view.filled),
        (false, 2, 2, 1, 1)
    );
}

#[test]
fn what_does_not_read_is_named() {
    for (at, value, shown) in [
        ("/id", Value::Null, "order.id: got nothing"),
        ("/id", json!("12a"), "order.id: got \"12a\""),
        ("/status", json!(3), "order.status: got 3"),
        ("/price", json!({}), "order.price: got {}"),
        ("/received-at", json!("yesterday"), "order.received-at: got \"yesterday\""),
        ("/legs", json!({}), "order.legs: got {}"),
        ("/legs/0/quantity", json!(1.5), "order.legs[0].quantity: got 1.5"),
        ("/legs/0/quantity", json!(0), "order.legs[0].quantity: got 0"),
        ("/legs/1/remaining-quantity", json!("two"), "order.legs[1].remaining-quantity: got \"two\""),
        ("/legs/1/fills/0/quantity", json!(-1), "order.legs[1].fills[0].quantity: got -1"),
        ("/legs/1/fills/0/fill-price", json!("x"), "order.legs[1].fills[0].fill-price: got \"x\""),
    ] {
        let mut order = filled_vertical();
        *order.pointer_mut(at).unwrap() = value;
        let error = read(&order).unwrap_err().to_string();
        assert!(error.contains(shown), "{at}: {error}");
    }
    let id = OrderId("312345678".into());
    assert_eq!(one(&json!({"data": filled_vertical()}), &id, Timestamp::MAX).unwrap().filled, 2);
    assert!(
        one(&json!({"data": filled_vertical()}), &OrderId("5".into()), Timestamp::MAX)
            .unwrap_err()
            .to_string()
            .contains("order.data.id: got 312345678, expected 5")
    );
}

/// Contracts cut into fills at prices in cents.
fn any_fills(contracts: u32) -> impl Strategy<Value = Vec<(u32, i64)>> {
    proptest::collection::vec((1..=contracts.max(1), 0_i64..2000), 1..8).prop_map(move |cuts| {
        let mut left = contracts;
        let mut fills = Vec::new();
        for (contracts, cents) in cuts {
            let taken = contracts.min(left);
            left -= taken;
            fills.push((taken, cents));
        }
        fills.push((left, 777));
        fills.retain(|(contracts, _)| *contracts > 0);
        fills
    })
}

fn leg_json(symbol: &str, action: &str, quantity: u32, fills: &[(u32, i64)]) -> Value {
    let fills: Vec<Value> = fills
        .iter()
        .enumerate()
        .map(|(at, (contracts, cents))| {
            json!({"fill-id": format!("{action}{at}"), "quantity": contracts, "fill-price": Price::cents(*cents).points().to_string(),
                "filled-at": format!("2026-08-20T18:30:{:02}.000+00:00", at)})
        })
        .collect();
    json!({"instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "action": action, "fills": fills})
}

proptest! {
    /// What the packages cost together is what the legs cost together, to the last digit, and every package
    /// has a price.
    #[test]
    fn packages_add_up_to_the_legs(
        (packages, ratios, bought, sold) in (1_u32..20, prop_oneof![Just((1_u32, 1_u32)), Just((1, 2)), Just((3, 2))])
            .prop_flat_map(|(packages, ratios)| (Just(packages), Just(ratios), any_fills(packages * ratios.0), any_fills(packages * ratios.1)))
    ) {
        // The sold leg is worth more than any bought one, so that the net has one sign and nothing is lost
        // with it.
        let sold: Vec<(u32, i64)> = sold.into_iter().map(|(contracts, cents)| (contracts, cents + 10_000)).collect();
        let legs = json!([leg_json(BOUGHT, "Buy to Open", packages * ratios.0, &bought), leg_json(SOLD, "Sell to Open", packages * ratios.1, &sold)]);
        let view = read(&json!({"id": 1, "status": "Filled", "legs": legs})).unwrap();
        prop_assert_eq!((view.quantity, view.filled), (packages, packages));
        prop_assert!(view.is_settled(packages));
        prop_assert_eq!(view.fills.iter().map(|fill| fill.quantity).sum::<u32>(), packages);
        let cash = |fills: &[(u32, i64)]| fills.iter().map(|(contracts, cents)| Decimal::from(*contracts) * Decimal::new(*cents, 2)).sum::<Decimal>();
        let paid: Decimal = view.fills.iter().map(|fill| fill.price.points() * Decimal::from(fill.quantity)).sum();
        prop_assert_eq!(paid, cash(&sold) - cash(&bought));
    }

    /// Reports in any order and any number say the same.
    #[test]
    fn repeated_and_shuffled_reports_say_the_same(
        bought in any_fills(6), sold in any_fills(6), keep in proptest::collection::vec(any::<bool>(), 40), turn in 0_usize..8
    ) {
        let (first, second) = (leg_json(BOUGHT, "Buy to Open", 6, &bought), leg_json(SOLD, "Sell to Open", 6, &sold));
        let once = read(&json!({"id": 1, "status": "Filled", "legs": [first, second]})).unwrap();
        let mut reports = Vec::new();
        for (at, leg) in [&first, &second].into_iter().enumerate() {
            let mut part = leg.clone();
            part["fills"].as_array_mut().unwrap().retain({
                let mut keep = keep.iter().skip(20 * at);
                move |_| *keep.next().unwrap()
            });
            let mut whole = leg.clone();
            let fills = whole["fills"].as_array_mut().unwrap();
            let by = turn % fills.len().max(1);
            fills.rotate_left(by);
            reports.extend([part, whole]);
        }
        let many = read(&json!({"id": 1, "status": "Filled", "legs": reports})).unwrap();
        prop_assert_eq!((many.filled, &many.fills, many.is_settled(6)), (once.filled, &once.fills, true));
    }

    /// However the fills arrive, an order never looks settled at less than what was filled.
    #[test]
    fn an_order_with_fills_missing_is_never_settled(bought in any_fills(6), sold in any_fills(6), missing in 0_usize..8, cancelled: bool) {
        let done = if cancelled { 4 } else { 6 };
        let quantity = if cancelled { 10 } else { 6 };
        let cut = |fills: &[(u32, i64)]| {
            let mut left = done;
            fills.iter().map(|(contracts, cents)| { let taken = (*contracts).min(left); left -= taken; (taken, *cents) }).filter(|(contracts, _)| *contracts > 0).collect::<Vec<_>>()
        };
        let (bought, sold) = (cut(&bought), cut(&sold));
        let mut legs = [leg_json(BOUGHT, "Buy to Open", quantity, &bought), leg_json(SOLD, "Sell to Open", quantity, &sold)];
        for leg in &mut legs {
            leg["remaining-quantity"] = json!(quantity - done);
        }
        let fills = legs[missing % 2]["fills"].as_array_mut().unwrap();
        fills.remove((missing / 2) % fills.len());
        let status = if cancelled { "Cancelled" } else { "Filled" };
        let view = read(&json!({"id": 1, "status": status, "legs": legs})).unwrap();
        prop_assert!(!view.is_settled(quantity), "{view:?}");
        prop_assert!(view.filled < done);
    }
}
