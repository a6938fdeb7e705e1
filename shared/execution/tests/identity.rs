//! Whose order it is: an id in an answer only names an order, and the broker's lists are late, stale and full
//! of others' orders.

use crate::support;

use crate::support::{Place, World, set};
use gamma_execution::ports::{AccountSnapshot, OrderId, OrderStatus, OrderView, RungState};
use gamma_execution::report::{Outcome, RunReport};
use gamma_market::Right;

fn filled(world: &World, right: Right) -> u32 {
    world.broker.book().iter().filter(|(side, ..)| *side == right).map(|(_, _, filled, _)| filled).sum()
}

fn others_cancelled(world: &World) -> Vec<OrderId> {
    world.broker.others_cancelled.lock().unwrap().clone()
}

/// The user's order 77 on our put legs, as it is sent by us: its quantity and price are its own.
fn users_twin(world: &World, status: OrderStatus, filled: u32) -> OrderView {
    let legs = [
        ("SPXW  250904P06425000", gamma_market::LegAction::Sell),
        ("SPXW  250904P06420000", gamma_market::LegAction::Buy),
    ];
    let leg = |(symbol, action): (&str, _)| (gamma_market::Leg::open(symbol.parse().unwrap(), action), 1);
    OrderView {
        quantity: 7,
        filled,
        status,
        legs: legs.map(leg).to_vec(),
        effect: Some(gamma_market::Effect::Credit),
        ..world.broker.users_order()
    }
}

#[tokio::test]
async fn an_answer_that_names_our_earlier_order_buys_nothing_twice() {
    // The put's second POST is answered with the first put's id; the order it made fills.
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 3 { Place::Names("1000") } else { Place::Accept });
    set(
        &world.broker.fills,
        |right, number, seconds| if right == Right::Put && number == 2 && seconds >= 3 { 4 } else { 0 },
    );
    let report = world.deliver("run-1").await;
    assert_eq!((filled(&world, Right::Put), world.broker.live()), (4, 0), "{:?}", report.notes);
    let put = report.sides.iter().find(|side| side.side == Right::Put).unwrap();
    assert_eq!(put.filled, 4, "the order that was made is found and counted: {:?}", report.notes);
    let told =
        report.notes.iter().any(|note| note.contains("the answer names order 1000, which was there before"));
    assert!(told, "nobody reads or waits for an order that cannot be this one: {:?}", report.notes);
}

#[tokio::test]
async fn an_answer_that_names_the_users_order_never_cancels_it() {
    for (status, theirs) in [(OrderStatus::Working, 0), (OrderStatus::Filled, 7), (OrderStatus::Canceled, 0)]
    {
        for how in [Place::Names("77"), Place::OnlyNames("77")] {
            let world = World::at("20:13:31");
            // Entered while the run is at work: it is not among the orders seen before.
            let twin = users_twin(&world, status.clone(), theirs);
            set(
                &world.broker.foreign,
                vec![OrderView { entered: Some("2025-09-03T20:13:32Z".parse().unwrap()), ..twin }],
            );
            set(
                &world.broker.account,
                Ok(AccountSnapshot { equity: Some(25_000.into()), ..AccountSnapshot::default() }),
            );
            set(&world.broker.fills, |_, _, _| 0);
            if how == Place::Names("77") {
                set(
                    &world.broker.place,
                    |number| if number == 1 { Place::Names("77") } else { Place::Accept },
                );
            } else {
                set(
                    &world.broker.place,
                    |number| if number == 1 { Place::OnlyNames("77") } else { Place::Accept },
                );
            }
            let report = world.deliver("run-1").await;
            assert_eq!(others_cancelled(&world), [], "{status} {how:?}: {:?}", report.notes);
            let put = report.sides.iter().find(|side| side.side == Right::Put).unwrap();
            assert_eq!(
                (put.filled, filled(&world, Right::Put)),
                (0, 0),
                "{status} {how:?}: their fills are not ours"
            );
            let recorded =
                world.ledger.rungs().iter().any(|rung| rung.state.order() == Some(&OrderId("77".into())));
            assert!(!recorded, "{status} {how:?}: the ledger knows no order of the user's as ours");
            assert!(report.notes.iter().any(|note| note.contains("77")), "{:?}", report.notes);
            if how == Place::OnlyNames("77") {
                assert_eq!((report.outcome, report.alarm), (Outcome::Unresolved, true), "{:?}", report.notes);
            }
        }
    }
}

