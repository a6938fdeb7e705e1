//! Recovery as a pure plan: (what the ledger says, what the broker shows) → what to do. The driver only executes it.

use jiff::Timestamp;

use crate::fingerprint::Fingerprint;
use crate::ports::{LoadedDay, OrderId, OrderStatus, OrderView, RungRecord, RungState};

/// What to do about one rung that is not proven over.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The ledger knows its id, the list does not show it: read it by id.
    Read {
        /// The rung.
        rung: RungRecord,
        /// Its order.
        order: OrderId,
    },
    /// Its outcome cannot be proven from what the broker shows.
    Unresolved {
        /// The rung.
        rung: RungRecord,
        /// Why.
        reason: String,
    },
}

/// The rungs that are not proven over.
#[must_use]
pub fn open_rungs(day: &LoadedDay) -> Vec<&RungRecord> {
    day.rungs.iter().filter(|rung| !matches!(rung.state, RungState::Terminal { .. } | RungState::Refused { .. })).collect()
}

/// From when on a complete list of the broker's orders says whether a rung's order exists: the latest open mark plus the
/// settle window. `None` when no rung's id is unknown.
#[must_use]
pub fn settled_at(day: &LoadedDay, locate_seconds: u32) -> Option<Timestamp> {
    open_rungs(day)
        .iter()
        .filter(|rung| matches!(rung.state, RungState::Sending | RungState::Unknown { .. }))
        .filter_map(|rung| rung.at.checked_add(crate::profile::seconds(locate_seconds)).ok())
        .max()
}

/// What to do about every rung that is not proven over, given the broker's complete list of the day's orders.
#[must_use]
pub fn plan(day: &LoadedDay, orders: &[OrderView]) -> Vec<Action> {
    open_rungs(day).into_iter().map(|rung| action(day, rung, orders)).collect()
}

fn action(day: &LoadedDay, rung: &RungRecord, orders: &[OrderView]) -> Action {
    if let RungState::Accepted { order: id } = &rung.state {
        return match orders.iter().find(|order| order.id == *id) {
            Some(order) => record_or_cancel(rung, order),
            None => Action::Read { rung: rung.clone(), order: id.clone() },
        };
    }
    let unresolved = |reason: String| Action::Unresolved { rung: rung.clone(), reason };
    let Some(intent) = day.intents.iter().find(|intent| intent.key == rung.intent) else {
        return unresolved(format!("the ledger has rung {} of {} but not the intent", rung.number, rung.intent));
    };
    let mut seen = rung.seen.clone();
    seen.extend(day.rungs.iter().filter_map(known_order));
    let print = Fingerprint { vertical: intent.vertical, quantity: rung.quantity, price: rung.price, marked: rung.at, seen: &seen, tag: None };
    match print.matches(orders)[..] {
        [order] => record_or_cancel(rung, order),
        ref found => unresolved(format!("{} orders at the broker match, expected exactly one", found.len())),
    }
}

fn record_or_cancel(rung: &RungRecord, order: &OrderView) -> Action {
    if order.status == OrderStatus::Replaced {
        return Action::Unresolved { rung: rung.clone(), reason: format!("order {} was replaced by another at the broker", order.id) };
    }
    if order.status.is_terminal() {
        Action::Record { rung: rung.clone(), order: order.clone() }
    } else {
        Action::Cancel { rung: rung.clone(), order: order.id.clone() }
    }
}

