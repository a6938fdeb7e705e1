//! The token document, in the shape schwab-py keeps it (docs/reference/schwab.md, Login and tokens), so that
//! either program can read what the other wrote.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gamma_execution::tokens::TokenAge;
use gamma_wire::TokenDocument as _;
use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::fields;

/// `{"creation_timestamp": <login, unix s>, "token": {…, "expires_at": <unix s>}}`. Fields we do not know are
/// kept.
#[derive(Clone)]
pub(crate) struct TokenDocument {
    /// Holds every field but `token`.
    outer: Map<String, Value>,
    /// Holds every field of `token`, secrets among them: never shown.
    token: Map<String, Value>,
    created: i64,
    expires: i64,
    access: SecretString,
    refresh: SecretString,
}

/// A token document that does not read. Names the field and its JSON type, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Schwab token document: {field}: got {got}, expected {expected}")]
pub struct TokenDocumentError {
    field: &'static str,
    got: &'static str,
    expected: &'static str,
}

impl TokenDocumentError {
    const fn new(field: &'static str, got: &'static str, expected: &'static str) -> Self {
        Self { field, got, expected }
    }

    fn of(field: &'static str, value: Option<&Value>, expected: &'static str) -> Self {
        Self::new(field, kind(value), expected)
    }
}

const fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number of another kind",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}

impl TokenDocument {
    /// What Schwab documents, used when an answer leaves it out.
    const LIFETIME: i64 = 1800;

    fn decode(text: &str) -> Option<Value> {
        let compact: String = text.split_whitespace().collect();
        serde_json::from_slice(&STANDARD.decode(compact).ok()?).ok()
    }

    fn assemble(
        outer: Map<String, Value>,
        token: Map<String, Value>,
        created: i64,
    ) -> Result<Self, TokenDocumentError> {
        let secret = |key: &str, field: &'static str| match token.get(key) {
            Some(Value::String(text)) if !text.is_empty() => Ok(SecretString::from(text.as_str())),
            other => Err(TokenDocumentError::of(field, other, "text that is not empty")),
        };
        let expires = match token.get("expires_at") {
            // Without it nothing is known of the token's age: due at once.
            None | Some(Value::Null) => 0,
            Some(value @ Value::Number(_)) => whole_seconds(value)
                .ok_or_else(|| TokenDocumentError::of("token.expires_at", Some(value), "unix seconds"))?,
            other => return Err(TokenDocumentError::of("token.expires_at", other, "unix seconds")),
        };
        Ok(Self {
            access: secret("access_token", "token.access_token")?,
            refresh: secret("refresh_token", "token.refresh_token")?,
            outer,
            token,
            created,
            expires,
        })
    }

    /// The document of a person's login at `now`, out of the token endpoint's answer.
    pub(crate) fn of_login(answer: &Value, now: Timestamp) -> Result<Self, TokenDocumentError> {
        let Value::Object(fields) = answer else {
            return Err(TokenDocumentError::of("token answer", Some(answer), "an object"));
        };
        let mut token = fields.clone();
        let lifetime = fields
            .get("expires_in")
            .and_then(whole_seconds)
            .filter(|seconds| *seconds > 0)
            .unwrap_or(Self::LIFETIME);
        token.insert("expires_at".to_owned(), Value::from(now.as_second().saturating_add(lifetime)));
        let created = now.as_second();
        Self::assemble(
            Map::from_iter([("creation_timestamp".to_owned(), Value::from(created))]),
            token,
            created,
        )
    }

    /// The document after a refresh: every field the answer has replaces ours, every other field stays, and
    /// so does the time of the login, because a refresh does not prolong it.
    pub(crate) fn refreshed(&self, answer: &Value, now: Timestamp) -> Result<Self, TokenDocumentError> {
        let Value::Object(fields) = answer else {
            return Err(TokenDocumentError::of("refresh answer", Some(answer), "an object"));
        };
        let access = fields.get("access_token");
        if !access.is_some_and(Value::is_string) {
            return Err(TokenDocumentError::of("refresh answer.access_token", access, "text"));
        }
        let mut token = self.token.clone();
        token.extend(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        // A new refresh token must not be lost for an unreadable lifetime.
        let lifetime = fields
            .get("expires_in")
            .and_then(whole_seconds)
            .filter(|seconds| *seconds > 0)
            .unwrap_or(Self::LIFETIME);
        token.insert("expires_at".to_owned(), Value::from(now.as_second().saturating_add(lifetime)));
        Self::assemble(self.outer.clone(), token, self.created)
    }

    /// The time since the login, `6.9 days`: a refresh token dies at 7.
    pub(crate) fn age(&self, now: Timestamp) -> String {
        let tenths = now.as_second().saturating_sub(self.created) / 8640;
        format!("{}.{} days", tenths / 10, (tenths % 10).abs())
    }

    pub(crate) const fn expires(&self) -> i64 {
        self.expires
    }
}

impl gamma_wire::TokenDocument for TokenDocument {
    type Error = TokenDocumentError;

