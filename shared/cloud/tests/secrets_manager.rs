//! Secrets and tokens of Secrets Manager, against a local one.

use crate::moto;
use crate::wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_ssm::types::ParameterType;
use gamma_cloud::{SecretName, SecretTokenStore, Secrets, SecretsError, aws, token_store};
use gamma_execution::ports::{TokenStore, TokenVersion, TokenWrite};
use secrecy::{ExposeSecret, SecretString};

use crate::records::StillClock;

async fn client() -> Client {
    Client::new(&moto::config().await)
}

async fn create(id: &str, value: &str) -> String {
    client().await.create_secret().name(id).secret_string(value).send().await.unwrap().version_id.unwrap()
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn parameters_and_secrets_are_read_together_and_a_secret_once() {
    let ssm = aws_sdk_ssm::Client::new(&moto::config().await);
    ssm.put_parameter()
        .name("/mixed/plain")
        .value("from ssm")
        .r#type(ParameterType::SecureString)
        .send()
        .await
        .unwrap();
    let version = create("mixed/schwab", r#"{"app_key": "sesame-key", "app_secret": "sesame-secret"}"#).await;
    create("mixed/whole", "sesame whole").await;
    let names = [
        "/mixed/plain",
        "secretsmanager:mixed/schwab#app_key",
        "secretsmanager:mixed/schwab#app_secret",
        "secretsmanager:mixed/whole",
    ];
    let absent = ["secretsmanager:mixed/none", "secretsmanager:mixed/schwab#sizing", "/mixed/none"];
    let set = Secrets::new(&moto::config().await, Arc::new(StillClock::default()))
        .read_with(&names, &absent)
        .await
        .unwrap();
    for (name, value) in names.into_iter().zip(["from ssm", "sesame-key", "sesame-secret", "sesame whole"]) {
        assert_eq!(set.get(name).unwrap().expose_secret(), value);
    }
    assert!(absent.into_iter().all(|name| set.optional(name).is_none()));
    assert_eq!(set.version("secretsmanager:mixed/schwab#app_key").unwrap(), TokenVersion::Id(version));
    assert!(!format!("{set:?}").contains("sesame"), "{set:?}");

    // Two keys of one secret are one call, and without a secret Secrets Manager is not called at all.
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let endpoint = wire::serve(move |request| {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        noted.lock().unwrap().push(
            text.lines()
                .find_map(|line| line.strip_prefix("x-amz-target: ").map(str::to_owned))
                .unwrap_or_default(),
        );
        Some(wire::forward(moto::endpoint(), request))
    });
    let secrets = Secrets::new(&aws::load_for(&endpoint).await, Arc::new(StillClock::default()));
    secrets.read(&names[..3]).await.unwrap();
    let mut calls = std::mem::take(&mut *seen.lock().unwrap());
    calls.sort();
    assert_eq!(calls, ["amazonssm.getparameters", "secretsmanager.getsecretvalue"]);
    secrets.read(&names[..1]).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["amazonssm.getparameters"]);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_is_wrong_with_a_secret_is_named_with_the_next_step() {
    create("wrong/json", r#"{"blank": " ", "number": 5}"#).await;
    create("wrong/text", "sesame").await;
    client()
        .await
        .create_secret()
        .name("wrong/binary")
        .secret_binary(Blob::new(b"sesame".to_vec()))
        .send()
        .await
        .unwrap();
    let secrets = Secrets::new(&moto::config().await, Arc::new(StillClock::default()));
    for (names, words) in [
        (
            vec![
                "secretsmanager:wrong/none",
                "secretsmanager:wrong/json#other",
                "secretsmanager:wrong/json#blank",
            ],
            "secrets: missing [secretsmanager:wrong/json#other, secretsmanager:wrong/none], empty [secretsmanager:wrong/json#blank]; write them with aws secretsmanager put-secret-value",
        ),
        (
            vec!["/wrong/none", "secretsmanager:wrong/none"],
            "; write parameters with gamma seed, secrets with aws secretsmanager put-secret-value",
        ),
        (
            vec!["secretsmanager:wrong/json#number"],
            "secret secretsmanager:wrong/json#number: got a JSON value that is no text",
        ),
        (
            vec!["secretsmanager:wrong/text#key"],
            "secret secretsmanager:wrong/text#key: got a secret that is no JSON object",
        ),
        (
            vec!["secretsmanager:wrong/binary"],
            "secret secretsmanager:wrong/binary: got a binary secret, expected text",
        ),
        (vec!["secretsmanager:"], "secret name: got \"secretsmanager:\", expected"),
    ] {
        let error: SecretsError = secrets.read(&names).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    }
}

fn id(version: &str) -> TokenVersion {
    TokenVersion::Id(version.to_owned())
}

fn made(write: &TokenWrite) -> TokenVersion {
    match write {
        TokenWrite::Made(version) => version.clone(),
        TokenWrite::Conflict => panic!("the write was refused"),
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_follows_the_version_that_was_read_or_is_not_written() {
    let name = "secretsmanager:tokens/one";
    let first = create("tokens/one", "first").await;
    let store = token_store(&moto::config().await, &SecretName::of_document(name).unwrap());
    let stored = store.load(name).await.unwrap();
    assert_eq!((stored.text.expose_secret(), &stored.version), ("first", &id(&first)));
    let second = made(&store.save(name, &SecretString::from("second"), &stored.version).await.unwrap());
    assert_eq!(store.load(name).await.unwrap().version, second);

    // Somebody who had read the first version does not go over the second, and neither does anybody after
    // them.
    assert_eq!(
        store.save(name, &SecretString::from("late"), &id(&first)).await.unwrap(),
        TokenWrite::Conflict
    );
    assert_eq!(store.load(name).await.unwrap().text.expose_secret(), "second");
    let third = made(&store.save(name, &SecretString::from("third"), &second).await.unwrap());
    assert_eq!(store.load(name).await.unwrap().text.expose_secret(), "third");
    let previous = client()
        .await
        .get_secret_value()
        .secret_id("tokens/one")
        .version_stage("AWSPREVIOUS")
        .send()
        .await
        .unwrap();
    assert_eq!(
        previous.secret_string.as_deref(),
        Some("second"),
        "the version before stays for a person to go back to"
    );
    assert!(store.between(name, &second, &third).await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_write_whose_answers_are_lost_is_made_once() {
    let first = create("tokens/lost", "first").await;
    let lose = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&lose);
    // Loses the first answer to each kind of write.
    let endpoint = wire::serve(move |request| {
        let answer = wire::forward(moto::endpoint(), request);
        let text = String::from_utf8_lossy(request);
        let write = text.contains("secretsmanager.PutSecretValue")
            || text.contains("secretsmanager.UpdateSecretVersionStage");
        (!(write && told.fetch_not(Ordering::SeqCst))).then_some(answer)
    });
    let store = SecretTokenStore::new(&aws::load_for(&endpoint).await);
    lose.store(true, Ordering::SeqCst);
    let name = "secretsmanager:tokens/lost";
    let second = made(&store.save(name, &SecretString::from("second"), &id(&first)).await.unwrap());
    assert_eq!(
        (store.load(name).await.unwrap().text.expose_secret(), store.load(name).await.unwrap().version),
        ("second", second)
    );
    let versions = client()
        .await
        .list_secret_version_ids()
        .secret_id("tokens/lost")
        .send()
        .await
        .unwrap()
        .versions
        .unwrap_or_default();
    assert_eq!(versions.len(), 2);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_that_cannot_be_kept_is_refused_with_its_name() {
    let store = SecretTokenStore::new(&moto::config().await);
    let first = id(&create("tokens/refused", "first").await);
    let text = SecretString::from("sesame");
    let mut said = vec![store.load("secretsmanager:tokens/none").await.unwrap_err().to_string()];
    said.push(store.load("secretsmanager:tokens/refused#key").await.unwrap_err().to_string());
    said.push(store.save("secretsmanager:tokens/none", &text, &first).await.unwrap_err().to_string());
    said.push(
        store
            .save("secretsmanager:tokens/refused", &text, &TokenVersion::Count(1))
            .await
            .unwrap_err()
            .to_string(),
    );
    said.push(
        store
            .save("secretsmanager:tokens/refused", &SecretString::from(" "), &first)
            .await
            .unwrap_err()
            .to_string(),
    );
    let words = [
        "the secret is missing; make it with",
        "a secret of its own",
        "ResourceNotFoundException",
        "expected the id of a secret's version",
        "nothing was written",
    ];
    for (said, words) in said.into_iter().zip(words) {
        assert!(
            said.contains(words) && said.contains("secretsmanager:tokens/") && !said.contains("sesame"),
            "{said}"
        );
    }
    assert_eq!(store.load("secretsmanager:tokens/refused").await.unwrap().version, first);
}
