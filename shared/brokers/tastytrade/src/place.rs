//! Placing an order: one POST, and what the answer proves (docs/reference/tastytrade.md, Placing).

use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::{OrderId, PlaceReply};
use gamma_http::{Request, Response};
use gamma_wire::{ErrorBody, OrderRequest, ReadErrorBody, unaccepted};

use crate::broker::Tastytrade;
use crate::envelope;
use crate::fields::{FieldError, Object};
use crate::order_json::order_json;

impl Tastytrade {
    /// Sends the order at most once, under `name`.
    pub(crate) async fn send_order(&self, order: &PackageOrder, name: &str) -> PlaceReply {
        let request = OrderRequest {
            request: Request::post(&self.orders_url()),
            body: order_json(&order.package, order.effect, order.quantity, order.price, Some(name)),
            classify: |response: &Response, error_body: &ReadErrorBody<'_>| {
                placed(response, &self.account_number, name, error_body)
            },
        };
        self.client.send_once(async { Ok(request) }).await
    }
}

/// What an answer to the POST proves. A success proves an order by the id it names; every other answer means
/// what HTTP says it does.
pub(crate) fn placed(
    response: &Response,
    account: &str,
    name: &str,
    error_body: impl Fn(&Response) -> ErrorBody,
) -> PlaceReply {
    if !response.is_success() {
        return unaccepted(response, error_body);
    }
    match accepted(response, account, name) {
        Ok(id) => PlaceReply::Accepted(id),
        Err(why) => PlaceReply::Unknown(format!("{} {why}", response.status)),
    }
}

/// The id in `data.order.id` or `data.id`. An order of another account or name is not the one that was sent.
///
/// What is wrong is said in our words: the answer holds the account's number, and the reason goes into ledger
/// and log.
fn accepted(response: &Response, account: &str, name: &str) -> Result<OrderId, &'static str> {
    let answer = response.json().map_err(|_| "with a body that is no JSON")?;
    let read = || -> Result<_, FieldError> {
        let data = envelope::data(&answer, "order")?;
        let order: Object<'_> = data.object("order")?.unwrap_or(data);
        Ok((
            order.id("id")?,
            order.text("account-number")?.map(str::to_owned),
            order.text("external-identifier")?.map(str::to_owned),
        ))
    };
    let (id, theirs, named) = read().map_err(|_| "with a body that does not read as an order")?;
    if theirs.is_some_and(|theirs| theirs != account) {
        return Err("with an order of another account");
    }
    if named.is_some_and(|named| named != name) {
        return Err("with an order of another name");
    }
    id.map(OrderId).ok_or("without an order id")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use gamma_execution::ports::NotPlaced;
    use gamma_http::HeaderMap;

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> PlaceReply {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        placed(&response, "5WT00001", "gt-1-p1", |response| crate::error_body::read(&response.body, &[]))
    }

    #[test]
    fn only_an_id_of_this_accounts_order_is_acceptance() {
        let routed = include_str!("../fixtures/order_placed__routed.json");
        assert_eq!(reply(201, &[], routed), PlaceReply::Accepted(OrderId("312345678".into())));
        assert_eq!(reply(200, &[], r#"{"data":{"id":"77"}}"#), PlaceReply::Accepted(OrderId("77".into())));
        for (body, why) in [
            ("", "with a body that is no JSON"),
            ("<html>", "with a body that is no JSON"),
            ("{}", "with a body that does not read as an order"),
            (r#"{"data":{"order":[]}}"#, "with a body that does not read as an order"),
            (r#"{"data":{"order":{"status":"Received"}}}"#, "without an order id"),
            (r#"{"data":{"order":{"id":null}}}"#, "without an order id"),
            (r#"{"data":{"order":{"id":"../5"}}}"#, "with a body that does not read as an order"),
            (
                r#"{"data":{"order":{"id":5,"account-number":"5WT00002"}}}"#,
                "with an order of another account",
            ),
            (
                r#"{"data":{"order":{"id":5,"external-identifier":"somebody"}}}"#,
                "with an order of another name",
            ),
        ] {
            assert_eq!(reply(201, &[], body), PlaceReply::Unknown(format!("201 {why}")), "{body}");
        }
    }

    #[test]
    fn only_a_4xx_of_the_api_or_before_it_is_a_proven_refusal() {
        for status in [100, 301, 302, 408, 500, 501, 502, 503, 504, 599] {
            assert!(matches!(reply(status, &[], r#"{"data":{"id":5}}"#), PlaceReply::Unknown(_)), "{status}");
        }
        let rejected = |status, message: &str| {
            PlaceReply::NotPlaced(NotPlaced::Rejected { status, message: message.to_owned() })
        };
        for status in [400, 403, 404, 409, 422, 499] {
            assert_eq!(
                reply(status, &[], r#"{"error":{"code":"a","message":"b","errors":[{"code":"c"}]}}"#),
                rejected(status, "a: b; c")
            );
        }
        for status in [400, 403, 404, 413] {
            let not_read = |text: &str| PlaceReply::NotPlaced(NotPlaced::NotRead(format!("{status} {text}")));
            assert_eq!(reply(status, &[], "<html>No</html>"), not_read("edge page: No"));
            assert_eq!(reply(status, &[], "upstream says no"), not_read("upstream says no"));
        }
        for status in [402, 409, 410, 422, 444, 499] {
            assert_eq!(
                reply(status, &[], "<html>No</html>"),
                PlaceReply::Unknown(format!("{status} edge page: No"))
            );
        }
        let limited = |retry_after| PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after });
        assert_eq!(reply(429, &[], ""), limited(None));
        assert_eq!(reply(429, &[("retry-after", "7")], "<html>"), limited(Some(Duration::from_secs(7))));
        assert_eq!(
            reply(401, &[], "<html>401 Authorization Required</html>"),
            PlaceReply::NotPlaced(NotPlaced::Unauthorized)
        );
    }
}
