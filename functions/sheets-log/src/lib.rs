//! Post-trade: what a run did, as rows of a Google spreadsheet.
//!
//! Pure here: from what the ledger holds of an account's day and what the spreadsheet shows to the changes
//! that bring it up to date. Rows are made of the day's records alone, so a hand-off that comes late, twice
//! or beside another account's leaves the same cells.

mod accounts;
pub mod dates;
mod day;
mod gw_signal;
mod hand_off;
mod plan;
mod summary;
mod tracking;
mod trades;

pub use accounts::{ACCOUNTS, SummaryAccount};
pub use hand_off::{DayChanges, DayFacts, LogError, changes};

/// Tabs that a hand-off reads and writes.
pub const TABS: [&str; 4] = [gw_signal::TABLE.tab, trades::TABLE.tab, tracking::TABLE.tab, summary::TAB];
