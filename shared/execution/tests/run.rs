//! Whole runs over ports in memory: the plain path, the gates, and the incidents a run can meet.

use crate::support::{Place, World, row, set};
use gamma_execution::gates::Gate;
use gamma_execution::ladder::{SideEnd, StopReason};
use gamma_execution::ports::{
    AccountSnapshot, Arming, BrokerFault, Clock, Controls, EdgeDecision, IntentState, SignalError, Verdict,
};
use gamma_execution::profile::EdgeMode;
use gamma_execution::report::Outcome;
use gamma_execution::run::{RunRequest, Task};
use gamma_market::Right;
use jiff::civil::{Date, date};

const CLOSE: &str = "2025-09-03T20:15:00Z";

/// Delivers, and drops the run while its second POST is in flight.
async fn killed_in_its_second_post(world: &World) {
    let request = world.request("run-1");
    let killed = async {
        while *world.broker.posts.lock().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = world.deliver_as(&request) => panic!("the run should have hung in its second POST"),
        () = killed => {}
    }
}

#[tokio::test]
async fn both_sides_fill_and_the_second_delivery_places_nothing() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, _, seconds| if seconds >= 3 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Filled, "{} {:?}", report.detail, report.notes);
    // 25,000 dollars are 2 units, bucket multiplier 2; mids 0.95 and 1.20, already on tick.
    assert_eq!(world.broker.book(), [(Right::Put, 4, 4, "0.95".into()), (Right::Call, 4, 4, "1.20".into())]);
    let put = &report.sides[0];
    assert_eq!(
        (put.average_price.unwrap().to_string(), put.improvement.unwrap().to_string(), put.cost.to_string()),
        ("0.95".into(), "0.00".into(), "7.76".into())
    );
    let day = world.ledger.day().unwrap();
    assert_eq!((day.outcome.as_deref(), day.sending), (Some("filled"), true));
    assert!(
        world
            .ledger
            .intents()
            .iter()
            .all(|intent| intent.state == IntentState::Terminal && intent.filled == 4)
    );

    let again = world.deliver("run-2").await;
    assert_eq!(again.outcome, Outcome::AlreadyTraded);
    assert_eq!(*world.broker.posts.lock().unwrap(), 2);
    assert_eq!(
        (world.ledger.run_outcome("run-1").as_deref(), world.ledger.run_outcome("run-2").as_deref()),
        (Some("filled"), Some("already_traded"))
    );
}

#[tokio::test]
async fn nothing_fills_three_rungs_each_and_nothing_is_left_alive() {
    for start in ["20:13:00", "20:13:31", "20:13:59", "20:14:20"] {
        let world = World::at(start);
        let report = world.deliver("run-1").await;
        assert_eq!(report.outcome, Outcome::NoFill, "{start}");
        let prices: Vec<_> = world.broker.book().into_iter().map(|(_, _, _, price)| price).collect();
        assert_eq!(
            prices,
            ["0.95", "1.20", "0.90", "1.15", "0.85", "1.10"],
            "{start}: sides side by side, mid, then nearer the market"
        );
        assert_eq!(world.broker.live(), 0, "{start}");
        assert!(report.ended <= CLOSE.parse().unwrap(), "{start}: ended {}", report.ended);
    }
}

#[tokio::test]
async fn incident_a_rung_sends_only_the_verified_remainder() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, number, seconds| if number == 1 { u32::from(seconds >= 5) } else { 4 });
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Filled);
    let quantities: Vec<_> =
        world.broker.book().into_iter().map(|(_, quantity, filled, _)| (quantity, filled)).collect();
    assert_eq!(quantities, [(4, 1), (4, 1), (3, 3), (3, 3)]);
}

#[tokio::test]
async fn incident_cancel_after_the_fill_gives_one_orders_fills() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, _, seconds| if seconds >= 20 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!((report.outcome, world.broker.book().len()), (Outcome::Filled, 2));
}

#[tokio::test]
async fn one_sided_completion_is_an_outcome_and_alarms() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |right, _, _| if right == Right::Put { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!((report.outcome, report.alarm), (Outcome::OneSided, true));
}

