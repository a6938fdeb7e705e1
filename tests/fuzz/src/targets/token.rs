use gamma_execution::tokens::TokenAge;
use gamma_schwab::{decode, token_age};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Verdict, status, two_lines};
use crate::promise::{CANARY, fault, hides, names_what_came};

/// The stored document: as it came, and once more with a secret in every text of it.
pub(super) fn document(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        plant(&mut value, 0);
        read(&SecretString::from(value.to_string()));
    }
    read(&SecretString::from(text))
}

/// Every text of a document becomes, or begins with, a secret; what is named by keys of ours stays readable.
pub(super) fn plant(value: &mut Value, depth: usize) {
    match value {
        Value::String(text) => *text = format!("{CANARY}-{depth}-{text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, depth + 1)),
        Value::Object(fields) => fields.values_mut().for_each(|field| plant(field, depth + 1)),
        _ => {}
    }
}

fn read(text: &SecretString) -> Verdict {
    match decode::token(text) {
        Ok(token) => {
            assert!(!token.access.expose_secret().is_empty() && !token.refresh.expose_secret().is_empty());
            let again = decode::token(&token.text)
                .unwrap_or_else(|error| panic!("what it stores must read: {error}"));
            let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
            assert!(
                same(&again.access, &token.access)
                    && same(&again.refresh, &token.refresh)
                    && same(&again.text, &token.text)
            );
            assert_eq!(again.expires, token.expires);
            let age = token_age(text);
            assert!(
                age.is_some_and(|TokenAge { expires, .. }| expires == token.expires)
                    && age == token_age(&token.text),
                "{age:?}"
            );
            Verdict::Reads
        }
        Err(error) => {
            hides("an error", &names_what_came(&error), &[CANARY]);
            hides("a Debug form", &format!("{error:?}"), &[CANARY]);
            assert_eq!(token_age(text), None, "what does not read has no age");
            Verdict::Refused
        }
    }
}

const NOW: i64 = 1_790_010_000;

/// The token endpoint's answer to a refresh: the status, an ignored line, the body.
pub(super) fn refresh(data: &[u8]) -> Verdict {
    let [line, _, body] = two_lines(data);
    let held = json!({"creation_timestamp": NOW - 86_400, "note": "kept", "token": {"expires_in": 1800, "token_type": "Bearer", "scope": "api",
        "refresh_token": "canary-refresh@", "access_token": "canary-access@", "id_token": "canary-id", "expires_at": NOW}});
    let [held, key, secret] =
        [held.to_string().as_str(), "canary-key", "canary-secret/+="].map(SecretString::from);
    let now = Timestamp::from_second(NOW).unwrap_or(Timestamp::UNIX_EPOCH);
    let Some(answer) = decode::answer(status(line), &[], body) else { return Verdict::Refused };
    match decode::refreshed(&held, &answer, [&secret, &key], now) {
        Ok(token) => {
            assert!(answer.is_success(), "status {} renews nothing", answer.status);
            assert!(token.expires > NOW, "a token just obtained is not due: {}", token.expires);
            let (before, after) = (token_age(&held), token_age(&token.text));
            assert!(
                after > before && after.map(|age| age.created) == before.map(|age| age.created),
                "{before:?} {after:?}"
            );
            Verdict::Reads
        }
        Err(error) => {
            hides(
                "an error",
                &fault(&error),
                &[
                    "canary-refresh@",
                    "canary-refresh%40",
                    "canary-key",
                    "canary-secret/+=",
                    "canary-secret%2F%2B%3D",
                    "canary-secret%2f%2b%3d",
                ],
            );
            hides_what_came(&error.to_string(), body);
            Verdict::Refused
        }
    }
}

/// A token in an answer that was refused is nobody's secret yet, and still none for a log.
pub(super) fn hides_what_came(error: &str, body: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return };
    let text = String::from_utf8_lossy(body);
    for token in
        ["access_token", "refresh_token", "id_token"].iter().filter_map(|key| answer.get(*key)?.as_str())
    {
        // Elsewhere in the answer it would be words for a person.
        if token.len() >= 8 && text.matches(token).count() == 1 {
            hides("an error", error, &[token]);
        }
    }
}
