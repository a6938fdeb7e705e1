//! A broker's login put together without account or feed: all that whoever keeps its token needs, and reads.

use std::sync::Arc;

use gamma_cloud::{DynamoTokenLock, SdkConfig, SecretName, SecretSet, Secrets, SecretsError, aws, token_store};
use gamma_execution::ports::{BrokerError, Clock, StoredToken};
use gamma_execution::tokens::{TokenIdentity, TokenKeeper, TokenPorts};
use gamma_http::HttpClient;
use gamma_lambda::Failure;
use gamma_schwab::{SchwabLogin, SchwabLoginConfig};
use gamma_tastytrade::{ClientAuth, TastytradeLogin, TastytradeLoginConfig};
use secrecy::SecretString;

use crate::profiles::BrokerKind;

/// `GAMMA_TOKENS`: who writes the token documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenUse {
    /// `keep`: this deployment does.
    #[default]
    Keep,
    /// `borrow`: another one does; this one refreshes in memory when it must, and never writes.
    Borrow,
}

impl TokenUse {
    /// Reads `GAMMA_TOKENS`; unset means that this deployment keeps them.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment`.
    pub fn from_env(value: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        match value("GAMMA_TOKENS").as_deref() {
            None | Some("keep") => Ok(Self::Keep),
            Some("borrow") => Ok(Self::Borrow),
            Some(other) => Err(Failure::new("BadDeployment", format!("environment GAMMA_TOKENS: got {other}, expected keep or borrow"))),
        }
    }
}

/// The names of an application's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppNames {
    /// Charles Schwab.
    Schwab {
        /// `GAMMA_NAME_APP_KEY`: the application's key.
        key: SecretName,
        /// `GAMMA_NAME_APP_SECRET`: its secret.
        secret: SecretName,
    },
    /// tastytrade.
    Tastytrade {
        /// `GAMMA_NAME_CLIENT_SECRET`: the OAuth application's secret.
        secret: SecretName,
        /// `GAMMA_NAME_CLIENT_ID`: its id, which may be absent.
        id: SecretName,
        /// `GAMMA_NAME_ACCOUNT_SIZING`: the sizing override by account number, which may be absent.
        sizing: SecretName,
    },
}

/// The names of a login's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginNames {
    /// The application at the broker.
    pub app: AppNames,
    /// `GAMMA_NAME_TOKEN`: the token document, which is written back.
    pub token: SecretName,
}

/// The variable that may put another address in the place of a broker's, and the broker's own.
#[must_use]
pub const fn address(broker: BrokerKind) -> (&'static str, &'static str) {
    match broker {
        BrokerKind::Schwab => ("GAMMA_SCHWAB_URL", "https://api.schwabapi.com"),
        BrokerKind::Tastytrade => ("GAMMA_TASTYTRADE_URL", "https://api.tastyworks.com"),
    }
}

/// The name that a variable gives a secret, or its usual one.
pub(crate) fn secret_name(value: impl Fn(&str) -> Option<String>, variable: &str, usual: &str) -> Result<SecretName, Failure> {
    let name = value(variable).unwrap_or_else(|| usual.to_owned());
    let parsed = if variable == "GAMMA_NAME_TOKEN" { SecretName::of_document(&name) } else { SecretName::parse(&name) };
    parsed.map_err(|error| Failure::new("BadDeployment", format!("environment {variable}: {error}")))
}

impl LoginNames {
    /// Those of a login at `broker`.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` names the variable.
    pub fn from_env(broker: BrokerKind, value: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let name = |variable: &str, usual: &str| secret_name(&value, variable, usual);
        let (app, token) = match broker {
            BrokerKind::Schwab => {
                let (key, secret) = (name("GAMMA_NAME_APP_KEY", "/gamma/schwab/app_key")?, name("GAMMA_NAME_APP_SECRET", "/gamma/schwab/app_secret")?);
                (AppNames::Schwab { key, secret }, "/gamma/schwab/token_json")
            }
            BrokerKind::Tastytrade => {
                let (secret, id) = (name("GAMMA_NAME_CLIENT_SECRET", "/gamma/tt/client_secret")?, name("GAMMA_NAME_CLIENT_ID", "/gamma/tt/client_id")?);
                let sizing = name("GAMMA_NAME_ACCOUNT_SIZING", "/gamma/tt/account_sizing")?;
                (AppNames::Tastytrade { secret, id, sizing }, "/gamma/tt/token_json")
            }
        };
        Ok(Self { app, token: name("GAMMA_NAME_TOKEN", token)? })
    }

    /// Those without which nothing is refreshed.
    #[must_use]
    pub fn required(&self) -> Vec<&SecretName> {
        let app = match &self.app {
            AppNames::Schwab { key, secret } => vec![key, secret],
            AppNames::Tastytrade { secret, .. } => vec![secret],
        };
        app.into_iter().chain([&self.token]).collect()
    }

    /// Those that may be absent.
    #[must_use]
    pub fn optional(&self) -> Vec<&SecretName> {
        match &self.app {
            AppNames::Schwab { .. } => vec![],
            AppNames::Tastytrade { id, .. } => vec![id],
        }
    }
}

