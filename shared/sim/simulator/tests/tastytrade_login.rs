//! Tokens, the checks of every call, and which accounts a login shows, over tastytrade's wire.

use crate::tasty::{REFRESH, SECRET, TOKEN, Tasty, json_of, vertical};
use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::SimulatorConfig;
use jiff::ToSpan;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const AGENT: (&str, &str) = ("user-agent", "test/1.0");

fn refresh() -> String {
    json!({ "grant_type": "refresh_token", "client_secret": SECRET, "refresh_token": REFRESH }).to_string()
}

async fn token(tasty: &Tasty, headers: &[(&str, &str)], body: &str) -> (StatusCode, Value) {
    json_of(tasty.raw(Method::POST, "/oauth/token", headers, body).await).await
}

#[tokio::test]
async fn a_refresh_works_as_json_or_form_with_either_secret_place() {
    let mut tasty = Tasty::start(1).await;
    let form = format!(
        "grant_type=refresh_token&client_secret={SECRET}&refresh_token={REFRESH}&client_id=simulated-client-id"
    );
    let basic = ("authorization", "Basic c2ltdWxhdGVkLWNsaWVudC1pZDpzaW11bGF0ZWQtY2xpZW50LXNlY3JldA==");
    let bare = format!("grant_type=refresh_token&refresh_token={REFRESH}");
    for (headers, body) in
        [(vec![AGENT, JSON], refresh()), (vec![AGENT, FORM], form), (vec![AGENT, FORM, basic], bare)]
    {
        let (status, answer) = token(&tasty, &headers, &body).await;
        assert_eq!(
            (status, &answer["expires_in"], &answer["token_type"]),
            (StatusCode::OK, &json!(900), &json!("Bearer")),
            "{answer}"
        );
        assert!(answer.get("refresh_token").is_none(), "it is not rotated: {answer}");
        tasty.token = answer["access_token"].as_str().unwrap().to_owned();
        assert_eq!(tasty.get("/customers/me/accounts").await.0, 200);
    }
    tasty.pass(899.seconds()).await;
    assert_eq!(tasty.get("/customers/me/accounts").await.0, 200);
    tasty.pass(1.seconds()).await;
    let (status, body) = tasty.get("/customers/me/accounts").await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!("token_invalid")));
}

