//! Holding a live access token: refresh before it expires, or once after it was refused (reference section 2).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerFault, Clock};
use gamma_http::{HttpClient, HttpError, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::error_body::{ErrorBody, Origin};
use crate::token::TokenDocument;

/// Told of every new token document, before the new token is used.
#[async_trait]
pub trait TokenSink: Send + Sync {
    /// `text` is the whole document to store; `created` (login) and `expires` (access token) are unix seconds and order
    /// documents by age.
    async fn rotated(&self, text: SecretString, created: i64, expires: i64);
}

/// Application credentials and the token they refresh.
pub(crate) struct Auth {
    url: String,
    app_key: SecretString,
    app_secret: SecretString,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    sink: Arc<dyn TokenSink>,
    /// Held through a refresh, so that callers at the same time share one.
    state: Mutex<State>,
}

struct State {
    document: TokenDocument,
    /// Set once the refresh token is known to be dead: asking again would change nothing and may lock the application out.
    dead: Option<String>,
}

/// An access token to send, and whether it is new.
pub(crate) struct Access {
    pub(crate) token: SecretString,
    pub(crate) renewed: bool,
}

impl Auth {
    /// One refresh is one short attempt; whoever needs the token decides whether to try again.
    const TIMEOUT: Duration = Duration::from_secs(5);

    pub(crate) fn new(
        base: &str,
        app: (SecretString, SecretString),
        document: TokenDocument,
        http: HttpClient,
        clock: Arc<dyn Clock>,
        sink: Arc<dyn TokenSink>,
    ) -> Self {
        Self { url: format!("{base}/v1/oauth/token"), app_key: app.0, app_secret: app.1, http, clock, sink, state: Mutex::new(State { document, dead: None }) }
    }

    /// The access token, refreshed first when it is due.
    pub(crate) async fn access(&self) -> Result<Access, BrokerFault> {
        let mut state = self.state.lock().await;
        let renewed = state.document.is_due(self.clock.now());
        if renewed {
            self.refresh(&mut state).await?;
        }
        Ok(Access { token: state.document.access().clone(), renewed })
    }

    /// A token other than `refused`: refreshes, unless another caller already has.
    pub(crate) async fn replace(&self, refused: &SecretString) -> Result<SecretString, BrokerFault> {
        let mut state = self.state.lock().await;
        if state.document.access().expose_secret() == refused.expose_secret() {
            self.refresh(&mut state).await?;
        }
        Ok(state.document.access().clone())
    }

    /// Reads an error answer without anything of our credentials that it may echo.
    pub(crate) fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        let hide = [self.app_secret.expose_secret(), self.app_key.expose_secret(), token.expose_secret()];
        ErrorBody::read(&response.body, &hide)
    }

    async fn refresh(&self, state: &mut State) -> Result<(), BrokerFault> {
        if let Some(why) = &state.dead {
            return Err(BrokerFault::TokenDead(why.clone()));
        }
        let form = [("grant_type", "refresh_token"), ("refresh_token", state.document.refresh().expose_secret())];
        let request = Request::post(&self.url).basic(&self.app_key, &self.app_secret).form(&form).timeout(Self::TIMEOUT);
        let response = self.http.send(request).await.map_err(|error| match error {
            HttpError::TooLarge { .. } => BrokerFault::Malformed(error.to_string()),
            HttpError::Build { .. } => BrokerFault::Refused(error.to_string()),
            HttpError::NotSent { .. } | HttpError::Lost { .. } => BrokerFault::Unavailable(error.to_string()),
        })?;
        if !response.is_success() {
            return Err(self.refused(state, &response));
        }
        let answer = response.json().map_err(|error| BrokerFault::Malformed(format!("refresh answer: {error}")))?;
        state.document = state.document.refreshed(&answer, self.clock.now()).map_err(|error| BrokerFault::Malformed(error.to_string()))?;
        let document = &state.document;
        tracing::info!(expires = document.expires(), "Schwab token refreshed");
        self.sink.rotated(document.text(), document.created(), document.expires()).await;
        Ok(())
    }

    /// Sorts an error answer of the token endpoint; its shapes differ from the API's.
    fn refused(&self, state: &mut State, response: &Response) -> BrokerFault {
        let body = self.error_body(response, state.document.refresh());
        let text = format!("token refresh: {} {}", response.status, body.text);
        // The inner text of the usual answer is no clean JSON, so the word is searched for in all of it.
        let raw = String::from_utf8_lossy(&response.body);
        let invalid_grant = response.json().is_ok_and(|answer| answer["error"] == "invalid_grant");
        if response.status < 500 && (invalid_grant || raw.contains("refresh_token_authentication_error")) {
            let age = state.document.age(self.clock.now());
            let why =
                format!("the refresh token is dead, {age} after the login (it lives 7): a person must log in, see docs/runbook.md, 'Schwab login' ({text})");
            state.dead = Some(why.clone());
            return BrokerFault::TokenDead(why);
        }
        match response.status {
            429 => BrokerFault::RateLimited(text),
            400..=499 if body.from != Origin::Api => BrokerFault::Unavailable(text),
            400..=499 => BrokerFault::Unauthorized(text),
            _ => BrokerFault::Unavailable(text),
        }
    }
}
