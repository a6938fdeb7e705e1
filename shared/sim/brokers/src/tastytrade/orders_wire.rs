//! An order's JSON as tastytrade gives it back (docs/reference/tastytrade.md, Order as shown).

use gamma_market::{Effect, LegAction};
use gamma_sim_core::exchange::{
    Book, Fill, Order, OrderState, PositionEffect, Pricing, Ticket, TicketLeg, TimeInForce,
};
use gamma_sim_core::faults::View;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::order_request::Wording;
use super::wire::{points, time};
use super::{Face, Holder};

/// Who placed every order here.
const USER_ID: &str = "99";

/// The words for where an order stood at `at`. The exchange knows one wait before an order is live; here it
/// has three parts.
pub(super) fn status(order: &Order, book: &Book, at: Timestamp) -> &'static str {
    let overtaken = || {
        order
            .replaces
            .and_then(|old| book.order(old))
            .is_some_and(|old| old.state.is_terminal() && old.state != OrderState::Replaced)
    };
    match &order.state {
        OrderState::Pending(_) => match Way::of(order, book, at) {
            Way::Contingent => "Contingent",
            Way::Received => "Received",
            Way::Routed => "Routed",
            Way::InFlight => "In Flight",
        },
        OrderState::Working => "Live",
        OrderState::PendingCancel => "Cancel Requested",
        OrderState::PendingReplace => "Replace Requested",
        OrderState::Filled => "Filled",
        OrderState::Canceled | OrderState::Replaced => "Cancelled",
        // How a replacement ends whose order filled first is not known: every way must be understood.
        OrderState::Rejected(_) if overtaken() => ["Rejected", "Cancelled", "Removed"]
            .get(usize::try_from(order.ordinal % 3).unwrap_or(0))
            .copied()
            .unwrap_or("Rejected"),
        OrderState::Rejected(_) => "Rejected",
        OrderState::Expired => "Expired",
    }
}

/// How far an order has come that is not live yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// It waits until the order it replaces is off the market.
    Contingent,
    Received,
    Routed,
    InFlight,
}

impl Way {
    fn of(order: &Order, book: &Book, at: Timestamp) -> Self {
        let Some(start) = start(order, book, at) else { return Self::Contingent };
        if at >= order.review() && order.live_since().is_none() && !order.state.is_terminal() {
            // Seen, and kept for the next session.
            return Self::Received;
        }
        let (gone, whole) =
            (at.duration_since(start).as_millis(), order.review().duration_since(start).as_millis().max(1));
        match gone * 3 / whole {
            ..=0 => Self::Received,
            1 => Self::Routed,
            _ => Self::InFlight,
        }
    }
}

/// When an order's own way began; `None` while it waits for another to go.
fn start(order: &Order, book: &Book, at: Timestamp) -> Option<Timestamp> {
    let Some(old) = order.replaces.and_then(|old| book.order(old)) else { return Some(order.entered) };
    old.closed.filter(|closed| old.state == OrderState::Replaced && *closed <= at)
}

