use std::time::Duration;

use gamma_execution::ports::{Broker, BrokerFault, OrderId};
use serde_json::json;

use super::fake::{ACCOUNTS, Reply, Stage, TOKEN};

const ACCOUNT: &str = "GET /trader/v1/accounts/A1B2C3D4";
const LIST: &str = "GET /trader/v1/accounts/A1B2C3D4/orders";
const ORDER: &str = "GET /trader/v1/accounts/A1B2C3D4/orders/1005638175790";
const QUOTES: &str = "GET /marketdata/v1/quotes";

fn account_reply() -> Reply {
    Reply::new(200, include_str!("../../fixtures/account__margin_with_positions.json"))
}

#[tokio::test]
async fn reads_ask_as_documented_and_the_hash_is_read_once() {
    let stage = Stage::new().await;
    stage.on(ACCOUNT, [account_reply()]);
    stage.on(LIST, [Reply::new(200, include_str!("../../fixtures/orders__trigger_oco_and_shares.json"))]);
    stage.on(ORDER, [Reply::new(200, include_str!("../../fixtures/order__filled_vertical.json"))]);
    stage.on(QUOTES, [Reply::new(200, include_str!("../../fixtures/quotes__batch_with_invalid.json"))]);

    assert_eq!(stage.schwab.account().await.unwrap().positions.len(), 2);
    let (from, to) = ("2026-08-20T04:00:00Z".parse().unwrap(), "2026-08-21T04:00:00Z".parse().unwrap());
    assert_eq!(stage.schwab.orders(from, to).await.unwrap().len(), 5);
    assert_eq!(stage.schwab.order(&OrderId("1005638175790".into())).await.unwrap().filled, 2);
    let symbols = ["SPXW260821P5895".parse().unwrap(), "SPXW260821P5900".parse().unwrap()];
    assert_eq!(stage.schwab.quotes(&symbols).await.unwrap().len(), 2);
    assert!(stage.schwab.quotes(&[]).await.unwrap().is_empty());

    assert_eq!(stage.targets(), [ACCOUNTS, ACCOUNT, LIST, ORDER, QUOTES]);
    let query = |target: &str| stage.seen(target)[0].query.clone();
    assert_eq!(query(ACCOUNT), "fields=positions");
    assert_eq!(
        query(LIST),
        "fromEnteredTime=2026-08-20T04%3A00%3A00.000Z&toEnteredTime=2026-08-21T04%3A00%3A00.000Z&maxResults=3000"
    );
    assert_eq!(query(QUOTES), "symbols=SPXW%20%20260821P05895000%2CSPXW%20%20260821P05900000&fields=quote");
    assert_eq!(stage.seen(ORDER)[0].authorization, "Bearer canary-access-1");
}

