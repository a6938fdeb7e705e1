//! The plan, tabled: every state of a rung, against everything the broker can show, before and after the
//! close.

use super::*;
use crate::fingerprint::tests::{vertical, view};
use crate::ports::{Decision, IntentKey, IntentRecord, IntentState, RungState, Writer};
use gamma_market::{Price, Right};

/// The trade date, and the day on which the legs expire.
pub(crate) const TODAY: Date = jiff::civil::date(2026, 2, 11);
pub(crate) const EXPIRY: Date = jiff::civil::date(2026, 2, 12);

fn writer() -> Writer {
    Writer { run_id: "run-1".into(), fence: 1 }
}

pub(crate) fn key() -> IntentKey {
    IntentKey { strategy: "constant_stable".into(), slot: Right::Put.into(), revision: 1 }
}

pub(crate) fn rung(number: u32, state: RungState) -> RungRecord {
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

/// Five short contracts were held before, and no long ones.
pub(crate) fn day(rungs: Vec<RungRecord>) -> LoadedDay {
    let positions = BTreeMap::from([(vertical().sell(), -5)]);
    let intent = IntentRecord {
        key: key(),
        package: vertical().into(),
        effect: vertical().effect(),
        quantity: 4,
        planned_sides: 2,
        decision_mid: Price::cents(95),
        worst_price: Price::cents(65),
        writer: writer(),
        state: IntentState::Open,
        filled: 0,
        held: held(&vertical().into(), &positions),
    };
    LoadedDay { intents: vec![intent], rungs, ..LoadedDay::default() }
}

pub(crate) fn order(id: &str, status: OrderStatus, filled: u32) -> OrderView {
    OrderView { status, filled, ..view(id, "2026-02-11T21:13:31Z") }
}

fn another_price(id: &str) -> OrderView {
    OrderView { price: Some(Price::cents(90)), ..order(id, OrderStatus::Working, 0) }
}

fn tagged(id: &str, tag: &str) -> OrderView {
    OrderView { tag: Some(tag.into()), ..order(id, OrderStatus::Working, 0) }
}

fn shown(action: &Action) -> String {
    match action {
        Action::Record { order, .. } => format!("record {}", order.id),
        Action::Cancel { order, .. } => format!("cancel {order}"),
        Action::Read { order, .. } => format!("read {order}"),
        Action::ReadNamed { order, .. } => format!("read the named {order}"),
        Action::NeverAccepted { .. } => "never".into(),
        Action::Unresolved { .. } => "stop".into(),
    }
}

/// Every state a rung can be in. `9` is the order that the ledger knows of, where it knows one.
fn states() -> [(&'static str, RungState); 8] {
    let nine = || OrderId("9".into());
    let decision =
        Decision { by: "operator".into(), why: "looked".into(), at: "2026-02-11T22:00:00Z".parse().unwrap() };
    [
        ("sending", RungState::Sending),
        ("unknown", RungState::Unknown { reason: "timeout".into() }),
        ("named", RungState::Named { order: nine() }),
        ("accepted", RungState::Accepted { order: nine() }),
        ("refused", RungState::Refused { reason: "400".into() }),
        (
            "terminal",
            RungState::Terminal { order: nine(), status: OrderStatus::Canceled, filled: 0, fills: vec![] },
        ),
        ("never accepted", RungState::NeverAccepted { reason: "closed".into() }),
        ("resolved", RungState::Resolved { filled: 0, decision }),
    ]
}

/// What the broker shows, and what then is to be done about a rung (of unknown id, of known id).
fn views() -> Vec<(&'static str, Vec<OrderView>, &'static str, &'static str)> {
    use OrderStatus::{
        CancelPending, Canceled, Expired, Filled, Other, Pending, Rejected, Replaced, Working,
    };
    vec![
        ("nothing", vec![], "none", "read 9"),
        ("pending", vec![order("9", Pending, 0)], "cancel 9", "cancel 9"),
        ("working", vec![order("9", Working, 0)], "cancel 9", "cancel 9"),
        ("working with a fill", vec![order("9", Working, 1)], "cancel 9", "cancel 9"),
        ("cancel pending", vec![order("9", CancelPending, 1)], "cancel 9", "cancel 9"),
        ("a word we do not know", vec![order("9", Other("ODD".into()), 0)], "cancel 9", "cancel 9"),
        ("filled", vec![order("9", Filled, 2)], "record 9", "record 9"),
        ("filled, the fills not there yet", vec![order("9", Filled, 1)], "read 9", "read 9"),
        ("more filled than was sent", vec![order("9", Filled, 3)], "stop", "stop"),
        ("canceled", vec![order("9", Canceled, 0)], "record 9", "record 9"),
        ("canceled after a fill", vec![order("9", Canceled, 1)], "record 9", "record 9"),
        ("rejected", vec![order("9", Rejected, 0)], "record 9", "record 9"),
        ("expired", vec![order("9", Expired, 0)], "record 9", "record 9"),
        ("replaced", vec![order("9", Replaced, 0)], "stop", "stop"),
        ("two alike", vec![order("8", Working, 0), order("9", Working, 0)], "stop", "cancel 9"),
        ("one seen before the mark", vec![order("1", Working, 0)], "none", "read 9"),
        ("another price", vec![another_price("8")], "none", "read 9"),
        ("another application's", vec![tagged("8", "theirs")], "none", "read 9"),
        (
            "another application's beside ours",
            vec![tagged("8", "theirs"), order("9", Working, 0)],
            "cancel 9",
            "cancel 9",
        ),
    ]
}

#[test]
fn every_rung_state_and_broker_view_before_and_after_the_close() {
    let unchanged = BTreeMap::from([(vertical().sell(), -5)]);
    let changed = BTreeMap::from([(vertical().sell(), -6)]);
    let dates = [
        ("open", TradeDate::Open, "stop"),
        ("closed, positions unread", TradeDate::Closed { positions: None, today: TODAY }, "stop"),
        ("closed, positions changed", TradeDate::Closed { positions: Some(&changed), today: TODAY }, "stop"),
        (
            "closed, positions unchanged",
            TradeDate::Closed { positions: Some(&unchanged), today: TODAY },
            "never",
        ),
        ("the legs have expired", TradeDate::Closed { positions: Some(&unchanged), today: EXPIRY }, "stop"),
    ];
    let mut cells = 0;
    for (state_name, state) in states() {
        for (view_name, orders, of_unknown, of_known) in views() {
            for (date_name, trade_date, without_match) in dates {
                let expected = match state_name {
                    "sending" | "unknown" if of_unknown == "none" => Some(without_match),
                    "sending" | "unknown" => Some(of_unknown),
                    "named" if orders.iter().all(|order| order.id.0 != "9") => Some("read the named 9"),
                    "named" | "accepted" => Some(of_known),
                    _ => None,
                };
                let day = day(vec![rung(1, state.clone())]);
                let got: Vec<_> =
                    plan(&day, Shown { orders: &orders, trade_date, tag: Some("ours"), names_of: None })
                        .iter()
                        .map(shown)
                        .collect();
                assert_eq!(
                    got,
                    expected.into_iter().collect::<Vec<_>>(),
                    "{state_name}; the broker shows {view_name}; {date_name}"
                );
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 8 * 19 * 5);
}

#[test]
fn an_order_known_to_be_another_rungs_is_never_adopted() {
    let first = RungState::Terminal {
        order: OrderId("8".into()),
        status: OrderStatus::Canceled,
        filled: 0,
        fills: vec![],
    };
    let rungs = vec![rung(1, first), rung(2, RungState::Sending)];
    let orders = [order("8", OrderStatus::Canceled, 0), order("9", OrderStatus::Working, 0)];
    let actions =
        plan(&day(rungs), Shown { orders: &orders, trade_date: TradeDate::Open, tag: None, names_of: None });
    assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), ["cancel 9"]);
}

#[test]
fn the_tag_of_a_known_order_tells_ours_from_foreign_ones() {
    let first = || RungState::Terminal {
        order: OrderId("8".into()),
        status: OrderStatus::Canceled,
        filled: 0,
        fills: vec![],
    };
    let known = || order("8", OrderStatus::Canceled, 0);
    for (other, expected) in [
        (tagged("9", "ours"), "cancel 9"),
        (tagged("9", "thinkorswim"), "stop"),
        (OrderView { tag: None, ..tagged("9", "") }, "stop"),
    ] {
        let orders = [known(), other];
        let shown_now = Shown { orders: &orders, trade_date: TradeDate::Open, tag: None, names_of: None };
        let actions = plan(&day(vec![rung(1, first()), rung(2, RungState::Sending)]), shown_now);
        assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn an_order_named_by_an_answer_is_ours_only_when_it_shows_that() {
    let named = |id: &str| day(vec![rung(1, RungState::Named { order: OrderId(id.into()) })]);
    for (name, orders, expected) in [
        ("9", vec![order("9", OrderStatus::Working, 0)], "cancel 9"),
        ("9", vec![order("9", OrderStatus::Working, 0), order("8", OrderStatus::Working, 0)], "cancel 9"),
        // It names another's: ours is looked for like any that no answer named.
        ("7", vec![another_price("7"), order("8", OrderStatus::Working, 0)], "cancel 8"),
        ("7", vec![another_price("7")], "stop"),
        ("7", vec![tagged("7", "theirs"), order("8", OrderStatus::Working, 0)], "cancel 8"),
        // Seen before the mark.
        ("1", vec![order("1", OrderStatus::Working, 0)], "stop"),
        (
            "9",
            vec![OrderView {
                unreadable: Some("status: got null".into()),
                ..order("9", OrderStatus::Working, 0)
            }],
            "read the named 9",
        ),
    ] {
        let actions = plan(
            &named(name),
            Shown { orders: &orders, trade_date: TradeDate::Open, tag: Some("ours"), names_of: None },
        );
        assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), [expected], "named {name}: {orders:?}");
    }
}

#[test]
fn an_unreadable_row_that_could_be_ours_keeps_the_search_open() {
    let row = |id: &str| OrderView {
        unreadable: Some("status: got null".into()),
        ..order(id, OrderStatus::Other("null".into()), 0)
    };
    let of_another_contract = OrderView { legs: Vec::new(), foreign_legs: false, ..row("9") };
    let without_legs = OrderView { legs: Vec::new(), foreign_legs: true, ..row("9") };
    let unchanged = BTreeMap::from([(vertical().sell(), -5)]);
    let trade_date = TradeDate::Closed { positions: Some(&unchanged), today: TODAY };
    for (orders, expected) in [
        (vec![row("9")], "stop"),
        (vec![without_legs], "stop"),
        (vec![of_another_contract], "never"),
        (vec![row("1")], "never"),
    ] {
        let actions = plan(
            &day(vec![rung(1, RungState::Sending)]),
            Shown { orders: &orders, trade_date, tag: None, names_of: None },
        );
        assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), [expected], "{orders:?}");
    }
}

