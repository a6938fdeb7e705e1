//! An order's JSON as Schwab gives it back (docs/reference/schwab.md, Order as shown).

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::logins::Holder;
use super::order_request::Wording;
use super::wire::{count, points, seconds};
use super::{Face, instruments};
use gamma_market::{Effect, LegAction};
use gamma_sim_core::exchange::{
    Fill, Order, OrderState, PendingStage, PositionEffect, Pricing, TicketLeg, TimeInForce,
};

/// One order.
pub(super) fn order(order: &Order, wording: &Wording, face: &Face, holder: &Holder) -> Value {
    let terminal = order.state.is_terminal();
    let cancelable =
        !terminal && !matches!(order.state, OrderState::PendingCancel | OrderState::PendingReplace);
    let remaining = if terminal { 0 } else { order.unfilled() };
    let mut shown: Map<String, Value> = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("session", "NORMAL".into());
    set("duration", wording.duration.clone().into());
    set("orderType", wording.order_type.clone().into());
    set("complexOrderStrategyType", wording.complex.clone().into());
    set("quantity", count(order.ticket.quantity()));
    set("filledQuantity", count(order.filled()));
    set("remainingQuantity", count(remaining));
    set("requestedDestination", "AUTO".into());
    set("destinationLinkName", "AutoRoute".into());
    if let Pricing::Limit { price, .. } = order.ticket.pricing() {
        set("price", points(price));
    }
    set(
        "orderLegCollection",
        (1_u64..).zip(order.ticket.legs()).map(|(id, item)| leg(id, item, order.ticket.quantity())).collect(),
    );
    set("orderStrategyType", "SINGLE".into());
    set("orderId", order.id.into());
    set("cancelable", cancelable.into());
    set("editable", cancelable.into());
    set("status", status(&order.state).into());
    if let OrderState::Rejected(reason) = &order.state {
        set("statusDescription", reason.clone().into());
    }
    set("enteredTime", seconds(order.entered).into());
    if let Some(closed) = order.closed {
        set("closeTime", seconds(closed).into());
    }
    set("tag", face.config.tag.clone().into());
    // A number here, a string everywhere else.
    set(
        "accountNumber",
        holder.number.parse::<u64>().map_or_else(|_| holder.number.clone().into(), Value::from),
    );
    let activities = activities(order);
    if !activities.is_empty() {
        set("orderActivityCollection", activities.into());
    }
    Value::Object(shown)
}

/// The word for a state.
pub(super) const fn status(state: &OrderState) -> &'static str {
    match state {
        OrderState::Pending(PendingStage::Activation) => "PENDING_ACTIVATION",
        OrderState::Pending(PendingStage::Queued) => "QUEUED",
        OrderState::Pending(PendingStage::Accepted) => "ACCEPTED",
        OrderState::Working => "WORKING",
        OrderState::PendingCancel => "PENDING_CANCEL",
        OrderState::PendingReplace => "PENDING_REPLACE",
        OrderState::Filled => "FILLED",
        OrderState::Canceled => "CANCELED",
        OrderState::Rejected(_) => "REJECTED",
        OrderState::Expired => "EXPIRED",
        OrderState::Replaced => "REPLACED",
    }
}

/// `BUY_TO_OPEN` and its like.
pub(super) const fn instruction(leg: &TicketLeg) -> &'static str {
    match (leg.action, leg.effect) {
        (LegAction::Buy, PositionEffect::Opening) => "BUY_TO_OPEN",
        (LegAction::Buy, PositionEffect::Closing) => "BUY_TO_CLOSE",
        (LegAction::Sell, PositionEffect::Opening) => "SELL_TO_OPEN",
        (LegAction::Sell, PositionEffect::Closing) => "SELL_TO_CLOSE",
    }
}

/// `OPENING` or `CLOSING`.
pub(super) const fn position_effect(effect: PositionEffect) -> &'static str {
    match effect {
        PositionEffect::Opening => "OPENING",
        PositionEffect::Closing => "CLOSING",
    }
}

/// The words for an order that did not come over this wire.
pub(super) fn default_wording(order: &Order) -> Wording {
    let ticket = &order.ticket;
    let order_type = match (ticket.pricing(), ticket.legs().len()) {
        (Pricing::Market, _) => "MARKET",
        (Pricing::Limit { .. }, 1) => "LIMIT",
        (Pricing::Limit { effect: Effect::Credit, .. }, _) => "NET_CREDIT",
        (Pricing::Limit { effect: Effect::Debit, .. }, _) => "NET_DEBIT",
    };
    let complex = match ticket.legs().len() {
        1 => "NONE",
        2 => "VERTICAL",
        _ => "CUSTOM",
    };
    let duration = match ticket.time_in_force() {
        TimeInForce::Day => "DAY",
        TimeInForce::GoodTillCancel => "GOOD_TILL_CANCEL",
        TimeInForce::ImmediateOrCancel => "IMMEDIATE_OR_CANCEL",
        TimeInForce::FillOrKill => "FILL_OR_KILL",
    };
    Wording { order_type: order_type.into(), complex: complex.into(), duration: duration.into() }
}

fn leg(id: u64, leg: &TicketLeg, packages: u32) -> Value {
    json!({
        "orderLegType": "OPTION",
        "legId": id,
        "instrument": instruments::of_order(&leg.symbol),
        "instruction": instruction(leg),
        "positionEffect": position_effect(leg.effect),
        "quantity": contracts(leg, packages),
    })
}

fn contracts(leg: &TicketLeg, packages: u32) -> Value {
    count(Decimal::from(leg.ratio) * Decimal::from(packages))
}

/// One activity a fill, and one for the cancel, which is an execution of type CANCELED at price 0.
fn activities(order: &Order) -> Vec<Value> {
    let mut remaining = order.ticket.quantity();
    let mut activities = Vec::new();
    for fill in &order.fills {
        remaining = remaining.saturating_sub(fill.quantity);
        activities.push(filled(order, fill, remaining));
    }
    if let (Some(activity), Some(closed)) = (order.cancel_activity, order.closed) {
        let leg = |(id, leg): (u64, &TicketLeg)| {
            json!({
                "legId": id,
                "quantity": contracts(leg, remaining),
                "mismarkedQuantity": 0.0,
                "price": 0.0,
                "time": seconds(closed),
                "instrumentId": instruments::instrument_id(&leg.symbol),
            })
        };
        activities.push(json!({
            "activityType": "EXECUTION",
            "activityId": activity,
            "executionType": "CANCELED",
            "quantity": count(remaining),
            "orderRemainingQuantity": 0.0,
            "executionLegs": (1_u64..).zip(order.ticket.legs()).map(leg).collect::<Vec<_>>(),
        }));
    }
    activities
}

fn filled(order: &Order, fill: &Fill, remaining: u32) -> Value {
    let legs = (1_u64..).zip(order.ticket.legs()).zip(&fill.leg_prices).map(|((id, leg), price)| {
        json!({
            "legId": id,
            "quantity": contracts(leg, fill.quantity),
            "mismarkedQuantity": 0.0,
            "price": points(*price),
            "time": seconds(fill.at),
            "instrumentId": instruments::instrument_id(&leg.symbol),
        })
    });
    json!({
        "activityType": "EXECUTION",
        "activityId": fill.activity,
        "executionType": "FILL",
        "quantity": count(fill.quantity),
        "orderRemainingQuantity": count(remaining),
        "executionLegs": legs.collect::<Vec<_>>(),
    })
}
