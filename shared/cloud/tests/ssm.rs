//! Secrets and tokens against a local parameter store.

use crate::moto;

use std::sync::Arc;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use gamma_cloud::{Secrets, SecretsError, SsmTokenStore};
use gamma_execution::ports::{TokenStore, TokenVersion, TokenWrite};
use secrecy::{ExposeSecret, SecretString};

use crate::records::StillClock;

async fn seed(name: &str, value: &str) {
    let client = Client::new(&moto::config().await);
    let request =
        client.put_parameter().name(name).value(value).r#type(ParameterType::SecureString).overwrite(true);
    request.send().await.unwrap();
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn secrets_come_decrypted_with_versions_and_hidden_in_debug() {
    seed("/read/key", "old").await;
    seed("/read/key", "sesame-open").await;
    let names: Vec<String> = (0..12).map(|number| format!("/read/many/{number}")).collect();
    for name in &names {
        seed(name, &format!("value of {name}")).await;
    }
    let mut asked: Vec<&str> = names.iter().map(String::as_str).collect();
    asked.extend(["/read/key", "/read/key"]);
    let set = Secrets::new(&moto::config().await, Arc::new(StillClock::default()))
        .read_with(&asked, &["/read/absent"])
        .await
        .unwrap();
    assert_eq!(set.get("/read/key").unwrap().expose_secret(), "sesame-open");
    assert_eq!(
        (set.version("/read/key").unwrap(), set.version("/read/many/0").unwrap()),
        (TokenVersion::Count(2), TokenVersion::Count(1))
    );
    for name in &names {
        assert_eq!(set.get(name).unwrap().expose_secret(), format!("value of {name}"));
    }
    assert!(set.optional("/read/absent").is_none());
    let absent = SecretsError::NotRead { name: "/read/absent".to_owned() };
    assert_eq!(set.get("/read/absent").unwrap_err(), absent);
    assert_eq!(set.version("/read/absent").unwrap_err(), absent);
    assert!(!format!("{set:?}").contains("sesame"), "{set:?}");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn everything_missing_or_blank_is_named_at_once() {
    seed("/partial/there", "x").await;
    seed("/partial/blank", " ").await;
    seed("/partial/optional", "\n").await;
    let required = ["/partial/b", "/partial/there", "/partial/blank", "/partial/a"];
    let secrets = Secrets::new(&moto::config().await, Arc::new(StillClock::default()));
    let error = secrets.read_with(&required, &["/partial/optional"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "secrets: missing [/partial/a, /partial/b], empty [/partial/blank, /partial/optional]; write them with gamma seed"
    );
    assert_eq!(
        secrets.read(&["/partial/there"]).await.unwrap().version("/partial/there").unwrap(),
        TokenVersion::Count(1)
    );
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_is_overwritten_and_its_version_rises() {
    let store = SsmTokenStore::new(&moto::config().await);
    let name = "/gamma/test/token_json";
    let error = store.load(name).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("token store: read {name}: the parameter is missing; write it with gamma seed")
    );

    let mut before = 0;
    for version in 1..=2 {
        let text = format!("{{\"version\":{version}}}");
        let made = store.put(name, &SecretString::from(text.clone())).await.unwrap();
        let stored = store.load(name).await.unwrap();
        // Not 1 and 2: a put that was answered too late is sent again, and makes one version more.
        assert_eq!((stored.text.expose_secret(), stored.version), (text.as_str(), TokenVersion::Count(made)));
        assert!(made > before, "{made} after {before}");
        before = made;
    }
    let client = Client::new(&moto::config().await);
    let raw =
        client.get_parameter().name(name).with_decryption(false).send().await.unwrap().parameter.unwrap();
    assert_eq!(raw.r#type, Some(ParameterType::SecureString));
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_that_does_not_fit_is_refused_before_it_is_sent() {
    let store = SsmTokenStore::new(&moto::config().await);
    let name = "/gamma/large/token_json";
    let of = |bytes: usize| SecretString::from("t".repeat(bytes));
    let fits = store.put(name, &of(4096)).await.unwrap();
    let error = store.put(name, &of(4097)).await.unwrap_err().to_string();
    assert!(error.contains("the document has 4097 bytes, a Standard parameter holds 4096"), "{error}");
    // Bytes count, not characters.
    assert!(store.put(name, &SecretString::from("é".repeat(2049))).await.is_err());
    assert!(store.put(name, &SecretString::from(" ")).await.is_err());
    assert_eq!(store.load(name).await.unwrap().version, TokenVersion::Count(fits), "nothing was sent");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_a_write_went_over_can_still_be_read() {
    let store = SsmTokenStore::new(&moto::config().await);
    let name = "/gamma/raced/token_json";
    for text in ["first", "second", "third"] {
        store.put(name, &SecretString::from(text)).await.unwrap();
    }
    let read = TokenVersion::Count(1);
    let TokenWrite::Made(made) = store.save(name, &SecretString::from("ours"), &read).await.unwrap() else {
        panic!("a parameter is always written")
    };
    assert_eq!(made, TokenVersion::Count(4));
    let gone: Vec<String> = store
        .between(name, &read, &made)
        .await
        .unwrap()
        .iter()
        .map(|text| text.expose_secret().to_owned())
        .collect();
    assert_eq!(gone, ["second", "third"]);
    assert!(store.between(name, &TokenVersion::Count(3), &made).await.unwrap().is_empty());
    let error = store.between(name, &made, &TokenVersion::Count(6)).await.unwrap_err();
    assert_eq!((error.what, error.name.as_str()), ("read", name));
}
