//! Token documents kept in memory, each version of them.

use std::sync::Mutex;

use async_trait::async_trait;
use gamma_execution::ports::{SaveError, StoredToken, TokenStore, TokenVersion, TokenWrite};
use secrecy::SecretString;

/// One document; version 1 first.
pub(crate) struct MemoryStore(Mutex<Vec<SecretString>>);

impl MemoryStore {
    pub(crate) fn of(text: String) -> Self {
        Self(Mutex::new(vec![text.into()]))
    }

    /// How often it was written.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().len() - 1
    }

    pub(crate) fn newest(&self) -> StoredToken {
        let versions = self.0.lock().unwrap();
        StoredToken { text: versions.last().unwrap().clone(), version: version(versions.len()) }
    }
}

fn version(count: usize) -> TokenVersion {
    TokenVersion::Count(i64::try_from(count).unwrap())
}

fn count(version: &TokenVersion) -> usize {
    match version {
        TokenVersion::Count(count) => usize::try_from(*count).unwrap(),
        TokenVersion::Id(id) => panic!("version: got {id}, expected a count"),
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn load(&self, _: &str) -> Result<StoredToken, SaveError> {
        Ok(self.newest())
    }

    async fn save(&self, _: &str, text: &SecretString, _: &TokenVersion) -> Result<TokenWrite, SaveError> {
        let mut versions = self.0.lock().unwrap();
        versions.push(text.clone());
        Ok(TokenWrite::Made(version(versions.len())))
    }

    async fn between(
        &self,
        _: &str,
        read: &TokenVersion,
        made: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        let versions = self.0.lock().unwrap();
        Ok(versions.get(count(read)..count(made).saturating_sub(1)).unwrap_or_default().to_vec())
    }
}
