//! Answers of tastytrade's that are not true: another order's id, odd quotes, rows of others, lists and
//! counts that follow late.

use std::time::Duration;

use crate::tasty::{ACCOUNT, Tasty, vertical};
use gamma_market::{Effect, LegAction, OptionSymbol, Price};
use gamma_simulator::exchange::{OrderState, PositionEffect, Pricing, Ticket, TicketLeg, TimeInForce};
use gamma_simulator::faults::{Another, Empty, Fault, Odd, Route, Rule};
use gamma_simulator::requests::Service;
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PUT: &str = "SPXW  250904P06425000";

fn good_till_cancel() -> Ticket {
    let leg = |text: &str, action| TicketLeg {
        symbol: text.parse().unwrap(),
        action,
        effect: PositionEffect::Opening,
        ratio: 1,
    };
    let legs = vec![leg("SPXW  250904P06420000", LegAction::Buy), leg(PUT, LegAction::Sell)];
    Ticket::new(
        legs,
        3,
        Pricing::Limit { effect: Effect::Credit, price: Price::cents(450) },
        TimeInForce::GoodTillCancel,
    )
    .unwrap()
}

fn ids(rows: &Value) -> Vec<u64> {
    rows["items"].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_may_name_another_order_or_one_that_was_never_made() {
    let tasty = Tasty::start(1).await;
    let first = tasty.resting(1).await;
    for (another, named) in [(Another::Before, first), (Another::Id(7), 7)] {
        tasty.next(Route::PlaceOrder, &Fault::NamesAnother(another));
        let (status, body) = tasty.place(&vertical(2, "4.05")).await;
        let order = &body["data"]["order"];
        assert_eq!(
            (status, &order["id"], &order["size"]),
            (StatusCode::CREATED, &json!(named), &json!(2)),
            "{body}"
        );
    }
    let posts = |tasty: &Tasty| tasty.simulator.book_of(ACCOUNT).unwrap().posts().len();
    assert_eq!(posts(&tasty), 3, "each was made");
    tasty.next(Route::PlaceOrder, &Fault::NotMade);
    let nobodys = tasty.post(&vertical(1, "4.10")).await;
    assert_eq!(
        (posts(&tasty), tasty.get(&Tasty::account(&format!("/orders/{nobodys}"))).await.0.as_u16()),
        (3, 404)
    );
    assert_ne!(tasty.post(&vertical(1, "4.15")).await, nobodys);
    assert_eq!(tasty.fired().len(), 3);
}

#[tokio::test]
async fn an_outage_answers_401_404_or_success_with_nothing_in_it() {
    let tasty = Tasty::start(1).await;
    let paths = [
        Tasty::account("/balances"),
        Tasty::account("/orders/live"),
        Tasty::account("/orders/1"),
        "/market-data/by-type?index=SPX".to_owned(),
    ];
    for (fault, status, body) in [
        (Fault::Unauthorized, 401, "token_invalid"),
        (Fault::EdgePage, 403, "<HTML>"),
        (Fault::NotFound { by_the_api: true }, 404, "record_not_found"),
        (Fault::NotFound { by_the_api: false }, 404, "<html>"),
        (Fault::Empty(Empty::Body), 200, ""),
        (Fault::Empty(Empty::List), 200, "\"items\":[]"),
        (Fault::Empty(Empty::Object), 200, "{}"),
        (Fault::Empty(Empty::Page), 200, "<HTML>"),
    ] {
        let (from, until) = (tasty.now(), tasty.now() + 2.seconds());
        tasty.simulator.faults().add(
            Rule::on(Route::AnyOf(Service::Tastytrade)).from(from).until(until).always().fault(fault.clone()),
        );
        for path in &paths {
            let response = tasty.send(Method::GET, path, None).await;
            assert_eq!(response.status(), status, "{fault:?}");
            let text = response.text().await.unwrap();
            assert!(text.contains(body) && text.is_empty() == body.is_empty(), "{fault:?}: {text}");
        }
        tasty.pass(2.seconds()).await;
        assert_eq!(tasty.get(&paths[0]).await.0, 200, "{fault:?} is over");
    }
}

#[tokio::test]
async fn an_earlier_days_order_is_in_both_lists_or_the_search_alone() {
    let tasty = Tasty::start(1).await;
    let entered = tasty.now() - 44.hours();
    let old = tasty
        .simulator
        .with_exchange(ACCOUNT, |exchange| exchange.entered_earlier(good_till_cancel(), entered))
        .unwrap();
    let today = tasty.resting(1).await;
    let search = Tasty::account("/orders?start-at=2024-09-04T14:00:00Z&status[]=Received&status[]=Live");
    assert_eq!(
        (ids(&json!({"items": tasty.live().await})), ids(&tasty.read(&search).await)),
        (vec![today, old], vec![today, old])
    );
    tasty.simulator.tastytrade().show_only_todays_orders(true);
    assert_eq!(
        (ids(&json!({"items": tasty.live().await})), ids(&tasty.read(&search).await)),
        (vec![today], vec![today, old])
    );
    let order = tasty.order(old).await;
    assert_eq!(
        (&order["status"], &order["time-in-force"], &order["size"]),
        (&json!("Live"), &json!("GTC"), &json!(3))
    );
    assert!(order["received-at"].as_str().unwrap().starts_with("2025-09-02"), "{order}");

    // The user edits it: the old one says Cancelled, and each names the other, where the broker links them.
    let new = tasty
        .simulator
        .with_exchange(ACCOUNT, |exchange| exchange.replace_elsewhere(old, Price::cents(460)).unwrap())
        .unwrap();
    tasty.pass(2.seconds()).await;
    let links = async |tasty: &Tasty| {
        let (old, new) = (tasty.order(old).await, tasty.order(new).await);
        (old["status"].clone(), old.get("replacing-order-id").cloned(), new.get("replaces-order-id").cloned())
    };
    assert_eq!(links(&tasty).await, (json!("Cancelled"), Some(json!(new)), Some(json!(old))));
    tasty.simulator.faults().add(Rule::on(Route::ReadOrder).always().fault(Fault::Unlinked));
    assert_eq!(links(&tasty).await, (json!("Cancelled"), None, None));
}

#[tokio::test]
async fn cancelled_may_be_shown_before_the_last_fill_is_counted() {
    let tasty = Tasty::start(1).await;
    let id = tasty.resting(3).await;
    tasty.next(Route::CancelOrder, &Fault::FillsDuringCancel(2));
    for fault in [Fault::FillsLate(Duration::from_secs(5)), Fault::NothingRemains] {
        tasty.simulator.faults().add(Rule::on(Route::ReadOrder).always().fault(fault));
    }
    tasty.delete(id).await;
    tasty.pass(2.seconds()).await;
    let shown = |order: Value| {
        (
            order["status"].clone(),
            order["legs"][0]["remaining-quantity"].clone(),
            order["legs"][0]["fills"].as_array().unwrap().len(),
        )
    };
    assert_eq!(
        (tasty.filled(id), shown(tasty.order(id).await)),
        ((2, OrderState::Canceled), (json!("Cancelled"), json!(0), 0))
    );
    tasty.pass(5.seconds()).await;
    assert_eq!(shown(tasty.order(id).await), (json!("Cancelled"), json!(0), 1), "the count follows");
}

#[tokio::test]
async fn quotes_are_odd_in_every_way_of_this_wire() {
    let tasty = Tasty::start(1).await;
    let symbol: OptionSymbol = PUT.parse().unwrap();
    let ask = async |tasty: &Tasty| {
        tasty
            .read(&format!(
                "/market-data/by-type?equity-option={},SPXW%20%20250904P06420000",
                PUT.replace(' ', "%20")
            ))
            .await
    };
    let plain = ask(&tasty).await["items"][0].clone();
    for (odd, expected) in [
        (Odd::NoBid, json!({"bid": null, "ask": plain["ask"]})),
        (Odd::NoAsk, json!({"bid": plain["bid"], "ask": null})),
        (Odd::Wide, json!({"bid": "0.05", "ask": "14.6"})),
        (
            Odd::Old(Duration::from_secs(300)),
            json!({"updated-at": "2025-09-03T20:07:00.000Z", "bid": plain["bid"]}),
        ),
        (Odd::Delayed, json!({"updated-at": "2025-09-03T19:57:00.000Z"})),
        (Odd::Halted, json!({"is-trading-halted": true, "halt-end-time": -1, "bid": plain["bid"]})),
    ] {
        tasty.next(Route::Quotes, &Fault::OddQuote(Some(symbol), odd));
        let items = ask(&tasty).await;
        assert_eq!(items["items"].as_array().unwrap().len(), 2, "{odd:?}");
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(items["items"][0].get(key).unwrap_or(&Value::Null), value, "{odd:?}: {key}");
        }
        assert_eq!(
            (&items["items"][1]["is-trading-halted"], items["items"][1].get("bid").is_some()),
            (&json!(false), true),
            "{odd:?}: the other leg is as it was"
        );
    }
    tasty.next(Route::Quotes, &Fault::OddQuote(Some(symbol), Odd::Crossed));
    let crossed = ask(&tasty).await["items"][0].clone();
    let price = |value: &Value| value.as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap();
    assert!(price(&crossed["bid"]) > price(&crossed["ask"]), "{crossed}");
    tasty.next(Route::Quotes, &Fault::OddQuote(None, Odd::Missing));
    assert_eq!(ask(&tasty).await["items"], json!([]));
    assert_eq!(ask(&tasty).await["items"][0], plain);
}

#[tokio::test]
async fn rows_of_others_stand_in_the_lists_as_they_are() {
    let tasty = Tasty::start(1).await;
    let ours = tasty.resting(1).await;
    let (odd, held) =
        (json!({"id": 7, "status": null, "legs": []}), json!({"symbol": "2SPX  250904P06420000"}));
    tasty.simulator.faults().add(Rule::on(Route::ListOrders).always().fault(Fault::ForeignRow(odd.clone())));
    tasty.simulator.faults().add(Rule::on(Route::Positions).always().fault(Fault::ForeignRow(held.clone())));
    let live = tasty.live().await;
    assert_eq!((live.len(), &live[0]["id"], &live[1]), (2, &json!(ours), &odd));
    assert_eq!(tasty.read(&Tasty::account("/orders?start-date=2025-09-03")).await["items"][1], odd);
    assert_eq!(
        ids(&tasty.read(&Tasty::account("/orders?status[]=Live")).await),
        [ours],
        "it has no such status"
    );
    assert_eq!(tasty.read(&Tasty::account("/positions")).await["items"], json!([held]));
}