    /// Reads the document: JSON, or base64 of it.
    fn parse(text: &SecretString) -> Result<Self, Self::Error> {
        let text = text.expose_secret().trim();
        let value = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|_| {
                TokenDocumentError::new("document", "text that is no JSON", "JSON or base64 of it")
            })?
        } else {
            Self::decode(text).ok_or_else(|| {
                TokenDocumentError::new("document", "text that is neither", "JSON or base64 of it")
            })?
        };
        let Value::Object(mut outer) = value else {
            return Err(TokenDocumentError::of("document", Some(&value), "an object"));
        };
        let created = outer.get("creation_timestamp");
        let created = created.and_then(Value::as_i64).ok_or_else(|| {
            TokenDocumentError::of("creation_timestamp", created, "an integer, unix seconds of the login")
        })?;
        match outer.remove("token") {
            Some(Value::Object(token)) => Self::assemble(outer, token, created),
            other => Err(TokenDocumentError::of("token", other.as_ref(), "an object")),
        }
    }

    /// The text to store.
    fn text(&self) -> SecretString {
        let mut outer = self.outer.clone();
        outer.insert("token".to_owned(), Value::Object(self.token.clone()));
        SecretString::from(Value::Object(outer).to_string())
    }

    /// Whether the access token has this many seconds left to live at most.
    fn expires_within(&self, seconds: i64, now: Timestamp) -> bool {
        self.expires.saturating_sub(seconds) <= now.as_second()
    }

    fn access(&self) -> &SecretString {
        &self.access
    }

    fn refresh(&self) -> &SecretString {
        &self.refresh
    }
}

/// How new a token document is, raw or base64; `None` when it does not read.
#[must_use]
pub fn token_age(text: &SecretString) -> Option<TokenAge> {
    TokenDocument::parse(text)
        .ok()
        .map(|document| TokenAge { created: document.created, expires: document.expires })
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
        json!({"creation_timestamp": 1_790_000_000, "note": "kept", "token": {
            "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": "canary-r1@",
            "access_token": "canary-a1@", "id_token": "canary-i1", "expires_at": NOW + 301}})
    }

    fn parse(value: &Value) -> Result<TokenDocument, TokenDocumentError> {
        TokenDocument::parse(&SecretString::from(value.to_string()))
    }

    fn stored(document: &TokenDocument) -> Value {
        serde_json::from_str(document.text().expose_secret()).unwrap()
    }

    #[test]
    fn raw_and_base64_read_alike_and_nothing_is_lost() {
        let raw = document().to_string();
        let mut lines = STANDARD.encode(&raw);
        lines.insert(40, '\n');
        for text in [raw.clone(), format!("\n {raw} \n"), STANDARD.encode(&raw), lines] {
            let text = SecretString::from(text);
            assert_eq!(stored(&TokenDocument::parse(&text).unwrap()), document());
            assert_eq!(token_age(&text), Some(TokenAge { created: 1_790_000_000, expires: NOW + 301 }));
        }
    }

    #[test]
    fn a_refresh_replaces_what_came_and_keeps_the_login_time() {
        let before = parse(&document()).unwrap();
        let answer = json!({"expires_in": 1200, "refresh_token": "canary-r2", "access_token": "canary-a2", "extra": 1, "scope": null});
        let mut expected = document();
        for (key, value) in [
            ("expires_in", json!(1200)),
            ("refresh_token", json!("canary-r2")),
            ("access_token", json!("canary-a2")),
            ("extra", json!(1)),
        ] {
            expected["token"][key] = value;
        }
        expected["token"]["expires_at"] = json!(NOW + 1200);
        assert_eq!(stored(&before.refreshed(&answer, now()).unwrap()), expected);

        let sparse = before.refreshed(&json!({"access_token": "canary-a3"}), now()).unwrap();
        assert_eq!(
            (sparse.refresh().expose_secret(), sparse.expires(), sparse.created),
            ("canary-r1@", NOW + 1800, 1_790_000_000)
        );
        assert_eq!(
            before.refreshed(&json!({"refresh_token": "r"}), now()).err().unwrap().field,
            "refresh answer.access_token"
        );
    }

    #[test]
    fn a_token_of_unknown_age_is_due_at_once() {
        for (expires, due) in
            [(json!(NOW + 301), false), (json!(NOW + 300), true), (json!(NOW - 1), true), (Value::Null, true)]
        {
            let mut value = document();
            value["token"]["expires_at"] = expires.clone();
            assert_eq!(parse(&value).unwrap().expires_within(300, now()), due, "{expires}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_shown() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 8] = [
            ("creation_timestamp: got nothing", |d| {
                d.as_object_mut().unwrap().remove("creation_timestamp");
            }),
            ("creation_timestamp: got text", |d| d["creation_timestamp"] = json!("canary")),
            ("creation_timestamp: got a number of another kind", |d| d["creation_timestamp"] = json!(1.5)),
            ("token: got text", |d| d["token"] = json!("canary")),
            ("token.refresh_token: got nothing", |d| {
                d["token"].as_object_mut().unwrap().remove("refresh_token");
            }),
            ("token.access_token: got a list", |d| d["token"]["access_token"] = json!(["canary"])),
            ("token.access_token: got text", |d| d["token"]["access_token"] = json!("")),
            ("token.expires_at: got text", |d| d["token"]["expires_at"] = json!("canary")),
        ];
        for (shown, change) in cases {
            let mut value = document();
            change(&mut value);
            let error = parse(&value).err().unwrap().to_string();
            assert!(error.contains(shown) && !error.contains("canary"), "{error}");
        }
        for text in ["", "{canary", "canary", "Y2FuYXJ5", "[1]", "WzFd"] {
            let error = TokenDocument::parse(&SecretString::from(text)).err().unwrap().to_string();
            assert!(error.contains("document: got") && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn age_counts_from_the_login() {
        assert_eq!(
            parse(&document())
                .unwrap()
                .age(Timestamp::from_second(1_790_000_000 + 7 * 86_400 - 8640).unwrap()),
            "6.9 days"
        );
    }
}
