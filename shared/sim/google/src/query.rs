//! What a request asks for beside its path, and which fields an answer is cut down to.

use axum::extract::Query as Pairs;
use axum::http::Uri;
use serde_json::{Map, Value};

use super::errors::ApiError;

/// Parameters that every method of Google's takes.
const EVERYWHERE: [&str; 11] = [
    "alt",
    "fields",
    "key",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
    "access_token",
    "oauth_token",
    "callback",
    "$.xgafv",
];

/// The query's pairs in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of `uri`; a name that is neither `known` nor known everywhere is refused, as Google
    /// does.
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Result<Self, ApiError> {
        let Ok(Pairs(pairs)) = Pairs::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(ApiError::unreadable("The query is no form."));
        };
        match pairs
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()) && !EVERYWHERE.contains(&name.as_str()))
        {
            Some((name, _)) => {
                let why = format!(
                    "Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
                );
                Err(ApiError::unreadable(why))
            }
            None => Ok(Self(pairs)),
        }
    }

    /// One value; of a repeated name the last counts.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a repeated name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// A field mask: `sheets.properties`, `sheets(properties(sheetId,title),data/rowData)`, `*`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mask {
    /// Names with what is wanted below them; nothing below means everything.
    fields: Vec<(String, Self)>,
}

impl Mask {
    /// Reads a mask.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let refused = || {
            ApiError::invalid(format!(
                "Request contains an invalid argument: fields {text:?} is no field mask."
            ))
        };
        let (mask, rest) = Self::list(text).ok_or_else(refused)?;
        rest.is_empty().then_some(mask).ok_or_else(refused)
    }

    fn list(mut text: &str) -> Option<(Self, &str)> {
        let mut mask = Self::default();
        loop {
            let rest = mask.add(text)?;
            match rest.strip_prefix(',') {
                Some(more) => text = more,
                None => return Some((mask, rest)),
            }
        }
    }

    /// Adds one path, and gives what follows it.
    fn add<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let end = text
            .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '*' || letter == '_'))
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return None;
        }
        if let Some(inside) = rest.strip_prefix('(') {
            let (below, rest) = Self::list(inside)?;
            self.below(name).fields.extend(below.fields);
            return rest.strip_prefix(')');
        }
        if let Some(further) = rest.strip_prefix(['.', '/']) {
            return self.below(name).add(further);
        }
        self.below(name);
        Some(rest)
    }

    fn below(&mut self, name: &str) -> &mut Self {
        let at = self.fields.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.fields.push((name.to_owned(), Self::default()));
            self.fields.len() - 1
        });
        &mut self.fields[at].1
    }

    /// Whether anything at `path` is wanted.
    pub(super) fn wants(&self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        self.fields.is_empty()
            || self.fields.iter().any(|(name, below)| (name == first || name == "*") && below.wants(rest))
    }

    /// What of `value` the mask lets through.
    pub(super) fn cut(&self, value: Value) -> Value {
        match value {
            _ if self.fields.is_empty() => value,
            Value::Array(items) => items.into_iter().map(|item| self.cut(item)).collect(),
            Value::Object(fields) => {
                let kept = fields.into_iter().filter_map(|(name, value)| {
                    let (_, below) =
                        self.fields.iter().find(|(wanted, _)| *wanted == name || wanted == "*")?;
                    Some((name, below.cut(value)))
                });
                Value::Object(kept.filter(|(_, value)| *value != Value::Object(Map::new())).collect())
            }
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn masks_cut_answers_down() {
        let whole = json!({ "spreadsheetId": "x", "sheets": [{ "properties": { "sheetId": 0, "title": "T" }, "data": [{}] }] });
        for (mask, left) in [
            ("*", whole.clone()),
            ("spreadsheetId", json!({ "spreadsheetId": "x" })),
            ("sheets.properties.title", json!({ "sheets": [{ "properties": { "title": "T" } }] })),
            (
                "sheets(properties(sheetId,title))",
                json!({ "sheets": [{ "properties": { "sheetId": 0, "title": "T" } }] }),
            ),
            (
                "spreadsheetId,sheets/properties/sheetId",
                json!({ "spreadsheetId": "x", "sheets": [{ "properties": { "sheetId": 0 } }] }),
            ),
            ("sheets.nothing", json!({ "sheets": [{}] })),
        ] {
            assert_eq!(Mask::read(mask).unwrap().cut(whole.clone()), left, "{mask}");
        }
        for mask in ["", "a,", "a(b", "a)b", "a..b", "a b"] {
            assert!(Mask::read(mask).is_err(), "{mask}");
        }
        let mask = Mask::read("sheets(properties,data.rowData)").unwrap();
        assert!(
            mask.wants(&["sheets", "data"])
                && !mask.wants(&["properties"])
                && !mask.wants(&["sheets", "merges"])
        );
    }

    #[test]
    fn a_parameter_nobody_knows_is_refused() {
        let read = |text: &str| Query::read(&text.parse().unwrap(), &["ranges"]);
        let query = read("/x?ranges=A1%3AB2&ranges=C1&alt=json").unwrap();
        assert_eq!(
            (query.all("ranges").collect::<Vec<_>>(), query.one("alt")),
            (vec!["A1:B2", "C1"], Some("json"))
        );
        assert!(format!("{:?}", read("/x?range=A1").unwrap_err()).contains("Unknown name"));
    }
}
