use std::sync::Arc;

use gamma_execution::ports::{Broker, BrokerFault, OrderId, PlaceReply};
use gamma_http::{HttpClient, HttpConfig};
use secrecy::SecretString;
use serde_json::json;

use super::fake::{ACCOUNTS, ORDERS, Reply, START, Sink, Stage, TOKEN, order};
use crate::{Schwab, SchwabConfig};

const ACCOUNT: &str = "GET /trader/v1/accounts/A1B2C3D4";
const DEAD: &str = r#"{"error":"unsupported_token_type","error_description":"400 Bad Request: \"{\"error_description\":\"Exception while authenticating refresh token [tokenDigest=x, Exception=Failed]\",\"error\":\"refresh_token_authentication_error\"}\""}"#;

#[tokio::test]
async fn a_due_token_is_refreshed_once_for_all_who_ask_at_the_same_time() {
    let stage = Stage::with_token_for(300, None).await;
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
    let (first, second, third) = tokio::join!(stage.schwab.account(), stage.schwab.account(), stage.schwab.refresh_if_needed());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert!(!stage.schwab.refresh_if_needed().await.unwrap());

    let refreshes = stage.seen(TOKEN);
    assert_eq!(refreshes.len(), 1);
    assert_eq!(refreshes[0].body, "grant_type=refresh_token&refresh_token=canary-refresh-1");
    assert_eq!(refreshes[0].authorization, "Basic Y2FuYXJ5LWtleTpjYW5hcnktc2VjcmV0");
    assert!(stage.seen(ACCOUNT).iter().all(|seen| seen.authorization == "Bearer canary-access-2"));

    let told = stage.sink.0.lock().unwrap();
    let (document, created, expires) = &told[0];
    assert_eq!((told.len(), *created, *expires), (1, START - 561_600, START + 1800));
    assert_eq!(document["creation_timestamp"], START - 561_600);
    assert_eq!(document["token"]["refresh_token"], "canary-refresh-2");
    assert_eq!(document["token"]["expires_at"], START + 1800);
}

#[tokio::test]
async fn callers_whose_token_was_refused_together_share_one_refresh() {
    let stage = Stage::new().await;
    stage.schwab.hash().await.unwrap();
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    let well = Reply::json(&json!({"securitiesAccount": {}}));
    stage.on(ACCOUNT, [Reply::new(401, ""), Reply::new(401, ""), well]);
    let (first, second) = tokio::join!(stage.schwab.account(), stage.schwab.account());
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert_eq!(stage.seen(TOKEN).len(), 1);
}

