//! Whose turn it is to refresh and write: a short lock, waited for briefly.

use jiff::{SignedDuration, Timestamp};

use super::TokenKeeper;
use crate::ports::{PutOutcome, TokenRenewal};

/// How long a turn lasts at most. A refresh and its writes take well under a second; a dead holder is in the
/// way no longer.
pub(super) const LIFE: SignedDuration = SignedDuration::from_secs(10);

/// How long a run waits for its turn, once. Then trading goes first.
pub(super) const WAIT: SignedDuration = SignedDuration::from_secs(2);

/// How long somebody waits who is in no hurry: whoever held it when the wait began is done by then, or dead.
pub(super) const OUTWAITS: SignedDuration = SignedDuration::from_secs(12);

/// The pause between two looks.
const PAUSE: SignedDuration = SignedDuration::from_millis(200);

impl TokenKeeper {
    /// Whether this run has the lock now. When it has not, the report says why, and that the run did what
    /// `otherwise` says.
    pub(super) async fn take_turn(&self, otherwise: &str) -> bool {
        let began = self.ports.clock.now();
        let give_up = if self.state().waited { began } else { after(began, self.patience) };
        loop {
            let now = self.ports.clock.now();
            match self.ports.lock.take(&self.name, &self.run_id, now, after(now, LIFE)).await {
                Ok(PutOutcome::Ours) => return true,
                Ok(PutOutcome::Theirs(_)) if now < give_up => {
                    self.ports.clock.sleep_until(after(now, PAUSE).min(give_up)).await
                }
                Ok(PutOutcome::Theirs(holder)) => {
                    self.state().waited = true;
                    self.trouble(format!("the token lock stayed taken, {holder}: {otherwise}"));
                    return false;
                }
                Err(error) => {
                    // What fails once will hardly be better between rungs.
                    self.state().waited = true;
                    self.trouble(format!("{error}: {otherwise}"));
                    return false;
                }
            }
        }
    }

    pub(super) async fn end_turn(&self) {
        if let Err(error) = self.ports.lock.release(&self.name, &self.run_id).await {
            tracing::warn!(name = %self.name, "{error}");
            self.state().notes.push(format!("{error}; it expires by itself"));
        }
    }
}

/// Past the end of time there is nothing to wait for.
fn after(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.checked_add(wait).unwrap_or(time)
}