/// The order a rung is known to be.
#[must_use]
pub fn known_order(rung: &RungRecord) -> Option<OrderId> {
    match &rung.state {
        RungState::Accepted { order } | RungState::Terminal { order, .. } => Some(order.clone()),
        RungState::Sending | RungState::Refused { .. } | RungState::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::tests::{vertical, view};
    use crate::ports::{IntentKey, IntentRecord, IntentState, Writer};
    use gamma_market::{Price, Right};

    fn writer() -> Writer {
        Writer { run_id: "run-1".into(), fence: 1 }
    }

    fn key() -> IntentKey {
        IntentKey { strategy: "constant_stable".into(), side: Right::Put, revision: 1 }
    }

    fn rung(number: u32, state: RungState) -> RungRecord {
        RungRecord {
            intent: key(),
            number,
            price: Price::cents(95),
            quantity: 2,
            at: "2026-02-11T21:13:31Z".parse().unwrap(),
            seen: vec![OrderId("1".into())],
            writer: writer(),
            state,
            nbbo: (Price::cents(85), Price::cents(105), Price::cents(95)),
        }
    }

    fn day(rungs: Vec<RungRecord>) -> LoadedDay {
        let intent = IntentRecord {
            key: key(),
            vertical: vertical(),
            effect: vertical().effect(),
            quantity: 2,
            decision_mid: Price::cents(95),
            worst_price: Price::cents(65),
            writer: writer(),
            state: IntentState::Open,
            filled: 0,
        };
        LoadedDay { day: None, intents: vec![intent], rungs }
    }

    fn order(id: &str, status: OrderStatus) -> OrderView {
        OrderView { status, ..view(id, "2026-02-11T21:13:31Z") }
    }

    fn shown(action: &Action) -> String {
        match action {
            Action::Record { order, .. } => format!("record {}", order.id),
            Action::Cancel { order, .. } => format!("cancel {order}"),
            Action::Read { order, .. } => format!("read {order}"),
            Action::Unresolved { .. } => "unresolved".into(),
        }
    }

    #[test]
    fn every_state_of_a_rung_against_what_the_broker_shows() {
        let accepted = || RungState::Accepted { order: OrderId("9".into()) };
        let unknown = || RungState::Unknown { reason: "timeout".into() };
        for (state, orders, expected) in [
            (accepted(), vec![order("9", OrderStatus::Filled)], vec!["record 9"]),
            (accepted(), vec![order("9", OrderStatus::Working)], vec!["cancel 9"]),
            (accepted(), vec![order("9", OrderStatus::Other("ODD".into()))], vec!["cancel 9"]),
            (accepted(), vec![order("9", OrderStatus::Replaced)], vec!["unresolved"]),
            (accepted(), vec![], vec!["read 9"]),
            (RungState::Sending, vec![order("9", OrderStatus::Canceled)], vec!["record 9"]),
            (RungState::Sending, vec![order("9", OrderStatus::Pending)], vec!["cancel 9"]),
            (RungState::Sending, vec![], vec!["unresolved"]),
            (RungState::Sending, vec![order("1", OrderStatus::Working)], vec!["unresolved"]),
            (unknown(), vec![order("8", OrderStatus::Working), order("9", OrderStatus::Working)], vec!["unresolved"]),
            (unknown(), vec![order("9", OrderStatus::Working)], vec!["cancel 9"]),
            (RungState::Refused { reason: "400".into() }, vec![order("9", OrderStatus::Working)], vec![]),
            (
                RungState::Terminal { order: OrderId("9".into()), status: OrderStatus::Filled, filled: 2, fills: vec![] },
                vec![order("9", OrderStatus::Filled)],
                vec![],
            ),
        ] {
            let got: Vec<_> = plan(&day(vec![rung(1, state.clone())]), &orders).iter().map(shown).collect();
            assert_eq!(got, expected, "{state:?} {orders:?}");
        }
    }

    #[test]
    fn an_order_known_to_be_another_rungs_is_never_adopted() {
        let first = RungState::Terminal { order: OrderId("8".into()), status: OrderStatus::Canceled, filled: 0, fills: vec![] };
        let rungs = vec![rung(1, first), rung(2, RungState::Sending)];
        let actions = plan(&day(rungs), &[order("8", OrderStatus::Canceled), order("9", OrderStatus::Working)]);
        assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), ["cancel 9"]);
    }

    #[test]
    fn a_fresh_mark_waits_for_the_settle_window() {
        let day = day(vec![rung(1, RungState::Sending)]);
        assert_eq!(settled_at(&day, 5), Some("2026-02-11T21:13:36Z".parse().unwrap()));
    }
}
