//! Recovery as a pure plan: (what the ledger says, what the broker shows) → what to do. The driver only
//! executes it.

use std::collections::BTreeMap;

use gamma_market::{OptionSymbol, Package};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::fingerprint::{Fingerprint, Mark, our_tag};
use crate::ports::{IntentRecord, LoadedDay, OrderId, OrderStatus, OrderView, RungRecord, RungState};

/// What the broker shows when a day is recovered.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Every order of the day: a complete and successful list.
    pub orders: &'a [OrderView],
    /// Whether the trade date is over.
    pub trade_date: TradeDate<'a>,
    /// The tag of our application, where it is configured.
    pub tag: Option<&'a str>,
    /// The trade date, where orders carry the names of their rungs.
    pub names_of: Option<Date>,
}

/// Whether an order that does not show up can still appear.
#[derive(Debug, Clone, Copy)]
pub enum TradeDate<'a> {
    /// Its session is on, or only just over.
    Open,
    /// Its session is over, and a while has passed.
    Closed {
        /// Net contracts held now, long positive; `None` when they could not be read.
        positions: Option<&'a BTreeMap<OptionSymbol, i64>>,
        /// The day on which they were read.
        today: Date,
    },
}

/// What to do about one rung whose fate is open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there are a handful of them at a time")]
pub enum Action {
    /// The broker shows its order, and it is over: record that.
    Record {
        /// The rung.
        rung: RungRecord,
        /// Its order.
        order: OrderView,
    },
    /// Its order is alive: cancel it, then read it until it is over.
    Cancel {
        /// The rung.
        rung: RungRecord,
        /// Its order.
        order: OrderId,
    },
    /// Its order is known by id, but what the list shows of it proves nothing: read it by id.
    Read {
        /// The rung.
        rung: RungRecord,
        /// Its order.
        order: OrderId,
    },
    /// It never existed: the close has passed, no order matches, and the positions are what the known fills
    /// made of them.
    NeverAccepted {
        /// The rung.
        rung: RungRecord,
        /// The witnesses.
        reason: String,
    },
    /// An answer named its order, and no list shows that: read it by id, and see whether it is ours.
    ReadNamed {
        /// The rung.
        rung: RungRecord,
        /// The order that was named.
        order: OrderId,
    },
    /// Its outcome cannot be proven from what the broker shows.
    Unresolved {
        /// The rung.
        rung: RungRecord,
        /// Why.
        reason: String,
        /// Whether that may change as long as the session is on.
        may_change: bool,
    },
}

/// From when on a complete list of the broker's orders says whether a rung's order exists: the latest open
/// mark plus the settle window. `None` when no rung's id is unknown.
#[must_use]
pub fn settled_at(day: &LoadedDay, locate_seconds: u32) -> Option<Timestamp> {
    day.open_rungs()
        .filter(|rung| rung.state.order().is_none())
        .filter_map(|rung| rung.at.checked_add(crate::profile::seconds(locate_seconds)).ok())
        .max()
}

/// What to do about every rung whose fate is open.
#[must_use]
pub fn plan(day: &LoadedDay, shown: Shown<'_>) -> Vec<Action> {
    let known = day.known_orders();
    let tag = our_tag(shown.tag, shown.orders, &known);
    day.open_rungs().map(|rung| action(day, rung, shown, &known, tag)).collect()
}

fn action(day: &LoadedDay, rung: &RungRecord, shown: Shown<'_>, known: &[OrderId], tag: Mark<'_>) -> Action {
    if let Some(id) = rung.state.order() {
        return match shown.orders.iter().find(|order| order.id == *id && order.unreadable.is_none()) {
            Some(order) => found(rung, order, shown.orders),
            None => Action::Read { rung: rung.clone(), order: id.clone() },
        };
    }
    let unresolved =
        |reason: String, may_change: bool| Action::Unresolved { rung: rung.clone(), reason, may_change };
    let Some(intent) = day.intents.iter().find(|intent| intent.key == rung.intent) else {
        return unresolved(
            format!("the ledger has rung {} of {} but not the intent", rung.number, rung.intent),
            false,
        );
    };
    let seen: Vec<OrderId> = rung.seen.iter().chain(known).cloned().collect();
    let name = shown.names_of.map(|date| rung.order_name(date));
    let mark = name.as_ref().map_or(tag, Mark::Name);
    let print = Fingerprint::of(intent.package, rung, &seen, mark);
    if let RungState::Named { order: id } = &rung.state
        && !seen.contains(id)
    {
        match shown.orders.iter().find(|order| order.id == *id && order.unreadable.is_none()) {
            Some(order) if print.proves(order).is_ok() => return found(rung, order, shown.orders),
            // Another's: ours is looked for like any that no answer named.
            Some(_) => {}
            None => return Action::ReadNamed { rung: rung.clone(), order: id.clone() },
        }
    }
    let open = matches!(shown.trade_date, TradeDate::Open);
    match print.matches(shown.orders)[..] {
        [order] => found(rung, order, shown.orders),
        [] => match (print.could_be(shown.orders), never_accepted(day, intent, shown.trade_date)) {
            (Some(row), _) => {
                unresolved(format!("order {} does not read, and it could be the one", row.id), open)
            }
            (None, Ok(reason)) => Action::NeverAccepted { rung: rung.clone(), reason },
            (None, Err(reason)) => unresolved(format!("no order at the broker matches; {reason}"), open),
        },
        ref many => {
            unresolved(format!("{} orders at the broker match, expected exactly one", many.len()), false)
        }
    }
}

