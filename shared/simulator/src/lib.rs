//! A market on real chains, faces that speak each service's wire, virtual time, and a host for functions.
//!
//! [`Simulator`](simulator::Simulator) puts them together. The market ([`market`]) starts on real quotes ([`chain`]); the exchange
//! ([`exchange`]) holds one account's orders and books ([`account`]); the faces ([`schwab`], [`tastytrade`], [`dxlink`], [`gammawizard`],
//! [`google`]) answer on loopback ports, and a proxy stands before a simulated AWS,
//! whose schedules fire ([`scheduler`]). [`faults`] says what goes wrong on the way. Everything
//! is a function of the seed, the requests and their virtual times.
//!
//! Nothing here depends on a client: the faces write their own wire from docs/reference, and public SDKs
//! check it from outside.

pub mod account;
pub mod aws;
pub mod chain;
pub mod connections;
pub mod dxlink;
pub mod exchange;
pub mod faults;
pub mod gammawizard;
mod gate;
pub mod google;
pub mod host;
pub mod market;
mod random;
pub mod requests;
pub mod scheduler;
pub mod schwab;
pub mod simulator;
pub mod tastytrade;
pub mod time;