#[tokio::test]
async fn a_read_is_tried_again_while_that_can_help() {
    let cut = || Reply::new(200, "{").cut();
    let limited = |after: &str| Reply::new(429, "").header("retry-after", after.to_owned());
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    for (name, replies, tries, waited) in [
        ("5xx, lost, then well", vec![Reply::new(500, ""), cut(), account_reply()], 3, ms(250)..=ms(1500)),
        ("429 with a wait", vec![limited("7"), account_reply()], 2, s(7)..=s(7)),
        ("429 with no wait is not answered at once", vec![limited("0"), account_reply()], 2, s(1)..=s(1)),
    ] {
        let stage = Stage::new().await;
        stage.on(ACCOUNT, replies);
        stage.schwab.account().await.unwrap();
        assert_eq!(stage.seen(ACCOUNT).len(), tries, "{name}");
        assert!(waited.contains(&stage.clock.elapsed()), "{name}: {:?}", stage.clock.elapsed());
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_for_what_it_is() {
    let route = "404 Not Found: Requested route ('traderapi-orders') does not exist.";
    type Expected = fn(&BrokerFault) -> bool;
    // A read made while orders are out is tried twice at most: the other side's cancel waits for it.
    let cases: [(&str, Reply, usize, Expected); 12] = [
        ("down", Reply::new(503, r#"{"message":"later"}"#), 2, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
        (
            "too big a body at the gateway",
            Reply::new(502, r#"{"fault":{"faultstring":"Body buffer overflow"}}"#),
            2,
            |fault| matches!(fault, BrokerFault::Unavailable(text) if text.contains("overflow")),
        ),
        ("limited", Reply::new(429, ""), 2, |fault| matches!(fault, BrokerFault::RateLimited(_))),
        ("lost", Reply::new(200, "{}").cut(), 2, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("no such order", Reply::new(404, r#"{"message":"Order not found"}"#), 1, |fault| {
            matches!(fault, BrokerFault::NotFound(_))
        }),
        // A route that is gone says nothing about the order, and may be back in a moment.
        ("no such route", Reply::new(404, route), 2, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("edge", Reply::new(403, "<html>Access Denied</html>"), 2, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
        ("bad request", Reply::new(400, r#"{"errors":["x"]}"#), 1, |fault| {
            *fault == BrokerFault::Refused("400 x".into())
        }),
        ("no JSON", Reply::new(200, "hello"), 1, |fault| matches!(fault, BrokerFault::Malformed(_))),
        // What stands before the API answers 200 in its place too.
        ("a page", Reply::new(200, " <html>Sorry</html>"), 2, |fault| {
            *fault == BrokerFault::Unavailable("200 edge page: Sorry".into())
        }),
        ("nothing", Reply::new(200, " "), 2, |fault| {
            *fault == BrokerFault::Unavailable("200 no text".into())
        }),
        (
            "another order",
            Reply::json(&json!({"orderId": 6, "status": "WORKING"})),
            1,
            |fault| matches!(fault, BrokerFault::Malformed(text) if text.contains("got 6")),
        ),
    ];
    for (name, answer, tries, expected) in cases {
        let stage = Stage::new().await;
        stage.on(ORDER, [answer]);
        let error = stage.schwab.order(&OrderId("1005638175790".into())).await.unwrap_err();
        assert!(expected(&error.fault), "{name}: {error}");
        assert_eq!((error.operation, stage.seen(ORDER).len()), ("GET order", tries), "{name}");
    }
}

#[tokio::test]
async fn one_refused_token_is_replaced_and_a_second_refusal_ends_it() {
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stage.on(
        ACCOUNT,
        [Reply::new(401, r#"{"errors":[{"status":401,"title":"Unauthorized"}]}"#), account_reply()],
    );
    stage.schwab.account().await.unwrap();
    assert_eq!(stage.seen(ACCOUNT)[1].authorization, "Bearer canary-access-2");

    let stubborn = Stage::new().await;
    stubborn.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stubborn.on(ACCOUNT, [Reply::new(401, r#"{"errors":[{"status":401,"title":"Unauthorized"}]}"#)]);
    let error = stubborn.schwab.account().await.unwrap_err();
    assert_eq!(error.to_string(), "schwab GET account: not authorised: 401 Unauthorized");
    assert_eq!((stubborn.seen(ACCOUNT).len(), stubborn.seen(TOKEN).len()), (2, 1));
}

#[tokio::test]
async fn a_missing_account_is_named_before_anything_is_read() {
    let stage = Stage::with_token_for(1800, Some("99999111")).await;
    let error = stage.schwab.account().await.unwrap_err();
    assert!(error.to_string().contains("account ending in 111 is not among the 1"), "{error}");
    assert_eq!(stage.targets(), [ACCOUNTS]);
}

fn rows(ids: impl IntoIterator<Item = (u64, &'static str)>) -> Reply {
    let row = |(id, status)| json!({"orderId": id, "status": status});
    Reply::json(&ids.into_iter().map(row).collect())
}

#[tokio::test]
async fn working_orders_of_sixty_days_come_in_one_request() {
    let stage = Stage::new().await;
    stage.on(
        LIST,
        [rows([
            (1, "WORKING"),
            (2, "FILLED"),
            (3, "AWAITING_STOP_CONDITION"),
            (4, "CANCELED"),
            (5, "SOMETHING_NEW"),
        ])],
    );
    let working = stage.schwab.working_orders().await.unwrap();
    assert_eq!(
        working.orders.iter().map(|order| order.id.0.as_str()).collect::<Vec<_>>(),
        ["1", "3", "5"],
        "a word we do not know may work"
    );
    assert_eq!(
        working.since.unwrap().to_string(),
        "2026-07-23T18:00:00Z",
        "an hour inside the 60 days that Schwab gives"
    );
    let query = "fromEnteredTime=2026-07-23T18%3A00%3A00.000Z&toEnteredTime=2026-09-21T17%3A01%3A00.000Z&maxResults=3000";
    assert_eq!(stage.seen(LIST).iter().map(|seen| seen.query.as_str()).collect::<Vec<_>>(), [query]);
}

/// Whoever has thousands of orders loses none of those that work: the time is split until each answer is
/// whole.
#[tokio::test]
async fn a_list_that_is_cut_off_is_asked_for_in_pieces() {
    let cut_off = || rows((0..3000).map(|id| (id, "WORKING")));
    let too_large = || Reply::new(200, "x".repeat(9_000_000));
    for (first, name) in [(cut_off(), "as many rows as Schwab gives"), (too_large(), "larger than we take")] {
        let stage = Stage::new().await;
        stage.on(
            LIST,
            [
                first,
                rows([(7001, "WORKING")]),
                rows([(7001, "WORKING"), (7002, "FILLED")]),
                cut_off(),
                rows([(7003, "QUEUED")]),
                rows([(7004, "WORKING")]),
            ],
        );
        let working = stage.schwab.working_orders().await.unwrap();
        let ids: Vec<_> = working.orders.iter().map(|order| order.id.0.as_str()).collect();
        assert_eq!(
            ids,
            ["7001", "7003", "7004"],
            "{name}: what a piece showed that was cut off is asked for again"
        );
        assert_eq!(stage.seen(LIST).len(), 1 + 4 + 4, "{name}");
    }
    let stage = Stage::new().await;
    stage.on(LIST, [cut_off()]);
    let error = stage.schwab.working_orders().await.unwrap_err();
    assert!(error.to_string().contains("may be cut off"), "{error}");
    assert_eq!(stage.seen(LIST).len(), 1 + 4 + 16, "and no further");
}

#[tokio::test]
async fn a_row_of_others_that_does_not_read_hides_no_working_order() {
    let stage = Stage::new().await;
    let bond = json!({"orderId": 8, "status": "FILLED", "orderLegCollection": [{"instruction": "BUY", "instrument": {"assetType": "FIXED_INCOME"}}],
        "orderActivityCollection": [{"activityType": "EXECUTION", "executionType": "FILL"}]});
    stage.on(LIST, [Reply::json(&json!([{"orderId": 1, "status": null, "childOrderStrategies": []}, bond, {"orderId": 2, "status": "WORKING"}]))]);
    let ids = |orders: &[gamma_execution::ports::OrderView]| {
        orders.iter().map(|order| order.id.0.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&stage.schwab.working_orders().await.unwrap().orders), ["1", "2"]);
    let now = gamma_execution::ports::Clock::now(stage.clock.as_ref());
    assert_eq!(ids(&stage.schwab.orders(now, now).await.unwrap()), ["1", "8", "2"]);
    // Asked for alone, it is an error.
    stage.on(ORDER, [Reply::json(&json!({"orderId": 1_005_638_175_790_u64, "status": null}))]);
    let error = stage.schwab.order(&OrderId("1005638175790".into())).await.unwrap_err();
    assert!(
        matches!(&error.fault, BrokerFault::Malformed(why) if why.contains("order.status: got nothing")),
        "{error}"
    );
}
