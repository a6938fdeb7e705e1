//! Reading JSON by key, with errors that name the field, what came and what was expected.

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use gamma_execution::ports::BrokerFault;
use gamma_market::Price;
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

/// Decimals end at 8e28, and arithmetic beyond that panics. No amount or count of an account comes near this,
/// so that sums of products of what was read stay inside.
const LARGEST: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

/// The same for a price, which is multiplied by contracts.
pub const LARGEST_PRICE: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// The most characters kept of a text that only people read.
pub const LONGEST_WORDS: usize = 500;

/// A field that does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: got {got}, expected {expected}")]
pub struct FieldError {
    field: String,
    got: String,
    expected: &'static str,
}

impl FieldError {
    /// `field` held `got`, when anything; of a long value the beginning is shown.
    pub fn new(field: impl Into<String>, got: Option<&Value>, expected: &'static str) -> Self {
        let got = got.map_or("nothing".to_owned(), |value| value.to_string().chars().take(60).collect());
        Self { field: field.into(), got, expected }
    }
}

impl From<FieldError> for BrokerFault {
    fn from(error: FieldError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A JSON object and the path that leads to it. A key that is null reads as absent.
pub struct Object<'a> {
    path: Rc<Path>,
    map: &'a Map<String, Value>,
}

/// How an object was reached. Written out only in errors: in a list of many rows far down, the paths would be
/// larger than the answer.
enum Path {
    Start(String),
    Field(Rc<Self>, &'static str),
    Row(Rc<Self>, &'static str, usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(name) => f.write_str(name),
            Self::Field(above, key) => write!(f, "{above}.{key}"),
            Self::Row(above, key, at) => write!(f, "{above}.{key}[{at}]"),
        }
    }
}

impl<'a> Object<'a> {
    /// `value` as an object; `path` is what errors call it.
    ///
    /// # Errors
    /// When it is no object.
    pub fn of(value: &'a Value, path: impl Into<String>) -> Result<Self, FieldError> {
        Self::at(value, Path::Start(path.into()))
    }

    fn at(value: &'a Value, path: Path) -> Result<Self, FieldError> {
        match value.as_object() {
            Some(map) => Ok(Self { path: Rc::new(path), map }),
            None => Err(FieldError::new(path.to_string(), Some(value), "an object")),
        }
    }

    /// The value of `key`, when it is there and not null.
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// An error about `key`, with what it holds.
    pub fn bad(&self, key: &str, expected: &'static str) -> FieldError {
        FieldError::new(format!("{}.{key}", self.path), self.value(key), expected)
    }

    /// The object under `key`.
    ///
    /// # Errors
    /// When something else is there.
    pub fn object(&self, key: &'static str) -> Result<Option<Self>, FieldError> {
        self.value(key).map(|value| Self::at(value, Path::Field(Rc::clone(&self.path), key))).transpose()
    }

    /// The objects of a list; an absent key is an empty list, as brokers leave empty lists out.
    pub fn objects(&self, key: &'static str) -> Result<Vec<Self>, FieldError> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let rows = value.as_array().ok_or_else(|| self.bad(key, "a list"))?;
        rows.iter()
            .enumerate()
            .map(|(at, row)| Self::at(row, Path::Row(Rc::clone(&self.path), key, at)))
            .collect()
    }

    /// The text under `key`.
    ///
    /// # Errors
    /// When something else is there.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, FieldError> {
        self.value(key).map(|value| value.as_str().ok_or_else(|| self.bad(key, "text"))).transpose()
    }

    /// The text that must stand under `key`.
    ///
    /// # Errors
    /// When it does not.
    pub fn required_text(&self, key: &str) -> Result<&'a str, FieldError> {
        self.text(key)?.ok_or_else(|| self.bad(key, "text"))
    }

    /// A text of the broker's that is kept, cut where it would fill an item of the ledger.
    pub fn words(&self, key: &str) -> Result<Option<String>, FieldError> {
        Ok(self.text(key)?.map(|text| text.chars().take(LONGEST_WORDS).collect()))
    }

    /// A number of anything, never a float of ours, and not beyond 1e15.
    pub fn decimal(&self, key: &str) -> Result<Option<Decimal>, FieldError> {
        self.value(key)
            .map(|value| decimal(value).ok_or_else(|| self.bad(key, "a number up to 1e15")))
            .transpose()
    }

    /// A price in points, not beyond [`LARGEST_PRICE`].
    pub fn price(&self, key: &str) -> Result<Option<Price>, FieldError> {
        self.value(key)
            .map(|value| price(value).ok_or_else(|| self.bad(key, "a price in points up to 1e9")))
            .transpose()
    }

    /// A count. Brokers write counts as floats too, `2.0`; a fraction is an error.
    pub fn count(&self, key: &str) -> Result<Option<u32>, FieldError> {
        let expected = "a whole number of 0 or more";
        let Some(number) = self.decimal(key)? else { return Ok(None) };
        let count = number.is_integer().then(|| number.to_u32()).flatten();
        count.map(Some).ok_or_else(|| self.bad(key, expected))
    }

    /// An id written as a number or as text, digits only, not longer than an id can be.
    pub fn id(&self, key: &str) -> Result<Option<String>, FieldError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        id(value).map(Some).ok_or_else(|| self.bad(key, "an id of up to 40 digits"))
    }

    /// A time such as `2026-08-20T18:30:05+0000`; `Z`, a colon in the offset and milliseconds are read too.
    pub fn time(&self, key: &str) -> Result<Option<Timestamp>, FieldError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        time(text).map(Some).ok_or_else(|| self.bad(key, "a time such as 2026-08-20T18:30:05+0000"))
    }
}

