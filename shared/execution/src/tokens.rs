//! Keeping a broker's token document: saved when its content changed, never left older than one that was obtained.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ports::{StoredToken, TokenStore};

/// How new a token document is: by login, then by expiry of its access token. Both unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenAge {
    /// When a person logged in.
    pub created: i64,
    /// When the access token expires.
    pub expires: i64,
}

/// Reads the age out of a document; `None` when it cannot be read.
pub type ReadAge = fn(&str) -> Option<TokenAge>;

/// What became of the document at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "token")]
pub enum TokenSaved {
    /// Its content is what was stored.
    Unchanged,
    /// Written back.
    Saved {
        /// The version the write made.
        version: i64,
    },
    /// The store holds a newer one; ours was not written over it.
    NewerStored,
    /// It could not be written; the next refresh starts from the stored one.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Holds the document of one run and writes it back to its store.
pub struct TokenKeeper {
    store: Arc<dyn TokenStore>,
    name: String,
    read_age: ReadAge,
    state: Mutex<State>,
}

struct State {
    /// SHA-256 of the canonical content that the store is known to hold.
    stored: [u8; 32],
    current: SecretString,
    result: TokenSaved,
}

impl TokenKeeper {
    /// A keeper of the document `stored` under `name`.
    #[must_use]
    pub fn new(store: Arc<dyn TokenStore>, name: &str, stored: &StoredToken, read_age: ReadAge) -> Self {
        let state = State { stored: fingerprint(stored.text.expose_secret()), current: stored.text.clone(), result: TokenSaved::Unchanged };
        Self { store, name: name.to_owned(), read_age, state: Mutex::new(state) }
    }

    /// Takes a document that was just obtained and saves it at once. A failure never stops trading: [`Self::flush`] tries again.
    pub async fn rotated(&self, text: SecretString) {
        self.state().current = text;
        self.save().await;
    }

    /// Saves what is not saved yet; answers with what became of the document over the whole run.
    pub async fn flush(&self) -> TokenSaved {
        self.save().await;
        self.state().result.clone()
    }

    async fn save(&self) {
        let (current, hash) = {
            let state = self.state();
            (state.current.clone(), fingerprint(state.current.expose_secret()))
        };
        if hash == self.state().stored {
            return;
        }
        let result = self.write(&current).await;
        let mut state = self.state();
        if matches!(result, TokenSaved::Saved { .. } | TokenSaved::NewerStored) {
            state.stored = hash;
        }
        state.result = result;
    }

