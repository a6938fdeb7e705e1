//! An order's life over Schwab's wire.

use crate::session::{Session, assert_shape, id_of, json_of, leg, vertical};
use gamma_simulator::exchange::OrderState;
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Reference section 7.
fn filled_reference() -> Value {
    serde_json::from_str(
        r#"{"session":"NORMAL","duration":"DAY","orderType":"NET_CREDIT","complexOrderStrategyType":"VERTICAL","quantity":2.0,"filledQuantity":2.0,
        "remainingQuantity":0.0,"requestedDestination":"AUTO","destinationLinkName":"AutoRoute","price":1.15,
        "orderLegCollection":[{"orderLegType":"OPTION","legId":1,"instrument":{"assetType":"OPTION","cusip":"0SPXW.TL60589500",
          "symbol":"SPXW  260821P05895000","description":"S & P 500 INDEX 08/21/2026 $5895 Put","instrumentId":233445566,"type":"VANILLA","putCall":"PUT",
          "underlyingSymbol":"$SPX","optionDeliverables":[{"symbol":"$SPX","deliverableUnits":100.0}]},
          "instruction":"BUY_TO_OPEN","positionEffect":"OPENING","quantity":2.0}],
        "orderStrategyType":"SINGLE","orderId":1005638175790,"cancelable":false,"editable":false,"status":"FILLED",
        "enteredTime":"2026-08-20T18:30:05+0000","closeTime":"2026-08-20T18:30:07+0000","tag":"TA_someapp","accountNumber":12345678,
        "orderActivityCollection":[{"activityType":"EXECUTION","activityId":104558120991,"executionType":"FILL","quantity":2.0,"orderRemainingQuantity":0.0,
          "executionLegs":[{"legId":1,"quantity":2.0,"mismarkedQuantity":0.0,"price":2.95,"time":"2026-08-20T18:30:07+0000","instrumentId":233445566}]}]}"#,
    )
    .unwrap()
}