#[tokio::test]
async fn a_refused_grant_has_an_error_that_is_text_or_none_at_all() {
    let tasty = Tasty::start(1).await;
    for (field, value, error) in [
        ("refresh_token", "other", "invalid_grant"),
        ("client_secret", "other", "invalid_client"),
        ("client_id", "other", "invalid_client"),
    ] {
        let mut body: Value = serde_json::from_str(&refresh()).unwrap();
        body[field] = value.into();
        let (status, answer) = token(&tasty, &[AGENT, JSON], &body.to_string()).await;
        assert_eq!((status, &answer["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{answer}");
        assert!(answer["error_description"].is_string());
    }
    for body in
        ["{", "{}", "[]", r#"{"grant_type":"refresh_token","client_secret":"simulated-client-secret"}"#]
    {
        let (status, answer) = token(&tasty, &[AGENT, JSON], body).await;
        assert_eq!(
            (status, &answer["error_code"], answer.get("error")),
            (StatusCode::BAD_REQUEST, &json!("invalid_request"), None),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_ends_the_one_before() {
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    config.tastytrade.rotate_refresh_token = true;
    let tasty = Tasty::with(config).await;
    let (_, first) = token(&tasty, &[AGENT, JSON], &refresh()).await;
    assert_eq!(token(&tasty, &[AGENT, JSON], &refresh()).await.1["error"], "invalid_grant");
    let next = refresh().replace(REFRESH, first["refresh_token"].as_str().unwrap());
    assert_eq!(token(&tasty, &[AGENT, JSON], &next).await.0, 200);
}

#[tokio::test]
async fn every_call_needs_a_name_and_a_token() {
    let tasty = Tasty::start(1).await;
    for path in ["/customers/me/accounts", "/nowhere"] {
        let response =
            tasty.raw(Method::GET, path, &[("authorization", &format!("Bearer {TOKEN}"))], "").await;
        assert_eq!(response.status(), 401, "without a User-Agent: {path}");
        assert!(response.text().await.unwrap().contains("nginx"));
    }
    assert_eq!(tasty.raw(Method::POST, "/oauth/token", &[JSON], &refresh()).await.status(), 401);
    for (headers, code) in [
        (vec![AGENT], "unauthorized"),
        (vec![AGENT, ("authorization", "Bearer other")], "token_invalid"),
        (vec![AGENT, ("authorization", TOKEN)], "invalid_credentials"),
    ] {
        let (status, body) =
            json_of(tasty.raw(Method::GET, "/customers/me/accounts", &headers, "").await).await;
        assert_eq!((status, &body["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!(code)));
    }
    let gone = json_of(tasty.raw(Method::POST, "/sessions", &[AGENT, JSON], "{}").await).await;
    assert_eq!(gone.0, 410, "{}", gone.1);
    let (status, body) = tasty.get("/nowhere").await;
    assert_eq!((status, body["error"]["message"].is_string()), (StatusCode::NOT_FOUND, true));
}

#[tokio::test]
async fn a_login_shows_its_accounts_and_books_are_apart() {
    let tasty = Tasty::start(1).await;
    let rows = tasty.read("/customers/me/accounts").await["items"].clone();
    let numbers: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["account"]["account-number"].as_str().unwrap())
        .collect();
    assert_eq!((numbers, &rows[0]["authority-level"]), (vec!["5WT00001", "5WT00002"], &json!("owner")));
    assert_eq!(tasty.read("/customers/me/accounts/5WT00002").await["account-number"], "5WT00002");
    for path in
        ["/accounts/5WT00003/positions", "/accounts/12345678/balances", "/customers/me/accounts/5WT00003"]
    {
        let (status, body) = tasty.get(path).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::FORBIDDEN, &json!("not_permitted")),
            "{path}"
        );
    }
    let mut ids = Vec::new();
    for number in ["5WT00001", "5WT00002"] {
        let (status, body) =
            tasty.ask(Method::POST, &format!("/accounts/{number}/orders"), &vertical(1, "0.05")).await;
        assert_eq!(status, 201);
        ids.push(body["data"]["order"]["id"].as_u64().unwrap());
    }
    tasty.pass(5.seconds()).await;
    let books = ["5WT00001", "5WT00002", "12345678"].map(|number| tasty.simulator.book_of(number).unwrap());
    assert_eq!(books.each_ref().map(|book| book.posts().len()), [1, 1, 0]);
    assert!(books[1].order(ids[1]).unwrap().filled() > 0 && ids[0] != ids[1]);
    assert_eq!(
        tasty.get(&format!("/accounts/5WT00001/orders/{}", ids[1])).await.0,
        404,
        "an order of another account"
    );
}

#[tokio::test]
async fn tokens_die_and_a_refresh_is_refused_for_no_reason() {
    let tasty = Tasty::start(1).await;
    tasty.next(Route::Token, &Fault::SpuriousRefusal);
    let (status, body) = token(&tasty, &[AGENT, JSON], &refresh()).await;
    assert_eq!((status, &body["error_code"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    assert_eq!(token(&tasty, &[AGENT, JSON], &refresh()).await.0, 200, "nothing had happened to it");
    tasty.next(Route::Positions, &Fault::AccessTokenDies);
    assert_eq!(tasty.get(&Tasty::account("/positions")).await.0, 401);
    assert_eq!(token(&tasty, &[AGENT, JSON], &refresh()).await.0, 200);
    tasty.next(Route::Account, &Fault::LoginElsewhere);
    assert_eq!(tasty.get(&Tasty::account("/balances")).await.0, 401);
    assert_eq!(token(&tasty, &[AGENT, JSON], &refresh()).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_rule_can_be_meant_for_one_broker_or_one_account() {
    let tasty = Tasty::start(1).await;
    let faults = tasty.simulator.faults();
    faults.add(Rule::on(Route::PlaceOrder).at(Service::Schwab).always().fault(Fault::EdgePage));
    faults.add(Rule::on(Route::PlaceOrder).account("5WT00002").fault(Fault::Unauthorized));
    assert_eq!(tasty.place(&vertical(1, "4.00")).await.0, 201);
    let elsewhere = tasty.ask(Method::POST, "/accounts/5WT00002/orders", &vertical(1, "4.00")).await;
    assert_eq!(
        (elsewhere.0, &elsewhere.1["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("token_invalid"))
    );
    let fired = faults.fired();
    assert_eq!(
        fired.iter().map(|fired| (fired.service, fired.route.clone())).collect::<Vec<_>>(),
        [(Service::Tastytrade, Route::PlaceOrder)]
    );
    for (route, fault, status, html) in [
        (
            Route::AccountNumbers,
            Fault::ServerError(502, gamma_simulator::faults::When::BeforeEffect),
            502,
            true,
        ),
        (
            Route::AccountNumbers,
            Fault::ServerError(500, gamma_simulator::faults::When::BeforeEffect),
            500,
            false,
        ),
        (Route::AccountNumbers, Fault::TooManyRequests { retry_after: None }, 429, false),
    ] {
        tasty.next(route, &fault);
        let response = tasty.send(Method::GET, "/customers/me/accounts", None).await;
        assert_eq!(response.status(), status);
        let text = response.text().await.unwrap();
        assert_eq!((text.contains("<html>"), text.is_empty()), (html, status == 429), "{text}");
    }
    assert_eq!(
        tasty.simulator.requests().iter().filter(|request| request.service == Service::Tastytrade).count(),
        5
    );
}
