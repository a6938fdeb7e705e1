//! Asking for a cancel (docs/reference/tastytrade.md, Placing). It may be repeated, so a refused token
//! is replaced and the request sent again.

use std::time::Duration;

use gamma_execution::ports::{BrokerFault, CancelReply, OrderId};
use gamma_http::Request;
use gamma_wire::Origin;

use crate::broker::Tastytrade;

const DELETE_TIMEOUT: Duration = Duration::from_secs(5);

impl Tastytrade {
    /// One DELETE, two when the token was refused. It counts as an order write but never waits for our own limit. A success says that the
    /// broker will try; an order that is over is refused with 422 `cannot_update_order`.
    pub(crate) async fn send_cancel(&self, id: &OrderId) -> CancelReply {
        let url = match self.order_url(id) {
            Ok(url) => url,
            Err(fault) => return CancelReply::Refused(fault.to_string()),
        };
        self.client.throttle.count(self.client.clock.now());
        match self.client.authorised(|| Request::delete(&url).timeout(DELETE_TIMEOUT)).await {
            Ok((response, _)) if response.is_success() => CancelReply::Requested,
            Ok((response, token)) => {
                let body = self.client.auth.error_body(&response, &token);
                let text = format!("{} {}", response.status, body.text);
                // A 408 is the server's own timeout: it may have acted. A page of the edge's is no word of the broker's, and of a request
                // with a refused token or over the limit the broker read nothing that says how the order stands.
                match response.status {
                    400 | 402..=407 | 409..=428 | 430..=499 if body.from == Origin::Api => CancelReply::Refused(text),
                    _ => CancelReply::Unknown(text),
                }
            }
            Err(unanswered) => CancelReply::Unknown(BrokerFault::from(unanswered).to_string()),
        }
    }
}
