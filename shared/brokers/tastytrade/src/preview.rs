//! `POST orders/dry-run` (docs/reference/tastytrade.md, Preview): what the broker would say, without an
//! order.

use gamma_execution::ports::{Broker, BrokerError, BrokerFault};
use gamma_http::retry::Backoff;
use gamma_http::{Request, Response};
use gamma_market::{Effect, Package, Price};
use gamma_wire::ErrorBody;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::broker::Tastytrade;
use crate::client::{Client, failed};
use crate::error_body::words_of;
use crate::fields::{FieldError, LONGEST_WORDS, Object};
use crate::order_json::order_json;
use crate::{envelope, error_body};

/// The broker's opinion of an order it was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Nothing rejects it. A price off the exchange's tick is not noticed here
    /// (docs/reference/tastytrade.md, Preview).
    pub accepted: bool,
    /// Why it would be rejected, in the broker's words.
    pub rejects: Vec<String>,
    /// What the broker would have us notice.
    pub warnings: Vec<String>,
    /// What it does to margin and buying power, where told.
    pub buying_power: Option<BuyingPowerEffect>,
    /// What it costs, where told.
    pub fees: Option<Fees>,
}

/// Dollars, as the account feels them: what is freed or comes in is positive, what is taken up or goes out
/// negative. `None` where not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyingPowerEffect {
    /// Margin over the whole account.
    pub margin: Option<Decimal>,
    /// Buying power.
    pub buying_power: Option<Decimal>,
    /// Buying power afterwards.
    pub new_buying_power: Option<Decimal>,
    /// Margin of this order alone.
    pub order_margin: Option<Decimal>,
}

/// Dollars for the whole order: paid is positive, given back negative. `None` where not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fees {
    /// Everything together.
    pub total: Option<Decimal>,
    /// The broker's.
    pub commission: Option<Decimal>,
    /// Of regulators.
    pub regulatory: Option<Decimal>,
    /// Of clearing.
    pub clearing: Option<Decimal>,
    /// Of the exchange, for its own index.
    pub index_option: Option<Decimal>,
}

impl Tastytrade {
    /// Previews a limit order for `quantity` packages at `price` points. Nothing is placed, so it needs no
    /// approval and is retried like a read. What could never be placed is refused without asking.
    ///
    /// # Errors
    /// [`BrokerError`] when there is no readable opinion; a rejection is an answer, not an error.
    pub async fn preview(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: Price,
    ) -> Result<Preview, BrokerError> {
        const OPERATION: &str = "POST orders/dry-run";
        if let Some(why) = self.impossible(package, effect, quantity, price) {
            return Err(failed(OPERATION, BrokerFault::Refused(why)));
        }
        let url = format!("{}/dry-run", self.orders_url());
        let body = order_json(package, effect, quantity, price, None).to_string().into_bytes();
        let request = || Request::post(&url).json_bytes(body.clone());
        let (answer, token) = self
            .client
            .answered(OPERATION, (Backoff::READS, Client::READ_TIMEOUT), is_opinion, request)
            .await?;
        opinion(&answer, |response| self.client.auth.error_body(response, &token))
            .map_err(|fault| failed(OPERATION, fault))
    }

    /// Why no such order can be written down.
    fn impossible(&self, package: &Package, effect: Effect, quantity: u32, price: Price) -> Option<String> {
        let wrong = |field: &str, got: String, expected: String| {
            Some(format!("{field}: got {got}, expected {expected}; nothing was sent"))
        };
        match package.effect() {
            _ if quantity == 0 => wrong("quantity", quantity.to_string(), "at least 1".to_owned()),
            _ if price <= Price::ZERO => {
                wrong("price", price.to_string(), "more than 0; credit or debit is said apart".to_owned())
            }
            Some(own) if own != effect => wrong("effect", effect.to_string(), format!("{own} for {package}")),
            _ => self
                .capabilities()
                .previews(package, effect, quantity, price)
                .err()
                .map(|lack| format!("{lack}; nothing was sent")),
        }
    }
}

