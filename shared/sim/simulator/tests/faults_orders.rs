//! Faults about orders: what the client is told, and what the broker really did.

use std::time::Duration;

use crate::session::{Session, json_of, vertical};
use gamma_market::{Effect, Price};
use gamma_simulator::exchange::{OrderState, Pricing};
use gamma_simulator::faults::{Fault, Route, Rule};
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// An order at a limit nobody would take.
async fn resting(session: &Session, quantity: u32) -> u64 {
    let id = session.post(&vertical(quantity, "4.00")).await;
    session.pass(2.seconds()).await;
    assert_eq!(session.order(id).await["status"], "WORKING");
    id
}

async fn list(session: &Session) -> Vec<Value> {
    let path = session
        .account("/orders?fromEnteredTime=2025-09-03T20:00:00.000Z&toEnteredTime=2025-09-03T21:00:00.000Z");
    session.read(&path).await.as_array().unwrap().clone()
}

fn filled(session: &Session, id: u64) -> (u32, OrderState) {
    let book = session.simulator.book();
    let order = book.order(id).unwrap();
    (order.filled(), order.state.clone())
}

#[tokio::test]
async fn an_accepted_order_is_named_wrongly_or_not_at_all() {
    for (fault, location) in
        [(Fault::NoLocation, None), (Fault::Location("/orders/77".into()), Some("/orders/77"))]
    {
        let session = Session::start(1).await;
        session.next(Route::PlaceOrder, &fault);
        let response =
            session.send(Method::POST, &session.account("/orders"), Some(&vertical(1, "4.00"))).await;
        assert_eq!(
            (response.status(), response.headers().get("location").map(|value| value.to_str().unwrap())),
            (StatusCode::CREATED, location)
        );
        assert_eq!((session.simulator.book().posts().len(), session.fired()), (1, vec![fault]));
    }
}

#[tokio::test]
async fn an_order_is_declined_in_the_brokers_words_and_none_exists() {
    let session = Session::start(1).await;
    session.next(Route::PlaceOrder, &Fault::Declined("No such trade today.".into()));
    let (status, body) =
        json_of(session.send(Method::POST, &session.account("/orders"), Some(&vertical(1, "4.00"))).await)
            .await;
    assert_eq!((status, &body["errors"]), (StatusCode::BAD_REQUEST, &json!(["No such trade today."])));
    assert!(session.simulator.book().posts().is_empty());
}

#[tokio::test]
async fn a_hidden_order_works_and_shows_up_later() {
    let session = Session::start(1).await;
    session.next(Route::PlaceOrder, &Fault::HiddenFor(Duration::from_secs(3)));
    let id = session.post(&vertical(1, "0.05")).await;
    session.pass(2999.milliseconds()).await;
    assert_eq!(session.get(&session.account(&format!("/orders/{id}"))).await.0, 404);
    assert!(list(&session).await.is_empty());
    assert_eq!(filled(&session, id), (1, OrderState::Filled), "the market does not wait for it to be seen");
    session.pass(1.milliseconds()).await;
    assert_eq!((&session.order(id).await["status"], list(&session).await.len()), (&json!("FILLED"), 1));
}

#[tokio::test]
async fn stale_reads_show_an_order_as_it_was() {
    let session = Session::start(1).await;
    let id = session.post(&vertical(1, "0.05")).await;
    session.pass(3.seconds()).await;
    session.delete(id).await;
    for (age, expected) in [(4, None), (3, Some(("PENDING", 0.0))), (0, Some(("FILLED", 1.0)))] {
        let stale = Fault::StaleOrders(Duration::from_secs(age));
        session.next(Route::ReadOrder, &stale);
        session.next(Route::ListOrders, &stale);
        let (status, order) = session.get(&session.account(&format!("/orders/{id}"))).await;
        let listed = list(&session).await;
        match expected {
            None => assert_eq!((status, listed.len()), (StatusCode::NOT_FOUND, 0)),
            Some((word, quantity)) => {
                let shown = order["status"].as_str().unwrap();
                assert!(
                    shown.starts_with(word) || (word == "PENDING" && ["QUEUED", "ACCEPTED"].contains(&shown)),
                    "{age} s ago: {order}"
                );
                assert_eq!(
                    (&order["filledQuantity"], order.get("closeTime").is_some()),
                    (&json!(quantity), word == "FILLED")
                );
                assert_eq!(listed, [order]);
            }
        }
    }
    assert_eq!(session.fired().len(), 6);
    assert_eq!(filled(&session, id), (1, OrderState::Filled));
}

#[tokio::test]
async fn a_status_nobody_knows_is_shown_of_an_order_that_lives_on() {
    let session = Session::start(1).await;
    let id = resting(&session, 1).await;
    session.next(Route::ReadOrder, &Fault::StatusShown("AWAITING_NEWS".into()));
    assert_eq!(session.order(id).await["status"], "AWAITING_NEWS");
    assert_eq!(session.order(id).await["status"], "WORKING");
}

