//! Ledger calls that ride out a short failure: "with one AWS fault that clears within 2 s, a run fills what the fault-free run fills".

use crate::ports::LedgerError;
use crate::profile::seconds;

/// How often a ledger call is tried. Every write recognises its own success, so a repeat is harmless.
const TRIES: u32 = 3;

impl super::Run<'_> {
    /// Calls until it succeeds, three times at most, a second apart.
    pub(super) async fn persist<T>(&self, call: impl AsyncFn() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut tries = 1;
        loop {
            match call().await {
                // At the very end every call is made once: the function must not die between them.
                Err(error) if tries < TRIES && self.now() < self.prove_by() => {
                    tracing::warn!(run_id = %self.request.run_id, "{error}; trying again");
                    tries += 1;
                    self.ports.clock.sleep_until(self.now() + seconds(1)).await;
                }
                result => return result,
            }
        }
    }
}
