//! What the conditions refuse, and what they must let pass.

use std::slice::from_ref;

use gamma_execution::ports::{
    DayState, Decision, IntentState, Ledger, LoadedDay, OrderId, OrderStatus, RungRecord, RungState,
};
use gamma_market::{Price, Right};

use super::{ledger, ours, planned, take, theirs};
use crate::records::{ACCOUNT, DATE, STRATEGY, at, day, intent, lease, rung, writer};

fn in_state(rung: &RungRecord, state: RungState) -> RungRecord {
    RungRecord { state, ..rung.clone() }
}

fn accepted() -> RungState {
    RungState::Accepted { order: OrderId("1002".to_owned()) }
}

fn canceled(filled: u32) -> RungState {
    RungState::Terminal {
        order: OrderId("1002".to_owned()),
        status: OrderStatus::Canceled,
        filled,
        fills: Vec::new(),
    }
}

fn refused() -> RungState {
    RungState::Refused { reason: "429".to_owned() }
}

fn unknown() -> RungState {
    RungState::Unknown { reason: "timeout".to_owned() }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_second_delivery_opens_the_day_only_before_any_sending() {
    let ledger = ledger("deliveries").await;
    let first = planned(&ledger, "first").await;
    ours(ledger.close_day(&first, STRATEGY, "no_signal").await.unwrap());
    ledger.release_lease(&first).await.unwrap();

    let second = take(&ledger, "second", 5).await.unwrap();
    ours(ledger.open_day(&day(&second.writer)).await.unwrap());
    // The first delivery's intent never led to an order: it is ended, and the plan made anew as the next
    // revision.
    let mut old = intent(&first.writer, 1);
    old.state = IntentState::Terminal;
    ours(ledger.set_intent(ACCOUNT, DATE, &old).await.unwrap());
    ours(ledger.put_intents(&second, from_ref(&intent(&second.writer, 2))).await.unwrap());
    ours(ledger.put_sending(&second, &rung(&second.writer, 2, 1)).await.unwrap());
    ours(ledger.close_day(&second, STRATEGY, "filled").await.unwrap());
    ledger.release_lease(&second).await.unwrap();

    let third = take(&ledger, "third", 9).await.unwrap();
    theirs(ledger.open_day(&day(&third.writer)).await.unwrap(), "orders were sent");
    theirs(ledger.put_sending(&third, &rung(&third.writer, 2, 2)).await.unwrap(), "not this run's");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_is_proven_of_a_rung_never_changes() {
    let decision = Decision { by: "operator".to_owned(), why: "looked".to_owned(), at: at(600) };
    let ends = [
        ("canceled", canceled(1)),
        ("refused", refused()),
        ("never", RungState::NeverAccepted { reason: "closed".to_owned() }),
        ("resolved", RungState::Resolved { filled: 1, decision }),
    ];
    for (name, end) in ends {
        let ledger = ledger(name).await;
        let lease = planned(&ledger, "first").await;
        let sending = rung(&lease.writer, 1, 1);
        ours(ledger.put_sending(&lease, &sending).await.unwrap());
        ours(ledger.set_rung(ACCOUNT, DATE, &in_state(&sending, unknown())).await.unwrap());
        if name == "canceled" || name == "resolved" {
            ours(ledger.set_rung(ACCOUNT, DATE, &in_state(&sending, accepted())).await.unwrap());
            // A write that lands late does not make the order nameless again.
            for nameless in [
                RungState::Sending,
                unknown(),
                refused(),
                RungState::NeverAccepted { reason: "closed".to_owned() },
            ] {
                theirs(
                    ledger.set_rung(ACCOUNT, DATE, &in_state(&sending, nameless)).await.unwrap(),
                    "run first (fence 1) wrote rung",
                );
            }
        }
        ours(ledger.set_rung(ACCOUNT, DATE, &in_state(&sending, end.clone())).await.unwrap());
        for state in [RungState::Sending, unknown(), accepted(), canceled(2)] {
            theirs(
                ledger.set_rung(ACCOUNT, DATE, &in_state(&sending, state)).await.unwrap(),
                "run first (fence 1) wrote rung",
            );
        }
        let standing = ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap().rungs.pop().unwrap();
        assert_eq!(standing, in_state(&sending, end));
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_a_rung_asked_for_never_changes() {
    let ledger = ledger("asked").await;
    let lease = planned(&ledger, "first").await;
    let sending = rung(&lease.writer, 1, 1);
    theirs(ledger.set_rung(ACCOUNT, DATE, &in_state(&sending, accepted())).await.unwrap(), "no such rung");
    ours(ledger.put_sending(&lease, &sending).await.unwrap());
    let mut recovering = in_state(&sending, accepted());
    recovering.writer = writer("sweep", 2);
    ours(ledger.set_rung(ACCOUNT, DATE, &recovering).await.unwrap());
    let mut dearer = recovering.clone();
    dearer.price = Price::cents(90);
    let mut larger = recovering;
    larger.quantity = 4;
    let stale = in_state(&sending, unknown());
    for changed in [dearer, larger, stale] {
        theirs(ledger.set_rung(ACCOUNT, DATE, &changed).await.unwrap(), "run sweep (fence 2) wrote rung 1");
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_next_rung_waits_until_the_one_before_is_proven_over() {
    let ledger = ledger("ladder").await;
    let lease = planned(&ledger, "first").await;
    let (one, two) = (rung(&lease.writer, 1, 1), rung(&lease.writer, 1, 2));
    theirs(ledger.put_sending(&lease, &two).await.unwrap(), "rung before 2");
    ours(ledger.put_sending(&lease, &one).await.unwrap());
    for state in [unknown(), accepted()] {
        theirs(ledger.put_sending(&lease, &two).await.unwrap(), "rung before 2");
        ours(ledger.set_rung(ACCOUNT, DATE, &in_state(&one, state)).await.unwrap());
    }
    ours(ledger.set_rung(ACCOUNT, DATE, &in_state(&one, canceled(1))).await.unwrap());
    ours(ledger.put_sending(&lease, &two).await.unwrap());
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn nothing_is_sent_without_a_day_of_ours_and_an_open_intent() {
    let ledger = ledger("gates").await;
    let lease = take(&ledger, "first", 0).await.unwrap();
    let sending = rung(&lease.writer, 1, 1);
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "day record");
    ours(ledger.open_day(&day(&writer("other", 0))).await.unwrap());
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "not this run's");
    ours(ledger.open_day(&day(&lease.writer)).await.unwrap());
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "is not open");
    ours(ledger.put_intents(&lease, from_ref(&intent(&lease.writer, 1))).await.unwrap());
    let mut unresolved = intent(&lease.writer, 1);
    unresolved.state = IntentState::Unresolved;
    ours(ledger.set_intent(ACCOUNT, DATE, &unresolved).await.unwrap());
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "is not open");

    let loaded = ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap();
    let expected =
        LoadedDay { day: Some(day(&lease.writer)), intents: vec![unresolved], ..LoadedDay::default() };
    assert_eq!(loaded, expected, "a refused transaction must leave nothing behind");

    ours(ledger.close_day(&lease, STRATEGY, "unresolved").await.unwrap());
    theirs(ledger.put_sending(&lease, &sending).await.unwrap(), "closed");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_revision_follows_only_one_that_ended_without_fills() {
    for (table, state, filled, allowed) in [
        ("revision_open", IntentState::Open, 0, false),
        ("revision_unresolved", IntentState::Unresolved, 0, false),
        ("revision_filled", IntentState::Terminal, 1, false),
        ("revision_empty", IntentState::Terminal, 0, true),
    ] {
        let ledger = ledger(table).await;
        let lease = planned(&ledger, "first").await;
        let (mut one, two) = (intent(&lease.writer, 1), intent(&lease.writer, 2));
        (one.state, one.filled) = (state, filled);
        ours(ledger.set_intent(ACCOUNT, DATE, &one).await.unwrap());
        if allowed {
            ours(ledger.put_intents(&lease, from_ref(&two)).await.unwrap());
            ours(ledger.put_intents(&lease, from_ref(&two)).await.unwrap());
            theirs(
                ledger.put_intents(&lease, from_ref(&intent(&lease.writer, 4))).await.unwrap(),
                "a revision before",
            );
        } else {
            theirs(ledger.put_intents(&lease, from_ref(&two)).await.unwrap(), "a revision before");
        }
    }
}

/// The signal moved before anything filled, and the new plan trades a side that the first one left out.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_side_may_begin_with_the_second_plan() {
    let ledger = ledger("revision_first").await;
    let lease = planned(&ledger, "first").await;
    let call = |revision| {
        let mut intent = intent(&lease.writer, revision);
        intent.key.slot = Right::Call.into();
        intent
    };
    ours(ledger.put_intents(&lease, from_ref(&call(2))).await.unwrap());
    // A gap hides nothing: the open second revision still stands in the way of the fourth.
    theirs(
        ledger.put_intents(&lease, from_ref(&call(4))).await.unwrap(),
        "a revision before constant_stable#call#r4",
    );
    assert!(ledger.put_intents(&lease, from_ref(&call(91))).await.is_err());
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn fills_are_never_forgotten_and_the_envelope_never_moves() {
    let ledger = ledger("envelope").await;
    let lease = planned(&ledger, "first").await;
    let with = |filled, state| {
        let mut intent = intent(&lease.writer, 1);
        (intent.filled, intent.state) = (filled, state);
        intent
    };
    theirs(ledger.set_intent(ACCOUNT, DATE, &intent(&lease.writer, 7)).await.unwrap(), "no such intent");
    ours(ledger.set_intent(ACCOUNT, DATE, &with(2, IntentState::Open)).await.unwrap());
    theirs(ledger.set_intent(ACCOUNT, DATE, &with(1, IntentState::Terminal)).await.unwrap(), "filled 2");
    let mut larger = with(2, IntentState::Open);
    larger.quantity = 4;
    let mut wider = with(2, IntentState::Open);
    wider.worst_price = Price::cents(80);
    for changed in [larger, wider] {
        theirs(ledger.set_intent(ACCOUNT, DATE, &changed).await.unwrap(), "x3 to 0.85, filled 2");
    }
    ours(ledger.set_intent(ACCOUNT, DATE, &with(2, IntentState::Unresolved)).await.unwrap());
    ours(ledger.set_intent(ACCOUNT, DATE, &with(3, IntentState::Terminal)).await.unwrap());
    theirs(ledger.set_intent(ACCOUNT, DATE, &with(3, IntentState::Open)).await.unwrap(), "Terminal");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_writer_that_is_not_the_holder_is_a_mistake() {
    let ledger = ledger("writers").await;
    let held = planned(&ledger, "first").await;
    let other = writer("second", 1);
    let error = ledger.put_sending(&held, &rung(&other, 1, 1)).await.unwrap_err().to_string();
    assert!(
        error.contains("writer: got run second (fence 1), expected the lease's run first (fence 1)"),
        "{error}"
    );
    assert!(ledger.put_intents(&held, from_ref(&intent(&other, 1))).await.is_err());
    let error =
        ledger.put_sending(&held, &in_state(&rung(&held.writer, 1, 1), accepted())).await.unwrap_err();
    assert!(error.to_string().contains("expected Sending"), "{error}");
    let loaded = ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap();
    assert_eq!((loaded.day.unwrap().state, loaded.rungs.len()), (DayState::Open, 0));
    theirs(
        ledger.put_intents(&lease("nobody", 9), from_ref(&intent(&writer("nobody", 9), 1))).await.unwrap(),
        "run first holds",
    );
}
