//! What a last look at a day finds: fills that were counted late, orders that turned up late, positions that
//! nothing explains. Pure.

use std::collections::BTreeMap;

use gamma_market::OptionSymbol;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::fingerprint::{Fingerprint, Mark, our_tag};
use crate::ports::{IntentKey, LoadedDay, OrderId, OrderView, RungRecord, RungState};
use crate::recovery;

/// A rung that the broker shows otherwise than the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The rung as the ledger has it.
    pub rung: RungRecord,
    /// Its order as the broker shows it now, with those that replaced it.
    pub order: OrderView,
    /// The difference in words.
    pub words: String,
}

/// Rungs that are terminal in the ledger, and whose orders show more fills by now: an order can be over
/// before its last fill is counted, and one that somebody edited goes on under another id.
#[must_use]
pub fn more_fills(day: &LoadedDay, orders: &[OrderView]) -> Vec<Seen> {
    let mut found = Vec::new();
    for rung in &day.rungs {
        let RungState::Terminal { order: id, filled, .. } = &rung.state else { continue };
        let Some(order) = orders.iter().find(|order| order.id == *id && order.unreadable.is_none()) else {
            continue;
        };
        let Ok(whole) = recovery::followed(order, rung.quantity, orders) else { continue };
        if whole.filled > *filled {
            let words = format!("order {id} shows {} filled, {filled} were recorded", whole.filled);
            found.push(Seen { rung: rung.clone(), order: whole, words });
        }
    }
    found
}

/// Orders that are over in the ledger and of which the broker shows something that cannot be counted, in
/// words: somebody edited one, and what replaced it is not over, not shown, of other legs, or larger.
#[must_use]
pub fn doubts(day: &LoadedDay, orders: &[OrderView]) -> Vec<String> {
    let mut told = Vec::new();
    for rung in &day.rungs {
        let RungState::Terminal { order: id, .. } = &rung.state else { continue };
        let Some(order) = orders.iter().find(|order| order.id == *id && order.unreadable.is_none()) else {
            continue;
        };
        if let Err((words, _)) = recovery::followed(order, rung.quantity, orders) {
            told.push(words);
        }
    }
    told
}

/// Rungs whose orders were said never to have come to be, and which the broker shows after all. One order is
/// one rung's: of two that asked for the same, one refused and one whose answer was lost, the lost one's,
/// else the later one's.
#[must_use]
pub fn turned_up(
    day: &LoadedDay,
    orders: &[OrderView],
    tag: Option<&str>,
    names_of: Option<Date>,
) -> Vec<Seen> {
    let mut known = day.known_orders();
    let mut found = Vec::new();
    let lost = |rung: &RungRecord| matches!(rung.state, RungState::NeverAccepted { .. });
    let mut rungs: Vec<&RungRecord> = day
        .rungs
        .iter()
        .filter(|rung| lost(rung) || matches!(rung.state, RungState::Refused { .. }))
        .collect();
    rungs.sort_by_key(|rung| std::cmp::Reverse((lost(rung), rung.at)));
    for rung in rungs {
        let Some(intent) = day.intents.iter().find(|intent| intent.key == rung.intent) else { continue };
        let seen: Vec<OrderId> = rung.seen.iter().chain(&known).cloned().collect();
        let name = names_of.map(|date| rung.order_name(date));
        let mark = name.as_ref().map_or_else(|| our_tag(tag, orders, &known), Mark::Name);
        if let [order] = Fingerprint::of(intent.package, rung, &seen, mark).matches(orders)[..] {
            let words = format!(
                "order {} turned up, of which it was recorded that it never came to be; {} filled",
                order.id, order.filled
            );
            found.push(Seen { rung: rung.clone(), order: order.clone(), words });
            known.push(order.id.clone());
        }
    }
    found
}

/// Contracts of the day that the account holds otherwise than what it held before and the recorded fills
/// make, in words; what the user's own orders of the day may have changed is left out. Legs that have expired
/// tell nothing any more.
#[must_use]
pub fn differences(
    day: &LoadedDay,
    orders: &[OrderView],
    held: &BTreeMap<OptionSymbol, i64>,
    today: Date,
) -> Vec<String> {
    let fills = day.fills();
    let ours = ours(day, orders);
    let mut told = Vec::new();
    for (symbol, before) in held_before(day).into_iter().filter(|(symbol, _)| symbol.expiry() > today) {
        let of = |book: &BTreeMap<OptionSymbol, i64>| book.get(&symbol).copied().unwrap_or_default();
        let (filled, now) = (of(&fills), of(held));
        let (least, most) = others(symbol, orders, &ours, began(day));
        let difference = now - before - filled;
        if difference < least || difference > most {
            told.push(format!(
                "{symbol}: {now} held, expected {before} from before and {filled} from recorded fills"
            ));
        }
    }
    told
}

/// What the ledger expects to be held of the contracts that it has worked: held before, and filled since.
#[must_use]
pub fn expected(day: &LoadedDay) -> BTreeMap<OptionSymbol, i64> {
    let fills = day.fills();
    let of = |symbol: &OptionSymbol| fills.get(symbol).copied().unwrap_or_default();
    held_before(day).into_iter().map(|(symbol, before)| (symbol, before + of(&symbol))).collect()
}

/// What the legs of the day's intents held when the first of them was written.
fn held_before(day: &LoadedDay) -> BTreeMap<OptionSymbol, i64> {
    let mut before = BTreeMap::new();
    // Where an operator decided, somebody has looked: positions are no witness against that.
    let decided = |key: &IntentKey| {
        day.rungs.iter().any(|rung| rung.intent == *key && matches!(rung.state, RungState::Resolved { .. }))
    };
    let mut intents: Vec<_> = day.intents.iter().filter(|intent| !decided(&intent.key)).collect();
    intents.sort_by_key(|intent| intent.key.revision);
    for intent in intents {
        for symbol in intent.package.symbols() {
            before.entry(symbol).or_insert_with(|| intent.held.get(&symbol).copied().unwrap_or_default());
        }
    }
    before
}

fn began(day: &LoadedDay) -> Timestamp {
    day.rungs.iter().map(|rung| rung.at).min().unwrap_or(Timestamp::MIN)
}

/// The day's orders of ours, and those that replaced them.
fn ours(day: &LoadedDay, orders: &[OrderView]) -> Vec<OrderId> {
    let known = day.known_orders();
    let replaced: Vec<OrderId> = known.iter().flat_map(|id| recovery::successors(id, orders)).collect();
    known.into_iter().chain(replaced).collect()
}

/// The least and the most contracts of `symbol` that others' orders may have made since `began`.
fn others(symbol: OptionSymbol, orders: &[OrderView], ours: &[OrderId], began: Timestamp) -> (i64, i64) {
    let (mut least, mut most) = (0, 0);
    for order in orders.iter().filter(|order| !ours.contains(&order.id)) {
        for (leg, ratio) in order.legs.iter().filter(|(leg, _)| leg.symbol == symbol) {
            let before: u32 = order
                .fills
                .iter()
                .filter(|fill| fill.at.is_some_and(|at| at < began))
                .map(|fill| fill.quantity)
                .sum();
            let made = leg.action.sign() * i64::from(*ratio) * i64::from(order.filled.saturating_sub(before));
            (least, most) = (least + made.min(0), most + made.max(0));
        }
    }
    (least, most)
}

#[cfg(test)]
mod tests;
