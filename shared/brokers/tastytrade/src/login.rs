//! A login without an account, for whoever only keeps its token.

use std::fmt;
use std::sync::Arc;

use gamma_execution::ports::{BrokerError, Clock, TokenRenewal};
use gamma_http::HttpClient;
use gamma_wire::{Login, TokenDocument as _};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::{ClientAuth, Endpoint, Refusals};
use crate::broker::TastytradeSetupError;
use crate::client::failed;
use crate::token::TokenDocument;

/// What it takes to refresh a token.
#[derive(Debug, Clone)]
pub struct TastytradeLoginConfig {
    /// Scheme and host, `https://api.tastyworks.com`.
    pub base_url: String,
    /// The OAuth application's id; tastytrade can do without, except with [`ClientAuth::Basic`].
    pub client_id: Option<SecretString>,
    /// The OAuth application's secret.
    pub client_secret: SecretString,
    /// Where the two go when a token is refreshed.
    pub client_auth: ClientAuth,
    /// The token document: tastytrade's OAuth answer, at least with its `refresh_token`.
    pub token_text: SecretString,
}

/// A grant of tastytrade's: one application, one token document, for all accounts of the person.
pub struct TastytradeLogin(pub(crate) Login<Endpoint>);

impl TastytradeLogin {
    /// Reads the configuration; opens no connection.
    ///
    /// # Errors
    /// [`TastytradeSetupError`], which names the field.
    pub fn new(
        http: HttpClient,
        config: TastytradeLoginConfig,
        clock: Arc<dyn Clock>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Result<Self, TastytradeSetupError> {
        let base = config.base_url.trim_end_matches('/');
        let client_id = config.client_id.filter(|id| !id.expose_secret().trim().is_empty());
        let basic_without_id = config.client_auth == ClientAuth::Basic && client_id.is_none();
        for (field, missing) in [
            ("base_url", base.trim().is_empty()),
            ("client_secret", config.client_secret.expose_secret().trim().is_empty()),
            ("client_id", basic_without_id),
        ] {
            if missing {
                return Err(TastytradeSetupError::Empty { field });
            }
        }
        let document = TokenDocument::parse(&config.token_text)?;
        let endpoint = Endpoint {
            url: format!("{base}/oauth/token"),
            client_id,
            client_secret: config.client_secret,
            client_auth: config.client_auth,
            http,
            clock: Arc::clone(&clock),
            refusals: Refusals::default(),
        };
        Ok(Self(Login::new(endpoint, document, clock, renewal)))
    }

    /// Refreshes the access token when it has so many seconds left at most; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`]; a grant that has ended is
    /// [`BrokerFault::TokenDead`](gamma_execution::ports::BrokerFault::TokenDead).
    pub async fn refresh_within(&self, seconds: i64) -> Result<bool, BrokerError> {
        self.0.renew_within(seconds).await.map_err(|fault| failed("token refresh", fault))
    }
}

/// Nothing of it is for showing.
impl fmt::Debug for TastytradeLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TastytradeLogin").finish_non_exhaustive()
    }
}
