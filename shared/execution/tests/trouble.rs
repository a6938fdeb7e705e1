//! Slow answers, refusals and outages while orders are out: nothing is sent that may not be, no cancel is
//! late, and it trades on.

use std::sync::Mutex;
use std::time::Duration;

use crate::support::net::Net;
use crate::support::{Place, World, row, set};
use gamma_execution::ports::{NotPlaced, NotSent, OrderStatus, OrderView, PlaceReply};
use gamma_execution::report::Outcome;
use gamma_market::Right;
use jiff::Timestamp;

fn at(time: &str) -> Timestamp {
    format!("2025-09-03T{time}Z").parse().unwrap()
}

/// The longest a ledger call takes to fail: the adapter's own bound.
const LEDGER_SECONDS: u64 = 3;

#[tokio::test]
async fn a_lease_renewed_slowly_still_outlives_the_post() {
    for start in 11..31 {
        for takes in 1..8 {
            let world = World::at(&format!("20:13:{start}"));
            let mut net = Net::to(&world);
            // The mark takes long, and then the renewal fails twice before it works.
            let state = Mutex::new((false, 0));
            net.slow = Box::new(move |call, _| {
                let mut state = state.lock().unwrap();
                match call {
                    "put sending" if !state.0 => {
                        state.0 = true;
                        (takes, false)
                    }
                    "renew lease" if state.0 && state.1 < 2 => {
                        state.1 += 1;
                        (6, true)
                    }
                    _ => (0, false),
                }
            });
            net.deliver(&world.request("run-1")).await;
            for (sent, left) in net.posts.lock().unwrap().iter() {
                assert!(
                    left.as_secs() >= 8,
                    "from :{start}, the mark took {takes} s: a POST at {sent} on a lease of {left:#}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_slow_list_for_one_side_does_not_delay_the_others_cancel() {
    let world = World::at("20:14:20");
    set(&world.broker.place, |number| if number == 1 { Place::LostBefore } else { Place::Accept });
    let mut net = Net::to(&world);
    // The patient list takes 43 seconds to fail, the hasty one 5.
    net.slow = Box::new(|call, now| match call {
        "orders" if now > at("20:14:22") => (43, true),
        "orders in haste" => (5, true),
        _ => (0, false),
    });
    net.deliver(&world.request("run-1")).await;
    let cancel = net.cancels.lock().unwrap()[0];
    assert!(cancel <= at("20:14:34"), "the rung ended at 20:14:28, its cancel went out at {cancel}");
}

#[tokio::test]
async fn a_ledger_that_stalls_does_not_hold_up_a_cancel() {
    for (first, start) in [(31, "20:13:31"), (60, "20:14:00"), (75, "20:14:15"), (80, "20:14:20")] {
        for from in first..115 {
            let world = World::at(start);
            set(&world.broker.fills, |right, _, seconds| u32::from(right == Right::Put && seconds >= 3) * 4);
            let mut net = Net::to(&world);
            let stalls = at("20:13:00") + Duration::from_secs(from);
            let of_broker = ["orders", "orders in haste", "order", "quotes", "account", "cancel"];
            net.slow = Box::new(move |call, now| {
                if now >= stalls && !of_broker.contains(&call) { (LEDGER_SECONDS, true) } else { (0, false) }
            });
            let report = net.deliver(&world.request("run-1")).await;
            let Some(cancel) = net.cancels.lock().unwrap().last().copied() else { continue };
            let post = net.posts.lock().unwrap().last().unwrap().0;
            let late = cancel.duration_since(post).as_secs() - 20;
            assert!(
                late <= 5 && cancel <= at("20:15:00"),
                "{start}, stalled from {stalls}: {} sent {post}, cancelled {cancel}",
                report.outcome
            );
            assert_eq!(world.broker.live(), 0, "{start}, stalled from {stalls}");
        }
    }
}

#[tokio::test]
async fn a_429_is_waited_out_before_the_next_rung_too() {
    let world = World::at("20:13:31");
    set(&world.broker.fills, |_, _, _| 4);
    let mut net = Net::to(&world);
    let wait = Some(Duration::from_secs(30));
    net.placing = Box::new(move |_, now| {
        (now < at("20:14:01")).then_some(PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: wait }))
    });
    let report = net.deliver(&world.request("run-1")).await;
    let sent: Vec<_> = net.posts.lock().unwrap().iter().map(|(sent, _)| *sent).collect();
    assert_eq!(report.outcome, Outcome::Filled, "{sent:?}");
    assert!(
        sent[..2].iter().all(|sent| *sent < at("20:13:32"))
            && sent[2..].iter().all(|sent| *sent >= at("20:14:01")),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_broker_out_of_reach_for_a_while_costs_no_rung() {
    for (back, most) in [("20:13:33", 6), ("20:13:43", 10), ("20:14:10", 22)] {
        let world = World::at("20:13:31");
        set(&world.broker.fills, |_, _, _| 4);
        let mut net = Net::to(&world);
        let back_at = at(back);
        net.placing =
            Box::new(move |_, now| (now < back_at).then(|| NotSent::NotConnected("refused".into()).into()));
        let report = net.deliver(&world.request("run-1")).await;
        let posts = net.posts.lock().unwrap().len();
        assert_eq!(report.outcome, Outcome::Filled, "back at {back}: {posts} POSTs, {}", report.detail);
        assert!(posts <= most, "back at {back}: {posts} POSTs");
    }
}

/// The broker answers no list while the order is looked for.
#[tokio::test]
async fn while_one_order_is_unknown_the_other_side_waits_then_goes_on() {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 1 { Place::LostAfter } else { Place::Accept });
    let mut net = Net::to(&world);
    let hears = at("20:14:06");
    net.slow = Box::new(move |call, now| (0, call == "orders in haste" && now < hears));
    let report = net.deliver(&world.request("run-1")).await;
    let sent: Vec<_> = net.posts.lock().unwrap().iter().map(|(sent, _)| *sent).collect();
    // Its rung was over at 20:13:56.
    assert!(sent.len() > 2 && sent[1] < at("20:13:32") && sent[2] >= hears, "{}: {sent:?}", report.outcome);
}

#[tokio::test]
async fn nothing_is_sent_again_beside_an_order_in_doubt() {
    // The put's answer is lost and no list shows it; the call meets the edge's page, and would be sent again
    // after the first look in vain.
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| match number {
        1 => Place::LostBefore,
        2..=4 => Place::EdgePage,
        _ => Place::Accept,
    });
    let net = Net::to(&world);
    let report = net.deliver(&world.request("run-1")).await;
    let last = net.posts.lock().unwrap().last().unwrap().0;
    assert_eq!(report.outcome, Outcome::Unresolved);
    assert!(last < at("20:13:36"), "sent at {last}: {:?}", report.notes);
}

#[tokio::test]
async fn nothing_is_sent_again_once_trading_is_halted() {
    let world = World::at("20:13:31");
    let mut net = Net::to(&world);
    net.halt_with_post = Some(2);
    let wait = Some(Duration::from_secs(10));
    net.placing =
        Box::new(move |_, _| Some(PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: wait })));
    let report = net.deliver(&world.request("run-1")).await;
    assert_eq!(
        (net.posts.lock().unwrap().len(), report.outcome),
        (2, Outcome::Halted),
        "halted with the second POST"
    );
}

