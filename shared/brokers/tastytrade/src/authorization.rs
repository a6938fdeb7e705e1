//! A person's grant: where it begins, and the code that it ends with made into a token document
//! (docs/reference/tastytrade.md, Login and tokens).

use std::time::Duration;

use gamma_execution::ports::BrokerFault;
use gamma_http::{HttpClient, Request};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::error_body;

/// The application that a person gives access to, and where the browser is sent back to.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The consent page, `https://my.tastytrade.com/auth.html`.
    pub page_url: String,
    /// Scheme and host of the API, `https://api.tastyworks.com`.
    pub base_url: String,
    /// The application's id.
    pub client_id: SecretString,
    /// Its secret.
    pub client_secret: SecretString,
    /// The address registered with the application, letter by letter.
    pub callback: String,
}

impl Authorization {
    /// The consent page.
    pub const PAGE: &'static str = "https://my.tastytrade.com/auth.html";
    const TIMEOUT: Duration = Duration::from_secs(15);

    /// Where the person's browser begins, without its query, and the query.
    #[must_use]
    pub fn page(&self, state: &str) -> (String, Vec<(&'static str, String)>) {
        let query = [
            ("response_type", "code"),
            ("client_id", self.client_id.expose_secret()),
            ("redirect_uri", &self.callback),
            ("scope", "read trade openid"),
            ("state", state),
        ];
        (self.page_url.clone(), query.map(|(name, value)| (name, value.to_owned())).into())
    }

    /// Makes the code into a token document: its refresh token alone, as a person stores it. A run that
    /// refreshes the old document meanwhile knows by the missing times that a person stored this one, and
    /// leaves it.
    ///
    /// # Errors
    /// [`BrokerFault`] in the broker's words, without credentials.
    pub async fn exchange(
        &self,
        http: &HttpClient,
        code: &SecretString,
        _now: Timestamp,
    ) -> Result<SecretString, BrokerFault> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("client_id", self.client_id.expose_secret()),
            ("client_secret", self.client_secret.expose_secret()),
            ("redirect_uri", self.callback.as_str()),
        ];
        let request = Request::post(&format!("{}/oauth/token", self.base_url.trim_end_matches('/')))
            .form(&form)
            .timeout(Self::TIMEOUT);
        let response =
            http.send(request).await.map_err(|error| BrokerFault::Unavailable(error.to_string()))?;
        if !response.is_success() {
            let hide = [&self.client_secret, &self.client_id, code].map(ExposeSecret::expose_secret);
            let body = error_body::read_of_token_endpoint(&response.body, &hide);
            let text = format!("token endpoint: {} {}", response.status, body.text);
            return Err(if response.status < 500 {
                BrokerFault::Refused(text)
            } else {
                BrokerFault::Unavailable(text)
            });
        }
        let answer =
            response.json().map_err(|error| BrokerFault::Malformed(format!("token answer: {error}")))?;
        let refresh = answer["refresh_token"].as_str().filter(|token| !token.trim().is_empty());
        let refresh = refresh.ok_or_else(|| {
            BrokerFault::Malformed("token answer.refresh_token: got nothing, expected text".to_owned())
        })?;
        Ok(of_grant(&SecretString::from(refresh)))
    }
}

/// The document of a refresh token that a person has from tastytrade's "Create Grant".
#[must_use]
pub fn of_grant(refresh_token: &SecretString) -> SecretString {
    SecretString::from(json!({ "refresh_token": refresh_token.expose_secret().trim() }).to_string())
}