/// An id, where the value is one: see [`Object::id`].
pub fn id(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    is_id(&text).then_some(text)
}

/// Whether a text can be an id of the broker's: it becomes part of a path, and of the ledger.
pub fn is_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A price, where the value is one: see [`Object::price`].
pub fn price(value: &Value) -> Option<Price> {
    exact(value).filter(|points| points.abs() <= LARGEST_PRICE).map(Price::new)
}

/// A number, where the value is one: see [`Object::decimal`].
pub fn decimal(value: &Value) -> Option<Decimal> {
    exact(value).filter(|number| number.abs() <= LARGEST)
}

/// A JSON number, or a number in text.
pub fn exact(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => parse_decimal(&number.to_string()),
        Value::String(text) => parse_decimal(text.trim()),
        _ => None,
    }
}

fn parse_decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

fn time(text: &str) -> Option<Timestamp> {
    // Only the offset's last two digits can follow `+hh` or `-hh` directly; the colon makes it the form RFC
    // 3339 knows.
    let colon_at = text.len().checked_sub(2)?;
    let offset = text.get(colon_at.checked_sub(3)?..)?;
    let compact = offset.starts_with(['+', '-']) && offset[1..].bytes().all(|byte| byte.is_ascii_digit());
    if compact {
        format!("{}:{}", &text[..colon_at], &text[colon_at..]).parse().ok()
    } else {
        text.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn times_in_every_form_seen() {
        for (text, utc) in [
            ("2026-08-20T18:30:05+0000", "2026-08-20T18:30:05Z"),
            ("2026-08-20T18:30:05Z", "2026-08-20T18:30:05Z"),
            ("2026-08-20T18:30:05.123Z", "2026-08-20T18:30:05.123Z"),
            ("2026-08-20T18:30:05.123+0000", "2026-08-20T18:30:05.123Z"),
            ("2026-08-20T14:30:05-0400", "2026-08-20T18:30:05Z"),
            ("2026-08-20T14:30:05-04:00", "2026-08-20T18:30:05Z"),
        ] {
            assert_eq!(time(text).map(|at| at.to_string()), Some(utc.to_owned()), "{text}");
        }
        for text in ["", "0", "+0000", "yesterday", "2026-08-20", "2026-08-20T18:30:05"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_counts_must_be_whole() {
        let value = json!({"a": 4.1, "b": 2, "c": "2.95", "d": 2.0, "e": 1.5, "f": -1.0, "g": "NaN", "h": 1e300, "i": null, "j": 1e-7});
        let object = Object::of(&value, "row").unwrap();
        for (key, text) in [("a", "4.1"), ("b", "2"), ("c", "2.95"), ("j", "0.0000001")] {
            assert_eq!(object.decimal(key).unwrap().unwrap().to_string(), text);
        }
        assert_eq!((object.count("d").unwrap(), object.count("i").unwrap()), (Some(2), None));
        for (key, shown) in [
            ("e", "row.e: got 1.5"),
            ("f", "row.f: got -1.0"),
            ("g", "row.g: got \"NaN\""),
            ("h", "row.h: got 1e"),
        ] {
            let error = object.count(key).unwrap_err().to_string();
            assert!(error.starts_with(shown) && error.contains("expected"), "{error}");
        }
    }

    #[test]
    fn what_no_account_can_hold_does_not_read() {
        let value = json!({"most": 1e15, "more": 1_000_000_000_000_001_u64, "less": -1.1e15, "dear": "1000000000", "dearer": "1000000000.01", "id": "1".repeat(40), "ids": "1".repeat(41),
            "page": "é".repeat(900)});
        let object = Object::of(&value, "row").unwrap();
        assert_eq!(object.decimal("most").unwrap(), Some(LARGEST));
        assert_eq!(object.price("dear").unwrap(), Some(Price::new(LARGEST_PRICE)));
        assert_eq!(object.id("id").unwrap().unwrap().len(), 40);
        assert_eq!(object.words("page").unwrap().unwrap().chars().count(), LONGEST_WORDS);
        for (error, shown) in [
            (
                object.decimal("more").unwrap_err(),
                "row.more: got 1000000000000001, expected a number up to 1e15",
            ),
            (object.decimal("less").unwrap_err(), "row.less: got -1100000000000000.0, expected a number"),
            (
                object.price("dearer").unwrap_err(),
                "row.dearer: got \"1000000000.01\", expected a price in points up to 1e9",
            ),
            (object.id("ids").unwrap_err(), "row.ids: got \"111"),
        ] {
            assert!(error.to_string().starts_with(shown), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_the_time_reader(text in "\\PC{0,40}|[0-9T:+.Zé-]{0,30}") {
            let _ = time(&text);
        }
    }
}
