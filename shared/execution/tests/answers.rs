//! Answers that come late, name another order, or fail at the one moment that counts: each alone passes,
//! together they must not mislead.

use std::time::Duration;

use crate::support::net::Net;
use crate::support::{Place, World, set};
use gamma_execution::ports::{BrokerFault, NotPlaced, OrderId, OrderStatus, OrderView, PlaceReply};
use gamma_execution::report::Outcome;
use gamma_execution::run::{RunRequest, Task};
use gamma_market::Right;
use jiff::Timestamp;

fn at(time: &str) -> Timestamp {
    format!("2025-09-03T{time}Z").parse().unwrap()
}

fn unavailable() -> BrokerFault {
    BrokerFault::Unavailable("503".into())
}

#[tokio::test]
async fn an_answer_for_an_id_that_was_not_ours_tells_nothing_of_ours() {
    // The answer names the user's filled order; both are shown at the same moment, ours by the list, theirs
    // by its id.
    let world = World::at("20:13:31");
    let theirs = OrderView {
        entered: Some(at("20:13:32")),
        quantity: 4,
        filled: 4,
        status: OrderStatus::Filled,
        ..world.broker.users_order()
    };
    set(&world.broker.foreign, vec![theirs]);
    set(&world.broker.place, |number| if number == 1 { Place::Names("77") } else { Place::Accept });
    let mut net = Net::to(&world);
    net.failing = Box::new(|call, now| (call == "order" && now < at("20:13:36")).then(unavailable));
    let report = net.deliver(&world.request("run-1")).await;
    let recorded = world.ledger.rungs().iter().any(|rung| rung.state.order() == Some(&OrderId("77".into())));
    assert!(!recorded, "their fills are not ours: {:?}", report.notes);
    assert_eq!(
        (report.outcome, world.broker.live()),
        (Outcome::NoFill, 0),
        "ours is found and cancelled: {:?}",
        report.notes
    );
}

#[tokio::test]
async fn quotes_that_fail_before_the_mark_cost_a_second_not_a_side() {
    // The put's POST takes two seconds, so the call is priced anew, and that one read fails.
    let world = World::at("20:13:31");
    set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
    let mut net = Net::to(&world);
    net.slow = Box::new(|call, now| (if call == "place" && now < at("20:13:33") { 2 } else { 0 }, false));
    net.failing = Box::new(|call, now| (call == "quotes" && now == at("20:13:33")).then(unavailable));
    let report = net.deliver(&world.request("run-1")).await;
    assert_eq!(report.outcome, Outcome::Filled, "{} {:?}", report.detail, report.notes);
    assert!(
        world.ledger.rungs().iter().all(|rung| rung.number == 1),
        "a rung that was never marked takes no number"
    );
}

#[tokio::test]
async fn a_broker_that_asks_to_wait_an_hour_is_not_waited_for() {
    let world = World::at("20:13:31");
    let mut net = Net::to(&world);
    let hour = Some(Duration::from_secs(3600));
    net.placing =
        Box::new(move |_, _| Some(PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: hour })));
    let report = net.deliver(&world.request("run-1")).await;
    assert_eq!(
        (report.outcome, net.posts.lock().unwrap().len()),
        (Outcome::Rejected, 2),
        "{} {:?}",
        report.detail,
        report.notes
    );
    assert!(report.ended < at("20:15:10"), "trading is over, and so is the run: {}", report.ended);
}

#[tokio::test]
async fn an_order_that_turns_up_is_one_rungs_and_counts_once() {
    // The put's first POST meets the edge's page, the answer to the same order sent again is lost; it is
    // shown half an hour late.
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| match number {
        1 => Place::EdgePage,
        3 => Place::LostAfter,
        _ => Place::Accept,
    });
    set(&world.broker.lists_late, 900);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Unresolved);
    world.at_time("20:21:00");
    assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Recovered);
    set(&world.broker.fills, |right, number, _| if right == Right::Put && number == 1 { 4 } else { 0 });
    world.at_time("20:30:00");
    let swept = world.sweep("sweep-2").await;
    let put = world.ledger.intents().into_iter().find(|intent| intent.key.slot == Right::Put).unwrap();
    assert_eq!((swept.outcome, put.filled), (Outcome::Recovered, 4), "{}", swept.detail);
    assert_eq!(world.sweep("sweep-3").await.outcome, Outcome::Swept, "and has nothing more to say");
}