/// One order as it stood at `at`, which the order must be [as of](Order::as_of).
pub(super) fn order(
    face: &Face,
    holder: &Holder,
    book: &Book,
    order: &Order,
    wording: &Wording,
    (view, at): (&View, Timestamp),
) -> Value {
    let status = status(order, book, at);
    let terminal = order.state.is_terminal();
    let touchable =
        !terminal && !matches!(order.state, OrderState::PendingCancel | OrderState::PendingReplace);
    let mut shown = unplaced(holder, &order.ticket, wording, status, touchable);
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("id", order.id.into());
    set("updated-at", order.last_change().as_millisecond().into());
    set("received-at", time(order.entered));
    set("user-id", USER_ID.into());
    set("username", face.config.username.clone().into());
    set("ext-client-order-id", format!("9b{:08}", order.id % 100_000_000).into());
    set("global-request-id", format!("{:016x}", order.id.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into());
    let routed =
        !matches!(status, "Contingent" | "Received") && !matches!(order.state, OrderState::Rejected(_));
    if routed {
        set("ext-exchange-order-number", format!("{}", order.id % 100_000_000).into());
        set("destination-venue", "CBOE".into());
    }
    if status == "Contingent" {
        set("contingent-status", "Pending Order".into());
    }
    if let Some(live) = order.live_since().filter(|live| *live <= at) {
        set("in-flight-at", time(live));
        set("live-at", time(live));
    }
    if let Some(closed) = order.closed.filter(|_| terminal) {
        set("terminal-at", time(closed));
        if status == "Cancelled" {
            set("cancelled-at", time(closed));
            set("cancel-user-id", USER_ID.into());
            set("cancel-username", face.config.username.clone().into());
        }
    }
    if let OrderState::Rejected(reason) = &order.state {
        set("reject-reason", reason.clone().into());
    }
    if let Some(old) = order.replaces.filter(|_| view.links()) {
        set("replaces-order-id", old.into());
    }
    // A replacement that was aborted replaces nothing, yet both still name each other.
    if let Some(new) =
        book.posts().iter().find(|new| view.links() && new.replaces == Some(order.id) && new.entered <= at)
    {
        set("replacing-order-id", new.id.into());
    }
    set(
        "legs",
        (0..)
            .zip(order.ticket.legs())
            .map(|(at_leg, leg)| filled_leg(order, at_leg, leg, (view, at)))
            .collect(),
    );
    if let Some(word) = view.status() {
        set("status", word.into());
    }
    Value::Object(shown)
}

/// What an order shows before it is placed: a dry run has no id and was never updated.
pub(super) fn unplaced(
    holder: &Holder,
    ticket: &Ticket,
    wording: &Wording,
    status: &str,
    touchable: bool,
) -> Map<String, Value> {
    let mut shown: Map<String, Value> = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("account-number", holder.number.clone().into());
    set("cancellable", touchable.into());
    set("editable", touchable.into());
    set("edited", false.into());
    set("time-in-force", in_force(ticket.time_in_force()).into());
    set("order-type", if ticket.pricing() == Pricing::Market { "Market" } else { "Limit" }.into());
    set("size", ticket.quantity().into());
    if let Pricing::Limit { effect, price } = ticket.pricing() {
        set("price", points(price));
        set("price-effect", if effect == Effect::Credit { "Credit" } else { "Debit" }.into());
    }
    set("underlying-symbol", "SPX".into());
    set("underlying-instrument-type", "Equity".into());
    set("status", status.into());
    set("updated-at", 0.into());
    set("leg-count", ticket.legs().len().into());
    if let Some(source) = &wording.source {
        set("source", source.clone().into());
    }
    if let Some(identifier) = &wording.external_identifier {
        set("external-identifier", identifier.clone().into());
    }
    set(
        "legs",
        ticket
            .legs()
            .iter()
            .map(|item| leg(item, ticket.quantity(), ticket.quantity(), Vec::new()))
            .collect(),
    );
    shown
}

/// `Sell to Open` and its like.
pub(super) const fn action(action: LegAction, effect: PositionEffect) -> &'static str {
    match (action, effect) {
        (LegAction::Buy, PositionEffect::Opening) => "Buy to Open",
        (LegAction::Buy, PositionEffect::Closing) => "Buy to Close",
        (LegAction::Sell, PositionEffect::Opening) => "Sell to Open",
        (LegAction::Sell, PositionEffect::Closing) => "Sell to Close",
    }
}

const fn in_force(in_force: TimeInForce) -> &'static str {
    match in_force {
        TimeInForce::Day => "Day",
        TimeInForce::GoodTillCancel => "GTC",
        TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => "IOC",
    }
}

fn leg(leg: &TicketLeg, packages: u32, unfilled: u32, fills: Vec<Value>) -> Value {
    json!({
        "instrument-type": "Equity Option",
        "symbol": leg.symbol.to_string(),
        "quantity": leg.ratio * packages,
        "remaining-quantity": leg.ratio * unfilled,
        "action": action(leg.action, leg.effect),
        "fills": fills,
    })
}

/// What remains is the truth, or nothing once the order is over; the fills that explain it may come later.
fn filled_leg(order: &Order, at_leg: usize, item: &TicketLeg, (view, at): (&View, Timestamp)) -> Value {
    let attached = |fill: &&Fill| {
        view.fills_late_by().is_none_or(|delay| fill.at.checked_add(delay).is_ok_and(|due| due <= at))
    };
    let fills = order.fills.iter().filter(attached).filter_map(|fill| {
        let price = fill.leg_prices.get(at_leg)?;
        let marks =
            FillMarks::of(fill.activity + u64::try_from(at_leg).unwrap_or(0) + 1, fill.activity, fill.at);
        Some(json!({
            "ext-group-fill-id": marks.group,
            "ext-exec-id": marks.execution,
            "fill-id": marks.id,
            "quantity": item.ratio * fill.quantity,
            "fill-price": points(*price),
            "filled-at": time(fill.at),
            "destination-venue": "CBOE",
        }))
    });
    let fills: Vec<Value> =
        fills.flat_map(|fill| std::iter::repeat_n(fill, if view.fills_twice() { 2 } else { 1 })).collect();
    let remaining = if view.nothing_remains() && order.state.is_terminal() { 0 } else { order.unfilled() };
    leg(item, order.ticket.quantity(), remaining, fills)
}

/// By what one leg of one execution is known, in orders and transactions alike.
pub(super) struct FillMarks {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) execution: String,
    pub(super) venue: String,
}

impl FillMarks {
    /// `row` is the transaction's id, `activity` that of the execution it belongs to.
    pub(super) fn of(row: u64, activity: u64, at: Timestamp) -> Self {
        let day = gamma_market::calendar::trade_date(at).strftime("%Y%m%d").to_string();
        let venue = format!("3_SIM{}", row % 100_000_000);
        Self {
            id: format!("{venue}::{day}.{}-FILL", row % 10_000),
            group: format!("{day}{:07}", activity % 10_000_000),
            execution: format!("{:07}", row % 10_000_000),
            venue,
        }
    }
}
