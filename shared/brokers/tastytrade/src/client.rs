//! The client, for tastytrade.

use gamma_execution::ports::{BrokerError, BrokerFault};
use gamma_wire::TokenEndpoint;

use crate::auth::Endpoint;

/// Name for messages.
pub(crate) const BROKER: &str = Endpoint::BROKER;

/// The API behind one login.
pub(crate) type Client = gamma_wire::Client<Endpoint>;

/// An account, its lists and the market are always there: a 404 about one of them says that something else answered, and may pass.
pub(crate) fn there(error: BrokerError) -> BrokerError {
    match error.fault {
        BrokerFault::NotFound(text) => BrokerError { fault: BrokerFault::Unavailable(text), ..error },
        fault => BrokerError { fault, ..error },
    }
}

/// An error of `operation`.
pub(crate) fn failed(operation: &'static str, fault: impl Into<BrokerFault>) -> BrokerError {
    Client::failed(operation, fault)
}