/// A 422 is the broker's no, if it is the broker's: a page of the edge's is none.
fn is_opinion(response: &Response) -> bool {
    response.is_success()
        || response.status == 422 && response.json().is_ok_and(|body| body.get("error").is_some())
}

/// Reads an answer that is an opinion.
pub(crate) fn opinion(
    response: &Response,
    error_body: impl Fn(&Response) -> ErrorBody,
) -> Result<Preview, BrokerFault> {
    if !response.is_success() {
        let rejects = vec![error_body(response).text];
        return Ok(Preview {
            accepted: false,
            rejects,
            warnings: Vec::new(),
            buying_power: None,
            fees: None,
        });
    }
    Ok(Preview::read(&gamma_wire::json(response)?)?)
}

impl Preview {
    /// Reads a success, which may name errors all the same.
    fn read(answer: &Value) -> Result<Self, FieldError> {
        let data = envelope::data(answer, "preview")?;
        let order = data.object("order")?;
        let mut rejects = error_body::listed(answer.get("errors"));
        rejects.extend(error_body::listed(data.value("errors")));
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            rejects.extend(error_body::listed(Some(error)));
        }
        if order.is_none() && rejects.is_empty() {
            return Err(data.bad("order", "an object"));
        }
        let status = order.as_ref().map(|order| order.text("status")).transpose()?.flatten();
        if rejects.is_empty() && status == Some("Rejected") {
            let reason = order.as_ref().map(|order| order.words("reject-reason")).transpose()?.flatten();
            rejects.push(
                reason
                    .filter(|reason| words_of(reason).is_some())
                    .unwrap_or_else(|| "status Rejected without a reason".to_owned()),
            );
        }
        Ok(Self {
            accepted: rejects.is_empty(),
            rejects,
            warnings: warnings(&data)?,
            buying_power: data
                .object("buying-power-effect")?
                .map(|effect| BuyingPowerEffect::read(&effect))
                .transpose()?,
            fees: data.object("fee-calculation")?.map(|fees| Fees::read(&fees)).transpose()?,
        })
    }
}

fn warnings(data: &Object<'_>) -> Result<Vec<String>, FieldError> {
    let rows = data.objects("warnings")?;
    rows.iter()
        .map(|row| {
            let said: Vec<String> = [row.words("code")?, row.words("message")?]
                .into_iter()
                .flatten()
                .filter(|said| words_of(said).is_some())
                .collect();
            let said = if said.is_empty() { "a warning without words".to_owned() } else { said.join(": ") };
            Ok(said.chars().take(LONGEST_WORDS).collect())
        })
        .collect()
}

impl BuyingPowerEffect {
    fn read(effect: &Object<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            margin: money(effect, "change-in-margin-requirement", "change-in-margin-requirement-effect")?,
            buying_power: money(effect, "change-in-buying-power", "change-in-buying-power-effect")?,
            new_buying_power: money(effect, "new-buying-power", "new-buying-power-effect")?,
            order_margin: money(
                effect,
                "isolated-order-margin-requirement",
                "isolated-order-margin-requirement-effect",
            )?,
        })
    }
}

impl Fees {
    fn read(fees: &Object<'_>) -> Result<Self, FieldError> {
        let paid = |key, effect| Ok(money(fees, key, effect)?.map(|came| -came));
        Ok(Self {
            total: paid("total-fees", "total-fees-effect")?,
            commission: paid("commission", "commission-effect")?,
            regulatory: paid("regulatory-fees", "regulatory-fees-effect")?,
            clearing: paid("clearing-fees", "clearing-fees-effect")?,
            index_option: paid("proprietary-index-option-fees", "proprietary-index-option-fees-effect")?,
        })
    }
}