/// The fingerprint's proof for one rung, for an order that was read by id.
///
/// # Errors
/// What the order shows instead, in words.
pub fn proves(
    day: &LoadedDay,
    rung: &RungRecord,
    order: &OrderView,
    tag: Option<&str>,
    names_of: Option<Date>,
) -> Result<(), String> {
    let Some(intent) = day.intents.iter().find(|intent| intent.key == rung.intent) else {
        return Err(format!("the ledger has rung {} of {} but not the intent", rung.number, rung.intent));
    };
    let name = names_of.map(|date| rung.order_name(date));
    let mark = name.as_ref().map_or_else(|| our_tag(tag, &[], &[]), Mark::Name);
    let seen: Vec<OrderId> = rung.seen.iter().cloned().chain(day.known_orders()).collect();
    Fingerprint::of(intent.package, rung, &seen, mark).proves(order)
}

/// One view of each order, of several lists. Orders only go forward: the one that is over, or shows more
/// filled, is newer.
#[must_use]
pub fn merged(one: Vec<OrderView>, other: Vec<OrderView>) -> Vec<OrderView> {
    let mut kept: BTreeMap<OrderId, OrderView> = BTreeMap::new();
    for view in one.into_iter().chain(other) {
        let progress = |view: &OrderView| (view.status.is_terminal(), view.filled);
        match kept.get(&view.id) {
            Some(known) if progress(known) >= progress(&view) => {}
            _ => drop(kept.insert(view.id.clone(), view)),
        }
    }
    kept.into_values().collect()
}

/// The orders that replaced this one, by the broker's own links, in whichever direction it gives them.
#[must_use]
pub fn successors(id: &OrderId, orders: &[OrderView]) -> Vec<OrderId> {
    let mut chain = vec![id.clone()];
    let mut at = 0;
    while let Some(one) = chain.get(at).cloned() {
        let of_it = orders.iter().filter(|order| order.id == one).flat_map(|order| &order.linked);
        let to_it = orders.iter().filter(|order| order.linked.contains(&one)).map(|order| &order.id);
        let more: Vec<OrderId> = of_it.chain(to_it).cloned().collect();
        for linked in more {
            if !chain.contains(&linked) {
                chain.push(linked);
            }
        }
        at += 1;
    }
    chain.remove(0);
    chain
}

/// What is said of an order that somebody edited at the broker.
pub(crate) fn edited(id: &OrderId, by: &OrderId) -> String {
    format!("order {id} was edited at the broker and goes on as order {by}, which is left alone")
}

/// An order that was edited, and those that replaced it, as one: over when all of them are, filled as much as
/// all of them together.
///
/// # Errors
/// Why that cannot be said, and whether it may change.
pub(crate) fn followed(
    order: &OrderView,
    quantity: u32,
    orders: &[OrderView],
) -> Result<OrderView, (String, bool)> {
    let mut whole = order.clone();
    for id in successors(&order.id, orders) {
        let Some(view) = orders.iter().find(|view| view.id == id) else {
            return Err((format!("{}, which is not shown", edited(&order.id, &id)), true));
        };
        if !view.status.is_terminal() || view.unreadable.is_some() {
            return Err((format!("{} and is {}", edited(&order.id, &id), view.status), true));
        }
        let legs = |view: &OrderView| {
            view.legs
                .iter()
                .map(|(leg, ratio)| (leg.symbol, leg.action, *ratio))
                .collect::<std::collections::BTreeSet<_>>()
        };
        if view.filled > 0 && (legs(view) != legs(order) || view.foreign_legs) {
            return Err((format!("{} with other legs", edited(&order.id, &id)), false));
        }
        whole.filled = whole.filled.saturating_add(view.filled);
        whole.fills.extend(view.fills.iter().cloned());
    }
    if whole.filled > quantity {
        return Err((
            format!(
                "order {} shows {} filled with those that replaced it, expected {quantity} at most",
                order.id, whole.filled
            ),
            false,
        ));
    }
    Ok(whole)
}

