//! The composition root: how each account trades ([`profiles`]), what its deployment says ([`deployment`]),
//! and its adapters put together for one invocation ([`assembly`]), or only its login at the broker
//! ([`login`]). In what brokers differ stands in [`brokers`], how secrets are called in [`names`].
//!
//! Every function that works with an account begins here, and the command `gamma` too.

pub mod assembly;
pub mod brokers;
pub mod deployment;
pub mod login;
pub mod names;
pub mod profiles;

pub use brokers::BrokerKind;