/// What a login is put together with.
pub struct LoginAssembly<'a> {
    /// How AWS is reached.
    pub aws: &'a SdkConfig,
    /// The table that has the token locks.
    pub table: &'a str,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// This delivery.
    pub run_id: &'a str,
    /// Who writes the document.
    pub tokens: TokenUse,
}

/// A login at its broker.
#[derive(Debug)]
pub enum BrokerLogin {
    /// Charles Schwab.
    Schwab(SchwabLogin),
    /// tastytrade.
    Tastytrade(TastytradeLogin),
}

impl BrokerLogin {
    /// Refreshes the access token when it has so many seconds left at most; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`] when there is no good token.
    pub async fn refresh_within(&self, seconds: i64) -> Result<bool, BrokerError> {
        match self {
            Self::Schwab(login) => login.refresh_within(seconds).await,
            Self::Tastytrade(login) => login.refresh_within(seconds).await,
        }
    }
}

impl LoginAssembly<'_> {
    /// What keeps the document `token`, read as `stored`. Lock and store are hurried: trading does not wait for them.
    #[must_use]
    pub fn keeper(&self, app: &AppNames, token: &SecretName, stored: &StoredToken) -> TokenKeeper {
        let aws = aws::hurried(self.aws);
        let lock = Arc::new(DynamoTokenLock::new(&aws, self.table, Arc::clone(&self.clock)));
        let ports = TokenPorts { store: token_store(&aws, token), lock, clock: Arc::clone(&self.clock) };
        let read_age = match app {
            AppNames::Schwab { .. } => gamma_schwab::token_age,
            AppNames::Tastytrade { .. } => gamma_tastytrade::token_age,
        };
        let keeper = TokenKeeper::new(ports, TokenIdentity { name: token.as_str(), run_id: self.run_id, read_age }, stored);
        match self.tokens {
            TokenUse::Keep => keeper,
            TokenUse::Borrow => keeper.borrowing(),
        }
    }

    /// Reads the token document and nothing else.
    ///
    /// # Errors
    /// [`Failure`] `SecretsUnavailable`; `BadToken` when it does not read.
    pub async fn look(&self, names: &LoginNames) -> Result<TokenKeeper, Failure> {
        let secrets = self.read(&[&names.token], &[]).await?;
        let keeper = self.keeper(&names.app, &names.token, &stored(&secrets, &names.token)?);
        match keeper.reads() {
            true => Ok(keeper),
            false => Err(Failure::new("BadToken", format!("{}: got a text that does not read, expected a token document", names.token.as_str()))),
        }
    }

    /// Reads application and token document, and makes the login that refreshes the one with the other. Whoever does only this waits for
    /// the lock until a dead holder's has expired.
    ///
    /// # Errors
    /// [`Failure`] names the secret or field.
    pub async fn open(&self, names: &LoginNames, http: &HttpClient, base_url: &str) -> Result<(BrokerLogin, Arc<TokenKeeper>), Failure> {
        let secrets = self.read(&names.required(), &names.optional()).await?;
        let secret = |name: &SecretName| secrets.get(name.as_str()).cloned().map_err(unavailable);
        let stored = stored(&secrets, &names.token)?;
        let keeper = Arc::new(self.keeper(&names.app, &names.token, &stored).outwaiting_the_dead());
        let (base_url, token_text): (_, SecretString) = (base_url.to_owned(), stored.text);
        let (http, clock, renewal) = (http.clone(), Arc::clone(&self.clock), keeper.clone());
        let broker = match &names.app {
            AppNames::Schwab { key, secret: app_secret } => {
                let config = SchwabLoginConfig { base_url, app_key: secret(key)?, app_secret: secret(app_secret)?, token_text };
                SchwabLogin::new(http, config, clock, renewal).map(BrokerLogin::Schwab).map_err(|error| Failure::new("BadToken", error))
            }
            AppNames::Tastytrade { secret: client_secret, id, .. } => {
                let (client_id, client_secret) = (secrets.optional(id.as_str()).cloned(), secret(client_secret)?);
                let config = TastytradeLoginConfig { base_url, client_id, client_secret, client_auth: ClientAuth::Body, token_text };
                TastytradeLogin::new(http, config, clock, renewal).map(BrokerLogin::Tastytrade).map_err(|error| Failure::new("BadToken", error))
            }
        };
        Ok((broker?, keeper))
    }

    async fn read(&self, required: &[&SecretName], optional: &[&SecretName]) -> Result<SecretSet, Failure> {
        let [required, optional] = [required, optional].map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        Secrets::new(self.aws, Arc::clone(&self.clock)).read_with(&required, &optional).await.map_err(unavailable)
    }
}

/// The document under `name`, as it was read.
///
/// # Errors
/// [`Failure`] `SecretsUnavailable` when it was not among those that were read.
pub(crate) fn stored(secrets: &SecretSet, name: &SecretName) -> Result<StoredToken, Failure> {
    let (text, version) = (secrets.get(name.as_str()).map_err(unavailable)?, secrets.version(name.as_str()).map_err(unavailable)?);
    Ok(StoredToken { text: text.clone(), version })
}

/// Takes the error by value, as `map_err` gives it.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn unavailable(error: SecretsError) -> Failure {
    Failure::new("SecretsUnavailable", error)
}
