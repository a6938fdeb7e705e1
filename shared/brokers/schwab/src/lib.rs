//! Charles Schwab: token refresh, accounts, positions, quotes, orders, preview, transactions.
//!
//! [`Schwab`] is the broker port over the Trader and Market Data APIs (docs/reference/schwab.md). Reads are
//! retried and survive one refused token; [`place`](gamma_execution::ports::Broker::place) sends exactly once
//! and calls every answer by its name: accepted, proven refused, or unknown.
//!
//! Decoding walks the JSON by key: unknown keys are ignored, a key of the wrong type is an error that names
//! it.

mod account;
mod account_hash;
mod auth;
mod authorization;
mod broker;
mod cancel;
mod client;
#[cfg(feature = "decode")]
#[doc(hidden)]
pub mod decode;
mod error_body;
mod foreign;
mod login;
mod order_json;
mod order_list;
mod order_status;
mod order_view;
mod place;
mod preview;
mod quotes;
mod token;
mod transactions;
mod transfers;
#[cfg(test)]
mod wire_tests;
mod working_orders;

use gamma_wire::fields;

pub use authorization::Authorization;
pub use broker::{Schwab, SchwabConfig, SchwabSetupError};
pub use login::{SchwabLogin, SchwabLoginConfig};
pub use order_json::order_json;
pub use preview::Preview;
pub use token::{TokenDocumentError, token_age};
pub use transactions::{
    FeeKind, PositionEffect, Transaction, TransactionKind, TransactionQuery, TransactionStatus, TransferItem,
};
