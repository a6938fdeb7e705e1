//! The brokers there are, and everything in which one differs from another for whoever puts an account
//! together.
//!
//! [`BrokerKind::setup`] is the only place that tells them apart. To add a broker: a variant, a line there,
//! and a file beside `schwab.rs` that says the rest; its secrets get their names in [`crate::names`].

mod login_names;
mod schwab;
mod tastytrade;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use gamma_cloud::{SecretSet, SecretsError};
use gamma_execution::ports::{Broker, BrokerError, BrokerFault, Clock, Equity, TokenRenewal, Transfers};
use gamma_execution::tokens::ReadAge;
use gamma_http::HttpClient;
use gamma_lambda::Failure;
use gamma_operator::DocumentShape;
use gamma_tastytrade::QuoteTokens;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;

pub use login_names::LoginNames;

use crate::names::Name;

/// Which broker an account is at, as accounts.toml says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BrokerKind {
    /// Charles Schwab.
    Schwab,
    /// tastytrade.
    Tastytrade,
}

impl BrokerKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Schwab, Self::Tastytrade];

    /// How accounts at this broker are put together.
    #[must_use]
    pub fn setup(self) -> &'static dyn BrokerSetup {
        match self {
            Self::Schwab => &schwab::Setup,
            Self::Tastytrade => &tastytrade::Setup,
        }
    }

    /// What is known of this broker without asking it.
    #[must_use]
    pub fn facts(self) -> &'static BrokerFacts {
        self.setup().facts()
    }
}

/// What is known of a broker without asking it.
#[derive(Debug)]
pub struct BrokerFacts {
    /// As accounts.toml, metrics, messages and `gamma login` call it.
    pub name: &'static str,
    /// Scheme and host of its API.
    pub address: &'static str,
    /// The variable that may put another in its place.
    pub address_variable: &'static str,
    /// The secrets of its logins, in the order in which a person fills them in.
    pub secrets: &'static [LoginSecret],
    /// The token document.
    pub token: Name,
    /// What the token document is, for a person.
    pub token_about: &'static str,
    /// What a token document looks like, for a person who stored something else.
    pub token_format: &'static str,
    /// How new a token document is; `None` of one that does not read.
    pub token_age: ReadAge,
    /// Where a token document tells its times.
    pub token_shape: DocumentShape,
    /// How a person's login ends by itself; `None` where it does not.
    pub login_end: Option<LoginEnd>,
    /// Whether an account must say its number, because the broker names accounts only by it.
    pub number_needed: bool,
}

/// How a login ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginEnd {
    /// So long after a person logged in, whatever is refreshed meanwhile.
    pub lasts: SignedDuration,
    /// The section of docs/runbook.md that says how to log in again.
    pub runbook: &'static str,
}

/// One of the secrets of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginSecret {
    /// Where it is kept.
    pub name: Name,
    /// What it is for.
    pub purpose: Purpose,
    /// What it is, for a person.
    pub about: &'static str,
}

/// What a secret of a login is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The application at the broker: nothing is refreshed without it.
    Application,
    /// The application too, but tokens are refreshed without it.
    OptionalApplication,
    /// Sizing of the login's accounts by their numbers; may be absent.
    SizingByNumber,
}

/// How logins and accounts at one broker are made.
pub trait BrokerSetup: Debug + Sync {
    /// What is known without asking the broker.
    fn facts(&self) -> &'static BrokerFacts;

