use std::sync::Arc;
use std::time::Duration;

use gamma_execution::ports::{Broker, BrokerFault, OrderId, PlaceReply};
use gamma_execution::tokens::TokenAge;
use gamma_http::{HttpClient, HttpConfig};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::fake::{Alone, BALANCES, ORDERS, POSITIONS, Reply, START, Stage, TOKEN, config, order};
use crate::{ClientAuth, Tastytrade, TastytradeConfig, token_age};

fn well(stage: &Stage) {
    stage.on(BALANCES, [Reply::json(&json!({"data": {}}))]);
    stage.on(POSITIONS, [Reply::json(&json!({"data": {"items": []}}))]);
}

#[tokio::test]
async fn a_due_token_is_refreshed_once_for_concurrent_callers() {
    let stage = Stage::with_token_for(300).await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    well(&stage);
    let (first, second, third) =
        tokio::join!(stage.broker.account(), stage.broker.account(), stage.broker.refresh_if_needed());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert!(!stage.broker.refresh_if_needed().await.unwrap());
    let refreshes = stage.seen(TOKEN);
    assert_eq!(refreshes.len(), 1);
    assert_eq!(
        refreshes[0].body,
        "grant_type=refresh_token&refresh_token=canary-refresh-1&client_secret=canary-secret&client_id=canary-id"
    );
    assert_eq!(refreshes[0].authorization, "");

    let obtained = stage.alone.obtained.lock().unwrap();
    assert_eq!(
        (obtained.len(), token_age(&obtained[0])),
        (1, Some(TokenAge { created: START, expires: START + 900 }))
    );
    let document: Value = serde_json::from_str(obtained[0].expose_secret()).unwrap();
    assert_eq!(
        (&document["refresh_token"], &document["access_token"]),
        (&json!("canary-refresh-1"), &json!("canary-access-2"))
    );
}

#[tokio::test]
async fn the_application_says_who_it_is_as_configured() {
    for (change, body, authorization) in [
        (
            (|config: &mut TastytradeConfig| config.client_id = None) as fn(&mut TastytradeConfig),
            "grant_type=refresh_token&refresh_token=canary-refresh-1&client_secret=canary-secret",
            "",
        ),
        (
            |config| config.client_auth = ClientAuth::Basic,
            "grant_type=refresh_token&refresh_token=canary-refresh-1",
            "Basic Y2FuYXJ5LWlkOmNhbmFyeS1zZWNyZXQ=",
        ),
    ] {
        let stage = Stage::configured(|url| {
            let mut config = config(url, 0);
            change(&mut config);
            config
        })
        .await;
        stage.on(TOKEN, [Reply::token("canary-access-2")]);
        assert!(stage.broker.refresh_if_needed().await.unwrap());
        assert_eq!(
            (stage.seen(TOKEN)[0].body.as_str(), stage.seen(TOKEN)[0].authorization.as_str()),
            (body, authorization)
        );
    }
}

#[tokio::test]
async fn a_token_stored_without_times_is_refreshed_first() {
    for text in [
        r#"{"refresh_token":"canary-refresh-1"}"#,
        r#"{"refresh_token":"canary-refresh-1","access_token":"canary-old","expires_in":900}"#,
    ] {
        let stage = Stage::configured(|url| TastytradeConfig {
            token_text: SecretString::from(text),
            ..config(url, 0)
        })
        .await;
        stage.on(TOKEN, [Reply::token("canary-access-2")]);
        well(&stage);
        stage.broker.account().await.unwrap();
        assert_eq!(stage.targets()[0], TOKEN);
        assert_eq!(stage.seen(BALANCES)[0].authorization, "Bearer canary-access-2");
    }
}

