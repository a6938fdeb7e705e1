//! A market on real chains, faces that speak each service's wire, virtual time, and a host for functions.
//!
//! [`Simulator`](simulator::Simulator) puts them together: one clock and one market of `gamma-sim-core`, the
//! faces of `gamma-sim-brokers` and `gamma-sim-google` on loopback ports, and the proxy of `gamma-sim-aws`
//! before a simulated AWS. What a test needs of those crates is named here too, so that it depends on one.
//!
//! Nothing here depends on a client: the faces write their own wire from docs/reference, and public SDKs
//! check it from outside.

pub mod simulator;

pub use gamma_sim_aws::{self as aws, host, scheduler};
pub use gamma_sim_brokers::{dxlink, gammawizard, schwab, tastytrade};
pub use gamma_sim_core::{account, chain, connections, exchange, faults, market, requests, time};
pub use gamma_sim_google as google;
