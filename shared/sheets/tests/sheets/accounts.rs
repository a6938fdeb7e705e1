//! The key file, as people paste it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gamma_sheets::ServiceAccount;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::google::key_file;

const URI: &str = "https://oauth2.googleapis.com/token";

fn parse(text: &str) -> Result<ServiceAccount, String> {
    ServiceAccount::parse(&SecretString::from(text)).map_err(|error| error.to_string())
}

#[test]
fn the_key_file_is_read_as_json_and_as_wrapped_base64() {
    let file = key_file(URI).to_string();
    let encoded = STANDARD.encode(format!("{file} "));
    let wrapped: String = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| format!("  {}\r\n", String::from_utf8_lossy(line)))
        .collect();
    let escaped = json!(key_file(URI)).to_string().replace("\\n", "\\\\n");
    let texts = [
        file.clone(),
        format!("\n{file}\n"),
        encoded.clone(),
        encoded.trim_end_matches('=').to_owned(),
        wrapped,
        escaped,
    ];
    for text in texts {
        let account = parse(&text).unwrap();
        assert_eq!(format!("{account:?}"), "ServiceAccount { .. }");
    }
}

#[test]
fn what_is_wrong_is_named_and_nothing_secret_is_shown() {
    let without = |field: &str| {
        let mut file = key_file(URI);
        file.as_object_mut().unwrap().remove(field);
        file.to_string()
    };
    let with = |field: &str, value: Value| {
        let mut file = key_file(URI);
        file[field] = value;
        file.to_string()
    };
    let truncated = |text: String| text[..text.len() - 40].to_owned();
    for (text, message) in [
        (String::new(), "key file: got nothing, expected its JSON, or base64 of it"),
        ("canary!".to_owned(), "key file: got a text that is neither"),
        (STANDARD.encode("[1]"), "key file: got JSON that is no object"),
        (truncated(key_file(URI).to_string()), "key file: got"),
        (
            with("type", json!("authorized_user")),
            "type: got another kind of key file, expected \"service_account\"",
        ),
        (without("client_email"), "client_email: got nothing, expected a text"),
        (with("client_email", json!(" ")), "client_email: got an empty text"),
        (without("private_key"), "private_key: got nothing"),
        (with("private_key", json!(["canary"])), "private_key: got a JSON value that is no text"),
        (with("private_key", json!("canary")), "private_key: got a text that does not read, expected PEM"),
        (
            with("private_key", json!("-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n")),
            "private_key: got another key, expected an RSA key",
        ),
        (without("token_uri"), "token_uri: got nothing"),
        (
            with("token_uri", json!("http://canary.example.org/token")),
            "token_uri: got another address, expected https://",
        ),
        (
            with("token_uri", json!("http://127.0.0.1:80@canary.example.org/")),
            "token_uri: got another address, expected https://",
        ),
        (with("token_uri", json!("https://")), "token_uri: got another address, expected https://"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.starts_with(&format!("service account: {message}")), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_text_is_echoed(text in ".{0,200}|\\{.{0,40}\\}") {
        let account = parse(&format!("canary{text}"));
        prop_assert!(account.is_err_and(|error| !error.contains("canary")));
        prop_assert!(parse(&text).is_err());
    }
}
