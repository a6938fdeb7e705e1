//! Items as attributes a person can read, and the one door through which they are read back.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_execution::ports::LedgerError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::Key;

/// One item, attribute by attribute.
pub type Item = HashMap<String, AttributeValue>;

/// An item that does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field}: got {came}, expected {expected}")]
pub(super) struct Malformed {
    item: String,
    field: String,
    came: String,
    expected: &'static str,
}

impl Malformed {
    /// As the failure of `operation`.
    pub(super) fn during(self, operation: &'static str) -> LedgerError {
        LedgerError { operation, reason: self.to_string(), item: self.item, refused: false }
    }
}

pub(super) fn text(value: impl Display) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(super) const fn flag(value: bool) -> AttributeValue {
    AttributeValue::Bool(value)
}

/// A unit variant as the word serde gives it, so that records and reports spell it alike.
pub(super) fn word(value: &impl Serialize) -> AttributeValue {
    // A value that is no single word leaves a text that does not read back: loud at the next load, never a
    // guess.
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => AttributeValue::S(word),
        other => AttributeValue::S(format!("{other:?}")),
    }
}

/// An item of `fields` at `key`.
pub(super) fn item<const N: usize>(key: &Key, fields: [(&str, AttributeValue); N]) -> Item {
    let mut item = key.attributes();
    item.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    item
}

/// Reads an item field by field; each failure names the item, the field, what came and what was expected.
/// Fields that nobody asks for are left alone, so that a note added by a newer version or by hand locks no
/// account.
pub(super) struct Fields<'a> {
    item: &'a Item,
    place: String,
}

impl<'a> Fields<'a> {
    pub(super) fn of(item: &'a Item) -> Self {
        let part = |name| match item.get(name) {
            Some(AttributeValue::S(text)) => text.as_str(),
            _ => "?",
        };
        let place = format!("{}/{}", part("pk"), part("sk"));
        Self { item, place }
    }

    pub(super) fn malformed(&self, field: &str, expected: &'static str) -> Malformed {
        Malformed {
            item: self.place.clone(),
            field: field.to_owned(),
            came: shown(self.item.get(field)),
            expected,
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<&'a str, Malformed> {
        match self.item.get(field) {
            Some(AttributeValue::S(text)) => Ok(text),
            _ => Err(self.malformed(field, "a text")),
        }
    }

    /// A text that may be absent; present, it must be a text.
    pub(super) fn optional<T>(
        &self,
        field: &str,
        read: impl FnOnce(&Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.item.contains_key(field).then(|| read(self)).transpose()
    }

    pub(super) fn parsed<T: FromStr>(&self, field: &str, expected: &'static str) -> Result<T, Malformed> {
        self.text(field)?.parse().map_err(|_| self.malformed(field, expected))
    }

    pub(super) fn word<T: DeserializeOwned>(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<T, Malformed> {
        let word = serde_json::Value::String(self.text(field)?.to_owned());
        serde_json::from_value(word).map_err(|_| self.malformed(field, expected))
    }

    pub(super) fn number<T: FromStr>(&self, field: &str) -> Result<T, Malformed> {
        let expected = "a whole number within range";
        match self.item.get(field) {
            Some(AttributeValue::N(digits)) => digits.parse().map_err(|_| self.malformed(field, expected)),
            _ => Err(self.malformed(field, expected)),
        }
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool, Malformed> {
        match self.item.get(field) {
            Some(AttributeValue::Bool(value)) => Ok(*value),
            _ => Err(self.malformed(field, "true or false")),
        }
    }

    /// A list, each entry read by `read`.
    pub(super) fn list<T>(
        &self,
        field: &str,
        expected: &'static str,
        read: impl Fn(Entry<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let Some(AttributeValue::L(entries)) = self.item.get(field) else {
            return Err(self.malformed(field, expected));
        };
        let entry =
            |(index, value)| Entry { list: self, field: format!("{field}[{index}]"), value, expected };
        entries.iter().enumerate().map(|at| read(entry(at))).collect()
    }

    /// A map from parsed names to whole numbers.
    pub(super) fn counts<K: FromStr + Ord, V: FromStr>(
        &self,
        field: &str,
        expected: &'static str,
    ) -> Result<BTreeMap<K, V>, Malformed> {
        let Some(AttributeValue::M(entries)) = self.item.get(field) else {
            return Err(self.malformed(field, expected));
        };
        let inner = Fields { item: entries, place: format!("{} {field}", self.place) };
        entries
            .keys()
            .map(|name| Ok((name.parse().map_err(|_| inner.malformed(name, expected))?, inner.number(name)?)))
            .collect()
    }

    /// The key the fields spell must be the key the item stands under.
    pub(super) fn stands_at(&self, key: &Key) -> Result<(), Malformed> {
        let own = key.attributes();
        let differs = ["pk", "sk"].into_iter().find(|part| self.item.get(*part) != own.get(*part));
        differs.map_or(Ok(()), |part| Err(self.malformed(part, "the key that the item's own fields spell")))
    }
}

/// One entry of a list.
pub(super) struct Entry<'f, 'a> {
    list: &'f Fields<'a>,
    field: String,
    value: &'a AttributeValue,
    expected: &'static str,
}

impl<'a> Entry<'_, 'a> {
    pub(super) fn text(&self) -> Result<&'a str, Malformed> {
        match self.value {
            AttributeValue::S(text) => Ok(text),
            _ => Err(self.malformed()),
        }
    }

    pub(super) fn fields(&self) -> Result<Fields<'a>, Malformed> {
        match self.value {
            AttributeValue::M(item) => {
                Ok(Fields { item, place: format!("{} {}", self.list.place, self.field) })
            }
            _ => Err(self.malformed()),
        }
    }

    fn malformed(&self) -> Malformed {
        Malformed {
            item: self.list.place.clone(),
            field: self.field.clone(),
            came: shown(Some(self.value)),
            expected: self.expected,
        }
    }
}

fn shown(value: Option<&AttributeValue>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(AttributeValue::S(text)) => format!("{:?}", text.chars().take(60).collect::<String>()),
        Some(AttributeValue::N(digits)) => digits.clone(),
        Some(AttributeValue::Bool(value)) => value.to_string(),
        Some(AttributeValue::L(entries)) => format!("a list of {}", entries.len()),
        Some(AttributeValue::M(_)) => "a map".to_owned(),
        Some(_) => "a value of another type".to_owned(),
    }
}
