//! tastytrade: token refresh, balances, positions, option chains, quotes, orders, preview, transactions.
//!
//! [`Tastytrade`] is the broker port over the Open API (docs/reference/tastytrade.md). Reads are retried and
//! survive one refused token; [`place`](gamma_execution::ports::Broker::place) sends exactly once and calls
//! every answer by its name: accepted, proven refused, or unknown. Each order carries a name of ours
//! (`external-identifier`), by which one whose answer was lost is found again; the broker does not refuse a
//! name it has seen, so the name never replaces the care about sending once.
//!
//! Quotes come from a [`QuoteStream`] where one is plugged in, and from REST for what it leaves open.
//!
//! Decoding walks the JSON by key: unknown keys are ignored, a key of the wrong type is an error that names
//! it.

mod account;
#[cfg(test)]
mod any_answer;
mod auth;
mod authorization;
mod broker;
mod cancel;
mod chain;
mod client;
#[cfg(feature = "decode")]
#[doc(hidden)]
pub mod decode;
mod envelope;
mod error_body;
mod fills;
mod foreign;
mod legs;
mod login;
mod order_json;
mod order_list;
mod order_status;
mod order_view;
mod pages;
mod place;
mod preview;
mod quote_stream;
mod quote_token;
mod quotes;
mod streaming;
mod token;
mod transactions;
mod transfers;
#[cfg(test)]
mod wire_tests;

use gamma_wire::fields;

pub use auth::ClientAuth;
pub use authorization::{Authorization, of_grant};
pub use broker::{Tastytrade, TastytradeConfig, TastytradeSetupError};
pub use chain::{ContractNames, StreamerSymbol, SymbolBook};
pub use login::{TastytradeLogin, TastytradeLoginConfig};
pub use order_json::{SOURCE, order_json};
pub use preview::{BuyingPowerEffect, Fees, Preview};
pub use quote_stream::{QuoteStream, QuoteStreamError};
pub use quote_token::QuoteToken;
pub use streaming::QuoteTokens;
pub use token::{TokenDocumentError, token_age};
pub use transactions::{Transaction, TransactionKind, TransactionQuery};
