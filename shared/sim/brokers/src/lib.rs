//! Simulated brokers and the feeds that belong to a day at them, on the market of `gamma-sim-core`.
//!
//! The faces ([`schwab`], [`tastytrade`], [`dxlink`], [`gammawizard`]) write their own wire from
//! docs/reference; nothing here depends on a client, and public SDKs check it from outside.

pub mod dxlink;
pub mod gammawizard;
pub mod schwab;
pub mod tastytrade;
