//! The account profiles of `accounts.toml`, and the sizing override kept in SSM.

use std::collections::BTreeMap;
use std::fmt;

use gamma_execution::profile::ExecutionProfile;
use gamma_execution::run::AccountProfile;
use gamma_strategy::constant_stable::{Profile, RawProfile};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::failure::Failure;

/// The file, part of the binary: a deploy is the only way to change it.
const FILE: &str = include_str!("../accounts.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    broker: BrokerKind,
    strategy: RawProfile,
    execution: ExecutionProfile,
}

/// Which broker's adapter an account uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BrokerKind {
    Schwab,
}

/// The override: only sizing, never the ladder or the limits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizing {
    unit_dollars: Option<Decimal>,
    most_per_side: Option<u32>,
}

/// The accounts of the file.
#[must_use]
pub fn names() -> Vec<String> {
    toml::from_str::<BTreeMap<String, toml::Table>>(FILE).map(|accounts| accounts.into_keys().collect()).unwrap_or_default()
}

/// A checked profile, with the account's sizing override (the secret's name, and its text) where there is one.
///
/// # Errors
/// [`Failure`] names the profile or secret and the field.
pub fn load(profile: &str, sizing: Option<(&str, &str)>) -> Result<AccountProfile, Failure> {
    parse(FILE, profile, sizing)
}

/// As [`load`], out of the text of such a file.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &str, profile: &str, sizing: Option<(&str, &str)>) -> Result<AccountProfile, Failure> {
    let bad = |words: String| Failure::new("BadProfile", format!("accounts.toml [{profile}]: {words}"));
    let mut accounts: BTreeMap<String, RawAccount> =
        toml::from_str(file).map_err(|error| Failure::new("BadProfile", format!("accounts.toml: {}", short(&error))))?;
    let raw = accounts.remove(profile).ok_or_else(|| bad("missing, expected a table of this name".into()))?;
    let RawAccount { broker: BrokerKind::Schwab, mut strategy, execution } = raw;
    if let Some((name, text)) = sizing {
        let sizing: Sizing = serde_json::from_str(text).map_err(|error| Failure::new("BadProfile", format!("parameter {name}: {}", short(&error))))?;
        strategy.unit_dollars = sizing.unit_dollars.unwrap_or(strategy.unit_dollars);
        strategy.most_per_side = sizing.most_per_side.or(strategy.most_per_side);
    }
    execution.check().map_err(|error| bad(error.to_string()))?;
    let strategy = Profile::try_from(strategy).map_err(|error| bad(error.to_string()))?;
    Ok(AccountProfile { strategy, execution })
}

/// A parser's words, which quote what it stumbled over.
fn short(error: &dyn fmt::Display) -> String {
    error.to_string().chars().take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_we_ship_is_sound_and_carries_the_reference_values() {
        let profile = load("schwab", None).unwrap();
        let raw = profile.strategy.raw();
        assert_eq!((raw.unit_dollars, raw.multipliers.clone(), raw.most_per_side), (Decimal::from(10_000), vec![2, 3, 5, 8, 10], None));
        assert_eq!(raw.volatility_breaks[0].to_string(), "0.1636779");
        assert_eq!(profile.execution, ExecutionProfile::default(), "the ladder and limits are the reference's");
        assert_eq!(names(), ["schwab"]);
    }

    #[test]
    fn sizing_may_be_overridden_and_nothing_else() {
        const NAME: &str = "/gamma/schwab/sizing";
        let raw = load("schwab", Some((NAME, r#"{"unit_dollars": "7000.5", "most_per_side": 4}"#))).unwrap().strategy.raw().clone();
        assert_eq!((raw.unit_dollars.to_string(), raw.most_per_side), ("7000.5".into(), Some(4)));
        for (sizing, words) in [
            ("", "parameter /gamma/schwab/sizing"),
            ("7000", "parameter /gamma/schwab/sizing"),
            (r#"{"units": 2}"#, "unknown field `units`"),
            (r#"{"unit_dollars": "many"}"#, "parameter /gamma/schwab/sizing"),
            (r#"{"unit_dollars": 0}"#, "profile unit_dollars: got 0, expected dollars above zero"),
            (r#"{"most_per_side": 0}"#, "profile most_per_side: got 0"),
        ] {
            let failure = load("schwab", Some((NAME, sizing))).unwrap_err();
            assert_eq!(failure.error_type, "BadProfile");
            assert!(failure.to_string().contains(words), "{failure}");
        }
    }

    #[test]
    fn a_profile_that_cannot_be_used_names_the_field() {
        for (from, to, words) in [
            ("broker = \"schwab\"", "broker = \"robinhood\"", "robinhood"),
            ("unit_dollars = \"10000\"", "unit_dollars = \"0\"", "profile unit_dollars: got 0"),
            ("multipliers = [2, 3, 5, 8, 10]", "multipliers = [2, 3]", "profile multipliers: got 2 multipliers for 4 breaks"),
            ("poll_seconds = 2", "pol_seconds = 2", "pol_seconds"),
            ("window_opens = \"16:12:55\"", "window_opens = \"4pm\"", "window_opens"),
            ("rung_offsets = [\"0.00\", \"0.05\", \"0.10\"]", "rung_offsets = []", "profile rung_offsets"),
            ("[schwab.strategy]", "[schwab.strategie]", "strategie"),
        ] {
            let file = FILE.replacen(from, to, 1);
            assert_ne!(file, FILE, "{from}");
            let failure = parse(&file, "schwab", None).unwrap_err();
            assert!(failure.to_string().contains(words), "{failure}");
        }
        assert!(parse(FILE, "tt-ira", None).unwrap_err().to_string().contains("[tt-ira]: missing"));
    }
}
