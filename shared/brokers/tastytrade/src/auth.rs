//! The token endpoint (reference section 2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerFault, Clock};
use gamma_http::{HttpClient, HttpError, Request, Response};
use gamma_wire::{ErrorBody, Origin, TokenEndpoint};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::error_body;
use crate::token::TokenDocument;

/// How the application says who it is when a token is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// Its secret in the form, as tastytrade documents it.
    #[default]
    Body,
    /// Its id and secret as HTTP basic.
    Basic,
}

/// Where tokens are refreshed, and with what.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) client_id: Option<SecretString>,
    pub(crate) client_secret: SecretString,
    pub(crate) client_auth: ClientAuth,
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Endpoint {
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn request(&self, document: &TokenDocument) -> Request {
        let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", document.refresh().expose_secret())];
        let request = Request::post(&self.url).timeout(Self::TIMEOUT);
        let id = self.client_id.as_ref();
        match self.client_auth {
            ClientAuth::Body => {
                form.push(("client_secret", self.client_secret.expose_secret()));
                form.extend(id.map(|id| ("client_id", id.expose_secret())));
                request.form(&form)
            }
            ClientAuth::Basic => request.basic(id.unwrap_or(&SecretString::default()), &self.client_secret).form(&form),
        }
    }

    /// What an answer may echo of the application's.
    fn hide(&self) -> [&str; 2] {
        [self.client_secret.expose_secret(), self.client_id.as_ref().map_or("", |id| id.expose_secret())]
    }
}

#[async_trait]
impl TokenEndpoint for Endpoint {
    type Document = TokenDocument;

    const BROKER: &'static str = "tastytrade";

    async fn refresh(&self, document: &TokenDocument) -> Result<TokenDocument, BrokerFault> {
        let response = self.http.send(self.request(document)).await.map_err(|error| match error {
            HttpError::TooLarge { .. } => BrokerFault::Malformed(error.to_string()),
            HttpError::Build { .. } => BrokerFault::Refused(error.to_string()),
            HttpError::NotSent { .. } | HttpError::Lost { .. } => BrokerFault::Unavailable(error.to_string()),
        })?;
        let refreshed = refreshed(document, &response, &self.hide(), self.clock.now())?;
        tracing::info!("tastytrade token refreshed");
        Ok(refreshed)
    }

    fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        let [secret, id] = self.hide();
        error_body::read(&response.body, &[secret, id, token.expose_secret()])
    }
}

/// What the token endpoint's answer makes of `document`. `app` are the credentials that an error answer may echo.
pub(crate) fn refreshed(document: &TokenDocument, response: &Response, app: &[&str; 2], now: Timestamp) -> Result<TokenDocument, BrokerFault> {
    use gamma_wire::TokenDocument as _;
    if !response.is_success() {
        let hide = [app[0], app[1], document.refresh().expose_secret(), document.access().expose_secret()];
        let body = error_body::read_of_token_endpoint(&response.body, &hide);
        return Err(refused(response, &body));
    }
    let malformed = |why: String| BrokerFault::Malformed(why);
    let answer =
        response.json().map_err(|error| malformed(format!("refresh answer: got {} bytes that do not read ({error}), expected JSON", response.body.len())))?;
    document.refreshed(&answer, now).map_err(|error| malformed(error.to_string()))
}

/// Sorts an error answer of the token endpoint.
///
/// `invalid_grant` is the end of the refresh token. `invalid_request` has been seen to pass by itself (TT#351), so it is tried again;
/// what else the API refuses is not, because failed logins add up to a blocked address.
fn refused(response: &Response, body: &ErrorBody) -> BrokerFault {
    let text = format!("token refresh: {} {}", response.status, body.text);
    let answer = response.json().unwrap_or_default();
    let code = error_body::code(&answer);
    match response.status {
        400..=499 if code == Some("invalid_grant") => BrokerFault::TokenDead(format!(
            "tastytrade no longer takes the refresh token: a person must make a new grant, see docs/runbook.md, 'tastytrade grant' ({text})"
        )),
        429 => BrokerFault::RateLimited(text),
        400..=499 if body.from != Origin::Api || code == Some("invalid_request") => BrokerFault::Unavailable(text),
        400..=499 => BrokerFault::Unauthorized(text),
        _ => BrokerFault::Unavailable(text),
    }
}