async fn killed_while_posting(world: &World) {
    set(&world.broker.place, |_| Place::Hang);
    let request = world.request("run-1");
    let killed = async {
        while *world.broker.posts.lock().unwrap() < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; _ = world.deliver_as(&request) => panic!("the run should hang"), () = killed => {} }
    set(&world.broker.place, |_| Place::Accept);
}

#[tokio::test]
async fn recovery_looks_for_a_lost_order_until_trading_ends() {
    // The list shows it 30 s late: the next delivery finds it and cancels it, long before the close.
    let world = World::at("20:13:31");
    killed_while_posting(&world).await;
    set(&world.broker.lists_late, 30);
    world.at_time("20:13:52");
    let report = world.deliver("run-2").await;
    assert_eq!(
        (report.outcome, world.broker.live()),
        (Outcome::Recovered, 0),
        "{} {:?}",
        report.detail,
        report.notes
    );
    assert!(report.ended < "2025-09-03T20:14:20Z".parse().unwrap(), "{}", report.ended);
    // One that is never shown is looked for until trading ends, and no longer.
    let world = World::at("20:13:31");
    killed_while_posting(&world).await;
    set(&world.broker.lists_late, 600);
    world.at_time("20:13:52");
    let report = world.deliver("run-2").await;
    assert_eq!(report.outcome, Outcome::Unresolved);
    let (from, to): (jiff::Timestamp, jiff::Timestamp) =
        ("2025-09-03T20:15:00Z".parse().unwrap(), "2025-09-03T20:15:15Z".parse().unwrap());
    assert!(from < report.ended && report.ended < to, "{}", report.ended);
}

#[tokio::test]
async fn our_own_orders_are_never_foreign_however_stale_the_list() {
    // The signal moves; ours are cancelled and proven, and the list shows them working for a while.
    let world = World::at("20:13:31");
    let at = |time: &str| format!("2025-09-03T{time}Z").parse().unwrap();
    let moved = gamma_market::SignalRow { right_go: None, ..support::row(6425, 6470) };
    set(
        &world.feed.published,
        vec![(at("20:13:30"), Ok(support::row(6425, 6470))), (at("20:13:38"), Ok(moved))],
    );
    set(&world.broker.lists_stale, 60);
    set(&world.broker.fills, |right, number, _| if right == Right::Put && number == 2 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, filled(&world, Right::Put)),
        (Outcome::Filled, 4),
        "{} {:?}",
        report.detail,
        report.notes
    );
}

#[tokio::test]
async fn a_working_order_of_an_earlier_day_blocks_its_side() {
    for (status, expected) in [(OrderStatus::Working, 1), (OrderStatus::Canceled, 2)] {
        let world = World::at("20:13:31");
        let evening_before = Some("2025-09-02T21:00:00Z".parse().unwrap());
        set(
            &world.broker.foreign,
            vec![OrderView { entered: evening_before, status: status.clone(), ..world.broker.users_order() }],
        );
        set(&world.broker.fills, |_, _, _| 4);
        let report = world.deliver("run-1").await;
        assert_eq!(world.broker.book().len(), expected, "{status}: {:?}", report.notes);
        assert_eq!(report.outcome, if expected == 1 { Outcome::OneSided } else { Outcome::Filled });
    }
}

