//! The client, for tastytrade.

use gamma_execution::ports::{BrokerError, BrokerFault};
use gamma_wire::TokenEndpoint;
use serde_json::Value;

use crate::auth::Endpoint;

/// Name for messages.
pub(crate) const BROKER: &str = Endpoint::BROKER;

/// The API behind one login.
pub(crate) type Client = gamma_wire::Client<Endpoint>;

/// An answer about what is always there: an account, its lists, the market. A 404 says that something else
/// answered, and may pass.
pub(crate) fn real(
    operation: &'static str,
    answer: Result<Value, BrokerError>,
) -> Result<Value, BrokerError> {
    match answer {
        Err(BrokerError { fault: BrokerFault::NotFound(text), .. }) => {
            Err(failed(operation, BrokerFault::Unavailable(text)))
        }
        answer => said(operation, answer?),
    }
}

/// An answer with something in it: the API writes `{"data": …}`, and whoever writes `{}` is not the API.
pub(crate) fn said(operation: &'static str, answer: Value) -> Result<Value, BrokerError> {
    let is_empty = answer.as_object().is_some_and(serde_json::Map::is_empty);
    if is_empty {
        Err(failed(operation, BrokerFault::Unavailable("200 {}: got no data, expected some".to_owned())))
    } else {
        Ok(answer)
    }
}

/// An error of `operation`.
pub(crate) fn failed(operation: &'static str, fault: impl Into<BrokerFault>) -> BrokerError {
    Client::failed(operation, fault)
}
