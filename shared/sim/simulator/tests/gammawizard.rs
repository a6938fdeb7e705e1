//! The signal feed over its wire.

use crate::session::{Session, json_of};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::SimulatorConfig;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::{Value, json};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const LOGIN: &str = "email=trader%40example.com&password=simulated-password";

async fn login(session: &Session, form: &str) -> (u16, Value) {
    let url = format!("{}/goauth/authenticateFireUser", session.simulator.gammawizard_url());
    let (status, body) = json_of(session.raw(Method::POST, &url, &[FORM], form).await).await;
    (status.as_u16(), body)
}

async fn signal(session: &Session, token: &str) -> (u16, Value) {
    let url = format!("{}/rapi/GetUltraPureConstantStable", session.simulator.gammawizard_url());
    let bearer = format!("Bearer {token}");
    let (status, body) = json_of(
        session
            .raw(Method::GET, &url, &[("authorization", &bearer), ("accept", "application/json")], "")
            .await,
    )
    .await;
    (status.as_u16(), body)
}

#[tokio::test]
async fn the_row_of_the_day_appears_when_it_is_published() {
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    config.gammawizard.delay = SignedDuration::from_secs(5);
    let session = Session::with(config).await;
    let (status, body) = login(&session, LOGIN).await;
    assert_eq!(status, 200);
    let token = body["token"].as_str().unwrap();
    session.until("2025-09-03T16:13:34.999-04:00".parse().unwrap()).await;
    let (status, before) = signal(&session, token).await;
    assert_eq!(
        (status, &before["Trade"]["Date"], before["Predictions"].as_array().unwrap().len()),
        (200, &json!("2025-09-02"), 10)
    );
    session.until("2025-09-03T16:13:35-04:00".parse().unwrap()).await;
    let (_, after) = signal(&session, token).await;
    assert_eq!(
        (&after["Trade"]["Date"], &after["Trade"]["Limit"], &after["Trade"]["CLimit"]),
        (&json!("2025-09-03"), &json!(6425), &json!("6470"))
    );
    assert_eq!(after["Predictions"].as_array().unwrap().last(), Some(&after["Trade"]), "newest last");
    assert_eq!(after["Predictions"][0], before["Predictions"][0]);
}

#[tokio::test]
async fn only_the_right_login_and_token_get_in() {
    let session = Session::start(1).await;
    for (form, status) in
        [("email=trader%40example.com&password=wrong", 401), ("email=trader%40example.com", 401), ("", 401)]
    {
        assert_eq!(login(&session, form).await.0, status, "{form}");
    }
    assert_eq!(signal(&session, "wrong").await.0, 401);
    let url = format!("{}/rapi/GetUltraPureConstantStable", session.simulator.gammawizard_url());
    assert_eq!(session.raw(Method::GET, &url, &[], "").await.status(), 401);
}

#[tokio::test]
async fn requests_are_logged_without_secrets() {
    let session = Session::start(1).await;
    login(&session, LOGIN).await;
    signal(&session, "wrong").await;
    session.pass(jiff::Span::new().seconds(3)).await;
    session.read("/marketdata/v1/quotes?symbols=$SPX").await;
    let log = session.simulator.requests();
    let rows: Vec<_> = log
        .iter()
        .map(|row| (row.service, row.method.as_str(), row.path.as_str(), row.status.unwrap()))
        .collect();
    assert_eq!(
        rows,
        [
            (Service::GammaWizard, "POST", "/goauth/authenticateFireUser", 200),
            (Service::GammaWizard, "GET", "/rapi/GetUltraPureConstantStable", 401),
            (Service::Schwab, "GET", "/marketdata/v1/quotes", 200),
        ]
    );
    assert_eq!(log[2].at - log[0].at, jiff::Span::new().seconds(3).fieldwise());
    assert!(!format!("{log:?}").contains("simulated-password"));
}
