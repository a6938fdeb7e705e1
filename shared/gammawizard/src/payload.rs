//! From the body of an answer to signal rows, whatever shape the feed chose
//! (docs/reference/gammawizard.md, Answer). Pure.
//!
//! A row is an object with any of the row fields (`Date`, `TDate`, `Limit`, …). Rows are looked for in
//! `Trade` *and* `Predictions` where an object has either, and otherwise in whatever wrappers and lists stand
//! around them. Every row found is returned, in the feed's order: choosing today's is the strategy's work,
//! and taking "the last of the list" once sent orders for expired symbols (docs/reference/gammawizard.md,
//! Answer; vector 38i).

mod fields;

use std::borrow::Cow;

use gamma_execution::ports::SignalView;
use gamma_market::SignalRow;
use serde_json::{Map, Value};

use fields::read_row;

/// Any of these makes an object a row.
const ROW_FIELDS: [&str; 10] =
    ["Date", "TDate", "Limit", "CLimit", "LeftGo", "RightGo", "LImp", "RImp", "VIX", "VixOne"];

/// Lists and objects may stand this deep in one another; the feed itself uses two levels.
const DEEPEST: usize = 8;

/// A history of twenty years; anything longer is no signal feed.
const MOST_ROWS: usize = 5_000;

/// Why an answer holds no signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON. Nothing of the body is quoted but its first character: an error page may echo the request.
    #[error("body: got {length} bytes beginning with {first:?} ({reason}), expected JSON")]
    NotJson {
        /// Bytes received.
        length: usize,
        /// Their first visible character.
        first: Option<char>,
        /// What the parser stumbled over, and where.
        reason: String,
    },
    /// JSON without a single row.
    #[error("rows: got {came}, expected an object or list with Trade, Predictions or rows having a Date")]
    NoRows {
        /// The outermost value in a few words.
        came: String,
    },
    /// Rows, but not one whose `Date` reads.
    #[error(
        "Date: got {came} in the first of {rows} rows and nothing better in the others, expected a day such as 2026-02-11"
    )]
    NoDate {
        /// The first row's value.
        came: String,
        /// Rows seen.
        rows: usize,
    },
    /// Lists and objects nested too deep to search.
    #[error("body: got lists and objects nested deeper than {DEEPEST} levels, expected two or three")]
    TooDeep,
    /// More rows than a signal feed has.
    #[error("rows: got more than {MOST_ROWS}, expected a history of days")]
    TooManyRows,
}

/// What `body` shows: every row in the feed's order, each once, and whether a `Trade` says that there is
/// none.
///
/// A `Trade` without a row whose `Date` reads (null, an empty object or list) says that there is no trade,
/// whatever stands in `Predictions`. A row repeated field for field (as `Trade` repeats the newest of
/// `Predictions`) is kept once; two rows of one `Date` that differ are both kept, for the strategy to refuse.
/// A row whose `Date` does not read is left out as long as another does. Any other field that is absent, null
/// or not a number is `None`.
///
/// # Errors
/// [`PayloadError`] when the body is not JSON, holds no row, or holds none with a readable `Date`.
pub fn view(body: &[u8]) -> Result<SignalView, PayloadError> {
    let answer: Value =
        serde_json::from_slice(&without_bare_nan(body)).map_err(|error| PayloadError::NotJson {
            length: body.len(),
            first: String::from_utf8_lossy(body).chars().find(|c| !c.is_whitespace()),
            reason: error.to_string(),
        })?;
    let mut found = Found::default();
    collect(&answer, 0, &mut found)?;
    let Found { rows: found, no_trade } = found;
    let Some(first) = found.first() else {
        return Err(PayloadError::NoRows { came: in_a_few_words(&answer) });
    };
    let mut rows: Vec<SignalRow> = Vec::new();
    for row in found.iter().filter_map(|fields| read_row(fields)) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        let came = first.get("Date").map_or_else(|| "nothing".into(), in_a_few_words);
        return Err(PayloadError::NoDate { came, rows: found.len() });
    }
    Ok(SignalView { rows, no_trade })
}

/// What was gathered of an answer.
#[derive(Default)]
struct Found<'a> {
    rows: Vec<&'a Map<String, Value>>,
    /// What a `Trade` without a row holds.
    no_trade: Option<String>,
}

/// Gathers every object that is a row. An object with `Trade` or `Predictions` is an envelope, not a row, and
/// only those two are searched in it.
fn collect<'a>(value: &'a Value, depth: usize, found: &mut Found<'a>) -> Result<(), PayloadError> {
    if depth > DEEPEST {
        return match value {
            Value::Array(_) | Value::Object(_) => Err(PayloadError::TooDeep),
            _ => Ok(()),
        };
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, depth + 1, found)),
        Value::Object(fields) => {
            let (trade, predictions) = (fields.get("Trade"), fields.get("Predictions"));
            if trade.is_some() || predictions.is_some() {
                let before = found.rows.len();
                trade.map_or(Ok(()), |trade| collect(trade, depth + 1, found))?;
                if let Some(trade) =
                    trade.filter(|_| !found.rows[before..].iter().any(|fields| read_row(fields).is_some()))
                {
                    found.no_trade = Some(format!("Trade: got {}, expected a row", in_a_few_words(trade)));
                }
                predictions.map_or(Ok(()), |predictions| collect(predictions, depth + 1, found))
            } else if ROW_FIELDS.iter().any(|name| fields.contains_key(*name)) {
                if found.rows.len() == MOST_ROWS {
                    return Err(PayloadError::TooManyRows);
                }
                found.rows.push(fields);
                Ok(())
            } else {
                fields.values().try_for_each(|part| collect(part, depth + 1, found))
            }
        }
        _ => Ok(()),
    }
}

/// The body with bare `NaN`, `Infinity` and `-Infinity` turned into `null`: not JSON, but common encoders
/// write them for numbers that are missing, and one of them in a field nobody trades on must not cost the
/// day.
fn without_bare_nan(body: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut clean = Vec::new();
    let (mut copied, mut at, mut in_text) = (0, 0, false);
    while let Some(byte) = body.get(at) {
        match byte {
            b'"' => in_text = !in_text,
            b'\\' if in_text => at += 1,
            _ if !in_text => {
                if let Some(word) = WORDS.iter().find(|word| body[at..].starts_with(word)) {
                    clean.extend_from_slice(&body[copied..at]);
                    clean.extend_from_slice(b"null");
                    copied = at + word.len();
                    at = copied;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    clean.extend_from_slice(&body[copied..]);
    Cow::Owned(clean)
}

/// A value for an error message: its kind, its first keys or its beginning, never more than a line.
fn in_a_few_words(value: &Value) -> String {
    let short = |text: &str| text.chars().take(30).collect::<String>();
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => format!("the truth value {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", short(text)),
        Value::Array(items) if items.is_empty() => "an empty list".into(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) if fields.is_empty() => "an empty object".into(),
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().take(5).map(|name| short(name)).collect();
            format!("an object with {names:?}")
        }
    }
}

#[cfg(test)]
mod tests;
