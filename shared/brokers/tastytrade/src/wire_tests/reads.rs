use gamma_execution::ports::{Broker, BrokerFault, OrderId, Transfers};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fake::{BALANCES, POSITIONS, Reply, Stage, TOKEN};
use crate::{TransactionKind, TransactionQuery};

const LIVE: &str = "GET /accounts/5WT00001/orders/live";
const DATED: &str = "GET /accounts/5WT00001/orders";
const ORDER: &str = "GET /accounts/5WT00001/orders/312345678";
const TRANSACTIONS: &str = "GET /accounts/5WT00001/transactions";
const QUOTE_TOKEN: &str = "GET /api-quote-tokens";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day() -> (Timestamp, Timestamp) {
    (time("2026-08-20T04:00:00Z"), time("2026-08-21T04:00:00.0001Z"))
}

fn row(id: u64, status: &str, at: &str) -> Value {
    json!({"id": id, "status": status, "received-at": at, "legs": []})
}

fn list(rows: &[Value], pagination: &Value) -> Reply {
    Reply::json(&json!({"data": {"items": rows}, "pagination": pagination}))
}

fn account(stage: &Stage) {
    stage.on(BALANCES, [Reply::new(200, include_str!("../../fixtures/balances__margin.json"))]);
    stage.on(
        POSITIONS,
        [Reply::new(200, include_str!("../../fixtures/positions__vertical_shares_and_future_option.json"))],
    );
}

#[tokio::test]
async fn every_request_says_who_asks_and_with_which_token() {
    let stage = Stage::with_token_for(0).await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    account(&stage);
    stage.on(ORDER, [Reply::new(200, include_str!("../../fixtures/order__filled_vertical.json"))]);
    stage.on(QUOTE_TOKEN, [Reply::new(200, include_str!("../../fixtures/quote_token__api.json"))]);
    let snapshot = stage.broker.account().await.unwrap();
    assert_eq!((snapshot.equity.unwrap().to_string(), snapshot.positions.len()), ("24885.0".to_owned(), 2));
    assert_eq!(stage.broker.order(&OrderId("312345678".into())).await.unwrap().filled, 2);
    assert!(stage.broker.quote_token().await.unwrap().url.starts_with("wss://"));
    let seen = stage.all_seen();
    assert_eq!(seen.len(), 5);
    assert!(
        seen.iter().all(|seen| seen.user_agent == concat!("gamma-trading/", env!("CARGO_PKG_VERSION"))),
        "{seen:?}"
    );
    assert!(
        seen.iter().all(
            |seen| seen.authorization == if seen.target == TOKEN { "" } else { "Bearer canary-access-2" }
        ),
        "{seen:?}"
    );
}

