//! The token document: tastytrade's own OAuth answer, with the two times that it leaves out
//! (docs/reference/tastytrade.md, Login and tokens).

use gamma_execution::tokens::TokenAge;
use gamma_wire::TokenDocument as _;
use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::fields;

/// `{"refresh_token": …, "access_token": …, "creation_timestamp": <unix s>, "expires_at": <unix s>, …}`.
/// Fields we do not know are kept.
///
/// `creation_timestamp` is the refresh that made the access token, not a login: tastytrade's refresh tokens
/// do not age. A document without an access token or without these times, as a person stores it first, is due
/// at once.
#[derive(Clone)]
pub(crate) struct TokenDocument {
    /// Every field, secrets among them: never shown.
    fields: Map<String, Value>,
    /// When its access token was made and expires; `None` where either is not told.
    age: Option<TokenAge>,
    access: SecretString,
    refresh: SecretString,
}

/// A token document that does not read. Names the field and its JSON type, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tastytrade token document: {field}: got {got}, expected {expected}")]
pub struct TokenDocumentError {
    field: &'static str,
    got: &'static str,
    expected: &'static str,
}

impl TokenDocumentError {
    fn of(field: &'static str, value: Option<&Value>, expected: &'static str) -> Self {
        let got = match value {
            None => "nothing",
            Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "a boolean",
            Some(Value::Number(_)) => "a number of another kind",
            Some(Value::String(_)) => "text",
            Some(Value::Array(_)) => "a list",
            Some(Value::Object(_)) => "an object",
        };
        Self { field, got, expected }
    }
}

impl TokenDocument {
    /// What tastytrade documents, used when an answer leaves it out.
    const LIFETIME: i64 = 900;

    fn assemble(fields: Map<String, Value>) -> Result<Self, TokenDocumentError> {
        let refresh = match fields.get("refresh_token") {
            Some(Value::String(text)) if !text.trim().is_empty() => SecretString::from(text.as_str()),
            other => return Err(TokenDocumentError::of("refresh_token", other, "text that is not empty")),
        };
        let access = match fields.get("access_token") {
            None | Some(Value::Null) => SecretString::default(),
            Some(Value::String(text)) => SecretString::from(text.trim()),
            other => return Err(TokenDocumentError::of("access_token", other, "text")),
        };
        let time = |key: &str, field: &'static str| match fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value @ Value::Number(_)) => whole_seconds(value)
                .map(Some)
                .ok_or_else(|| TokenDocumentError::of(field, Some(value), "unix seconds")),
            other => Err(TokenDocumentError::of(field, other, "unix seconds")),
        };
        let (created, expires) =
            (time("creation_timestamp", "creation_timestamp")?, time("expires_at", "expires_at")?);
        // Without an access token the times are of none.
        let age = created
            .zip(expires)
            .filter(|_| !access.expose_secret().is_empty())
            .map(|(created, expires)| TokenAge { created, expires });
        Ok(Self { fields, age, access, refresh })
    }

    /// The document after a refresh: every field the answer has replaces ours unless it is empty, every other
    /// field stays. A refresh token that is not given anew goes on.
    pub(crate) fn refreshed(&self, answer: &Value, now: Timestamp) -> Result<Self, TokenDocumentError> {
        let Value::Object(given) = answer else {
            return Err(TokenDocumentError::of("refresh answer", Some(answer), "an object"));
        };
        let access = given.get("access_token");
        if access.and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
            return Err(TokenDocumentError::of(
                "refresh answer.access_token",
                access,
                "text that is not empty",
            ));
        }
        let mut fields = self.fields.clone();
        let usable =
            |key: &str, value: &Value| !is_empty(value) && (key != "refresh_token" || value.is_string());
        fields.extend(
            given
                .iter()
                .filter(|(key, value)| usable(key, value))
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        // A new token must not be lost for an unreadable lifetime.
        let lifetime = given
            .get("expires_in")
            .and_then(whole_seconds)
            .filter(|seconds| *seconds > 0)
            .unwrap_or(Self::LIFETIME);
        fields.insert("creation_timestamp".to_owned(), Value::from(now.as_second()));
        fields.insert("expires_at".to_owned(), Value::from(now.as_second().saturating_add(lifetime)));
        Self::assemble(fields)
    }

    #[cfg(feature = "decode")]
    pub(crate) fn expires(&self) -> i64 {
        self.age.map_or(0, |age| age.expires)
    }
}

impl gamma_wire::TokenDocument for TokenDocument {
    type Error = TokenDocumentError;

    fn parse(text: &SecretString) -> Result<Self, Self::Error> {
        match serde_json::from_str(text.expose_secret().trim()) {
            Ok(Value::Object(fields)) => Self::assemble(fields),
            Ok(other) => Err(TokenDocumentError::of("document", Some(&other), "an object")),
            Err(_) => Err(TokenDocumentError {
                field: "document",
                got: "text that is no JSON",
                expected: "an object",
            }),
        }
    }

    fn text(&self) -> SecretString {
        SecretString::from(Value::Object(self.fields.clone()).to_string())
    }

    fn access(&self) -> &SecretString {
        &self.access
    }

    fn refresh(&self) -> &SecretString {
        &self.refresh
    }

