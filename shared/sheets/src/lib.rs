//! Google Sheets: a spreadsheet read once and changed once, tables in it by column name.
//!
//! A run costs at most four requests: a token (none while one is kept), the tabs, their cells, the changes.

pub mod a1;
mod account;
mod client;
mod error;
pub mod grid;
pub mod key;
mod patience;
pub mod table;
mod token;
mod wire;

pub use account::{ServiceAccount, ServiceAccountError};
pub use client::{Sheets, SheetsConfig};
pub use error::SheetsError;
pub use token::SheetsTokens;
