//! The token document and the other secrets, through the unmodified function. Needs moto: scripts/test runs
//! these.

use std::collections::BTreeMap;

use gamma_cloud::SecretTokenStore;
use gamma_execution::ports::TokenStore;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{CANARIES, Stack, StackConfig, TOKEN};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const LIVE: &str = include_str!("../../events/schwab.json");
const WARM_UP: &str = include_str!("../../events/warmup.json");

fn refreshes(stack: &Stack) -> usize {
    stack.simulator.requests().iter().filter(|request| request.path == "/v1/oauth/token").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_held_token_lock_costs_two_seconds_and_an_alarm_no_trade() {
    let moto = Moto::start().await.unwrap();
    let free = Stack::start(&moto, &StackConfig::of_seed(1)).await.unwrap();
    let usual = free.invoke(LIVE).await.unwrap();
    let notes = usual.body["notes"].as_array().unwrap();
    let ordinary =
        notes.iter().all(|note| note.as_str().unwrap().starts_with("the broker shows working orders"));
    assert!(usual.body["alarm"] == false && ordinary, "{}", usual.body);

    let stack = Stack::start(&moto, &StackConfig::of_seed(1)).await.unwrap();
    stack.hold_token_lock(60).await.unwrap();
    let answer = stack.invoke(LIVE).await.unwrap();
    assert_eq!(answer.outcome(), usual.outcome());
    assert_eq!(answer.body["alarm"], true);
    let notes = answer.body["notes"].to_string();
    assert!(
        notes.contains("the token lock stayed taken, by run another-run until")
            && notes.contains("went on without it"),
        "{notes}"
    );
    assert_eq!(
        (refreshes(&stack), answer.body["token"]["token"].as_str()),
        (1, Some("saved")),
        "{}",
        answer.body["token"]
    );
    assert!(stack.host.logs(&answer.request_id).iter().any(|line| line.contains("\"alarm\":true")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn after_warm_up_the_lock_is_free_and_the_trade_refreshes_none() {
    let moto = Moto::start().await.unwrap();
    let stack = Stack::start(&moto, &StackConfig::of_seed(1)).await.unwrap();
    let answer = stack.invoke(WARM_UP).await.unwrap();
    assert_eq!(
        (answer.body["token"]["token"].as_str(), &answer.body["notes"]),
        (Some("saved"), &json!([])),
        "{}",
        answer.body
    );
    stack.hold_token_lock(60).await.unwrap();
    let answer = stack.invoke(LIVE).await.unwrap();
    assert_eq!(
        (answer.body["alarm"].as_bool(), refreshes(&stack)),
        (Some(false), 1),
        "a good token needs no lock: {}",
        answer.body["notes"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_run_trades_with_secrets_and_token_in_secrets_manager() {
    let moto = Moto::start().await.unwrap();
    let usual = StackConfig::of_seed(1);
    let token = json!({
        "creation_timestamp": usual.start.as_second() - 86_400,
        "token": {"refresh_token": CANARIES[2].1, "access_token": CANARIES[3].1, "expires_in": 1800, "expires_at": usual.start.as_second() - 60},
    });
    let login = json!({"key": CANARIES[0].1, "secret": CANARIES[1].1, "email": CANARIES[4].1, "password": CANARIES[5].1});
    let kept = "secretsmanager:gamma/token";
    let mut parameters = BTreeMap::from([
        ("secretsmanager:gamma/login".to_owned(), login.to_string()),
        (kept.to_owned(), token.to_string()),
    ]);
    for unused in [
        "/gamma/schwab/app_key",
        "/gamma/schwab/app_secret",
        "/gamma/shared/gw_email",
        "/gamma/shared/gw_password",
        TOKEN,
    ] {
        parameters.insert(unused.to_owned(), String::new());
    }
    let name = |variable: &str, key: &str| {
        (format!("GAMMA_NAME_{variable}"), format!("secretsmanager:gamma/login#{key}"))
    };
    let mut environment = BTreeMap::from([
        name("APP_KEY", "key"),
        name("APP_SECRET", "secret"),
        name("SIGNAL_EMAIL", "email"),
        name("SIGNAL_PASSWORD", "password"),
    ]);
    environment.insert("GAMMA_NAME_TOKEN".to_owned(), kept.to_owned());
    let stack = Stack::start(&moto, &StackConfig { parameters, environment, ..usual }).await.unwrap();

    let store = SecretTokenStore::new(stack.aws());
    let before = store.load(kept).await.unwrap();
    let answer = stack.invoke(LIVE).await.unwrap();
    assert_eq!(
        (answer.outcome(), answer.body["token"]["token"].as_str()),
        ("filled", Some("saved")),
        "{}",
        answer.body
    );
    let after = store.load(kept).await.unwrap();
    assert_ne!(before.version, after.version);
    assert_eq!(answer.body["token"]["version"], serde_json::to_value(&after.version).unwrap());
    let document: Value = serde_json::from_str(after.text.expose_secret()).unwrap();
    assert!(document["token"]["expires_at"].as_i64() > token["token"]["expires_at"].as_i64());
    for line in stack.host.logs(&answer.request_id).iter().chain([&answer.body.to_string()]) {
        assert!(CANARIES.iter().all(|(_, secret)| !line.contains(secret)), "{line}");
    }
}
