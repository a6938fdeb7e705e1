//! Asynchronous invocations: answered at once, retried in virtual time, given up.

use std::time::Duration;

use crate::host_bootstrap::{Stage, at, function, scratch};
use gamma_sim_aws::host::{FailureCondition, FunctionConfig, InvokeError};
use jiff::Timestamp;
use serde_json::json;

fn starts(stage: &Stage, request_id: &str) -> Vec<(u32, Timestamp)> {
    stage
        .host
        .attempts()
        .into_iter()
        .filter(|attempt| attempt.request_id == request_id)
        .map(|attempt| (attempt.number, attempt.started))
        .collect()
}

#[tokio::test]
async fn a_failing_event_is_retried_after_1_and_2_minutes_with_its_id() {
    let stage = Stage::new(vec![function()]).await;
    let event = json!({ "print": ["trying"], "raise": "no" });
    let id = stage.queue(&event).await;
    stage.host.settled().await;
    assert_eq!(starts(&stage, &id), [(1, at(0)), (2, at(60)), (3, at(180))]);
    assert_eq!(stage.host.logs(&id), ["initialising", "trying", "trying", "trying"]);
    let failures = stage.host.async_failures();
    assert_eq!(failures.len(), 1);
    let failure = &failures[0];
    assert_eq!(
        (failure.request_id.as_str(), failure.function.as_str(), failure.attempts, failure.at),
        (id.as_str(), "f", 3, at(180))
    );
    assert_eq!(
        (failure.condition, failure.payload.as_slice()),
        (FailureCondition::RetriesExhausted, event.to_string().as_bytes())
    );
    assert!(failure.error.contains("Refused"));
    assert!(stage.clock.busy().is_empty());
}

#[tokio::test]
async fn retries_end_with_success_and_count_from_the_attempts_end() {
    let stage = Stage::new(vec![function()]).await;
    let id = stage.queue(&json!({ "wait": 10, "fail_until": scratch("runs"), "times": 2 })).await;
    stage.host.settled().await;
    assert_eq!(starts(&stage, &id), [(1, at(0)), (2, at(70))]);
    assert_eq!((stage.host.async_failures(), stage.clock.now()), (Vec::new(), at(80)));
}

#[tokio::test]
async fn timeouts_and_exits_are_retried_too() {
    for (event, second) in [(json!({ "wait": 600 }), 63), (json!({ "exit": 1 }), 60)] {
        let stage = Stage::new(vec![FunctionConfig {
            timeout: Duration::from_secs(3),
            max_retries: 1,
            ..function()
        }])
        .await;
        let id = stage.queue(&event).await;
        stage.host.settled().await;
        assert_eq!(starts(&stage, &id), [(1, at(0)), (2, at(second))], "{event}");
        assert_eq!(stage.host.async_failures()[0].condition, FailureCondition::RetriesExhausted);
    }
}

#[tokio::test]
async fn an_event_that_grew_too_old_is_dropped() {
    let stage =
        Stage::new(vec![FunctionConfig { max_event_age: Duration::from_secs(90), ..function() }]).await;
    let id = stage.queue(&json!({ "raise": "no" })).await;
    stage.host.settled().await;
    assert_eq!(starts(&stage, &id), [(1, at(0)), (2, at(60))]);
    let failure = &stage.host.async_failures()[0];
    assert_eq!(
        (failure.condition, failure.attempts, failure.at),
        (FailureCondition::EventAgeExceeded, 2, at(90))
    );
}

#[tokio::test]
async fn reserved_concurrency_refuses_callers_and_delays_events() {
    let stage = Stage::new(vec![FunctionConfig { reserved_concurrency: Some(1), ..function() }]).await;
    let hold = stage.clock.hold();
    let mut lines = stage.host.subscribe();
    let first = stage.queue(&json!({ "wait": 10 })).await;
    lines.recv().await.unwrap();
    assert_eq!(stage.call(&json!({})).await, Err(InvokeError::TooManyRequests));
    let second = stage.queue(&json!({})).await;
    drop(hold);
    stage.host.settled().await;
    assert_eq!(starts(&stage, &first), [(1, at(0))]);
    assert_eq!(starts(&stage, &second), [(1, at(15))], "after 1, 2, 4 and 8 seconds");
    assert!(stage.call(&json!({})).await.is_ok());
}

#[tokio::test]
async fn a_function_that_may_not_run_gets_nothing() {
    let stage = Stage::new(vec![FunctionConfig { reserved_concurrency: Some(0), ..function() }]).await;
    assert_eq!(stage.call(&json!({})).await, Err(InvokeError::TooManyRequests));
    stage.queue(&json!({})).await;
    stage.host.settled().await;
    assert_eq!(
        (stage.host.async_failures()[0].condition, stage.clock.now()),
        (FailureCondition::ZeroReservedConcurrency, at(0))
    );
}

#[tokio::test]
async fn stopping_drops_what_is_queued() {
    let stage = Stage::new(vec![function()]).await;
    let held = stage.clock.hold();
    let mut lines = stage.host.subscribe();
    stage.queue(&json!({ "wait": 60 })).await;
    lines.recv().await.unwrap();
    stage.host.stop().await;
    stage.host.settled().await;
    assert_eq!(stage.call(&json!({})).await, Err(InvokeError::Stopped));
    drop(held);
    assert!(stage.clock.busy().is_empty() && stage.host.attempts().is_empty());
}
