//! Asking for a cancel (docs/reference/tastytrade.md, Placing).

use gamma_execution::ports::{CancelReply, OrderId};
use gamma_http::Request;

use crate::broker::Tastytrade;

impl Tastytrade {
    /// A DELETE of the order's address. A success says that the broker will try; an order that is over is
    /// refused with 422 `cannot_update_order`.
    pub(crate) async fn send_cancel(&self, id: &OrderId) -> CancelReply {
        match self.order_url(id) {
            Ok(url) => self.client.send_cancel(|| Request::delete(&url)).await,
            Err(fault) => CancelReply::Refused(fault.to_string()),
        }
    }
}