/// An amount with the sign of its effect beside it: a credit comes in. An amount whose direction is not told
/// is not guessed.
pub(crate) fn money(row: &Object<'_>, key: &str, effect: &str) -> Result<Option<Decimal>, FieldError> {
    let Some(amount) = row.decimal(key)? else { return Ok(None) };
    match row.text(effect)? {
        Some("Credit") => Ok(Some(amount)),
        Some("Debit") => Ok(Some(-amount)),
        _ if amount.is_zero() => Ok(Some(amount)),
        _ => Err(row.bad(effect, "Credit or Debit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamma_http::HeaderMap;
    use serde_json::json;

    fn of(status: u16, body: &str) -> Result<Preview, BrokerFault> {
        let response = Response { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() };
        opinion(&response, |response| crate::error_body::read(&response.body, &[]))
    }

    #[test]
    fn an_accepted_preview_has_margin_fees_and_warnings() {
        let preview = of(201, include_str!("../fixtures/dry_run__accepted_with_warning.json")).unwrap();
        assert!(preview.accepted && preview.rejects.is_empty());
        assert_eq!(
            preview.warnings,
            ["tif_next_valid_sesssion: Your order will begin working during next valid session."]
        );
        let text = |amount: Option<Decimal>| amount.unwrap().to_string();
        let power = preview.buying_power.unwrap();
        assert_eq!(
            [power.margin, power.buying_power, power.new_buying_power, power.order_margin].map(text),
            ["-1000.0", "-772.6", "23727.4", "-1000.0"]
        );
        let fees = preview.fees.unwrap();
        assert_eq!(
            [fees.total, fees.commission, fees.regulatory, fees.clearing, fees.index_option].map(text),
            ["7.08", "4.0", "0.08", "0.4", "2.6"]
        );
    }

    #[test]
    fn whatever_names_an_error_rejects() {
        let order = json!({"status": "Received"});
        for (status, body, accepted, first) in [
            (200, json!({"data": {"order": order}}), true, None),
            (201, json!({"data": {"order": order, "errors": []}, "errors": null}), true, None),
            (
                201,
                json!({"data": {"order": order, "errors": [{"code": "margin_check_failed", "message": "no"}]}}),
                false,
                Some("margin_check_failed: no"),
            ),
            (
                201,
                json!({"data": {"order": order}, "errors": [{"domain": "price", "reason": "odd"}]}),
                false,
                Some("price: odd"),
            ),
            (201, json!({"data": {"errors": [7]}}), false, Some("an error without words")),
            (
                201,
                json!({"data": {"order": {"status": "Rejected", "reject-reason": "closed"}}}),
                false,
                Some("closed"),
            ),
            (
                201,
                json!({"data": {"order": {"status": "Rejected"}}}),
                false,
                Some("status Rejected without a reason"),
            ),
            (
                201,
                json!({"data": {"order": {"status": "Rejected", "reject-reason": " "}}}),
                false,
                Some("status Rejected without a reason"),
            ),
            (
                201,
                json!({"data": {"order": order, "errors": [{"code": "", "message": " "}]}}),
                false,
                Some("an error without words"),
            ),
            (
                422,
                json!({"error": {"code": "preflight_check_failure", "errors": [{"code": "closing_only"}]}}),
                false,
                Some("preflight_check_failure; closing_only"),
            ),
        ] {
            let preview = of(status, &body.to_string()).unwrap();
            assert_eq!(
                (preview.accepted, preview.rejects.first().map(String::as_str)),
                (accepted, first),
                "{body}"
            );
        }
        for (body, shown) in [
            (json!({}), "preview.data: got nothing"),
            (json!({"data": {}}), "preview.data.order: got nothing"),
            (
                json!({"data": {"order": {}, "fee-calculation": {"total-fees": "7.08"}}}),
                "fee-calculation.total-fees-effect: got nothing",
            ),
        ] {
            assert!(of(201, &body.to_string()).unwrap_err().to_string().contains(shown));
        }
    }
}
