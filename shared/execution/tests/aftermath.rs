//! What happens after a run that died or could not prove an order: recovery, sweeps, and an operator's
//! decision.

use crate::support::{Place, World, row, set};
use gamma_execution::ports::{
    AccountSnapshot, Arming, BrokerFault, Clock, Controls, DayState, IntentState, RungState,
};
use gamma_execution::report::Outcome;
use gamma_execution::run::{Resolve, RunRequest, Task};
use gamma_market::{Right, SignalRow};
use jiff::civil::date;

fn posts(world: &World) -> usize {
    *world.broker.posts.lock().unwrap()
}

/// The put's POST is lost and no order exists; the call works to its end without a fill.
async fn a_day_with_a_lost_post() -> World {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 1 { Place::LostBefore } else { Place::Accept });
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, posts(&world), world.broker.live()),
        (Outcome::Unresolved, 2, 0),
        "{:?}",
        report.notes
    );
    world
}

/// After the close it cannot be proven either: the positions have changed, and nothing explains it.
async fn a_day_that_nothing_can_prove() -> World {
    let world = a_day_with_a_lost_post().await;
    world.at_time("20:21:00");
    let short = "SPXW  250904P06425000".parse().unwrap();
    set(
        &world.broker.account,
        Ok(AccountSnapshot { equity: None, positions: [(short, -4)].into(), ..AccountSnapshot::default() }),
    );
    assert_eq!(world.sweep("sweep-0").await.outcome, Outcome::Unresolved);
    world
}

fn decision(filled: u32) -> Resolve {
    Resolve {
        date: date(2025, 9, 3),
        side: Right::Put,
        filled,
        by: "operator".into(),
        why: "no order in the broker's history".into(),
    }
}

async fn resolve(world: &World, run_id: &str, decision: Resolve) -> gamma_execution::report::RunReport {
    world.deliver_as(&RunRequest { task: Task::Resolve(decision), ..world.request(run_id) }).await
}

fn put_rung(world: &World) -> RungState {
    world.ledger.rungs().into_iter().find(|rung| rung.intent.slot == Right::Put).unwrap().state
}

#[tokio::test]
async fn a_recovered_day_whose_other_side_was_refused_is_one_sided() {
    let world = World::at("20:13:31");
    world.broker.users_order_works();
    set(&world.broker.place, |_| Place::Hang);
    set(&world.broker.fills, |_, _, seconds| if seconds >= 3 { 4 } else { 0 });
    let request = world.request("run-1");
    let killed = async {
        while posts(&world) < 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = world.deliver_as(&request) => panic!("the run should have hung in its POST"),
        () = killed => {}
    }
    world.at_time("20:14:30");
    let second = world.deliver("run-2").await;
    assert_eq!((second.outcome, second.alarm), (Outcome::Recovered, true), "{}", second.detail);
    // The user's order touches the put side, which approval refused: no intent of it tells that it was
    // planned.
    assert_eq!(world.ledger.intents().len(), 1);
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("one_sided"), "{}", second.detail);
}

/// The close passed, and list and positions both show nothing of it.
#[tokio::test]
async fn a_lost_post_is_never_accepted_when_close_and_reads_agree() {
    let world = a_day_with_a_lost_post().await;
    world.at_time("20:15:20");
    assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Unresolved, "the close has only just passed");
    world.at_time("20:21:00");
    let swept = world.sweep("sweep-2").await;
    assert_eq!((swept.outcome, posts(&world)), (Outcome::Recovered, 2), "{}", swept.detail);
    assert!(matches!(put_rung(&world), RungState::NeverAccepted { .. }));
    let day = world.ledger.day().unwrap();
    assert_eq!((day.state, day.outcome.as_deref()), (DayState::Closed, Some("no_fill")));
    assert!(
        world
            .ledger
            .intents()
            .iter()
            .all(|intent| intent.state == IntentState::Terminal && intent.filled == 0)
    );
    assert_eq!(world.sweep("sweep-3").await.outcome, Outcome::Swept);
}

#[tokio::test]
async fn a_position_that_nothing_explains_keeps_a_lost_post_open() {
    let world = a_day_with_a_lost_post().await;
    world.at_time("20:21:00");
    let short = "SPXW  250904P06425000".parse().unwrap();
    set(
        &world.broker.account,
        Ok(AccountSnapshot { equity: None, positions: [(short, -4)].into(), ..AccountSnapshot::default() }),
    );
    let swept = world.sweep("sweep-1").await;
    assert_eq!(swept.outcome, Outcome::Unresolved);
    assert!(
        swept.detail.contains("-4 held, expected 0 from before and 0 from known fills"),
        "{}",
        swept.detail
    );
    assert_eq!(world.ledger.day().unwrap().outcome, None);
    set(&world.broker.account, Err(BrokerFault::Unavailable("503".into())));
    assert_eq!(
        world.sweep("sweep-2").await.outcome,
        Outcome::Unresolved,
        "positions that cannot be read prove nothing"
    );
}

