//! Keeping a broker's token document: refreshed by one process at a time, saved when its content changed,
//! never left older than one that was obtained (order-safety point 11).
//!
//! Refresh and write-back go under a short lock. Whoever gets it looks first whether the work is done
//! already. A lock or a store that fails never stops trading: the run goes on with what it has, and says so
//! at its end.
//!
//! The lock keeps two refreshes apart. It cannot keep them apart for certain: a holder may be slower than its
//! lock, and whoever waited long enough goes on without. So every write also looks at what it went over, and
//! puts a newer document back.

mod borrow;
mod lock;
mod write;

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ports::{
    BrokerFault, Clock, InHand, StoredToken, TokenIssuer, TokenLock, TokenRenewal, TokenStore, TokenVersion,
};

/// How new a token document is: by login, then by expiry of its access token. Both unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenAge {
    /// When a person logged in.
    pub created: i64,
    /// When the access token expires.
    pub expires: i64,
}

impl TokenAge {
    /// Of a document that reads and does not say how old it is, such as one that a person stored as the
    /// broker gave it.
    pub const UNDATED: Self = Self { created: i64::MIN, expires: i64::MIN };
}

/// Reads the age out of a document; `None` when it cannot be read.
pub type ReadAge = fn(&SecretString) -> Option<TokenAge>;

/// What became of the document at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "token")]
pub enum TokenSaved {
    /// Its content is what was stored.
    Unchanged,
    /// Written back.
    Saved {
        /// The version the write made.
        version: TokenVersion,
    },
    /// The store holds a newer one; ours was not written over it.
    NewerStored,
    /// Refreshed for this run alone: the stored one is another's, and nothing was written.
    Borrowed,
    /// It could not be written; the next refresh starts from the stored one.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a run reports of its token document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSummary {
    /// What became of the document.
    pub saved: TokenSaved,
    /// What else happened to it.
    pub notes: Vec<String>,
    /// An operator should be told.
    pub alarm: bool,
}

/// What a keeper works with.
#[derive(Clone)]
pub struct TokenPorts {
    /// Where the document is kept.
    pub store: Arc<dyn TokenStore>,
    /// Whose turn it is to refresh.
    pub lock: Arc<dyn TokenLock>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Which document is kept, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct TokenIdentity<'a> {
    /// The document's name in its store.
    pub name: &'a str,
    /// The run that holds the lock; no two deliveries share it.
    pub run_id: &'a str,
    /// How old a document of this broker is.
    pub read_age: ReadAge,
}

/// Holds the document of one run, renews it, and writes it back to its store.
pub struct TokenKeeper {
    ports: TokenPorts,
    name: String,
    run_id: String,
    read_age: ReadAge,
    /// How long a turn is waited for.
    patience: SignedDuration,
    /// The document is another deployment's: neither it nor its lock is written.
    borrows: bool,
    state: Mutex<State>,
}

struct State {
    /// SHA-256 of the canonical content that the store is known to hold.
    stored: [u8; 32],
    /// The newest document this run knows of.
    current: SecretString,
    /// The documents that this run began from or refreshed. One without an age that is not among them was
    /// stored by a person since.
    origins: Vec<[u8; 32]>,
    /// The version read before a write that may have gone over somebody else's, and that could not be looked
    /// at.
    unchecked: Option<TokenVersion>,
    /// Written without the lock: looked at once more after trading.
    unlocked: bool,
    /// A write of this run was never answered and may land at any time: looked at once more after trading.
    stray: bool,
    /// The wait for the lock is spent: between rungs nobody waits for it again.
    waited: bool,
    result: TokenSaved,
    notes: Vec<String>,
    alarm: bool,
}

impl TokenKeeper {
    /// A keeper of the document `stored`.
    #[must_use]
    pub fn new(ports: TokenPorts, identity: TokenIdentity<'_>, stored: &StoredToken) -> Self {
        let state = State {
            stored: fingerprint(&stored.text),
            current: stored.text.clone(),
            origins: vec![fingerprint(&stored.text)],
            unchecked: None,
            unlocked: false,
            stray: false,
            waited: false,
            result: TokenSaved::Unchanged,
            notes: Vec::new(),
            alarm: false,
        };
        let TokenIdentity { name, run_id, read_age } = identity;
        let (name, run_id) = (name.to_owned(), run_id.to_owned());
        Self { ports, name, run_id, read_age, patience: lock::WAIT, borrows: false, state: Mutex::new(state) }
    }

    /// For whoever trades nothing: waits for its turn for longer than a dead holder can keep it.
    #[must_use]
    pub const fn outwaiting_the_dead(mut self) -> Self {
        self.patience = lock::OUTWAITS;
        self
    }

    /// For a deployment beside another one that keeps the document: it is used while it lives, refreshed in
    /// memory when it must be, and never written; the lock is left to those who write.
    #[must_use]
    pub const fn borrowing(mut self) -> Self {
        self.borrows = true;
        self
    }

    /// How old the newest document is that is known here; `None` when it does not say.
    #[must_use]
    pub fn age(&self) -> Option<TokenAge> {
        (self.read_age)(&self.state().current).filter(|age| *age != TokenAge::UNDATED)
    }

    /// Whether the newest document that is known here is one.
    #[must_use]
    pub fn reads(&self) -> bool {
        (self.read_age)(&self.state().current).is_some()
    }

