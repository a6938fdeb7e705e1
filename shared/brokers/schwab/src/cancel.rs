//! Asking for a cancel (docs/reference/schwab.md, Placing). It may be repeated, so a refused token is
//! replaced and the request sent again.

use std::time::Duration;

use gamma_execution::ports::{BrokerFault, CancelReply, OrderId};
use gamma_http::Request;

use crate::broker::Schwab;

const DELETE_TIMEOUT: Duration = Duration::from_secs(5);

impl Schwab {
    /// One DELETE, two when the token was refused. It counts as an order write but never waits for our own limit.
    pub(crate) async fn send_cancel(&self, id: &OrderId) -> CancelReply {
        let url = match self.order_url(id).await {
            Ok(url) => url,
            Err(BrokerFault::Refused(why)) => return CancelReply::Refused(why),
            Err(fault) => return CancelReply::Unknown(fault.to_string()),
        };
        self.client.throttle.count(self.client.clock.now());
        match self.client.authorised(|| Request::delete(&url).timeout(DELETE_TIMEOUT)).await {
            Ok((response, _)) if response.is_success() => CancelReply::Requested,
            Ok((response, token)) => {
                let body = self.client.auth.error_body(&response, &token);
                let text = format!("{} {}", response.status, body.text);
                match response.status {
                    // The token, the limit and what stands before the API say nothing of the order.
                    401 | 429 => CancelReply::Unknown(text),
                    400..=499 if body.is_before_the_api() => CancelReply::Unknown(text),
                    // A 408 is the server's own timeout: it may have acted.
                    400..=407 | 409..=499 => CancelReply::Refused(text),
                    _ => CancelReply::Unknown(text),
                }
            }
            Err(unanswered) => CancelReply::Unknown(BrokerFault::from(unanswered).to_string()),
        }
    }
}