#[tokio::test]
async fn what_a_refused_refresh_means() {
    type Expected = fn(&BrokerFault) -> bool;
    let cases: [(&str, Reply, usize, Expected); 11] = [
        (
            "revoked",
            Reply::new(400, r#"{"error":"invalid_grant","error_description":"Token revoked"}"#),
            1,
            |fault| matches!(fault, BrokerFault::TokenDead(text) if text.contains("docs/runbook.md, 'tastytrade grant'") && text.contains("Token revoked")),
        ),
        (
            "revoked, as the API says it",
            Reply::new(400, r#"{"error":{"code":"invalid_grant"}}"#),
            1,
            |fault| matches!(fault, BrokerFault::TokenDead(_)),
        ),
        ("revoked, as OAuth says it", Reply::new(400, r#"{"error_code":"invalid_grant"}"#), 1, |fault| {
            matches!(fault, BrokerFault::TokenDead(_))
        }),
        (
            "may pass",
            Reply::new(400, r#"{"error_code":"invalid_request","error_description":"?"}"#),
            4,
            |fault| matches!(fault, BrokerFault::Unavailable(_)),
        ),
        ("bad client", Reply::new(401, r#"{"error":{"code":"invalid_client"}}"#), 1, |fault| {
            matches!(fault, BrokerFault::Unauthorized(_))
        }),
        (
            "no error",
            Reply::new(400, r#"{"error_description":"odd"}"#),
            1,
            |fault| matches!(fault, BrokerFault::Unauthorized(text) if text.contains("odd")),
        ),
        ("edge", Reply::new(401, "<html>nginx</html>"), 4, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
        ("limited", Reply::new(429, ""), 4, |fault| matches!(fault, BrokerFault::RateLimited(_))),
        ("down", Reply::new(500, ""), 4, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("a word in a page", Reply::new(502, "<html>invalid_grant</html>"), 4, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
        (
            "no token in it",
            Reply::json(&json!({"token_type": "Bearer"})),
            1,
            |fault| matches!(fault, BrokerFault::Malformed(text) if text.contains("access_token: got nothing")),
        ),
    ];
    for (name, answer, tries, expected) in cases {
        let stage = Stage::with_token_for(0).await;
        stage.on(TOKEN, [answer]);
        let error = stage.broker.refresh_if_needed().await.unwrap_err();
        assert!(expected(&error.fault), "{name}: {error}");
        assert_eq!((stage.seen(TOKEN).len(), stage.targets().len()), (tries, tries), "{name}");
    }
}

#[tokio::test]
async fn refusals_that_may_pass_do_not_add_up_without_end() {
    let spurious = || Reply::new(400, r#"{"error_code":"invalid_request"}"#);
    let stage = Stage::with_token_for(0).await;
    stage.on(TOKEN, [spurious()]);
    for _ in 0..12 {
        stage.broker.account().await.unwrap_err();
    }
    let error = stage.broker.account().await.unwrap_err().to_string();
    assert!(error.contains("refused 12 times in a row") && error.contains("docs/runbook.md"), "{error}");
    assert_eq!(stage.seen(TOKEN).len(), 12);

    let passes = Stage::with_token_for(0).await;
    well(&passes);
    passes.on(TOKEN, [spurious(), spurious(), spurious(), Reply::token("canary-access-2")]);
    passes.broker.account().await.unwrap();
    assert_eq!(passes.seen(TOKEN).len(), 4);
}

#[tokio::test]
async fn a_dead_grant_is_asked_about_only_once() {
    let stage = Stage::with_token_for(0).await;
    stage.on(TOKEN, [Reply::new(400, r#"{"error":"invalid_grant"}"#)]);
    for _ in 0..3 {
        assert!(matches!(stage.broker.account().await.unwrap_err().fault, BrokerFault::TokenDead(_)));
    }
    assert_eq!(stage.targets(), [TOKEN]);
}

#[tokio::test]
async fn one_refused_token_is_replaced_and_a_second_refusal_ends_it() {
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    well(&stage);
    stage.on(BALANCES, [Reply::new(401, ""), Reply::json(&json!({"data": {}}))]);
    stage.broker.account().await.unwrap();
    assert_eq!(
        (stage.seen(BALANCES)[1].authorization.as_str(), stage.seen(TOKEN).len()),
        ("Bearer canary-access-2", 1)
    );

    let stubborn = Stage::new().await;
    stubborn.on(TOKEN, [Reply::token("canary-access-2")]);
    well(&stubborn);
    stubborn.on(BALANCES, [Reply::new(401, r#"{"error":{"code":"invalid_credentials"}}"#)]);
    let error = stubborn.broker.account().await.unwrap_err();
    assert_eq!(error.to_string(), "tastytrade GET balances: not authorised: 401 invalid_credentials");
}

/// Whoever reads on through two seconds of 401 costs the token endpoint one request, and reads again once
/// they are over.
#[tokio::test]
async fn a_span_of_401s_asks_for_one_token_and_passes() {
    let refused = || Reply::new(401, r#"{"error":{"code":"token_invalid"}}"#);
    let stage = Stage::new().await;
    stage.on(TOKEN, [Reply::token("canary-access-2")]);
    well(&stage);
    stage.on(BALANCES, [refused().takes(Duration::from_millis(250))]);
    for _ in 0..8 {
        let error = stage.broker.account().await.unwrap_err();
        assert!(matches!(error.fault, BrokerFault::Unauthorized(_)), "{error}");
    }
    assert_eq!(stage.seen(TOKEN).len(), 1);
    well(&stage);
    stage.broker.account().await.unwrap();
    assert_eq!(stage.seen(TOKEN).len(), 1);
}

#[tokio::test]
async fn no_secret_shows_even_where_the_broker_echoes_it() {
    let own = |status: u16, word: &str| {
        Reply::new(
            status,
            json!({"error": {"code": "odd", "message": format!("{word} is not wanted")}}).to_string(),
        )
    };
    let mut shown = Vec::new();
    for (target, reply) in [
        (BALANCES, own(400, "canary-access-1")),
        (BALANCES, own(500, "canary-secret")),
        (BALANCES, Reply::new(200, "canary-access-1")),
        (ORDERS, own(422, "canary-access-1")),
        (ORDERS, own(500, "canary-access-1")),
        (ORDERS, Reply::new(201, r#"{"data":{"order":{"id":"canary-access-1"}}}"#)),
    ] {
        let stage = Stage::new().await;
        well(&stage);
        stage.on(target, [reply]);
        shown.push(format!("{:?}", stage.broker));
        if target == ORDERS {
            let reply = stage.broker.send_order(&order(), "gt-1-p1").await;
            assert!(!matches!(reply, PlaceReply::Accepted(_)));
            shown.push(format!("{reply:?}"));
        } else {
            let error = stage.broker.account().await.unwrap_err();
            shown.push(format!("{error} {error:?}"));
        }
    }
    let new_token = Reply::new(400, r#"{"access_token":"canary-new"}"#);
    for reply in [
        own(400, "canary-refresh-1"),
        own(401, "canary-id"),
        own(500, "canary-secret"),
        Reply::new(200, "canary-new"),
        new_token,
    ] {
        let stage = Stage::with_token_for(0).await;
        stage.on(TOKEN, [reply]);
        let error = stage.broker.order(&OrderId("5".into())).await.unwrap_err();
        shown.push(format!("{error} {error:?} {:?}", stage.broker.cancel(&OrderId("5".into())).await));
    }
    for text in shown {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_named_and_shows_nothing() {
    type Change = fn(&mut TastytradeConfig);
    let cases: [(&str, Change); 7] = [
        ("base_url", |config| config.base_url = "/".into()),
        ("client_secret", |config| config.client_secret = SecretString::from(" ")),
        ("client_id", |config| {
            (config.client_id, config.client_auth) = (Some(SecretString::from("")), ClientAuth::Basic)
        }),
        ("account_number: got nothing", |config| config.account_number = String::new()),
        ("account_number: got other characters", |config| config.account_number = "5WT/canary".into()),
        ("root", |config| config.root = "../canary".into()),
        ("refresh_token", |config| config.token_text = SecretString::from(r#"{"access_token":"canary"}"#)),
    ];
    for (field, change) in cases {
        let stage = Stage::new().await;
        let mut config = config("https://api.example.com".into(), 900);
        let shown = format!("{config:?}");
        change(&mut config);
        let http = HttpClient::new(&HttpConfig::default()).unwrap();
        let error =
            Tastytrade::new(http, config, stage.clock.clone(), Arc::new(Alone::default())).err().unwrap();
        assert!(error.to_string().contains(field), "{error}");
        assert!(!format!("{shown} {error} {error:?}").contains("canary"), "{error}");
    }
}