#[tokio::test]
async fn gates_refuse_before_anything_is_read_or_placed() {
    for (start, controls, outcome) in [
        ("20:13:00", Controls { arming: Arming::NotArmed, halted: None, edge: None }, Outcome::NotArmed),
        (
            "20:13:00",
            Controls { arming: Arming::Armed, halted: Some("news".into()), edge: None },
            Outcome::Halted,
        ),
        ("20:16:00", Controls { arming: Arming::Armed, halted: None, edge: None }, Outcome::OutsideWindow),
        ("20:10:00", Controls { arming: Arming::Armed, halted: None, edge: None }, Outcome::OutsideWindow),
    ] {
        let world = World::at(start);
        world.ledger.set_controls(controls);
        let report = world.deliver("run-1").await;
        assert_eq!((report.outcome, *world.broker.posts.lock().unwrap()), (outcome, 0), "{start}");
        assert_eq!(
            world.ledger.run_outcome("run-1").as_deref(),
            Some(outcome.name()),
            "the ledger alone can say how it ended"
        );
    }
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_says_what_would_have_refused() {
    let world = World::at("23:00:00");
    world.ledger.set_controls(Controls { arming: Arming::NotArmed, halted: None, edge: None });
    let request =
        RunRequest { task: Task::Trade { dry_run: true, scheduled: None }, ..world.request("run-1") };
    let report = world.deliver_as(&request).await;
    assert_eq!((report.outcome, *world.broker.posts.lock().unwrap()), (Outcome::DryRun, 0));
    assert!(report.gates.contains(&Gate::NoScheduledTime) && report.gates.contains(&Gate::NotArmed));
    assert!(report.gates.iter().any(|gate| matches!(gate, Gate::OutsideWindow { .. })));
    let prices: Vec<_> = report.sides[0].rungs.iter().map(|rung| rung.price.unwrap().to_string()).collect();
    assert_eq!(prices, ["0.95", "0.90", "0.85"]);
    assert_eq!(world.ledger.day(), None, "a dry run leaves no mark on the day");
}

#[tokio::test]
async fn incident_a_deployment_said_to_be_dry_never_trades() {
    let world = World::at("20:13:00");
    let request = RunRequest { deployment_live: false, ..world.request("run-1") };
    let report = world.deliver_as(&request).await;
    assert_eq!((report.outcome, *world.broker.posts.lock().unwrap()), (Outcome::DryRun, 0));
    assert!(report.gates.contains(&Gate::DeploymentDry));
}

#[tokio::test]
async fn a_halt_between_rungs_cancels_nothing_more_is_sent() {
    let world = World::at("20:13:31");
    // The first rung fills one, then an operator halts.
    set(&world.broker.fills, |_, _, seconds| u32::from(seconds >= 1));
    let halter = async {
        while *world.broker.posts.lock().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
        world.ledger.set_controls(Controls {
            arming: Arming::Armed,
            halted: Some("operator".into()),
            edge: None,
        });
    };
    let request = world.request("run-1");
    let (report, ()) = tokio::join!(world.deliver_as(&request), halter);
    assert_eq!(
        (report.outcome, world.broker.live(), *world.broker.posts.lock().unwrap()),
        (Outcome::PartiallyFilled, 0, 2)
    );
    assert_eq!(report.sides[0].end, Some(SideEnd::Stopped(StopReason::Halted("operator".into()))));
}

#[tokio::test]
async fn the_run_waits_for_todays_row_and_without_it_may_be_retried() {
    let world = World::at("20:13:00");
    let mut yesterday = row(6400, 6500);
    (yesterday.date, yesterday.expiry) = (jiff::civil::date(2025, 9, 2), Some(jiff::civil::date(2025, 9, 3)));
    let from = |text: &str| text.parse().unwrap();
    set(&world.feed.published, vec![(from("2025-09-02T20:00:00Z"), Ok(yesterday.clone()))]);
    let report = world.deliver("run-1").await;
    assert_eq!((report.outcome, *world.broker.posts.lock().unwrap()), (Outcome::SignalUnusable, 0));
    assert!(
        report.detail.contains("the newest row is of 2025-09-02, expected 2025-09-03"),
        "{}",
        report.detail
    );

    let world = World::at("20:13:00");
    set(
        &world.feed.published,
        vec![
            (from("2025-09-02T20:00:00Z"), Err(SignalError::Unavailable("502".into()))),
            (from("2025-09-03T20:13:40Z"), Ok(row(6425, 6470))),
        ],
    );
    set(&world.broker.fills, |_, _, _| 4);
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Filled);
    assert!(report.sides[0].rungs[0].at >= from("2025-09-03T20:13:40Z"));
}

