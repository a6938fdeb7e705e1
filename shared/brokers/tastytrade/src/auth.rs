//! The token endpoint (docs/reference/tastytrade.md, Login and tokens).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerFault, Clock};
use gamma_http::{HttpClient, Request, Response};
use gamma_wire::{ErrorBody, Origin, TokenDocument as _, TokenEndpoint, http_fault};
use jiff::{SignedDuration, Timestamp};
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
    pub(crate) refusals: Refusals,
}

/// Refusals that may pass by themselves, in a row. Failed logins add up to a blocked address, and everything
/// a run reads asks for a token: callers at the same moment share one refusal, and after many nobody asks
/// again with this login.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<(u32, Option<Timestamp>)>);

impl Refusals {
    /// More than an outage of seconds makes.
    const MOST: u32 = 12;
    /// No caller that waits before it tries again waits less.
    const SHARED_FOR: SignedDuration = SignedDuration::from_millis(250);

    /// What is known without asking.
    fn known(&self, now: Timestamp) -> Result<(), BrokerFault> {
        let (count, last) = *self.state();
        if count >= Self::MOST {
            return Err(BrokerFault::Unauthorized(format!(
                "token refresh: refused {count} times in a row with invalid_request, expected it to pass; not asked again, see docs/runbook.md, 'tastytrade grant'"
            )));
        }
        match last {
            Some(last) if now.duration_since(last) < Self::SHARED_FOR => Err(BrokerFault::Unavailable(
                "token refresh: refused a moment ago with invalid_request, not asked again yet".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// An answer came; a refusal that may pass, or another.
    fn answered(&self, may_pass: bool, now: Timestamp) {
        let mut state = self.state();
        *state = if may_pass { (state.0 + 1, Some(now)) } else { (0, None) };
    }

    fn state(&self) -> MutexGuard<'_, (u32, Option<Timestamp>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint {
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn request(&self, document: &TokenDocument) -> Request {
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", document.refresh().expose_secret())];
        let request = Request::post(&self.url).timeout(Self::TIMEOUT);
        let id = self.client_id.as_ref();
        match self.client_auth {
            ClientAuth::Body => {
                form.push(("client_secret", self.client_secret.expose_secret()));
                form.extend(id.map(|id| ("client_id", id.expose_secret())));
                request.form(&form)
            }
            ClientAuth::Basic => {
                request.basic(id.unwrap_or(&SecretString::default()), &self.client_secret).form(&form)
            }
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
        self.refusals.known(self.clock.now())?;
        let response = self.http.send(self.request(document)).await.map_err(|error| http_fault(&error))?;
        let now = self.clock.now();
        self.refusals.answered(is_spurious(&response), now);
        let refreshed = refreshed(document, &response, &self.hide(), now)?;
        tracing::info!("tastytrade token refreshed");
        Ok(refreshed)
    }

    fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        let [secret, id] = self.hide();
        error_body::read(&response.body, &[secret, id, token.expose_secret()])
    }
}

/// What the token endpoint's answer makes of `document`. `app` are the credentials that an error answer may
/// echo.
pub(crate) fn refreshed(
    document: &TokenDocument,
    response: &Response,
    app: &[&str; 2],
    now: Timestamp,
) -> Result<TokenDocument, BrokerFault> {
    if !response.is_success() {
        let hide = [app[0], app[1], document.refresh().expose_secret(), document.access().expose_secret()];
        let body = error_body::read_of_token_endpoint(&response.body, &hide);
        return Err(refused(response, &body));
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

/// A refusal that has been seen to pass by itself (TT#351).
fn is_spurious(response: &Response) -> bool {
    (400..=499).contains(&response.status)
        && error_body::code(&response.json().unwrap_or_default()) == Some("invalid_request")
}

/// Sorts an error answer of the token endpoint.
///
/// `invalid_grant` is the end of the refresh token. `invalid_request` may pass, so it is tried again;
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
        400..=499 if body.from != Origin::Api || code == Some("invalid_request") => {
            BrokerFault::Unavailable(text)
        }
        400..=499 => BrokerFault::Unauthorized(text),
        _ => BrokerFault::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_callers_share_a_refusal_and_other_answers_end_it() {
        let at = |millis: i64| Timestamp::from_millisecond(1_790_010_000_000 + millis).unwrap();
        let refusals = Refusals::default();
        refusals.answered(true, at(0));
        assert!(
            matches!(refusals.known(at(249)), Err(BrokerFault::Unavailable(text)) if text.contains("a moment ago"))
        );
        assert_eq!(refusals.known(at(250)), Ok(()));
        for _ in 1..Refusals::MOST {
            refusals.answered(true, at(0));
        }
        assert!(matches!(refusals.known(at(60_000)), Err(BrokerFault::Unauthorized(_))));
        refusals.answered(false, at(60_000));
        assert_eq!(refusals.known(at(60_000)), Ok(()));
    }
}
