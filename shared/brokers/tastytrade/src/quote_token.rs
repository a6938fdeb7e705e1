//! `GET /api-quote-tokens`: the key to the quote stream (docs/reference/tastytrade.md, Market data).

use std::time::Duration;

use gamma_execution::ports::BrokerError;
use gamma_http::Request;
use gamma_http::retry::Backoff;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::broker::Tastytrade;
use crate::client::failed;
use crate::envelope;
use crate::fields::FieldError;

/// The key to the quote stream, and where that is. The token is a secret; it lives a day.
#[derive(Debug, Clone)]
pub struct QuoteToken {
    /// What the stream is opened with.
    pub token: SecretString,
    /// Where it is, `wss://…`. Always the address given, it differs.
    pub url: String,
    /// `api`, or `demo` for delayed quotes.
    pub level: Option<String>,
    /// When it was made, where that is told.
    pub issued: Option<Timestamp>,
    /// When it ends, where that is told.
    pub expires: Option<Timestamp>,
}

impl QuoteToken {
    pub(crate) fn read(answer: &Value) -> Result<Self, FieldError> {
        let data = envelope::data(answer, "quote token")?;
        let Ok(Some(token)) = data.text("token").map(|text| text.filter(|text| !text.is_empty())) else {
            // Whatever stands there may be a secret.
            return Err(FieldError::new("quote token.data.token", None, "text that is not empty"));
        };
        let url = data.required_text("dxlink-url")?;
        let local = ["ws://127.0.0.1", "ws://localhost", "ws://[::1]"];
        let is_local = local.iter().any(|host| {
            url.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
        });
        // The token must not travel in the clear.
        if url.len() > 500 || !(url.starts_with("wss://") || is_local) {
            return Err(data.bad("dxlink-url", "an address wss://… (ws:// only to this machine)"));
        }
        Ok(Self {
            token: SecretString::from(token),
            url: url.to_owned(),
            level: data.words("level")?,
            issued: data.time("issued-at")?,
            expires: data.time("expires-at")?,
        })
    }
}

impl QuoteToken {
    /// Whether what it opens is said to be something else than the quotes of now. The feed does not say so
    /// itself: its quotes mostly carry no time, and delayed ones look like any.
    pub(crate) fn is_delayed(&self) -> bool {
        self.level.as_deref().is_some_and(|level| level != "api")
    }
}

impl Tastytrade {
    /// A token for the quote stream.
    ///
    /// # Errors
    /// [`BrokerError`]; a login that is no customer has none, which the broker says in its words.
    pub async fn quote_token(&self) -> Result<QuoteToken, BrokerError> {
        const OPERATION: &str = "GET api-quote-tokens";
        let url = format!("{}/api-quote-tokens", self.client.base);
        // Asked for beside other work: a wait before another try would let time pass for that too. Whoever
        // needs it asks again.
        let (once, patience) = (Backoff { tries: 1, ..Backoff::READS }, Duration::from_secs(3));
        let answer = self.client.read_within(OPERATION, once, patience, || Request::get(&url)).await?;
        QuoteToken::read(&answer).map_err(|error| failed(OPERATION, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    #[test]
    fn a_token_with_and_without_its_times() {
        let token = QuoteToken::read(
            &serde_json::from_str(include_str!("../fixtures/quote_token__api.json")).unwrap(),
        )
        .unwrap();
        assert_eq!(
            (token.token.expose_secret(), token.url.as_str()),
            ("canary-quote", "wss://tasty-openapi-ws.dxfeed.com/realtime")
        );
        assert_eq!(
            (token.level.as_deref(), token.expires.unwrap().to_string()),
            (Some("api"), "2026-08-21T13:00:00Z".to_owned())
        );
        assert!(!format!("{token:?}").contains("canary"));
        let bare =
            QuoteToken::read(&json!({"data": {"token": "t", "dxlink-url": "ws://127.0.0.1:9/x"}})).unwrap();
        assert_eq!((bare.issued, bare.expires, bare.level), (None, None, None));
    }

    #[test]
    fn what_is_wrong_is_named_without_the_token() {
        for (data, shown) in [
            (json!({"dxlink-url": "wss://x"}), "data.token: got nothing"),
            (json!({"token": ["canary"], "dxlink-url": "wss://x"}), "data.token: got nothing"),
            (json!({"token": "", "dxlink-url": "wss://x"}), "data.token: got nothing"),
            (json!({"token": "canary"}), "data.dxlink-url: got nothing"),
            (
                json!({"token": "canary", "dxlink-url": "ws://example.com"}),
                "data.dxlink-url: got \"ws://example.com\"",
            ),
            (json!({"token": "canary", "dxlink-url": "ws://localhost.example.com"}), "data.dxlink-url: got"),
            (
                json!({"token": "canary", "dxlink-url": "wss://x", "expires-at": "soon"}),
                "data.expires-at: got \"soon\"",
            ),
        ] {
            let error = QuoteToken::read(&json!({"data": data})).unwrap_err().to_string();
            assert!(error.contains(shown) && !error.contains("canary"), "{error}");
        }
    }
}