fn found(rung: &RungRecord, order: &OrderView, orders: &[OrderView]) -> Action {
    let rung = rung.clone();
    if order.status == OrderStatus::Replaced || !successors(&order.id, orders).is_empty() {
        if order.status == OrderStatus::Replaced && successors(&order.id, orders).is_empty() {
            return Action::Unresolved { rung, reason: replaced(order), may_change: true };
        }
        return match followed(order, rung.quantity, orders) {
            Ok(mut whole) if order.status.is_terminal() => {
                // It is over together with what replaced it, whatever word it reads by itself.
                whole.status =
                    if whole.filled < rung.quantity { OrderStatus::Replaced } else { whole.status };
                Action::Record { rung, order: whole }
            }
            Ok(_) => Action::Read { rung, order: order.id.clone() },
            Err((reason, may_change)) => Action::Unresolved { rung, reason, may_change },
        };
    }
    if order.filled > rung.quantity {
        let reason =
            format!("order {} shows {} filled, expected {} at most", order.id, order.filled, rung.quantity);
        return Action::Unresolved { rung, reason, may_change: false };
    }
    if order.is_settled(rung.quantity) {
        return Action::Record { order: order.clone(), rung };
    }
    let order_id = order.id.clone();
    if order.status == OrderStatus::Filled {
        Action::Read { rung, order: order_id }
    } else {
        Action::Cancel { rung, order: order_id }
    }
}

/// What is said of an order that somebody replaced.
pub(crate) fn replaced(order: &OrderView) -> String {
    format!("order {} was replaced by another at the broker, {} filled before that", order.id, order.filled)
}

/// After the close: the legs' positions are what they were when the intent was written, plus the fills that
/// are settled.
fn never_accepted(
    day: &LoadedDay,
    intent: &IntentRecord,
    trade_date: TradeDate<'_>,
) -> Result<String, String> {
    let TradeDate::Closed { positions, today } = trade_date else {
        return Err("it may still appear until the trade date has closed".to_owned());
    };
    let positions = positions.ok_or("the positions could not be read")?;
    let fills = day.fills();
    if intent.package.symbols().any(|symbol| symbol.expiry() <= today) {
        return Err("the legs have expired, positions tell nothing any more".to_owned());
    }
    for symbol in intent.package.symbols() {
        let of = |book: &BTreeMap<OptionSymbol, i64>| book.get(&symbol).copied().unwrap_or_default();
        let (held, filled, now) = (of(&intent.held), of(&fills), of(positions));
        if held + filled != now {
            return Err(format!(
                "{symbol}: {now} held, expected {held} from before and {filled} from known fills"
            ));
        }
    }
    Ok("the trade date has closed, no order of the day matches, and the positions are unchanged but for known fills".to_owned())
}

/// The legs' part of what an account holds, as an intent keeps it.
#[must_use]
pub fn held(package: &Package, positions: &BTreeMap<OptionSymbol, i64>) -> BTreeMap<OptionSymbol, i64> {
    package.symbols().map(|symbol| (symbol, positions.get(&symbol).copied().unwrap_or_default())).collect()
}

/// The state of a rung whose order is over.
#[must_use]
pub fn terminal(order: OrderView) -> RungState {
    RungState::Terminal { order: order.id, status: order.status, filled: order.filled, fills: order.fills }
}

/// How one side of a day stands.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// What was traded.
    pub package: Package,
    /// Which plan of the day it belongs to, counted from 1.
    pub revision: u32,
    /// Packages approved.
    pub quantity: u32,
    /// Sides that its plan was to trade.
    pub planned_sides: u32,
    /// Packages filled, as far as that is settled.
    pub filled: u32,
    /// The fate of one of its orders is open.
    pub unresolved: bool,
}

/// How the sides of a day stand: the last revision of each.
#[must_use]
pub fn standings(day: &LoadedDay, rungs: &[RungRecord]) -> Vec<Standing> {
    let last = |intent: &&IntentRecord| {
        day.intents
            .iter()
            .all(|other| other.key.slot != intent.key.slot || other.key.revision <= intent.key.revision)
    };
    let standing = |intent: &IntentRecord| {
        let of_intent: Vec<_> = rungs.iter().filter(|rung| rung.intent == intent.key).collect();
        let unresolved = !of_intent.iter().all(|rung| rung.state.is_over());
        let (revision, quantity, planned_sides) =
            (intent.key.revision, intent.quantity, intent.planned_sides);
        Standing {
            package: intent.package,
            revision,
            quantity,
            planned_sides,
            filled: filled(&of_intent),
            unresolved,
        }
    };
    day.intents.iter().filter(last).map(standing).collect()
}

/// Packages filled over all rungs, as far as that is settled.
pub(crate) fn filled(rungs: &[&RungRecord]) -> u32 {
    rungs.iter().map(|rung| rung.state.filled()).sum()
}

#[cfg(test)]
pub(crate) mod tests;
