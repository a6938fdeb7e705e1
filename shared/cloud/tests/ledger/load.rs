use aws_sdk_dynamodb::types::AttributeValue;
use std::slice::from_ref;

use gamma_execution::ports::{Fill, IntentState, Ledger, LoadedDay, OrderId, OrderStatus, RunEnd, RungState};
use gamma_market::{Price, Right};
use jiff::civil::date;

use super::{Console, ledger, ours, planned, text};
use crate::records::{ACCOUNT, DATE, STRATEGY, at, day, ended_run, intent, rung};

const PARTITION: &str = "schwab#2026-02-12";

/// Reports of almost a page each stand between the day and its rungs, so that the day is read over several
/// pages.
#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_whole_day_reads_back_over_several_pages() {
    let ledger = ledger("whole").await;
    let lease = planned(&ledger, "first").await;
    let mut call = intent(&lease.writer, 1);
    call.key.slot = Right::Call.into();
    ours(ledger.put_intents(&lease, from_ref(&call)).await.unwrap());

    let mut rungs = Vec::new();
    for number in 1..=12 {
        let mut rung = rung(&lease.writer, 1, number);
        ours(ledger.put_sending(&lease, &rung).await.unwrap());
        rung.state = RungState::Terminal {
            order: OrderId(format!("order {number}")),
            status: OrderStatus::Other("ROUTED".to_owned()),
            filled: 1,
            fills: vec![Fill { quantity: 1, price: Price::cents(95), at: Some(at(2)) }],
        };
        ours(ledger.set_rung(ACCOUNT, DATE, &rung).await.unwrap());
        rungs.push(rung);
    }
    let mut put = intent(&lease.writer, 1);
    (put.filled, put.state) = (3, IntentState::Terminal);
    ours(ledger.set_intent(ACCOUNT, DATE, &put).await.unwrap());
    let mut runs = std::collections::BTreeMap::new();
    for run in 0..4 {
        let run = ended_run(&format!("run {run}"), "x".repeat(380_000).into());
        ours(ledger.put_run(&run).await.unwrap());
        runs.insert(run.run_id, RunEnd { outcome: run.outcome, live: run.live });
    }
    ours(ledger.close_day(&lease, STRATEGY, "filled").await.unwrap());

    let mut closed = day(&lease.writer);
    closed.state = gamma_execution::ports::DayState::Closed;
    (closed.sending, closed.outcome) = (true, Some("filled".to_owned()));
    let expected = LoadedDay { day: Some(closed), intents: vec![put, call], rungs, runs: runs.clone() };
    assert_eq!(ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap(), expected);
    let of_another_strategy = LoadedDay { runs, ..LoadedDay::default() };
    assert_eq!(
        ledger.load_day(ACCOUNT, "leocross", DATE).await.unwrap(),
        of_another_strategy,
        "a run is the account's"
    );
    for (account, strategy, date) in [(ACCOUNT, STRATEGY, date(2026, 2, 13)), ("other", STRATEGY, DATE)] {
        assert_eq!(
            ledger.load_day(account, strategy, date).await.unwrap(),
            LoadedDay::default(),
            "{account} {strategy} {date}"
        );
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_item_that_does_not_read_is_named_and_never_skipped() {
    let number = |digits: &str| AttributeValue::N(digits.to_owned());
    let rung_key = "rung#constant_stable#put#r01#01";
    let cases = [
        (
            "broken_price",
            rung_key,
            "price",
            text("1,15"),
            "field price: got \"1,15\", expected a decimal number",
        ),
        (
            "broken_quantity",
            rung_key,
            "quantity",
            number("-1"),
            "field quantity: got -1, expected a whole number",
        ),
        (
            "broken_state",
            rung_key,
            "state",
            text("done"),
            "field state: got \"done\", expected sending, named, accepted",
        ),
        (
            "broken_seen",
            rung_key,
            "seen",
            AttributeValue::L(vec![number("7")]),
            "field seen[0]: got 7, expected a list of order ids",
        ),
        (
            "broken_day",
            "day#constant_stable",
            "sending",
            text("true"),
            "field sending: got \"true\", expected true or false",
        ),
        (
            "broken_vertical",
            "intent#constant_stable#put#r01",
            "buy",
            text("SPXW260212C6895"),
            "field buy: got \"SPXW260212C6895\"",
        ),
        ("broken_kind", "rungs#1", "note", text("x"), "field sk: got \"rungs#1\", expected lease, or a key"),
        (
            "broken_number",
            rung_key,
            "number",
            number("2"),
            "field sk: got \"rung#constant_stable#put#r01#01\"",
        ),
    ];
    for (table, sort, field, value, expected) in cases {
        let ledger = ledger(table).await;
        let lease = planned(&ledger, "first").await;
        ours(ledger.put_sending(&lease, &rung(&lease.writer, 1, 1)).await.unwrap());
        Console::of(table).await.set(PARTITION, sort, field, value).await;
        let error = ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("ledger: load day {PARTITION}/{sort}: {expected}")), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_rung_without_intent_is_an_error_and_an_items_note_is_not() {
    let ledger = ledger("orphan").await;
    let lease = planned(&ledger, "first").await;
    ours(ledger.put_sending(&lease, &rung(&lease.writer, 1, 1)).await.unwrap());
    let console = Console::of("orphan").await;
    console.set(PARTITION, "day#constant_stable", "note", text("looked at")).await;
    assert_eq!(ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap().rungs.len(), 1);

    let items = console.items().await;
    let mut orphan =
        items.into_iter().find(|item| item["sk"] == text("rung#constant_stable#put#r01#01")).unwrap();
    orphan.extend([("revision".to_owned(), AttributeValue::N("2".to_owned()))]);
    let fields: Vec<(&str, AttributeValue)> =
        orphan.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let others: Vec<_> = fields.into_iter().filter(|(name, _)| !matches!(*name, "pk" | "sk")).collect();
    console.put(PARTITION, "rung#constant_stable#put#r02#01", &others).await;
    let error = ledger.load_day(ACCOUNT, STRATEGY, DATE).await.unwrap_err().to_string();
    assert!(
        error.contains("got a rung of constant_stable#put#r2, expected that intent beside it"),
        "{error}"
    );
}
