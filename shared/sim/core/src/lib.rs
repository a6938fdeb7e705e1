//! What every simulated service stands on: virtual time, a market on real chains, and what can go wrong on
//! the way to a client.
//!
//! The market ([`market`]) starts on real quotes ([`chain`]); the exchange ([`exchange`]) holds one account's
//! orders and books ([`account`]); [`time`] is the clock of all. A service answers on a loopback port
//! ([`connections`]) behind a gate ([`gate`]), which keeps a record ([`requests`]) and lets faults strike
//! ([`faults`]). Everything is a function of the seed ([`random`]), the requests and their virtual times.
//!
//! No wire is spoken here: the crates `gamma-sim-brokers`, `gamma-sim-aws` and `gamma-sim-google` do, and
//! none knows another.

pub mod account;
pub mod chain;
pub mod connections;
pub mod exchange;
pub mod faults;
pub mod gate;
pub mod market;
pub mod random;
pub mod requests;
pub mod time;
