//! A parameter store with separate reads and writes and no compare-and-set, and the token endpoint whose
//! documents it keeps.

use std::collections::BTreeMap;

use gamma_execution::tokens::TokenAge;
use secrecy::{ExposeSecret, SecretString};

/// What no record and no report may ever show.
pub(crate) const CANARY: &str = "CANARY-that-is-secret";

/// Documents by name, each with every version it ever had, and who obtained what.
#[derive(Debug, Default)]
pub struct Store {
    /// Version 1 first.
    pub documents: BTreeMap<String, Vec<String>>,
    /// How many documents the broker issued.
    issued: i64,
    /// By name: who obtained a document of which age, in order. One whose answer was lost nobody obtained.
    pub obtained: Vec<(String, usize, TokenAge)>,
    /// By name: the writer of each version but the first, and whether he had already given the write up.
    pub writers: BTreeMap<String, Vec<(usize, bool)>>,
}

/// A document of this age, in seconds.
pub(crate) fn document(created: i64, expires: i64) -> String {
    format!(r#"{{"created":{created},"expires":{expires},"access":"{CANARY}"}}"#)
}

/// One that says nothing of its age, as a person stores it who has it from a broker of that kind.
pub(crate) fn undated() -> String {
    format!(r#"{{"undated":true,"access":"{CANARY}"}}"#)
}

/// How old a document is.
pub(crate) fn age(text: &SecretString) -> Option<TokenAge> {
    let value: serde_json::Value = serde_json::from_str(text.expose_secret()).ok()?;
    if value["undated"] == true {
        return Some(TokenAge::UNDATED);
    }
    Some(TokenAge { created: value["created"].as_i64()?, expires: value["expires"].as_i64()? })
}

impl Store {
    /// The newest version and its number.
    #[must_use]
    pub fn newest(&self, name: &str) -> (i64, String) {
        let versions = &self.documents[name];
        (i64::try_from(versions.len()).unwrap_or(i64::MAX), versions.last().cloned().unwrap_or_default())
    }

    /// Writes over whatever stands there; gives the new version.
    pub fn put(&mut self, name: &str, text: &str, run: usize, given_up: bool) -> i64 {
        let versions = self.documents.get_mut(name).expect("a document is there from the beginning");
        versions.push(text.to_owned());
        self.writers.entry(name.to_owned()).or_default().push((run, given_up));
        i64::try_from(versions.len()).unwrap_or(i64::MAX)
    }

    /// The token endpoint: every document is good for longer than the one before. One that was undated is
    /// dated by its first refresh.
    pub fn refresh(&mut self, held: &SecretString, now_seconds: i64) -> String {
        self.issued += 1;
        match age(held) {
            Some(age) if age != TokenAge::UNDATED => document(age.created, now_seconds + 1800 + self.issued),
            _ => document(now_seconds, now_seconds + 900 + self.issued),
        }
    }
}
