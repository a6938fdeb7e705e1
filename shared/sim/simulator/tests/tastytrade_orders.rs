//! An order's life over tastytrade's wire.

use crate::tasty;

use std::collections::BTreeSet;

use crate::tasty::{Tasty, assert_shape, closing, leg, vertical, with, without};
use gamma_simulator::exchange::{OrderState, PositionEffect};
use gamma_simulator::faults::{Fault, Route};
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Reference section 7: the answer to a POST, its order filled, without the null.
fn reference() -> Value {
    serde_json::from_str(
        r#"{"order":{"id":312345678,"account-number":"5WT00001","cancellable":true,"editable":true,"edited":false,"time-in-force":"Day","order-type":"Limit",
        "size":2,"price":"1.15","price-effect":"Credit","underlying-symbol":"SPX","underlying-instrument-type":"Equity","status":"Routed",
        "received-at":"2026-08-20T18:30:05.010+00:00","updated-at":1787250605023,"user-id":"99","username":"someone","leg-count":2,"source":"mybot/1.0",
        "external-identifier":"a7f3c2d0-0000-4000-8000-0000000000aa","ext-client-order-id":"9b00000123","global-request-id":"5d41402abc4b2a76",
        "legs":[{"instrument-type":"Equity Option","symbol":"SPXW  260821P05895000","quantity":2,"remaining-quantity":2,"action":"Buy to Open","fills":[]}]},
        "warnings":[],
        "buying-power-effect":{"change-in-margin-requirement":"1000.0","change-in-margin-requirement-effect":"Debit","change-in-buying-power":"772.6",
        "change-in-buying-power-effect":"Debit","current-buying-power":"24500.0","current-buying-power-effect":"Credit","new-buying-power":"23727.4",
        "new-buying-power-effect":"Credit","isolated-order-margin-requirement":"1000.0","isolated-order-margin-requirement-effect":"Debit","is-spread":true,
        "impact":"772.6","effect":"Debit"},
        "fee-calculation":{"regulatory-fees":"0.08","regulatory-fees-effect":"Debit","regulatory-fees-breakdown":[{"name":"orf","value":"0.08","effect":"Debit"}],
        "clearing-fees":"0.4","clearing-fees-effect":"Debit","commission":"4.0","commission-effect":"Debit","proprietary-index-option-fees":"2.6",
        "proprietary-index-option-fees-effect":"Debit","total-fees":"7.08","total-fees-effect":"Debit"}}"#,
    )
    .unwrap()
}

#[tokio::test]
async fn an_order_goes_its_way_and_fills() {
    let tasty = Tasty::start(1).await;
    let (status, body) = tasty.place(&vertical(2, "0.05")).await;
    assert_eq!((status, &body["context"]), (StatusCode::CREATED, &json!("/accounts/5WT00001/orders")));
    assert_shape(&body["data"], &reference(), "data");
    let id = body["data"]["order"]["id"].as_u64().unwrap();
    assert!((100_000_000..1_000_000_000).contains(&id), "nine digits: {id}");
    let mut seen = Vec::new();
    for _ in 0..200 {
        let status = tasty.order(id).await["status"].as_str().unwrap().to_owned();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        tasty.pass(10.milliseconds()).await;
    }
    assert_eq!(seen, ["Received", "Routed", "In Flight", "Live", "Filled"]);

    let order = tasty.order(id).await;
    assert!(
        order["live-at"].as_str() <= order["terminal-at"].as_str()
            && order["received-at"] == "2025-09-03T20:12:00.000+00:00",
        "{order}"
    );
    assert_eq!(
        (&order["cancellable"], &order["external-identifier"]),
        (&json!(false), &json!("a7f3c2d0-0000-4000-8000-0000000000aa"))
    );
    assert_eq!(order["updated-at"].as_i64().unwrap() / 1000, tasty.truth(id).closed.unwrap().as_second());
    let fill = json!({"ext-group-fill-id": "20260820000123", "ext-exec-id": "0300104", "fill-id": "3_TWISEA9X0100::20260820.53-FILL", "quantity": 2,
        "fill-price": "2.95", "filled-at": "2026-08-20T18:30:06.910+00:00", "destination-venue": "CBOE"});
    let legs = order["legs"].as_array().unwrap();
    for leg in legs {
        assert_eq!(leg["remaining-quantity"], 0);
        for shown in leg["fills"].as_array().unwrap() {
            assert_shape(shown, &fill, "fill");
        }
    }
    let ids: BTreeSet<_> = legs
        .iter()
        .flat_map(|leg| leg["fills"].as_array().unwrap())
        .map(|fill| fill["fill-id"].to_string())
        .collect();
    assert_eq!(ids.len(), tasty.truth(id).fills.len() * 2, "an id for each leg of each fill");
    let net = |order: &Value| -> f64 {
        let price =
            |at: usize| order["legs"][at]["fills"][0]["fill-price"].as_str().unwrap().parse::<f64>().unwrap();
        price(1) - price(0)
    };
    assert!(net(&order) > 0.3, "filled at the market, not at the limit");
    assert!(!order.to_string().contains("null"), "{order}");
}

