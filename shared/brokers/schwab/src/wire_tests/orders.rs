use std::time::Duration;

use gamma_execution::ports::{Broker, BrokerFault, CancelReply, NotPlaced, NotSent, OrderId, PlaceReply};
use gamma_market::{Effect, Package, Price, Vertical};
use serde_json::Value;

use super::fake::{HASH, ORDERS, Reply, Stage, TOKEN, order};

const CANCEL: &str = "DELETE /trader/v1/accounts/A1B2C3D4/orders/5";
const PREVIEW: &str = "POST /trader/v1/accounts/A1B2C3D4/previewOrder";

fn five() -> OrderId {
    OrderId("5".into())
}

fn condor() -> Package {
    let vertical =
        |sell: &str, buy: &str| Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap();
    Package::iron_condor(
        vertical("SPXW260821P5900", "SPXW260821P5895"),
        vertical("SPXW260821C6000", "SPXW260821C6005"),
    )
    .unwrap()
}

#[tokio::test]
async fn an_order_goes_out_once_with_the_token_and_its_id_comes_back() {
    let stage = Stage::new().await;
    stage.on(ORDERS, [Reply::created("1005638175790")]);
    assert_eq!(
        stage.schwab.send_order(&order()).await,
        PlaceReply::Accepted(OrderId("1005638175790".into()))
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
    let is_rejected = |reply: &PlaceReply| matches!(reply, PlaceReply::NotPlaced(NotPlaced::Rejected { .. }));
    let is_not_read = |reply: &PlaceReply| matches!(reply, PlaceReply::NotPlaced(NotPlaced::NotRead(_)));
    let is_limited = |reply: &PlaceReply| {
        *reply == PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: Some(Duration::from_secs(3)) })
    };
    let is_unauthorized = |reply: &PlaceReply| *reply == PlaceReply::NotPlaced(NotPlaced::Unauthorized);
    type Expected<'a> = &'a dyn Fn(&PlaceReply) -> bool;
    let cases: [(&str, Reply, Expected<'_>); 12] = [
        ("201 without Location", Reply::new(201, ""), &is_unknown),
        ("201 cut off", Reply::created("5").cut(), &is_unknown),
        (
            "201 of another account",
            Reply::new(201, "").header("location", "/trader/v1/accounts/FFFF/orders/5"),
            &is_unknown,
        ),
        (
            "302",
            Reply::new(302, "").header("location", format!("/trader/v1/accounts/{HASH}/orders/5")),
            &is_unknown,
        ),
        ("408", Reply::new(408, ""), &is_unknown),
        ("500", Reply::new(500, r#"{"message":"try later"}"#), &is_unknown),
        ("503 too large", Reply::new(503, "x".repeat(9_000_000)), &is_unknown),
        ("400", Reply::new(400, r#"{"message":"no"}"#), &is_rejected),
        ("403 edge", Reply::new(403, "<html>Access Denied</html>"), &is_not_read),
        (
            "404 gateway",
            Reply::new(404, "404 Not Found: Requested route ('x') does not exist."),
            &is_not_read,
        ),
        ("429", Reply::new(429, "").header("retry-after", "3"), &is_limited),
        ("401", Reply::new(401, ""), &is_unauthorized),
    ];
    for (name, answer, expected) in cases {
        let stage = Stage::new().await;
        stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
        stage.on(ORDERS, [answer]);
        let reply = stage.schwab.send_order(&order()).await;
        assert!(expected(&reply), "{name}: {reply:?}");
        assert_eq!(stage.seen(ORDERS).len(), 1, "{name}");
        assert_eq!(stage.clock.elapsed(), Duration::ZERO, "{name}: nothing is waited for");
    }
}

#[tokio::test]
async fn after_a_401_the_next_order_has_a_new_token() {
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stage.on(ORDERS, [Reply::new(401, ""), Reply::created("7")]);
    assert_eq!(stage.schwab.send_order(&order()).await, PlaceReply::NotPlaced(NotPlaced::Unauthorized));
    assert_eq!(stage.schwab.send_order(&order()).await, PlaceReply::Accepted(OrderId("7".into())));
    let tokens: Vec<_> = stage.seen(ORDERS).into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(tokens, ["Bearer canary-access-1", "Bearer canary-access-2"]);
}

#[tokio::test]
async fn nobody_listening_is_a_proven_refusal() {
    let mut stage = Stage::new().await;
    stage.schwab.hash().await.unwrap();
    stage.stop_server().await;
    let reply = stage.schwab.send_order(&order()).await;
    assert!(
        matches!(&reply, PlaceReply::NotPlaced(NotPlaced::NotSent(NotSent::NotConnected(why))) if why.contains("POST")),
        "{reply:?}"
    );
    let reply = stage.schwab.cancel(&five()).await;
    assert!(matches!(reply, CancelReply::Unknown(_)), "{reply:?}");
}

#[tokio::test]
async fn an_order_that_cannot_be_prepared_is_not_sent() {
    let dead = r#"{"error":"invalid_grant","error_description":"x"}"#;
    type Expected = fn(&NotPlaced) -> bool;
    let cases: [(&str, Reply, Expected); 4] = [
        ("dead login", Reply::new(400, dead), |why| *why == NotPlaced::Unauthorized),
        ("edge page", Reply::new(403, "<html>Access Denied</html>"), |why| {
            matches!(why, NotPlaced::NotSent(NotSent::NotPrepared(_)))
        }),
        ("token endpoint down", Reply::new(503, ""), |why| {
            matches!(why, NotPlaced::NotSent(NotSent::NotPrepared(_)))
        }),
        (
            "too slow",
            Reply::token("canary-access-2", "r").takes(Duration::from_millis(2001)),
            |why| matches!(why, NotPlaced::NotSent(NotSent::TooLate(text)) if text.contains("too long")),
        ),
    ];
    for (name, answer, expected) in cases {
        let stage = Stage::with_token_for(60, None).await;
        stage.on(TOKEN, [answer]);
        stage.on(ORDERS, [Reply::created("5")]);
        let reply = stage.schwab.send_order(&order()).await;
        assert!(matches!(&reply, PlaceReply::NotPlaced(why) if expected(why)), "{name}: {reply:?}");
        assert_eq!((stage.seen(ORDERS).len(), stage.seen(TOKEN).len()), (0, 1), "{name}");
    }
}

#[tokio::test]
async fn our_own_limit_refuses_unsent_and_lets_cancels_through() {
    let mut stage = Stage::new().await;
    stage.schwab = stage.schwab.with_order_writes_per_minute(2);
    stage.on(ORDERS, [Reply::created("5")]);
    stage.on(CANCEL, [Reply::new(200, "")]);
    assert!(matches!(stage.schwab.send_order(&order()).await, PlaceReply::Accepted(_)));
    for _ in 0..2 {
        assert_eq!(stage.schwab.cancel(&five()).await, CancelReply::Requested);
    }
    let refused =
        PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: Some(Duration::from_secs(60)) });
    assert_eq!(stage.schwab.send_order(&order()).await, refused);
    assert_eq!(stage.seen(ORDERS).len(), 1);
}

#[tokio::test]
async fn what_a_cancel_can_bring() {
    for (answer, expected) in [
        (Reply::new(200, ""), "Requested"),
        (Reply::new(204, ""), "Requested"),
        (
            Reply::new(400, r#"{"message":"Order cannot be canceled: FILLED"}"#),
            "Refused(\"400 Order cannot be canceled: FILLED\")",
        ),
        (Reply::new(404, r#"{"message":"none"}"#), "Refused(\"404 none\")"),
        // None of these was said of the order: it is asked for again.
        (Reply::new(429, ""), "Unknown(\"429 no text\")"),
        (Reply::new(403, "<html>Access Denied</html>"), "Unknown(\"403 edge page: Access Denied\")"),
        (Reply::new(404, "404 Not Found: no route"), "Unknown(\"404 404 Not Found: no route\")"),
        (Reply::new(408, ""), "Unknown(\"408 no text\")"),
        (Reply::new(302, ""), "Unknown(\"302 no text\")"),
        (Reply::new(500, ""), "Unknown(\"500 no text\")"),
        (Reply::new(200, "").cut(), "Unknown(\"unavailable: DELETE"),
    ] {
        let stage = Stage::new().await;
        stage.on(CANCEL, [answer]);
        let reply = format!("{:?}", stage.schwab.cancel(&five()).await);
        assert!(reply.starts_with(expected), "{reply}");
        assert_eq!(stage.seen(CANCEL).len(), 1, "{reply}");
    }
}

#[tokio::test]
async fn a_cancel_survives_one_refused_token() {
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stage.on(CANCEL, [Reply::new(401, ""), Reply::new(200, "")]);
    assert_eq!(stage.schwab.cancel(&five()).await, CancelReply::Requested);
    assert_eq!(stage.seen(CANCEL)[1].authorization, "Bearer canary-access-2");

    let stubborn = Stage::new().await;
    stubborn.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stubborn.on(CANCEL, [Reply::new(401, "")]);
    assert_eq!(stubborn.schwab.cancel(&five()).await, CancelReply::Unknown("401 no text".into()));
    assert_eq!((stubborn.seen(CANCEL).len(), stubborn.seen(TOKEN).len()), (2, 1));
}

#[tokio::test]
async fn an_id_that_is_no_id_reaches_no_path() {
    let stage = Stage::new().await;
    for id in ["", "../accounts", "5/6", "5?x"] {
        let id = OrderId(id.to_owned());
        assert!(matches!(stage.schwab.cancel(&id).await, CancelReply::Refused(_)));
        assert!(stage.schwab.order(&id).await.unwrap_err().to_string().contains("order id: got"));
    }
    assert_eq!(stage.targets(), Vec::<String>::new());
}

#[tokio::test]
async fn a_preview_sends_any_package_and_places_nothing() {
    let stage = Stage::new().await;
    let body = include_str!("../../fixtures/preview_order__accepted_with_warning.json");
    stage.on(PREVIEW, [Reply::new(503, ""), Reply::new(200, body)]);
    assert!(stage.schwab.preview(&condor(), Effect::Credit, 3, Price::cents(210)).await.unwrap().accepted);
    let sent: Value = serde_json::from_str(&stage.seen(PREVIEW)[1].body).unwrap();
    let expected: Value =
        serde_json::from_str(include_str!("../../fixtures/order_request__iron_condor_credit.json")).unwrap();
    assert_eq!(sent, expected);
    assert!(stage.seen(ORDERS).is_empty());
}

#[tokio::test]
async fn what_can_never_be_placed_is_not_even_previewed() {
    let stage = Stage::new().await;
    for (package, effect, quantity, cents, shown) in [
        (&condor(), Effect::Credit, 0, 100, "quantity: got 0, expected at least 1"),
        (&condor(), Effect::Credit, 1001, 100, "schwab takes 1000 packages at most, this order has 1001"),
        (&condor(), Effect::Credit, 1, -5, "price: got -0.05, expected 0 or more"),
        (&condor(), Effect::Credit, 1, 97, "schwab prices SPXW in steps of 0.05, got 0.97"),
        (
            &condor(),
            Effect::Debit,
            1,
            100,
            "effect: got debit, expected credit for iron condor +1 SPXW260821P5895",
        ),
    ] {
        let error = stage.schwab.preview(package, effect, quantity, Price::cents(cents)).await.unwrap_err();
        assert!(
            matches!(&error.fault, BrokerFault::Refused(why) if why.starts_with(shown) && why.ends_with("nothing was sent")),
            "{error}"
        );
    }
    assert_eq!(stage.targets(), Vec::<String>::new());
}
