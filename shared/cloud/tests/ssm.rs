//! Secrets and tokens against a local parameter store.

mod moto;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use gamma_cloud::{Secrets, SecretsError, SsmTokenStore};
use gamma_execution::ports::TokenStore;
use secrecy::{ExposeSecret, SecretString};

async fn seed(name: &str, value: &str) {
    let client = Client::new(&moto::config().await);
    let request = client.put_parameter().name(name).value(value).r#type(ParameterType::SecureString).overwrite(true);
    request.send().await.unwrap();
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn secrets_come_decrypted_with_their_versions_and_hide_themselves() {
    seed("/read/key", "old").await;
    seed("/read/key", "sesame-open").await;
    let names: Vec<String> = (0..12).map(|number| format!("/read/many/{number}")).collect();
    for name in &names {
        seed(name, &format!("value of {name}")).await;
    }
    let mut asked: Vec<&str> = names.iter().map(String::as_str).collect();
    asked.extend(["/read/key", "/read/key"]);
    let set = Secrets::new(&moto::config().await).read_with(&asked, &["/read/absent"]).await.unwrap();
    assert_eq!(set.get("/read/key").unwrap().expose_secret(), "sesame-open");
    assert_eq!((set.version("/read/key").unwrap(), set.version("/read/many/0").unwrap()), (2, 1));
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
    let secrets = Secrets::new(&moto::config().await);
    let error = secrets.read_with(&required, &["/partial/optional"]).await.unwrap_err();
    assert_eq!(error.to_string(), "parameters: missing [/partial/a, /partial/b], empty [/partial/blank, /partial/optional]; write them with scripts/seed-ssm");
    assert_eq!(secrets.read(&["/partial/there"]).await.unwrap().version("/partial/there").unwrap(), 1);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_is_overwritten_and_its_version_rises() {
    let store = SsmTokenStore::new(&moto::config().await);
    let name = "/gamma/test/token_json";
    let error = store.load(name).await.unwrap_err().to_string();
    assert_eq!(error, format!("token store: read {name}: the parameter is missing; write it with scripts/seed-ssm"));

    for version in 1..=2 {
        let text = format!("{{\"version\":{version}}}");
        assert_eq!(store.save(name, &SecretString::from(text.clone())).await.unwrap(), version);
        let stored = store.load(name).await.unwrap();
        assert_eq!((stored.text.expose_secret(), stored.version), (text.as_str(), version));
    }
    let client = Client::new(&moto::config().await);
    let raw = client.get_parameter().name(name).with_decryption(false).send().await.unwrap().parameter.unwrap();
    assert_eq!(raw.r#type, Some(ParameterType::SecureString));
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_token_that_does_not_fit_is_refused_before_it_is_sent() {
    let store = SsmTokenStore::new(&moto::config().await);
    let name = "/gamma/large/token_json";
    let of = |bytes: usize| SecretString::from("t".repeat(bytes));
    assert_eq!(store.save(name, &of(4096)).await.unwrap(), 1);
    let error = store.save(name, &of(4097)).await.unwrap_err().to_string();
    assert!(error.contains("the document has 4097 bytes, a Standard parameter holds 4096"), "{error}");
    // Bytes count, not characters.
    assert!(store.save(name, &SecretString::from("é".repeat(2049))).await.is_err());
    assert!(store.save(name, &SecretString::from(" ")).await.is_err());
    assert_eq!(store.load(name).await.unwrap().version, 1, "nothing was sent");
}
