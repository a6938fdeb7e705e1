use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_cloud::{HaltScope, OperatorControls, create_table};
use gamma_execution::ports::{Arming, Controls, Decision, Ledger};

use crate::records::{ACCOUNT, StillClock, at};
use crate::{Console, ledger, moto, text};

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

    operator.set_halt(HaltScope::Account(ACCOUNT), true, &decision("one side only")).await.unwrap();
    operator.set_halt(HaltScope::All, true, &decision("exchange outage")).await.unwrap();
    let both = "all accounts: exchange outage; schwab: one side only";
    assert_eq!(read().await, controls(Arming::Armed, Some(both)));
    assert_eq!(ledger.controls("other").await.unwrap().halted.as_deref(), Some("all accounts: exchange outage"));

    operator.set_halt(HaltScope::Account(ACCOUNT), false, &decision("completed")).await.unwrap();
    assert_eq!(read().await, controls(Arming::Armed, Some("all accounts: exchange outage")));
    operator.set_halt(HaltScope::All, false, &decision("over")).await.unwrap();
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
        assert!(operator.set_halt(HaltScope::All, true, &decision).await.is_err());
    }
    assert_eq!(Console::of("nameless").await.items().await, []);
}

/// Whoever writes a record by hand and gets it wrong stops trading; nothing is read as permission.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_control_record_that_does_not_read_fails_closed() {
    let yes = AttributeValue::Bool(true);
    let cases = [
        ("control_armed", "control#schwab", "arming", vec![("armed", text("true"))], "field armed: got \"true\""),
        ("control_empty", "control#schwab", "arming", vec![], "field armed: got nothing"),
        ("control_halted", "control#schwab", "halt", vec![("halted", text("no"))], "field halted: got \"no\""),
        ("control_reason", "control#all", "halt", vec![("halted", yes)], "field reason: got nothing"),
    ];
    for (table, partition, sort, fields, expected) in cases {
        let ledger = ledger(table).await;
        Console::of(table).await.put(partition, sort, &fields).await;
        let error = ledger.controls(ACCOUNT).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("ledger: read controls {partition}/{sort}: {expected}")), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_table_made_twice_keeps_its_items() {
    let ledger = ledger("made_twice").await;
    crate::take(&ledger, "first", 0).await.unwrap();
    create_table(&moto::config().await, "made_twice").await.unwrap();
    assert!(crate::take(&ledger, "second", 0).await.is_err());
    let error = crate::DynamoLedger::new(&moto::config().await, "no_such_table", Arc::new(StillClock::default()));
    let error = error.controls(ACCOUNT).await.unwrap_err().to_string();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
}
