//! Items that earlier versions wrote are read by this one, and say the same. `scripts/demo --items FILE`
//! writes a file of them; one that was written once is never changed, since tables keep what was in them.

use std::fmt::Write as _;
use std::sync::Arc;

use gamma_cloud::DynamoLedger;
use gamma_cloud::table::{AttributeValue, Item, Key, Table};
use gamma_execution::ports::{Archive, EdgeLedger, Ledger, LoadedDay};
use gamma_memory_table::Immediate;
use gamma_tests::stack::TRADERS;
use jiff::civil::{Date, date};
use serde_json::Value;

const DAY: Date = date(2025, 9, 3);

/// A whole day of three accounts, filled, handed off and judged by the edge guards; and a day on which a
/// tenth of all requests failed.
const KEPT: [(&str, &str, &str); 2] = [
    (
        "three accounts",
        include_str!("../golden/three-accounts.json"),
        include_str!("../golden/three-accounts.txt"),
    ),
    ("faults", include_str!("../golden/faults.json"), include_str!("../golden/faults.txt")),
];

#[tokio::test]
async fn items_of_earlier_versions_say_what_they_said() {
    for (what, items, expected) in KEPT {
        let said = told(&ledger(items).await).await;
        assert_eq!(said, expected, "{what}");
    }
}

async fn ledger(items: &str) -> DynamoLedger {
    let items: Vec<Value> = serde_json::from_str(items).unwrap();
    let table = Immediate::default();
    for item in &items {
        let item: Item =
            item.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        let key = Key::of(&item).unwrap();
        table.replace("golden", &key, item).await.unwrap();
    }
    DynamoLedger::over(Arc::new(table))
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) =
        value.as_object().and_then(|typed| typed.iter().next()).expect("an attribute has a type");
    let text = || value.as_str().expect("text").to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        "M" => AttributeValue::M(
            value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect(),
        ),
        other => panic!("an attribute of type {other}"),
    }
}

/// What each account's readers make of it, in words that outlive the types.
async fn told(ledger: &DynamoLedger) -> String {
    let mut said = String::new();
    for trader in TRADERS {
        let account = trader.account;
        tell_day(&mut said, account, &ledger.load_day(account, "constant_stable", DAY).await.unwrap());
        for run in ledger.runs(account, DAY).await.unwrap() {
            let (task, alarm) = (&run.report["task"], &run.report["alarm"]);
            writeln!(
                said,
                "  run of {}: {} live={} task={task} alarm={alarm}",
                run.date, run.outcome, run.live
            )
            .unwrap();
        }
        let controls = ledger.controls(account).await.unwrap();
        writeln!(said, "  {:?}, halted: {:?}", controls.arming, controls.halted).unwrap();
        let edge = ledger.edge_log(account).await.unwrap();
        writeln!(
            said,
            "  edge: {} observations, {} transfers, decided: {}",
            edge.observations.len(),
            edge.transfers.len(),
            controls.edge.is_some()
        )
        .unwrap();
    }
    said
}

fn tell_day(said: &mut String, account: &str, day: &LoadedDay) {
    let outcome = day.day.as_ref().map(|record| record.outcome.clone().unwrap_or_default());
    writeln!(said, "{account}: {}", outcome.as_deref().unwrap_or("no day")).unwrap();
    for intent in &day.intents {
        let state = serde_json::to_value(intent.state).unwrap();
        let (filled, quantity, worst) = (intent.filled, intent.quantity, intent.worst_price);
        writeln!(
            said,
            "  {} {state}: {filled} of {quantity} at {worst} or better, {:?}",
            intent.key,
            intent.held.values().collect::<Vec<_>>()
        )
        .unwrap();
        for rung in day.rungs.iter().filter(|rung| rung.intent == intent.key) {
            let state = serde_json::to_value(&rung.state).unwrap();
            writeln!(said, "    {} {} at {} at {}: {state}", rung.number, rung.quantity, rung.price, rung.at)
                .unwrap();
        }
    }
}
