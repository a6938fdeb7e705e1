//! The account profiles of `accounts.toml`, and the sizing override kept in SSM.

use std::collections::BTreeMap;
use std::fmt;

use gamma_execution::profile::ExecutionProfile;
use gamma_execution::run::AccountProfile;
use gamma_strategy::constant_stable::{Profile, RawProfile};
use gamma_strategy::edge::EdgeSettings;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::brokers::BrokerKind;
use gamma_lambda::Failure;

/// The file, part of the binary: a deploy is the only way to change it.
const FILE_NAME: &str = "accounts.toml";
const FILE: &str = include_str!("../accounts.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    broker: BrokerKind,
    account_number: Option<String>,
    strategy: RawProfile,
    execution: ExecutionProfile,
    #[serde(default)]
    edge: EdgeSettings,
}

/// How an account trades, and where.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its broker.
    pub broker: BrokerKind,
    /// Its number there, where it is known.
    pub number: Option<String>,
    /// Strategy and execution.
    pub profile: AccountProfile,
    /// How the edge guard tests its returns.
    pub edge: EdgeSettings,
    /// Where its unit dollars come from, and where they were looked for in vain.
    pub sized_by: String,
}

/// What a deployment may set beside the file: texts of secrets, each with the secret's name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides<'a> {
    /// The account's number, instead of the file's.
    pub number: Option<&'a str>,
    /// Its own sizing.
    pub sizing: Option<(&'a str, &'a str)>,
    /// Sizing of several accounts by their numbers.
    pub sizing_by_number: Option<(&'a str, &'a str)>,
}

/// The override: only sizing, never the ladder or the limits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizing {
    unit_dollars: Option<Decimal>,
    most_per_side: Option<u32>,
}

/// One account's entry in an override by number. The label is for whoever reads the document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SizingByNumber {
    #[serde(rename = "label")]
    _label: Option<String>,
    unit_dollars: Decimal,
}

/// The accounts of the file.
#[must_use]
pub fn names() -> Vec<String> {
    tables(FILE).map(|accounts| accounts.into_keys().collect()).unwrap_or_default()
}

/// The broker of a profile.
///
/// # Errors
/// [`Failure`] names the profile.
pub fn broker(profile: &str) -> Result<BrokerKind, Failure> {
    account(FILE, profile).map(|account| account.broker)
}

/// A checked profile, with what overrides it.
///
/// # Errors
/// [`Failure`] names the profile or secret and the field.
pub fn load(profile: &str, overrides: Overrides<'_>) -> Result<Account, Failure> {
    parse(FILE, profile, overrides)
}

/// As [`load`], out of the text of such a file.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &str, profile: &str, overrides: Overrides<'_>) -> Result<Account, Failure> {
    let bad = |words: String| Failure::new("BadProfile", format!("accounts.toml [{profile}]: {words}"));
    let RawAccount { broker, account_number, mut strategy, execution, edge } = account(file, profile)?;
    let number = overrides
        .number
        .map(str::trim)
        .filter(|number| !number.is_empty())
        .map(str::to_owned)
        .or(account_number);
    if broker.facts().number_needed && number.is_none() {
        return Err(bad(format!(
            "account_number: missing, expected the account's number at {}",
            broker.facts().name
        )));
    }
    let mut sized_by = FILE_NAME.to_owned();
    if let Some((name, text)) = overrides.sizing_by_number {
        let all: BTreeMap<String, SizingByNumber> = read(name, text)?;
        match number.as_ref().and_then(|number| all.get(number)) {
            Some(ours) => (strategy.unit_dollars, sized_by) = (ours.unit_dollars, name.to_owned()),
            None => {
                sized_by = format!(
                    "{FILE_NAME}; {name} does not name {}",
                    number.as_deref().unwrap_or("the account")
                )
            }
        }
    }
    if let Some((name, text)) = overrides.sizing {
        let sizing: Sizing = read(name, text)?;
        if let Some(unit_dollars) = sizing.unit_dollars {
            (strategy.unit_dollars, sized_by) = (unit_dollars, name.to_owned());
        }
        strategy.most_per_side = sizing.most_per_side.or(strategy.most_per_side);
    }
    execution.check().map_err(|error| bad(error.to_string()))?;
    edge.check().map_err(|error| bad(error.to_string()))?;
    let strategy = Profile::try_from(strategy).map_err(|error| bad(error.to_string()))?;
    Ok(Account { broker, number, profile: AccountProfile { strategy, execution }, edge, sized_by })
}

/// A secret that holds a JSON object.
fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::new("BadProfile", format!("parameter {name}: {}", short(&error))))
}

fn tables(file: &str) -> Result<BTreeMap<String, toml::Table>, Failure> {
    toml::from_str(file)
        .map_err(|error| Failure::new("BadProfile", format!("accounts.toml: {}", short(&error))))
}

/// The account's table, with what it takes from the one it is like.
fn account(file: &str, profile: &str) -> Result<RawAccount, Failure> {
    let bad = |words: String| Failure::new("BadProfile", format!("accounts.toml [{profile}]: {words}"));
    let mut tables = tables(file)?;
    let mut table =
        tables.remove(profile).ok_or_else(|| bad("missing, expected a table of this name".into()))?;
    if let Some(like) = table.remove("like") {
        let like = like.as_str().unwrap_or_default();
        let other = tables.remove(like).filter(|other| !other.contains_key("like"));
        let other = other.ok_or_else(|| {
            bad(format!("like: got {like:?}, expected another account's table that is like none"))
        })?;
        for part in ["strategy", "execution", "edge"] {
            let Some(toml::Value::Table(theirs)) = other.get(part) else { continue };
            let ours = table.entry(part).or_insert_with(|| toml::Table::new().into());
            let ours = ours.as_table_mut().ok_or_else(|| bad(format!("{part}: got no table")))?;
            for (field, value) in theirs {
                ours.entry(field).or_insert_with(|| value.clone());
            }
        }
    }
    table.try_into().map_err(|error| bad(short(&error)))
}

/// A parser's words, which quote what it stumbled over.
fn short(error: &dyn fmt::Display) -> String {
    error.to_string().chars().take(1000).collect()
}

#[cfg(test)]
mod tests;
