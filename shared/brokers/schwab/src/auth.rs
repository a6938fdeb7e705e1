//! Holding a live access token: renewed before it expires, or once after it was refused (reference section 2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerFault, Clock, InHand, TokenIssuer, TokenRenewal};
use gamma_http::{HttpClient, HttpError, Request, Response};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::error_body::{ErrorBody, Origin};
use crate::token::TokenDocument;

/// Application credentials and the token they renew.
pub(crate) struct Auth {
    endpoint: Endpoint,
    renewal: Arc<dyn TokenRenewal>,
    /// Held through a renewal, so that callers at the same time share one.
    state: Mutex<State>,
}

struct State {
    document: TokenDocument,
    /// Set once the refresh token is known to be dead: asking again would change nothing and may lock the application out.
    dead: Option<String>,
    /// The token was looked at in time: what is left of it outlasts a run, so that nobody waits for a renewal between rungs.
    looked: bool,
}

impl Auth {
    /// At first a token is renewed this many seconds before it expires, as schwab-py does: longer than a run takes.
    const EARLY: i64 = 300;

    /// From then on only when it would hardly live to be used.
    const LATE: i64 = 60;

    pub(crate) fn new(
        base: &str,
        app: (SecretString, SecretString),
        document: TokenDocument,
        http: HttpClient,
        clock: Arc<dyn Clock>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Self {
        let endpoint = Endpoint { url: format!("{base}/v1/oauth/token"), app_key: app.0, app_secret: app.1, http, clock };
        Self { endpoint, renewal, state: Mutex::new(State { document, dead: None, looked: false }) }
    }

    /// The access token, renewed first when it is due. While the one in hand can be sent, a token endpoint that is out of
    /// order is no reason to stop.
    pub(crate) async fn access(&self) -> Result<SecretString, BrokerFault> {
        let mut state = self.state.lock().await;
        let leeway = if state.looked { Self::LATE } else { Self::EARLY };
        if state.document.expires_within(leeway, self.now()) {
            let in_hand = self.in_hand(&state);
            match self.renew(&mut state, in_hand, None).await {
                Err(fault) if in_hand == InHand::Usable && fault.may_pass() => {
                    self.renewal.trouble(format!("token refresh failed, traded on the token in hand: {fault}"));
                }
                answer => answer?,
            }
        }
        state.looked = true;
        Ok(state.document.access().clone())
    }

    /// Renews the token when it expires within five minutes, and says so when that fails; whether it did.
    pub(crate) async fn renew_when_due(&self) -> Result<bool, BrokerFault> {
        let mut state = self.state.lock().await;
        let before = state.document.access().clone();
        if state.document.expires_within(Self::EARLY, self.now()) {
            let in_hand = self.in_hand(&state);
            self.renew(&mut state, in_hand, None).await?;
        }
        Ok(before.expose_secret() != state.document.access().expose_secret())
    }

    /// A token other than `refused`: renews, unless another caller already has.
    pub(crate) async fn replace(&self, refused: &SecretString) -> Result<SecretString, BrokerFault> {
        let mut state = self.state.lock().await;
        if state.document.access().expose_secret() == refused.expose_secret() {
            self.renew(&mut state, InHand::Useless, Some(refused)).await?;
        }
        Ok(state.document.access().clone())
    }

    /// Reads an error answer without anything of our credentials that it may echo.
    pub(crate) fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        self.endpoint.error_body(response, token)
    }

    fn now(&self) -> Timestamp {
        self.endpoint.clock.now()
    }

    fn in_hand(&self, state: &State) -> InHand {
        if state.document.expires_within(Self::LATE, self.now()) { InHand::Useless } else { InHand::Usable }
    }

    async fn renew(&self, state: &mut State, in_hand: InHand, refused: Option<&SecretString>) -> Result<(), BrokerFault> {
        if let Some(why) = &state.dead {
            return Err(BrokerFault::TokenDead(why.clone()));
        }
        let issuer = Issuer { endpoint: &self.endpoint, refused };
        let renewed = self.renewal.renew(&state.document.text(), in_hand, &issuer).await.inspect_err(|fault| {
            if let BrokerFault::TokenDead(why) = fault {
                state.dead = Some(why.clone());
            }
        })?;
        state.document = TokenDocument::parse(&renewed).map_err(|error| BrokerFault::Malformed(error.to_string()))?;
        Ok(())
    }
}