#[tokio::test]
async fn a_signal_that_moves_before_any_fill_is_planned_once_more() {
    let world = World::at("20:13:00");
    let from = |text: &str| text.parse().unwrap();
    set(
        &world.feed.published,
        vec![
            (from("2025-09-03T20:13:30Z"), Ok(row(6425, 6470))),
            (from("2025-09-03T20:13:35Z"), Ok(row(6430, 6470))),
        ],
    );
    set(&world.broker.fills, |_, number, _| if number > 1 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Filled, "{:?}", report.notes);
    let strikes: Vec<_> = report
        .sides
        .iter()
        .map(|side| (side.revision, side.vertical.high().to_string(), side.filled))
        .collect();
    assert_eq!(
        strikes,
        [(1, "6425".into(), 0), (1, "6475".into(), 0), (2, "6430".into(), 4), (2, "6475".into(), 4)]
    );
    assert_eq!(world.broker.live(), 0);
}

#[tokio::test]
async fn a_signal_that_moves_after_a_fill_keeps_the_plan() {
    let world = World::at("20:13:00");
    let from = |text: &str| text.parse().unwrap();
    set(
        &world.feed.published,
        vec![
            (from("2025-09-03T20:13:30Z"), Ok(row(6425, 6470))),
            (from("2025-09-03T20:13:35Z"), Ok(row(6430, 6470))),
        ],
    );
    set(&world.broker.fills, |right, _, _| if right == Right::Put { 1 } else { 0 });
    let report = world.deliver("run-1").await;
    assert!(report.sides.iter().all(|side| side.revision == 1));
    assert_eq!(report.outcome, Outcome::OneSided);
}

#[tokio::test]
async fn incident_a_lost_reply_is_found_or_stopped_never_sent_again() {
    let world = World::at("20:13:00");
    set(&world.broker.place, |number| if number == 1 { Place::LostAfter } else { Place::Accept });
    set(&world.broker.fills, |_, _, seconds| if seconds >= 8 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!((report.outcome, world.broker.book().len()), (Outcome::Filled, 2), "{:?}", report.notes);

    let world = World::at("20:13:00");
    set(&world.broker.place, |number| if number == 1 { Place::LostBefore } else { Place::Accept });
    set(&world.broker.fills, |_, _, _| 4);
    let report = world.deliver("run-1").await;
    assert_eq!((report.outcome, *world.broker.posts.lock().unwrap()), (Outcome::Unresolved, 2));
    world.at_time("20:14:50");
    let again = world.deliver("run-2").await;
    assert_eq!(
        (again.outcome, *world.broker.posts.lock().unwrap()),
        (Outcome::Unresolved, 2),
        "nothing is placed while an order's fate is unknown"
    );
}

/// Killed between SENDING and the reply: the next delivery recovers and places nothing.
#[tokio::test]
async fn incident_killed_before_the_reply_then_recovered_places_none() {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 2 { Place::Hang } else { Place::Accept });
    set(&world.broker.fills, |right, _, seconds| if right == Right::Put && seconds >= 2 { 1 } else { 0 });
    killed_in_its_second_post(&world).await;
    assert_eq!(world.broker.live(), 2);
    // The signal's strikes moved meanwhile: the day record decides, not the strikes (incident).
    set(&world.feed.published, vec![("2025-09-03T20:13:00Z".parse().unwrap(), Ok(row(6430, 6470)))]);
    let again = world.deliver("run-2").await;
    assert_eq!(
        (again.outcome, *world.broker.posts.lock().unwrap(), world.broker.live()),
        (Outcome::Recovered, 2, 0),
        "{} {:?}",
        again.detail,
        again.notes
    );
    assert_eq!(
        world.ledger.day().unwrap().outcome.as_deref(),
        Some("one_sided"),
        "the day is named after what its orders made"
    );
    assert!(again.alarm, "somebody died here");
    let filled: Vec<_> = world.ledger.intents().iter().map(|intent| intent.filled).collect();
    let really: Vec<_> = world.broker.book().iter().map(|(_, _, filled, _)| *filled).collect();
    assert_eq!(filled.iter().sum::<u32>(), really.iter().sum::<u32>());
    assert_eq!(world.deliver("run-3").await.outcome, Outcome::AlreadyTraded);
}

#[tokio::test]
async fn recovery_of_an_unprovable_order_hides_no_other() {
    let world = World::at("20:13:31");
    // The put's POST is lost and no order exists; the call's order works; then the function dies.
    set(&world.broker.place, |number| match number {
        1 => Place::LostBefore,
        2 => Place::Hang,
        _ => Place::Accept,
    });
    set(&world.broker.fills, |_, _, seconds| u32::from(seconds >= 2));
    killed_in_its_second_post(&world).await;
    let again = world.deliver("run-2").await;
    assert_eq!((again.outcome, world.broker.live()), (Outcome::Unresolved, 0), "{}", again.detail);
    let call = world.ledger.intents().into_iter().find(|intent| intent.key.slot == Right::Call).unwrap();
    assert_eq!(
        (call.state, call.filled),
        (IntentState::Terminal, world.broker.book()[0].2),
        "what can be proven is recorded"
    );
    assert_eq!(world.ledger.day().unwrap().outcome, None, "the day stays open");
}