#[tokio::test]
async fn recovery_of_one_order_does_not_wait_for_the_other() {
    // Both orders live when the run dies; both first cancels are lost, and the reads of the put's order fail
    // until after the close.
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 2 { Place::Hang } else { Place::Accept });
    let request = world.request("run-1");
    let killed = async {
        while *world.broker.posts.lock().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; _ = world.deliver_as(&request) => panic!("the run should hang"), () = killed => {} }
    world.at_time("20:13:55");
    set(&world.broker.cancel_works, false);
    let mut net = Net::to(&world);
    net.hides = Some("1000");
    let request = world.request("run-2");
    let heals = async {
        while net.cancels.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        set(&world.broker.cancel_works, true);
    };
    let (report, ()) = tokio::join!(net.deliver(&request), heals);
    assert_eq!(
        (report.outcome, world.broker.live()),
        (Outcome::Unresolved, 0),
        "{} {:?}",
        report.detail,
        report.notes
    );
    let last = *net.cancels.lock().unwrap().last().unwrap();
    assert!(last < at("20:14:15"), "both are asked to go while trading is on, at the latest {last}");
}

#[tokio::test]
async fn a_named_order_whose_read_fails_after_the_close_stays_open() {
    // Lists show nothing, positions are late, and the reads by id fail: no witness says that there was no
    // order.
    let world = World::at("20:13:31");
    set(&world.broker.lists_late, 3600);
    let mut net = Net::to(&world);
    net.failing = Box::new(|call, _| (call == "order").then(unavailable));
    assert_eq!(net.deliver(&world.request("run-1")).await.outcome, Outcome::Unresolved);
    world.at_time("20:21:00");
    let sweep = |run_id| RunRequest { task: Task::Sweep { date: None }, ..world.request(run_id) };
    let swept = net.deliver(&sweep("sweep-1")).await;
    assert_eq!((swept.outcome, swept.alarm), (Outcome::Unresolved, true), "{}", swept.detail);
    // Once they are read, the day is recovered by them.
    let swept = world.sweep("sweep-2").await;
    assert_eq!(swept.outcome, Outcome::Recovered, "{}", swept.detail);
    assert!(
        world.ledger.rungs().iter().all(|rung| rung.state.order().is_some()),
        "{:?}",
        world.ledger.rungs()
    );
}

#[tokio::test]
async fn a_fill_counted_while_the_last_sweep_writes_is_recorded() {
    // The run dies with its cancels; half an hour later the sweep records the put as over, and its fill is
    // counted while that is written.
    let world = World::at("20:13:31");
    set(
        &world.broker.fills,
        |right, number, seconds| if right == Right::Put && number == 1 && seconds >= 20 { 1 } else { 0 },
    );
    set(&world.broker.counts_late, 971);
    let request = world.request("run-1");
    let killed = async {
        while *world.broker.cancels.lock().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; _ = world.deliver_as(&request) => panic!("the run should have been killed"), () = killed => {} }
    world.at_time("20:30:00");
    let mut net = Net::to(&world);
    net.slow = Box::new(|call, _| (if call == "set rung" { 4 } else { 0 }, false));
    let swept =
        net.deliver(&RunRequest { task: Task::Sweep { date: None }, ..world.request("sweep-1") }).await;
    let filled: u32 = world.ledger.intents().iter().map(|intent| intent.filled).sum();
    assert_eq!((swept.outcome, filled), (Outcome::Recovered, 1), "{} {:?}", swept.detail, swept.notes);
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("one_sided"));
}

#[tokio::test]
async fn fills_counted_late_of_two_rungs_of_a_side_are_recorded() {
    let world = World::at("20:13:31");
    set(&world.broker.counts_late, 600);
    set(&world.broker.fills, |right, number, seconds| {
        u32::from(right == Right::Put && number <= 2 && seconds >= 20)
    });
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::NoFill);
    world.at_time("20:30:00");
    let swept = world.sweep("sweep-1").await;
    let put = world.ledger.intents().into_iter().find(|intent| intent.key.slot == Right::Put).unwrap();
    assert_eq!((swept.outcome, put.filled), (Outcome::Recovered, 2), "{} {:?}", swept.detail, swept.notes);
    assert_eq!(world.sweep("sweep-2").await.outcome, Outcome::Swept, "and has nothing more to say");
}