#[tokio::test]
async fn a_sweep_finishes_what_a_dead_run_left_and_places_nothing() {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 2 { Place::Hang } else { Place::Accept });
    set(&world.broker.fills, |right, _, seconds| if right == Right::Put && seconds >= 2 { 1 } else { 0 });
    let request = world.request("run-1");
    let killed = async {
        while posts(&world) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; _ = world.deliver_as(&request) => panic!("the run should hang"), () = killed => {} }
    world.at_time("20:21:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!(
        (swept.outcome, swept.alarm, posts(&world), world.broker.live()),
        (Outcome::Recovered, true, 2, 0),
        "{}",
        swept.detail
    );
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("one_sided"));
}

#[tokio::test]
async fn a_sweep_touches_no_order_that_the_ledger_does_not_know() {
    let world = World::at("20:21:00");
    world.broker.users_order_works();
    world.sweep("sweep-1").await;
    assert_eq!(*world.broker.cancels.lock().unwrap(), 0);
}

/// For weeks nobody noticed: now a day without a final outcome is an alarm.
#[tokio::test]
async fn incident_schedules_did_not_fire_the_sweep_alarms() {
    let world = World::at("20:21:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!((swept.outcome, swept.alarm), (Outcome::NoFinalOutcome, true));
    assert!(swept.detail.contains("nothing ran"), "{}", swept.detail);
    // Another sweep is no outcome of the day, and a run that failed says nothing of it either.
    assert_eq!(world.sweep("sweep-2").await.outcome, Outcome::NoFinalOutcome);

    let world = World::at("20:13:00");
    world.ledger.break_write("load day", 3);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::LedgerUnavailable);
    world.at_time("20:21:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!(swept.outcome, Outcome::NoFinalOutcome);
    assert!(swept.detail.contains("ledger_unavailable"), "{}", swept.detail);
}

#[tokio::test]
async fn a_day_that_was_not_to_be_traded_is_in_order() {
    let world = World::at("20:13:00");
    world.ledger.set_controls(Controls { arming: Arming::Armed, halted: Some("news".into()), edge: None });
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Halted);
    world.at_time("20:21:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!((swept.outcome, swept.alarm), (Outcome::Swept, false), "{}", swept.detail);
    for (date, outcome) in [
        (date(2025, 9, 6), Outcome::MarketClosed),   // Saturday
        (date(2025, 7, 4), Outcome::MarketClosed),   // holiday
        (date(2025, 7, 3), Outcome::MarketClosed),   // early close
        (date(2025, 9, 2), Outcome::NoFinalOutcome), // a session on which nothing ran
    ] {
        let world = World::at("20:21:00");
        let request = RunRequest { task: Task::Sweep { date: Some(date) }, ..world.request("sweep") };
        assert_eq!(world.deliver_as(&request).await.outcome, outcome, "{date}");
    }
    assert_eq!(
        World::at("20:14:00").sweep("sweep-1").await.outcome,
        Outcome::Swept,
        "the session is still on"
    );
}

#[tokio::test]
async fn a_run_that_died_gets_its_outcome_from_the_sweep() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, _, _| 4);
    world.ledger.break_write("close day", 100);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Filled);
    world.ledger.break_write("close day", 0);
    assert_eq!(world.ledger.day().unwrap().outcome, None);
    world.at_time("20:21:00");
    assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Recovered);
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("filled"));
}

#[tokio::test]
async fn an_operators_decision_is_recorded_and_frees_the_day() {
    for (filled, outcome) in [(0, "no_fill"), (4, "one_sided")] {
        let world = a_day_that_nothing_can_prove().await;
        let report = resolve(&world, "resolve-1", decision(filled)).await;
        assert_eq!((report.outcome, posts(&world)), (Outcome::Resolved, 2), "{}", report.detail);
        let RungState::Resolved { filled: kept, decision: by } = put_rung(&world) else {
            panic!("{:?}", put_rung(&world))
        };
        assert_eq!(
            (kept, by.by.as_str(), by.why.as_str()),
            (filled, "operator", "no order in the broker's history")
        );
        assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some(outcome));
        let put = world.ledger.intents().into_iter().find(|intent| intent.key.slot == Right::Put).unwrap();
        assert_eq!((put.state, put.filled), (IntentState::Terminal, filled));
        assert_eq!(world.sweep("sweep-1").await.outcome, Outcome::Swept);
    }
}

