//! The handle.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::config::Address;
use crate::line::{Counts, Line, Question};
use crate::{ConnectError, DxLinkConfig, Quotes, StreamerSymbol};

/// One connection to the feed, kept up by a task of its own until the handle is dropped.
///
/// Make one per invocation, like every other client, and early: it connects while the run does other things.
pub struct DxLink {
    questions: mpsc::UnboundedSender<Question>,
    counts: Arc<Counts>,
    shown: String,
}

/// A question that no connection will answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuotesError {
    /// The server does not accept the token, and is not asked again with it. A new token needs a new
    /// connection.
    #[error("{target}: got {reason}, expected the token to be accepted")]
    Refused {
        /// Scheme and host.
        target: String,
        /// What the server said.
        reason: String,
    },
    /// The task that holds the connection is gone, which happens when its runtime shuts down.
    #[error("{target}: got a connection without its task, expected it to run as long as the handle")]
    Ended {
        /// Scheme and host.
        target: String,
    },
}

impl DxLink {
    /// A connection that begins to connect at once, in the background of the current tokio runtime. A drop is
    /// followed by a new attempt, again and again, until the handle is dropped or the token is refused.
    ///
    /// # Errors
    /// [`ConnectError`] when the URL would send the token in the clear or is none, or no TLS configuration
    /// can be made.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time.
    pub fn connect(config: DxLinkConfig) -> Result<Self, ConnectError> {
        let address = Address::parse(&config.url)?;
        let shown = address.shown.clone();
        let counts = Arc::<Counts>::default();
        let (questions, asked) = mpsc::unbounded_channel();
        let line = Line::new(config, address, asked, Arc::clone(&counts))?;
        tokio::spawn(line.keep());
        Ok(Self { questions, counts, shown })
    }

    /// The quotes of these symbols that the feed sends from now on.
    ///
    /// One subscription of all symbols, one answer: it is there as soon as the last quote of every symbol is
    /// of two sides, and after `patience` in any case, with what came until then. `patience` is real time, as
    /// for a socket, and covers everything: the connection that is not up yet, a drop and the way back,
    /// another question that is being answered.
    ///
    /// What comes is the feed's last quote of a symbol and then its changes: it is fresh on this connection,
    /// and can be as old as the market is quiet. [`LegQuote::at`](gamma_market::LegQuote::at) is the later of
    /// the feed's two times, where it gives any.
    ///
    /// # Errors
    /// [`QuotesError::Refused`] when the token is not accepted: get a new one and connect anew.
    pub async fn quotes(
        &self,
        symbols: &[StreamerSymbol],
        patience: Duration,
    ) -> Result<Quotes, QuotesError> {
        if symbols.is_empty() {
            return Ok(Quotes::default());
        }
        let (question, mut answer) = watch::channel(Answer::to(symbols));
        if self.questions.send(question).is_err() {
            return Err(self.ended());
        }
        let complete = timeout(patience, answer.wait_for(Answer::is_complete))
            .await
            .map(|answer| answer.map(|answer| answer.quotes()).ok());
        match complete {
            Ok(Some(quotes)) => Ok(quotes),
            Ok(None) => Err(self.ended()),
            Err(_) => Ok(answer.borrow().quotes()),
        }
    }

    /// How many connections were opened: one, unless some were lost.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.counts.opened()
    }

    /// How many questions went out, one round trip each. A question that had to be sent over a second
    /// connection counts again.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.counts.questions()
    }

    /// How many of the server's messages, blocks and rows could not be read and were passed over.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.counts.unreadable()
    }

    fn ended(&self) -> QuotesError {
        let target = self.shown.clone();
        match self.counts.refusal() {
            Some(reason) => QuotesError::Refused { target, reason },
            None => QuotesError::Ended { target },
        }
    }
}

impl fmt::Debug for DxLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DxLink")
            .field("to", &self.shown)
            .field("connections", &self.connections_opened())
            .finish_non_exhaustive()
    }
}
