//! Faults about tokens, the account and the signal.

use std::time::Duration;

use crate::session::{Session, json_of, vertical};
use gamma_simulator::faults::{Fault, Route, Rule};
use jiff::ToSpan;
use reqwest::Method;
use serde_json::{Value, json};

/// The status of a call with the access token, and of a refresh.
async fn tokens(session: &Session) -> (u16, u16) {
    let call = session.get("/trader/v1/accounts").await.0.as_u16();
    let url = format!("{}/v1/oauth/token", session.simulator.schwab_url());
    let basic = "Basic c2ltdWxhdGVkLWFwcC1rZXk6c2ltdWxhdGVkLWFwcC1zZWNyZXQ=";
    let headers = [("authorization", basic), ("content-type", "application/x-www-form-urlencoded")];
    let (status, body) = json_of(
        session
            .raw(
                Method::POST,
                &url,
                &headers,
                "grant_type=refresh_token&refresh_token=simulated-refresh-token%40",
            )
            .await,
    )
    .await;
    let words = body["error_description"].as_str().unwrap_or_default();
    assert_eq!(status == 400, words.contains("refresh_token_authentication_error"), "{body}");
    (call, status.as_u16())
}

#[tokio::test]
async fn tokens_die_one_by_one_or_together() {
    for (fault, expected) in [
        (Fault::AccessTokenDies, (401, 200)),
        (Fault::RefreshTokenDies, (200, 400)),
        (Fault::LoginElsewhere, (401, 400)),
    ] {
        let session = Session::start(1).await;
        assert_eq!(tokens(&session).await, (200, 200));
        session.next(Route::Account, &fault);
        assert_eq!(tokens(&session).await, expected, "{fault:?}");
        assert_eq!(tokens(&session).await, expected, "{fault:?} lasts");
        assert_eq!(session.fired(), [fault]);
    }
}

#[tokio::test]
async fn positions_lag_while_orders_show_their_fills() {
    let session = Session::start(1).await;
    let path = session.account("?fields=positions");
    let id = session.post(&vertical(1, "0.05")).await;
    session.pass(3.seconds()).await;
    assert_eq!(session.order(id).await["status"], "FILLED");
    session.next(Route::Account, &Fault::LaggingPositions(Duration::from_secs(5)));
    assert!(session.read(&path).await["securitiesAccount"].get("positions").is_none());
    assert_eq!(session.read(&path).await["securitiesAccount"]["positions"].as_array().unwrap().len(), 2);
    session.pass(10.seconds()).await;
    session.next(Route::Account, &Fault::LaggingPositions(Duration::from_secs(5)));
    assert_eq!(session.read(&path).await["securitiesAccount"]["positions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_the_account_is_worth_is_missing_or_zero() {
    let session = Session::start(1).await;
    let path = session.account("");
    let worth = |account: &Value| {
        [
            "/securitiesAccount/initialBalances/liquidationValue",
            "/securitiesAccount/currentBalances/equity",
            "/aggregatedBalance/liquidationValue",
        ]
        .map(|pointer| account.pointer(pointer).and_then(Value::as_f64))
    };
    for (fault, expected) in [
        (Fault::Equity(None), None),
        (Fault::Equity(Some(0.into())), Some(0.0)),
        (Fault::Equity(Some((-5).into())), Some(-5.0)),
    ] {
        session.next(Route::Account, &fault);
        let account = session.read(&path).await;
        assert_eq!(worth(&account), [expected; 3], "{fault:?}");
        assert!(account["securitiesAccount"]["projectedBalances"]["availableFunds"].is_f64());
    }
    assert_eq!(worth(&session.read(&path).await), [Some(100_000.0); 3]);
}

async fn signal(session: &Session) -> Value {
    let url = format!("{}/rapi/GetUltraPureConstantStable", session.simulator.gammawizard_url());
    json_of(session.raw(Method::GET, &url, &[("authorization", "Bearer simulated-signal-token")], "").await)
        .await
        .1
}

#[tokio::test]
async fn the_signal_is_late_stale_moved_flipped_or_in_the_wrong_order() {
    let session = Session::start(1).await;
    session.until("2025-09-03T16:13:32-04:00".parse().unwrap()).await;
    let row =
        |date: &str, strikes: (i64, &str), go: (i64, &str)| json!([date, strikes.0, strikes.1, go.0, go.1]);
    let today = row("2025-09-03", (6425, "6470"), (-1, "-1"));
    let cases = [
        (Fault::LateSignal(Duration::from_secs(2)), today.clone()),
        (Fault::LateSignal(Duration::from_secs(3)), Value::Null),
        (Fault::StaleSignal, Value::Null),
        (Fault::MovedStrikes(10), row("2025-09-03", (6435, "6480"), (-1, "-1"))),
        (Fault::FlippedSignal, row("2025-09-03", (6425, "6470"), (1, "1"))),
    ];
    for (fault, expected) in cases {
        session.next(Route::Signal, &fault);
        let body = signal(&session).await;
        let trade = &body["Trade"];
        let shown =
            json!([trade["Date"], trade["Limit"], trade["CLimit"], trade["LeftGo"], trade["RightGo"]]);
        if expected.is_null() {
            assert_eq!(
                (&trade["Date"], body["Predictions"].as_array().unwrap().len()),
                (&json!("2025-09-02"), 10),
                "{fault:?}"
            );
        } else {
            assert_eq!(shown, expected, "{fault:?}");
        }
        assert_eq!(body["Predictions"].as_array().unwrap().last(), Some(trade));
    }
    session.next(Route::Signal, &Fault::NewestFirst);
    let body = signal(&session).await;
    assert_eq!(
        (&body["Trade"][0]["Date"], &body["Trade"][1]["Date"], &body["Predictions"][0]["Date"]),
        (&json!("2025-09-03"), &json!("2025-09-02"), &json!("2025-09-03"))
    );
    for trade in [json!(null), json!({}), json!([])] {
        session.next(Route::Signal, &Fault::Trade(trade.clone()));
        let body = signal(&session).await;
        assert_eq!((&body["Trade"], &body["Predictions"][10]["Date"]), (&trade, &json!("2025-09-03")));
    }
    assert_eq!(session.fired().len(), 9);
}

#[tokio::test]
async fn strikes_move_at_their_time() {
    let session = Session::start(1).await;
    let moves = "2025-09-03T16:13:40-04:00".parse().unwrap();
    session
        .simulator
        .faults()
        .add(Rule::on(Route::Signal).from(moves).always().fault(Fault::MovedStrikes(-5)));
    session.until("2025-09-03T16:13:30-04:00".parse().unwrap()).await;
    assert_eq!(signal(&session).await["Trade"]["Limit"], 6425);
    session.until(moves).await;
    assert_eq!(
        [signal(&session).await["Trade"]["Limit"].clone(), signal(&session).await["Trade"]["Limit"].clone()],
        [6420, 6420]
    );
}
