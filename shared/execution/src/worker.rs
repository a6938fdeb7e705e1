//! The worker: the only place that places, reads and cancels orders. It works what approval has passed, at
//! one broker, under one lease, and knows nothing of why it is traded.

mod lease;
mod orders;
mod reads;
mod records;
mod recover;
mod rungs;
mod work;

use std::cell::Cell;

use gamma_market::QuoteBook;
use gamma_market::calendar::latest_close;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::ports::{Broker, BrokerError, BrokerFault, Clock, Lease, Ledger, LedgerError, OrderId};
use crate::profile::{ExecutionProfile, seconds};

pub use lease::HeldBy;
pub use reads::{Account, Verdict, Wanted};
pub use recover::is_same;
pub use work::{Check, PlanCheck, Planned, Round, Side};

/// Seconds kept at the end of the function for recording what happened.
const CLOSING_SECONDS: i64 = 8;

/// From the close of the series until an order that does not show up is known never to have existed: brokers'
/// lists have been seen minutes late.
const AFTER_THE_CLOSE: SignedDuration = SignedDuration::from_mins(5);

/// How often a ledger call is tried. Every write recognises its own success, so a repeat is harmless.
const TRIES: u32 = 3;

/// Whose orders a worker works, and until when.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The account.
    pub account: &'a str,
    /// The trade date.
    pub date: Date,
    /// The run.
    pub run_id: &'a str,
    /// When the function is killed.
    pub deadline: Timestamp,
    /// How orders are worked.
    pub execution: &'a ExecutionProfile,
}

/// What a worker works with.
#[derive(Clone, Copy)]
pub struct WorkerPorts<'a> {
    /// Time.
    pub clock: &'a dyn Clock,
    /// The account's broker.
    pub broker: &'a dyn Broker,
    /// The durable record.
    pub ledger: &'a dyn Ledger,
}

/// Broker, ledger, clock, lease and permission in one hand. Without a lease it reads, and sends nothing.
pub struct Worker<'a> {
    clock: &'a dyn Clock,
    broker: &'a dyn Broker,
    ledger: &'a dyn Ledger,
    scope: Scope<'a>,
    lease: Option<Lease>,
    /// Until when the lease lasts.
    expires: Cell<Timestamp>,
    /// When halt and arming were last asked for and allowed to send.
    permitted: Cell<Timestamp>,
    /// Orders of this worker that are proven ours.
    sent: Vec<OrderId>,
    /// Orders that answers to this worker's POSTs have named.
    named: Vec<OrderId>,
    /// When it was asked last whether the plan is still wanted.
    checked: Timestamp,
    /// The quotes that approval read, and when.
    quoted: Option<(Timestamp, QuoteBook)>,
    /// What a reader should know besides the outcome.
    notes: Vec<String>,
    /// Something besides the outcome that an operator should be told of.
    alarm: bool,
}

/// Why a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Another run holds the lease, or wrote meanwhile.
    #[error("{0}")]
    TakenOver(String),
    /// The ledger does not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger answers, and too late to send on it.
    #[error("{0}")]
    LedgerSlow(String),
    /// The broker does not answer.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// An order's fate could not be proven.
    #[error("{0}")]
    Unresolved(String),
}

impl WorkError {
    /// The broker may answer later: its login is not dead.
    const fn may_be_asked_again(&self) -> bool {
        matches!(self, Self::Broker(BrokerError { fault, .. }) if !matches!(fault, BrokerFault::TokenDead(_)))
    }
}

impl<'a> Worker<'a> {
    /// A worker without a lease.
    #[must_use]
    pub const fn new(ports: WorkerPorts<'a>, scope: Scope<'a>) -> Self {
        Self {
            clock: ports.clock,
            broker: ports.broker,
            ledger: ports.ledger,
            scope,
            lease: None,
            expires: Cell::new(Timestamp::MIN),
            permitted: Cell::new(Timestamp::MIN),
            sent: Vec::new(),
            named: Vec::new(),
            checked: Timestamp::MIN,
            quoted: None,
            notes: Vec::new(),
            alarm: false,
        }
    }

    /// Now, on its clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The trade date.
    #[must_use]
    pub const fn date(&self) -> Date {
        self.scope.date
    }

    /// Keeps what a reader should know besides the outcome, once.
    pub fn note(&mut self, note: impl ToString) {
        let note = note.to_string();
        if self.notes.contains(&note) {
            return;
        }
        tracing::warn!(run_id = %self.scope.run_id, "{note}");
        self.notes.push(note);
    }

    /// Keeps several notes.
    pub fn note_all(&mut self, notes: impl IntoIterator<Item = String>) {
        notes.into_iter().for_each(|note| self.note(note));
    }

    /// Keeps what is worth knowing and nothing to warn of.
    pub fn remark(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// An operator should be told of something besides the outcome.
    pub const fn ring(&mut self) {
        self.alarm = true;
    }

    /// What it noted, and whether an operator should be told.
    #[must_use]
    pub fn take_notes(&mut self) -> (Vec<String>, bool) {
        (std::mem::take(&mut self.notes), self.alarm)
    }

    /// When everything must be proven, so that it can still be recorded.
    #[must_use]
    pub fn prove_by(&self) -> Timestamp {
        self.scope
            .deadline
            .checked_sub(SignedDuration::from_secs(CLOSING_SECONDS))
            .unwrap_or(self.scope.deadline)
    }

    /// When the last series of the trade date stops trading, had it a full session.
    #[must_use]
    pub fn closes(&self) -> Timestamp {
        latest_close(self.date())
    }

    /// When trading must be over: the series' close, or the end of the function.
    #[must_use]
    pub fn end_of_trading(&self, close: Option<Timestamp>) -> Timestamp {
        close.unwrap_or_else(|| self.closes()).min(self.prove_by())
    }

    /// The trade date's session has been over for a while.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.now() > self.closes() + AFTER_THE_CLOSE
    }

    /// A ledger call that rides out a short failure: three times at most, a second apart. With one fault that
    /// clears within two seconds a run fills what it would fill without.
    ///
    /// # Errors
    /// The last [`LedgerError`].
    pub async fn persist<T>(&self, call: impl AsyncFn() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut tries = 1;
        loop {
            match call().await {
                // At the very end every call is made once: the function must not die between them.
                Err(error) if tries < TRIES && self.now() < self.prove_by() => {
                    tracing::warn!(run_id = %self.scope.run_id, "{error}; trying again");
                    tries += 1;
                    self.clock.sleep_until(self.now() + seconds(1)).await;
                }
                result => return result,
            }
        }
    }
}
