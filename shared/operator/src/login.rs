//! How old a broker's token document is, by its own times. No token of it is kept or shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Where a broker's token document tells its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentShape {
    /// The object within it that holds the access token and when that expires; `None` where both stand in the
    /// document itself.
    pub token: Option<&'static str>,
    /// Whether it must say when it was created.
    pub dated: bool,
}

/// The login of an account; accounts may share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Whose: the broker's name.
    pub broker: &'static str,
    /// The name of the token document.
    pub document: String,
    /// Where it tells its times.
    pub shape: DocumentShape,
    /// How long a person's login lasts, whatever is refreshed meanwhile; `None` where it does not end by
    /// itself.
    pub lasts: Option<SignedDuration>,
}

/// The times that a token document tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginTimes {
    /// When a person logged in; where a login does not end by itself, when the access token was made. `None`
    /// where the document does not say.
    pub created: Option<Timestamp>,
    /// When its access token expires, where it says so.
    pub access_expires: Option<Timestamp>,
}

/// A document that does not read: the field and its JSON type, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("token document: {field}: got {got}, expected {expected}")]
pub struct LoginDocumentError {
    field: &'static str,
    got: &'static str,
    expected: &'static str,
}

impl LoginTimes {
    /// Reads the times of a document of this shape.
    ///
    /// # Errors
    /// [`LoginDocumentError`] names the field.
    pub fn read(shape: DocumentShape, document: &SecretString) -> Result<Self, LoginDocumentError> {
        let outer = object(document.expose_secret())?;
        let token = match shape.token {
            Some(field) => outer
                .get(field)
                .filter(|token| token.is_object())
                .ok_or_else(|| refused(field, outer.get(field), "an object"))?,
            None => &outer,
        };
        let created = time(&outer, "creation_timestamp")?;
        if shape.dated && created.is_none() {
            return Err(refused("creation_timestamp", None, "unix seconds of the login"));
        }
        Ok(Self { created, access_expires: time(token, "expires_at")? })
    }
}

/// JSON, or base64 of it, which is how the old stack stored documents.
fn object(text: &str) -> Result<Value, LoginDocumentError> {
    let unreadable = LoginDocumentError {
        field: "document",
        got: "text that is neither",
        expected: "a JSON object, or base64 of one",
    };
    let text = text.trim();
    let value = if text.starts_with('{') {
        serde_json::from_str(text).ok()
    } else {
        let compact: String = text.split_whitespace().collect();
        STANDARD.decode(compact).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    };
    value.filter(Value::is_object).ok_or(unreadable)
}

fn time(fields: &Value, field: &'static str) -> Result<Option<Timestamp>, LoginDocumentError> {
    let expected = "unix seconds";
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value @ Value::Number(number)) => {
            // Whole seconds; a fraction, as some clients write it, is let go.
            let text = number.to_string();
            let whole = text.split('.').next().unwrap_or_default().parse().ok();
            let at = whole.and_then(|seconds| Timestamp::from_second(seconds).ok());
            at.map(Some).ok_or_else(|| refused(field, Some(value), expected))
        }
        other => Err(refused(field, other, expected)),
    }
}

const fn refused(field: &'static str, value: Option<&Value>, expected: &'static str) -> LoginDocumentError {
    let got = match value {
        None => "nothing",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "another number",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    LoginDocumentError { field, got, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: DocumentShape = DocumentShape { token: Some("token"), dated: true };
    const FLAT: DocumentShape = DocumentShape { token: None, dated: false };
    const SCHWAB: &str = r#"{"creation_timestamp": 1756900000, "token": {"access_token": "canary", "expires_at": 1756990000.75}}"#;

    fn read(shape: DocumentShape, text: &str) -> Result<LoginTimes, String> {
        LoginTimes::read(shape, &SecretString::from(text)).map_err(|error| error.to_string())
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn the_documents_of_both_brokers_tell_their_times() {
        let times = LoginTimes { created: at(1_756_900_000), access_expires: at(1_756_990_000) };
        assert_eq!(read(NESTED, SCHWAB), Ok(times));
        assert_eq!(read(NESTED, &STANDARD.encode(SCHWAB)), Ok(times), "as the old stack stored it");
        assert_eq!(read(FLAT, r#"{"creation_timestamp": 1756900000, "expires_at": 1756990000}"#), Ok(times));
        let undated = LoginTimes { created: None, access_expires: None };
        assert_eq!(read(FLAT, r#"{"refresh_token": "canary"}"#), Ok(undated), "as a person stores it first");
    }

    #[test]
    fn what_does_not_read_names_the_field_and_shows_no_token() {
        for (shape, text, words) in [
            (NESTED, "canary", "document: got text that is neither"),
            (NESTED, r#"["canary"]"#, "document"),
            (NESTED, r#"{"creation_timestamp": 1, "token": "canary"}"#, "token: got text"),
            (NESTED, r#"{"token": {"access_token": "canary"}}"#, "creation_timestamp: got nothing"),
            (NESTED, r#"{"creation_timestamp": "canary", "token": {}}"#, "creation_timestamp: got text"),
            (FLAT, r#"{"expires_at": "canary"}"#, "expires_at: got text"),
            (FLAT, r#"{"expires_at": 1e300}"#, "expires_at: got another number"),
        ] {
            let error = read(shape, text).unwrap_err();
            assert!(error.contains(words) && !error.contains("canary"), "{text}: {error}");
        }
    }
}