#[tokio::test]
async fn a_token_good_for_longer_is_left_alone() {
    let stage = Stage::with_token_for(301, None).await;
    assert!(!stage.schwab.refresh_if_needed().await.unwrap());
    assert!(stage.targets().is_empty() && stage.sink.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_a_refused_refresh_means() {
    type Expected = fn(&BrokerFault) -> bool;
    let cases: [(&str, Reply, usize, Expected); 8] = [
        (
            "dead",
            Reply::new(400, DEAD),
            1,
            |fault| matches!(fault, BrokerFault::TokenDead(text) if text.contains("docs/runbook.md, 'Schwab login'") && text.contains("6.5 days")),
        ),
        ("invalid grant", Reply::new(400, r#"{"error":"invalid_grant"}"#), 1, |fault| matches!(fault, BrokerFault::TokenDead(_))),
        ("bad form", Reply::new(400, r#"{"error":"invalid_request"}"#), 1, |fault| matches!(fault, BrokerFault::Unauthorized(_))),
        (
            "bad client",
            Reply::new(401, r#"{"error":"invalid_client","error_description":"Unauthorized"}"#),
            1,
            |fault| matches!(fault, BrokerFault::Unauthorized(text) if text.contains("invalid_client")),
        ),
        ("edge", Reply::new(403, "<HTML>Access Denied</HTML>"), 4, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        ("limited", Reply::new(429, ""), 4, |fault| matches!(fault, BrokerFault::RateLimited(_))),
        ("down", Reply::new(500, ""), 4, |fault| matches!(fault, BrokerFault::Unavailable(_))),
        (
            "no token in it",
            Reply::json(&json!({"token_type": "Bearer"})),
            1,
            |fault| matches!(fault, BrokerFault::Malformed(text) if text.contains("access_token: got nothing")),
        ),
    ];
    for (name, answer, tries, expected) in cases {
        let stage = Stage::with_token_for(0, None).await;
        stage.on(TOKEN, [answer]);
        let error = stage.schwab.refresh_if_needed().await.unwrap_err();
        assert!(expected(&error.fault), "{name}: {error}");
        assert_eq!((stage.seen(TOKEN).len(), stage.targets().len()), (tries, tries), "{name}");
        assert!(stage.sink.0.lock().unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_dead_login_is_asked_about_only_once() {
    let stage = Stage::with_token_for(0, None).await;
    stage.on(TOKEN, [Reply::new(400, DEAD)]);
    for _ in 0..3 {
        assert!(matches!(stage.schwab.account().await.unwrap_err().fault, BrokerFault::TokenDead(_)));
    }
    assert_eq!(stage.targets(), [TOKEN]);
}

#[tokio::test]
async fn a_token_endpoint_that_recovers_costs_a_read_only_time() {
    let stage = Stage::with_token_for(0, None).await;
    stage.on(TOKEN, [Reply::new(503, ""), Reply::new(200, "").cut(), Reply::token("canary-access-2", "canary-refresh-2")]);
    stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
    stage.schwab.account().await.unwrap();
    assert_eq!(stage.targets(), [TOKEN, TOKEN, TOKEN, ACCOUNTS, ACCOUNT]);
}

#[tokio::test]
async fn no_secret_shows_even_where_the_broker_echoes_it() {
    let echo = "canary-access-1 canary-access-2 canary-refresh-1 canary-refresh-2 canary-key canary-secret";
    let own = |status: u16, word: &str| Reply::new(status, format!(r#"{{"message":"{word} is not wanted"}}"#));
    let mut shown = Vec::new();
    for (target, reply) in [
        (ACCOUNT, own(400, "canary-access-1")),
        (ACCOUNT, own(500, "canary-access-1")),
        (ACCOUNT, Reply::new(200, echo)),
        (ORDERS, own(400, "canary-access-1")),
        (ORDERS, own(500, "canary-access-1")),
        (ORDERS, Reply::created("5").cut()),
    ] {
        let stage = Stage::new().await;
        stage.on(target, [reply]);
        shown.push(format!("{:?}", stage.schwab));
        if target == ORDERS {
            let reply = stage.schwab.send_order(&order()).await;
            assert!(!matches!(reply, PlaceReply::Accepted(_)));
            shown.push(format!("{reply:?}"));
        } else {
            let error = stage.schwab.account().await.unwrap_err();
            shown.push(format!("{error} {error:?}"));
        }
    }
    for reply in [own(400, "canary-refresh-1"), own(401, "canary-key"), own(500, "canary-secret"), Reply::new(200, echo)] {
        let stage = Stage::with_token_for(0, None).await;
        stage.on(TOKEN, [reply]);
        let error = stage.schwab.order(&OrderId("5".into())).await.unwrap_err();
        shown.push(format!("{error} {error:?} {:?}", stage.schwab.cancel(&OrderId("5".into())).await));
    }
    for text in shown {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_named_and_shows_nothing() {
    type Change = fn(&mut SchwabConfig);
    let cases: [(&str, Change); 4] = [
        ("base_url", |config| config.base_url = "/".into()),
        ("app_key", |config| config.app_key = SecretString::from(" ")),
        ("app_secret", |config| config.app_secret = SecretString::from("")),
        ("creation_timestamp", |config| config.token_text = SecretString::from(r#"{"token":{"refresh_token":"canary"}}"#)),
    ];
    for (field, change) in cases {
        let stage = Stage::new().await;
        let mut config = SchwabConfig {
            base_url: "https://api.example.com".into(),
            app_key: SecretString::from("canary-key"),
            app_secret: SecretString::from("canary-secret"),
            token_text: SecretString::from("canary"),
            account_number: None,
        };
        change(&mut config);
        let http = HttpClient::new(&HttpConfig::default()).unwrap();
        let shown = format!("{config:?}");
        let error = Schwab::new(http, config, stage.clock.clone(), Arc::new(Sink::default())).err().unwrap();
        assert!(error.to_string().contains(field), "{error}");
        assert!(!format!("{shown} {error} {error:?}").contains("canary"), "{error}");
    }
}
