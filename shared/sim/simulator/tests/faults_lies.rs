//! Answers that are not true: orders that are not the one asked about, empty successes, odd quotes, rows of
//! others, what a user does.

use std::time::Duration;

use crate::session::{Session, id_of, vertical};
use gamma_market::{Effect, LegAction, Price};
use gamma_simulator::exchange::{OrderState, PositionEffect, Pricing, Ticket, TicketLeg, TimeInForce};
use gamma_simulator::faults::{Another, Empty, Fault, Odd, Route, Rule};
use gamma_simulator::requests::Service;
use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};

const ACCOUNT: &str = "12345678";
const PUT: &str = "SPXW  250904P06425000";

async fn list(session: &Session, query: &str) -> Vec<Value> {
    let from = "2025-08-01T00:00:00.000Z";
    let path = session
        .account(&format!("/orders?fromEnteredTime={from}&toEnteredTime=2025-09-03T23:00:00.000Z{query}"));
    session.read(&path).await.as_array().unwrap().clone()
}

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

#[tokio::test]
async fn a_location_may_name_another_order_or_one_that_was_never_made() {
    let session = Session::start(1).await;
    let first = session.post(&vertical(1, "4.00")).await;
    session.next(Route::PlaceOrder, &Fault::NamesAnother(Another::Before));
    assert_eq!(session.post(&vertical(1, "4.05")).await, first);
    session.next(Route::PlaceOrder, &Fault::NamesAnother(Another::Id(7)));
    assert_eq!(session.post(&vertical(1, "4.10")).await, 7);
    assert_eq!(session.simulator.book().posts().len(), 3, "each was made");
    session.next(Route::PlaceOrder, &Fault::NotMade);
    let nobodys = session.post(&vertical(1, "4.15")).await;
    assert_eq!(
        (
            session.simulator.book().posts().len(),
            session.get(&session.account(&format!("/orders/{nobodys}"))).await.0.as_u16()
        ),
        (3, 404)
    );
    let next = session.post(&vertical(1, "4.20")).await;
    assert!(next != nobodys && session.order(next).await["price"] == 4.2, "its id stays nobody's");
    assert_eq!(session.fired().len(), 3);
}

#[tokio::test]
async fn a_span_of_time_answers_401_though_the_token_is_good() {
    let session = Session::start(1).await;
    let (from, until) = (session.now() + 1.seconds(), session.now() + 3.seconds());
    session.simulator.faults().add(
        Rule::on(Route::AnyOf(Service::Schwab)).from(from).until(until).always().fault(Fault::Unauthorized),
    );
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(session.get("/trader/v1/accounts").await.0.as_u16());
        session.pass(1.seconds()).await;
    }
    assert_eq!(seen, [200, 401, 401, 200]);
}

#[tokio::test]
async fn an_outage_answers_404_or_success_with_nothing_in_it() {
    let session = Session::start(1).await;
    for (fault, status, body) in [
        (Fault::NotFound { by_the_api: true }, 404, "\"message\""),
        (Fault::NotFound { by_the_api: false }, 404, "404 Not Found: Requested route"),
        (Fault::Empty(Empty::Body), 200, ""),
        (Fault::Empty(Empty::List), 200, "[]"),
        (Fault::Empty(Empty::Object), 200, "{}"),
        (Fault::Empty(Empty::Page), 200, "<HTML>"),
    ] {
        for path in [
            "/trader/v1/accounts".to_owned(),
            "/marketdata/v1/quotes?symbols=$SPX".to_owned(),
            session.account("/orders/1"),
        ] {
            session.next(Route::AnyOf(Service::Schwab), &fault);
            let response = session.send(Method::GET, &path, None).await;
            assert_eq!(response.status(), status, "{fault:?}");
            let text = response.text().await.unwrap();
            assert!(text.contains(body) && text.is_empty() == body.is_empty(), "{fault:?}: {text}");
        }
    }
}

#[tokio::test]
async fn a_list_may_be_stale_beside_a_current_order_or_the_reverse() {
    let session = Session::start(1).await;
    let id = session.post(&vertical(1, "4.00")).await;
    session.pass(2.seconds()).await;
    session.delete(id).await;
    session.pass(2.seconds()).await;
    let stale = Fault::StaleOrders(Duration::from_secs(3));
    session.next(Route::ListOrders, &stale);
    assert_eq!(
        (&list(&session, "").await[0]["status"], &session.order(id).await["status"]),
        (&json!("WORKING"), &json!("CANCELED"))
    );
    session.next(Route::ReadOrder, &stale);
    assert_eq!(
        (&session.order(id).await["status"], &list(&session, "").await[0]["status"]),
        (&json!("WORKING"), &json!("CANCELED"))
    );
    session.next(Route::ListOrders, &Fault::StaleOrders(Duration::from_secs(200)));
    assert_eq!(list(&session, "").await, Vec::<Value>::new(), "the newest are not there yet");
}

