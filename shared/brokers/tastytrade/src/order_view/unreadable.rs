//! A row of a list that does not read as an order, kept as far as it does.

use std::hash::{DefaultHasher, Hash, Hasher};

use gamma_execution::ports::{OrderId, OrderName, OrderStatus, OrderView};
use gamma_market::{Leg, LegAction, OptionSymbol};

use super::{linked, shown, size, was_replaced};
use crate::fields::{FieldError, Object};
use crate::foreign::{is_no_option, is_our_root, may_be_ours};

/// How the source of an order of ours begins, whichever version sent it.
const OUR_SOURCE: &str = "gamma-trading/";

/// The row as what it may touch, for whoever looks for orders of others. One without an id gets one that no order can have.
///
/// # Errors
/// `why` it does not read, where it could be an order of ours: a list in which that one is missing proves nothing.
pub(super) fn kept(order: &Object<'_>, why: FieldError) -> Result<OrderView, FieldError> {
    let legs = KnownLegs::read(order);
    let id = order.id("id").ok().flatten();
    if legs.touch_ours() && (id.is_none() || may_have_our_name(order)) {
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
        foreign_legs: legs.unknown || !legs.options.is_empty(),
        legs: legs.options,
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

/// An order of ours carries our source and a name. One without a name is never taken for ours; a name that does not read may be.
fn may_have_our_name(order: &Object<'_>) -> bool {
    match (order.text("external-identifier"), order.text("source")) {
        (Ok(None), _) => false,
        (_, Ok(Some(source))) => source.starts_with(OUR_SOURCE),
        _ => true,
    }
}

/// The contracts of a row's legs, read one by one.
struct KnownLegs {
    /// The options, whatever their number; none while there are unknown ones, since then the order may touch any contract.
    options: Vec<(Leg, u32)>,
    /// Whether a leg may be of ours, and nobody can say of which.
    unknown: bool,
}

impl KnownLegs {
    fn read(order: &Object<'_>) -> Self {
        let legs = order.objects("legs").unwrap_or_default();
        let mut known = Self { options: Vec::new(), unknown: legs.is_empty() && may_be_ours(order, order) };
        for leg in legs.iter().filter(|leg| !is_no_option(leg)) {
            match leg.text("symbol").ok().flatten().and_then(|text| text.parse::<OptionSymbol>().ok()) {
                // Which way it trades does not matter: it is never taken for ours.
                Some(symbol) => known.options.push((Leg { symbol, action: LegAction::Buy }, 1)),
                None => known.unknown |= may_be_ours(leg, order),
            }
        }
        if known.unknown {
            known.options.clear();
        }
        known
    }

    fn touch_ours(&self) -> bool {
        self.unknown || self.options.iter().any(|(leg, _)| is_our_root(leg.symbol.root()))
    }
}
