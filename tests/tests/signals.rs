//! What the feed can show and refuse, through the unmodified function binary. Needs moto: scripts/test runs
//! these.
//!
//! Seed 4 is a day on which nothing fills by itself. On seed 2 both sides fill.

use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{Stack, StackConfig};
use serde_json::{Value, json};

const LIVE: &str = include_str!("../../events/schwab.json");
const QUIET: u64 = 4;
/// What a day is called on which something filled.
const TRADED: [&str; 4] = ["filled", "partially_filled", "uneven", "one_sided"];
const FILLING: u64 = 2;

/// Delivers a day of `seed` with `rule`; how it ended, why, and how many orders were sent.
async fn day(moto: &Moto, seed: u64, rule: Rule) -> (String, String, usize) {
    let stack = Stack::start(moto, &StackConfig::of_seed(seed)).await.unwrap();
    stack.faults().add(rule);
    let answer = stack.invoke(LIVE).await.unwrap();
    assert!(!stack.faults().fired().is_empty());
    assert_eq!(stack.audit(After::Everything).await.unwrap(), Vec::<String>::new());
    let ended = (
        answer.outcome().to_owned(),
        answer.body["detail"].as_str().unwrap_or_default().to_owned(),
        stack.simulator.book().posts().len(),
    );
    stack.host.stop().await;
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_empty_trade_beside_todays_row_places_nothing() {
    let moto = Moto::start().await.unwrap();
    for trade in [Value::Null, json!({}), json!([])] {
        let rule = Rule::on(Route::Signal).always().fault(Fault::Trade(trade.clone()));
        let (outcome, detail, posts) = day(&moto, FILLING, rule).await;
        assert_eq!((outcome.as_str(), posts), ("nothing_to_do", 0), "{trade}: {detail}");
        assert!(
            detail.starts_with("the signal shows no trade beside its row of 2025-09-03: Trade: got "),
            "{detail}"
        );
    }
    // Filled in late.
    let rule = Rule::on(Route::Signal).times(5).fault(Fault::Trade(Value::Null));
    let (outcome, detail, posts) = day(&moto, FILLING, rule).await;
    assert!(TRADED.contains(&outcome.as_str()) && posts > 0, "{outcome}: {detail}");
    // Emptied while orders are out.
    let rule = Rule::on(Route::Signal)
        .from("2025-09-03T20:13:33Z".parse().unwrap())
        .always()
        .fault(Fault::Trade(json!({})));
    let (outcome, detail, posts) = day(&moto, QUIET, rule).await;
    assert_eq!((outcome.as_str(), posts), ("no_fill", 2), "{detail}");
    assert!(detail.contains("Trade: got an empty object"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_rows_of_today_agree_or_are_refused() {
    let moto = Moto::start().await.unwrap();
    let row = |changes: &[(&str, Value)]| {
        let mut row = json!({"Date": "2025-09-03", "TDate": "2025-09-04", "Limit": 6425, "CLimit": 6470, "LeftGo": -1, "RightGo": -1, "VixOne": "0.20"});
        for (field, value) in changes {
            row[field] = value.clone();
        }
        Rule::on(Route::Signal).always().fault(Fault::Trade(row))
    };
    // The row in `Predictions` has other prices, strengths and volatilities for the record.
    assert_eq!(day(&moto, FILLING, row(&[])).await.0, "filled");
    for (field, value, words) in [
        ("Limit", json!(6430), "2 rows of 2025-09-03 ask for different trades"),
        ("VixOne", json!("18.5"), "2 rows of 2025-09-03 ask for different trades"),
    ] {
        let (outcome, detail, posts) = day(&moto, FILLING, row(&[(field, value)])).await;
        assert_eq!((outcome.as_str(), posts), ("signal_unusable", 0), "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn two_seconds_of_refusals_of_the_feed_lose_no_day() {
    let moto = Moto::start().await.unwrap();
    for route in [Route::Signal, Route::SignalLogin] {
        for fault in [Fault::Unauthorized, Fault::EdgePage] {
            let (outcome, detail, posts) =
                day(&moto, FILLING, Rule::on(route.clone()).times(2).fault(fault.clone())).await;
            assert!(
                TRADED.contains(&outcome.as_str()) && posts > 0,
                "{route:?} {fault:?} ended {outcome}: {detail}"
            );
        }
    }
}
