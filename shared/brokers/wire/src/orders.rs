//! Sending an order, once, and asking for its cancel.
//!
//! What a broker's success proves is its adapter's to say: the classifier comes with the order. What is here
//! holds whichever broker it is: what is proven when no answer came, and what HTTP alone says of an answer
//! that is no success.

use std::time::Duration;

use gamma_execution::ports::{BrokerFault, CancelReply, NotPlaced, NotSent, PlaceReply};
use gamma_http::{HttpError, Request, Response};
use jiff::SignedDuration;
use serde_json::Value;

use crate::{Client, ErrorBody, TokenEndpoint, before_passing_on};

/// The order's own bound; the lease must outlive it.
const ORDER_TIMEOUT: Duration = Duration::from_secs(5);

/// Whoever calls has checked that an order sent now ends in time. If getting ready took longer than this,
/// that check is old.
const LONGEST_PREPARATION: SignedDuration = SignedDuration::from_secs(2);

const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads an error answer without anything of our credentials that it may echo.
pub type ReadErrorBody<'a> = dyn Fn(&Response) -> ErrorBody + 'a;

/// An order as its broker wants it.
pub struct OrderRequest<Classify> {
    /// Method and address.
    pub request: Request,
    /// The order.
    pub body: Value,
    /// What an answer proves.
    pub classify: Classify,
}

impl<E: TokenEndpoint> Client<E> {
    /// Sends an order at most once. Everything before the request that fails leaves it unsent, which is
    /// proven. `prepare` gives the order, with what must be known to address it; it is to have no patience,
    /// because its time is measured.
    pub async fn send_once<Classify>(
        &self,
        prepare: impl Future<Output = Result<OrderRequest<Classify>, BrokerFault>> + Send,
    ) -> PlaceReply
    where
        Classify: FnOnce(&Response, &ReadErrorBody<'_>) -> PlaceReply + Send,
    {
        let called = self.clock.now();
        let prepared = async { Ok((prepare.await?, self.auth.access().await?)) };
        let (order, token) = match prepared.await {
            Ok(prepared) => prepared,
            Err(fault) => return PlaceReply::NotPlaced(Self::unsent(fault)),
        };
        let now = self.clock.now();
        if now.duration_since(called) > LONGEST_PREPARATION {
            return NotSent::TooLate("getting ready to send took too long".to_owned()).into();
        }
        if let Err(wait) = self.throttle.take(now) {
            return PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: Some(wait) });
        }
        let request = order
            .request
            .bearer(&token)
            .json_bytes(order.body.to_string().into_bytes())
            .timeout(ORDER_TIMEOUT);
        match self.http.send(request).await {
            Ok(response) => {
                let reply = (order.classify)(&response, &|response| self.auth.error_body(response, &token));
                if reply == PlaceReply::NotPlaced(NotPlaced::Unauthorized) {
                    // Whether it works or not, this order was refused; the next call says what is wrong.
                    if let Err(fault) = self.auth.replace(&token).await {
                        tracing::error!(broker = E::BROKER, %fault, "token refresh after a 401 to an order failed");
                    }
                }
                reply
            }
            Err(error) if error.never_sent() => NotSent::NotConnected(error.to_string()).into(),
            Err(HttpError::TooLarge { .. }) => PlaceReply::Unknown("an answer too large to read".to_owned()),
            Err(error) => PlaceReply::Unknown(error.to_string()),
        }
    }

    /// Asks for a cancel: one request, two when the token was refused, because it may be repeated. It counts
    /// as an order write but never waits for our own limit.
    pub async fn send_cancel(&self, request: impl Fn() -> Request) -> CancelReply {
        self.throttle.count(self.clock.now());
        match self.authorised(|| request().timeout(CANCEL_TIMEOUT)).await {
            Ok((response, _)) if response.is_success() => CancelReply::Requested,
            Ok((response, token)) => uncancelled(response.status, &self.auth.error_body(&response, &token)),
            Err(unanswered) => CancelReply::Unknown(BrokerFault::from(unanswered).to_string()),
        }
    }

    /// What it means that there is no token or no account to send with.
    fn unsent(fault: BrokerFault) -> NotPlaced {
        match fault {
            BrokerFault::TokenDead(_) | BrokerFault::Unauthorized(_) => {
                tracing::error!(broker = E::BROKER, %fault, "order not sent");
                NotPlaced::Unauthorized
            }
            fault => NotPlaced::NotSent(NotSent::NotPrepared(fault.to_string())),
        }
    }
}

/// What HTTP alone says of an order's answer that is no success, for classifiers of brokers whose answers
/// mean no more than that. Only 4xx says that no order exists, except 408: there the server gave up waiting,
/// and what it had read by then is not known. A 4xx that the API did not write is believed only where a proxy
/// gives it before it passes anything on.
pub fn unaccepted(response: &Response, error_body: impl Fn(&Response) -> ErrorBody) -> PlaceReply {
    match response.status {
        401 => PlaceReply::NotPlaced(NotPlaced::Unauthorized),
        429 => PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: response.retry_after() }),
        status @ (400..=407 | 409..=499) => {
            let body = error_body(response);
            if !body.is_before_the_api() {
                return PlaceReply::NotPlaced(NotPlaced::Rejected { status, message: body.text });
            }
            let words = format!("{status} {}", body.text);
            // What a proxy answers after it has passed a request on says nothing of the order.
            if before_passing_on(status) {
                PlaceReply::NotPlaced(NotPlaced::NotRead(words))
            } else {
                PlaceReply::Unknown(words)
            }
        }
        status => PlaceReply::Unknown(format!("{status} {}", error_body(response).text)),
    }
}

/// What an answer to a cancel says that is no success.
fn uncancelled(status: u16, body: &ErrorBody) -> CancelReply {
    let text = format!("{status} {}", body.text);
    match status {
        // A refused token and the limit say nothing of how the order stands; of a 408, the server's own
        // timeout, it may have acted.
        401 | 408 | 429 => CancelReply::Unknown(text),
        // A page of what stands before the API is no word of the broker's.
        400..=499 if !body.is_before_the_api() => CancelReply::Refused(text),
        _ => CancelReply::Unknown(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn only_a_4xx_of_the_api_refuses_a_cancel() {
        let reply = |status, from| uncancelled(status, &ErrorBody { text: "no".to_owned(), from });
        for status in [400, 402, 403, 404, 407, 409, 422, 428, 430, 499] {
            assert_eq!(reply(status, Origin::Api), CancelReply::Refused(format!("{status} no")));
            assert_eq!(reply(status, Origin::Gateway), CancelReply::Unknown(format!("{status} no")));
            assert_eq!(reply(status, Origin::Edge), CancelReply::Unknown(format!("{status} no")));
        }
        for status in [100, 302, 401, 408, 429, 500, 502, 599] {
            assert_eq!(reply(status, Origin::Api), CancelReply::Unknown(format!("{status} no")));
        }
    }
}
