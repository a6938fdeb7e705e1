//! Faults over tastytrade's wire: what the client is told, and what the broker really did.

use std::time::Duration;

use crate::tasty::{Tasty, vertical};
use gamma_market::Price;
use gamma_simulator::exchange::OrderState;
use gamma_simulator::faults::{Fault, FaultPlan, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::SimulatorConfig;
use jiff::ToSpan;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn an_accepted_order_is_named_wrongly_or_not_at_all() {
    for (fault, id) in [(Fault::NoLocation, None), (Fault::Location("none".into()), Some(json!("none")))] {
        let tasty = Tasty::start(1).await;
        tasty.next(Route::PlaceOrder, &fault);
        let (status, body) = tasty.place(&vertical(1, "4.00")).await;
        assert_eq!((status, body["data"]["order"].get("id")), (StatusCode::CREATED, id.as_ref()), "{body}");
        assert_eq!(body["data"]["order"]["external-identifier"], "a7f3c2d0-0000-4000-8000-0000000000aa");
        assert_eq!(
            (tasty.simulator.book_of("5WT00001").unwrap().posts().len(), tasty.fired()),
            (1, vec![fault])
        );
    }
    let tasty = Tasty::start(1).await;
    let old = tasty.resting(1).await;
    tasty.next(Route::ReplaceOrder, &Fault::NoLocation);
    let (status, body) = tasty.replace(old, &vertical(1, "3.95")).await;
    assert_eq!(
        (status, body["data"].get("id"), &body["data"]["replaces-order-id"]),
        (StatusCode::OK, None, &json!(old))
    );
}

#[tokio::test]
async fn an_order_is_declined_in_the_brokers_words_and_none_exists() {
    let tasty = Tasty::start(1).await;
    tasty.next(Route::PlaceOrder, &Fault::Declined("No such trade today.".into()));
    let (status, body) = tasty.place(&vertical(1, "4.00")).await;
    assert_eq!(
        (status, &body["error"]["errors"][0]["message"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("No such trade today.")),
        "{body}"
    );
    assert!(tasty.simulator.book_of("5WT00001").unwrap().posts().is_empty());
    tasty.post(&vertical(1, "4.00")).await;
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_hidden_and_shows_up_later() {
    let tasty = Tasty::start(1).await;
    tasty.next(Route::PlaceOrder, &Fault::HiddenFor(Duration::from_secs(3)));
    tasty.next(Route::PlaceOrder, &Fault::ServerError(502, When::AfterEffect));
    let response =
        tasty.send(reqwest::Method::POST, &Tasty::account("/orders"), Some(&vertical(1, "0.05"))).await;
    assert_eq!(
        (response.status(), response.text().await.unwrap().contains("502 Bad Gateway")),
        (StatusCode::BAD_GATEWAY, true)
    );
    let id = tasty.simulator.book_of("5WT00001").unwrap().posts()[0].id;
    tasty.pass(2999.milliseconds()).await;
    assert_eq!(tasty.get(&Tasty::account(&format!("/orders/{id}"))).await.0, 404);
    assert!(tasty.live().await.is_empty());
    assert_eq!(tasty.filled(id), (1, OrderState::Filled), "the market does not wait for it to be seen");
    tasty.pass(1.milliseconds()).await;
    assert_eq!((&tasty.order(id).await["status"], tasty.live().await.len()), (&json!("Filled"), 1));
}

#[tokio::test]
async fn stale_reads_show_an_order_as_it_was() {
    let tasty = Tasty::start(1).await;
    let id = tasty.post(&vertical(1, "0.05")).await;
    tasty.pass(3.seconds()).await;
    for (age, expected) in [(4, None), (3, Some("Received")), (0, Some("Filled"))] {
        let stale = Fault::StaleOrders(Duration::from_secs(age));
        tasty.next(Route::ReadOrder, &stale);
        tasty.next(Route::ListOrders, &stale);
        let (status, body) = tasty.get(&Tasty::account(&format!("/orders/{id}"))).await;
        let live = tasty.live().await;
        match expected {
            None => assert_eq!((status, live.len()), (StatusCode::NOT_FOUND, 0)),
            Some(word) => {
                let order = &body["data"];
                assert_eq!(
                    (&order["status"], order.get("terminal-at").is_some()),
                    (&json!(word), word == "Filled")
                );
                assert_eq!(order["legs"][0]["remaining-quantity"], if word == "Filled" { 0 } else { 1 });
                assert_eq!(&live[0], order);
            }
        }
    }
    assert_eq!(tasty.fired().len(), 6);
}

#[tokio::test]
async fn a_status_is_shown_before_its_fills_and_fills_are_told_twice() {
    let tasty = Tasty::start(1).await;
    let id = tasty.post(&vertical(1, "0.05")).await;
    let late = Rule::on(Route::ReadOrder).always().fault(Fault::FillsLate(Duration::from_secs(2)));
    tasty.simulator.faults().add(late);
    let fills = |order: &Value| {
        order["legs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|leg| leg["fills"].as_array().unwrap().len())
            .collect::<Vec<_>>()
    };
    let mut bare = 0;
    for _ in 0..40 {
        let order = tasty.order(id).await;
        if order["status"] == "Filled" && fills(&order) == [0, 0] {
            bare += 1;
            assert_eq!(order["legs"][0]["remaining-quantity"], 0);
        }
        tasty.pass(100.milliseconds()).await;
    }
    assert_eq!((bare, fills(&tasty.order(id).await)), (20, vec![1, 1]), "two seconds, then they are there");
    tasty.simulator.faults().clear();
    tasty.next(Route::ListOrders, &Fault::FillsTwice);
    let order = tasty.live().await[0].clone();
    assert_eq!((fills(&order), &order["legs"][0]["fills"][0]), (vec![2, 2], &order["legs"][0]["fills"][1]));
    tasty.next(Route::ReadOrder, &Fault::StatusShown("Canceled".into()));
    assert_eq!(tasty.order(id).await["status"], "Canceled");
    assert_eq!(tasty.order(id).await["status"], "Filled");
}

#[tokio::test]
async fn positions_lag_behind_the_fills() {
    let tasty = Tasty::start(1).await;
    tasty.post(&vertical(1, "0.05")).await;
    tasty.pass(5.seconds()).await;
    let count = async || tasty.read(&Tasty::account("/positions")).await["items"].as_array().unwrap().len();
    tasty.next(Route::Positions, &Fault::LaggingPositions(Duration::from_secs(10)));
    assert_eq!((count().await, count().await), (0, 2));
    tasty.next(Route::Account, &Fault::Equity(None));
    assert!(tasty.read(&Tasty::account("/balances")).await.get("net-liquidating-value").is_none());
}

#[tokio::test]
async fn a_cancel_or_a_replace_loses_against_a_fill() {
    for (fault, status, packages, end) in [
        (Fault::FilledFirst, 422, 3, OrderState::Filled),
        (Fault::FillsDuringCancel(u32::MAX), 200, 3, OrderState::Filled),
        (Fault::FillsDuringCancel(1), 200, 1, OrderState::Canceled),
    ] {
        for replaces in [false, true] {
            let tasty = Tasty::start(1).await;
            let id = tasty.resting(3).await;
            tasty.next(if replaces { Route::ReplaceOrder } else { Route::CancelOrder }, &fault);
            let (came, body) =
                if replaces { tasty.replace(id, &vertical(3, "3.95")).await } else { tasty.delete(id).await };
            assert_eq!(came, status, "{fault:?}: {body}");
            assert_eq!(body["error"]["code"] == "cannot_update_order", status == 422);
            tasty.pass(3.seconds()).await;
            let end =
                if replaces && end == OrderState::Canceled { OrderState::Replaced } else { end.clone() };
            assert_eq!(
                (tasty.filled(id), tasty.fired()),
                ((packages, end), vec![fault.clone()]),
                "replaces: {replaces}"
            );
            assert_eq!(tasty.order(id).await["status"], if packages == 3 { "Filled" } else { "Cancelled" });
        }
    }
}

#[tokio::test]
async fn packages_fill_when_forced_and_others_can_replace_ours() {
    let tasty = Tasty::start(1).await;
    tasty.next(Route::PlaceOrder, &Fault::PartFill(2));
    let id = tasty.post(&vertical(3, "4.00")).await;
    let order = tasty.order(id).await;
    assert_eq!((&order["status"], &order["legs"][1]["remaining-quantity"]), (&json!("Live"), &json!(1)));
    tasty.next(Route::ListOrders, &Fault::ReplacedElsewhere(Price::cents(395)));
    let live = tasty.live().await;
    assert_eq!(
        (live.len(), &live[0]["price"], &live[0]["replaces-order-id"], &live[1]["status"]),
        (2, &json!("3.95"), &json!(id), &json!("Cancelled"))
    );
    assert!(live[0].get("external-identifier").is_none(), "whoever did that knows nothing of our words");
}

#[tokio::test]
async fn a_seeded_plan_strikes_this_face_too() {
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    config.faults = FaultPlan::seeded(3, 500);
    config.faults.add(Rule::on(Route::Chain).at(Service::Tastytrade).fault(Fault::EdgePage));
    let tasty = Tasty::with(config).await;
    for _ in 0..20 {
        let http = reqwest::Client::builder()
            .user_agent("test/1.0")
            .timeout(Duration::from_millis(500))
            .build()
            .unwrap();
        let url = format!("{}{}", tasty.simulator.tastytrade_url(), Tasty::account("/orders/live"));
        let _ = http.get(url).bearer_auth(&tasty.token).send().await;
        tasty.pass(4.seconds()).await;
    }
    let fired = tasty.simulator.faults().fired();
    assert!(fired.iter().filter(|fired| fired.service == Service::Tastytrade).count() >= 4, "{fired:?}");
}
