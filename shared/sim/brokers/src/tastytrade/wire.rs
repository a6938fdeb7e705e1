//! How values look in tastytrade's JSON (docs/reference/tastytrade.md, Envelope and numbers).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gamma_market::Price;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// A decimal string with a point: `"25000.0"`, `"4.1"`.
pub(super) fn decimal(value: Decimal) -> Value {
    let value = value.normalize();
    if value.scale() == 0 { format!("{value}.0").into() } else { value.to_string().into() }
}

/// The same of a price in points.
pub(super) fn points(price: Price) -> Value {
    decimal(price.points())
}

/// An amount of dollars without its sign, and the sign in words beside it: cash that comes is a credit.
pub(super) fn set_signed(fields: &mut Map<String, Value>, name: &str, dollars: Decimal) {
    let effect = match dollars {
        _ if dollars.is_zero() => "None",
        _ if dollars.is_sign_negative() => "Debit",
        _ => "Credit",
    };
    fields.insert(name.to_owned(), decimal(dollars.abs()));
    fields.insert(format!("{name}-effect"), effect.into());
}

/// `2026-08-20T18:30:05.010+00:00`.
pub(super) fn time(at: Timestamp) -> Value {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+00:00").to_string().into()
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}

/// `{"data", "context"}`.
pub(super) fn data(status: StatusCode, context: &str, data: Value) -> Response {
    json(status, &json!({ "data": data, "context": context }))
}

/// `200` with `{"data", "context"}`.
pub(super) fn ok(context: &str, shown: Value) -> Response {
    data(StatusCode::OK, context, shown)
}

/// `200` with a list.
pub(super) fn items(context: &str, items: Vec<Value>) -> Response {
    ok(context, json!({ "items": items }))
}

/// One page of a list, and where it lies in the whole.
pub(super) fn page(context: &str, all: Vec<Value>, per_page: usize, page: usize) -> Response {
    let (total, offset) = (all.len(), page.saturating_mul(per_page));
    let shown: Vec<Value> = all.into_iter().skip(offset).take(per_page).collect();
    let pagination = json!({
        "per-page": per_page,
        "page-offset": page,
        "item-offset": offset,
        "total-items": total,
        "total-pages": total.div_ceil(per_page.max(1)),
        "current-item-count": shown.len(),
        "previous-link": null,
        "next-link": null,
        "paging-link-template": null,
    });
    json(StatusCode::OK, &json!({ "data": { "items": shown }, "context": context, "pagination": pagination }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_look_as_tastytrade_writes_them() {
        for (value, text) in [("25000", "25000.0"), ("4.10", "4.1"), ("0", "0.0"), ("816.46", "816.46")] {
            assert_eq!(decimal(value.parse().unwrap()), text);
        }
        assert_eq!(time("2026-08-20T18:30:05.0109Z".parse().unwrap()), "2026-08-20T18:30:05.010+00:00");
        let mut fields = Map::new();
        for (dollars, shown, effect) in
            [("-7.08", "7.08", "Debit"), ("820", "820.0", "Credit"), ("0", "0.0", "None")]
        {
            set_signed(&mut fields, "value", dollars.parse().unwrap());
            assert_eq!((&fields["value"], &fields["value-effect"]), (&json!(shown), &json!(effect)));
        }
    }
}