#[tokio::test]
async fn one_side_unresolved_the_other_sends_nothing_more() {
    let world = World::at("20:13:31");
    set(&world.broker.place, |number| if number == 1 { Place::LostBefore } else { Place::Accept });
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, *world.broker.posts.lock().unwrap(), world.broker.live()),
        (Outcome::Unresolved, 2, 0)
    );
    assert_eq!(report.sides[1].end, Some(SideEnd::Stopped(StopReason::OtherSideUnresolved)));
}

#[tokio::test]
async fn a_later_delivery_that_fails_leaves_the_days_outcome_alone() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |right, _, _| if right == Right::Put { 4 } else { 0 });
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::OneSided);
    world.ledger.break_write("load day", 100);
    assert_eq!(world.deliver("run-2").await.outcome, Outcome::LedgerUnavailable);
    assert_eq!(world.ledger.day().unwrap().outcome.as_deref(), Some("one_sided"));
}

#[tokio::test]
async fn orders_that_the_broker_refuses_are_named_and_alarm() {
    let world = World::at("20:13:00");
    set(&world.broker.place, |_| Place::Refuse(400));
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, report.alarm, *world.broker.posts.lock().unwrap()),
        (Outcome::Rejected, true, 2)
    );
    assert!(report.detail.contains("400 no"), "{}", report.detail);
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, _, _| 4);
    set(&world.broker.place, |number| if number == 1 { Place::Refuse(400) } else { Place::Accept });
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::OneSided);
}

#[tokio::test]
async fn a_gap_in_the_quotes_costs_time_not_rungs() {
    let world = World::at("20:13:31");
    let symbol = "SPXW  250904P06420000".parse().unwrap();
    let gap = async {
        // Both first rungs are out; the quotes go, and come back three seconds into the next rung.
        while *world.broker.posts.lock().unwrap() < 2 {
            tokio::task::yield_now().await;
        }
        let quotes = std::mem::take(&mut *world.broker.quotes.lock().unwrap());
        assert!(quotes.contains_key(&symbol));
        while world.clock.now() < "2025-09-03T20:13:55Z".parse().unwrap() {
            tokio::task::yield_now().await;
        }
        set(&world.broker.quotes, quotes);
    };
    let request = world.request("run-1");
    let (report, ()) = tokio::join!(world.deliver_as(&request), gap);
    assert_eq!(
        (report.outcome, *world.broker.posts.lock().unwrap()),
        (Outcome::NoFill, 6),
        "three rungs each all the same"
    );
    assert!(report.ended <= CLOSE.parse().unwrap());
}

#[tokio::test]
async fn a_side_refused_beside_one_that_fills_is_one_sided() {
    let world = World::at("20:13:00");
    world.broker.quotes.lock().unwrap().remove(&"SPXW  250904P06420000".parse().unwrap());
    set(&world.broker.fills, |_, _, _| 4);
    let report = world.deliver("run-1").await;
    assert_eq!((report.outcome, report.alarm, world.broker.book().len()), (Outcome::OneSided, true, 1));
}

#[tokio::test]
async fn a_day_that_ended_before_its_first_sending_may_be_tried_again() {
    let world = World::at("20:13:00");
    set(&world.broker.fills, |_, _, _| 4);
    world.ledger.break_write("put sending", 100);
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::LedgerUnavailable);
    assert_eq!(world.ledger.day().map(|day| day.sending), Some(false));
    world.ledger.break_write("put sending", 0);
    let again = world.deliver("run-2").await;
    assert_eq!(
        (again.outcome, *world.broker.posts.lock().unwrap()),
        (Outcome::Filled, 2),
        "{}",
        again.detail
    );
    assert!(again.sides.iter().all(|side| side.revision == 2), "the first run's intents stay as they are");
}

#[tokio::test]
async fn foreign_orders_and_positions_are_left_alone_and_counted() {
    let world = World::at("20:13:00");
    world.broker.users_order_works();
    set(&world.broker.fills, |_, _, _| 4);
    let report = world.deliver("run-1").await;
    assert_eq!(world.broker.book().len(), 1, "only the call side");
    assert!(report.sides[0].refused.as_ref().unwrap().contains("not ours"), "{:?}", report.sides[0].refused);
    assert!(report.notes.iter().any(|note| note.contains("order 77 is working and not ours")));
}

