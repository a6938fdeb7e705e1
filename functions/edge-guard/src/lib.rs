//! Post-trade: the equity of an account and the sequential test that decides whether its next run trades.
//!
//! [`observe`] takes one run that has ended, keeps what the account was worth, and leaves a decision in the
//! ledger. The ledger is the truth: the rows are worked out of it every time, and the sheet that shows them
//! can be made anew at any time ([`rebuild`]).

pub mod event;
mod guard;
#[cfg(test)]
mod memory;
mod occasion;
pub mod sheet;
#[cfg(test)]
mod tests;

use gamma_execution::ports::{
    BrokerError, EdgeDecision, EdgeLedger, Equity, LedgerError, Transfers, Verdict,
};
use gamma_market::calendar::Calendar;
use gamma_sheets::key::Key;
use gamma_strategy::edge::{COLUMNS, EdgeRow};

pub use guard::{backfill, observe, rebuild};

/// What the guard works with; broker ports are the account's own.
#[derive(Clone, Copy)]
pub struct EdgePorts<'a> {
    /// The durable record.
    pub ledger: &'a dyn EdgeLedger,
    /// What money came and went.
    pub transfers: &'a dyn Transfers,
    /// What the account is worth now.
    pub equity: &'a dyn Equity,
    /// The sessions.
    pub calendar: &'a Calendar,
}

/// What is known of an account after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// All its rows, oldest first.
    pub rows: Vec<EdgeRow>,
    /// What the test says of the day that was asked about; [`Verdict::NoEquity`] where that day has no row.
    pub verdict: Verdict,
    /// What stands for the next run: made from the last row. `None` while there is none.
    pub decision: Option<EdgeDecision>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

impl Observed {
    /// The columns by which a row of the sheet is known.
    pub const KEY: [Key; 2] = [Key::date("run_date"), Key::text("acct")];

    /// The sheet's header.
    #[must_use]
    pub fn header() -> Vec<String> {
        COLUMNS.map(str::to_owned).to_vec()
    }

    /// The sheet's rows under [`Observed::header`].
    #[must_use]
    pub fn cells(&self) -> Vec<Vec<String>> {
        self.rows.iter().map(|row| row.cells().to_vec()).collect()
    }
}

/// Why an event could not be worked off. Nothing is lost by doing it again.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The broker could not be read.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The run's record does not read.
    #[error("run {run_id}: {field}: got {got}, expected {expected}")]
    Record {
        /// Which run.
        run_id: String,
        /// Which field of its report.
        field: &'static str,
        /// What came.
        got: String,
        /// What was expected.
        expected: &'static str,
    },
}
