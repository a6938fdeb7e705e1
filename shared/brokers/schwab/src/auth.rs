//! The token endpoint (docs/reference/schwab.md, Login and tokens).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerFault, Clock};
use gamma_http::{HttpClient, Request, Response};
use gamma_wire::{ErrorBody, TokenDocument as _, TokenEndpoint, http_fault};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::error_body;
use crate::token::TokenDocument;

/// Where tokens are refreshed, and with what.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) app_key: SecretString,
    pub(crate) app_secret: SecretString,
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Endpoint {
    const TIMEOUT: Duration = Duration::from_secs(5);
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    type Document = TokenDocument;

    const BROKER: &'static str = "schwab";

    fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        error_body(response, [&self.app_secret, &self.app_key, token])
    }

    async fn refresh(&self, document: &TokenDocument) -> Result<TokenDocument, BrokerFault> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", document.refresh().expose_secret())];
        let request = Request::post(&self.url)
            .basic(&self.app_key, &self.app_secret)
            .form(&form)
            .timeout(Self::TIMEOUT);
        let response = self.http.send(request).await.map_err(|error| http_fault(&error))?;
        let refreshed = refreshed(document, &response, [&self.app_secret, &self.app_key], self.clock.now())?;
        tracing::info!(expires = refreshed.expires(), "Schwab token refreshed");
        Ok(refreshed)
    }
}

/// Reads an error answer without the credentials it may echo.
pub(crate) fn error_body(response: &Response, hide: [&SecretString; 3]) -> ErrorBody {
    error_body::read(&response.body, &hide.map(ExposeSecret::expose_secret))
}

/// What the token endpoint's answer makes of `document`. `app` are the credentials that an error answer may
/// echo.
pub(crate) fn refreshed(
    document: &TokenDocument,
    response: &Response,
    app: [&SecretString; 2],
    now: Timestamp,
) -> Result<TokenDocument, BrokerFault> {
    if !response.is_success() {
        let body = error_body::read_of_token_endpoint(
            &response.body,
            &[app[0], app[1], document.refresh()].map(ExposeSecret::expose_secret),
        );
        return Err(refused(document, response, &body, now));
    }
    let malformed = |why: String| BrokerFault::Malformed(why);
    let answer = response.json().map_err(|error| {
        malformed(format!(
            "refresh answer: got {} bytes that do not read ({error}), expected JSON",
            response.body.len()
        ))
    })?;
    document.refreshed(&answer, now).map_err(|error| malformed(error.to_string()))
}

/// Sorts an error answer of the token endpoint; its shapes differ from the API's.
fn refused(document: &TokenDocument, response: &Response, body: &ErrorBody, now: Timestamp) -> BrokerFault {
    let text = format!("token refresh: {} {}", response.status, body.text);
    // The inner text of the usual answer is no clean JSON, so the word is searched for in all of it.
    let raw = String::from_utf8_lossy(&response.body);
    let invalid_grant = response.json().is_ok_and(|answer| answer["error"] == "invalid_grant");
    // What stands before the endpoint knows nothing of a token, whatever its page says.
    if response.status < 500
        && !body.is_before_the_api()
        && (invalid_grant || raw.contains("refresh_token_authentication_error"))
    {
        let age = document.age(now);
        return BrokerFault::TokenDead(format!(
            "the refresh token is dead, {age} after the login (it lives 7): a person must log in, see docs/runbook.md, 'Schwab login' ({text})"
        ));
    }
    match response.status {
        429 => BrokerFault::RateLimited(text),
        400..=499 if body.is_before_the_api() => BrokerFault::Unavailable(text),
        400..=499 => BrokerFault::Unauthorized(text),
        _ => BrokerFault::Unavailable(text),
    }
}
