//! A login without an account, for whoever only keeps its token.

use std::fmt;
use std::sync::Arc;

use gamma_execution::ports::{BrokerError, Clock, TokenRenewal};
use gamma_http::HttpClient;
use gamma_wire::{Login, TokenDocument as _};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::Endpoint;
use crate::broker::SchwabSetupError;
use crate::client::failed;
use crate::token::TokenDocument;

/// What it takes to refresh a token.
#[derive(Debug, Clone)]
pub struct SchwabLoginConfig {
    /// Scheme and host, `https://api.schwabapi.com`.
    pub base_url: String,
    /// The application's key.
    pub app_key: SecretString,
    /// The application's secret.
    pub app_secret: SecretString,
    /// The token document, JSON or base64 of it, as schwab-py keeps it.
    pub token_text: SecretString,
}

/// A person's login at Schwab: one application, one token document.
pub struct SchwabLogin(pub(crate) Login<Endpoint>);

impl SchwabLogin {
    /// How long a refresh token lives from the interactive login on, in seconds. A refresh does not prolong
    /// it.
    pub const LIFE: i64 = 7 * 24 * 60 * 60;

    /// Reads the configuration; opens no connection.
    ///
    /// # Errors
    /// [`SchwabSetupError`], which names the field.
    pub fn new(
        http: HttpClient,
        config: SchwabLoginConfig,
        clock: Arc<dyn Clock>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Result<Self, SchwabSetupError> {
        let base = config.base_url.trim_end_matches('/');
        for (field, value) in [
            ("base_url", base),
            ("app_key", config.app_key.expose_secret()),
            ("app_secret", config.app_secret.expose_secret()),
        ] {
            if value.trim().is_empty() {
                return Err(SchwabSetupError::Empty { field });
            }
        }
        let document = TokenDocument::parse(&config.token_text)?;
        let url = format!("{base}/v1/oauth/token");
        let endpoint = Endpoint {
            url,
            app_key: config.app_key,
            app_secret: config.app_secret,
            http,
            clock: Arc::clone(&clock),
        };
        Ok(Self(Login::new(endpoint, document, clock, renewal)))
    }

    /// Refreshes the access token when it has so many seconds left at most; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`]; a login that has died is
    /// [`BrokerFault::TokenDead`](gamma_execution::ports::BrokerFault::TokenDead).
    pub async fn refresh_within(&self, seconds: i64) -> Result<bool, BrokerError> {
        self.0.renew_within(seconds).await.map_err(|fault| failed("token refresh", fault))
    }
}

/// Nothing of it is for showing.
impl fmt::Debug for SchwabLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchwabLogin").finish_non_exhaustive()
    }
}
