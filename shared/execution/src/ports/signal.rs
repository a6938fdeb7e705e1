use std::time::Duration;

use async_trait::async_trait;
use gamma_market::SignalRow;

/// Where the day's signal is published.
#[async_trait]
pub trait SignalSource: Send + Sync {
    /// Gets ready while there is time, such as by logging in. What fails here the next read tries again, and
    /// says so.
    async fn prepare(&self, _budget: Duration) {}

    /// What the feed shows now. `budget` bounds the whole call, retries included, in real time.
    ///
    /// # Errors
    /// [`SignalError`] when the feed could not be read or understood.
    async fn read(&self, budget: Duration) -> Result<SignalView, SignalError>;
}

/// What the feed shows at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalView {
    /// Every row, in the feed's own order; choosing the right one is the strategy's work.
    pub rows: Vec<SignalRow>,
    /// The feed says beside its rows that there is no trade: the field, what it holds, and what it would hold
    /// otherwise.
    pub no_trade: Option<String>,
}

/// Why the signal could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignalError {
    /// Login refused as often as it may be tried, or no credentials: an operator has to act, and nothing is
    /// tried again.
    #[error("signal login: {0}")]
    Login(String),
    /// Not reached, timed out, a 5xx after the retries, an edge's page, or a login refused that is tried
    /// again later: it may pass.
    #[error("signal feed unavailable: {0}")]
    Unavailable(String),
    /// An answer that is no signal; names the field, what came and what was expected.
    #[error("signal answer: {0}")]
    Malformed(String),
}
