//! Placing an order: one POST, and what the answer proves (docs/reference/schwab.md, Placing).

use std::time::Duration;

use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::{BrokerFault, NotPlaced, NotSent, OrderId, PlaceReply};
use gamma_http::{HttpError, Request, Response};
use gamma_wire::ErrorBody;
use jiff::SignedDuration;

use crate::broker::Schwab;
use crate::fields::is_id;
use crate::order_json::order_json;

/// The POST's own bound; the lease must outlive it.
const POST_TIMEOUT: Duration = Duration::from_secs(5);

/// Whoever calls has checked that a POST started now ends in time. If a refresh took longer than this, that check is old.
const LONGEST_PREPARATION: SignedDuration = SignedDuration::from_secs(2);

impl Schwab {
    /// Sends the order at most once. Everything before the POST that fails leaves it unsent, which is proven.
    pub(crate) async fn send_order(&self, order: &PackageOrder) -> PlaceReply {
        let clock = &self.client.clock;
        let called = clock.now();
        let (hash, token) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(fault) => return PlaceReply::NotPlaced(unsent(fault)),
        };
        let now = clock.now();
        if now.duration_since(called) > LONGEST_PREPARATION {
            return NotSent::TooLate("getting ready to send took too long".to_owned()).into();
        }
        if let Err(wait) = self.throttle.take(now) {
            return PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: Some(wait) });
        }
        let body = order_json(&order.package, order.effect, order.quantity, order.price);
        let request = Request::post(&self.orders_url(hash)).bearer(&token).json_bytes(body.to_string().into_bytes()).timeout(POST_TIMEOUT);
        match self.client.http.send(request).await {
            Ok(response) => {
                let reply = placed(&response, hash, |response| self.client.auth.error_body(response, &token));
                if reply == PlaceReply::NotPlaced(NotPlaced::Unauthorized) {
                    // Whether it works or not, this order was refused; the next call says what is wrong.
                    if let Err(fault) = self.client.auth.replace(&token).await {
                        tracing::error!(%fault, "Schwab token refresh after a 401 to an order failed");
                    }
                }
                reply
            }
            Err(error) if error.never_sent() => NotSent::NotConnected(error.to_string()).into(),
            Err(HttpError::TooLarge { .. }) => PlaceReply::Unknown("an answer too large to read".to_owned()),
            Err(error) => PlaceReply::Unknown(error.to_string()),
        }
    }
}

/// What it means that there is no token or no account to send with.
fn unsent(fault: BrokerFault) -> NotPlaced {
    match fault {
        BrokerFault::TokenDead(_) | BrokerFault::Unauthorized(_) => {
            tracing::error!(%fault, "Schwab order not sent");
            NotPlaced::Unauthorized
        }
        fault => NotPlaced::NotSent(NotSent::NotPrepared(fault.to_string())),
    }
}

/// What an answer to the POST proves. Only 4xx says that no order exists, except 408: there the server gave up waiting,
/// and what it had read by then is not known.
pub(crate) fn placed(response: &Response, hash: &str, error_body: impl Fn(&Response) -> ErrorBody) -> PlaceReply {
    match response.status {
        200..=299 => match order_id(response.header("location"), hash) {
            Ok(id) => PlaceReply::Accepted(id),
            Err(why) => PlaceReply::Unknown(format!("{} {why}", response.status)),
        },
        401 => PlaceReply::NotPlaced(NotPlaced::Unauthorized),
        429 => PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: response.retry_after() }),
        status @ (400..=407 | 409..=499) => {
            let body = error_body(response);
            if !body.is_before_the_api() {
                return PlaceReply::NotPlaced(NotPlaced::Rejected { status, message: body.text });
            }
            let words = format!("{status} {}", body.text);
            // What a proxy answers after it has passed a request on says nothing of the order.
            if gamma_wire::before_passing_on(status) { PlaceReply::NotPlaced(NotPlaced::NotRead(words)) } else { PlaceReply::Unknown(words) }
        }
        status => PlaceReply::Unknown(format!("{status} {}", error_body(response).text)),
    }
}