#[tokio::test]
async fn orders_of_both_lists_come_once_and_within_the_time_requested() {
    let stage = Stage::new().await;
    let noon = "2026-08-20T16:00:00.000+00:00";
    stage.on(
        LIVE,
        [list(
            &[
                row(1, "Cancelled", noon),
                row(2, "Live", noon),
                row(9, "Live", "2026-08-19T16:00:00.000+00:00"),
            ],
            &Value::Null,
        )],
    );
    stage.on(
        DATED,
        [list(&[row(1, "Live", noon), row(2, "Filled", noon), row(3, "Expired", noon)], &Value::Null)],
    );
    let (from, to) = day();
    let shown = |views: Vec<gamma_execution::ports::OrderView>| {
        views.iter().map(|view| format!("{} {}", view.id, view.status)).collect::<Vec<_>>()
    };
    assert_eq!(shown(stage.broker.orders(from, to).await.unwrap()), ["1 canceled", "2 filled", "3 expired"]);
    assert_eq!(
        stage.seen(DATED)[0].query,
        "start-at=2026-08-20T04%3A00%3A00.000Z&end-at=2026-08-21T04%3A00%3A00.001Z&per-page=200&page-offset=0"
    );
    assert_eq!(shown(stage.broker.orders_in_haste(from, to).await.unwrap()), ["1 canceled", "2 working"]);
    assert_eq!((stage.seen(DATED).len(), stage.seen(LIVE).len()), (1, 2), "in haste only today's list");
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_an_incomplete_list_is_an_error() {
    let noon = "2026-08-20T16:00:00.000+00:00";
    let rows = |ids: std::ops::Range<u64>| ids.map(|id| row(id, "Expired", noon)).collect::<Vec<_>>();
    let told =
        |total: u64| json!({"per-page": 200, "total-items": total, "total-pages": total.div_ceil(200)});
    let (from, to) = day();
    let stage = Stage::new().await;
    stage.on(
        LIVE,
        [list(&rows(0..200), &told(250)), list(&rows(0..200), &told(250)), list(&rows(200..250), &told(250))],
    );
    stage.on(
        DATED,
        [list(&rows(0..200), &told(201)), list(&rows(199..200), &told(201)), list(&rows(1..201), &told(201))],
    );
    assert_eq!(stage.broker.orders(from, to).await.unwrap().len(), 250);
    let pages = |target| {
        stage
            .seen(target)
            .iter()
            .map(|seen| seen.query.rsplit('=').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (pages(LIVE), pages(DATED)),
        (vec![String::new(), "0".into(), "1".into()], vec!["0".to_owned(), "1".into(), "0".into()])
    );

    for target in [LIVE, DATED] {
        let stage = Stage::new().await;
        stage.on(LIVE, [list(&[], &Value::Null)]);
        stage.on(DATED, [list(&[], &Value::Null)]);
        stage.on(target, [list(&rows(0..200), &told(201))]);
        let error = stage.broker.orders(from, to).await.unwrap_err();
        assert!(
            matches!(&error.fault, BrokerFault::Malformed(text) if text.contains("got 200 different rows") && text.contains("expected 201")),
            "{error}"
        );
    }
    let stage = Stage::new().await;
    stage.on(LIVE, [Reply::new(502, "<html>"), list(&[], &Value::Null)]);
    stage.on(DATED, [Reply::json(&json!({"data": {}}))]);
    assert!(stage.broker.orders(from, to).await.is_err(), "a list of another shape is not an empty one");
}

#[tokio::test]
async fn what_cannot_be_read_is_named_for_what_it_is() {
    type Expected = fn(&BrokerFault) -> bool;
    let cases: [(&str, Reply, usize, Expected); 11] = [
        ("down", Reply::new(503, "<html>"), 2, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("limited", Reply::new(429, ""), 2, |fault| matches!(fault, BrokerFault::RateLimited(_))),
        ("lost", Reply::new(200, "{}").cut(), 2, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("no such order", Reply::new(404, r#"{"error":{"code":"record_not_found"}}"#), 1, |fault| {
            *fault == BrokerFault::NotFound("404 record_not_found".into())
        }),
        ("edge", Reply::new(404, "<html>nginx</html>"), 2, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
        ("not permitted", Reply::new(403, r#"{"error":{"code":"not_permitted"}}"#), 1, |fault| {
            matches!(fault, BrokerFault::Refused(_))
        }),
        ("a page with 200", Reply::new(200, "<html>"), 2, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
        ("no data with 200", Reply::new(200, "{}"), 1, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("nothing with 200", Reply::new(200, ""), 2, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("no JSON", Reply::new(200, "order"), 1, |fault| matches!(fault, BrokerFault::Malformed(_))),
        (
            "another order",
            Reply::json(&json!({"data": {"id": 6, "status": "Live"}})),
            1,
            |fault| matches!(fault, BrokerFault::Malformed(text) if text.contains("got 6")),
        ),
    ];
    for (name, answer, tries, expected) in cases {
        let stage = Stage::new().await;
        stage.on(ORDER, [answer]);
        let error = stage.broker.order(&OrderId("312345678".into())).await.unwrap_err();
        assert!(expected(&error.fault), "{name}: {error}");
        assert_eq!(
            (error.broker, error.operation, stage.seen(ORDER).len()),
            ("tastytrade", "GET order", tries),
            "{name}"
        );
    }
    let stage = Stage::new().await;
    stage.on(
        QUOTE_TOKEN,
        [Reply::new(
            404,
            r#"{"error":{"code":"quote_streamer.customer_not_found_error","message":"no customer"}}"#,
        )],
    );
    let error = stage.broker.quote_token().await.unwrap_err().to_string();
    assert!(error.contains("quote_streamer.customer_not_found_error"), "{error}");
}

#[tokio::test]
async fn transactions_of_all_pages_come_oldest_first() {
    let stage = Stage::new().await;
    let row = |id: u64, at: &str| json!({"id": id, "transaction-type": "Trade", "executed-at": at});
    let told = json!({"total-items": 3, "total-pages": 2});
    let rows = [
        row(3, "2026-08-20T18:30:07.000+00:00"),
        row(2, "2026-08-20T18:30:05.000+00:00"),
        row(1, "2026-08-20T18:30:06.000+00:00"),
    ];
    stage.on(TRANSACTIONS, [list(&rows[..2], &told), list(&rows[2..], &told)]);
    let (from, to) = day();
    let query =
        TransactionQuery { from, to, kinds: vec![TransactionKind::Trade, TransactionKind::MoneyMovement] };
    let ids: Vec<u64> = stage.broker.transactions(&query).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(ids, [2, 1, 3]);
    let asked = &stage.seen(TRANSACTIONS)[1].query;
    assert!(
        asked.contains("types%5B%5D=Trade&types%5B%5D=Money%20Movement&per-page=250&page-offset=1"),
        "{asked}"
    );
    let backwards = TransactionQuery { from: to, to: from, kinds: Vec::new() };
    assert!(
        stage.broker.transactions(&backwards).await.unwrap_err().to_string().contains("nothing was sent")
    );
}

#[tokio::test]
async fn todays_list_in_shorter_pages_is_read_again_in_our_page_size() {
    let noon = "2026-08-20T16:00:00.000+00:00";
    let rows = |ids: std::ops::Range<u64>| ids.map(|id| row(id, "Expired", noon)).collect::<Vec<_>>();
    let stage = Stage::new().await;
    let theirs = json!({"per-page": 10, "page-offset": 0, "total-items": 12, "total-pages": 2});
    let ours = |page: u64| json!({"per-page": 200, "page-offset": page, "total-items": 12, "total-pages": 1});
    stage.on(LIVE, [list(&rows(2..12), &theirs), list(&rows(0..12), &ours(0)), list(&[], &ours(1))]);
    let (from, to) = day();
    assert_eq!(stage.broker.orders_in_haste(from, to).await.unwrap().len(), 12);
    let queries: Vec<String> = stage.seen(LIVE).into_iter().map(|seen| seen.query).collect();
    assert_eq!(queries, ["", "per-page=200&page-offset=0"]);
}

#[tokio::test]
async fn transfers_are_asked_for_as_money_movements() {
    let stage = Stage::new().await;
    stage.on(
        TRANSACTIONS,
        [Reply::new(200, include_str!("../../fixtures/transactions__trade_expiry_withdrawal.json"))],
    );
    let (from, to) = day();
    let transfers = stage.broker.transfers(from, to).await.unwrap();
    assert_eq!(transfers.iter().map(|transfer| transfer.amount.to_string()).collect::<Vec<_>>(), ["-500.0"]);
    let asked = &stage.seen(TRANSACTIONS)[0].query;
    assert!(asked.contains("types%5B%5D=Money%20Movement&per-page"), "{asked}");
    assert_eq!(stage.broker.counted_until(to), to, "its equity is the value of the moment");
}