#[tokio::test]
async fn a_cancel_is_asked_for_and_comes_later() {
    let tasty = Tasty::start(1).await;
    let id = tasty.resting(3).await;
    let (status, body) = tasty.delete(id).await;
    assert_eq!(
        (status, &body["data"]["status"], &body["data"]["id"]),
        (StatusCode::OK, &json!("Cancel Requested"), &json!(id))
    );
    tasty.pass(2.seconds()).await;
    let order = tasty.order(id).await;
    assert_eq!((&order["status"], &order["legs"][0]["remaining-quantity"]), (&json!("Cancelled"), &json!(3)));
    assert!(order["cancelled-at"].is_string() && order["terminal-at"].is_string());
    for (status, body) in [tasty.delete(id).await, tasty.replace(id, &vertical(3, "3.95")).await] {
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("cannot_update_order"))
        );
    }
    assert_eq!(tasty.delete(77).await.0, 404);
}

#[tokio::test]
async fn a_replacement_waits_until_the_old_order_is_gone() {
    let tasty = Tasty::start(1).await;
    let old = tasty.resting(3).await;
    let (status, body) = tasty.replace(old, &without(vertical(3, "3.95"), "legs")).await;
    assert_eq!(status, 200, "{body}");
    let new = body["data"]["id"].as_u64().unwrap();
    let shown = [
        &body["data"]["status"],
        &body["data"]["contingent-status"],
        &body["data"]["replaces-order-id"],
        &body["data"]["price"],
    ];
    assert_eq!(shown, [&json!("Contingent"), &json!("Pending Order"), &json!(old), &json!("3.95")]);
    assert_ne!(old, new);
    assert_eq!(tasty.order(old).await["status"], "Replace Requested");
    assert_eq!(tasty.delete(old).await.1["error"]["code"], "cannot_update_order");
    let mut pairs = Vec::new();
    for _ in 0..30 {
        let pair = (
            tasty.order(old).await["status"].as_str().unwrap().to_owned(),
            tasty.order(new).await["status"].as_str().unwrap().to_owned(),
        );
        if pairs.last() != Some(&pair) {
            pairs.push(pair);
        }
        tasty.pass(100.milliseconds()).await;
    }
    let words: Vec<_> = pairs.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    assert_eq!(words[0], ("Replace Requested", "Contingent"));
    assert!(
        words[1..].iter().all(|(old, new)| *old == "Cancelled" && *new != "Contingent")
            && words.last() == Some(&("Cancelled", "Live")),
        "{words:?}"
    );
    assert_eq!(tasty.order(old).await["replacing-order-id"], new);
    assert_eq!(tasty.order(new).await["external-identifier"], "a7f3c2d0-0000-4000-8000-0000000000aa");

    let (status, body) =
        tasty.ask(Method::PATCH, &Tasty::account(&format!("/orders/{new}")), &json!({ "price": 3.9 })).await;
    assert_eq!(
        (status, &body["data"]["price"], &body["data"]["price-effect"], &body["data"]["size"]),
        (StatusCode::OK, &json!("3.9"), &json!("Credit"), &json!(3))
    );
}

#[tokio::test]
async fn a_replacement_is_for_what_is_left_and_has_the_same_legs() {
    let tasty = Tasty::start(1).await;
    let old = tasty.resting(3).await;
    tasty.next(Route::ReadOrder, &Fault::PartFill(1));
    assert_eq!(tasty.order(old).await["legs"][0]["remaining-quantity"], 2);
    let other = with(vertical(3, "3.95"), "/legs/0/symbol", json!("SPXW  250904P06415000"));
    assert_eq!(tasty.replace(old, &other).await.0, 400);
    let dry = tasty
        .ask(Method::POST, &Tasty::account(&format!("/orders/{old}/dry-run")), &vertical(3, "3.95"))
        .await;
    assert_eq!((dry.0, &dry.1["data"]["order"]["size"]), (StatusCode::CREATED, &json!(2)));
    assert_eq!(tasty.simulator.book_of("5WT00001").unwrap().posts().len(), 1, "a rehearsal is no order");
    let (_, body) = tasty.replace(old, &vertical(3, "3.95")).await;
    assert_eq!(body["data"]["size"], 2);
}

