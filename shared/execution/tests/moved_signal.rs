//! A signal that moves before anything has filled: the new plan has a ladder of its own, and no rung opens on
//! strikes the feed no longer shows.

use crate::support::{World, row, set};
use gamma_execution::ports::IntentState;
use gamma_execution::report::{Outcome, RunReport};
use gamma_market::{LegQuote, OptionSymbol, Right, SignalRow};
use jiff::Timestamp;

fn at(time: &str) -> Timestamp {
    format!("2025-09-03T{time}Z").parse().unwrap()
}

/// The put side moves five points up at this time; nothing fills before, and the new put fills at its
/// so-many-eth rung.
async fn moved(moves: &str, fills_at: usize) -> (World, RunReport) {
    moved_in_a_run_from("20:13:31", moves, fills_at).await
}

async fn moved_in_a_run_from(starts: &str, moves: &str, fills_at: usize) -> (World, RunReport) {
    let world = World::at(starts);
    set(&world.feed.published, vec![(at("20:13:30"), Ok(row(6425, 6470))), (at(moves), Ok(row(6430, 6470)))]);
    let new: OptionSymbol = "SPXW  250904P06430000".parse().unwrap();
    set(&world.broker.fill_contract, Some((new, fills_at)));
    let report = world.deliver("run-1").await;
    (world, report)
}

/// Offsets from the mid of the rungs of the last put side, in cents below it.
fn rungs(report: &RunReport) -> Vec<String> {
    let put = report.sides.iter().rfind(|side| side.side == Right::Put).unwrap();
    put.rungs.iter().filter_map(|rung| Some((rung.nbbo?.mid - rung.price?).to_string())).collect()
}

#[tokio::test]
async fn a_new_plan_begins_at_its_own_mid() {
    for (moves, least) in
        [("20:13:40", 3), ("20:13:52", 2), ("20:14:05", 1), ("20:14:20", 1), ("20:14:25", 1)]
    {
        let (world, report) = moved(moves, 99).await;
        let offsets = rungs(&report);
        assert!(
            !offsets.is_empty() && offsets.len() <= 3,
            "moved at {moves}: {offsets:?} {:?}",
            report.notes
        );
        assert_eq!(offsets[..], ["0.00", "0.05", "0.10"][..offsets.len()], "moved at {moves}: from the mid");
        assert!(offsets.len() >= least, "moved at {moves}: {offsets:?}");
        assert_eq!(world.broker.live(), 0, "moved at {moves}");
        let revisions: Vec<u32> = world.ledger.intents().iter().map(|intent| intent.key.revision).collect();
        assert!(
            revisions.contains(&2)
                && world.ledger.intents().iter().all(|intent| intent.state == IntentState::Terminal),
            "{revisions:?}"
        );
    }
}

#[tokio::test]
async fn a_signal_moved_late_still_trades_what_fits() {
    for moves in ["20:13:40", "20:14:00", "20:14:15", "20:14:25"] {
        let (world, report) = moved(moves, 1).await;
        let filled: u32 = world
            .broker
            .book()
            .iter()
            .filter(|(right, ..)| *right == Right::Put)
            .map(|(_, _, filled, _)| filled)
            .sum();
        assert_eq!(filled, 4, "moved at {moves}: {} {:?}", report.detail, report.notes);
    }
}

#[tokio::test]
async fn no_rung_opens_on_strikes_that_the_feed_no_longer_shows() {
    // It moves after the look in the middle of the first rung, and before the second opens.
    let (world, report) = moved("20:13:48", 1).await;
    let old: OptionSymbol = "SPXW  250904P06425000".parse().unwrap();
    let late = world.broker.entered(old).into_iter().filter(|entered| *entered >= at("20:13:48")).count();
    assert_eq!(late, 0, "{:?}", report.notes);
}

