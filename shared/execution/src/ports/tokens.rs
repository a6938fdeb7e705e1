use async_trait::async_trait;
use secrecy::SecretString;

/// A stored token document as it was read.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The document, raw text.
    pub text: SecretString,
    /// The store's version of it; each write makes the next.
    pub version: i64,
}

/// Where a broker's token document is kept between runs.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Reads the document kept under `name`.
    ///
    /// # Errors
    /// [`SaveError`] when it could not be read.
    async fn load(&self, name: &str) -> Result<StoredToken, SaveError>;

    /// Writes the document; returns the version the write made.
    ///
    /// # Errors
    /// [`SaveError`] when it is not known to be written.
    async fn save(&self, name: &str, text: &SecretString) -> Result<i64, SaveError>;
}

/// A token document that could not be read or is not known to be written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("token store: {what} {name}: {reason}")]
pub struct SaveError {
    /// `read` or `write`.
    pub what: &'static str,
    /// The parameter's name.
    pub name: String,
    /// Why, without secrets.
    pub reason: String,
}
