//! A row of a list that does not read as an order, kept as far as it does.

use std::hash::{DefaultHasher, Hash, Hasher};

use gamma_execution::ports::{OrderId, OrderName, OrderStatus, OrderView};
use gamma_wire::KnownLegs;

use super::{linked, shown, size, was_replaced};
use crate::broker::ROOTS;
use crate::fields::{FieldError, Object};
use crate::foreign::{is_no_option, may_be_ours};

/// How the source of an order of ours begins, whichever version sent it.
const OUR_SOURCE: &str = "gamma-trading/";

/// The row as what it may touch, for whoever looks for orders of others. One without an id gets one that no
/// order can have.
///
/// # Errors
/// `why` it does not read, where it could be an order of ours: a list in which that one is missing proves
/// nothing.
pub(super) fn kept(order: &Object<'_>, why: FieldError) -> Result<OrderView, FieldError> {
    let legs = known_legs(order);
    let id = order.id("id").ok().flatten();
    if legs.may_touch(ROOTS) && (id.is_none() || may_have_our_name(order)) {
        return Err(why);
    }
    let id = id.unwrap_or_else(|| made_up_id(order));
    tracing::debug!(order = id, %why, "an order of others does not read");
    let text = |key: &str| order.words(key).ok().flatten();
    Ok(OrderView {
        id: OrderId(id),
        status: match order.text("status") {
            Ok(Some(word)) => shown(word, was_replaced(order)),
            _ => OrderStatus::Other("a status that does not read".to_owned()),
        },
        quantity: size(order).unwrap_or_default(),
        filled: 0,
        price: order.price("price").ok().flatten(),
        effect: None,
        foreign_legs: legs.any(),
        legs: legs.into_legs(),
        entered: order.time("received-at").ok().flatten(),
        fills: Vec::new(),
        reason: text("reject-reason"),
        tag: text("source"),
        name: text("external-identifier").map(OrderName),
        linked: linked(order),
        unreadable: Some(why.to_string()),
    })
}

/// The same for the same row, on whichever page or list it stands.
fn made_up_id(order: &Object<'_>) -> String {
    let mut hasher = DefaultHasher::new();
    for key in ["received-at", "status", "size", "price", "legs"] {
        order.value(key).map(ToString::to_string).hash(&mut hasher);
    }
    format!("row {:08x} without an id", hasher.finish() >> 32)
}

/// An order of ours carries our source and a name. One without a name is never taken for ours; a name that
/// does not read may be.
fn may_have_our_name(order: &Object<'_>) -> bool {
    match (order.text("external-identifier"), order.text("source")) {
        (Ok(None), _) => false,
        (_, Ok(Some(source))) => source.starts_with(OUR_SOURCE),
        _ => true,
    }
}

/// The contracts of a row's legs, read one by one.
fn known_legs(order: &Object<'_>) -> KnownLegs {
    let legs = order.objects("legs").unwrap_or_default();
    if legs.is_empty() && may_be_ours(order, order) {
        return KnownLegs::unknown();
    }
    KnownLegs::new(legs.iter().filter(|leg| !is_no_option(leg)).filter_map(|leg| {
        let symbol = leg.text("symbol").ok().flatten().and_then(|text| text.parse().ok());
        (symbol.is_some() || may_be_ours(leg, order)).then_some(symbol)
    }))
}
