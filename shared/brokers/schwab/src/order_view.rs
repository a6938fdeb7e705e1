//! One order as Schwab shows it (docs/reference/schwab.md, Order as shown).

use gamma_execution::ports::{BrokerFault, Fill, OrderId, OrderStatus, OrderView};
use gamma_market::{Effect, Leg, LegAction, PositionEffect, Price};
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::fields::{self, FieldError, LARGEST_PRICE, Object};
use crate::order_status::status;

mod unreadable;

/// Characters kept of why a row does not read.
const LONGEST_REASON: usize = 160;

/// Where in a list a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the list itself, where our orders are.
    Top,
    /// Under an order that triggers or cancels it: never ours.
    Child,
}

/// The `number`th row of a list, without its children. One that does not read is kept as far as it does,
/// unless nobody could ask for it and it could be ours.
pub(crate) fn row_view(row: &Object<'_>, number: usize, place: Place) -> Result<OrderView, FieldError> {
    order_view(row).or_else(|why| unreadable::kept(row, number, place, why))
}

/// The end of an error's text, which names the field: the way down to it may be longer than the row.
pub(crate) fn in_short(why: &FieldError) -> String {
    let text = why.to_string();
    let from = text.char_indices().rev().nth(LONGEST_REASON - 1).map_or(0, |(at, _)| at);
    text.get(from..).unwrap_or_default().to_owned()
}

/// The answer for one id, which must be that order's.
pub(crate) fn one(answer: &Value, id: &OrderId) -> Result<OrderView, BrokerFault> {
    if answer.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(BrokerFault::Unavailable("order: got {}, expected an order".to_owned()));
    }
    let view = order_view(&Object::of(answer, "order")?)?;
    if view.id == *id {
        Ok(view)
    } else {
        Err(BrokerFault::Malformed(format!("order.orderId: got {}, expected {id}", view.id)))
    }
}

/// Reads an order, without its children.
fn order_view(order: &Object<'_>) -> Result<OrderView, FieldError> {
    let id = order.id("orderId")?.ok_or_else(|| order.bad("orderId", "an id of digits"))?;
    let legs = Legs::read(order)?;
    let quantity = legs.packages(order, "quantity")?;
    if quantity.is_none() && !legs.rows.is_empty() && !legs.foreign {
        return Err(order.bad("quantity", "a number of packages"));
    }
    let quantity = quantity.unwrap_or_default();
    let status = status(order.required_text("status")?);
    let executions = executions(order, &legs)?;
    let filled = filled(&status, quantity, legs.packages(order, "filledQuantity")?, &executions);
    let (legs, foreign_legs) = legs.into_ratios(quantity);
    Ok(OrderView {
        id: OrderId(id),
        quantity,
        filled,
        price: order.price("price")?,
        effect: match order.text("orderType")? {
            Some("NET_CREDIT") => Some(Effect::Credit),
            Some("NET_DEBIT") => Some(Effect::Debit),
            _ => None,
        },
        legs,
        foreign_legs,
        entered: order.time("enteredTime")?,
        fills: executions.into_iter().filter_map(Execution::into_fill).collect(),
        reason: order.words("statusDescription")?,
        tag: order.words("tag")?,
        // Schwab takes no name for an order.
        name: None,
        linked: linked(order),
        unreadable: None,
        status,
    })
}

