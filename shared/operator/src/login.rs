//! How old a broker's token document is, by its own times. No token of it is kept or shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broker {
    /// Charles Schwab: a login lives for seven days, whatever is refreshed meanwhile.
    Schwab,
    /// tastytrade: a grant does not age.
    Tastytrade,
}

impl Broker {
    /// How long a person's login lasts; `None` where it does not end by itself.
    #[must_use]
    pub const fn login_lasts(self) -> Option<SignedDuration> {
        match self {
            Self::Schwab => Some(SignedDuration::from_hours(7 * 24)),
            Self::Tastytrade => None,
        }
    }
}

/// The login of an account; accounts may share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Whose.
    pub broker: Broker,
    /// The name of the token document, `/gamma/schwab/token_json`.
    pub document: String,
}

impl Login {
    /// At this broker, under the document's usual name.
    #[must_use]
    pub fn usual(broker: Broker) -> Self {
        let document = match broker {
            Broker::Schwab => "/gamma/schwab/token_json",
            Broker::Tastytrade => "/gamma/tt/token_json",
        };
        Self { broker, document: document.to_owned() }
    }
}

/// The times that a token document tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginTimes {
    /// Schwab: when a person logged in; tastytrade: when the access token was made. `None` where the document does not say.
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
    /// Reads the times of a document of `broker`.
    ///
    /// # Errors
    /// [`LoginDocumentError`] names the field.
    pub fn read(broker: Broker, document: &SecretString) -> Result<Self, LoginDocumentError> {
        let outer = object(document.expose_secret())?;
        let (created, expires) = match broker {
            Broker::Schwab => {
                let token = outer.get("token").filter(|token| token.is_object());
                let token = token.ok_or_else(|| refused("token", outer.get("token"), "an object"))?;
                let created = time(&outer, "creation_timestamp")?;
                if created.is_none() {
                    return Err(refused("creation_timestamp", None, "unix seconds of the login"));
                }
                (created, time(token, "expires_at")?)
            }
            Broker::Tastytrade => (time(&outer, "creation_timestamp")?, time(&outer, "expires_at")?),
        };
        Ok(Self { created, access_expires: expires })
    }
}

/// JSON, or base64 of it, which is how the old stack stored documents.
fn object(text: &str) -> Result<Value, LoginDocumentError> {
    let unreadable = LoginDocumentError { field: "document", got: "text that is neither", expected: "a JSON object, or base64 of one" };
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

    const SCHWAB: &str = r#"{"creation_timestamp": 1756900000, "token": {"access_token": "canary", "expires_at": 1756990000.75}}"#;

    fn read(broker: Broker, text: &str) -> Result<LoginTimes, String> {
        LoginTimes::read(broker, &SecretString::from(text)).map_err(|error| error.to_string())
    }

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn the_documents_of_both_brokers_tell_their_times() {
        let times = LoginTimes { created: at(1_756_900_000), access_expires: at(1_756_990_000) };
        assert_eq!(read(Broker::Schwab, SCHWAB), Ok(times));
        assert_eq!(read(Broker::Schwab, &STANDARD.encode(SCHWAB)), Ok(times), "as the old stack stored it");
        assert_eq!(read(Broker::Tastytrade, r#"{"creation_timestamp": 1756900000, "expires_at": 1756990000}"#), Ok(times));
        let undated = LoginTimes { created: None, access_expires: None };
        assert_eq!(read(Broker::Tastytrade, r#"{"refresh_token": "canary"}"#), Ok(undated), "as a person stores it first");
    }

    #[test]
    fn what_does_not_read_names_the_field_and_shows_no_token() {
        for (broker, text, words) in [
            (Broker::Schwab, "canary", "document: got text that is neither"),
            (Broker::Schwab, r#"["canary"]"#, "document"),
            (Broker::Schwab, r#"{"creation_timestamp": 1, "token": "canary"}"#, "token: got text"),
            (Broker::Schwab, r#"{"token": {"access_token": "canary"}}"#, "creation_timestamp: got nothing"),
            (Broker::Schwab, r#"{"creation_timestamp": "canary", "token": {}}"#, "creation_timestamp: got text"),
            (Broker::Tastytrade, r#"{"expires_at": "canary"}"#, "expires_at: got text"),
            (Broker::Tastytrade, r#"{"expires_at": 1e300}"#, "expires_at: got another number"),
        ] {
            let error = read(broker, text).unwrap_err();
            assert!(error.contains(words) && !error.contains("canary"), "{text}: {error}");
        }
    }
}