#[tokio::test]
async fn a_decision_that_cannot_be_taken_changes_nothing_and_says_why() {
    let world = a_day_that_nothing_can_prove().await;
    let before = world.ledger.rungs();
    for (wrong, words) in [
        (decision(5), "resolve filled: got 5, expected between 0 (proven) and 4"),
        (Resolve { side: Right::Call, ..decision(0) }, "nothing of it is open"),
        (Resolve { by: " ".into(), ..decision(0) }, "resolve by: got nothing"),
        (Resolve { why: String::new(), ..decision(0) }, "resolve why: got nothing"),
    ] {
        let report = resolve(&world, "resolve-1", wrong).await;
        assert_eq!(report.outcome, Outcome::NotResolved);
        assert!(report.detail.contains(words), "{}", report.detail);
    }
    assert_eq!(world.ledger.rungs(), before);
    // While the session is on, an order may still appear or fill: nobody's decision stands against that.
    let world = a_day_with_a_lost_post().await;
    let report = resolve(&world, "resolve-1", decision(0)).await;
    assert_eq!(report.outcome, Outcome::NotResolved);
    assert!(report.detail.contains("the trade date is not over"), "{}", report.detail);
}

#[tokio::test]
async fn an_order_alive_at_the_broker_cannot_be_resolved() {
    let world = World::at("20:13:31");
    set(&world.broker.cancel_works, false);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Unresolved);
    assert_eq!(world.broker.live(), 2);
    world.at_time("20:20:30");
    let report = resolve(&world, "resolve-1", decision(0)).await;
    assert_eq!(report.outcome, Outcome::NotResolved);
    assert!(report.detail.contains("is working at the broker: cancel it there first"), "{}", report.detail);
    // Once it can be cancelled, what can be proven is proven, and nothing is left to decide.
    set(&world.broker.cancel_works, true);
    let report = resolve(&world, "resolve-2", decision(0)).await;
    assert_eq!(report.outcome, Outcome::Recovered, "{}", report.detail);
    assert!(report.detail.contains("nothing left to decide"), "{}", report.detail);
    assert_eq!((world.broker.live(), world.ledger.day().unwrap().outcome.as_deref()), (0, Some("no_fill")));
}

#[tokio::test]
async fn a_manual_dry_run_does_not_silence_a_live_sweep() {
    let world = World::at("14:00:00");
    let by_hand =
        RunRequest { task: Task::Trade { dry_run: true, scheduled: None }, ..world.request("by-hand") };
    world.deliver_as(&by_hand).await;
    world.at_time("20:21:00");
    let swept = world.sweep("sweep-1").await;
    assert_eq!((swept.outcome, swept.alarm), (Outcome::NoFinalOutcome, true), "{}", swept.detail);
    // Where the whole deployment is dry, that was the day's work.
    let swept = world
        .deliver_as(&RunRequest {
            deployment_live: false,
            task: Task::Sweep { date: None },
            ..world.request("sweep-2")
        })
        .await;
    assert_eq!(swept.outcome, Outcome::Swept, "{}", swept.detail);
}

#[tokio::test]
async fn recovery_names_a_day_that_was_planned_twice_as_its_run_would() {
    let at = |time: &str| format!("2025-09-03T{time}Z").parse().unwrap();
    let only_put = SignalRow { right_go: None, ..row(6430, 6470) };
    let world = World::at("20:13:31");
    set(&world.feed.published, vec![(at("20:13:30"), Ok(row(6425, 6470))), (at("20:13:38"), Ok(only_put))]);
    set(&world.broker.fills, |right, number, _| if right == Right::Put && number == 2 { 4 } else { 0 });
    world.ledger.break_write("close day", 100);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::Filled);
    world.ledger.break_write("close day", 0);
    world.at_time("20:21:00");
    world.sweep("sweep-1").await;
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("filled"));
}

#[tokio::test]
async fn positions_of_expired_options_are_no_witness() {
    let world = a_day_that_nothing_can_prove().await;
    world.clock.sleep_until("2025-09-05T20:21:00Z".parse().unwrap()).await;
    set(&world.broker.account, Ok(AccountSnapshot::default()));
    let request =
        RunRequest { task: Task::Sweep { date: Some(date(2025, 9, 3)) }, ..world.request("sweep-2") };
    let swept = world.deliver_as(&request).await;
    assert_eq!(swept.outcome, Outcome::Unresolved);
    assert!(swept.detail.contains("expired"), "{}", swept.detail);
}
