//! Positions of a day of ours against what the account holds, beside what others' orders may have done.

use super::*;
use crate::fingerprint::tests::vertical;
use crate::ports::{Fill, IntentRecord, OrderStatus};
use crate::recovery::tests::{EXPIRY, TODAY, day, key, order, rung};
use gamma_market::Price;

/// When the day's only rung was marked, as [`rung`] has it.
const MARKED: &str = "2026-02-11T21:13:31Z";

fn nine() -> OrderId {
    OrderId("9".into())
}

/// Two packages filled by our order 9: of five short contracts before it became seven, of no long ones two.
fn filled() -> LoadedDay {
    day(vec![rung(
        1,
        RungState::Terminal { order: nine(), status: OrderStatus::Filled, filled: 2, fills: vec![] },
    )])
}

fn holds(sold: i64, bought: i64) -> BTreeMap<OptionSymbol, i64> {
    BTreeMap::from([(vertical().sell(), sold), (vertical().buy(), bought)])
}

/// An order of the user's on our legs, in our direction.
fn users(filled: u32, fills: &[(u32, &str)]) -> OrderView {
    let fills = fills.iter().map(|(quantity, at)| Fill {
        quantity: *quantity,
        price: Price::cents(95),
        at: at.parse().ok(),
    });
    OrderView { fills: fills.collect(), ..order("7", OrderStatus::Filled, filled) }
}

fn told(day: &LoadedDay, orders: &[OrderView], held: &BTreeMap<OptionSymbol, i64>) -> usize {
    differences(day, orders, held, TODAY).len()
}

#[test]
fn a_contract_more_or_less_than_recorded_is_a_difference() {
    let orders = [order("9", OrderStatus::Filled, 2)];
    for (sold, bought, differ) in [(-7, 2, 0), (-6, 2, 1), (-8, 2, 1), (-7, 1, 1), (-7, 3, 1), (-5, 0, 2)] {
        assert_eq!(told(&filled(), &orders, &holds(sold, bought)), differ, "{sold} and {bought}");
    }
    let words = &differences(&filled(), &orders, &holds(-6, 2), TODAY)[0];
    assert!(words.ends_with("-6 held, expected -5 from before and -2 from recorded fills"), "{words}");
    assert_eq!(
        differences(&filled(), &orders, &holds(0, 0), EXPIRY),
        Vec::<String>::new(),
        "they have expired"
    );
}

#[test]
fn what_a_users_order_may_have_filled_is_no_difference() {
    let before = "2026-02-11T21:13:30Z";
    for (why, order, least, most) in [
        ("since the mark", users(3, &[]), -10, -7),
        ("at the mark itself", users(3, &[(1, MARKED)]), -10, -7),
        ("one of them before it", users(3, &[(1, before)]), -9, -7),
        ("all before it", users(3, &[(3, before)]), -7, -7),
        ("more executions than fills", users(1, &[(3, before)]), -7, -7),
        ("nothing", users(0, &[]), -7, -7),
    ] {
        for sold in -12..=-5 {
            let bought = 2 - (sold + 7).min(0);
            let differ = told(&filled(), std::slice::from_ref(&order), &holds(sold, bought));
            assert_eq!(differ == 0, (least..=most).contains(&sold), "{why}: {sold} and {bought}");
        }
    }
}

#[test]
fn a_users_closing_order_may_have_taken_contracts_back() {
    let mut closing = users(2, &[]);
    for (leg, _) in &mut closing.legs {
        leg.action = match leg.action {
            gamma_market::LegAction::Buy => gamma_market::LegAction::Sell,
            gamma_market::LegAction::Sell => gamma_market::LegAction::Buy,
        };
    }
    for sold in -9..=-3 {
        let differ = told(&filled(), std::slice::from_ref(&closing), &holds(sold, -sold - 5));
        assert_eq!(differ == 0, (-7..=-5).contains(&sold), "{sold}");
    }
}

#[test]
fn our_own_orders_and_what_replaced_them_are_no_others() {
    let replaced = OrderView { linked: vec![OrderId("10".into())], ..order("9", OrderStatus::Replaced, 0) };
    for orders in
        [vec![order("9", OrderStatus::Filled, 2)], vec![replaced, order("10", OrderStatus::Filled, 2)]]
    {
        assert_eq!(told(&filled(), &orders, &holds(-7, 2)), 0);
        assert_eq!(told(&filled(), &orders, &holds(-9, 4)), 2, "the fills are recorded already");
    }
}