#[tokio::test]
async fn a_replacement_is_aborted_when_the_old_order_fills_first() {
    let mut ends = BTreeSet::new();
    for earlier in 0..3 {
        let tasty = Tasty::start(1).await;
        for _ in 0..earlier {
            tasty.resting(1).await;
        }
        let old = tasty.resting(2).await;
        tasty.next(Route::ReplaceOrder, &Fault::FillsDuringCancel(u32::MAX));
        let (status, body) = tasty.replace(old, &vertical(2, "3.95")).await;
        assert_eq!((status, &body["data"]["status"]), (StatusCode::OK, &json!("Contingent")));
        let new = body["data"]["id"].as_u64().unwrap();
        tasty.pass(4.seconds()).await;
        assert_eq!((tasty.filled(old), tasty.filled(new).0), ((2, OrderState::Filled), 0));
        assert_eq!(tasty.order(old).await["status"], "Filled");
        ends.insert(tasty.order(new).await["status"].as_str().unwrap().to_owned());
        assert_eq!(tasty.fired(), [Fault::FillsDuringCancel(u32::MAX)]);
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), ["Cancelled", "Rejected", "Removed"]);
}

#[tokio::test]
async fn a_dry_run_says_what_an_order_would_come_to() {
    let mut tasty = Tasty::start(1).await;
    let dry = async |order: &Value| tasty.ask(Method::POST, &Tasty::account("/orders/dry-run"), order).await;
    let (status, body) = dry(&vertical(2, "0.90")).await;
    assert_eq!(status, 201);
    let order = &body["data"]["order"];
    assert_eq!(
        (order.get("id"), &order["status"], &order["updated-at"]),
        (None, &json!("Received"), &json!(0))
    );
    let effect = &body["data"]["buying-power-effect"];
    assert_eq!(
        (&effect["change-in-margin-requirement"], &effect["change-in-buying-power"]),
        (&json!("1000.0"), &json!("823.88"))
    );
    assert_eq!(
        (&effect["new-buying-power"], &body["data"]["fee-calculation"]["total-fees"]),
        (&json!("99176.12"), &json!("3.88"))
    );
    assert_eq!(body["data"]["warnings"], json!([]));
    assert_eq!(dry(&vertical(2, "0.97")).await.0, 201, "a price between two ticks passes");
    assert!(tasty.simulator.book_of("5WT00001").unwrap().posts().is_empty());
    tasty.until("2025-09-03T17:00:00-04:00".parse().unwrap()).await;
    // The access token has run out by then.
    tasty.token = fresh_token(&tasty).await;
    let (_, body) = tasty.ask(Method::POST, &Tasty::account("/orders/dry-run"), &vertical(2, "0.90")).await;
    assert_eq!(body["data"]["warnings"][0]["code"], "tif_next_valid_sesssion");
}

async fn fresh_token(tasty: &Tasty) -> String {
    let body = json!({ "grant_type": "refresh_token", "client_secret": tasty::SECRET, "refresh_token": tasty::REFRESH });
    tasty.ask(Method::POST, "/oauth/token", &body).await.1["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_order_of_another_day_works_in_both_lists_or_in_one() {
    let mut tasty = Tasty::start(1).await;
    let kept = tasty.post(&with(vertical(1, "4.00"), "/time-in-force", json!("GTC"))).await;
    let over = tasty.resting(1).await;
    tasty.until("2025-09-04T14:00:00Z".parse().unwrap()).await;
    tasty.token = fresh_token(&tasty).await;
    let search = "/orders?start-at=2024-09-04T14:00:00Z&status[]=Received&status[]=Live&status[]=Contingent";
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].as_u64().unwrap()).collect::<Vec<_>>();
    let searched =
        async |tasty: &Tasty| ids(tasty.read(&Tasty::account(search)).await["items"].as_array().unwrap());
    assert_eq!((ids(&tasty.live().await), searched(&tasty).await), (vec![kept], vec![kept]));
    assert_eq!(
        (&tasty.order(kept).await["time-in-force"], &tasty.order(over).await["status"]),
        (&json!("GTC"), &json!("Expired"))
    );
    tasty.simulator.tastytrade().show_only_todays_orders(true);
    assert_eq!((ids(&tasty.live().await), searched(&tasty).await), (vec![], vec![kept]));
    tasty.delete(kept).await;
    tasty.pass(3.seconds()).await;
    assert_eq!(
        (ids(&tasty.live().await), searched(&tasty).await),
        (vec![kept], vec![]),
        "changed today, and over"
    );
}

