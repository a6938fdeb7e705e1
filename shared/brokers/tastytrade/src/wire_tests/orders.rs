use std::time::Duration;

use gamma_execution::ports::{Broker, BrokerFault, CancelReply, NotPlaced, NotSent, OrderId, PlaceReply};
use gamma_market::{Effect, Price};
use serde_json::{Value, json};

use super::fake::{ORDERS, Reply, Stage, TOKEN, order};

const CANCEL: &str = "DELETE /accounts/5WT00001/orders/5";
const DRY_RUN: &str = "POST /accounts/5WT00001/orders/dry-run";
const NAME: &str = "gt-1-p1";

fn five() -> OrderId {
    OrderId("5".into())
}

#[tokio::test]
async fn an_order_is_sent_once_with_token_and_name_and_gets_its_id() {
    let stage = Stage::new().await;
    stage.on(ORDERS, [Reply::new(201, include_str!("../../fixtures/order_placed__routed.json"))]);
    assert_eq!(
        stage.broker.send_order(&order(), NAME).await,
        PlaceReply::Accepted(OrderId("312345678".into()))
    );
    let posts = stage.seen(ORDERS);
    assert_eq!((posts.len(), posts[0].authorization.as_str()), (1, "Bearer canary-access-1"));
    let sent: Value = serde_json::from_str(&posts[0].body).unwrap();
    let expected: Value =
        serde_json::from_str(include_str!("../../fixtures/order_request__put_credit.json")).unwrap();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn whatever_comes_back_there_is_one_post() {
    let is_unknown = |reply: &PlaceReply| matches!(reply, PlaceReply::Unknown(_));
    let is_rejected = |reply: &PlaceReply| matches!(reply, PlaceReply::NotPlaced(NotPlaced::Rejected { status: 422, message }) if message.contains("margin_check_failed"));
    let is_not_read = |reply: &PlaceReply| matches!(reply, PlaceReply::NotPlaced(NotPlaced::NotRead(why)) if why.starts_with("40"));
    let is_forbidden =
        |reply: &PlaceReply| matches!(reply, PlaceReply::NotPlaced(NotPlaced::Rejected { status: 403, .. }));
    let is_limited = |reply: &PlaceReply| {
        *reply == PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: Some(Duration::from_secs(3)) })
    };
    let is_unauthorized = |reply: &PlaceReply| *reply == PlaceReply::NotPlaced(NotPlaced::Unauthorized);
    type Expected<'a> = &'a dyn Fn(&PlaceReply) -> bool;
    let cases: [(&str, Reply, Expected<'_>); 15] = [
        ("201 without id", Reply::new(201, r#"{"data":{"order":{}}}"#), &is_unknown),
        ("201 empty", Reply::new(201, ""), &is_unknown),
        ("201 cut off", Reply::created(5).cut(), &is_unknown),
        ("302", Reply::new(302, ""), &is_unknown),
        ("408", Reply::new(408, ""), &is_unknown),
        ("409 of the edge", Reply::new(409, "<html>Conflict</html>"), &is_unknown),
        ("500", Reply::new(500, r#"{"error":{"code":"internal_server_error"}}"#), &is_unknown),
        ("502 page", Reply::new(502, "<html>Bad Gateway</html>"), &is_unknown),
        (
            "422",
            Reply::new(422, include_str!("../../fixtures/error__preflight_check_failure.json")),
            &is_rejected,
        ),
        ("403 of the edge", Reply::new(403, "<HTML><H1>Access Denied</H1></HTML>"), &is_not_read),
        ("403 of the API", Reply::new(403, r#"{"error":{"code":"margin_check_failed"}}"#), &is_forbidden),
        ("400 of a gateway", Reply::new(400, "upstream connect error"), &is_not_read),
        ("404 of the edge", Reply::new(404, "<html>nginx</html>"), &is_not_read),
        ("429", Reply::new(429, "").header("retry-after", "3"), &is_limited),
        ("401", Reply::new(401, ""), &is_unauthorized),
    ];
    for (name, answer, expected) in cases {
        let stage = Stage::new().await;
        stage.on(TOKEN, [Reply::token("canary-access-2")]);
        stage.on(ORDERS, [answer]);
        let reply = stage.broker.send_order(&order(), NAME).await;
        assert!(expected(&reply), "{name}: {reply:?}");
        assert_eq!(stage.seen(ORDERS).len(), 1, "{name}");
        assert_eq!(stage.clock.elapsed(), Duration::ZERO, "{name}: nothing is waited for");
    }
}

#[tokio::test]
async fn after_a_401_the_next_order_has_a_new_token() {
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    stage.on(ORDERS, [Reply::new(401, ""), Reply::created(7)]);
    assert_eq!(stage.broker.send_order(&order(), NAME).await, PlaceReply::NotPlaced(NotPlaced::Unauthorized));
    assert_eq!(stage.broker.send_order(&order(), NAME).await, PlaceReply::Accepted(OrderId("7".into())));
    let tokens: Vec<_> = stage.seen(ORDERS).into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(tokens, ["Bearer canary-access-1", "Bearer canary-access-2"]);
}

#[tokio::test]
async fn nobody_listening_is_a_proven_refusal() {
    let mut stage = Stage::new().await;
    stage.stop_server().await;
    let reply = stage.broker.send_order(&order(), NAME).await;
    assert!(
        matches!(&reply, PlaceReply::NotPlaced(NotPlaced::NotSent(NotSent::NotConnected(why))) if why.contains("POST")),
        "{reply:?}"
    );
    let reply = stage.broker.cancel(&five()).await;
    assert!(matches!(reply, CancelReply::Unknown(_)), "{reply:?}");
}

#[tokio::test]
async fn an_order_that_cannot_be_prepared_is_not_sent() {
    type Expected = fn(&NotPlaced) -> bool;
    let cases: [(&str, Reply, Expected); 4] = [
        ("dead grant", Reply::new(400, r#"{"error":"invalid_grant"}"#), |why| {
            *why == NotPlaced::Unauthorized
        }),
        ("edge page", Reply::new(403, "<html>Forbidden</html>"), |why| {
            matches!(why, NotPlaced::NotSent(NotSent::NotPrepared(_)))
        }),
        ("token endpoint down", Reply::new(503, ""), |why| {
            matches!(why, NotPlaced::NotSent(NotSent::NotPrepared(_)))
        }),
        (
            "too slow",
            Reply::token("canary-access-2").takes(Duration::from_millis(2001)),
            |why| matches!(why, NotPlaced::NotSent(NotSent::TooLate(text)) if text.contains("too long")),
        ),
    ];
    for (name, answer, expected) in cases {
        let stage = Stage::with_token_for(60).await;
        stage.on(TOKEN, [answer]);
        stage.on(ORDERS, [Reply::created(5)]);
        let reply = stage.broker.send_order(&order(), NAME).await;
        assert!(matches!(&reply, PlaceReply::NotPlaced(why) if expected(why)), "{name}: {reply:?}");
        assert_eq!((stage.seen(ORDERS).len(), stage.seen(TOKEN).len()), (0, 1), "{name}");
    }
}

#[tokio::test]
async fn our_own_limit_refuses_unsent_and_lets_cancels_through() {
    let mut stage = Stage::new().await;
    stage.broker = stage.broker.with_order_writes_per_minute(2);
    stage.on(ORDERS, [Reply::created(5)]);
    stage.on(CANCEL, [Reply::json(&json!({"data": {"id": 5, "status": "Cancel Requested"}}))]);
    assert!(matches!(stage.broker.send_order(&order(), NAME).await, PlaceReply::Accepted(_)));
    for _ in 0..2 {
        assert_eq!(stage.broker.cancel(&five()).await, CancelReply::Requested);
    }
    let refused =
        PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: Some(Duration::from_secs(60)) });
    assert_eq!(stage.broker.send_order(&order(), NAME).await, refused);
    assert_eq!(stage.seen(ORDERS).len(), 1);
}

#[tokio::test]
async fn what_a_cancel_can_bring() {
    for (answer, expected) in [
        (Reply::new(200, ""), "Requested"),
        (
            Reply::new(422, r#"{"error":{"code":"cannot_update_order","message":"Order is Filled"}}"#),
            "Refused(\"422 cannot_update_order: Order is Filled\")",
        ),
        (Reply::new(404, r#"{"error":{"code":"record_not_found"}}"#), "Refused(\"404 record_not_found\")"),
        // What was not read is not refused: nothing is known of the order.
        (Reply::new(429, ""), "Unknown(\"429 no text\")"),
        (Reply::new(403, "<html>Access Denied</html>"), "Unknown(\"403 edge page: Access Denied\")"),
        (Reply::new(404, "<html>No</html>"), "Unknown(\"404 edge page: No\")"),
        (Reply::new(408, ""), "Unknown(\"408 no text\")"),
        (Reply::new(500, ""), "Unknown(\"500 no text\")"),
        (Reply::new(200, "").cut(), "Unknown(\"unavailable: DELETE"),
    ] {
        let stage = Stage::new().await;
        stage.on(CANCEL, [answer]);
        let reply = format!("{:?}", stage.broker.cancel(&five()).await);
        assert!(reply.starts_with(expected), "{reply}");
        assert_eq!(stage.seen(CANCEL).len(), 1, "{reply}");
    }
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    stage.on(CANCEL, [Reply::new(401, ""), Reply::new(200, "")]);
    assert_eq!(stage.broker.cancel(&five()).await, CancelReply::Requested, "it survives one refused token");
    assert_eq!(stage.seen(CANCEL)[1].authorization, "Bearer canary-access-2");
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    stage.on(CANCEL, [Reply::new(401, r#"{"error":{"code":"token_invalid"}}"#)]);
    assert_eq!(
        stage.broker.cancel(&five()).await,
        CancelReply::Unknown("401 token_invalid".into()),
        "a refused token says nothing of the order"
    );
}

#[tokio::test]
async fn an_id_that_is_no_id_reaches_no_path() {
    let stage = Stage::new().await;
    for id in ["", "../accounts", "5/6", "5?x"] {
        let id = OrderId(id.to_owned());
        assert!(matches!(stage.broker.cancel(&id).await, CancelReply::Refused(_)));
        assert!(stage.broker.order(&id).await.unwrap_err().to_string().contains("order id: got"));
    }
    assert_eq!(stage.targets(), Vec::<String>::new());
}

#[tokio::test]
async fn a_preview_places_nothing_and_a_rejection_is_its_answer() {
    let package = order().package;
    let preview = async |stage: &Stage, cents| {
        stage.broker.preview(&package, Effect::Credit, 2, Price::cents(cents)).await
    };
    let stage = Stage::new().await;
    stage.on(
        DRY_RUN,
        [
            Reply::new(503, ""),
            Reply::new(201, include_str!("../../fixtures/dry_run__accepted_with_warning.json")),
        ],
    );
    assert!(preview(&stage, 115).await.unwrap().accepted);
    let sent: Value = serde_json::from_str(&stage.seen(DRY_RUN)[1].body).unwrap();
    assert_eq!(sent["external-identifier"], Value::Null, "no name is used up");
    assert!(stage.seen(ORDERS).is_empty());

    let stage = Stage::new().await;
    stage.on(DRY_RUN, [Reply::new(422, include_str!("../../fixtures/error__preflight_check_failure.json"))]);
    let rejected = preview(&stage, 115).await.unwrap();
    assert!(!rejected.accepted && rejected.rejects[0].contains("margin_check_failed"), "{rejected:?}");

    let stage = Stage::new().await;
    stage.on(
        DRY_RUN,
        [Reply::new(422, r#"{"error":{"code":"odd","message":"canary-access-1 is not wanted"}}"#)],
    );
    assert_eq!(preview(&stage, 115).await.unwrap().rejects, ["odd: [hidden] is not wanted"]);

    let stage = Stage::new().await;
    stage.on(DRY_RUN, [Reply::new(400, r#"{"error":{"code":"validation_error"}}"#)]);
    assert!(matches!(preview(&stage, 115).await.unwrap_err().fault, BrokerFault::Refused(_)));
    for (cents, shown) in [
        (0, "price: got 0.00, expected more than 0"),
        (97, "tastytrade prices SPXW in steps of 0.05, got 0.97"),
    ] {
        let error = preview(&stage, cents).await.unwrap_err();
        assert!(
            matches!(&error.fault, BrokerFault::Refused(why) if why.starts_with(shown) && why.ends_with("nothing was sent")),
            "{error}"
        );
    }
    assert_eq!(stage.seen(DRY_RUN).len(), 1);
}
