//! Asking for a cancel (docs/reference/schwab.md, Placing).

use gamma_execution::ports::{BrokerFault, CancelReply, OrderId};
use gamma_http::Request;

use crate::broker::Schwab;

impl Schwab {
    /// A DELETE of the order's address. The account's hash is read first where it is not known yet.
    pub(crate) async fn send_cancel(&self, id: &OrderId) -> CancelReply {
        match self.order_url(id).await {
            Ok(url) => self.client.send_cancel(|| Request::delete(&url)).await,
            Err(BrokerFault::Refused(why)) => CancelReply::Refused(why),
            Err(fault) => CancelReply::Unknown(fault.to_string()),
        }
    }
}