#[tokio::test]
async fn some_orders_are_rejected_only_at_the_exchange() {
    let tasty = Tasty::start(1).await;
    let id = tasty.post(&vertical(1, "0.97")).await;
    tasty.pass(2.seconds()).await;
    let order = tasty.order(id).await;
    assert_eq!(order["status"], "Rejected");
    assert!(
        order["reject-reason"].as_str().unwrap().contains("not a multiple of 0.05")
            && order["terminal-at"].is_string(),
        "{order}"
    );
    tasty.next(Route::PlaceOrder, &Fault::Rejected("made up".into()));
    let id = tasty.post(&vertical(1, "0.90")).await;
    tasty.pass(2.seconds()).await;
    assert_eq!(tasty.order(id).await["reject-reason"], "made up");
}

#[tokio::test]
async fn a_closing_leg_without_position_is_refused_or_made_opening() {
    let tasty = Tasty::start(1).await;
    let (status, body) = tasty.place(&closing(1, "4.90", true)).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("preflight_check_failure"))
    );
    let (status, body) = tasty.place(&closing(1, "4.90", false)).await;
    assert_eq!(
        (status, &body["data"]["order"]["legs"][0]["action"]),
        (StatusCode::CREATED, &json!("Sell to Open"))
    );
    let id = body["data"]["order"]["id"].as_u64().unwrap();
    assert!(tasty.truth(id).ticket.legs().iter().all(|leg| leg.effect == PositionEffect::Opening));
    tasty.pass(3.seconds()).await;
    assert_eq!(tasty.order(id).await["status"], "Filled");

    // Now there is something to close.
    let back = with(
        vertical(1, "0.05"),
        "/legs",
        json!([
            leg("Buy to Close", "SPXW  250904P06420000", 1),
            leg("Sell to Close", "SPXW  250904P06425000", 1)
        ]),
    );
    let id = tasty
        .post(&with(back, "/advanced-instructions", json!({ "strict-position-effect-validation": true })))
        .await;
    tasty.pass(3.seconds()).await;
    let order = tasty.order(id).await;
    assert_eq!((&order["status"], &order["legs"][0]["action"]), (&json!("Filled"), &json!("Buy to Close")));
    assert!(tasty.simulator.account_of("5WT00001").unwrap().positions().is_empty());
}

