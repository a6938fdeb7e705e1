//! Placing an order: one POST, and what the answer proves (docs/reference/schwab.md, Placing).

use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::{OrderId, PlaceReply};
use gamma_http::{Request, Response};
use gamma_wire::{ErrorBody, OrderRequest, ReadErrorBody, unaccepted};

use crate::broker::Schwab;
use crate::fields::is_id;
use crate::order_json::order_json;

impl Schwab {
    /// Sends the order at most once.
    pub(crate) async fn send_order(&self, order: &PackageOrder) -> PlaceReply {
        let prepare = async {
            let hash = self.hash_for_an_order().await?;
            Ok(OrderRequest {
                request: Request::post(&self.orders_url(hash)),
                body: order_json(&order.package, order.effect, order.quantity, order.price),
                classify: move |response: &Response, error_body: &ReadErrorBody<'_>| {
                    placed(response, hash, error_body)
                },
            })
        };
        self.client.send_once(prepare).await
    }
}

/// What an answer to the POST proves. A success proves an order by its Location alone; every other answer
/// means what HTTP says it does.
pub(crate) fn placed(
    response: &Response,
    hash: &str,
    error_body: impl Fn(&Response) -> ErrorBody,
) -> PlaceReply {
    if !response.is_success() {
        return unaccepted(response, error_body);
    }
    match order_id(response.header("location"), hash) {
        Ok(id) => PlaceReply::Accepted(id),
        Err(why) => PlaceReply::Unknown(format!("{} {why}", response.status)),
    }
}

/// The id out of `…/accounts/<hash>/orders/<id>`. An id under another account's hash is not our order's.
///
/// What is wrong with a Location is said in our words: it holds an account's hash, and the reason goes into
/// ledger and log.
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
    use std::time::Duration;

    use super::*;
    use gamma_execution::ports::NotPlaced;
    use gamma_http::HeaderMap;

    const HASH: &str = "A1B2C3";

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> PlaceReply {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        placed(&response, HASH, |response| crate::error_body::read(&response.body, &[]))
    }

    #[test]
    fn only_an_id_of_this_account_is_acceptance() {
        for (status, location, id) in [
            (
                201,
                "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/1005638175790",
                "1005638175790",
            ),
            (200, "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/7/", "7"),
            (202, "/trader/v1/accounts/a1b2c3/orders/8?x=1", "8"),
        ] {
            assert_eq!(
                reply(status, &[("location", location)], ""),
                PlaceReply::Accepted(OrderId(id.to_owned()))
            );
        }
        assert!(
            matches!(reply(201, &[], r#"{"orderId": 5}"#), PlaceReply::Unknown(why) if why.contains("without a Location"))
        );
    }

    /// The reason stands in ledger and log, and a Location holds an account's hash.
    #[test]
    fn a_location_that_names_no_order_is_reported_but_not_shown() {
        for (location, wrong) in [
            (
                "https://api.schwabapi.com/trader/v1/accounts/FFFF/orders/1005638175790",
                "under another account's hash",
            ),
            (
                "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/",
                "is no …/accounts/<hash>/orders/<id>",
            ),
            (
                "https://api.schwabapi.com/trader/v1/accounts/A1B2C3/orders/12x",
                "whose order id is not a number of up to 40 digits",
            ),
            (
                "https://api.schwabapi.com/trader/v1/accounts/FFFF/positions/12",
                "is no …/accounts/<hash>/orders/<id>",
            ),
            ("https://api.schwabapi.com/trader/v1/orders/12", "is no …/accounts/<hash>/orders/<id>"),
            ("12", "is no …/accounts/<hash>/orders/<id>"),
            ("", "is no …/accounts/<hash>/orders/<id>"),
        ] {
            let why =
                format!("201 with a Location {}{wrong}", if wrong.starts_with("is") { "that " } else { "" });
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
            assert_eq!(
                reply(status, &location, r#"{"message":"no","errors":["because"]}"#),
                PlaceReply::NotPlaced(expected)
            );
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
            (
                404,
                "404 Not Found: Requested route ('x') does not exist.",
                "404 404 Not Found: Requested route ('x') does not exist.",
            ),
            (413, r#"{"fault":{"faultstring":"Body buffer overflow"}}"#, "413 Body buffer overflow"),
        ] {
            assert_eq!(
                reply(status, &[], body),
                PlaceReply::NotPlaced(NotPlaced::NotRead(why.to_owned())),
                "{status} {body}"
            );
        }
        // 499 and 409 of a proxy may follow a request that it has passed on.
        for (status, body) in [
            (408, "<html>"),
            (409, "<html>"),
            (499, "<html>"),
            (422, "try later"),
            (502, "<html>"),
            (302, "<html>"),
            (200, "<html>"),
            (503, "no route"),
        ] {
            assert!(
                matches!(reply(status, &[], body), PlaceReply::Unknown(_)),
                "{status}: it may have been passed on"
            );
        }
        assert!(
            matches!(reply(403, &[], ""), PlaceReply::NotPlaced(NotPlaced::Rejected { status: 403, .. })),
            "no page: whoever said it is not known"
        );
    }
}
