use std::slice::from_ref;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_cloud::{OperatorControls, create_table};
use gamma_execution::ports::{
    Arming, ChangeState, ControlChange, ControlRecord, ControlScope, ControlVerb, Controls, Decision, Ledger,
    OperatorLedger, Standing,
};

use super::{Console, ledger, text};
use crate::moto;
use crate::records::{ACCOUNT, StillClock, at};

async fn operator(table: &str) -> OperatorControls {
    OperatorControls::new(&moto::config().await, table, Arc::new(StillClock::default()))
}

fn decision(why: &str) -> Decision {
    Decision { by: "operator".to_owned(), why: why.to_owned(), at: at(0) }
}

fn controls(arming: Arming, halted: Option<&str>) -> Controls {
    Controls { arming, halted: halted.map(str::to_owned), edge: None }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn decisions_are_read_back_and_lifted_apart() {
    let ledger = ledger("controls").await;
    let operator = operator("controls").await;
    let read = async || ledger.controls(ACCOUNT).await.unwrap();
    assert_eq!(read().await, controls(Arming::NotArmed, None));

    operator.set_arming(ACCOUNT, Arming::Armed, &decision("checked the first week")).await.unwrap();
    assert_eq!(read().await, controls(Arming::Armed, None));
    assert_eq!(ledger.controls("other").await.unwrap(), controls(Arming::NotArmed, None));

    operator.set_halt(&ControlScope::from(ACCOUNT), true, &decision("one side only")).await.unwrap();
    operator.set_halt(&ControlScope::All, true, &decision("exchange outage")).await.unwrap();
    let both = "all accounts: exchange outage; schwab: one side only";
    assert_eq!(read().await, controls(Arming::Armed, Some(both)));
    assert_eq!(
        ledger.controls("other").await.unwrap().halted.as_deref(),
        Some("all accounts: exchange outage")
    );

    operator.set_halt(&ControlScope::from(ACCOUNT), false, &decision("completed")).await.unwrap();
    assert_eq!(read().await, controls(Arming::Armed, Some("all accounts: exchange outage")));
    operator.set_halt(&ControlScope::All, false, &decision("over")).await.unwrap();
    operator.set_arming(ACCOUNT, Arming::NotArmed, &decision("holiday")).await.unwrap();
    assert_eq!(read().await, controls(Arming::NotArmed, None));
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_decision_names_who_and_why() {
    ledger("nameless").await;
    let operator = operator("nameless").await;
    let nameless = Decision { by: " ".to_owned(), ..decision("because") };
    for decision in [nameless, decision("")] {
        assert!(operator.set_halt(&ControlScope::All, true, &decision).await.is_err());
    }
    assert_eq!(Console::of("nameless").await.items().await, []);
}

/// What an operator changed stands beside the record, whichever of them was written last.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn every_change_is_kept_with_who_and_why_newest_first() {
    ledger("changes").await;
    let operator = operator("changes").await;
    let later = |seconds: i64, why: &str| Decision { at: at(seconds), ..decision(why) };
    operator.set_arming(ACCOUNT, Arming::Armed, &later(0, "first week over")).await.unwrap();
    operator.set_halt(&ControlScope::from(ACCOUNT), true, &later(1, "news")).await.unwrap();
    // Half a second sorts after the whole one, also as text.
    let half = Decision { at: at(1) + std::time::Duration::from_millis(500), ..decision("over") };
    operator.set_halt(&ControlScope::from(ACCOUNT), false, &half).await.unwrap();
    operator.set_halt(&ControlScope::All, true, &later(9, "exchange outage")).await.unwrap();

    let changes = operator.changes(&ControlScope::from(ACCOUNT)).await.unwrap();
    let shown: Vec<_> =
        changes.iter().map(|change| (change.verb, change.decision.why.as_str(), change.state)).collect();
    let done = ChangeState::Done;
    assert_eq!(
        shown,
        [
            (ControlVerb::Resume, "over", done),
            (ControlVerb::Halt, "news", done),
            (ControlVerb::Arm, "first week over", done)
        ]
    );
    assert_eq!(operator.changes(&ControlScope::All).await.unwrap().len(), 1);
    let mut sorted: Vec<_> = Console::of("changes")
        .await
        .items()
        .await
        .into_iter()
        .filter(|item| item["pk"] == text("control#schwab"))
        .collect();
    sorted.sort_by_key(|item| item["sk"].as_s().unwrap().clone());
    let listed: Vec<_> =
        sorted.iter().filter_map(|item| item.get("verb").map(|verb| verb.as_s().unwrap().as_str())).collect();
    assert_eq!(listed, ["arm", "halt", "resume"], "the console lists them in order");

    assert_eq!(
        operator.arming(ACCOUNT).await.unwrap(),
        Some(Standing { on: true, decision: later(0, "first week over") })
    );
    assert_eq!(
        operator.halt(&ControlScope::from(ACCOUNT)).await.unwrap(),
        Some(Standing { on: false, decision: half })
    );
    assert_eq!(operator.arming("other").await.unwrap(), None);
}

/// Two operators in the same moment: both changes are kept, and the last record stands.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn changes_of_the_same_moment_do_not_overwrite_each_other() {
    ledger("same_moment").await;
    let operator = operator("same_moment").await;
    for halted in [true, false, true] {
        operator
            .decide(&ControlRecord::Halt { scope: ControlScope::All, halted }, &decision("drill"))
            .await
            .unwrap();
    }
    assert_eq!(operator.changes(&ControlScope::All).await.unwrap().len(), 3);
    assert!(operator.halt(&ControlScope::All).await.unwrap().unwrap().on);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_was_asked_for_stays_so_until_it_is_concluded() {
    ledger("asked").await;
    let operator = operator("asked").await;
    let scope = ControlScope::from(ACCOUNT);
    let asked = operator.ask(&scope, ControlVerb::SchedulesOff, &decision("holiday")).await.unwrap();
    assert_eq!(
        operator.changes(&scope).await.unwrap(),
        [ControlChange { state: ChangeState::AskedFor, ..asked.clone() }]
    );
    let failed = ControlChange {
        state: ChangeState::Failed,
        detail: Some("gamma-cs-schwab: missing".to_owned()),
        ..asked
    };
    operator.conclude(&failed).await.unwrap();
    assert_eq!(operator.changes(&scope).await.unwrap(), from_ref(&failed));
    let unheard = ControlChange { id: "other".to_owned(), ..failed };
    assert!(
        operator.conclude(&unheard).await.unwrap_err().to_string().contains("no such change was asked for")
    );
    assert!(operator.ask(&scope, ControlVerb::SchedulesOn, &decision(" ")).await.is_err());
    assert_eq!(operator.changes(&scope).await.unwrap().len(), 1);
}

/// Whoever writes a record by hand and gets it wrong stops trading; nothing is read as permission.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_control_record_that_does_not_read_fails_closed() {
    let yes = AttributeValue::Bool(true);
    let cases = [
        (
            "control_armed",
            "control#schwab",
            "arming",
            vec![("armed", text("true"))],
            "field armed: got \"true\"",
        ),
        ("control_empty", "control#schwab", "arming", vec![], "field armed: got nothing"),
        (
            "control_halted",
            "control#schwab",
            "halt",
            vec![("halted", text("no"))],
            "field halted: got \"no\"",
        ),
        ("control_reason", "control#all", "halt", vec![("halted", yes)], "field reason: got nothing"),
    ];
    for (table, partition, sort, fields, expected) in cases {
        let ledger = ledger(table).await;
        Console::of(table).await.put(partition, sort, &fields).await;
        let error = ledger.controls(ACCOUNT).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("ledger: read controls {partition}/{sort}: {expected}")),
            "{error}"
        );
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_table_made_twice_keeps_its_items() {
    let ledger = ledger("made_twice").await;
    super::take(&ledger, "first", 0).await.unwrap();
    create_table(&moto::config().await, "made_twice").await.unwrap();
    assert!(super::take(&ledger, "second", 0).await.is_err());
    let error =
        super::DynamoLedger::new(&moto::config().await, "no_such_table", Arc::new(StillClock::default()));
    let error = error.controls(ACCOUNT).await.unwrap_err().to_string();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
}