/// The orders that it replaces, or that replace it: which of the two says so is not known
/// (docs/reference/schwab.md, Order as shown), nor whether whole orders or their ids stand there. What does
/// not read links to nothing that could be asked for.
fn linked(order: &Object<'_>) -> Vec<OrderId> {
    let own = order.id("orderId").ok().flatten();
    let id_of = |value: &Value| {
        fields::id(value.get("orderId").unwrap_or(value)).filter(|id| Some(id) != own.as_ref())
    };
    let mut ids: Vec<OrderId> = Vec::new();
    let rows = order
        .value("replacingOrderCollection")
        .map_or(&[][..], |value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
    for id in rows.iter().filter_map(id_of).map(OrderId) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Packages filled: the broker's own count, `filledQuantity`; never quantity minus remaining, which is 0 on
/// every ended order. Where the answer contradicts itself the larger count stands, because counting too few
/// orders again what is already bought: executions may be shown before the count follows, and FILLED means
/// all of it.
fn filled(status: &OrderStatus, quantity: u32, counted: Option<u32>, executions: &[Execution]) -> u32 {
    let executed = executions.iter().fold(0_u32, |sum, execution| sum.saturating_add(execution.quantity));
    let whole = if *status == OrderStatus::Filled { quantity } else { 0 };
    counted.unwrap_or_default().max(executed).max(whole)
}

/// The option legs of an order.
struct Legs {
    rows: Vec<LegRow>,
    /// Whether there are legs beside them.
    foreign: bool,
}

struct LegRow {
    id: Option<String>,
    leg: Leg,
    contracts: u32,
}

impl Legs {
    fn read(order: &Object<'_>) -> Result<Self, FieldError> {
        let mut legs = Self { rows: Vec::new(), foreign: false };
        for row in order.objects("orderLegCollection")? {
            let action = match row.text("instruction")? {
                Some("BUY_TO_OPEN") => Some((LegAction::Buy, PositionEffect::Open)),
                Some("SELL_TO_OPEN") => Some((LegAction::Sell, PositionEffect::Open)),
                Some("BUY_TO_CLOSE") => Some((LegAction::Buy, PositionEffect::Close)),
                Some("SELL_TO_CLOSE") => Some((LegAction::Sell, PositionEffect::Close)),
                _ => None,
            };
            let instrument = row.object("instrument")?;
            let symbol = match &instrument {
                Some(instrument) if instrument.text("assetType")? == Some("OPTION") => {
                    instrument.text("symbol")?.and_then(|text| text.parse().ok())
                }
                _ => None,
            };
            if (symbol.is_none() || action.is_none()) && crate::foreign::may_be_ours(&row) {
                return Err(row.bad("instrument", "a symbol and an instruction that read"));
            }
            legs.foreign |= action.is_none() || symbol.is_none();
            if let (Some(symbol), Some((action, position))) = (symbol, action) {
                legs.rows.push(LegRow {
                    id: row.id("legId")?,
                    leg: Leg { symbol, action, position },
                    contracts: row
                        .count("quantity")?
                        .ok_or_else(|| row.bad("quantity", "a number of contracts"))?,
                });
            }
        }
        Ok(legs)
    }

    /// A number of packages. Shares can be ordered in fractions, options cannot: a fraction in an order with
    /// foreign legs is rounded up, so that it does not vanish.
    fn packages(&self, order: &Object<'_>, key: &str) -> Result<Option<u32>, FieldError> {
        if !self.foreign {
            return order.count(key);
        }
        let Some(number) = order.decimal(key)? else { return Ok(None) };
        number.ceil().to_u32().map(Some).ok_or_else(|| order.bad(key, "a number of 0 or more"))
    }

    /// Contracts per package. Legs that are no multiple of the order's quantity make no package we know.
    fn into_ratios(self, quantity: u32) -> (Vec<(Leg, u32)>, bool) {
        let divisor = quantity.max(1);
        let foreign = self.foreign || self.rows.iter().any(|row| row.contracts % divisor != 0);
        (self.rows.into_iter().map(|row| (row.leg, (row.contracts / divisor).max(1))).collect(), foreign)
    }
}

/// One execution; without a price where its legs do not add up to whole packages.
struct Execution {
    quantity: u32,
    price: Option<Price>,
    at: Option<Timestamp>,
}

impl Execution {
    /// An execution that cannot be priced is not shown as one; the order's count has it.
    fn into_fill(self) -> Option<Fill> {
        self.price.map(|price| Fill { quantity: self.quantity, price, at: self.at })
    }
}

/// The fills among the activities. A cancel is an activity of type EXECUTION too, with executionType
/// CANCELED.
fn executions(order: &Object<'_>, legs: &Legs) -> Result<Vec<Execution>, FieldError> {
    let mut executions = Vec::new();
    for activity in order.objects("orderActivityCollection")? {
        if activity.text("activityType")? != Some("EXECUTION")
            || activity.text("executionType")? != Some("FILL")
        {
            continue;
        }
        let quantity = legs
            .packages(&activity, "quantity")?
            .ok_or_else(|| activity.bad("quantity", "a number of packages"))?;
        let parts = activity.objects("executionLegs")?;
        let times: Result<Vec<_>, _> = parts.iter().map(|part| part.time("time")).collect();
        executions.push(Execution {
            quantity,
            price: net_price(&parts, legs, quantity)?,
            at: times?.into_iter().flatten().max(),
        });
    }
    Ok(executions)
}

/// Net price per package in points, without its sign: Σ ±price × contracts over all legs, sold plus and
/// bought minus, divided by the packages. Each leg may be executed in parts at several prices.
fn net_price(parts: &[Object<'_>], legs: &Legs, packages: u32) -> Result<Option<Price>, FieldError> {
    let mut cash = Decimal::ZERO;
    let mut left: Vec<Decimal> = Vec::new();
    let of_all = legs.rows.first().map_or(0, |row| row.contracts);
    let even = !legs.foreign && packages > 0 && legs.rows.iter().all(|row| row.contracts == of_all);
    if !even {
        // Only packages of one-to-one legs are ours; others are counted, not priced.
        return Ok(None);
    }
    left.resize(legs.rows.len(), Decimal::from(packages));
    for part in parts {
        let id = part.id("legId")?;
        let Some(at) = legs.rows.iter().position(|row| row.id.is_some() && row.id == id) else {
            return Ok(None);
        };
        let price = part.price("price")?.ok_or_else(|| part.bad("price", "a number"))?.points();
        let contracts = part.decimal("quantity")?.ok_or_else(|| part.bad("quantity", "a number"))?;
        let signed = match legs.rows[at].leg.action {
            LegAction::Sell => price,
            LegAction::Buy => -price,
        };
        let sum = signed.checked_mul(contracts).and_then(|amount| cash.checked_add(amount));
        let rest = left[at].checked_sub(contracts);
        let (Some(sum), Some(rest)) = (sum, rest) else {
            return Err(part.bad("price", "a price in points"));
        };
        cash = sum;
        left[at] = rest;
    }
    let complete = left.iter().all(Decimal::is_zero);
    let net = complete.then(|| cash.checked_div(Decimal::from(packages))).flatten();
    // Parts that take back what others gave may add up to any price.
    Ok(net.filter(|net| net.abs() <= LARGEST_PRICE).map(|net| Price::new(net.normalize()).abs()))
}

#[cfg(test)]
mod tests;
