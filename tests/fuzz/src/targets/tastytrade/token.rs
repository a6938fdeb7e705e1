use gamma_tastytrade::{decode, token_age};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::super::{Verdict, status, token, two_lines};
use crate::promise::{CANARY, fault, hides, names_what_came};

/// The stored document: as it came, and once more with a secret in every text of it.
pub(in super::super) fn document(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        token::plant(&mut value, 0);
        read(&SecretString::from(value.to_string()));
    }
    read(&SecretString::from(text))
}

fn read(text: &SecretString) -> Verdict {
    match decode::token(text) {
        Ok(token) => {
            assert!(
                !token.refresh.expose_secret().trim().is_empty(),
                "without one there is nothing to refresh with"
            );
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
            assert!(age.is_some() && age == token_age(&token.text), "{age:?}");
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

/// What a refusal of the token endpoint may echo, as it is and as a form spells it.
const SPELLED: [&str; 6] = [
    "canary-refresh@",
    "canary-refresh%40",
    "canary-id",
    "canary-secret/+=",
    "canary-secret%2F%2B%3D",
    "canary-secret%2f%2b%3d",
];

/// The token endpoint's answer to a refresh: the status, an ignored line, the body.
pub(in super::super) fn refresh(data: &[u8]) -> Verdict {
    let [line, _, body] = two_lines(data);
    let held = json!({"access_token": "canary-access@", "refresh_token": "canary-refresh@", "token_type": "Bearer", "expires_in": 900,
        "id_token": "canary-jwt", "note": "kept", "creation_timestamp": NOW - 900, "expires_at": NOW});
    let [held, id, secret] =
        [held.to_string().as_str(), "canary-id", "canary-secret/+="].map(SecretString::from);
    let now = Timestamp::from_second(NOW).unwrap_or(Timestamp::UNIX_EPOCH);
    let Some(answer) = decode::answer(status(line), &[], body) else { return Verdict::Refused };
    match decode::refreshed(&held, &answer, [&secret, &id], now) {
        Ok(token) => {
            assert!(answer.is_success(), "status {} renews nothing", answer.status);
            assert!(token.expires > NOW, "a token just obtained is not due: {}", token.expires);
            assert!(
                !token.refresh.expose_secret().is_empty() && token_age(&token.text) > token_age(&held),
                "never left older"
            );
            Verdict::Reads
        }
        Err(error) => {
            hides("an error", &fault(&error), &SPELLED);
            token::hides_what_came(&error.to_string(), body);
            Verdict::Refused
        }
    }
}
