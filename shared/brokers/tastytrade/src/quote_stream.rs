//! Where quotes can also come from: a stream, asked before REST.

use async_trait::async_trait;
use gamma_market::{OptionSymbol, QuoteBook};

use crate::chain::StreamerSymbol;

/// A source of quotes as they are at the exchanges now. It waits for them no longer than its own bound; what
/// has not come by then is absent from the book, and is asked for elsewhere.
#[async_trait]
pub trait QuoteStream: Send + Sync {
    /// It will be asked soon, and may connect meanwhile. Returns at once.
    fn expect(&self) {}

    /// The best bid and offer of each contract that it knows.
    ///
    /// # Errors
    /// [`QuoteStreamError`] when it has nothing to give. That is a note in the log and no more.
    async fn quotes(&self, symbols: &[(OptionSymbol, StreamerSymbol)])
    -> Result<QuoteBook, QuoteStreamError>;
}

/// Why a stream gave no quotes, in words for the log and without its token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("quote stream: {0}")]
pub struct QuoteStreamError(pub String);
