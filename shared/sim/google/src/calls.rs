//! Which method of the Sheets API a request calls, and what it does.

use axum::http::{Method, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::book::Book;
use super::errors::ApiError;
use super::query::{Mask, Query};
use super::values;
use super::{batch, shown};

/// A method, with the range that stands in the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Get,
    BatchUpdate,
    ValuesGet(String),
    ValuesBatchGet,
    ValuesUpdate(String),
    ValuesAppend(String),
    ValuesClear(String),
    ValuesBatchUpdate,
    ValuesBatchClear,
}

impl Call {
    /// The spreadsheet's id and the method; `None` for what this face does not have.
    pub(super) fn of(method: &Method, path: &str) -> Option<(String, Self)> {
        let parts: Vec<&str> = path.strip_prefix("/v4/spreadsheets/")?.split('/').collect();
        // The verb stands behind a colon; a colon inside a range may stand there plainly too.
        let (id, call) = match (method.as_str(), parts.as_slice()) {
            ("GET", [id]) => (*id, Self::Get),
            ("POST", [id]) => (id.strip_suffix(":batchUpdate")?, Self::BatchUpdate),
            ("GET", [id, "values:batchGet"]) => (*id, Self::ValuesBatchGet),
            ("POST", [id, "values:batchUpdate"]) => (*id, Self::ValuesBatchUpdate),
            ("POST", [id, "values:batchClear"]) => (*id, Self::ValuesBatchClear),
            ("GET", [id, "values", range]) => (*id, Self::ValuesGet(decoded(range)?)),
            ("PUT", [id, "values", range]) => (*id, Self::ValuesUpdate(decoded(range)?)),
            ("POST", [id, "values", range]) => match range.rsplit_once(':')? {
                (range, "append") => (*id, Self::ValuesAppend(decoded(range)?)),
                (range, "clear") => (*id, Self::ValuesClear(decoded(range)?)),
                _ => return None,
            },
            _ => return None,
        };
        let id = decoded(id)?;
        (!id.is_empty()).then_some((id, call))
    }

    /// Whether it changes a spreadsheet.
    pub(super) const fn writes(&self) -> bool {
        !matches!(self, Self::Get | Self::ValuesGet(_) | Self::ValuesBatchGet)
    }

    const fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::Get => &["ranges", "includeGridData", "excludeTablesInBandedRanges"],
            Self::ValuesGet(_) => &["majorDimension", "valueRenderOption", "dateTimeRenderOption"],
            Self::ValuesBatchGet => {
                &["ranges", "majorDimension", "valueRenderOption", "dateTimeRenderOption"]
            }
            Self::ValuesUpdate(_) => &[
                "valueInputOption",
                "includeValuesInResponse",
                "responseValueRenderOption",
                "responseDateTimeRenderOption",
            ],
            Self::ValuesAppend(_) => &[
                "valueInputOption",
                "insertDataOption",
                "includeValuesInResponse",
                "responseValueRenderOption",
                "responseDateTimeRenderOption",
            ],
            Self::ValuesClear(_) | Self::BatchUpdate | Self::ValuesBatchUpdate | Self::ValuesBatchClear => {
                &[]
            }
        }
    }

    /// Does it. A refusal may leave `book` half changed: it is to be thrown away then.
    pub(super) fn run(&self, book: &mut Book, uri: &Uri, body: &[u8]) -> Result<Value, ApiError> {
        let query = &Query::read(uri, self.parameters())?;
        let mask = query.one("fields").map(Mask::read).transpose()?.unwrap_or_default();
        let answer = match self {
            Self::Get => shown::get(book, query),
            Self::BatchUpdate => batch::update(book, &read(body)?),
            Self::ValuesGet(range) => values::get(book, range, query),
            Self::ValuesBatchGet => values::batch_get(book, query),
            Self::ValuesUpdate(range) => values::update(book, range, query, &read(body)?),
            Self::ValuesAppend(range) => values::append(book, range, query, &read(body)?),
            Self::ValuesClear(range) => values::clear(book, range),
            Self::ValuesBatchUpdate => values::batch_update(book, &read(body)?),
            Self::ValuesBatchClear => values::batch_clear(book, &read(body)?),
        }?;
        Ok(mask.cut(answer))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body: Value =
        if body.is_empty() { Ok(Value::Object(Map::new())) } else { serde_json::from_slice(body) }
            .map_err(ApiError::unreadable)?;
    serde_json::from_value(without_nulls(body)).map_err(ApiError::unreadable)
}

/// A field that is null is a field left out; in a list a null has its place.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        value => value,
    }
}

/// One part of a path, its percent signs read. A slash in a title comes as `%2F` and parts nothing.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hex(rest.next()?)? * 16 + hex(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| digit.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_by_their_paths() {
        let of = |method: Method, path: &str| Call::of(&method, path).map(|(_, call)| call);
        for (method, path, call) in [
            (Method::GET, "/v4/spreadsheets/x", Some(Call::Get)),
            (Method::POST, "/v4/spreadsheets/x:batchUpdate", Some(Call::BatchUpdate)),
            (Method::GET, "/v4/spreadsheets/x/values/T%21A1%3AB2", Some(Call::ValuesGet("T!A1:B2".into()))),
            (Method::GET, "/v4/spreadsheets/x/values/T!A1:B2", Some(Call::ValuesGet("T!A1:B2".into()))),
            (
                Method::POST,
                "/v4/spreadsheets/x/values/T!A1:B2:append",
                Some(Call::ValuesAppend("T!A1:B2".into())),
            ),
            (
                Method::POST,
                "/v4/spreadsheets/x/values/'a%2Fb%20%C3%A9':clear",
                Some(Call::ValuesClear("'a/b é'".into())),
            ),
            (Method::POST, "/v4/spreadsheets/x/values:batchClear", Some(Call::ValuesBatchClear)),
            (Method::POST, "/v4/spreadsheets/x/values/A1", None),
            (Method::POST, "/v4/spreadsheets/x", None),
            (Method::GET, "/v4/spreadsheets/", None),
            (Method::GET, "/v4/spreadsheets/x/values/%zz", None),
            (Method::DELETE, "/v4/spreadsheets/x", None),
        ] {
            assert_eq!(of(method, path), call, "{path}");
        }
    }
}
