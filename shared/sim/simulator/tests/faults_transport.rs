//! What a client meets on the way to a service, and whether its request took effect.

use std::time::Duration;

use crate::session::{Session, vertical};
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use jiff::ToSpan;
use reqwest::{Method, Response};

const AFTER: When = When::AfterEffect;
const BEFORE: When = When::BeforeEffect;

/// What a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Status(u16),
    NotConnected,
    Closed,
    Timeout,
}

fn seen(outcome: &Result<Response, reqwest::Error>) -> Seen {
    match outcome {
        Ok(response) => Seen::Status(response.status().as_u16()),
        Err(error) if error.is_timeout() => Seen::Timeout,
        Err(error) if error.is_connect() => Seen::NotConnected,
        Err(_) => Seen::Closed,
    }
}

async fn place(session: &Session) -> Result<Response, reqwest::Error> {
    session.attempt(Method::POST, &session.account("/orders"), Some(&vertical(1, "4.00"))).await
}

/// An order exists when the fault comes after the effect, and only then.
#[tokio::test]
async fn each_transport_fault_shows_and_orders_exist_only_if_it_took() {
    for (fault, expected, orders) in [
        (Fault::Latency(Duration::from_millis(5)), Seen::Status(201), 1),
        (Fault::TooManyRequests { retry_after: None }, Seen::Status(429), 0),
        (Fault::TooManyRequests { retry_after: Some(3) }, Seen::Status(429), 0),
        (Fault::Unauthorized, Seen::Status(401), 0),
        (Fault::EdgePage, Seen::Status(403), 0),
        (Fault::ServerError(503, BEFORE), Seen::Status(503), 0),
        (Fault::ServerError(500, AFTER), Seen::Status(500), 1),
        (Fault::ServerError(504, AFTER), Seen::Status(504), 1),
        (Fault::Dropped(BEFORE), Seen::Closed, 0),
        (Fault::Dropped(AFTER), Seen::Closed, 1),
        (Fault::Hang(BEFORE), Seen::Timeout, 0),
        (Fault::Hang(AFTER), Seen::Timeout, 1),
    ] {
        let session = Session::start(1).await;
        session.read("/trader/v1/accounts").await;
        session.next(Route::PlaceOrder, &fault);
        assert_eq!(seen(&place(&session).await), expected, "{fault:?}");
        assert_eq!(session.simulator.book().posts().len(), orders, "{fault:?}");
        assert_eq!(session.fired(), std::slice::from_ref(&fault));
        let status = if let Seen::Status(status) = expected { Some(status) } else { None };
        assert_eq!(session.simulator.requests().last().unwrap().status, status, "{fault:?}");
        assert_eq!(seen(&place(&session).await), Seen::Status(201), "after {fault:?}");
    }
}

#[tokio::test]
async fn bodies_and_headers_are_those_of_the_service() {
    let session = Session::start(1).await;
    for (fault, path, words) in [
        (Fault::Unauthorized, "/trader/v1/accounts", "\"message\""),
        (Fault::Unauthorized, "/marketdata/v1/quotes?symbols=$SPX", "\"title\":\"Unauthorized\""),
        (Fault::EdgePage, "/trader/v1/accounts", "<TITLE>Access Denied</TITLE>"),
        (Fault::ServerError(500, BEFORE), "/trader/v1/accounts", "\"errors\""),
        (Fault::ServerError(502, BEFORE), "/trader/v1/accounts", "502 Bad Gateway"),
    ] {
        session.next(Route::AnyOf(Service::Schwab), &fault);
        let text = session.send(Method::GET, path, None).await.text().await.unwrap();
        assert!(text.contains(words), "{fault:?}: {text}");
    }
    for (retry_after, header) in [(None, None), (Some(7), Some("7"))] {
        session.next(Route::Account, &Fault::TooManyRequests { retry_after });
        let response = session.send(Method::GET, "/trader/v1/accounts", None).await;
        assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().unwrap()), header);
    }
}

#[tokio::test]
async fn a_service_that_is_away_refuses_until_its_time_is_over() {
    let session = Session::start(1).await;
    session.read("/trader/v1/accounts").await;
    session.next(Route::PlaceOrder, &Fault::Refused(Duration::from_secs(3)));
    assert_eq!(seen(&place(&session).await), Seen::Closed, "the request that meets it was on its way");
    for _ in 0..2 {
        assert_eq!(seen(&place(&session).await), Seen::NotConnected);
        session.pass(1.second()).await;
    }
    let url = format!("{}/rapi/x", session.simulator.gammawizard_url());
    assert_eq!(session.raw(Method::GET, &url, &[], "").await.status(), 404, "the other service is there");
    session.pass(1.second()).await;
    assert_eq!(seen(&place(&session).await), Seen::Status(201));
    assert_eq!(session.simulator.book().posts().len(), 1);
}