    /// Saves what is not known to be saved; answers with what became of the document over the whole run.
    pub async fn flush(&self) -> TokenSummary {
        if self.borrows {
            return self.given_back();
        }
        if !self.is_settled() {
            self.state().waited = false;
            let locked = self.take_turn("the token was saved without it").await;
            self.save(locked).await;
            if locked {
                self.end_turn().await;
            }
        }
        let state = self.state();
        let failed = match &state.result {
            TokenSaved::Failed { reason } => Some(format!("tokens not saved: {reason}")),
            _ => None,
        };
        let alarm = state.alarm || failed.is_some();
        TokenSummary {
            saved: state.result.clone(),
            notes: state.notes.iter().cloned().chain(failed).collect(),
            alarm,
        }
    }

    /// Nothing is left to save or to look at.
    fn is_settled(&self) -> bool {
        let state = self.state();
        fingerprint(&state.current) == state.stored
            && state.unchecked.is_none()
            && !state.unlocked
            && !state.stray
    }

    /// Looks, refreshes and saves. Without the lock only when there is nothing else to send.
    async fn renew_in_turn(
        &self,
        held: &SecretString,
        issuer: &dyn TokenIssuer,
        locked: bool,
    ) -> Result<SecretString, BrokerFault> {
        let from = match self.ports.store.load(&self.name).await {
            Ok(stored) if self.supersedes(&stored.text, held) => {
                if issuer.is_good(&stored.text) {
                    return Ok(self.adopt(stored.text));
                }
                // Its refresh token is the newest there is.
                stored.text
            }
            Ok(_) => held.clone(),
            Err(error) => {
                self.trouble(format!(
                    "the token was refreshed without looking whether somebody else had done so: {error}"
                ));
                held.clone()
            }
        };
        self.comes_from(&from);
        let (from, refreshed) = match issuer.refresh(&from).await {
            Err(BrokerFault::TokenDead(why)) => match self.since(&from).await {
                Some(newer) if issuer.is_good(&newer) => return Ok(self.adopt(newer)),
                Some(newer) => {
                    self.comes_from(&newer);
                    let refreshed = issuer.refresh(&newer).await?;
                    (newer, refreshed)
                }
                None => return Err(BrokerFault::TokenDead(why)),
            },
            answer => (from, answer?),
        };
        self.state().current = refreshed.clone();
        if self.borrows {
            self.goes_on_with(issuer.is_rotated(&from, &refreshed));
        } else {
            self.save(locked).await;
        }
        Ok(refreshed)
    }

    /// The stored document, when it is not `document` and not older: a person logged in, or another process
    /// was faster.
    async fn since(&self, document: &SecretString) -> Option<SecretString> {
        match self.ports.store.load(&self.name).await {
            Ok(stored) => self.supersedes(&stored.text, document).then_some(stored.text),
            Err(error) => {
                self.trouble(format!("the broker refused the refresh token, and whether somebody has logged in since could not be read: {error}"));
                None
            }
        }
    }

    fn adopt(&self, stored: SecretString) -> SecretString {
        tracing::info!(name = %self.name, "took over a token that another process stored");
        let mut state = self.state();
        state.notes.push("took over a token that another process had stored".to_owned());
        (state.stored, state.current) = (fingerprint(&stored), stored.clone());
        stored
    }

    /// What is refreshed is older than what comes of it.
    fn comes_from(&self, document: &SecretString) {
        let origin = fingerprint(document);
        let mut state = self.state();
        if !state.origins.contains(&origin) {
            state.origins.push(origin);
        }
    }

    /// To compare documents by: one without an age that a person stored while this run was at work is the
    /// newest there is, every other goes by its age, and one that does not read comes last.
    fn newness(&self, document: &SecretString) -> (bool, Option<TokenAge>) {
        let age = (self.read_age)(document);
        let stored_by_a_person =
            age == Some(TokenAge::UNDATED) && !self.state().origins.contains(&fingerprint(document));
        (stored_by_a_person, age)
    }

    /// `stored` is another document, readable and not older.
    fn supersedes(&self, stored: &SecretString, held: &SecretString) -> bool {
        let newness = self.newness(stored);
        newness.1.is_some() && newness >= self.newness(held) && fingerprint(stored) != fingerprint(held)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TokenRenewal for TokenKeeper {
    async fn renew(
        &self,
        held: &SecretString,
        in_hand: InHand,
        issuer: &dyn TokenIssuer,
    ) -> Result<SecretString, BrokerFault> {
        if self.borrows {
            return self.renew_borrowed(held, in_hand, issuer).await;
        }
        let otherwise = match in_hand {
            InHand::Usable => "traded on the token in hand",
            InHand::Useless => "went on without it, because the token in hand is of no use",
        };
        let locked = self.take_turn(otherwise).await;
        if !locked && in_hand == InHand::Usable {
            return Ok(held.clone());
        }
        let renewed = self.renew_in_turn(held, issuer, locked).await;
        if locked {
            self.end_turn().await;
        }
        renewed
    }

    fn trouble(&self, note: String) {
        tracing::warn!(name = %self.name, "{note}");
        let mut state = self.state();
        state.alarm = true;
        state.notes.push(note);
    }
}

/// SHA-256 of the canonical content: JSON with sorted keys and no white space, so that reformatting is no
/// change.
fn fingerprint(text: &SecretString) -> [u8; 32] {
    let text = text.expose_secret();
    let canonical = serde_json::from_str::<serde_json::Value>(text)
        .map_or_else(|_| text.to_owned(), |value| value.to_string());
    Sha256::digest(canonical.as_bytes()).into()
}

impl fmt::Debug for TokenKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeeper").field("name", &self.name).finish_non_exhaustive()
    }
}
