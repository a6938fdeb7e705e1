//! The token lock: taken, held by another, expired, given back, and known again after a lost answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_cloud::{DynamoTokenLock, aws, create_table};
use gamma_execution::ports::{PutOutcome, TokenLock};
use tokio::task::JoinSet;

use super::{Console, ours, text, theirs};
use crate::records::{StillClock, at};
use crate::{moto, wire};

const TOKEN: &str = "/gamma/schwab/token_json";

async fn lock_at(endpoint: &str, table: &str) -> DynamoTokenLock {
    DynamoTokenLock::new(
        &aws::hurried(&aws::load_for(endpoint).await),
        table,
        Arc::new(StillClock::default()),
    )
}

async fn lock(table: &str) -> DynamoTokenLock {
    create_table(&moto::config().await, table).await.unwrap();
    lock_at(moto::endpoint(), table).await
}

/// Takes it at `second` for 10 s.
async fn take(lock: &DynamoTokenLock, run_id: &str, second: i64) -> PutOutcome {
    lock.take(TOKEN, run_id, at(second), at(second + 10)).await.unwrap()
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn one_run_holds_the_token_lock_until_release_or_timeout() {
    let lock = lock("token_lock").await;
    ours(take(&lock, "first", 0).await);
    theirs(take(&lock, "second", 9).await, &format!("by run first until {}", at(10)));
    ours(lock.take("secretsmanager:gamma/token", "second", at(0), at(10)).await.unwrap());

    lock.release(TOKEN, "second").await.unwrap();
    theirs(take(&lock, "second", 9).await, "by run first");
    lock.release(TOKEN, "first").await.unwrap();
    ours(take(&lock, "second", 1).await);
    theirs(take(&lock, "first", 10).await, "by run second");
    ours(take(&lock, "first", 11).await);

    let items = Console::of("token_lock").await.items().await;
    let item = items.iter().find(|item| item["pk"] == text("token#/gamma/schwab/token_json")).unwrap();
    assert_eq!((&item["sk"], &item["run_id"]), (&text("lock"), &text("first")));
    assert!(
        matches!(&item["ttl"], AttributeValue::N(seconds) if seconds.parse::<i64>().unwrap() > at(21).as_second())
    );
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn of_eight_runs_at_once_one_has_the_token_lock() {
    create_table(&moto::config().await, "token_eight").await.unwrap();
    // As for the lease: one request at a time, as DynamoDB makes the writes of one item.
    let endpoint = wire::serve(|request| Some(wire::forward(moto::endpoint(), request)));
    let mut runs = JoinSet::new();
    for run in 0..8 {
        let endpoint = endpoint.clone();
        runs.spawn(
            async move { take(&lock_at(&endpoint, "token_eight").await, &format!("run-{run}"), 0).await },
        );
    }
    assert_eq!(runs.join_all().await.into_iter().filter(|outcome| *outcome == PutOutcome::Ours).count(), 1);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_lock_or_release_with_lost_answer_is_recognised() {
    create_table(&moto::config().await, "token_lost").await.unwrap();
    let lose = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&lose);
    let endpoint = wire::serve(move |request| {
        let answer = wire::forward(moto::endpoint(), request);
        (!told.swap(false, Ordering::SeqCst)).then_some(answer)
    });
    let lossy = lock_at(&endpoint, "token_lost").await;
    lose.store(true, Ordering::SeqCst);
    ours(take(&lossy, "first", 0).await);
    assert!(!lose.load(Ordering::SeqCst), "the answer was lost");
    lose.store(true, Ordering::SeqCst);
    lossy.release(TOKEN, "first").await.unwrap();
    ours(take(&lossy, "second", 0).await);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_lock_that_does_not_say_until_when_locks_nobody_out() {
    let lock = lock("token_odd").await;
    Console::of("token_odd")
        .await
        .put("token#/gamma/schwab/token_json", "lock", &[("run_id", text("first"))])
        .await;
    ours(take(&lock, "second", 0).await);
    let error = lock.take("a#b", "first", at(0), at(10)).await.unwrap_err().to_string();
    assert!(error.contains("token lock: take a#b") && error.contains("has no #"), "{error}");
}

#[tokio::test]
async fn a_token_lock_out_of_reach_is_an_error_that_says_so() {
    let error = lock_at("http://127.0.0.1:1", "nowhere")
        .await
        .take(TOKEN, "first", at(0), at(10))
        .await
        .unwrap_err()
        .to_string();
    // On a busy machine the time for all attempts may be over before the last one's answer is in.
    let told = ["connect", "timed out"].into_iter().any(|words| error.to_lowercase().contains(words));
    assert!(error.starts_with("token lock: take /gamma/schwab/token_json: ") && told, "{error}");
}