#[tokio::test]
async fn forced_fills_are_at_the_limit_and_reach_the_account() {
    let session = Session::start(1).await;
    for (route, order_first) in [
        (Route::ReadOrder, true),
        (Route::ListOrders, true),
        (Route::CancelOrder, true),
        (Route::PlaceOrder, false),
    ] {
        let fault = Fault::PartFill(2);
        let before = session.simulator.account().transactions().len();
        let id = if order_first { Some(resting(&session, 3).await) } else { None };
        session.next(route.clone(), &fault);
        let id = match (id, &route) {
            (None, _) => session.post(&vertical(3, "4.00")).await,
            (Some(id), Route::CancelOrder) => {
                assert_eq!(session.delete(id).await.status(), 200);
                id
            }
            (Some(id), _) => id,
        };
        list(&session).await;
        let order = session.order(id).await;
        assert_eq!(
            (&order["filledQuantity"], &order["remainingQuantity"]),
            (&json!(2.0), &json!(1.0)),
            "{route:?}"
        );
        let legs = &order["orderActivityCollection"][0]["executionLegs"];
        let net = legs[1]["price"].as_f64().unwrap() - legs[0]["price"].as_f64().unwrap();
        assert!((net - 4.0).abs() < 1e-9 && legs[0]["price"].as_f64().unwrap() >= 0.0, "{legs}");
        assert_eq!(session.simulator.account().transactions().len(), before + 2);
        session.delete(id).await;
        session.pass(2.seconds()).await;
        assert_eq!(filled(&session, id), (2, OrderState::Canceled));
    }
    session.next(Route::ReadOrder, &Fault::PartFill(1));
    let over = session.simulator.book().posts()[0].id;
    session.order(over).await;
    assert_eq!(session.fired(), vec![Fault::PartFill(2); 4], "an order that is over cannot fill");
}

#[tokio::test]
async fn a_cancel_loses_against_a_fill() {
    for (fault, status, packages, end) in [
        (Fault::FilledFirst, 400, 3, OrderState::Filled),
        (Fault::FillsDuringCancel(u32::MAX), 200, 3, OrderState::Filled),
        (Fault::FillsDuringCancel(1), 200, 1, OrderState::Canceled),
    ] {
        let session = Session::start(1).await;
        let id = resting(&session, 3).await;
        session.next(Route::CancelOrder, &fault);
        let response = session.delete(id).await;
        assert_eq!(response.status(), status, "{fault:?}");
        if status == 400 {
            let (_, body) = json_of(response).await;
            assert!(body["errors"][0].as_str().unwrap().contains("FILLED"), "{body}");
        } else {
            assert_eq!(
                filled(&session, id),
                (0, OrderState::PendingCancel),
                "not before the cancel was accepted"
            );
        }
        session.pass(2.seconds()).await;
        assert_eq!(filled(&session, id), (packages, end), "{fault:?}");
        assert_eq!((session.fired(), session.delete(id).await.status().as_u16()), (vec![fault], 400));
    }
}

#[tokio::test]
async fn only_the_order_placed_next_is_rejected_later() {
    let session = Session::start(1).await;
    session
        .simulator
        .faults()
        .add(Rule::on(Route::PlaceOrder).after(1).fault(Fault::Rejected("made up".into())));
    let (first, second) =
        (session.post(&vertical(1, "4.00")).await, session.post(&vertical(1, "4.00")).await);
    session.pass(2.seconds()).await;
    let (first, second) = (session.order(first).await, session.order(second).await);
    assert_eq!(
        (&first["status"], &second["status"], &second["statusDescription"]),
        (&json!("WORKING"), &json!("REJECTED"), &json!("made up"))
    );
}

#[tokio::test]
async fn an_order_replaced_at_the_broker_leaves_another_one_alive() {
    for route in [Route::ReadOrder, Route::PlaceOrder] {
        let session = Session::start(1).await;
        session.next(route.clone(), &Fault::ReplacedElsewhere(Price::cents(395)));
        let id = session.post(&vertical(2, "4.00")).await;
        assert_eq!(session.order(id).await["status"], "REPLACED", "{route:?}");
        session.pass(2.seconds()).await;
        let orders = list(&session).await;
        let statuses: Vec<_> = orders
            .iter()
            .map(|order| (order["status"].as_str().unwrap(), order["price"].as_f64().unwrap()))
            .collect();
        assert_eq!(statuses, [("WORKING", 3.95), ("REPLACED", 4.0)]);
        assert!(
            orders[0].get("tag").is_none() && orders[1].get("tag").is_some(),
            "our app did not place the new one"
        );
        let book = session.simulator.book();
        let new = &book.posts()[1];
        assert_eq!(
            (new.replaces, new.ticket.pricing()),
            (Some(id), Pricing::Limit { effect: Effect::Credit, price: Price::cents(395) })
        );
    }
}