    /// The store has no conditional write: look before writing, write, and check that nobody wrote in between.
    async fn write(&self, ours: &SecretString) -> TokenSaved {
        let failed = |error: crate::ports::SaveError| TokenSaved::Failed { reason: error.to_string() };
        let age = (self.read_age)(ours.expose_secret());
        for _ in 0..3 {
            let before = match self.store.load(&self.name).await {
                Ok(stored) => stored,
                Err(error) => return failed(error),
            };
            if (self.read_age)(before.text.expose_secret()) > age {
                return TokenSaved::NewerStored;
            }
            match self.store.save(&self.name, ours).await {
                Ok(version) if version == before.version + 1 => return TokenSaved::Saved { version },
                Ok(_) => {}
                Err(error) => return failed(error),
            }
        }
        TokenSaved::Failed { reason: format!("{}: others kept writing at the same time", self.name) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 of the canonical content: JSON with sorted keys and no white space, so that reformatting is no change.
fn fingerprint(text: &str) -> [u8; 32] {
    let canonical = serde_json::from_str::<serde_json::Value>(text).map_or_else(|_| text.to_owned(), |value| value.to_string());
    Sha256::digest(canonical.as_bytes()).into()
}

impl std::fmt::Debug for TokenKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeeper").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SaveError;
    use async_trait::async_trait;

    /// A parameter store: versions count up, last writer wins, nothing is conditional.
    struct Store {
        kept: Mutex<(String, i64)>,
        /// Written by somebody else between our look and our write, once.
        intruder: Mutex<Option<String>>,
        writes: Mutex<u32>,
        broken: bool,
    }

    impl Store {
        fn holding(text: &str) -> Self {
            Self { kept: Mutex::new((text.into(), 7)), intruder: Mutex::new(None), writes: Mutex::new(0), broken: false }
        }
    }

    #[async_trait]
    impl TokenStore for Store {
        async fn load(&self, _: &str) -> Result<StoredToken, SaveError> {
            let (text, version) = self.kept.lock().unwrap().clone();
            if let Some(other) = self.intruder.lock().unwrap().take() {
                *self.kept.lock().unwrap() = (other, version + 1);
            }
            Ok(StoredToken { text: text.into(), version })
        }

        async fn save(&self, name: &str, text: &SecretString) -> Result<i64, SaveError> {
            if self.broken {
                return Err(SaveError { what: "write", name: name.into(), reason: "throttled".into() });
            }
            *self.writes.lock().unwrap() += 1;
            let mut kept = self.kept.lock().unwrap();
            *kept = (text.expose_secret().into(), kept.1 + 1);
            Ok(kept.1)
        }
    }

    fn age(text: &str) -> Option<TokenAge> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(TokenAge { created: value["created"].as_i64()?, expires: value["expires"].as_i64()? })
    }

    fn keeper(store: &Arc<Store>) -> TokenKeeper {
        let (text, version) = store.kept.lock().unwrap().clone();
        TokenKeeper::new(Arc::<Store>::clone(store), "/gamma/x/token_json", &StoredToken { text: text.into(), version }, age)
    }

    #[tokio::test]
    async fn written_back_only_when_the_content_changed() {
        let store = Arc::new(Store::holding(r#"{"created": 1, "expires": 10}"#));
        let keeper = keeper(&store);
        keeper.rotated(r#"{"expires":10,"created":1}"#.into()).await;
        assert_eq!(keeper.flush().await, TokenSaved::Unchanged);
        keeper.rotated(r#"{"created":1,"expires":20}"#.into()).await;
        assert_eq!(keeper.flush().await, TokenSaved::Saved { version: 8 });
        assert_eq!(*store.writes.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn incident_last_writer_won_a_newer_stored_token_is_never_overwritten() {
        let store = Arc::new(Store::holding(r#"{"created":1,"expires":10}"#));
        let keeper = keeper(&store);
        store.kept.lock().unwrap().0 = r#"{"created":2,"expires":5}"#.into();
        keeper.rotated(r#"{"created":1,"expires":20}"#.into()).await;
        assert_eq!(keeper.flush().await, TokenSaved::NewerStored);
        assert_eq!(store.kept.lock().unwrap().0, r#"{"created":2,"expires":5}"#);
    }

    #[tokio::test]
    async fn an_older_token_slipped_in_between_look_and_write_is_repaired() {
        let store = Arc::new(Store::holding(r#"{"created":1,"expires":10}"#));
        let keeper = keeper(&store);
        *store.intruder.lock().unwrap() = Some(r#"{"created":1,"expires":15}"#.into());
        keeper.rotated(r#"{"created":1,"expires":20}"#.into()).await;
        assert!(matches!(keeper.flush().await, TokenSaved::Saved { .. }));
        assert_eq!(store.kept.lock().unwrap().0, r#"{"created":1,"expires":20}"#);
    }

    #[tokio::test]
    async fn a_store_that_fails_is_reported_and_tried_again() {
        let store = Arc::new(Store { broken: true, ..Store::holding(r#"{"created":1,"expires":10}"#) });
        let keeper = keeper(&store);
        keeper.rotated(r#"{"created":1,"expires":20,"secret":"CANARY"}"#.into()).await;
        let TokenSaved::Failed { reason } = keeper.flush().await else { panic!("expected a failure") };
        assert!(reason.contains("throttled") && !reason.contains("CANARY"));
        assert!(!format!("{keeper:?}").contains("CANARY"));
    }
}
