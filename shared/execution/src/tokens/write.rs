//! Writing the document back, to a store that may have no conditional write.

use std::cmp::Ordering;

use secrecy::SecretString;

use super::{TokenKeeper, TokenSaved, fingerprint};
use crate::ports::{SaveError, StoredToken, TokenVersion, TokenWrite};

/// How often a write is begun anew when others write at the same time.
const TRIES: u32 = 4;

/// The store, from a writer's eyes.
enum Look {
    /// It holds ours.
    Ours,
    /// It holds one that ours must not replace.
    Newer,
    /// It holds one that ours replaces.
    Older,
}

impl TokenKeeper {
    /// Saves the newest document this run knows of, if the store is not known to hold it. A failure never
    /// stops trading: the flush after it tries again.
    pub(super) async fn save(&self, locked: bool) {
        if self.is_settled() {
            return;
        }
        let (current, unchecked) = {
            let mut state = self.state();
            (state.current.clone(), state.unchecked.take())
        };
        let result = self.write(current, unchecked).await;
        let mut state = self.state();
        if let TokenSaved::Saved { .. } | TokenSaved::NewerStored = result {
            state.unlocked = !locked;
        }
        state.result = result;
    }

    /// Looks before writing, writes, and looks at what the write went over. `put` is the version that was
    /// read before an earlier write, when what that went over is still to be looked at.
    async fn write(&self, mut ours: SecretString, mut put: Option<TokenVersion>) -> TokenSaved {
        // What is written is a newer document of somebody else's, which ours had gone over.
        let mut repairing = false;
        let mut lost = None;
        for _ in 0..TRIES {
            let stored = match self.ports.store.load(&self.name).await {
                Ok(stored) => stored,
                Err(error) => return self.failed(put, &lost.unwrap_or(error)),
            };
            let look = self.look(&stored, &ours);
            if let Some(read) = put.take() {
                let best = if matches!(look, Look::Newer) { &stored.text } else { &ours };
                match self.overwritten(&read, &stored.version, best).await {
                    Ok(None) => {}
                    Ok(Some(newer)) => {
                        // The write whose answer was lost was made, over this one: that fault is over, and
                        // the repair is a write of its own.
                        (ours, repairing, lost) = (self.knows(newer), true, None);
                        continue;
                    }
                    Err(error) => return self.failed(Some(read), &error),
                }
            }
            match look {
                Look::Ours => return self.holds(&ours, repairing, stored.version),
                Look::Newer => return self.holds(&stored.text, true, stored.version),
                Look::Older => {}
            }
            if let Some(error) = lost.take()
                && !repairing
            {
                // The last write was not made, or not yet: the flush begins anew. A repair is tried at once:
                // until it is made, the store is older than it was before us, and after the flush nobody
                // comes.
                return self.failed(Some(stored.version), &error);
            }
            match self.ports.store.save(&self.name, &ours, &stored.version).await {
                Ok(TokenWrite::Conflict) => {}
                Ok(TokenWrite::Made(version)) => {
                    match self.overwritten(&stored.version, &version, &ours).await {
                        Ok(None) => return self.holds(&ours, repairing, version),
                        Ok(Some(newer)) => (ours, repairing) = (self.knows(newer), true),
                        Err(error) => return self.failed(Some(stored.version), &error),
                    }
                }
                // It may have been made all the same: the next look tells. Or it lands later, over whatever
                // stands there then: the flush looks.
                Err(error) => {
                    self.state().stray = true;
                    (lost, put) = (Some(error), Some(stored.version));
                }
            }
        }
        let busy = || SaveError {
            what: "write",
            name: self.name.clone(),
            reason: "others kept writing at the same time".to_owned(),
        };
        self.failed(put, &lost.unwrap_or_else(busy))
    }

    /// The newest document that a write went over, when it is newer than `ours`.
    async fn overwritten(
        &self,
        read: &TokenVersion,
        made: &TokenVersion,
        ours: &SecretString,
    ) -> Result<Option<SecretString>, SaveError> {
        let gone = self.ports.store.between(&self.name, read, made).await?;
        let newest = gone.into_iter().max_by_key(|document| self.newness(document));
        Ok(newest.filter(|document| self.newness(document) > self.newness(ours)))
    }

    fn look(&self, stored: &StoredToken, ours: &SecretString) -> Look {
        let held = fingerprint(&stored.text);
        if held == fingerprint(ours) {
            return Look::Ours;
        }
        match self.newness(&stored.text).cmp(&self.newness(ours)) {
            Ordering::Less => Look::Older,
            // Ours replaces the one that it came from, and nobody else's of that age.
            Ordering::Equal if held == self.state().stored => Look::Older,
            Ordering::Equal | Ordering::Greater => Look::Newer,
        }
    }

    fn knows(&self, newer: SecretString) -> SecretString {
        self.state().current = newer.clone();
        newer
    }

    /// The store is known to hold `document`, ours or a newer one.
    fn holds(&self, document: &SecretString, newer: bool, version: TokenVersion) -> TokenSaved {
        let mut state = self.state();
        (state.stored, state.current) = (fingerprint(document), document.clone());
        // What lands late may go over versions that come after this one.
        state.unchecked = state.stray.then(|| version.clone());
        if newer { TokenSaved::NewerStored } else { TokenSaved::Saved { version } }
    }

    fn failed(&self, unchecked: Option<TokenVersion>, error: &SaveError) -> TokenSaved {
        self.state().unchecked = unchecked;
        TokenSaved::Failed { reason: error.to_string() }
    }
}
