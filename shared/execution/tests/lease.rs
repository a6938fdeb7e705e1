//! Two runs of one day: who may send, and what is proven over when the lease goes to another.

use std::sync::Mutex;

use crate::support::net::Net;
use crate::support::{World, set};
use gamma_execution::ladder::{SideEnd, StopReason};
use gamma_execution::ports::{Clock, IntentState};
use gamma_execution::report::Outcome;

#[tokio::test]
async fn incident_two_copies_at_once_trade_once() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, _, seconds| if seconds >= 3 { 4 } else { 0 });
    let (one, two) = (world.request("run-1"), world.request("run-2"));
    let (first, second) = tokio::join!(world.deliver_as(&one), world.deliver_as(&two));
    let mut outcomes = [first.outcome.name(), second.outcome.name()];
    outcomes.sort_unstable();
    assert!(
        outcomes == ["already_traded", "filled"] || outcomes == ["another_run_active", "filled"],
        "{outcomes:?}"
    );
    assert_eq!(*world.broker.posts.lock().unwrap(), 2);
}

#[tokio::test]
async fn an_unmarked_order_is_not_sent_and_short_faults_are_retried() {
    for (operation, times, posts, outcome) in [
        ("put sending", 2, 2, Outcome::Filled),
        ("put sending", 100, 0, Outcome::LedgerUnavailable),
        ("controls", 2, 2, Outcome::Filled),
        ("load day", 100, 0, Outcome::LedgerUnavailable),
        ("put intents", 100, 0, Outcome::LedgerUnavailable),
        ("set rung", 2, 2, Outcome::Filled),
    ] {
        let world = World::at("20:13:00");
        set(&world.broker.fills, |_, _, _| 4);
        world.ledger.break_write(operation, times);
        let report = world.deliver("run-1").await;
        assert_eq!(
            (report.outcome, *world.broker.posts.lock().unwrap()),
            (outcome, posts),
            "{operation} × {times}: {:?}",
            report.notes
        );
    }
}

#[tokio::test]
async fn a_mark_that_may_land_late_leaves_its_intent_open() {
    let world = World::at("20:13:31");
    set(&world.broker.fills, |_, _, _| 4);
    world.ledger.break_write("put sending", u32::MAX);
    let report = world.deliver("run-1").await;
    assert_eq!(
        (*world.broker.posts.lock().unwrap(), world.ledger.intents().len()),
        (0, 2),
        "{:?}",
        report.notes
    );
    for intent in world.ledger.intents() {
        assert_eq!(
            (intent.state, intent.filled),
            (IntentState::Open, 0),
            "{}: {:?}",
            intent.key,
            report.notes
        );
        let told = format!("whether a mark of {} was written is not known", intent.key);
        assert!(report.notes.iter().any(|note| note.starts_with(&told)), "{:?}", report.notes);
    }
    // Now the ledger can be asked: the rungs are not there, nothing was sent, and the day goes on.
    world.ledger.break_write("put sending", 0);
    let report = world.deliver("run-2").await;
    assert_eq!(report.outcome, Outcome::Filled, "{:?}", report.notes);
}

#[tokio::test]
async fn a_lost_lease_stops_the_run_and_its_orders_become_terminal() {
    let world = World::at("20:13:31");
    let thief = async {
        while *world.broker.posts.lock().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
        world.ledger.steal_lease();
    };
    let request = world.request("run-1");
    let (report, ()) = tokio::join!(world.deliver_as(&request), thief);
    assert_eq!(
        (*world.broker.posts.lock().unwrap(), world.broker.live()),
        (2, 0),
        "nothing more is sent, nothing is left alive"
    );
    assert!(
        report.sides.iter().all(|side| matches!(side.end, Some(SideEnd::Stopped(StopReason::LeaseLost(_))))),
        "{:?}",
        report.sides[0].end
    );
}

#[tokio::test]
async fn what_the_fence_refuses_is_never_sent() {
    let world = World::at("20:13:31");
    world.ledger.steal_lease_before("put sending");
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, *world.broker.posts.lock().unwrap()),
        (Outcome::AnotherRunActive, 0),
        "{:?}",
        report.notes
    );
}

#[tokio::test]
async fn no_post_begins_on_a_lease_that_could_end_before_it() {
    // An adapter answers within six seconds, or fails.
    for slow in 0..=6 {
        let world = World::at("20:13:31");
        set(&world.broker.slow_quotes, slow);
        let posts = || *world.broker.posts.lock().unwrap();
        let watcher = async {
            let mut seen = 0;
            while seen < 4 && world.ledger.run_outcome("run-1").is_none() {
                if posts() > seen {
                    seen = posts();
                    let left =
                        world.ledger.lease_expires().unwrap().duration_since(world.clock.now()).as_secs();
                    assert!(left >= 8, "quotes take {slow} s: POST {seen} begins on a lease of {left} s");
                }
                tokio::task::yield_now().await;
            }
            seen
        };
        let request = world.request("run-1");
        let (_, seen) = tokio::join!(world.deliver_as(&request), watcher);
        assert!(seen >= 2, "quotes take {slow} s");
    }
}

#[tokio::test]
async fn the_lease_is_renewed_while_the_run_waits_for_the_signal() {
    let world = World::at("20:13:00");
    let watcher = async {
        while *world.broker.posts.lock().unwrap() == 0 {
            // Half of its twenty seconds, less a tick: one renewal that fails must not be the end of it.
            let left = world.ledger.lease_expires().map(|at| at.duration_since(world.clock.now()).as_secs());
            assert!(
                left.is_none_or(|left| left >= 8),
                "{left:?} s of the lease are left at {}",
                world.clock.now()
            );
            tokio::task::yield_now().await;
        }
    };
    let request = world.request("run-1");
    tokio::join!(world.deliver_as(&request), watcher);
}

#[tokio::test]
async fn a_day_two_runs_lost_to_each_other_is_named_by_its_orders() {
    // The first run is deaf for 25 seconds, a second one recovers meanwhile, and each writes what the other
    // would.
    let world = World::at("20:13:31");
    let mut net = Net::to(&world);
    let reads = Mutex::new(0);
    net.slow = Box::new(move |call, now| {
        let mut reads = reads.lock().unwrap();
        *reads += u32::from(call == "order");
        match call {
            "order" if *reads == 2 => (25, false),
            "renew lease" if *reads >= 2 && now < "2025-09-03T20:14:20Z".parse().unwrap() => (1, true),
            _ => (0, false),
        }
    });
    let request = world.request("run-1");
    let second = async {
        while world.ledger.lease_expires().is_none_or(|expires| expires > world.clock.now()) {
            tokio::task::yield_now().await;
        }
        world.deliver("run-2").await
    };
    let (first, second) = tokio::join!(net.deliver(&request), second);
    assert!(first.alarm || second.alarm, "{} and {}", first.outcome, second.outcome);
    world.at_time("20:21:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!(
        (world.broker.live(), world.ledger.day().unwrap().outcome.as_deref()),
        (0, Some("no_fill")),
        "{} {}",
        swept.outcome,
        swept.detail
    );
}
