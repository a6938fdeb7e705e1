//! A person's login: where it begins, and the code that it ends with made into a token document
//! (docs/reference/schwab.md, Login and tokens).

use std::time::Duration;

use gamma_execution::ports::BrokerFault;
use gamma_http::{HttpClient, Request};
use gamma_wire::TokenDocument as _;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::error_body;
use crate::token::TokenDocument;

/// The application that a person gives access to, and where the browser is sent back to.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Scheme and host, `https://api.schwabapi.com`.
    pub base_url: String,
    /// The application's key.
    pub app_key: SecretString,
    /// Its secret.
    pub app_secret: SecretString,
    /// The address registered with the application, letter by letter.
    pub callback: String,
}

impl Authorization {
    const TIMEOUT: Duration = Duration::from_secs(15);

    /// Where the person's browser begins, without its query, and the query. It names the application's key,
    /// which is no secret without the application's own.
    #[must_use]
    pub fn page(&self, state: &str) -> (String, Vec<(&'static str, String)>) {
        let query = [
            ("response_type", "code"),
            ("client_id", self.app_key.expose_secret()),
            ("redirect_uri", &self.callback),
            ("state", state),
        ];
        (
            format!("{}/v1/oauth/authorize", self.base_url.trim_end_matches('/')),
            query.map(|(name, value)| (name, value.to_owned())).into(),
        )
    }

    /// Makes the code into a token document as schwab-py writes it, of a login at `now`. The code lives for
    /// seconds, and works once.
    ///
    /// # Errors
    /// [`BrokerFault`] in the broker's words, without credentials.
    pub async fn exchange(
        &self,
        http: &HttpClient,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<SecretString, BrokerFault> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
            ("redirect_uri", self.callback.as_str()),
        ];
        let url = format!("{}/v1/oauth/token", self.base_url.trim_end_matches('/'));
        let request =
            Request::post(&url).basic(&self.app_key, &self.app_secret).form(&form).timeout(Self::TIMEOUT);
        let response =
            http.send(request).await.map_err(|error| BrokerFault::Unavailable(error.to_string()))?;
        if !response.is_success() {
            let hide = [&self.app_secret, &self.app_key, code].map(ExposeSecret::expose_secret);
            let body = error_body::read_of_token_endpoint(&response.body, &hide);
            let text = format!("token endpoint: {} {}", response.status, body.text);
            return Err(if response.status < 500 && !body.is_before_the_api() {
                BrokerFault::Refused(text)
            } else {
                BrokerFault::Unavailable(text)
            });
        }
        let answer =
            response.json().map_err(|error| BrokerFault::Malformed(format!("token answer: {error}")))?;
        let document = TokenDocument::of_login(&answer, now)
            .map_err(|error| BrokerFault::Malformed(error.to_string()))?;
        Ok(document.text())
    }
}