#[test]
fn an_edited_order_is_followed_by_the_brokers_links() {
    let linked = |order: OrderView, to: &[&str]| OrderView {
        linked: to.iter().map(|id| OrderId((*id).into())).collect(),
        ..order
    };
    let ten = |status, filled| OrderView { price: Some(Price::cents(90)), ..order("10", status, filled) };
    use OrderStatus::{Canceled, Filled, Rejected, Replaced, Working};
    for (name, orders, expected) in [
        ("the new one is alive", vec![order("9", Replaced, 0), linked(ten(Working, 0), &["9"])], "stop"),
        ("both are over", vec![order("9", Replaced, 1), linked(ten(Filled, 1), &["9"])], "record 9 with 2"),
        (
            "the old one reads canceled",
            vec![order("9", Canceled, 0), linked(ten(Filled, 2), &["9"])],
            "record 9 with 2",
        ),
        (
            "the old one links to it",
            vec![linked(order("9", Canceled, 1), &["10"]), ten(Canceled, 0)],
            "record 9 with 1",
        ),
        ("the new one is not shown yet", vec![linked(order("9", Canceled, 1), &["10"])], "stop"),
        ("more than was ordered", vec![order("9", Canceled, 1), linked(ten(Filled, 2), &["9"])], "stop"),
        (
            "a fill won the race",
            vec![order("9", Filled, 2), linked(ten(Rejected, 0), &["9"])],
            "record 9 with 2",
        ),
        (
            "edited twice",
            vec![
                order("9", Canceled, 0),
                linked(ten(Canceled, 1), &["9"]),
                linked(order("11", Filled, 1), &["10"]),
            ],
            "record 9 with 2",
        ),
    ] {
        let day = day(vec![rung(1, RungState::Accepted { order: OrderId("9".into()) })]);
        let actions =
            plan(&day, Shown { orders: &orders, trade_date: TradeDate::Open, tag: None, names_of: None });
        let words = match &actions[..] {
            [Action::Record { order, .. }] => format!("record {} with {}", order.id, order.filled),
            [action] => shown(action),
            other => panic!("{other:?}"),
        };
        assert_eq!(words, expected, "{name}");
    }
}

