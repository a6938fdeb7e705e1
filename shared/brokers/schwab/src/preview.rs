//! `POST previewOrder` (docs/reference/schwab.md, Preview): what the broker would say, without an order.

use gamma_execution::ports::{Broker, BrokerError, BrokerFault};
use gamma_http::Request;
use gamma_market::{Effect, Package, Price};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::broker::Schwab;
use crate::client::failed;
use crate::fields::{FieldError, Object};
use crate::order_json::order_json;

/// The broker's opinion of an order it was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Neither the status nor any rule rejects it. Which of the two decides is not documented, so both must
    /// agree.
    pub accepted: bool,
    /// Why it would be rejected, in the broker's words.
    pub rejects: Vec<String>,
    /// What the broker would have us notice: alerts, warnings and reviews.
    pub warnings: Vec<String>,
    /// Dollars for the whole order, fees not included; `None` when not told.
    pub projected_commission: Option<Decimal>,
}

impl Schwab {
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
        const OPERATION: &str = "POST previewOrder";
        if let Some(why) = self.impossible(package, effect, quantity, price) {
            return Err(failed(OPERATION, BrokerFault::Refused(why)));
        }
        let hash = self.hash().await?;
        let url = format!("{}/trader/v1/accounts/{hash}/previewOrder", self.client.base);
        let body = order_json(package, effect, quantity, price).to_string().into_bytes();
        let answer = self.client.read(OPERATION, || Request::post(&url).json_bytes(body.clone())).await?;
        Preview::read(&answer).map_err(|error| failed(OPERATION, error))
    }

    /// Why no such order can be written down.
    fn impossible(&self, package: &Package, effect: Effect, quantity: u32, price: Price) -> Option<String> {
        let wrong = |field: &str, got: String, expected: String| {
            Some(format!("{field}: got {got}, expected {expected}; nothing was sent"))
        };
        match package.effect() {
            _ if quantity == 0 => wrong("quantity", quantity.to_string(), "at least 1".to_owned()),
            _ if price.is_negative() => {
                wrong("price", price.to_string(), "0 or more; credit or debit is said apart".to_owned())
            }
            Some(own) if own != effect && price != Price::ZERO => {
                wrong("effect", effect.to_string(), format!("{own} for {package}"))
            }
            _ => self
                .capabilities()
                .previews(package, effect, quantity, price)
                .err()
                .map(|lack| format!("{lack}; nothing was sent")),
        }
    }
}

impl Preview {
    pub(crate) fn read(answer: &Value) -> Result<Self, FieldError> {
        let answer = Object::of(answer, "preview")?;
        let strategy = answer.object("orderStrategy")?;
        let rules = answer.object("orderValidationResult")?;
        let status = strategy.as_ref().map(|strategy| strategy.text("status")).transpose()?.flatten();
        if status.is_none() && rules.is_none() {
            return Err(answer.bad("orderValidationResult", "this or orderStrategy.status"));
        }
        let texts = |key: &'static str| rules.as_ref().map_or(Ok(Vec::new()), |rules| messages(rules, key));
        let mut rejects = texts("rejects")?;
        if status == Some("REJECTED") && rejects.is_empty() {
            rejects.push("status REJECTED without a rule".to_owned());
        }
        let mut warnings = texts("alerts")?;
        warnings.extend(texts("warns")?);
        warnings.extend(texts("reviews")?);
        let balance =
            strategy.as_ref().map(|strategy| strategy.object("orderBalance")).transpose()?.flatten();
        Ok(Self {
            accepted: rejects.is_empty(),
            rejects,
            warnings,
            projected_commission: balance
                .map(|balance| balance.decimal("projectedCommission"))
                .transpose()?
                .flatten(),
        })
    }
}

/// The text for people is in `activityMessage`; `message` is often empty.
fn messages(rules: &Object<'_>, key: &'static str) -> Result<Vec<String>, FieldError> {
    rules
        .objects(key)?
        .iter()
        .map(|rule| {
            for key in ["activityMessage", "message", "validationRuleName"] {
                if let Some(text) = rule.words(key)?.filter(|text| !text.trim().is_empty()) {
                    return Ok(text);
                }
            }
            Ok("a rule without a text".to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_accepted_preview_has_its_commission_and_warnings() {
        let answer =
            serde_json::from_str(include_str!("../fixtures/preview_order__accepted_with_warning.json"))
                .unwrap();
        let preview = Preview::read(&answer).unwrap();
        assert!(preview.accepted && preview.rejects.is_empty());
        assert_eq!(preview.warnings, ["Prices can change quickly.", "STOP_ORDERS_NO_GUARANTEE"]);
        assert_eq!(preview.projected_commission.unwrap().to_string(), "2.6");
    }

    #[test]
    fn status_and_rules_must_both_accept() {
        let reject = json!([{"activityMessage": "Not enough buying power."}]);
        for (status, rejects, accepted, first) in [
            (json!("ACCEPTED"), json!([]), true, None),
            (json!("ACCEPTED"), Value::Null, true, None),
            (json!("ACCEPTED"), reject.clone(), false, Some("Not enough buying power.")),
            (json!("REJECTED"), reject, false, Some("Not enough buying power.")),
            (json!("REJECTED"), json!([]), false, Some("status REJECTED without a rule")),
            (Value::Null, json!([{}]), false, Some("a rule without a text")),
        ] {
            let answer =
                json!({"orderStrategy": {"status": status}, "orderValidationResult": {"rejects": rejects}});
            let preview = Preview::read(&answer).unwrap();
            assert_eq!(
                (preview.accepted, preview.rejects.first().map(String::as_str)),
                (accepted, first),
                "{answer}"
            );
            assert_eq!(preview.projected_commission, None);
        }
        for answer in [json!({}), json!({"orderStrategy": {}}), json!({"message": "x"})] {
            assert!(
                Preview::read(&answer)
                    .unwrap_err()
                    .to_string()
                    .contains("preview.orderValidationResult: got nothing")
            );
        }
    }
}