#[tokio::test]
async fn a_row_that_does_not_read_keeps_nothing_else_from_being_read() {
    type Change = fn(OrderView) -> OrderView;
    let cases: [(&str, Change, usize); 4] = [
        // A bond, an option of another root: noted, and nothing of ours is touched.
        ("a bond", |order| OrderView { legs: Vec::new(), foreign_legs: false, ..order }, 2),
        ("legs nobody can read", |order| OrderView { legs: Vec::new(), foreign_legs: true, ..order }, 0),
        ("our leg", |order| order, 1),
        ("our leg, over", |order| OrderView { status: OrderStatus::Filled, ..order }, 2),
    ];
    for (name, change, orders) in cases {
        let world = World::at("20:13:31");
        let row = OrderView {
            unreadable: Some("quantity: got nothing".into()),
            status: OrderStatus::Other("null".into()),
            ..world.broker.users_order()
        };
        set(&world.broker.foreign, vec![change(row)]);
        let unreadable = vec!["positions[3].symbol: got \"2SPX  250904P06425000\"".to_owned()];
        set(
            &world.broker.account,
            Ok(AccountSnapshot { equity: Some(25_000.into()), unreadable, ..AccountSnapshot::default() }),
        );
        set(&world.broker.fills, |_, _, _| 4);
        let report = world.deliver("run-1").await;
        assert_eq!(world.broker.book().len(), orders, "{name}: {} {:?}", report.detail, report.notes);
        assert!(report.notes.iter().any(|note| note.contains("2SPX")), "{name}: {:?}", report.notes);
    }
}

#[tokio::test]
async fn fills_counted_after_an_order_is_over_are_waited_for() {
    // Canceled is shown before the last fill is counted: the next rung would buy it again.
    let world = World::at("20:13:31");
    set(&world.broker.counts_late, 2);
    set(&world.broker.fills, |right, number, seconds| match (right, number) {
        (Right::Put, 1) if seconds >= 20 => 2,
        (Right::Put, 1) => 0,
        _ => 4,
    });
    let report = world.deliver("run-1").await;
    assert_eq!((filled(&world, Right::Put), report.outcome), (4, Outcome::Filled), "{:?}", report.notes);
}

#[tokio::test]
async fn the_last_sweep_records_what_was_counted_too_late_for_the_run() {
    let world = World::at("20:13:31");
    set(&world.broker.counts_late, 600);
    set(
        &world.broker.fills,
        |right, number, seconds| if right == Right::Put && number == 1 && seconds >= 20 { 1 } else { 0 },
    );
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::NoFill);
    world.at_time("20:16:00");
    assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Swept);
    world.at_time("20:30:00");
    let swept = world.sweep("sweep-2").await;
    assert_eq!((swept.outcome, swept.alarm), (Outcome::Recovered, true), "{}", swept.detail);
    assert!(swept.detail.contains("shows 1 filled, 0 were recorded"), "{}", swept.detail);
    let put = world.ledger.intents().into_iter().find(|intent| intent.key.slot == Right::Put).unwrap();
    assert_eq!((put.filled, world.ledger.day().unwrap().outcome.as_deref()), (1, Some("one_sided")));
    assert_eq!(world.sweep("sweep-3").await.outcome, Outcome::Swept, "and has nothing more to say");
}

#[tokio::test]
async fn the_last_sweep_alarms_on_positions_that_nothing_explains() {
    let put: gamma_market::OptionSymbol = "SPXW  250904P06425000".parse().unwrap();
    for (extra, outcome) in
        [(0, Outcome::Swept), (-6, Outcome::PositionsDiffer), (2, Outcome::PositionsDiffer)]
    {
        let world = World::at("20:13:31");
        set(&world.broker.fills, |_, _, _| 4);
        assert_eq!(world.deliver("run-1").await.outcome, Outcome::Filled);
        world.at_time("20:16:00");
        assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Swept, "positions may be late so soon");
        world.at_time("20:30:00");
        let positions = [(put, extra)].into_iter().filter(|(_, contracts)| *contracts != 0).collect();
        set(
            &world.broker.account,
            Ok(AccountSnapshot { equity: None, positions, ..AccountSnapshot::default() }),
        );
        let swept = world.sweep("sweep-2").await;
        assert_eq!(
            (swept.outcome, swept.alarm),
            (outcome, outcome != Outcome::Swept),
            "{extra}: {}",
            swept.detail
        );
    }
}

