//! What the feed can show and how a run waits for it, over ports in memory.

use std::collections::BTreeMap;

use crate::support::{World, row, set};
use gamma_execution::report::Outcome;
use gamma_market::SignalRow;
use gamma_strategy::constant_stable::{Profile, RawProfile};
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::Decimal;

#[tokio::test]
async fn an_empty_trade_beside_todays_row_is_nothing_to_do() {
    let at = |time: &str| format!("2025-09-03T{time}Z").parse().unwrap();
    // To the end of the window; filled in late; emptied while orders are out.
    for (from, to, outcome, posts) in [
        ("20:13:00", "20:20:00", Outcome::NothingToDo, 0),
        ("20:13:00", "20:13:50", Outcome::Filled, 2),
        ("20:13:35", "20:20:00", Outcome::NoFill, 2),
    ] {
        let world = World::at("20:13:00");
        set(&world.feed.no_trade, Some(at(from)..at(to)));
        set(&world.broker.fills, |_, _, seconds| if seconds > 12 { 4 } else { 0 });
        let report = world.deliver("run-1").await;
        assert_eq!(
            (report.outcome, *world.broker.posts.lock().unwrap(), world.broker.live()),
            (outcome, posts, 0),
            "{from} {:?}",
            report.notes
        );
        let why = "the signal shows no trade beside its row of 2025-09-03: Trade: got null, expected a row";
        let detail = match outcome {
            Outcome::Filled => String::new(),
            Outcome::NoFill => format!("orders were sent and none filled; then: {why}"),
            _ => why.to_owned(),
        };
        assert_eq!(report.detail, detail);
    }
}

#[tokio::test]
async fn an_empty_trade_without_todays_row_still_alarms() {
    let world = World::at("20:13:00");
    let mut yesterday = row(6400, 6500);
    yesterday.date = date(2025, 9, 2);
    set(&world.feed.published, vec![(Timestamp::MIN, Ok(yesterday))]);
    set(&world.feed.no_trade, Some(Timestamp::MIN..Timestamp::MAX));
    let report = world.deliver("run-1").await;
    assert_eq!(
        (report.outcome, report.alarm),
        (Outcome::SignalUnusable, true),
        "a feed that was not updated says nothing of today"
    );
}

#[tokio::test]
async fn a_far_expiry_or_a_volatility_in_percent_places_nothing() {
    let with = |change: fn(&mut SignalRow)| {
        let mut row = row(6425, 6470);
        change(&mut row);
        row
    };
    for (row, outcome, detail) in [
        (
            with(|row| row.expiry = Some(date(2026, 9, 4))),
            Outcome::SignalUnusable,
            "signal TDate: got 2026-09-04, expected a day at most 7 days after 2025-09-03",
        ),
        (
            with(|row| row.volatilities = BTreeMap::from([("VixOne".into(), Decimal::new(185, 1))])),
            Outcome::PlanRefused,
            "signal VixOne: got 18.5, expected a decimal fraction from 0.02 to 2, such as 0.185",
        ),
    ] {
        let mut world = World::at("20:13:00");
        // As profiles were written before there was a limit.
        let mut written = serde_json::to_value(world.profile.strategy.raw()).unwrap();
        written.as_object_mut().unwrap().remove("most_days_to_expiry");
        world.profile.strategy =
            Profile::try_from(serde_json::from_value::<RawProfile>(written).unwrap()).unwrap();
        set(&world.feed.published, vec![(Timestamp::MIN, Ok(row))]);
        let report = world.deliver("run-1").await;
        assert_eq!(
            (report.outcome, report.detail.as_str(), *world.broker.posts.lock().unwrap()),
            (outcome, detail, 0)
        );
    }
}
