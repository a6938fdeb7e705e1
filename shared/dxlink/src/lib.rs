//! Streamed quotes over DXLink, the WebSocket protocol of dxFeed that tastytrade serves its quotes with
//! (docs/reference/dxlink.md).
//!
//! [`DxLink`] is one connection that a background task keeps up. [`DxLink::quotes`] asks for all legs of a
//! package in one message and answers when each of them has a quote of two sides that came after the
//! question, or when patience ends; then it unsubscribes, so that nothing streams while nobody asks.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use gamma_dxlink::{DxLink, DxLinkConfig};
//! # async fn example(token: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
//! let link = DxLink::connect(DxLinkConfig::new("wss://tasty-openapi-ws.dxfeed.com/realtime", token))?; // connects in the background
//! let legs = [".SPXW260821P5900".parse()?, ".SPXW260821P5895".parse()?];
//! let quotes = link.quotes(&legs, Duration::from_secs(3)).await?;
//! for missing in &quotes.missing {
//!     println!("{missing}");
//! }
//! # Ok(()) }
//! ```
//!
//! Below the socket everything is a machine without I/O and clock (`protocol`), fed with texts and beats.
//! Prices are read from their own digits and never pass through a float.

mod answer;
mod config;
#[cfg(feature = "decode")]
#[doc(hidden)]
pub mod decode;
mod feed;
mod line;
mod link;
mod protocol;
mod symbol;
mod words;

pub use answer::{Missing, Quotes, Why};
pub use config::{ConnectError, DxLinkConfig};
pub use link::{DxLink, QuotesError};
pub use symbol::{StreamerSymbol, StreamerSymbolError};
