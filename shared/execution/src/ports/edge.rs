//! What the edge guard keeps and asks for: an account's equity and transfers, and the decision that its next
//! run reads.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::broker::{Broker, BrokerError};
use super::ledger::{LedgerError, PutOutcome};

// Adapters know ports, not the strategy.
pub use gamma_strategy::edge::{
    EquitySource, MoneyRow, Observation, Transfer, Verdict, is_transfer, words_say_transfer,
};

/// Everything the ledger holds of an account's equity. Both lists only ever grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EdgeLog {
    /// What was observed, in no particular order; a date may be there more than once.
    pub observations: Vec<Observation>,
    /// Transfers, each once.
    pub transfers: Vec<Transfer>,
}

impl EdgeLog {
    /// How much is known. Of two decisions the one that was made from more is the newer.
    #[must_use]
    pub fn known(&self) -> u64 {
        self.observations.len() as u64 + self.transfers.len() as u64
    }
}

/// What the edge test says of an account's next run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeDecision {
    /// The newest trade date it is made from.
    pub run_date: Date,
    /// What the test said of that day.
    pub verdict: Verdict,
    /// The last day of the last pause, also when it is over.
    pub pause_until: Option<Date>,
    /// The reason in words.
    pub why: String,
    /// How much was known when it was made.
    pub known: u64,
}

impl EdgeDecision {
    /// Until when trading pauses, where `date` is one of the pause's days.
    #[must_use]
    pub fn pauses(&self, date: Date) -> Option<Date> {
        self.pause_until.filter(|until| date <= *until)
    }
}

/// The durable record of an account's equity; it never expires. Writes are conditional and recognise their
/// own success.
#[async_trait]
pub trait EdgeLedger: Send + Sync {
    /// Everything kept, read consistently.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read or understood.
    async fn edge_log(&self, account: &str) -> Result<EdgeLog, LedgerError>;

    /// Keeps an observation, one for each date and run: [`PutOutcome::Theirs`] when another one stands there,
    /// which then stays.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn put_observation(&self, account: &str, seen: &Observation) -> Result<PutOutcome, LedgerError>;

    /// Keeps a transfer, one for each id: [`PutOutcome::Theirs`] when it stands there otherwise, and then it
    /// stays.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn put_transfer(&self, account: &str, transfer: &Transfer) -> Result<PutOutcome, LedgerError>;

    /// Leaves the decision for the account's next run: [`PutOutcome::Theirs`] when one stands there that was
    /// made from more.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known.
    async fn put_decision(&self, account: &str, decision: &EdgeDecision) -> Result<PutOutcome, LedgerError>;
}

/// What money came into an account and left it.
#[async_trait]
pub trait Transfers: Send + Sync {
    /// Every transfer from `from` to `to`, both included, however long that is. Rows can lag what they
    /// record: one that is not there may come later, with an earlier time.
    ///
    /// # Errors
    /// [`BrokerError`] when the list could not be read completely, or a transfer does not say its amount.
    async fn transfers(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Transfer>, BrokerError>;

    /// Until when transfers are in an equity that was read `at`.
    fn counted_until(&self, at: Timestamp) -> Timestamp {
        at
    }
}

/// What an account is worth.
#[async_trait]
pub trait Equity: Send + Sync {
    /// Dollars; `None` when the broker does not say.
    ///
    /// # Errors
    /// [`BrokerError`] when the account could not be read.
    async fn equity(&self) -> Result<Option<Decimal>, BrokerError>;
}

#[async_trait]
impl<B: Broker> Equity for B {
    async fn equity(&self) -> Result<Option<Decimal>, BrokerError> {
        Ok(self.account().await?.equity)
    }
}