#[tokio::test]
async fn single_legs_and_four_legs_trade() {
    let tasty = Tasty::start(1).await;
    let buy = json!({ "time-in-force": "Day", "order-type": "Market", "legs": [leg("Buy to Open", "SPXW  250904P06425000", 1)] });
    let condor = json!({ "time-in-force": "GTC", "order-type": "Limit", "price": 0.5, "price-effect": "Credit", "legs": [
        leg("Buy to Open", "SPXW  250904P06400000", 2), leg("Sell to Open", "SPXW  250904P06405000", 2),
        leg("Sell to Open", "SPXW  250904C06470000", 2), leg("Buy to Open", "SPXW  250904C06475000", 2),
    ] });
    for (order, legs) in [(buy, 1), (condor, 4)] {
        let id = tasty.post(&order).await;
        tasty.pass(3.seconds()).await;
        let shown = tasty.order(id).await;
        assert_eq!(
            (&shown["status"], &shown["leg-count"], &shown["time-in-force"]),
            (&json!("Filled"), &json!(legs), &order["time-in-force"])
        );
        assert_eq!(shown.get("price").is_some(), order["order-type"] == "Limit");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_field_by_field() {
    let tasty = Tasty::start(1).await;
    let good = || vertical(2, "0.90");
    let five: Vec<Value> =
        (0..5).map(|at| leg("Buy to Open", &format!("SPXW  250904P064{at}5000"), 1)).collect();
    let twice = json!([
        leg("Buy to Open", "SPXW  250904P06420000", 1),
        leg("Buy to Open", "SPXW  250904P06420000", 1)
    ]);
    let cases = [
        (json!([]), "body"),
        (without(good(), "legs"), "legs"),
        (with(good(), "/legs", json!([])), "legs"),
        (with(good(), "/legs", five.into()), "legs"),
        (with(good(), "/legs", twice), "legs"),
        (without(good(), "price"), "price"),
        (with(good(), "/price", json!("0")), "price"),
        (with(good(), "/price", json!(-0.9)), "price"),
        (with(good(), "/price", json!("cheap")), "price"),
        (without(good(), "price-effect"), "price-effect"),
        (with(good(), "/price-effect", json!("CREDIT")), "price-effect"),
        (with(good(), "/stop-trigger", json!("1.00")), "stop-trigger"),
        (with(good(), "/order-type", json!("Market")), "price"),
        (with(good(), "/order-type", json!("NET_CREDIT")), "order-type"),
        (with(good(), "/order-type", json!("Stop Limit")), "stop-trigger"),
        (
            without(without(with(good(), "/order-type", json!("Market")), "price"), "price-effect"),
            "order-type",
        ),
        (with(good(), "/time-in-force", json!("DAY")), "time-in-force"),
        (without(good(), "time-in-force"), "time-in-force"),
        (with(good(), "/time-in-force", json!("GTD")), "gtc-date"),
        (with(good(), "/legs/0/quantity", json!(0)), "legs[0].quantity"),
        (with(good(), "/legs/0/quantity", json!(1.5)), "legs[0].quantity"),
        (with(good(), "/legs/1/action", json!("SELL_TO_OPEN")), "legs[1].action"),
        (with(good(), "/legs/1/action", json!("Sell")), "legs[1].action"),
        (with(good(), "/legs/1/symbol", json!("SPXW250904P06425000")), "legs[1].symbol"),
        (with(good(), "/legs/1/instrument-type", json!("OPTION")), "legs[1].instrument-type"),
    ];
    for (order, field) in cases {
        for path in ["/orders", "/orders/dry-run"] {
            let (status, body) = tasty.ask(Method::POST, &Tasty::account(path), &order).await;
            assert_eq!(
                (status, &body["error"]["code"]),
                (StatusCode::BAD_REQUEST, &json!("validation_error")),
                "{field}: {order} {body}"
            );
            let named = body["error"]["errors"]
                .as_array()
                .unwrap()
                .iter()
                .any(|error| error["domain"] == field && error["reason"].is_string());
            assert!(named, "{field}: {body}");
        }
    }
    assert!(
        tasty.simulator.book_of("5WT00001").unwrap().posts().is_empty(),
        "nothing that was refused is in the book"
    );
    tasty
        .post(&with(
            with(good(), "/price", json!(0.9)),
            "/behavior",
            json!("what nobody knows is passed over"),
        ))
        .await;
}

#[tokio::test]
async fn what_may_not_be_is_refused_by_a_check_with_a_name() {
    let tasty = Tasty::start(1).await;
    let good = || vertical(2, "0.90");
    let both = json!([
        leg("Buy to Open", "SPXW  250904P06420000", 1),
        leg("Sell to Open", "SPXW  250904P06420000", 1)
    ]);
    let single =
        |action: &str| with(vertical(1, "1.00"), "/legs", json!([leg(action, "SPXW  250904P06425000", 1)]));
    let market = without(
        without(with(single("Buy to Open"), "/order-type", json!("Market")), "price"),
        "price-effect",
    );
    let cases = [
        (with(good(), "/legs/0/symbol", json!("SPXW  250904P06421000")), "instrument_validation_failed"),
        (with(good(), "/legs/0/symbol", json!("SPX   250919P06420000")), "instrument_validation_failed"),
        (with(good(), "/legs/0/instrument-type", json!("Equity")), "instrument_validation_failed"),
        (with(good(), "/time-in-force", json!("Ext")), "instrument_validation_failed"),
        (with(good(), "/legs", both), "illegal_buy_and_sell_on_same_symbol"),
        (single("Buy to Open"), "cant_buy_for_credit"),
        (single("Sell to Open"), "margin_check_failed"),
        (with(market, "/time-in-force", json!("GTC")), "gtc_market_orders_not_supported"),
        (vertical(500, "0.90"), "margin_check_failed"),
    ];
    for (order, code) in cases {
        for path in ["/orders", "/orders/dry-run"] {
            let (status, body) = tasty.ask(Method::POST, &Tasty::account(path), &order).await;
            assert_eq!(
                (status, &body["error"]["code"]),
                (StatusCode::UNPROCESSABLE_ENTITY, &json!("preflight_check_failure")),
                "{code}: {order} {body}"
            );
            let inner = &body["error"]["errors"][0];
            assert_eq!(
                (&inner["code"], inner["preflight-id"].is_string()),
                (&json!(code), true),
                "{order} {body}"
            );
        }
    }
    assert!(tasty.simulator.book_of("5WT00001").unwrap().posts().is_empty());
    assert_eq!(tasty.ask(Method::POST, &Tasty::account("/complex-orders"), &json!({})).await.0, 422);
}