#[tokio::test]
async fn the_switch_takes_connections_with_it_and_the_port_comes_back() {
    let session = Session::start(1).await;
    session.read("/trader/v1/accounts").await;
    for _ in 0..3 {
        session.simulator.refuse(Service::Schwab, true).unwrap();
        session.simulator.refuse(Service::Schwab, true).unwrap();
        let first = seen(&place(&session).await);
        assert!(
            [Seen::Closed, Seen::NotConnected].contains(&first),
            "{first:?}: the client may try the connection it had"
        );
        assert_eq!(seen(&place(&session).await), Seen::NotConnected);
        session.simulator.refuse(Service::Schwab, false).unwrap();
        session.read("/trader/v1/accounts").await;
    }
    assert!(session.simulator.book().posts().is_empty());
    assert!(
        session.simulator.refuse(Service::Aws, true).unwrap_err().to_string().contains("AWS"),
        "there is none"
    );
}

#[tokio::test]
async fn a_rule_counts_looks_at_the_time_and_leaves_what_does_not_fit() {
    let session = Session::start(1).await;
    let plan = session.simulator.faults();
    let error = |status| Fault::ServerError(status, BEFORE);
    let start = session.now();
    plan.add(Rule::on(Route::Account).after(1).times(2).fault(error(500)));
    plan.add(
        Rule::on(Route::AnyOf(Service::Schwab))
            .from(start + 10.seconds())
            .until(start + 11.seconds())
            .always()
            .fault(error(502)),
    );
    plan.add(Rule::on(Route::AnyOf(Service::Schwab)).always().fault(Fault::NoLocation));
    plan.add(Rule::on(Route::Quotes).always().fault(Fault::FilledFirst));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(session.get("/trader/v1/accounts").await.0.as_u16());
    }
    session.pass(10.seconds()).await;
    for _ in 0..2 {
        statuses.push(session.send(Method::GET, "/trader/v1/accounts", None).await.status().as_u16());
    }
    session.pass(1.second()).await;
    statuses.push(session.get("/trader/v1/accounts").await.0.as_u16());
    session.read("/marketdata/v1/quotes?symbols=$SPX").await;
    assert_eq!(statuses, [200, 500, 500, 200, 502, 502, 200]);
    let fired = plan.fired();
    let at: Vec<_> = fired
        .iter()
        .map(|fired| (fired.at.as_second() - start.as_second(), fired.route.clone(), fired.path.as_str()))
        .collect();
    let path = "/trader/v1/accounts";
    assert_eq!(
        at,
        [
            (0, Route::Account, path),
            (0, Route::Account, path),
            (10, Route::Account, path),
            (10, Route::Account, path)
        ]
    );
    plan.add(Rule::on(Route::Account).always().fault(error(500)));
    plan.clear();
    assert_eq!((session.get(path).await.0.as_u16(), plan.fired().len()), (200, 4));
}

#[tokio::test]
async fn one_of_several_faults_answers_and_only_facts_are_recorded() {
    let hidden = Fault::HiddenFor(Duration::from_secs(5));
    for (answer, orders, expected) in [
        (Fault::Dropped(AFTER), 1, vec![hidden.clone(), Fault::Dropped(AFTER)]),
        (Fault::Dropped(BEFORE), 0, vec![Fault::Dropped(BEFORE)]),
    ] {
        let session = Session::start(1).await;
        for fault in [&hidden, &answer, &Fault::ServerError(500, AFTER)] {
            session.next(Route::PlaceOrder, fault);
        }
        assert_eq!(seen(&place(&session).await), Seen::Closed);
        assert_eq!((session.simulator.book().posts().len(), session.fired()), (orders, expected));
    }
    let session = Session::start(1).await;
    session.next(Route::PlaceOrder, &Fault::NoLocation);
    session.refused(&serde_json::json!({})).await;
    assert_eq!(session.fired(), [], "nothing was accepted");
    assert!(place(&session).await.unwrap().headers().get("location").is_none(), "it was not used up");
}

/// What a fixed story of requests meets, and the faults of it.
async fn story(seed: u64, per_mille: u32) -> (Vec<Seen>, Vec<Fault>) {
    let mut config = gamma_simulator::simulator::SimulatorConfig::of_2025_09_03(1).unwrap();
    config.faults = gamma_simulator::faults::FaultPlan::seeded(seed, per_mille);
    let session = Session::with(config).await;
    let mut met = Vec::new();
    for round in 0..30 {
        met.push(seen(&place(&session).await));
        for path in [
            "/trader/v1/accounts",
            "/marketdata/v1/quotes?symbols=$SPX",
            &session.account(&format!("/orders/{round}")),
        ] {
            met.push(seen(&session.attempt(Method::GET, path, None).await));
        }
        session.pass(4.seconds()).await;
    }
    (met, session.fired())
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_requests_with_the_same_faults() {
    let (met, fired) = story(7, 200).await;
    assert_eq!((met.clone(), fired.clone()), story(7, 200).await);
    assert!((10..50).contains(&fired.len()), "about one request in five: {fired:?}");
    assert!(met.contains(&Seen::Closed) && met.contains(&Seen::Status(201)), "{met:?}");
    assert_ne!(fired, story(8, 200).await.1);
    assert_eq!(story(7, 0).await.1, []);
}
