use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{
    Broker, BrokerFault, OrderId, PlaceReply, PutOutcome, SaveError, StoredToken, TokenLock, TokenLockError,
    TokenStore, TokenVersion, TokenWrite,
};
use gamma_execution::tokens::{TokenAge, TokenIdentity, TokenKeeper, TokenPorts, TokenSaved};
use gamma_http::{HttpClient, HttpConfig};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::fake::{ACCOUNTS, Alone, ORDERS, Reply, START, Stage, TOKEN, TestClock, order, token_text};
use crate::{Schwab, SchwabConfig, token_age};

const ACCOUNT: &str = "GET /trader/v1/accounts/A1B2C3D4";
const DEAD: &str = r#"{"error":"unsupported_token_type","error_description":"400 Bad Request: \"{\"error_description\":\"Exception while authenticating refresh token [tokenDigest=x, Exception=Failed]\",\"error\":\"refresh_token_authentication_error\"}\""}"#;

#[tokio::test]
async fn a_due_token_is_refreshed_once_for_concurrent_callers() {
    let stage = Stage::with_token_for(300, None).await;
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
    let (first, second, third) =
        tokio::join!(stage.schwab.account(), stage.schwab.account(), stage.schwab.refresh_if_needed());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert!(!stage.schwab.refresh_if_needed().await.unwrap());

    let refreshes = stage.seen(TOKEN);
    assert_eq!(refreshes.len(), 1);
    assert_eq!(refreshes[0].body, "grant_type=refresh_token&refresh_token=canary-refresh-1");
    assert_eq!(refreshes[0].authorization, "Basic Y2FuYXJ5LWtleTpjYW5hcnktc2VjcmV0");
    assert!(stage.seen(ACCOUNT).iter().all(|seen| seen.authorization == "Bearer canary-access-2"));

    let obtained = stage.alone.obtained.lock().unwrap();
    assert_eq!(obtained.len(), 1);
    assert_eq!(token_age(&obtained[0]), Some(TokenAge { created: START - 561_600, expires: START + 1800 }));
    let document: Value = serde_json::from_str(obtained[0].expose_secret()).unwrap();
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

/// However often the kernel asks while everything is answered with 401, and whatever the token endpoint says
/// meanwhile.
#[tokio::test]
async fn repeated_401s_do_not_hammer_the_token_endpoint() {
    for (answer, works) in [
        (Reply::token("canary-access-2", "canary-refresh-2"), true),
        (Reply::new(401, r#"{"error":"invalid_client"}"#), false),
    ] {
        let stage = Stage::new().await;
        stage.schwab.hash().await.unwrap();
        stage.on(TOKEN, [answer]);
        stage.on(ACCOUNT, [Reply::new(401, "").takes(Duration::from_secs(1))]);
        for _ in 0..60 {
            let fault = stage.schwab.account().await.unwrap_err().fault;
            assert!(matches!(fault, BrokerFault::Unauthorized(_)), "{fault}");
        }
        let asked = stage.seen(TOKEN).len();
        assert!((3..=6).contains(&asked), "{asked} refreshes in {:?}", stage.clock.elapsed());
        stage.on(TOKEN, [Reply::token("canary-access-3", "canary-refresh-3")]);
        stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
        assert!(stage.schwab.account().await.is_ok(), "it is over, and a refresh worked: {works}");
    }
}

#[tokio::test]
async fn a_token_good_for_longer_is_left_alone() {
    let stage = Stage::with_token_for(301, None).await;
    assert!(!stage.schwab.refresh_if_needed().await.unwrap());
    assert!(stage.targets().is_empty() && stage.alone.obtained.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_was_good_at_first_is_not_renewed_between_rungs() {
    let stage = Stage::with_token_for(302, None).await;
    let well = Reply::json(&json!({"securitiesAccount": {}}));
    stage.on(
        ACCOUNT,
        [well.clone().takes(Duration::from_secs(100)), well.clone().takes(Duration::from_secs(142)), well],
    );
    for _ in 0..2 {
        assert!(stage.schwab.account().await.is_ok());
    }
    assert_eq!(stage.seen(TOKEN).len(), 0, "202 seconds left outlast the ladder");
    stage.on(TOKEN, [Reply::token("canary-access-2", "canary-refresh-2")]);
    assert!(stage.schwab.account().await.is_ok());
    assert_eq!(stage.seen(TOKEN).len(), 1, "60 seconds do not");
}

#[tokio::test]
async fn a_token_endpoint_outage_stops_nothing_while_the_token_lives() {
    let stage = Stage::with_token_for(240, None).await;
    stage.on(TOKEN, [Reply::new(503, "")]);
    stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
    for _ in 0..2 {
        assert!(stage.schwab.account().await.is_ok());
    }
    assert_eq!(stage.seen(TOKEN).len(), 1, "and it is not asked again between rungs");
    assert!(stage.seen(ACCOUNT).iter().all(|seen| seen.authorization == "Bearer canary-access-1"));
    assert!(
        stage.alone.notes.lock().unwrap()[0]
            .contains("traded on the token in hand: unavailable: token refresh: 503"),
        "{:?}",
        stage.alone.notes
    );
    assert!(
        matches!(stage.schwab.refresh_if_needed().await.unwrap_err().fault, BrokerFault::Unavailable(_)),
        "the warm-up says so"
    );
}

/// What is stored; the lock is always free.
struct Parameter(Mutex<(String, i64)>);

#[async_trait]
impl TokenStore for Parameter {
    async fn load(&self, _: &str) -> Result<StoredToken, SaveError> {
        let (text, version) = self.0.lock().unwrap().clone();
        Ok(StoredToken { text: text.into(), version: TokenVersion::Count(version) })
    }

    async fn save(&self, _: &str, text: &SecretString, _: &TokenVersion) -> Result<TokenWrite, SaveError> {
        let mut kept = self.0.lock().unwrap();
        *kept = (text.expose_secret().to_owned(), kept.1 + 1);
        Ok(TokenWrite::Made(TokenVersion::Count(kept.1)))
    }

    async fn between(
        &self,
        _: &str,
        _: &TokenVersion,
        _: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl TokenLock for Parameter {
    async fn take(&self, _: &str, _: &str, _: Timestamp, _: Timestamp) -> Result<PutOutcome, TokenLockError> {
        Ok(PutOutcome::Ours)
    }

    async fn release(&self, _: &str, _: &str) -> Result<(), TokenLockError> {
        Ok(())
    }
}

/// An adapter whose token has expired, renewed through a keeper, beside a store that holds `stored`.
async fn kept(stored: &Value) -> (Stage, Arc<TokenKeeper>, Arc<Parameter>) {
    let parameter = Arc::new(Parameter(Mutex::new((stored.to_string(), 7))));
    let clock = Arc::new(TestClock::new());
    let ports = TokenPorts { store: parameter.clone(), lock: parameter.clone(), clock };
    let read = StoredToken { text: token_text(0), version: TokenVersion::Count(6) };
    let keeper = Arc::new(TokenKeeper::new(
        ports,
        TokenIdentity { name: "/gamma/schwab/token_json", run_id: "run-1", read_age: token_age },
        &read,
    ));
    let stage = Stage::renewed_through(0, None, keeper.clone()).await;
    stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
    (stage, keeper, parameter)
}

fn stored(created: i64, expires: i64) -> Value {
    json!({"creation_timestamp": created, "token": {"refresh_token": "canary-refresh-3", "access_token": "canary-access-3", "expires_at": expires}})
}

#[tokio::test]
async fn a_token_refreshed_by_another_process_is_used() {
    let (stage, keeper, _) = kept(&stored(START - 561_600, START + 1500)).await;
    assert!(stage.schwab.account().await.is_ok());
    assert_eq!(
        (stage.seen(TOKEN).len(), stage.seen(ACCOUNT)[0].authorization.as_str()),
        (0, "Bearer canary-access-3")
    );
    assert_eq!(keeper.flush().await.saved, TokenSaved::Unchanged);
}

#[tokio::test]
async fn a_newer_token_that_the_broker_refuses_is_refreshed() {
    let (stage, keeper, parameter) = kept(&stored(START - 561_600, START + 1500)).await;
    stage.on(TOKEN, [Reply::token("canary-access-4", "canary-refresh-4")]);
    let well = Reply::json(&json!({"securitiesAccount": {}}));
    stage.on(ACCOUNT, [Reply::new(401, ""), well]);
    stage.schwab.hash().await.unwrap();
    // Written anew with another age, it is still the token that is refused.
    parameter.0.lock().unwrap().0 = stored(START - 561_600, START + 1600).to_string();
    assert!(stage.schwab.account().await.is_ok());
    assert_eq!(stage.seen(TOKEN)[0].body, "grant_type=refresh_token&refresh_token=canary-refresh-3");
    assert_eq!(keeper.flush().await.saved, TokenSaved::Saved { version: TokenVersion::Count(8) });
    assert!(parameter.0.lock().unwrap().0.contains("canary-access-4"));
}

#[tokio::test]
async fn a_dead_login_is_looked_up_once_more_and_then_it_is_dead() {
    let (stage, _, _) = kept(&serde_json::from_str(token_text(0).expose_secret()).unwrap()).await;
    stage.on(TOKEN, [Reply::new(400, DEAD)]);
    for _ in 0..2 {
        let fault = stage.schwab.account().await.unwrap_err().fault;
        assert!(
            matches!(&fault, BrokerFault::TokenDead(words) if words.contains("docs/runbook.md, 'Schwab login'")),
            "{fault}"
        );
    }
    assert_eq!(stage.seen(TOKEN).len(), 1);
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
        ("invalid grant", Reply::new(400, r#"{"error":"invalid_grant"}"#), 1, |fault| {
            matches!(fault, BrokerFault::TokenDead(_))
        }),
        ("bad form", Reply::new(400, r#"{"error":"invalid_request"}"#), 1, |fault| {
            matches!(fault, BrokerFault::Unauthorized(_))
        }),
        (
            "bad client",
            Reply::new(401, r#"{"error":"invalid_client","error_description":"Unauthorized"}"#),
            1,
            |fault| matches!(fault, BrokerFault::Unauthorized(text) if text.contains("invalid_client")),
        ),
        ("edge", Reply::new(403, "<HTML>Access Denied</HTML>"), 4, |fault| {
            matches!(fault, BrokerFault::Unavailable(_))
        }),
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
        assert!(stage.alone.obtained.lock().unwrap().is_empty(), "{name}");
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
    stage.on(
        TOKEN,
        [Reply::new(503, ""), Reply::new(200, "").cut(), Reply::token("canary-access-2", "canary-refresh-2")],
    );
    stage.on(ACCOUNT, [Reply::json(&json!({"securitiesAccount": {}}))]);
    stage.schwab.account().await.unwrap();
    assert_eq!(stage.targets(), [TOKEN, TOKEN, TOKEN, ACCOUNTS, ACCOUNT]);
}

#[tokio::test]
async fn no_secret_shows_even_where_the_broker_echoes_it() {
    let echo = "canary-access-1 canary-access-2 canary-refresh-1 canary-refresh-2 canary-key canary-secret";
    let own =
        |status: u16, word: &str| Reply::new(status, format!(r#"{{"message":"{word} is not wanted"}}"#));
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
    for reply in [
        own(400, "canary-refresh-1"),
        own(401, "canary-key"),
        own(500, "canary-secret"),
        Reply::new(200, echo),
    ] {
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
        ("creation_timestamp", |config| {
            config.token_text = SecretString::from(r#"{"token":{"refresh_token":"canary"}}"#)
        }),
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
        let error = Schwab::new(http, config, stage.clock.clone(), Arc::new(Alone::default())).err().unwrap();
        assert!(error.to_string().contains(field), "{error}");
        assert!(!format!("{shown} {error} {error:?}").contains("canary"), "{error}");
    }
}
