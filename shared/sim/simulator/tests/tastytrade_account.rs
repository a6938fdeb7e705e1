//! Balances, positions, lists and transactions over tastytrade's wire.

use crate::tasty;

use crate::tasty::{Tasty, assert_shape, vertical};
use gamma_market::Price;
use gamma_simulator::simulator::SimulatorConfig;
use gamma_simulator::tastytrade::TastytradeAccount;
use jiff::ToSpan;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

fn dollars(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn balances_are_those_of_the_books() {
    let reference: Value = serde_json::from_str(
        r#"{"account-number":"5WT00001","available-trading-funds":"0.0","bond-margin-requirement":"0.0","cash-available-to-withdraw":"24000.0","cash-balance":"25000.0","cash-settle-balance":"0.0","closed-loop-available-balance":"24000.0","cryptocurrency-margin-requirement":"0.0","currency":"USD","day-equity-call-value":"0.0","day-trade-excess":"24500.0","day-trading-buying-power":"98000.0","day-trading-call-value":"0.0","derivative-buying-power":"24500.0","equity-buying-power":"49000.0","equity-offering-margin-requirement":"0.0","fixed-income-security-margin-requirement":"0.0","futures-margin-requirement":"0.0","long-bond-value":"0.0","long-cryptocurrency-value":"0.0","long-derivative-value":"295.0","long-equity-value":"0.0","long-fixed-income-security-value":"0.0","long-futures-derivative-value":"0.0","long-futures-value":"0.0","long-margineable-value":"0.0","maintenance-call-value":"0.0","maintenance-requirement":"500.0","margin-equity":"24885.0","margin-settle-balance":"0.0","net-liquidating-value":"24885.0","pending-cash":"0.0","pending-cash-effect":"None","reg-t-call-value":"0.0","short-cryptocurrency-value":"0.0","short-derivative-value":"410.0","short-equity-value":"0.0","short-futures-derivative-value":"0.0","short-futures-value":"0.0","short-margineable-value":"0.0","sma-equity-option-buying-power":"24500.0","special-memorandum-account-apex-adjustment":"0.0","special-memorandum-account-value":"24500.0","total-settle-balance":"0.0","unsettled-cryptocurrency-fiat-amount":"0.0","unsettled-cryptocurrency-fiat-effect":"None","used-derivative-buying-power":"500.0","snapshot-date":"2026-08-20","reg-t-margin-requirement":"500.0","futures-overnight-margin-requirement":"0.0","futures-intraday-margin-requirement":"0.0","maintenance-excess":"24385.0","pending-margin-interest":"0.0","buying-power-adjustment":"0.0","buying-power-adjustment-effect":"None","effective-cryptocurrency-buying-power":"24000.0","total-pending-liquidity-pool-rebate":"0.0","updated-at":"2026-08-20T18:30:08.100+00:00"}"#,
    )
    .unwrap();
    let tasty = Tasty::start(1).await;
    let path = Tasty::account("/balances");
    let shown = tasty.read(&path).await;
    assert_shape(&shown, &reference, "balances");
    assert_eq!(
        (&shown["cash-balance"], &shown["derivative-buying-power"]),
        (&json!("100000.0"), &json!("100000.0"))
    );
    assert_eq!(tasty.read(&Tasty::account("/balances/USD")).await["account-number"], "5WT00001");

    tasty.post(&vertical(2, "0.05")).await;
    tasty.pass(5.seconds()).await;
    let (shown, books) = (tasty.read(&path).await, tasty.simulator.account_of("5WT00001").unwrap());
    assert_eq!(
        (dollars(&shown["cash-balance"]), &shown["maintenance-requirement"]),
        (books.cash(), &json!("1000.0"))
    );
    assert_eq!(dollars(&shown["derivative-buying-power"]), books.cash() - Decimal::from(1000));
    let worth = dollars(&shown["cash-balance"]) + dollars(&shown["long-derivative-value"])
        - dollars(&shown["short-derivative-value"]);
    assert_eq!(dollars(&shown["net-liquidating-value"]), worth);
    let status = tasty.read(&Tasty::account("/trading-status")).await;
    assert_eq!((&status["is-closing-only"], &status["account-number"]), (&json!(false), &json!("5WT00001")));
}

#[tokio::test]
async fn positions_have_no_sign_and_say_their_direction() {
    let reference: Value = serde_json::from_str(
        r#"{"account-number":"5WT00001","instrument-type":"Equity Option","symbol":"SPXW  260821P05900000","underlying-symbol":"SPX","quantity":"1","quantity-direction":"Short","average-open-price":"4.1","average-yearly-market-close-price":"4.1","average-daily-market-close-price":"4.1","close-price":"3.8","cost-effect":"Debit","is-frozen":false,"is-suppressed":false,"multiplier":100,"restricted-quantity":"0","realized-day-gain":"0.0","realized-day-gain-effect":"None","realized-day-gain-date":"2026-08-20","realized-today":"0.0","realized-today-effect":"None","realized-today-date":"2026-08-20","mark":"410.0","mark-price":"4.1","expires-at":"2026-08-21T20:00:00.000+00:00","created-at":"2026-08-20T18:30:07.000+00:00","updated-at":"2026-08-20T18:30:07.000+00:00"}"#,
    )
    .unwrap();
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    let held = |symbol: &str, quantity| (symbol.parse().unwrap(), quantity, Price::cents(410));
    let positions = vec![held("SPXW250904P6425", -2), held("SPXW250904P6420", 3)];
    config.tastytrade.accounts =
        vec![TastytradeAccount { positions, ..TastytradeAccount::flat("5WT00001", 50_000) }];
    let tasty = Tasty::with(config).await;
    let rows = tasty.read(&Tasty::account("/positions?include-marks=true")).await["items"].clone();
    assert_shape(&rows[0], &reference, "position");
    let shown = |at: usize| {
        (
            rows[at]["symbol"].as_str().unwrap(),
            rows[at]["quantity"].as_str().unwrap(),
            rows[at]["quantity-direction"].as_str().unwrap(),
            rows[at]["cost-effect"].as_str().unwrap(),
        )
    };
    assert_eq!(
        (shown(0), shown(1)),
        (("SPXW  250904P06420000", "3", "Long", "Credit"), ("SPXW  250904P06425000", "2", "Short", "Debit"))
    );
    let count = async |query: &str| {
        tasty.read(&Tasty::account(&format!("/positions?{query}"))).await["items"].as_array().unwrap().len()
    };
    assert_eq!(count("symbol=SPXW%20%20250904P06420000").await, 1);
    assert_eq!(
        (
            count("underlying-symbol[]=SPX").await,
            count("underlying-symbol[]=SPY").await,
            count("instrument-type=Equity").await
        ),
        (2, 0, 0)
    );
    assert!(
        tasty.read(&Tasty::account("/positions")).await["items"][0].get("mark").is_none(),
        "only when asked for"
    );
}

#[tokio::test]
async fn lists_of_orders_filter_and_come_in_pages() {
    let tasty = Tasty::start(1).await;
    let cancelled = tasty.resting(1).await;
    tasty.delete(cancelled).await;
    tasty.pass(3.seconds()).await;
    let filled = tasty.post(&vertical(1, "0.05")).await;
    tasty.pass(3.seconds()).await;
    let working = tasty.resting(1).await;
    let id = |order: &Value| order["id"].as_u64().unwrap();
    assert_eq!(
        tasty.live().await.iter().map(id).collect::<Vec<_>>(),
        [working, filled, cancelled],
        "terminal ones too, newest first"
    );
    let list = async |query: &str| -> (Vec<u64>, Value) {
        let (status, body) = tasty.get(&Tasty::account(&format!("/orders?{query}"))).await;
        assert_eq!(status, 200, "{query}: {body}");
        (body["data"]["items"].as_array().unwrap().iter().map(id).collect(), body["pagination"].clone())
    };
    let (all, pagination) = list("start-date=2025-09-03").await;
    assert_eq!(all, [working, filled, cancelled]);
    let expected = json!({"per-page":10,"page-offset":0,"item-offset":0,"total-items":3,"total-pages":1,"current-item-count":3,"previous-link":null,
        "next-link":null,"paging-link-template":null});
    assert_eq!(pagination, expected);
    let (second, pagination) = list("per-page=2&page-offset=1").await;
    assert_eq!(
        (second, &pagination["total-pages"], &pagination["item-offset"]),
        (vec![cancelled], &json!(2), &json!(2))
    );
    assert_eq!(list("sort=Asc").await.0, [cancelled, filled, working]);
    assert_eq!(list("status[]=Filled&status[]=Cancelled").await.0, [filled, cancelled]);
    assert_eq!(list("status[]=Canceled").await.0, Vec::<u64>::new(), "two L");
    assert_eq!(list("end-date=2025-09-02").await.0, Vec::<u64>::new());
    assert_eq!(list("start-at=2025-09-03T20:12:01Z").await.0, [working, filled]);
    assert_eq!(list("underlying-symbol=SPY").await.0, Vec::<u64>::new());
    for query in
        ["per-page=201", "per-page=0", "page-offset=x", "sort=Up", "start-date=today", "start-at=noon"]
    {
        let (status, body) = tasty.get(&Tasty::account(&format!("/orders?{query}"))).await;
        assert_eq!((status.as_u16(), &body["error"]["code"]), (400, &json!("validation_error")), "{query}");
    }
    let bearer = format!("Bearer {}", tasty.token);
    let headers =
        [("user-agent", "test/1.0"), ("authorization", bearer.as_str()), ("accept-version", "20261012")];
    assert_eq!(
        tasty.raw(Method::GET, &Tasty::account("/orders"), &headers, "").await.status(),
        400,
        "the later release wants a start"
    );
    let (_, body) = tasty::json_of(
        tasty.raw(Method::GET, &Tasty::account("/orders/live?per-page=1"), &headers, "").await,
    )
    .await;
    assert_eq!(
        (body["data"]["items"].as_array().unwrap().len(), &body["pagination"]["total-items"]),
        (1, &json!(3)),
        "and pages today's orders"
    );
}

#[tokio::test]
async fn transactions_are_one_row_a_leg_and_add_up_to_the_cash() {
    let reference: Value = serde_json::from_str(
        r#"{"id":401234567,"account-number":"5WT00001","symbol":"SPXW  260821P05900000","instrument-type":"Equity Option","underlying-symbol":"SPX","transaction-type":"Trade","transaction-sub-type":"Sell to Open","description":"Sold 2 SPXW 08/21/26 Put 5900.00 @ 4.10","action":"Sell to Open","quantity":"2.0","price":"4.1","executed-at":"2026-08-20T18:30:06.910+00:00","transaction-date":"2026-08-20","value":"820.0","value-effect":"Credit","regulatory-fees":"0.04","regulatory-fees-effect":"Debit","clearing-fees":"0.2","clearing-fees-effect":"Debit","commission":"2.0","commission-effect":"Debit","proprietary-index-option-fees":"1.3","proprietary-index-option-fees-effect":"Debit","net-value":"816.46","net-value-effect":"Credit","is-estimated-fee":true,"ext-exchange-order-number":"93216411","ext-global-order-number":1234,"ext-group-id":"0","ext-group-fill-id":"20260820000123","ext-exec-id":"0300105","exec-id":"3_TWISEA9X0100","exchange":"1","order-id":312345678,"exchange-affiliation-identifier":"","leg-count":2,"destination-venue":"CBOE"}"#,
    )
    .unwrap();
    let tasty = Tasty::start(1).await;
    let id = tasty.post(&vertical(2, "0.05")).await;
    tasty.pass(5.seconds()).await;
    let (_, body) = tasty.get(&Tasty::account("/transactions?type=Trade")).await;
    let rows = body["data"]["items"].as_array().unwrap();
    assert_shape(&rows[0], &reference, "transaction");
    assert_eq!((rows.len(), &body["pagination"]["per-page"]), (tasty.truth(id).fills.len() * 2, &json!(250)));
    let order = tasty.order(id).await;
    let groups = |leg: usize| {
        order["legs"][leg]["fills"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fill| fill["ext-exec-id"].clone())
            .collect::<Vec<_>>()
    };
    assert!(rows.iter().all(|row| row["order-id"] == id && [groups(0), groups(1)].concat().contains(&row["ext-exec-id"])), "joined on order and execution");
    let sum: Decimal = rows
        .iter()
        .map(|row| {
            if row["net-value-effect"] == "Credit" {
                dollars(&row["net-value"])
            } else {
                -dollars(&row["net-value"])
            }
        })
        .sum();
    assert_eq!(tasty.simulator.account_of("5WT00001").unwrap().cash() - Decimal::from(100_000), sum);
    let count = async |query: &str| {
        tasty.read(&Tasty::account(&format!("/transactions?{query}"))).await["items"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (
            count("types[]=Trade&per-page=1").await,
            count("type=Money%20Movement").await,
            count("action=Sell%20to%20Open").await
        ),
        (1, 0, rows.len() / 2)
    );
    assert_eq!(
        (count("sub-type[]=Buy%20to%20Open").await, count("start-date=2025-09-04").await),
        (rows.len() / 2, 0)
    );
    let one = rows[0]["id"].as_u64().unwrap();
    assert_eq!(tasty.read(&Tasty::account(&format!("/transactions/{one}"))).await, rows[0]);
    assert_eq!(tasty.get(&Tasty::account("/transactions/7")).await.0, 404);
    assert_eq!(tasty.get(&Tasty::account("/transactions?type=TRADE")).await.0, 400);
}

#[tokio::test]
async fn an_expiry_is_received_or_delivered() {
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    let held = |symbol: &str, quantity| (symbol.parse().unwrap(), quantity, Price::cents(410));
    let positions =
        vec![held("SPXW250904P7000", 1), held("SPXW250904C6000", -1), held("SPXW250904P5000", -1)];
    config.tastytrade.accounts =
        vec![TastytradeAccount { positions, ..TastytradeAccount::flat("5WT00001", 500_000) }];
    config.start = "2025-09-04T15:59:00-04:00".parse().unwrap();
    let tasty = Tasty::with(config).await;
    let expected = tasty.simulator.account_of("5WT00001").unwrap().positions().len();
    tasty.pass(3.minutes()).await;
    let rows =
        tasty.read(&Tasty::account("/transactions?type=Receive%20Deliver&sort=Asc")).await["items"].clone();
    let kinds: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["transaction-sub-type"].as_str().unwrap(), row["value-effect"].as_str().unwrap()))
        .collect();
    assert_eq!(
        (expected, kinds),
        (
            3,
            vec![
                ("Expiration", "None"),
                ("Cash Settled Exercise", "Credit"),
                ("Cash Settled Assignment", "Debit")
            ]
        )
    );
}
