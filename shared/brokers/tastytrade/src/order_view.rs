//! One order as tastytrade shows it (docs/reference/tastytrade.md, Order as shown).

use gamma_execution::ports::{BrokerFault, OrderId, OrderName, OrderStatus, OrderView};
use gamma_market::Effect;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::fields::{FieldError, Object};
use crate::legs::Legs;
use crate::order_status::status;
use crate::{envelope, fills};

/// How long after an order's end its fills are taken to be attached, where nothing else tells that they are.
const ATTACHED_WITHIN: SignedDuration = SignedDuration::from_secs(3);

/// The answer for one id, which must be that order's, read at `now`.
pub(crate) fn one(answer: &Value, id: &OrderId, now: Timestamp) -> Result<OrderView, BrokerFault> {
    let view = order_view(&envelope::data(answer, "order")?, now)?;
    if view.id == *id {
        Ok(view)
    } else {
        Err(BrokerFault::Malformed(format!("order.data.id: got {}, expected {id}", view.id)))
    }
}

/// Reads a row of a list at `now`. One that does not read makes no other unreadable, unless it could be an
/// order of ours.
pub(crate) fn row(order: &Object<'_>, now: Timestamp) -> Result<OrderView, FieldError> {
    order_view(order, now).or_else(|why| unreadable::kept(order, why))
}

/// Reads an order at `now`.
fn order_view(order: &Object<'_>, now: Timestamp) -> Result<OrderView, FieldError> {
    let id = order.id("id")?.ok_or_else(|| order.bad("id", "an id of digits"))?;
    let legs = Legs::read(order)?;
    let (packages, ratios) = legs.packages();
    let quantity = if legs.rows.is_empty() { size(order)? } else { packages };
    let filled = fills::filled(&legs, &ratios);
    let word = order.required_text("status")?;
    let fresh = ended(order).is_none_or(|at| now.duration_since(at) < ATTACHED_WITHIN);
    Ok(OrderView {
        id: OrderId(id),
        status: proven(shown(word, was_replaced(order)), (word, fresh), &legs, &ratios),
        quantity,
        filled,
        price: order.price("price")?,
        effect: match order.text("price-effect")? {
            Some("Credit") => Some(Effect::Credit),
            Some("Debit") => Some(Effect::Debit),
            _ => None,
        },
        fills: fills::pair(&legs, &ratios),
        foreign_legs: legs.foreign,
        legs: legs.rows.into_iter().map(|row| row.leg).zip(ratios).collect(),
        entered: order.time("received-at")?,
        reason: order.words("reject-reason")?,
        tag: order.words("source")?,
        name: order.words("external-identifier")?.map(OrderName),
        linked: linked(order),
        unreadable: None,
    })
}

/// The orders it replaces or is replaced by, as far as they have ids.
fn linked(order: &Object<'_>) -> Vec<OrderId> {
    let mut ids = Vec::new();
    for key in
        ["replaces-order-id", "replacing-order-id"].into_iter().filter(|key| names_an_order(order, key))
    {
        // One that does not read links to nothing that could be asked for.
        let id =
            order.id(key).ok().flatten().filter(|id| order.id("id") != Ok(Some(id.clone()))).map(OrderId);
        ids.extend(id.filter(|id| !ids.contains(id)).into_iter().collect::<Vec<_>>());
    }
    ids
}

fn was_replaced(order: &Object<'_>) -> bool {
    names_an_order(order, "replacing-order-id")
}

/// Whether another order stands under `key`: 0 and an empty text are none.
fn names_an_order(order: &Object<'_>, key: &str) -> bool {
    match order.value(key) {
        None => false,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => text.trim().bytes().any(|digit| digit != b'0'),
        Some(_) => true,
    }
}

/// When it was over, by the first of its times that says so.
fn ended(order: &Object<'_>) -> Option<Timestamp> {
    let told = ["terminal-at", "cancelled-at"].into_iter().find_map(|key| order.time(key).ok().flatten());
    told.or_else(|| {
        order
            .value("updated-at")
            .and_then(Value::as_i64)
            .filter(|at| *at > 0)
            .and_then(|at| Timestamp::from_millisecond(at).ok())
    })
}

/// Shares can be ordered in fractions: they are rounded up, so that they do not vanish.
fn size(order: &Object<'_>) -> Result<u32, FieldError> {
    let Some(size) = order.decimal("size")? else { return Ok(0) };
    size.ceil().to_u32().ok_or_else(|| order.bad("size", "a number of 0 or more"))
}

/// An order that ended because another took its place lives on under that one's id. One that filled first did
/// not.
fn shown(word: &str, replaced: bool) -> OrderStatus {
    match status(word) {
        OrderStatus::Filled => OrderStatus::Filled,
        status if replaced && status.is_terminal() => OrderStatus::Replaced,
        status => status,
    }
}

/// The status, unless the order contradicts itself about how much of it was filled: then nothing is proven
/// yet, whatever the word says.
///
/// Status, remaining quantities and fills are not written together: an order can be Filled or Cancelled
/// before all of its fills are attached to it. A reader that took the fills for complete would order again
/// what was already bought. `filled` less than ordered under the word Filled needs no care here, nobody takes
/// that for settled. An order that was cancelled without a word of what remained, or with nothing remaining,
/// may have filled: it is `fresh` until its fills had the time to be attached.
fn proven(status: OrderStatus, (word, fresh): (&str, bool), legs: &Legs, ratios: &[u32]) -> OrderStatus {
    if legs.rows.is_empty() || !status.is_terminal() || status == OrderStatus::Replaced {
        return status;
    }
    let attached = fills::filled(legs, ratios);
    let (ordered, _) = legs.packages();
    if status == OrderStatus::Filled && attached < ordered {
        return status;
    }
    // Once an order is over without being filled, nothing remains of it that could work: 0 on every leg says
    // no more than that.
    let over = status != OrderStatus::Filled && legs.rows.iter().all(|row| row.remaining == Some(0));
    let agree = legs
        .rows
        .iter()
        .all(|row| row.remaining.is_none_or(|left| row.contracts.checked_sub(left) == Some(row.filled())));
    let word: String = word.chars().take(40).collect();
    if fills::are_whole(legs, ratios) && (over || agree) {
        let may_have_filled =
            matches!(status, OrderStatus::Canceled | OrderStatus::Expired) && attached < ordered;
        let untold = over || legs.rows.iter().any(|row| row.remaining.is_none());
        let wait = may_have_filled && untold && fresh;
        return if wait {
            OrderStatus::Other(format!("{word} a moment ago, {attached} fills attached so far"))
        } else {
            status
        };
    }
    let told = legs.rows.iter().zip(ratios).map(|(row, ratio)| {
        let gone = row.remaining.filter(|_| !over).map_or(0, |left| row.contracts.saturating_sub(left));
        gone.max(row.filled()).div_ceil(*ratio)
    });
    OrderStatus::Other(format!("{word}, {attached} of {} fills attached", told.max().unwrap_or_default()))
}

mod unreadable;

#[cfg(test)]
mod tests;
