//! The made-up service account and its key.
//!
//! The key is made once in a process, when somebody first asks for it: no secret of the repository, and
//! simulations that never speak to Google do not wait for it. It is the one thing here that is no function of
//! the seed, and nothing that is shown depends on it.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Who the account is.
pub(super) const EMAIL: &str = "gamma-trading@simulated-project.iam.gserviceaccount.com";
/// Which of its keys it has.
pub(super) const KEY_ID: &str = "5a3d0c7be1f24986b0d45e8a97c3f2101b6e4d88";

struct Key {
    pem: SecretString,
    public: Vec<u8>,
}

static KEY: OnceLock<Result<Key, Unspecified>> = OnceLock::new();

fn key() -> Result<&'static Key, Unspecified> {
    KEY.get_or_init(make).as_ref().map_err(|Unspecified| Unspecified)
}

fn make() -> Result<Key, Unspecified> {
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = pair.as_der()?;
    Ok(Key { pem: pem(der.as_ref()), public: pair.public_key().as_ref().to_vec() })
}

fn pem(der: &[u8]) -> SecretString {
    let text = STANDARD.encode(der);
    let lines = text
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect::<Vec<_>>()
        .join("\n");
    format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n").into()
}

/// Whether `signature` of `message` is the account's, by RS256.
pub(super) fn signed(message: &str, signature: &[u8]) -> bool {
    key().is_ok_and(|key| {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public)
            .verify(message.as_bytes(), signature)
            .is_ok()
    })
}

/// The file that Google's console gives for the account's key.
pub(super) fn file(token_uri: &str) -> SecretString {
    // Without a key, which only a machine without randomness has, the file has none either, and no client
    // takes it.
    let pem = key().map_or("", |key| key.pem.expose_secret());
    let certificate =
        format!("https://www.googleapis.com/robot/v1/metadata/x509/{}", EMAIL.replace('@', "%40"));
    let file = json!({
        "type": "service_account",
        "project_id": "simulated-project",
        "private_key_id": KEY_ID,
        "private_key": pem,
        "client_email": EMAIL,
        "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": certificate,
        "universe_domain": "googleapis.com",
    });
    format!("{file:#}").into()
}
