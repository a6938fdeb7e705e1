use gamma_execution::ports::{BrokerFault, Transfers};
use jiff::Timestamp;
use serde_json::json;

use super::fake::{ACCOUNTS, Reply, Stage};
use crate::{TransactionKind, TransactionQuery};

const LIST: &str = "GET /trader/v1/accounts/A1B2C3D4/transactions";
const ONE: &str = "GET /trader/v1/accounts/A1B2C3D4/transactions/101234567890";

fn rows() -> Reply {
    Reply::new(200, include_str!("../../fixtures/transactions__trades_transfers_and_strangers.json"))
}

fn query(from: &str, to: &str) -> TransactionQuery {
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    TransactionQuery {
        from: time(from),
        to: time(to),
        kinds: vec![TransactionKind::Trade, TransactionKind::AchReceipt],
        symbol: None,
    }
}

#[tokio::test]
async fn transactions_are_requested_as_documented_oldest_first() {
    let stage = Stage::new().await;
    stage.on(LIST, [Reply::new(503, ""), rows()]);
    let mut query = query("2026-08-20T04:00:00Z", "2026-08-21T04:00:00.0001Z");
    let listed = stage.schwab.transactions(&query).await.unwrap();
    assert_eq!((listed.len(), listed[0].id, listed[7].id), (8, 101_234_567_890, 101_234_567_899));
    query.symbol = Some("SPXW  260821P05900000".into());
    query.kinds = vec![TransactionKind::Other("LOYALTY_REWARD".into())];
    stage.schwab.transactions(&query).await.unwrap();

    let seen = stage.seen(LIST);
    assert_eq!(
        seen[1].query,
        "startDate=2026-08-20T04%3A00%3A00.000Z&endDate=2026-08-21T04%3A00%3A00.001Z&types=TRADE%2CACH_RECEIPT"
    );
    assert!(
        seen[2].query.ends_with("&types=LOYALTY_REWARD&symbol=SPXW%20%20260821P05900000"),
        "{}",
        seen[2].query
    );
    assert_eq!(seen[1].authorization, "Bearer canary-access-1");
    assert_eq!(stage.targets(), [ACCOUNTS, LIST, LIST, LIST]);
}

#[tokio::test]
async fn a_query_that_can_have_no_answer_is_not_sent() {
    let stage = Stage::new().await;
    stage.on(LIST, [rows()]);
    let none =
        TransactionQuery { kinds: Vec::new(), ..query("2026-08-20T04:00:00Z", "2026-08-21T04:00:00Z") };
    for (query, shown) in [
        (none, "types: got none, expected at least one"),
        (
            query("2026-08-21T04:00:00Z", "2026-08-20T04:00:00Z"),
            "endDate: got 2026-08-20T04:00:00Z, expected up to 365 days from 2026-08-21T04:00:00Z",
        ),
        (
            query("2025-08-20T04:00:00Z", "2026-08-20T04:00:01Z"),
            "endDate: got 2026-08-20T04:00:01Z, expected up to 365 days from 2025-08-20T04:00:00Z",
        ),
    ] {
        let error = stage.schwab.transactions(&query).await.unwrap_err();
        assert!(
            matches!(&error.fault, BrokerFault::Refused(why) if why.starts_with(shown) && why.ends_with("nothing was sent")),
            "{error}"
        );
    }
    assert_eq!(stage.targets(), Vec::<String>::new());
    stage.schwab.transactions(&query("2025-08-20T04:00:00Z", "2026-08-20T04:00:00Z")).await.unwrap();
}

#[tokio::test]
async fn one_transaction_is_read_by_its_id() {
    let row = || json!({"activityId": 101_234_567_890_u64, "type": "WIRE_OUT", "time": "2026-08-21T12:00:00+0000", "netAmount": -20.0});
    for answer in [row(), json!([row()])] {
        let stage = Stage::new().await;
        stage.on(ONE, [Reply::json(&answer)]);
        let one = stage.schwab.transaction(101_234_567_890).await.unwrap();
        assert_eq!((one.kind, one.net_amount), (TransactionKind::WireOut, "-20".parse().ok()));
    }
    let stage = Stage::new().await;
    stage.on(ONE, [Reply::new(404, r#"{"message":"none"}"#)]);
    let error = stage.schwab.transaction(101_234_567_890).await.unwrap_err();
    assert_eq!(error.to_string(), "schwab GET transaction: not found: 404 none");
}

#[tokio::test]
async fn neither_the_account_nor_the_token_is_in_an_error() {
    let row = json!({"accountNumber": "12345678", "activityId": 1, "type": "TRADE", "time": "never"});
    for (answer, shown) in [
        (Reply::json(&row), "transactions: got an object"),
        (Reply::json(&json!([row])), "transactions[0].time: got \"never\""),
        (Reply::new(400, r#"{"message":"token canary-access-1 refused"}"#), "token [hidden] refused"),
    ] {
        let stage = Stage::new().await;
        stage.on(LIST, [answer]);
        let error = stage
            .schwab
            .transactions(&query("2026-08-20T04:00:00Z", "2026-08-21T04:00:00Z"))
            .await
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(shown) && !text.contains("12345678") && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn long_spans_of_transfers_are_read_by_year_and_reported_once() {
    let stage = Stage::new().await;
    stage.on(LIST, [rows(), rows()]);
    let (from, to): (Timestamp, Timestamp) =
        ("2025-08-20T04:00:00Z".parse().unwrap(), "2026-08-21T20:13:00Z".parse().unwrap());
    let transfers = stage.schwab.transfers(from, to).await.unwrap();
    let shown: Vec<String> = transfers.iter().map(|transfer| transfer.amount.to_string()).collect();
    assert_eq!(shown, ["5000.0", "10000.1", "-250.25"]);
    let seen = stage.seen(LIST);
    assert!(
        seen[0].query.starts_with(
            "startDate=2025-08-20T04%3A00%3A00.000Z&endDate=2026-08-20T04%3A00%3A00.000Z&types=ACH_RECEIPT"
        ),
        "{}",
        seen[0].query
    );
    assert!(
        seen[1]
            .query
            .starts_with("startDate=2026-08-20T04%3A00%3A00.000Z&endDate=2026-08-21T20%3A13%3A00.000Z"),
        "{}",
        seen[1].query
    );
    assert!(!seen[0].query.contains("TRADE"), "{}", seen[0].query);
    assert_eq!(
        stage.schwab.counted_until(to).to_string(),
        "2026-08-21T04:00:00Z",
        "its equity is the value of the day's start"
    );
}
