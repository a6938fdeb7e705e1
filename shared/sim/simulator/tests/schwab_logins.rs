//! Several logins with several accounts behind one face: each sees its own, and books are kept apart.

use crate::session::{Session, TOKEN, id_of, json_of, vertical};
use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::schwab::{AccountConfig, LoginConfig};
use gamma_simulator::simulator::SimulatorConfig;
use jiff::ToSpan;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

const BASIC: &str = "Basic c2ltdWxhdGVkLWFwcC1rZXk6c2ltdWxhdGVkLWFwcC1zZWNyZXQ=";
const OTHER: &str = "I0.other-access-token@";

/// One more login with two accounts.
async fn two_logins() -> Session {
    let account =
        |number: &str, dollars: i64| AccountConfig { number: number.into(), cash: Decimal::from(dollars) };
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    config.more_logins = vec![LoginConfig {
        refresh_token: "other-refresh-token@".into(),
        access_token: Some(OTHER.into()),
        accounts: vec![account("20000001", 50_000), account("20000002", 60_000)],
    }];
    Session::with(config).await
}

fn numbers(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["accountNumber"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_login_sees_its_own_accounts_and_no_other() {
    let mut session = two_logins().await;
    assert_eq!(numbers(&session.read("/trader/v1/accounts/accountNumbers").await), ["12345678"]);
    let own = session.account("");
    let others = format!("/trader/v1/accounts/{}", session.simulator.schwab().hash_of("20000002").unwrap());
    assert_eq!((session.get(&own).await.0.as_u16(), session.get(&others).await.0.as_u16()), (200, 404));
    session.token = OTHER.into();
    assert_eq!(numbers(&session.read("/trader/v1/accounts/accountNumbers").await), ["20000001", "20000002"]);
    assert_eq!(
        numbers(&session.read("/trader/v1/userPreference").await["accounts"]),
        ["20000001", "20000002"]
    );
    assert_eq!((session.get(&own).await.0.as_u16(), session.get(&others).await.0.as_u16()), (404, 200));
    let worth = |account: &Value| account["securitiesAccount"]["currentBalances"]["liquidationValue"].clone();
    let all = session.read("/trader/v1/accounts").await;
    assert_eq!(
        (worth(&all[0]), worth(&all[1]), worth(&session.read(&others).await)),
        (json!(50_000.0), json!(60_000.0), json!(60_000.0))
    );
}

#[tokio::test]
async fn an_order_stands_in_the_book_of_its_account_alone() {
    let mut session = two_logins().await;
    session.token = OTHER.into();
    let paths = ["20000001", "20000002"].map(|number| {
        format!("/trader/v1/accounts/{}/orders", session.simulator.schwab().hash_of(number).unwrap())
    });
    let mut ids = Vec::new();
    for path in &paths {
        let sent = session.send(Method::POST, path, Some(&vertical(1, "0.05"))).await;
        assert_eq!(sent.status(), 201);
        ids.push(id_of(sent).await);
    }
    assert_ne!(ids[0], ids[1], "ids of two accounts are never the same");
    session.pass(5.seconds()).await;
    let books = ["12345678", "20000001", "20000002"].map(|number| session.simulator.book_of(number).unwrap());
    assert_eq!(books.each_ref().map(|book| book.posts().len()), [0, 1, 1]);
    assert!(books[1].order(ids[0]).unwrap().filled() > 0, "a limit far through the market fills");
    assert_eq!(session.simulator.book_of("30000000"), None);
    for (path, own, other) in [(&paths[0], ids[0], ids[1]), (&paths[1], ids[1], ids[0])] {
        assert_eq!(session.get(&format!("{path}/{own}")).await.0, 200);
        assert_eq!(session.get(&format!("{path}/{other}")).await.0, 404, "an order of another account");
        assert_eq!(session.send(Method::DELETE, &format!("{path}/{other}"), None).await.status(), 404);
    }
    let window = "fromEnteredTime=2025-09-03T00:00:00.000Z&toEnteredTime=2025-09-04T00:00:00.000Z";
    let listed = |rows: Value| {
        rows.as_array().unwrap().iter().map(|row| row["orderId"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(listed(session.read(&format!("{}?{window}", paths[1])).await), [ids[1]]);
    assert_eq!(listed(session.read(&format!("/trader/v1/orders?{window}")).await), ids, "all of the login");
    session.token = TOKEN.into();
    assert_eq!(listed(session.read(&format!("/trader/v1/orders?{window}")).await), Vec::<u64>::new());
}

#[tokio::test]
async fn one_token_endpoint_serves_every_login_its_own() {
    let mut session = two_logins().await;
    let url = format!("{}/v1/oauth/token", session.simulator.schwab_url());
    let headers = [("authorization", BASIC), ("content-type", "application/x-www-form-urlencoded")];
    let mut tokens = Vec::new();
    for (refresh, accounts) in [
        ("simulated-refresh-token%40", vec!["12345678"]),
        ("other-refresh-token%40", vec!["20000001", "20000002"]),
    ] {
        let (status, body) = json_of(
            session
                .raw(
                    Method::POST,
                    &url,
                    &headers,
                    &format!("grant_type=refresh_token&refresh_token={refresh}"),
                )
                .await,
        )
        .await;
        assert_eq!(status, 200);
        session.token = body["access_token"].as_str().unwrap().to_owned();
        assert_eq!(numbers(&session.read("/trader/v1/accounts/accountNumbers").await), accounts);
        tokens.push(session.token.clone());
    }
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn a_fault_of_the_token_strikes_the_login_that_asked() {
    let mut session = two_logins().await;
    session.simulator.faults().add(Rule::on(Route::Account).fault(Fault::AccessTokenDies));
    assert_eq!(session.get(&session.account("")).await.0, 401);
    session.token = OTHER.into();
    assert_eq!(session.get("/trader/v1/accounts").await.0, 200, "the other login's token lives");
}
