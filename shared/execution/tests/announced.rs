//! Closures and early closes that were announced after the build.

use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::report::Outcome;
use gamma_execution::run::{RunRequest, Task};
use gamma_market::calendar::Calendar;

use crate::support::World;

fn announced(text: &str) -> AnnouncedCalendar {
    Ok(Calendar::with(text.parse().unwrap()))
}

#[tokio::test]
async fn a_run_trades_or_not_by_what_was_announced() {
    let unreadable = || Err("parameter /gamma/shared/closures: no list".to_owned());
    for (calendar, outcome, alarms, words) in [
        (announced("none"), Outcome::NoFill, false, ""),
        (announced("closed 2025-09-02; closed 2025-09-05"), Outcome::NoFill, false, ""),
        (
            announced("closed 2025-09-03 Day of Mourning"),
            Outcome::MarketClosed,
            false,
            "no session today: announced (Day of Mourning)",
        ),
        (announced("early 2025-09-03"), Outcome::MarketClosed, false, "closed early, at 13:00:00"),
        // The series that the signal names would expire on a day without a session.
        (
            announced("closed 2025-09-04"),
            Outcome::SignalUnusable,
            true,
            "TDate: got 2025-09-04, which is announced",
        ),
        (unreadable(), Outcome::CalendarUnreadable, true, "parameter /gamma/shared/closures: no list"),
    ] {
        let world = World::at("20:13:00");
        let request = RunRequest { calendar, ..world.request("run-1") };
        let report = world.deliver_as(&request).await;
        assert_eq!((report.outcome, report.alarm), (outcome, alarms), "{}", report.detail);
        assert!(report.detail.contains(words), "{}", report.detail);
        assert_eq!(*world.broker.posts.lock().unwrap() > 0, outcome == Outcome::NoFill, "{words}");
    }
}

#[tokio::test]
async fn a_sweep_of_an_announced_closure_is_content() {
    for (text, outcome) in [
        ("closed 2025-09-03", Outcome::MarketClosed),
        ("early 2025-09-03", Outcome::MarketClosed),
        ("none", Outcome::NoFinalOutcome), // nothing ran, and it should have
    ] {
        let world = World::at("20:16:00");
        let sweep = RunRequest {
            task: Task::Sweep { date: None },
            calendar: announced(text),
            ..world.request("sweep-1")
        };
        assert_eq!(world.deliver_as(&sweep).await.outcome, outcome, "{text}");
    }
}

#[tokio::test]
async fn a_sweep_proves_orders_whatever_was_typed_and_alarms() {
    let world = World::at("20:13:00");
    world.deliver("run-1").await;
    world.at_time("20:16:00");
    let request = RunRequest {
        task: Task::Sweep { date: None },
        calendar: Err("no list".to_owned()),
        ..world.request("sweep-1")
    };
    let swept = world.deliver_as(&request).await;
    assert_eq!((swept.outcome, swept.alarm), (Outcome::Swept, true), "{}", swept.detail);
    assert!(swept.notes.contains(&"no list".to_owned()), "{:?}", swept.notes);
}