#[tokio::test]
async fn canceled_may_be_shown_before_the_last_fill_is_counted() {
    let session = Session::start(1).await;
    let id = session.post(&vertical(3, "4.00")).await;
    session.pass(2.seconds()).await;
    session.next(Route::CancelOrder, &Fault::FillsDuringCancel(2));
    session
        .simulator
        .faults()
        .add(Rule::on(Route::ReadOrder).always().fault(Fault::FillsLate(Duration::from_secs(5))));
    session.delete(id).await;
    session.pass(2.seconds()).await;
    let shown = |order: Value| (order["status"].clone(), order["filledQuantity"].clone());
    assert_eq!(shown(session.order(id).await), (json!("CANCELED"), json!(0.0)));
    session.pass(5.seconds()).await;
    assert_eq!(shown(session.order(id).await), (json!("CANCELED"), json!(2.0)), "the count follows");
}

#[tokio::test]
async fn an_order_of_an_earlier_day_works_and_its_edit_is_linked() {
    let session = Session::start(1).await;
    let entered = session.now() - 20.hours();
    let id = session
        .simulator
        .with_exchange(ACCOUNT, |exchange| exchange.entered_earlier(good_till_cancel(), entered))
        .unwrap();
    let order = session.order(id).await;
    assert_eq!(
        (&order["status"], &order["duration"], &order["enteredTime"]),
        (&json!("WORKING"), &json!("GOOD_TILL_CANCEL"), &json!("2025-09-03T00:12:00+0000"))
    );
    assert_eq!(
        (list(&session, "&status=WORKING").await.len(), list(&session, "&status=QUEUED").await.len()),
        (1, 0)
    );

    let new = session
        .simulator
        .with_exchange(ACCOUNT, |exchange| exchange.replace_elsewhere(id, Price::cents(460)))
        .unwrap()
        .unwrap();
    session.pass(2.seconds()).await;
    assert_eq!(
        (
            &session.order(id).await["status"],
            &session.order(new).await["replacingOrderCollection"][0]["orderId"]
        ),
        (&json!("REPLACED"), &json!(id))
    );
    session.next(Route::ReadOrder, &Fault::ReplacedAsCanceled);
    assert_eq!(session.order(id).await["status"], "CANCELED", "as one capture has it");
    session.next(Route::ReadOrder, &Fault::Unlinked);
    assert!(session.order(new).await.get("replacingOrderCollection").is_none());
    assert_eq!(session.simulator.book_of(ACCOUNT).unwrap().order(new).unwrap().state, OrderState::Working);
    let filled = session.simulator.with_exchange(ACCOUNT, |exchange| exchange.fill_now(new, 3));
    assert_eq!(
        (filled, session.order(new).await["filledQuantity"].clone()),
        (Some(3), json!(3.0)),
        "a user's order fills"
    );
    assert!(session.simulator.with_exchange("nobody", |_| ()).is_none());
}

#[tokio::test]
async fn one_leg_may_be_quoted_oddly() {
    let session = Session::start(1).await;
    let path = format!(
        "/marketdata/v1/quotes?symbols={},SPXW%20%20250904P06420000&fields=quote",
        PUT.replace(' ', "%20")
    );
    let truly = session.read(&path).await;
    type Check = fn(&Value) -> bool;
    let cases: [(Odd, Check); 8] = [
        (Odd::Missing, Value::is_null),
        (Odd::NoBid, |row| row["quote"]["bidPrice"].is_null() && row["quote"]["askPrice"].is_f64()),
        (Odd::NoAsk, |row| row["quote"]["askPrice"] == 0.0),
        (Odd::Crossed, |row| row["quote"]["bidPrice"].as_f64() > row["quote"]["askPrice"].as_f64()),
        (Odd::Wide, |row| row["quote"]["bidPrice"] == 0.05 && row["quote"]["askPrice"].as_f64() >= Some(9.0)),
        (Odd::Old(Duration::from_secs(300)), |row| {
            row["quote"]["quoteTime"].as_i64().unwrap() == 1_756_930_020_000
        }),
        (Odd::Halted, |row| row["quote"]["securityStatus"] == "Halted"),
        (Odd::Delayed, |row| row["realtime"] == false),
    ];
    for (odd, check) in cases {
        session.next(Route::Quotes, &Fault::OddQuote(Some(PUT.parse().unwrap()), odd));
        let shown = session.read(&path).await;
        assert!(check(&shown[PUT]), "{odd:?}: {}", shown[PUT]);
        assert_eq!(
            shown["SPXW  250904P06420000"], truly["SPXW  250904P06420000"],
            "{odd:?}: the other leg is as it was"
        );
    }
    session.next(Route::Quotes, &Fault::OddQuote(None, Odd::Missing));
    assert_eq!(session.read(&path).await, json!({}));
}

#[tokio::test]
async fn rows_of_others_stand_in_lists_as_they_are_given() {
    let session = Session::start(1).await;
    let row = json!({"orderId": 5, "status": null, "orderLegCollection": []});
    session.next(Route::ListOrders, &Fault::ForeignRow(row.clone()));
    assert_eq!(list(&session, "").await, [row]);
    let position = json!({"longQuantity": 1.0, "instrument": {"assetType": "OPTION", "symbol": "2SPX  250904C06425000"}});
    session.next(Route::Account, &Fault::ForeignRow(position.clone()));
    assert_eq!(
        session.read(&session.account("?fields=positions")).await["securitiesAccount"]["positions"],
        json!([position])
    );
    let response = session.send(Method::POST, &session.account("/orders"), Some(&vertical(1, "4.00"))).await;
    assert!(id_of(response).await > 0);
}