#[test]
fn a_position_that_known_fills_explain_is_unchanged() {
    let filled = RungState::Terminal {
        order: OrderId("8".into()),
        status: OrderStatus::Canceled,
        filled: 1,
        fills: vec![],
    };
    let day = day(vec![rung(1, filled), rung(2, RungState::Sending)]);
    for (short, long, expected) in [(-6, 1, "never"), (-5, 0, "stop"), (-6, 0, "stop"), (-7, 2, "stop")] {
        let positions = BTreeMap::from([(vertical().sell(), short), (vertical().buy(), long)]);
        let trade_date = TradeDate::Closed { positions: Some(&positions), today: TODAY };
        let actions = plan(&day, Shown { orders: &[], trade_date, tag: None, names_of: None });
        assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), [expected], "{short} and {long} held");
    }
}

#[test]
fn what_is_said_of_an_order_that_somebody_replaced() {
    let day = day(vec![rung(1, RungState::Accepted { order: OrderId("9".into()) })]);
    let actions = plan(
        &day,
        Shown {
            orders: &[order("9", OrderStatus::Replaced, 1)],
            trade_date: TradeDate::Open,
            tag: None,
            names_of: None,
        },
    );
    let [Action::Unresolved { reason, .. }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(reason, "order 9 was replaced by another at the broker, 1 filled before that");
}

#[test]
fn a_rung_without_its_intent_waits_for_a_person() {
    let day = LoadedDay { intents: Vec::new(), ..day(vec![rung(1, RungState::Sending)]) };
    let actions = plan(
        &day,
        Shown {
            orders: &[order("9", OrderStatus::Working, 0)],
            trade_date: TradeDate::Open,
            tag: None,
            names_of: None,
        },
    );
    assert_eq!(actions.iter().map(shown).collect::<Vec<_>>(), ["stop"]);
}

#[test]
fn a_fresh_mark_waits_for_the_settle_window() {
    let day = day(vec![rung(1, RungState::Sending)]);
    assert_eq!(settled_at(&day, 5), Some("2026-02-11T21:13:36Z".parse().unwrap()));
}

#[test]
fn of_two_views_of_one_order_the_newer_is_kept() {
    use OrderStatus::{Canceled, Working};
    for (one, other, kept) in [
        (order("9", Working, 0), order("9", Working, 1), (Working, 1)),
        (order("9", Working, 1), order("9", Working, 0), (Working, 1)),
        (order("9", Working, 1), order("9", Canceled, 1), (Canceled, 1)),
        (order("9", Canceled, 0), order("9", Working, 1), (Canceled, 0)),
    ] {
        let shown: Vec<_> = merged(vec![one], vec![other, order("8", Working, 0)])
            .into_iter()
            .map(|view| (view.id.0, view.status, view.filled))
            .collect();
        assert_eq!(shown, [("8".to_owned(), Working, 0), ("9".to_owned(), kept.0, kept.1)]);
    }
    let equal =
        [OrderView { reason: Some("first".into()), ..order("9", Working, 0) }, order("9", Working, 0)]
            .map(|view| vec![view]);
    let [one, other] = equal;
    assert_eq!(merged(one, other)[0].reason.as_deref(), Some("first"), "the same is not read twice");
}

#[test]
fn an_edited_order_is_counted_with_those_that_replaced_it() {
    use OrderStatus::{Canceled, Filled, Replaced, Working};
    let by_ten =
        |filled: u32| OrderView { linked: vec![OrderId("10".into())], ..order("9", Replaced, filled) };
    let other_legs = |filled: u32| OrderView { legs: vec![], ..order("10", Canceled, filled) };
    for (why, first, next, expected) in [
        ("both filled one", by_ten(1), Some(order("10", Filled, 1)), Ok(2)),
        ("nothing filled", by_ten(0), Some(order("10", Canceled, 0)), Ok(0)),
        ("other legs, and nothing of them filled", by_ten(1), Some(other_legs(0)), Ok(1)),
        ("other legs", by_ten(0), Some(other_legs(1)), Err(("with other legs", false))),
        (
            "legs that do not read",
            by_ten(0),
            Some(OrderView { foreign_legs: true, ..order("10", Filled, 1) }),
            Err(("with other legs", false)),
        ),
        ("still working", by_ten(0), Some(order("10", Working, 0)), Err(("and is", true))),
        (
            "unreadable",
            by_ten(0),
            Some(OrderView { unreadable: Some("no price".into()), ..order("10", Filled, 1) }),
            Err(("and is", true)),
        ),
        ("not shown", by_ten(0), None, Err(("which is not shown", true))),
        (
            "more than was ordered",
            by_ten(2),
            Some(order("10", Filled, 1)),
            Err(("expected 2 at most", false)),
        ),
    ] {
        let orders: Vec<OrderView> = std::iter::once(first.clone()).chain(next).collect();
        match (followed(&first, 2, &orders), expected) {
            (Ok(whole), Ok(filled)) => assert_eq!(whole.filled, filled, "{why}"),
            (Err((words, may_change)), Err((part, changes))) => {
                assert!(words.contains(part) && may_change == changes, "{why}: {words}")
            }
            (got, expected) => panic!("{why}: got {got:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn an_edited_order_is_recorded_once_all_of_it_is_over() {
    use OrderStatus::{Canceled, Filled, Replaced, Working};
    for (status, next, expected) in [
        (Canceled, order("10", Canceled, 1), Some((1, Replaced))),
        (Canceled, order("10", Filled, 2), Some((2, Canceled))),
        (Working, order("10", Canceled, 1), None),
    ] {
        let first = OrderView { linked: vec![next.id.clone()], ..order("9", status.clone(), 0) };
        match (
            found(&rung(1, RungState::Accepted { order: first.id.clone() }), &first, &[first.clone(), next]),
            expected,
        ) {
            (Action::Record { order, .. }, Some(whole)) => assert_eq!((order.filled, order.status), whole),
            (Action::Read { order, .. }, None) => assert_eq!(order, first.id),
            (got, expected) => panic!("{status}: got {got:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn an_order_read_by_its_id_is_ours_only_when_it_shows_that() {
    let rung = rung(1, RungState::Named { order: OrderId("9".into()) });
    let ours =
        |order: &OrderView, day: &LoadedDay, names_of| proves(day, &rung, order, Some("ours"), names_of);
    let mut unknown = day(vec![]);
    assert_eq!(ours(&order("9", OrderStatus::Working, 0), &unknown, None), Ok(()));
    for (why, other) in
        [("another price", another_price("9")), ("seen before the mark", order("1", OrderStatus::Working, 0))]
    {
        assert!(ours(&other, &unknown, None).is_err(), "{why}");
    }
    assert!(
        ours(&order("9", OrderStatus::Working, 0), &unknown, Some(TODAY)).is_err(),
        "it has not our name"
    );
    unknown.intents.clear();
    let words = ours(&order("9", OrderStatus::Working, 0), &unknown, None).unwrap_err();
    assert!(words.contains("not the intent"), "{words}");
}