/// The id out of `…/accounts/<hash>/orders/<id>`. An id under another account's hash is not our order's.
///
/// What is wrong with a Location is said in our words: it holds an account's hash, and the reason goes into ledger and log.
fn order_id(location: Option<&str>, hash: &str) -> Result<OrderId, &'static str> {
    let location = location.ok_or("without a Location header")?;
    let path = location.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut parts = path.rsplit('/');
    let (id, orders, account, accounts) = (parts.next(), parts.next(), parts.next(), parts.next());
    if orders != Some("orders") || accounts != Some("accounts") {
        return Err("with a Location that is no …/accounts/<hash>/orders/<id>");
    }
    if !account.is_some_and(|part| part.eq_ignore_ascii_case(hash)) {
        return Err("with a Location under another account's hash");
    }
    match id {
        Some(id) if is_id(id) => Ok(OrderId(id.to_owned())),
        _ => Err("with a Location whose order id is not a number of up to 40 digits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamma_http::HeaderMap;

    const HASH: &str = "A1B2C3";

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> PlaceReply {
        let headers: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        placed(&response, HASH, |response| crate::error_body::read(&response.body, &[]))
    }

    #[test]
    fn only_an_id_of_this_account_is_acceptance() {
        for (status, location, id) in [
            (201, "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/1005638175790", "1005638175790"),
            (200, "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/7/", "7"),
            (202, "/trader/v1/accounts/a1b2c3/orders/8?x=1", "8"),
        ] {
            assert_eq!(reply(status, &[("location", location)], ""), PlaceReply::Accepted(OrderId(id.to_owned())));
        }
        assert!(matches!(reply(201, &[], r#"{"orderId": 5}"#), PlaceReply::Unknown(why) if why.contains("without a Location")));
    }

    /// The reason stands in ledger and log, and a Location holds an account's hash.
    #[test]
    fn a_location_that_names_no_order_is_reported_but_not_shown() {
        for (location, wrong) in [
            ("https://api.schwabapi.com/trader/v1/accounts/FFFF/orders/1005638175790", "under another account's hash"),
            ("https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/", "is no …/accounts/<hash>/orders/<id>"),
            ("https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/12x", "whose order id is not a number of up to 40 digits"),
            ("https://api.schwabapi.com/trader/v1/accounts/FFFF/positions/12", "is no …/accounts/<hash>/orders/<id>"),
            ("https://api.schwabapi.com/trader/v1/orders/12", "is no …/accounts/<hash>/orders/<id>"),
            ("12", "is no …/accounts/<hash>/orders/<id>"),
            ("", "is no …/accounts/<hash>/orders/<id>"),
        ] {
            let why = format!("201 with a Location {}{wrong}", if wrong.starts_with("is") { "that " } else { "" });
            assert_eq!(reply(201, &[("location", location)], ""), PlaceReply::Unknown(why), "{location}");
        }
    }

    #[test]
    fn only_a_4xx_is_a_proven_refusal() {
        let location = [("location", "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/5")];
        for status in [100, 301, 302, 303, 307, 408, 500, 501, 502, 503, 504, 599] {
            assert!(matches!(reply(status, &location, "{}"), PlaceReply::Unknown(_)), "{status}");
        }
        for status in [400, 403, 404, 405, 409, 413, 422, 499] {
            let expected = NotPlaced::Rejected { status, message: "no; because".to_owned() };
            assert_eq!(reply(status, &location, r#"{"message":"no","errors":["because"]}"#), PlaceReply::NotPlaced(expected));
        }
        assert_eq!(reply(401, &[], ""), PlaceReply::NotPlaced(NotPlaced::Unauthorized));
        let limited = |retry_after| PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after });
        assert_eq!(reply(429, &[], ""), limited(None));
        assert_eq!(reply(429, &[("retry-after", "7")], ""), limited(Some(Duration::from_secs(7))));
    }

    /// An order that the broker never read may be sent again, which is more than its no can say.
    #[test]
    fn a_4xx_from_before_the_broker_was_never_read() {
        for (status, body, why) in [
            (403, "<html>Access Denied</html>", "403 edge page: Access Denied"),
            (400, " <HTML><H1>Bad Request</H1></HTML>", "400 edge page: Bad Request"),
            (404, "404 Not Found: Requested route ('x') does not exist.", "404 404 Not Found: Requested route ('x') does not exist."),
            (413, r#"{"fault":{"faultstring":"Body buffer overflow"}}"#, "413 Body buffer overflow"),
        ] {
            assert_eq!(reply(status, &[], body), PlaceReply::NotPlaced(NotPlaced::NotRead(why.to_owned())), "{status} {body}");
        }
        // 499 and 409 of a proxy may follow a request that it has passed on.
        for (status, body) in
            [(408, "<html>"), (409, "<html>"), (499, "<html>"), (422, "try later"), (502, "<html>"), (302, "<html>"), (200, "<html>"), (503, "no route")]
        {
            assert!(matches!(reply(status, &[], body), PlaceReply::Unknown(_)), "{status}: it may have been passed on");
        }
        assert!(matches!(reply(403, &[], ""), PlaceReply::NotPlaced(NotPlaced::Rejected { status: 403, .. })), "no page: whoever said it is not known");
    }
}
