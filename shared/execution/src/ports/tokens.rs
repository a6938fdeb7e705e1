use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;

use super::{BrokerFault, PutOutcome};

/// Names one write of a stored document. Only its store knows which version follows which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum TokenVersion {
    /// Counted: each write makes the next.
    Count(i64),
    /// A name without order.
    Id(String),
}

/// A stored token document as it was read.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The document, raw text.
    pub text: SecretString,
    /// The store's version of it.
    pub version: TokenVersion,
}

/// What became of a write that the store answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenWrite {
    /// The store holds it, as this version.
    Made(TokenVersion),
    /// Somebody wrote after the version that was read, and the store kept theirs.
    Conflict,
}

/// Where a broker's token document is kept between runs.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Reads the document kept under `name`.
    ///
    /// # Errors
    /// [`SaveError`] when it could not be read.
    async fn load(&self, name: &str) -> Result<StoredToken, SaveError>;

    /// Writes the document over the version `read`. A store without conditional writes writes over whatever
    /// stands there; [`TokenStore::between`] then tells what that was.
    ///
    /// # Errors
    /// [`SaveError`] when it is not known to be written.
    async fn save(
        &self,
        name: &str,
        text: &SecretString,
        read: &TokenVersion,
    ) -> Result<TokenWrite, SaveError>;

    /// The documents written after `read` and gone before `made`: what a write went over without having seen
    /// it. Empty where `made` directly follows `read`, and where a write over an unseen version is refused.
    ///
    /// # Errors
    /// [`SaveError`] when one of them could not be read.
    async fn between(
        &self,
        name: &str,
        read: &TokenVersion,
        made: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError>;
}

/// A token document that could not be read or is not known to be written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("token store: {what} {name}: {reason}")]
pub struct SaveError {
    /// `read` or `write`.
    pub what: &'static str,
    /// The document's name.
    pub name: String,
    /// Why, without secrets.
    pub reason: String,
}

/// One short lock for each token document: who refreshes it and writes it back.
#[async_trait]
pub trait TokenLock: Send + Sync {
    /// Takes the lock of `name` until `expires`, when it is free, has expired by `now`, or is `owner`'s
    /// already.
    ///
    /// # Errors
    /// [`TokenLockError`] when it is not known to be taken.
    async fn take(
        &self,
        name: &str,
        owner: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<PutOutcome, TokenLockError>;

    /// Gives the lock back. One that is no longer `owner`'s is left alone.
    ///
    /// # Errors
    /// [`TokenLockError`] when it is not known to be free; it expires by itself.
    async fn release(&self, name: &str, owner: &str) -> Result<(), TokenLockError>;
}

/// A token lock that is not known to be taken or given back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("token lock: {what} {name}: {reason}")]
pub struct TokenLockError {
    /// `take` or `release`.
    pub what: &'static str,
    /// The document's name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What the access token in hand is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InHand {
    /// It will expire soon, but can still be sent.
    Usable,
    /// It has expired, or the broker refused it.
    Useless,
}

/// A broker's token endpoint, as its adapter knows it.
#[async_trait]
pub trait TokenIssuer: Send + Sync {
    /// Whether the access token of `document` can be sent as it is, so that nothing needs to be refreshed.
    fn is_good(&self, document: &SecretString) -> bool;

    /// Obtains a new document with the refresh token of `document`. One short attempt.
    ///
    /// # Errors
    /// [`BrokerFault::TokenDead`] when the broker refused the refresh token for good; other faults may pass.
    async fn refresh(&self, document: &SecretString) -> Result<SecretString, BrokerFault>;

    /// Whether `refreshed` came with another refresh token than `from` has, which then may be good no more.
    fn is_rotated(&self, from: &SecretString, refreshed: &SecretString) -> bool;
}

/// Through which an adapter renews its token document, so that all who share it do so one after another and
/// none is lost.
#[async_trait]
pub trait TokenRenewal: Send + Sync {
    /// A document to go on with instead of `held`: one that somebody else obtained meanwhile, or a refreshed
    /// one. While the token in hand is usable it may also be `held` itself.
    ///
    /// # Errors
    /// The fault of `issuer`.
    async fn renew(
        &self,
        held: &SecretString,
        in_hand: InHand,
        issuer: &dyn TokenIssuer,
    ) -> Result<SecretString, BrokerFault>;

    /// Something about the token that an operator should be told at the end of the run.
    fn trouble(&self, note: String);
}
