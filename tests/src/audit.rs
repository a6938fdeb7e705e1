//! Whether the ledger and the broker's own books tell the same story, and whether that story is one we allow.

pub mod account;
pub mod partitions;

use std::collections::BTreeMap;

use gamma_execution::ports::{IntentRecord, LoadedDay, RungState};
use gamma_market::Right;
use gamma_simulator::exchange::{Book, Order};
use jiff::Timestamp;

/// Everything that must never be, as it stands between the books and the ledger. Empty when all is well.
///
/// The books are the simulated broker's: what really happened. `after` says how much must be settled by now.
#[must_use]
pub fn violations(book: &Book, day: &LoadedDay, after: After) -> Vec<String> {
    violations_among(&Vec::from_iter(book.posts()), day, after)
}

/// The same of the orders of one day, where the books have those of many.
#[must_use]
pub fn violations_among(posts: &[&Order], day: &LoadedDay, after: After) -> Vec<String> {
    let mut found = Vec::new();
    for side in [Right::Put, Right::Call] {
        let orders: Vec<&Order> = posts.iter().copied().filter(|order| right_of(order) == side).collect();
        let filled: u32 = orders.iter().map(|order| order.filled()).sum();
        let approved = approved(day, side);
        if filled > approved {
            found.push(format!("{side}: {filled} filled, {approved} approved"));
        }
        let lives: Vec<Life> = orders.iter().map(|order| (order.id, order.entered, order.closed)).collect();
        found.extend(
            alive_together(&lives)
                .map(|(one, two)| format!("{side}: orders {one} and {two} were alive at the same time")),
        );
        // The broker's ids are known only where its answer arrived; an order without one still has its
        // SENDING mark.
        let marks = day
            .rungs
            .iter()
            .filter(|rung| rung.intent.slot == side && !matches!(rung.state, RungState::Refused { .. }))
            .count();
        if orders.len() > marks {
            found
                .push(format!("{side}: {} orders at the broker, {marks} marked in the ledger", orders.len()));
        }
    }
    if after == After::Everything {
        found.extend(unsettled(posts, day));
    }
    found
}

/// How much must be settled when the books are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// A run may still be at work, or may have died a moment ago.
    Anything,
    /// Everything was proven: no order is alive, and the ledger knows every one of them with its fills.
    Everything,
}

fn unsettled(posts: &[&Order], day: &LoadedDay) -> Vec<String> {
    let known: BTreeMap<String, u32> = day
        .rungs
        .iter()
        .filter_map(|rung| Some((rung.state.order()?.0.clone(), rung.state.filled())))
        .collect();
    let mut found: Vec<String> = day
        .open_rungs()
        .map(|rung| format!("rung {} of {} is open: {:?}", rung.number, rung.intent, rung.state))
        .collect();
    for order in posts {
        if !order.state.is_terminal() {
            found.push(format!("order {} is alive: {:?}", order.id, order.state));
        }
        match known.get(&order.id.to_string()) {
            None => found.push(format!("order {} is not in the ledger", order.id)),
            Some(filled) if *filled != order.filled() => {
                found.push(format!("order {} filled {}, the ledger has {filled}", order.id, order.filled()));
            }
            Some(_) => {}
        }
    }
    if known.len() > posts.len() {
        found.push("the ledger knows orders that the broker does not".to_owned());
    }
    found
}

/// When an order was there: its id, its beginning, and its end where it has one.
type Life = (u64, Timestamp, Option<Timestamp>);

/// Two orders of one side, alive at the same time. Every pair counts: between two that were there may stand
/// one that was over at once.
fn alive_together(lives: &[Life]) -> impl Iterator<Item = (u64, u64)> + '_ {
    let pairs =
        lives.iter().enumerate().flat_map(|(at, one)| lives.iter().skip(at + 1).map(move |two| (one, two)));
    pairs
        .filter(|((.., closed), (_, entered, _))| closed.is_none_or(|closed| closed > *entered))
        .map(|((one, ..), (two, ..))| (*one, *two))
}

/// What may be filled of a side: the last plan's quantity, as the plans before it ended without a fill.
fn approved(day: &LoadedDay, side: Right) -> u32 {
    let of_side = day.intents.iter().filter(|intent| intent.key.slot == side);
    of_side.max_by_key(|intent: &&IntentRecord| intent.key.revision).map_or(0, |intent| intent.quantity)
}

/// Which side an order of ours belongs to: verticals have one right.
fn right_of(order: &Order) -> Right {
    order.ticket.legs().first().map_or(Right::Put, |leg| leg.symbol.right())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_orders_at_once_are_found_with_a_short_one_between_them() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let lives =
            [(1, at(0), Some(at(10))), (2, at(2), Some(at(3))), (3, at(5), Some(at(6))), (4, at(10), None)];
        assert_eq!(alive_together(&lives).collect::<Vec<_>>(), [(1, 2), (1, 3)]);
    }
}