    /// A login alone: all that it takes to keep its token. Opens no connection.
    ///
    /// # Errors
    /// [`Failure`] `SecretsUnavailable` or `BadToken` names the secret or field.
    fn log_in(&self, parts: LoginParts<'_>) -> Result<Box<dyn BrokerLogin>, Failure>;

    /// The adapter of an account. Opens no connection.
    ///
    /// # Errors
    /// As [`BrokerSetup::log_in`].
    fn connect(
        &self,
        parts: LoginParts<'_>,
        account_number: Option<String>,
        kept: &Kept,
    ) -> Result<Arc<dyn Connection>, Failure>;

    /// How a person logs in with a browser that comes back to `callback`.
    ///
    /// # Errors
    /// [`Failure`] `SecretsUnavailable` names the secret.
    fn authorization(
        &self,
        secrets: LoginSecrets<'_>,
        base_url: &str,
        callback: &str,
    ) -> Result<Box<dyn Authorization>, Failure>;

    /// The token document of a grant that a person made on the broker's pages; `None` at a broker that makes
    /// none.
    fn document_of_grant(&self, _grant: &SecretString) -> Option<SecretString> {
        None
    }
}

/// What a login is made of.
pub struct LoginParts<'a> {
    /// The application's secrets.
    pub secrets: LoginSecrets<'a>,
    /// Scheme and host of the broker's API.
    pub base_url: String,
    /// The outgoing client.
    pub http: HttpClient,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The token document as it was read.
    pub token_text: SecretString,
    /// What keeps the document.
    pub renewal: Arc<dyn TokenRenewal>,
}

/// The secrets of a login as they were read.
#[derive(Debug, Clone, Copy)]
pub struct LoginSecrets<'a> {
    /// Where each is kept.
    pub names: &'a LoginNames,
    /// What was read.
    pub read: &'a SecretSet,
}

impl LoginSecrets<'_> {
    /// One that must be there.
    ///
    /// # Errors
    /// [`Failure`] `SecretsUnavailable` when it was not read.
    pub fn get(&self, name: Name) -> Result<SecretString, Failure> {
        let not_read = || SecretsError::NotRead { name: name.usual.to_owned() };
        let place = self.names.place(name).ok_or_else(not_read).map_err(unavailable)?;
        self.read.get(place.as_str()).cloned().map_err(unavailable)
    }

    /// One that may be absent.
    #[must_use]
    pub fn optional(&self, name: Name) -> Option<SecretString> {
        self.read.optional(self.names.place(name)?.as_str()).cloned()
    }
}

/// What goes from one invocation of a process to the next. Connections do not: they do not survive the freeze
/// between them.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// tastytrade's, for its quote stream.
    quote_tokens: QuoteTokens,
}

/// The adapter of one account: the broker's ports, and what is done about its token.
#[async_trait]
pub trait Connection: Broker + Transfers + Equity {
    /// Refreshes the token when it is due; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`] when there is no good token.
    async fn refresh_if_needed(&self) -> Result<bool, BrokerError>;

    /// Sees to what can be ready before a trade, where there is anything; in words, how that went.
    async fn prepare_for_trade(&self, _kept: &Kept) -> Option<Result<&'static str, String>> {
        None
    }
}

/// A login at its broker, without an account.
#[async_trait]
pub trait BrokerLogin: Send + Sync {
    /// Refreshes the access token when it has so many seconds left at most; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`] when there is no good token.
    async fn refresh_within(&self, seconds: i64) -> Result<bool, BrokerError>;
}

/// A login that a person makes with a browser.
#[async_trait]
pub trait Authorization: Send + Sync {
    /// Where the browser begins, without its query, and the query.
    fn page(&self, state: &str) -> (String, Vec<(&'static str, String)>);

    /// Makes the code that the browser came back with into a token document of a login at `now`. The code
    /// works once.
    ///
    /// # Errors
    /// [`BrokerFault`] in the broker's words, without credentials.
    async fn exchange(
        &self,
        http: &HttpClient,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<SecretString, BrokerFault>;
}

/// A token document, or an application, that an adapter cannot be made with.
fn bad_token(error: impl std::fmt::Display) -> Failure {
    Failure::new("BadToken", error)
}

/// Takes the error by value, as `map_err` gives it.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn unavailable(error: SecretsError) -> Failure {
    Failure::new("SecretsUnavailable", error)
}
