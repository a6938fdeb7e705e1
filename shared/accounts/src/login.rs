//! A broker's login put together without account or feed: all that whoever keeps its token needs, and reads.

use std::sync::Arc;

use gamma_cloud::{DynamoTokenLock, SdkConfig, SecretName, SecretSet, Secrets, aws, token_store};
use gamma_execution::ports::{Clock, StoredToken};
use gamma_execution::tokens::{TokenIdentity, TokenKeeper, TokenPorts};
use gamma_http::HttpClient;
use gamma_lambda::Failure;
use gamma_lambda::environment::bad;

use crate::brokers::{BrokerLogin, LoginNames, LoginParts, LoginSecrets, unavailable};
use crate::profiles;

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
            Some(other) => Err(bad("GAMMA_TOKENS", other, "keep or borrow")),
        }
    }
}

/// The login by which an account of accounts.toml trades, under its document's usual name, as an operator
/// looks at it.
#[must_use]
pub fn usual_login(account: &str) -> Option<gamma_operator::Login> {
    let facts = profiles::broker(account).ok()?.facts();
    let (document, lasts) = (facts.token.usual.to_owned(), facts.login_end.map(|end| end.lasts));
    Some(gamma_operator::Login { broker: facts.name, document, shape: facts.token_shape, lasts })
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

impl LoginAssembly<'_> {
    /// What keeps the login's token document, read as `stored`. Lock and store are hurried: trading does not
    /// wait for them.
    #[must_use]
    pub fn keeper(&self, names: &LoginNames, stored: &StoredToken) -> TokenKeeper {
        let (aws, token) = (aws::hurried(self.aws), &names.token);
        let lock = Arc::new(DynamoTokenLock::new(&aws, self.table, Arc::clone(&self.clock)));
        let ports = TokenPorts { store: token_store(&aws, token), lock, clock: Arc::clone(&self.clock) };
        let identity = TokenIdentity {
            name: token.as_str(),
            run_id: self.run_id,
            read_age: names.broker.facts().token_age,
        };
        let keeper = TokenKeeper::new(ports, identity, stored);
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
        let keeper = self.keeper(names, &stored(&secrets, &names.token)?);
        match keeper.reads() {
            true => Ok(keeper),
            false => Err(Failure::new(
                "BadToken",
                format!("{}: got a text that does not read, expected a token document", names.token.as_str()),
            )),
        }
    }

    /// Reads application and token document, and makes the login that refreshes the one with the other.
    /// Whoever does only this waits for the lock until a dead holder's has expired.
    ///
    /// # Errors
    /// [`Failure`] names the secret or field.
    pub async fn open(
        &self,
        names: &LoginNames,
        http: &HttpClient,
        base_url: &str,
    ) -> Result<(Box<dyn BrokerLogin>, Arc<TokenKeeper>), Failure> {
        let secrets = self.read(&names.required(), &names.optional()).await?;
        let stored = stored(&secrets, &names.token)?;
        let keeper = Arc::new(self.keeper(names, &stored).outwaiting_the_dead());
        let parts = LoginParts {
            secrets: LoginSecrets { names, read: &secrets },
            base_url: base_url.to_owned(),
            http: http.clone(),
            clock: Arc::clone(&self.clock),
            token_text: stored.text,
            renewal: keeper.clone(),
        };
        Ok((names.broker.setup().log_in(parts)?, keeper))
    }

    async fn read(&self, required: &[&SecretName], optional: &[&SecretName]) -> Result<SecretSet, Failure> {
        let [required, optional] =
            [required, optional].map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        Secrets::new(self.aws, Arc::clone(&self.clock))
            .read_with(&required, &optional)
            .await
            .map_err(unavailable)
    }
}

/// The document under `name`, as it was read.
///
/// # Errors
/// [`Failure`] `SecretsUnavailable` when it was not among those that were read.
pub(crate) fn stored(secrets: &SecretSet, name: &SecretName) -> Result<StoredToken, Failure> {
    let (text, version) = (
        secrets.get(name.as_str()).map_err(unavailable)?,
        secrets.version(name.as_str()).map_err(unavailable)?,
    );
    Ok(StoredToken { text: text.clone(), version })
}