#[tokio::test]
async fn a_rung_that_waited_for_a_price_looks_at_the_feed_too() {
    // One put leg is missing as the second slot begins; the signal moves before it is back.
    let world = World::at("20:13:31");
    let leg: OptionSymbol = "SPXW  250904P06425000".parse().unwrap();
    let gap = move |now: Timestamp, symbol: OptionSymbol, quote: Option<LegQuote>| {
        if symbol == leg && at("20:13:50") <= now && now < at("20:14:02") { None } else { quote }
    };
    set(&world.broker.quoting, Some(Box::new(gap)));
    set(
        &world.feed.published,
        vec![(at("20:13:30"), Ok(row(6425, 6470))), (at("20:13:58"), Ok(row(6430, 6470)))],
    );
    let report = world.deliver("run-1").await;
    let late = world.broker.entered(leg).into_iter().filter(|entered| *entered >= at("20:13:58")).count();
    assert_eq!(late, 0, "{:?}", report.notes);
    let new = "SPXW  250904P06430000".parse().unwrap();
    assert!(!world.broker.entered(new).is_empty(), "what it asks for now is sent: {:?}", report.notes);
}

#[tokio::test]
async fn it_is_said_when_no_rung_of_the_new_plan_fits() {
    let (world, report) = moved_in_a_run_from("20:14:24", "20:14:46", 1).await;
    assert_eq!(
        (report.outcome, report.alarm),
        (Outcome::NoFill, true),
        "{} {:?}",
        report.detail,
        report.notes
    );
    assert!(report.detail.contains("no rung of the new plan fits"), "{}", report.detail);
    assert_eq!(world.broker.live(), 0);
}

#[tokio::test]
async fn a_signal_that_keeps_moving_is_followed_a_few_times() {
    let world = World::at("20:13:31");
    let flapping =
        ["20:13:30", "20:13:36", "20:13:42", "20:13:48", "20:13:54", "20:14:00", "20:14:06", "20:14:12"];
    let published = flapping
        .iter()
        .enumerate()
        .map(|(turn, time)| (at(time), Ok(row(if turn % 2 == 0 { 6425 } else { 6430 }, 6470))));
    set(&world.feed.published, published.collect());
    let report = world.deliver("run-1").await;
    let revisions = world.ledger.intents().iter().map(|intent| intent.key.revision).max().unwrap();
    assert!((2..=4).contains(&revisions), "{revisions}");
    assert_eq!(
        (world.broker.live(), report.outcome),
        (0, Outcome::NoFill),
        "{} {:?}",
        report.detail,
        report.notes
    );
}

#[tokio::test]
async fn a_day_whose_second_plan_sends_nothing_is_no_fill() {
    // Whatever the second plan is refused for, orders of the first were sent: that is what the ledger alone
    // says, too.
    let no_side = SignalRow { left_go: None, right_go: None, ..row(6425, 6470) };
    let no_quotes = row(6500, 6550);
    for moved in [no_side, no_quotes] {
        let world = World::at("20:13:31");
        set(&world.feed.published, vec![(at("20:13:30"), Ok(row(6425, 6470))), (at("20:13:38"), Ok(moved))]);
        let report = world.deliver("run-1").await;
        let day = world.ledger.day().unwrap().outcome;
        assert_eq!(
            (report.outcome, day.as_deref()),
            (Outcome::NoFill, Some("no_fill")),
            "{} {:?}",
            report.detail,
            report.notes
        );
        assert!(!report.detail.is_empty() && world.broker.live() == 0, "{:?}", report.notes);
    }
}

#[tokio::test]
async fn a_ledger_that_fails_between_two_plans_costs_its_time() {
    for (times, filled) in [(3, 4), (12, 4), (999, 0)] {
        let world = World::at("20:13:31");
        set(
            &world.feed.published,
            vec![(at("20:13:30"), Ok(row(6425, 6470))), (at("20:13:38"), Ok(row(6430, 6470)))],
        );
        let new: OptionSymbol = "SPXW  250904P06430000".parse().unwrap();
        set(&world.broker.fill_contract, Some((new, 1)));
        world.ledger.break_write("set intent", times);
        let report = world.deliver("run-1").await;
        let got: u32 = world.broker.book().iter().map(|(_, _, filled, _)| filled).sum();
        assert_eq!(
            got, filled,
            "fails {times} times: {} {} {:?}",
            report.outcome, report.detail, report.notes
        );
        assert!(report.alarm, "one side's fills, or none for want of a ledger");
        assert_eq!(report.outcome, if filled > 0 { Outcome::OneSided } else { Outcome::NoFill });
    }
}
