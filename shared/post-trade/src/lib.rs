//! What the functions after a trade share: the spreadsheet under its lock, the way to a person, and where
//! both are configured.
//!
//! Nothing here can touch trading: it only begins when a run is recorded.

mod config;
mod office;

pub use config::PostTradeConfig;
pub use office::{Office, Written};