    fn expires_within(&self, seconds: i64, now: Timestamp) -> bool {
        // Nothing to send, or nothing known of its age: due at once.
        self.age.is_none_or(|age| age.expires.saturating_sub(seconds) <= now.as_second())
    }
}

/// How new a token document is; `None` when it does not read. One without times, as a person stores it, is
/// undated.
#[must_use]
pub fn token_age(text: &SecretString) -> Option<TokenAge> {
    TokenDocument::parse(text).ok().map(|document| document.age.unwrap_or(TokenAge::UNDATED))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Unix seconds; some clients write a fraction.
fn whole_seconds(value: &Value) -> Option<i64> {
    fields::exact(value)?.trunc().to_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_790_010_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn document() -> Value {
        json!({"access_token": "canary-a1", "refresh_token": "canary-r1", "token_type": "Bearer", "expires_in": 900, "id_token": "canary-i1",
            "note": "kept", "creation_timestamp": NOW - 600, "expires_at": NOW + 300})
    }

    fn parse(value: &Value) -> Result<TokenDocument, TokenDocumentError> {
        TokenDocument::parse(&SecretString::from(value.to_string()))
    }

    fn stored(document: &TokenDocument) -> Value {
        serde_json::from_str(document.text().expose_secret()).unwrap()
    }

    #[test]
    fn nothing_is_lost_between_reading_and_storing() {
        assert_eq!(stored(&parse(&document()).unwrap()), document());
        assert_eq!(
            token_age(&SecretString::from(document().to_string())),
            Some(TokenAge { created: NOW - 600, expires: NOW + 300 })
        );
    }

    #[test]
    fn a_refresh_merges_what_is_not_empty_and_notes_the_times() {
        let before = parse(&document()).unwrap();
        let answer = json!({"access_token": "canary-a2", "refresh_token": "", "token_type": null, "expires_in": 600, "scope": "read trade", "id_token": {}});
        let mut expected = document();
        for (key, value) in [
            ("access_token", json!("canary-a2")),
            ("expires_in", json!(600)),
            ("scope", json!("read trade")),
            ("creation_timestamp", json!(NOW)),
            ("expires_at", json!(NOW + 600)),
        ] {
            expected[key] = value;
        }
        assert_eq!(stored(&before.refreshed(&answer, now()).unwrap()), expected);

        let rotated = before
            .refreshed(&json!({"access_token": "canary-a3", "refresh_token": "canary-r2"}), now())
            .unwrap();
        assert_eq!(
            (rotated.refresh().expose_secret(), rotated.age.unwrap().expires),
            ("canary-r2", NOW + 900)
        );
        let odd = before
            .refreshed(&json!({"access_token": "canary-a3", "refresh_token": 7, "expires_in": "soon"}), now())
            .unwrap();
        assert_eq!((odd.refresh().expose_secret(), odd.age.unwrap().expires), ("canary-r1", NOW + 900));
        for answer in
            [json!({"refresh_token": "r"}), json!({"access_token": " "}), json!({"access_token": 5})]
        {
            assert_eq!(
                before.refreshed(&answer, now()).err().unwrap().field,
                "refresh answer.access_token",
                "{answer}"
            );
        }
    }

    #[test]
    fn what_a_person_stores_first_is_due_at_once_and_undated() {
        for text in [
            r#"{"refresh_token":"canary"}"#,
            r#"{"refresh_token":"canary","access_token":""}"#,
            r#"{"refresh_token":"canary","access_token":"canary"}"#,
            r#"{"refresh_token":"canary","access_token":"canary","expires_at":1790099999}"#,
            r#"{"refresh_token":"canary","access_token":null,"creation_timestamp":0,"expires_at":1790099999}"#,
        ] {
            let read = TokenDocument::parse(&SecretString::from(text)).unwrap();
            assert!(read.expires_within(0, now()), "{text}");
            let renewed = read.refreshed(&json!({"access_token": "a"}), now()).unwrap();
            assert!(!renewed.expires_within(899, now()) && renewed.expires_within(900, now()));
            assert_eq!(token_age(&SecretString::from(text)), Some(TokenAge::UNDATED));
            assert_eq!(token_age(&renewed.text()), Some(TokenAge { created: NOW, expires: NOW + 900 }));
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_shown() {
        for (text, shown) in [
            ("", "document: got text that is no JSON"),
            ("canary", "document: got text that is no JSON"),
            ("[\"canary\"]", "document: got a list"),
            (r#"{"access_token":"canary"}"#, "refresh_token: got nothing"),
            (r#"{"refresh_token":"  "}"#, "refresh_token: got text"),
            (r#"{"refresh_token":"canary","access_token":["canary"]}"#, "access_token: got a list"),
            (r#"{"refresh_token":"canary","expires_at":"canary"}"#, "expires_at: got text"),
            (
                r#"{"refresh_token":"canary","creation_timestamp":1e300}"#,
                "creation_timestamp: got a number of another kind",
            ),
        ] {
            let error = TokenDocument::parse(&SecretString::from(text)).err().unwrap();
            let both = format!("{error} {error:?}");
            assert!(both.contains(shown) && !both.contains("canary"), "{both}");
            assert_eq!(token_age(&SecretString::from(text)), None);
        }
    }
}