#[tokio::test]
async fn an_order_that_turns_up_after_it_was_given_up_is_recorded() {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 1 { Place::LostAfter } else { Place::Accept });
    // The list and the positions show it a quarter of an hour late.
    set(&world.broker.lists_late, 900);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Unresolved);
    world.at_time("20:21:00");
    assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Recovered);
    assert!(world.ledger.rungs().iter().any(|rung| matches!(rung.state, RungState::NeverAccepted { .. })));
    set(&world.broker.fills, |right, number, _| if right == Right::Put && number == 1 { 4 } else { 0 });
    world.at_time("20:30:00");
    let swept = world.sweep("sweep-2").await;
    assert_eq!(swept.outcome, Outcome::Recovered, "{}", swept.detail);
    assert!(swept.detail.contains("turned up"), "{}", swept.detail);
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("one_sided"));
}

#[tokio::test]
async fn an_order_edited_by_hand_is_followed_and_nothing_more_is_sent() {
    for (status, now, outcome) in
        [(OrderStatus::Filled, 4, "one_sided"), (OrderStatus::Canceled, 0, "no_fill")]
    {
        let world = World::at("20:13:31");
        let only_put = gamma_market::SignalRow {
            right_go: Some(rust_decimal::Decimal::NEGATIVE_ONE),
            ..support::row(6425, 6470)
        };
        set(&world.feed.published, vec![("2025-09-03T20:13:30Z".parse().unwrap(), Ok(only_put))]);
        let (request, editing) = (world.request("run-1"), async {
            // Both first orders are out.
            while *world.broker.posts.lock().unwrap() < 2 {
                tokio::task::yield_now().await;
            }
            world.broker.edited_by_hand("88", now, status.clone());
        });
        let (report, ()) = tokio::join!(world.deliver_as(&request), editing);
        assert_eq!(report.outcome, Outcome::Unresolved, "{:?}", report.notes);
        assert_eq!(*world.broker.posts.lock().unwrap(), 2, "nothing is sent beside an order that goes on");
        assert_eq!(others_cancelled(&world), [], "it is left alone");
        world.at_time("20:21:00");
        let swept = world.sweep("sweep-1").await;
        assert_eq!(
            swept.outcome,
            if now > 0 { Outcome::PositionsDiffer } else { Outcome::Recovered },
            "{}",
            swept.detail
        );
        assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some(outcome), "{}", swept.detail);
    }
}

/// What the report's sides say they filled is what the broker's books say, whatever the answers named.
#[tokio::test]
async fn whichever_post_is_misnamed_books_and_ledger_agree() {
    let lies: [fn(usize) -> Place; 6] = [
        |number| if number == 1 { Place::Names("999") } else { Place::Accept },
        |number| if number == 2 { Place::Names("1000") } else { Place::Accept },
        |number| if number == 3 { Place::Names("1001") } else { Place::Accept },
        |number| if number == 4 { Place::Names("1000") } else { Place::Accept },
        |number| if number == 2 { Place::OnlyNames("1000") } else { Place::Accept },
        |number| if number >= 3 { Place::Names("1000") } else { Place::Accept },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let world = World::at("20:13:31");
        set(&world.broker.place, lie);
        set(&world.broker.fills, |_, number, seconds| if number == 2 && seconds >= 3 { 3 } else { 0 });
        let report: RunReport = world.deliver("run-1").await;
        world.at_time("20:21:00");
        let swept = world.sweep("sweep-1").await;
        for side in [Right::Put, Right::Call] {
            let told: u32 = world
                .ledger
                .rungs()
                .iter()
                .filter(|rung| rung.intent.slot == side)
                .map(|rung| rung.state.filled())
                .sum();
            assert_eq!(
                told,
                filled(&world, side),
                "lie {number}, {side}: {} {:?}; {}",
                report.outcome,
                report.notes,
                swept.detail
            );
            assert!(told <= 4, "lie {number}, {side}");
        }
        assert_eq!(world.broker.live(), 0, "lie {number}: {:?}", report.notes);
    }
}