#[tokio::test]
async fn an_order_is_accepted_works_and_fills() {
    let session = Session::start(1).await;
    let id = session.post(&vertical(2, "0.05")).await;
    assert!((1_000_000_000_000..10_000_000_000_000).contains(&id), "thirteen digits: {id}");
    let order = session.order(id).await;
    assert!(
        ["PENDING_ACTIVATION", "QUEUED", "ACCEPTED"].contains(&order["status"].as_str().unwrap()),
        "{order}"
    );
    assert_eq!(
        (order["remainingQuantity"].to_string(), order["cancelable"].as_bool()),
        ("2.0".into(), Some(true))
    );
    for absent in ["orderActivityCollection", "closeTime", "statusDescription"] {
        assert!(order.get(absent).is_none(), "{absent} before anything happened: {order}");
    }
    session.pass(3.seconds()).await;
    let order = session.order(id).await;
    assert_shape(&order, &filled_reference(), "order");
    assert_eq!(order["status"], "FILLED");
    assert_eq!(order["enteredTime"], "2025-09-03T20:12:00+0000");
    assert_eq!(order["price"].to_string(), "0.05");
    let prices: Vec<f64> = order["orderActivityCollection"][0]["executionLegs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| leg["price"].as_f64().unwrap())
        .collect();
    assert!(prices[1] - prices[0] > 0.3, "filled at the market, not at the limit: {prices:?}");
    assert_eq!(session.simulator.book().posts()[0].state, OrderState::Filled);
}

#[tokio::test]
async fn a_resting_order_works_until_it_is_cancelled() {
    let session = Session::start(1).await;
    let id = session.post(&vertical(3, "4.00")).await;
    session.pass(2.seconds()).await;
    let order = session.order(id).await;
    assert_eq!(
        (&order["status"], &order["filledQuantity"], &order["remainingQuantity"]),
        (&json!("WORKING"), &json!(0.0), &json!(3.0))
    );

    let response = session.delete(id).await;
    assert_eq!((response.status(), response.text().await.unwrap().as_str()), (StatusCode::OK, ""));
    assert_eq!(session.order(id).await["status"], "PENDING_CANCEL");
    assert_eq!(session.delete(id).await.status(), 200, "asking again changes nothing");
    session.pass(2.seconds()).await;
    let order = session.order(id).await;
    assert_eq!((&order["status"], &order["remainingQuantity"]), (&json!("CANCELED"), &json!(0.0)));
    let activity = &order["orderActivityCollection"][0];
    assert_shape(activity, &filled_reference()["orderActivityCollection"][0], "activity");
    assert_eq!(
        (&activity["executionType"], &activity["quantity"], &activity["executionLegs"][0]["price"]),
        (&json!("CANCELED"), &json!(3.0), &json!(0.0))
    );

    let (status, body) = json_of(session.delete(id).await).await;
    assert_eq!(status, 400);
    assert!(body["errors"][0].as_str().unwrap().contains("CANCELED"), "{body}");
    let (status, body) = json_of(session.delete(77).await).await;
    assert_eq!((status, body["message"].is_string()), (StatusCode::NOT_FOUND, true));
}

#[tokio::test]
async fn a_fill_can_win_against_a_cancel() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let session = Session::start(seed).await;
        let id = session.post(&vertical(1, "0.05")).await;
        assert_eq!(session.delete(id).await.status(), 200);
        session.pass(3.seconds()).await;
        ends.insert(session.order(id).await["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["CANCELED", "FILLED"]);
}

#[tokio::test]
async fn a_replacement_is_a_new_order() {
    let session = Session::start(1).await;
    let old = session.post(&vertical(1, "4.00")).await;
    session.pass(2.seconds()).await;
    let response = session
        .send(Method::PUT, &session.account(&format!("/orders/{old}")), Some(&vertical(1, "3.95")))
        .await;
    assert_eq!(response.status(), 201);
    let new = id_of(response).await;
    assert_ne!(old, new);
    assert_eq!(session.order(old).await["status"], "PENDING_REPLACE");
    session.pass(3.seconds()).await;
    assert_eq!(
        (&session.order(old).await["status"], &session.order(new).await["status"]),
        (&json!("REPLACED"), &json!("WORKING"))
    );
}

#[tokio::test]
async fn some_orders_are_rejected_only_later() {
    let session = Session::start(1).await;
    let sell_naked = json!({
        "orderType": "MARKET", "session": "NORMAL", "duration": "DAY", "orderStrategyType": "SINGLE",
        "orderLegCollection": [leg("SELL_TO_OPEN", "SPXW  250904P06425000", 1)],
    });
    for (order, words) in [
        (vertical(1, "0.97"), "not a multiple of 0.05"),
        (vertical(500, "0.90"), "buying power"),
        (sell_naked, "buying power"),
    ] {
        let id = session.post(&order).await;
        session.pass(2.seconds()).await;
        let order = session.order(id).await;
        assert_eq!((&order["status"], &order["remainingQuantity"]), (&json!("REJECTED"), &json!(0.0)));
        assert!(order["statusDescription"].as_str().unwrap().contains(words), "{order}");
        assert!(order.get("orderActivityCollection").is_none());
    }
    session.simulator.reject_next_order("made up");
    let id = session.post(&vertical(1, "0.90")).await;
    session.pass(2.seconds()).await;
    assert_eq!(session.order(id).await["statusDescription"], "made up");
}

#[tokio::test]
async fn a_day_order_expires_with_the_session() {
    let session = Session::start(1).await;
    let id = session.post(&vertical(1, "4.00")).await;
    session.until("2025-09-03T16:15:00-04:00".parse().unwrap()).await;
    assert_eq!(session.order(id).await["status"], "EXPIRED");
    assert_eq!(session.delete(id).await.status(), 400);
}

fn with(mut order: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = order.pointer_mut(parent).unwrap();
    parent[key] = value;
    order
}

fn without(mut order: Value, key: &str) -> Value {
    order.as_object_mut().unwrap().remove(key);
    order
}

#[tokio::test]
async fn a_malformed_order_is_refused_and_the_field_is_named() {
    let session = Session::start(1).await;
    let good = || vertical(2, "0.90");
    let refused = [
        (without(good(), "orderLegCollection"), "orderLegCollection is required"),
        (without(good(), "session"), "session is required"),
        (without(good(), "duration"), "duration is required"),
        (without(good(), "orderType"), "orderType is required"),
        (without(good(), "orderStrategyType"), "orderStrategyType is required"),
        (without(good(), "price"), "price is required"),
        (with(good(), "/requestedDestination", json!("AUTO")), "requestedDestination is not allowed"),
        (with(good(), "/price", json!("1,15")), "price: got"),
        (with(good(), "/price", json!("-0.90")), "not negative"),
        (with(good(), "/orderType", json!("LIMIT")), "orderType: got LIMIT with several legs"),
        (with(good(), "/orderType", json!("BEST")), "orderType: got \"BEST\""),
        (with(good(), "/orderType", json!("MARKET")), "price: not allowed"),
        (with(good(), "/complexOrderStrategyType", json!("SPREAD")), "complexOrderStrategyType"),
        (with(good(), "/orderLegCollection", json!([])), "orderLegCollection: expected"),
        (
            with(good(), "/orderLegCollection/0/quantity", json!(1.5)),
            "orderLegCollection[0].quantity: got 1.5",
        ),
        (
            with(good(), "/orderLegCollection/0/quantity", json!("2")),
            "orderLegCollection[0].quantity: got \"2\"",
        ),
        (with(good(), "/orderLegCollection/0/quantity", json!(0)), "orderLegCollection[0].quantity"),
        (
            with(good(), "/orderLegCollection/1/instruction", json!("SHORT")),
            "orderLegCollection[1].instruction: got \"SHORT\"",
        ),
        (
            with(good(), "/orderLegCollection/1/positionEffect", json!("CLOSING")),
            "orderLegCollection[1].positionEffect",
        ),
        (
            with(good(), "/orderLegCollection/1/instrument/symbol", json!("SPXW 250904P06425000")),
            "orderLegCollection[1].instrument.symbol",
        ),
        (
            with(good(), "/orderLegCollection/1/instrument/symbol", json!("SPXW250904P06425000")),
            "orderLegCollection[1].instrument.symbol",
        ),
        (
            with(good(), "/orderLegCollection/1/instrument/assetType", json!("EQUITY")),
            "orderLegCollection[1].instrument.assetType",
        ),
        (with(good(), "/orderLegCollection/1/instrument/symbol", json!("SPXW  250904P06420000")), "twice"),
        (json!([]), "body: expected an object"),
    ];
    for (order, words) in refused {
        let body = session.refused(&order).await;
        let errors: Vec<_> = body["errors"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(errors.iter().any(|error| error.contains(words)), "{words}: {body}");
    }
    assert!(session.simulator.book().posts().is_empty(), "nothing that was refused is in the book");
    session.post(&with(good(), "/orderLegCollection/0/quantity", json!(2.0))).await;
    session.post(&with(good(), "/price", json!(0.9))).await;
}

#[tokio::test]
async fn single_legs_and_four_legs_trade() {
    let session = Session::start(1).await;
    let single = json!({
        "orderType": "LIMIT", "session": "NORMAL", "price": "9.90", "duration": "DAY", "orderStrategyType": "SINGLE", "complexOrderStrategyType": "NONE",
        "orderLegCollection": [leg("BUY_TO_OPEN", "SPXW  250904P06425000", 1)],
    });
    let condor = json!({
        "orderType": "NET_CREDIT", "session": "NORMAL", "price": "0.50", "duration": "DAY", "orderStrategyType": "SINGLE",
        "complexOrderStrategyType": "CUSTOM",
        "orderLegCollection": [
            leg("BUY_TO_OPEN", "SPXW  250904P06400000", 2), leg("SELL_TO_OPEN", "SPXW  250904P06405000", 2),
            leg("SELL_TO_OPEN", "SPXW  250904C06470000", 2), leg("BUY_TO_OPEN", "SPXW  250904C06475000", 2),
        ],
    });
    let sell = json!({
        "orderType": "MARKET", "session": "NORMAL", "duration": "DAY", "orderStrategyType": "SINGLE",
        "orderLegCollection": [leg("SELL_TO_CLOSE", "SPXW  250904P06425000", 1)],
    });
    for (order, legs) in [(single, 1), (condor, 4), (sell, 1)] {
        let id = session.post(&order).await;
        session.pass(3.seconds()).await;
        let order = session.order(id).await;
        assert_eq!(order["status"], "FILLED", "{order}");
        assert_eq!(order["orderActivityCollection"][0]["executionLegs"].as_array().unwrap().len(), legs);
        assert_eq!(order.get("price").is_some(), order["orderType"] != "MARKET", "{order}");
    }
    assert_eq!(session.simulator.account().positions().len(), 4, "the single leg was closed again");
}

#[tokio::test]
async fn the_list_wants_its_times_and_filters() {
    let session = Session::start(1).await;
    let canceled = session.post(&vertical(1, "4.00")).await;
    session.delete(canceled).await;
    session.pass(5.seconds()).await;
    let working = session.post(&vertical(1, "3.95")).await;
    session.pass(2.seconds()).await;
    let ids = async |query: &str| -> Vec<u64> {
        let list = session.read(&session.account(&format!("/orders?{query}"))).await;
        list.as_array().unwrap().iter().map(|order| order["orderId"].as_u64().unwrap()).collect()
    };
    let day = "fromEnteredTime=2025-09-03T00:00:00.000Z&toEnteredTime=2025-09-03T23:00:00.000Z";
    assert_eq!(ids(day).await, [working, canceled], "newest first");
    assert_eq!(
        ids("fromEnteredTime=2025-09-03T00:00:00Z&toEnteredTime=2025-09-03T23:00:00Z").await,
        [working, canceled]
    );
    assert_eq!(ids(&format!("{day}&maxResults=1")).await, [working]);
    assert_eq!(ids(&format!("{day}&status=CANCELED")).await, [canceled]);
    assert_eq!(
        ids("fromEnteredTime=2025-09-03T20:12:01.000Z&toEnteredTime=2025-09-03T20:13:00.000Z").await,
        [working]
    );
    let everywhere = session.read(&format!("/trader/v1/orders?{day}")).await;
    assert_eq!(everywhere.as_array().unwrap().len(), 2);

    for (query, words) in [
        ("", "fromEnteredTime is required"),
        ("fromEnteredTime=2025-09-03T00:00:00.000Z", "toEnteredTime is required"),
        (
            "fromEnteredTime=2025-09-03&toEnteredTime=2025-09-03T23:00:00.000Z",
            "'2025-09-03' is not a valid value for fromEnteredTime",
        ),
        (
            "fromEnteredTime=2025-09-03T00:00:00.000%2B00:00&toEnteredTime=2025-09-03T23:00:00.000Z",
            "not a valid value for fromEnteredTime",
        ),
        (
            "fromEnteredTime=2025-09-03T00:00:00.000000Z&toEnteredTime=2025-09-03T23:00:00.000Z",
            "not a valid value for fromEnteredTime",
        ),
        ("fromEnteredTime=2025-06-01T00:00:00.000Z&toEnteredTime=2025-09-03T23:00:00.000Z", "60 days"),
        (
            "fromEnteredTime=2025-09-03T23:00:00.000Z&toEnteredTime=2025-09-03T22:00:00.000Z",
            "before toEnteredTime",
        ),
        (&format!("{day}&status=DONE"), "status"),
        (&format!("{day}&maxResults=many"), "maxResults"),
    ] {
        for path in [session.account("/orders"), "/trader/v1/orders".to_owned()] {
            let (status, body) = session.get(&format!("{path}?{query}")).await;
            assert_eq!(status, 400, "{query}");
            assert!(body["errors"].to_string().contains(words), "{query}: {body}");
        }
    }
}

#[tokio::test]
async fn a_preview_is_200_whatever_it_says() {
    let reference: Value = serde_json::from_str(
        r#"{"orderId":0,"orderStrategy":{"accountNumber":"12345678","advancedOrderType":"NONE","orderStrategyType":"SINGLE","orderType":"NET_CREDIT",
        "session":"NORMAL","duration":"DAY","price":1.15,"quantity":2.0,"filledQuantity":0.0,"remainingQuantity":2.0,"orderValue":230.0,"status":"ACCEPTED",
        "orderBalance":{"orderValue":230.0,"projectedAvailableFund":23700.0,"projectedBuyingPower":47400.0,"projectedCommission":2.6},
        "orderLegs":[{"askPrice":3.0,"bidPrice":2.9,"lastPrice":2.95,"markPrice":2.95,"assetType":"OPTION","finalSymbol":"SPXW  260821P05895000",
          "instruction":"BUY_TO_OPEN","positionEffect":"OPENING","legId":1,"quantity":2.0,"projectedCommission":1.3,
          "instrument":{"assetType":"OPTION","symbol":"SPXW  260821P05895000"}}]},
        "orderValidationResult":{"rejects":[],"alerts":[],"warns":[],"reviews":[],"accepts":[]},
        "commissionAndFee":{"commission":{"commissionLegs":[{"commissionValues":[{"value":1.3,"type":"COMMISSION"}]}]},
          "fee":{"feeLegs":[{"feeValues":[{"value":0.04,"type":"OPT_REG_FEE"}]}]},"trueCommission":{"commissionLegs":[]}}}"#,
    )
    .unwrap();
    let session = Session::start(1).await;
    let preview = async |order: &Value| {
        json_of(session.send(Method::POST, &session.account("/previewOrder"), Some(order)).await).await
    };
    let (status, body) = preview(&vertical(2, "0.90")).await;
    assert_eq!(status, 200);
    assert_shape(&body, &reference, "preview");
    assert_eq!(
        body["orderStrategy"]["orderBalance"]["projectedAvailableFund"],
        json!(100_000.0 - 1_000.0 + 180.0 - 3.88)
    );
    let (status, body) = preview(&vertical(500, "0.90")).await;
    assert_eq!((status, &body["orderStrategy"]["status"]), (StatusCode::OK, &json!("REJECTED")));
    assert!(
        body["orderValidationResult"]["rejects"][0]["activityMessage"]
            .as_str()
            .unwrap()
            .contains("buying power")
    );
    let (status, _) = preview(&json!({})).await;
    assert_eq!(status, 400);
    assert!(session.simulator.book().posts().is_empty());
}
