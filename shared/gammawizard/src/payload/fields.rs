//! The fields of one row.

use std::borrow::Cow;

use gamma_market::{Published, SignalRow};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The names under which feeds publish a volatility, in the order in which the replaced system tried them.
const VOLATILITY_FIELDS: [&str; 6] = ["VixOne", "VIXONE", "Vix1", "VIX1", "VIX", "Vix"];

/// Fields and signs that are kept of a row for the record; the feed publishes some thirty short ones.
const MOST_FIELDS: usize = 100;
const LONGEST: usize = 100;

/// The row, or `None` when its `Date` is missing or does not read.
pub(super) fn read_row(fields: &Map<String, Value>) -> Option<SignalRow> {
    let number = |name: &str| fields.get(name).and_then(read_number);
    let volatilities =
        VOLATILITY_FIELDS.iter().filter_map(|name| Some(((*name).to_owned(), number(name)?))).collect();
    Some(SignalRow {
        date: fields.get("Date").and_then(read_day)?,
        expiry: fields.get("TDate").and_then(read_day),
        put_strike: number("Limit"),
        call_strike: number("CLimit"),
        left_go: number("LeftGo"),
        right_go: number("RightGo"),
        left_strength: number("LImp"),
        right_strength: number("RImp"),
        put_price: number("Put"),
        call_price: number("Call"),
        volatilities,
        spot: number("SPX"),
        published: Published(
            fields.iter().filter_map(|(name, value)| published(name, value)).take(MOST_FIELDS).collect(),
        ),
    })
}

/// A field for the record: its text, where it is one of reasonable length.
fn published(name: &str, value: &Value) -> Option<(String, String)> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (name.len() <= LONGEST && text.len() <= LONGEST).then(|| (name.to_owned(), text))
}

/// A day: an ISO date, or a date-time of which the first ten characters are taken as they stand
/// (docs/reference/gammawizard.md, Row). No time zone is applied: the feed writes the trading day's own date.
fn read_day(value: &Value) -> Option<Date> {
    let text = value.as_str()?.trim();
    let (day, rest) = text.split_at_checked(10)?;
    // Ten characters, so that a year is four digits and nothing shorter or signed passes.
    let plain = day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let time_follows = rest.is_empty() || rest.starts_with(['T', ' ']);
    (plain && time_follows).then(|| day.parse().ok()).flatten()
}

/// A number, or a text that is one. Separators of thousands are refused: `6,900` is as likely to be 6.9.
fn read_number(value: &Value) -> Option<Decimal> {
    let text = match value {
        // Through its text, so that no digit passes through a float of ours.
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::String(text) => Cow::Borrowed(text.trim()),
        _ => return None,
    };
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    // The lossy form rounds at the 28th decimal, where the exact one would refuse 1.2345678901234567e-17.
    text.parse().or_else(|_| Decimal::from_scientific_lossy(&text)).ok()
}