#[tokio::test]
async fn nothing_is_sent_on_a_lease_that_aged_during_the_mark() {
    let world = World::at("20:13:31");
    let mut net = Net::to(&world);
    net.halt_with_call = Some("put sending");
    net.slow = Box::new(|call, _| if call == "put sending" { (3, false) } else { (0, false) });
    let report = net.deliver(&world.request("run-1")).await;
    assert_eq!((net.posts.lock().unwrap().len(), report.outcome), (0, Outcome::Halted), "{}", report.detail);
}

#[tokio::test]
async fn time_that_is_up_before_the_first_rung_is_told_and_alarms() {
    let world = World::at("20:13:31");
    set(&world.feed.published, vec![(at("20:14:49"), Ok(row(6425, 6470)))]);
    let mut net = Net::to(&world);
    net.slow = Box::new(|call, _| if call == "quotes" { (4, false) } else { (0, false) });
    let report = net.deliver(&world.request("run-1")).await;
    assert_eq!((report.outcome, report.alarm), (Outcome::OutOfTime, true), "{}", report.detail);
    world.at_time("20:16:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!(swept.outcome, Outcome::Swept, "{}", swept.detail);
}

#[tokio::test]
async fn an_order_entered_a_minute_after_the_mark_is_not_ours() {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 1 { Place::LostBefore } else { Place::Accept });
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Unresolved);
    let put = &report.sides[0];
    let theirs = OrderView {
        quantity: 4,
        price: put.rungs[0].price,
        effect: Some(put.effect),
        legs: put.vertical.legs().iter().map(|leg| (*leg, 1)).collect(),
        entered: Some(at("20:14:45")),
        status: OrderStatus::Working,
        ..world.broker.users_order()
    };
    world.broker.foreign.lock().unwrap().push(theirs);
    world.at_time("20:14:50");
    let before = *world.broker.cancels.lock().unwrap();
    assert_eq!(world.deliver("run-2").await.outcome, Outcome::Unresolved);
    assert_eq!(*world.broker.cancels.lock().unwrap(), before, "the user's order is left alone");
}

/// The user enters the twin of the order that was marked first: its legs, number and price, at its second.
fn enter_a_twin(world: &World) {
    let rung = &world.ledger.rungs()[0];
    let intent = world.ledger.intents().into_iter().find(|intent| intent.key == rung.intent).unwrap();
    let twin = OrderView {
        quantity: rung.quantity,
        price: Some(rung.price),
        effect: Some(intent.effect),
        legs: intent.package.legs().to_vec(),
        entered: Some(rung.at),
        status: OrderStatus::Working,
        ..world.broker.users_order()
    };
    world.broker.foreign.lock().unwrap().push(twin);
}

/// At brokers where orders carry names.
#[tokio::test]
async fn a_twin_without_our_name_is_not_adopted_nor_in_the_way() {
    for (names, expected) in [(true, Outcome::Recovered), (false, Outcome::Unresolved)] {
        let world = World::at("20:13:31");
        set(&world.broker.names_orders, names);
        set(&world.broker.place, |_| Place::Hang);
        let request = world.request("run-1");
        let sent = async {
            while *world.broker.posts.lock().unwrap() == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = world.deliver_as(&request) => panic!("the run should have hung in its POST"),
            () = sent => {}
        }
        enter_a_twin(&world);
        world.at_time("20:14:50");
        assert_eq!(world.deliver("run-2").await.outcome, expected, "names: {names}");
        assert_eq!(world.broker.live(), usize::from(!names), "ours is cancelled where it can be told");
    }
    let world = World::at("20:13:31");
    set(&world.broker.names_orders, true);
    set(&world.broker.place, |_| Place::LostBefore);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Unresolved);
    enter_a_twin(&world);
    world.at_time("20:14:50");
    let before = *world.broker.cancels.lock().unwrap();
    assert_eq!(world.deliver("run-2").await.outcome, Outcome::Unresolved);
    assert_eq!(*world.broker.cancels.lock().unwrap(), before, "the user's order is left alone");
}