#[tokio::test]
async fn bad_input_refuses_with_its_field_and_places_nothing() {
    for (equity, signal, outcome, words) in [
        (None, row(6425, 6470), Outcome::PlanRefused, "equity: missing"),
        (Some(-5), row(6425, 6470), Outcome::PlanRefused, "equity: got -5"),
        (
            Some(25_000),
            gamma_market::SignalRow { put_strike: None, ..row(6425, 6470) },
            Outcome::PlanRefused,
            "signal Limit: missing",
        ),
        (
            Some(25_000),
            gamma_market::SignalRow { volatilities: Default::default(), ..row(6425, 6470) },
            Outcome::PlanRefused,
            "signal VixOne: missing",
        ),
        (Some(25_000), row(1000, 9000), Outcome::NotApproved, "no price: SPXW  250904P00995000: no quote"),
    ] {
        let world = World::at("20:13:00");
        set(
            &world.broker.account,
            Ok(AccountSnapshot { equity: equity.map(Into::into), ..AccountSnapshot::default() }),
        );
        set(&world.feed.published, vec![("2025-09-03T20:13:30Z".parse().unwrap(), Ok(signal))]);
        let report = world.deliver("run-1").await;
        assert_eq!((report.outcome, *world.broker.posts.lock().unwrap()), (outcome, 0), "{words}");
        assert!(report.detail.contains(words), "{}", report.detail);
        assert_eq!(world.ledger.run_outcome("run-1").as_deref(), Some(outcome.name()));
    }
    let world = World::at("20:13:00");
    set(&world.broker.account, Err(BrokerFault::TokenDead("docs/runbook.md, Schwab login".into())));
    assert_eq!(world.deliver("run-1").await.outcome, Outcome::TokenDead);
}

#[tokio::test]
async fn a_cancel_that_never_works_is_reported_and_the_day_stays_open() {
    let world = World::at("20:13:00");
    set(&world.broker.cancel_works, false);
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, *world.broker.posts.lock().unwrap()),
        (Outcome::Unresolved, 2),
        "no second order while the first may be alive"
    );
    assert!(report.alarm);
    assert_eq!(world.ledger.day().unwrap().outcome, None);
}

fn paused(until: Date) -> Controls {
    let edge = EdgeDecision {
        run_date: date(2025, 9, 2),
        verdict: Verdict::PauseEdge,
        pause_until: Some(until),
        why: "the test".into(),
        known: 40,
    };
    Controls { arming: Arming::Armed, halted: None, edge: Some(edge) }
}

#[tokio::test]
async fn an_edge_guard_pause_holds_only_where_and_while_enforced() {
    for (mode, until, outcome) in [
        (EdgeMode::Enforce, date(2025, 9, 3), Outcome::EdgePaused),
        (EdgeMode::Enforce, date(2025, 9, 8), Outcome::EdgePaused),
        (EdgeMode::Enforce, date(2025, 9, 2), Outcome::Filled),
        (EdgeMode::Monitor, date(2025, 9, 8), Outcome::Filled),
    ] {
        let mut world = World::at("20:13:00");
        set(&world.broker.fills, |_, _, _| 4);
        world.profile.execution.edge_guard = mode;
        world.ledger.set_controls(paused(until));
        let report = world.deliver("run-1").await;
        assert_eq!(report.outcome, outcome, "{mode:?} {until}: {}", report.detail);
        let words = format!("the edge guard pauses trading until {until}: the test");
        if outcome == Outcome::EdgePaused {
            assert_eq!(
                (*world.broker.posts.lock().unwrap(), report.alarm, report.detail.as_str()),
                (0, true, words.as_str())
            );
            assert_eq!(world.ledger.day(), None, "the day is not opened");
        } else {
            assert_eq!(
                report.notes.iter().any(|note| note.contains(&words)),
                mode == EdgeMode::Monitor,
                "{:?}",
                report.notes
            );
        }
    }
}

#[tokio::test]
async fn a_pause_shows_in_a_dry_run_and_hides_no_earlier_run() {
    let mut world = World::at("20:13:00");
    world.profile.execution.edge_guard = EdgeMode::Enforce;
    world.deliver("run-1").await;
    world.ledger.set_controls(paused(date(2025, 9, 8)));
    assert_eq!(
        world.deliver("run-2").await.outcome,
        Outcome::AlreadyTraded,
        "what became of the day comes first"
    );
    let request =
        RunRequest { task: Task::Trade { dry_run: true, scheduled: None }, ..world.request("run-3") };
    let report = world.deliver_as(&request).await;
    assert_eq!(report.outcome, Outcome::DryRun);
    assert!(report.gates.iter().any(|gate| matches!(gate, Gate::EdgePaused { .. })), "{:?}", report.gates);
}
