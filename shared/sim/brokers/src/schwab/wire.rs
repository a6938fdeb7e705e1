//! How values look in Schwab's JSON.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gamma_market::{OptionSymbol, Price};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

/// A JSON float, `2.0` where it is whole. The decimal is exact until here; what is printed is the shortest
/// text that reads back as the nearest double, so every amount of fewer than sixteen digits prints as itself.
pub(super) fn float(value: Decimal) -> Value {
    let text = value.normalize().to_string();
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}

/// A JSON float of a price in points.
pub(super) fn points(price: Price) -> Value {
    float(price.points())
}

/// A JSON float of a count.
pub(super) fn count(value: impl Into<Decimal>) -> Value {
    float(value.into())
}

/// `2026-08-20T18:30:05+0000`: whole seconds, no colon in the offset.
pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// Milliseconds since 1970, as market data counts time.
pub(super) fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// `5900.0`, the key of a strike.
pub(super) fn strike_key(symbol: &OptionSymbol) -> String {
    let strike = symbol.strike().points().normalize();
    if strike.scale() == 0 { format!("{strike}.0") } else { strike.to_string() }
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}

/// `200` with JSON.
pub(super) fn ok(body: &Value) -> Response {
    json(StatusCode::OK, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_and_floats_look_as_schwab_writes_them() {
        assert_eq!(seconds("2026-08-20T18:30:05.999Z".parse().unwrap()), "2026-08-20T18:30:05+0000");
        for (text, json) in [
            ("2", "2.0"),
            ("2.950", "2.95"),
            ("-0.05", "-0.05"),
            ("100000.00", "100000.0"),
            ("818.66", "818.66"),
        ] {
            assert_eq!(float(text.parse().unwrap()).to_string(), json);
        }
        assert_eq!(strike_key(&"SPXW260821P5902.5".parse().unwrap()), "5902.5");
        assert_eq!(strike_key(&"SPXW260821P5900".parse().unwrap()), "5900.0");
    }

    proptest! {
        #[test]
        fn amounts_print_as_themselves(cents in -10_000_000_000_i64..10_000_000_000) {
            let amount = Decimal::new(cents, 2);
            prop_assert_eq!(float(amount).to_string().parse::<Decimal>().unwrap(), amount);
        }
    }
}
