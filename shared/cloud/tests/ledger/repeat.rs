//! Each conditional write made twice is ours twice; made by another it is theirs.

use std::slice::from_ref;

use gamma_execution::ports::{DayState, IntentState, Ledger, OrderId, OrderStatus, RungState};
use serde_json::json;

use super::{ledger, ours, planned, take, theirs};
use crate::records::{ACCOUNT, DATE, STRATEGY, day, ended_run, intent, lease, rung, writer};

fn filled() -> RungState {
    RungState::Terminal {
        order: OrderId("1002".to_owned()),
        status: OrderStatus::Filled,
        filled: 3,
        fills: Vec::new(),
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_day_opened_twice() {
    let ledger = ledger("repeat_day").await;
    let first = writer("first", 4);
    for _ in 0..2 {
        ours(ledger.open_day(&day(&first)).await.unwrap());
    }
    for fence in [3, 4] {
        theirs(
            ledger.open_day(&day(&writer("second", fence))).await.unwrap(),
            "run first (fence 4) has the day, open",
        );
    }
    ours(ledger.open_day(&day(&writer("second", 5))).await.unwrap());
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_intent_and_a_rung_written_twice() {
    let ledger = ledger("repeat_plan").await;
    let lease = planned(&ledger, "first").await;
    ours(ledger.put_intents(&lease, from_ref(&intent(&lease.writer, 1))).await.unwrap());
    let mut other = intent(&lease.writer, 1);
    other.quantity = 4;
    theirs(ledger.put_intents(&lease, from_ref(&other)).await.unwrap(), "constant_stable#put#r1: credit");

    let sending = rung(&lease.writer, 1, 1);
    for _ in 0..2 {
        ours(ledger.put_sending(&lease, &sending).await.unwrap());
    }
    let mut other = sending.clone();
    other.quantity = 2;
    theirs(ledger.put_sending(&lease, &other).await.unwrap(), "run first (fence 1) wrote rung 1");

    let mut over = sending.clone();
    over.state = filled();
    for _ in 0..2 {
        ours(ledger.set_rung(ACCOUNT, DATE, &over).await.unwrap());
    }
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "Terminal");

    let mut done = intent(&lease.writer, 1);
    (done.state, done.filled) = (IntentState::Terminal, 3);
    for _ in 0..2 {
        ours(ledger.set_intent(ACCOUNT, DATE, &done).await.unwrap());
    }
}

/// A run that repeats a write after it lost lease or day must not take its own rung for leave to send.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_own_rung_is_no_leave_to_send_once_the_lease_is_lost() {
    let ledger = ledger("repeat_lost").await;
    let lease = planned(&ledger, "first").await;
    let sending = rung(&lease.writer, 1, 1);
    ours(ledger.put_sending(&lease, &sending).await.unwrap());
    take(&ledger, "second", 20).await.unwrap();
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "run second holds the lease");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_day_closed_twice_and_by_others() {
    let ledger = ledger("repeat_close").await;
    theirs(ledger.close_day(&lease("first", 2), STRATEGY, "filled").await.unwrap(), "no day record");
    ours(ledger.open_day(&day(&writer("first", 2))).await.unwrap());
    theirs(ledger.close_day(&lease("stale", 1), STRATEGY, "failed").await.unwrap(), "run first (fence 2)");
    for _ in 0..2 {
        ours(ledger.close_day(&lease("first", 2), STRATEGY, "filled").await.unwrap());
    }
    ours(ledger.close_day(&lease("sweep", 3), STRATEGY, "filled_late").await.unwrap());
    theirs(ledger.close_day(&lease("first", 2), STRATEGY, "failed").await.unwrap(), "outcome filled_late");

    let standing = ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap().day.unwrap();
    assert_eq!((standing.state, standing.outcome.as_deref()), (DayState::Closed, Some("filled_late")));
    assert_eq!(standing.writer, writer("sweep", 3));
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_run_ends_once() {
    let ledger = ledger("repeat_run").await;
    let run = ended_run("first", json!({"sides": [{"side": "put", "filled": 3}], "ratio": 0.1}));
    for _ in 0..2 {
        ours(ledger.put_run(&run).await.unwrap());
    }
    let mut other = run.clone();
    other.outcome = "failed".to_owned();
    theirs(ledger.put_run(&other).await.unwrap(), "run first already ended with filled");
    let mut other = run;
    other.report = json!({});
    theirs(ledger.put_run(&other).await.unwrap(), "already ended");
}
