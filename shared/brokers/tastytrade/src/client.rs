//! The client, for tastytrade.

use gamma_execution::ports::{BrokerError, BrokerFault};
use gamma_wire::TokenEndpoint;

use crate::auth::Endpoint;

/// Name for messages.
pub(crate) const BROKER: &str = Endpoint::BROKER;

/// The API behind one login.
pub(crate) type Client = gamma_wire::Client<Endpoint>;

/// An error of `operation`.
pub(crate) fn failed(operation: &'static str, fault: impl Into<BrokerFault>) -> BrokerError {
    Client::failed(operation, fault)
}