#[test]
fn the_first_revision_says_what_was_held_before() {
    let mut day = filled();
    let later = IntentRecord {
        key: IntentKey { revision: 2, ..key() },
        held: holds(-99, 99),
        ..day.intents[0].clone()
    };
    day.intents.insert(0, later);
    assert_eq!(told(&day, &[], &holds(-7, 2)), 0);
}

#[test]
fn a_contract_counts_as_often_as_the_package_holds_it() {
    let mut double = users(1, &[]);
    for (_, ratio) in &mut double.legs {
        *ratio = 2;
    }
    for sold in -10..=-6 {
        let differ = told(&filled(), std::slice::from_ref(&double), &holds(sold, -sold - 5));
        assert_eq!(differ == 0, (-9..=-7).contains(&sold), "{sold}");
    }
}

#[test]
fn positions_are_no_witness_where_an_operator_decided() {
    let decision =
        crate::ports::Decision { by: "operator".into(), why: "looked".into(), at: MARKED.parse().unwrap() };
    let decided = day(vec![rung(1, RungState::Resolved { filled: 0, decision })]);
    assert_eq!(told(&decided, &[], &holds(99, 99)), 0);
}

#[test]
fn fills_that_were_counted_late_are_found() {
    let unreadable = OrderView { unreadable: Some("no price".into()), ..order("9", OrderStatus::Filled, 2) };
    let replaced = OrderView { linked: vec![OrderId("10".into())], ..order("9", OrderStatus::Replaced, 1) };
    let theirs = OrderView { linked: vec![OrderId("11".into())], ..order("8", OrderStatus::Replaced, 2) };
    for (why, recorded, orders, filled, doubtful) in [
        ("as recorded", 1, vec![order("9", OrderStatus::Canceled, 1)], None, 0),
        ("one more", 1, vec![order("9", OrderStatus::Canceled, 2)], Some(2), 0),
        ("fewer than recorded", 2, vec![order("9", OrderStatus::Canceled, 1)], None, 0),
        ("another's order", 1, vec![order("8", OrderStatus::Filled, 2)], None, 0),
        ("a row that does not read", 1, vec![unreadable], None, 0),
        ("another's order that was edited", 1, vec![theirs, order("9", OrderStatus::Canceled, 1)], None, 0),
        ("one of each", 1, vec![replaced.clone(), order("10", OrderStatus::Filled, 1)], Some(2), 0),
        (
            "what replaced it works on",
            1,
            vec![replaced.clone(), order("10", OrderStatus::Working, 0)],
            None,
            1,
        ),
        ("what replaced it is not shown", 1, vec![replaced], None, 1),
    ] {
        let state = RungState::Terminal {
            order: nine(),
            status: OrderStatus::Canceled,
            filled: recorded,
            fills: vec![],
        };
        let day = day(vec![rung(1, state)]);
        let found: Vec<u32> = more_fills(&day, &orders).iter().map(|seen| seen.order.filled).collect();
        assert_eq!(found, filled.into_iter().collect::<Vec<_>>(), "{why}");
        let words = doubts(&day, &orders);
        assert!(
            words.len() == doubtful && words.iter().all(|words| words.starts_with("order 9 was edited")),
            "{why}: {words:?}"
        );
    }
}

#[test]
fn an_order_that_was_said_never_to_have_been_is_found() {
    let never = || RungState::NeverAccepted { reason: "closed".into() };
    let refused = || RungState::Refused { reason: "400".into() };
    let sending = || RungState::Sending;
    for (why, states, shown, expected) in [
        ("nothing shown", vec![never()], vec![], vec![]),
        ("never accepted", vec![never()], vec!["9"], vec![(1, "9")]),
        ("refused", vec![refused()], vec!["9"], vec![(1, "9")]),
        ("it is looked for elsewhere", vec![sending()], vec!["9"], vec![]),
        ("seen before the mark", vec![never()], vec!["1"], vec![]),
        ("the lost one's, not the refused one's", vec![never(), refused()], vec!["9"], vec![(1, "9")]),
        ("two alike", vec![never()], vec!["8", "9"], vec![]),
    ] {
        let rungs = states.into_iter().zip(1..).map(|(state, number)| rung(number, state)).collect();
        let orders: Vec<OrderView> = shown.into_iter().map(|id| order(id, OrderStatus::Filled, 2)).collect();
        let found = turned_up(&day(rungs), &orders, Some("ours"), None);
        let found: Vec<_> = found.iter().map(|seen| (seen.rung.number, seen.order.id.0.as_str())).collect();
        assert_eq!(found, expected, "{why}");
    }
}