/// Where tokens are refreshed, and with what.
struct Endpoint {
    url: String,
    app_key: SecretString,
    app_secret: SecretString,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

/// The endpoint, for one renewal.
struct Issuer<'a> {
    endpoint: &'a Endpoint,
    /// The access token the broker refused, whatever its age says.
    refused: Option<&'a SecretString>,
}

#[async_trait]
impl TokenIssuer for Issuer<'_> {
    fn is_good(&self, document: &SecretString) -> bool {
        TokenDocument::parse(document).is_ok_and(|document| {
            let refused = self.refused.is_some_and(|refused| refused.expose_secret() == document.access().expose_secret());
            !refused && !document.expires_within(Auth::EARLY, self.endpoint.clock.now())
        })
    }

    async fn refresh(&self, document: &SecretString) -> Result<SecretString, BrokerFault> {
        let document = TokenDocument::parse(document).map_err(|error| BrokerFault::Malformed(error.to_string()))?;
        self.endpoint.refresh(&document).await.map(|refreshed| refreshed.text())
    }
}

impl Endpoint {
    /// One refresh is one short attempt; whoever needs the token decides whether to try again.
    const TIMEOUT: Duration = Duration::from_secs(5);

    fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        error_body(response, [&self.app_secret, &self.app_key, token])
    }

    async fn refresh(&self, document: &TokenDocument) -> Result<TokenDocument, BrokerFault> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", document.refresh().expose_secret())];
        let request = Request::post(&self.url).basic(&self.app_key, &self.app_secret).form(&form).timeout(Self::TIMEOUT);
        let response = self.http.send(request).await.map_err(|error| match error {
            HttpError::TooLarge { .. } => BrokerFault::Malformed(error.to_string()),
            HttpError::Build { .. } => BrokerFault::Refused(error.to_string()),
            HttpError::NotSent { .. } | HttpError::Lost { .. } => BrokerFault::Unavailable(error.to_string()),
        })?;
        let refreshed = refreshed(document, &response, [&self.app_secret, &self.app_key], self.clock.now())?;
        tracing::info!(expires = refreshed.expires(), "Schwab token refreshed");
        Ok(refreshed)
    }
}

/// Reads an error answer without the credentials it may echo.
pub(crate) fn error_body(response: &Response, hide: [&SecretString; 3]) -> ErrorBody {
    ErrorBody::read(&response.body, &hide.map(ExposeSecret::expose_secret))
}

/// What the token endpoint's answer makes of `document`. `app` are the credentials that an error answer may echo.
pub(crate) fn refreshed(document: &TokenDocument, response: &Response, app: [&SecretString; 2], now: Timestamp) -> Result<TokenDocument, BrokerFault> {
    if !response.is_success() {
        let body = ErrorBody::read_of_token_endpoint(&response.body, &[app[0], app[1], document.refresh()].map(ExposeSecret::expose_secret));
        return Err(refused(document, response, &body, now));
    }
    let malformed = |why: String| BrokerFault::Malformed(why);
    let answer =
        response.json().map_err(|error| malformed(format!("refresh answer: got {} bytes that do not read ({error}), expected JSON", response.body.len())))?;
    document.refreshed(&answer, now).map_err(|error| malformed(error.to_string()))
}

/// Sorts an error answer of the token endpoint; its shapes differ from the API's.
fn refused(document: &TokenDocument, response: &Response, body: &ErrorBody, now: Timestamp) -> BrokerFault {
    let text = format!("token refresh: {} {}", response.status, body.text);
    // The inner text of the usual answer is no clean JSON, so the word is searched for in all of it.
    let raw = String::from_utf8_lossy(&response.body);
    let invalid_grant = response.json().is_ok_and(|answer| answer["error"] == "invalid_grant");
    if response.status < 500 && (invalid_grant || raw.contains("refresh_token_authentication_error")) {
        let age = document.age(now);
        return BrokerFault::TokenDead(format!(
            "the refresh token is dead, {age} after the login (it lives 7): a person must log in, see docs/runbook.md, 'Schwab login' ({text})"
        ));
    }
    match response.status {
        429 => BrokerFault::RateLimited(text),
        400..=499 if body.from != Origin::Api => BrokerFault::Unavailable(text),
        400..=499 => BrokerFault::Unauthorized(text),
        _ => BrokerFault::Unavailable(text),
    }
}
