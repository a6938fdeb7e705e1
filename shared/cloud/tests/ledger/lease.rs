use std::sync::Arc;

use std::slice::from_ref;

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_cloud::{DynamoLedger, aws, create_table};
use gamma_execution::ports::Ledger;
use tokio::task::JoinSet;

use super::{Console, ledger, ours, planned, take, text, theirs};
use crate::records::{ACCOUNT, DATE, StillClock, at, day, intent, rung};
use crate::{moto, wire};

const PARTITION: &str = "schwab#2026-02-12";

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn of_sixteen_deliveries_at_once_one_holds_the_lease() {
    create_table(&moto::config().await, "sixteen").await.unwrap();
    // DynamoDB makes the writes of one item one after another; moto lets them run into each other. The wire
    // hands it one request at a time, in whatever order the sixteen clients get there.
    let endpoint = wire::serve(|request| Some(wire::forward(moto::endpoint(), request)));
    let mut runs = JoinSet::new();
    for run in 0..16 {
        let endpoint = endpoint.clone();
        runs.spawn(async move {
            let ledger = DynamoLedger::new(
                &aws::load_for(&endpoint).await,
                "sixteen",
                Arc::new(StillClock::default()),
            );
            take(&ledger, &format!("run-{run}"), 0).await
        });
    }
    let (winners, losers): (Vec<_>, Vec<_>) = runs.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((winners.len(), losers.len()), (1, 15));
    let winner = winners.into_iter().next().unwrap().unwrap();
    assert_eq!(winner.writer.fence, 1);
    for loser in losers {
        assert!(
            loser.unwrap_err().contains(&format!("run {} holds the lease (fence 1)", winner.writer.run_id))
        );
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_lease_that_ended_is_taken_over_with_a_higher_fence() {
    let ledger = ledger("takeover").await;
    let first = take(&ledger, "first", 0).await.unwrap();
    assert!(take(&ledger, "second", 19).await.is_err());
    let second = take(&ledger, "second", 20).await.unwrap();
    assert_eq!((first.writer.fence, second.writer.fence), (1, 2));
    assert_eq!(second.expires, at(40));

    theirs(ledger.renew_lease(&first, at(60)).await.unwrap(), "run second holds the lease (fence 2)");
    ledger.release_lease(&first).await.unwrap();
    assert!(take(&ledger, "third", 39).await.is_err(), "the old holder gave back what was not its own");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_renewed_lease_outlives_its_first_end() {
    let ledger = ledger("renewed").await;
    let lease = take(&ledger, "first", 0).await.unwrap();
    for _ in 0..2 {
        ours(ledger.renew_lease(&lease, at(50)).await.unwrap());
    }
    assert!(take(&ledger, "second", 49).await.is_err());
    assert_eq!(take(&ledger, "second", 50).await.unwrap().writer.fence, 2);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn taking_twice_gives_the_lease_as_it_stands() {
    let ledger = ledger("twice").await;
    let first = take(&ledger, "first", 0).await.unwrap();
    assert_eq!(take(&ledger, "first", 1).await.unwrap(), first);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_lease_given_back_is_free_at_once_and_keeps_its_fence() {
    let ledger = ledger("released").await;
    let first = planned(&ledger, "first").await;
    ledger.release_lease(&first).await.unwrap();
    ledger.release_lease(&first).await.unwrap();
    theirs(ledger.renew_lease(&first, at(50)).await.unwrap(), "given back");
    theirs(ledger.put_sending(&first, &rung(&first.writer, 1, 1)).await.unwrap(), "given back");
    assert_eq!(take(&ledger, "second", 0).await.unwrap().writer.fence, 2);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn only_the_lease_expires_and_long_after_the_trade_date() {
    let ledger = ledger("expiry").await;
    let lease = planned(&ledger, "first").await;
    ours(ledger.put_sending(&lease, &rung(&lease.writer, 1, 1)).await.unwrap());
    for item in Console::of("expiry").await.items().await {
        match item.get("ttl") {
            None => assert_ne!(item["sk"], text("lease")),
            Some(AttributeValue::N(seconds)) => {
                assert_eq!(item["sk"], text("lease"));
                assert!(seconds.parse::<i64>().unwrap() > at(2 * 24 * 60 * 60).as_second());
            }
            Some(other) => panic!("ttl must be a number of seconds, got {other:?}"),
        }
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_stale_fence_writes_neither_plan_nor_order() {
    let ledger = ledger("stale").await;
    let stale = planned(&ledger, "first").await;
    take(&ledger, "second", 20).await.unwrap();
    let holder = "run second holds the lease (fence 2)";
    theirs(ledger.put_intents(&stale, from_ref(&intent(&stale.writer, 1))).await.unwrap(), holder);
    theirs(ledger.put_sending(&stale, &rung(&stale.writer, 1, 1)).await.unwrap(), holder);
    let loaded = ledger.load_day(ACCOUNT, "constant_stable", DATE).await.unwrap();
    assert_eq!(loaded.rungs, []);
    assert_eq!(loaded.day.unwrap(), day(&stale.writer), "a refused rung must leave the day not sending");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_lease_without_its_fence_is_an_error_and_not_free() {
    let ledger = ledger("fenceless").await;
    let console = Console::of("fenceless").await;
    let past = AttributeValue::N("0".to_owned());
    console.put(PARTITION, "lease", &[("run_id", text("first")), ("expires_ms", past)]).await;
    let error = ledger.take_lease(ACCOUNT, DATE, "second", at(0), at(20)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ledger: take lease schwab#2026-02-12/lease: field fence: got nothing, expected a whole number within range"
    );
}
