//! What the deployment says: the stack by name, its accounts, and where the services are.

use std::collections::BTreeMap;

use gamma_accounts::login::usual_login;
use gamma_lambda::environment::bad;
use gamma_lambda::{Environment, Failure};
use gamma_operator::{Login, Names};

/// The environment of this function, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What the stack's parts are called: `GAMMA_STACK`, `GAMMA_SCHEDULE_PREFIX`, `GAMMA_ACCOUNTS`,
    /// `GAMMA_TABLE`.
    pub names: Names,
    /// The login of each account that accounts.toml knows.
    pub logins: BTreeMap<String, Login>,
    /// `GAMMA_CLOCK_URL`: the virtual clock of a local stack; accepted only where AWS is on loopback too.
    pub clock_url: Option<String>,
}

/// The services that this function calls.
const SERVICES: [&str; 4] = ["SSM", "DYNAMODB", "SCHEDULER", "LAMBDA"];

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` names the variable, what came and what was expected.
    pub fn from_env(read: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let environment = Environment::new(read);
        let needed = |name: &str, expected: &str| environment.needed(name, expected);
        let (stack, schedules) = (
            needed("GAMMA_STACK", "the stack's name")?,
            needed("GAMMA_SCHEDULE_PREFIX", "what the schedules' names begin with")?,
        );
        let listed = needed("GAMMA_ACCOUNTS", "the accounts, separated by commas")?;
        let accounts: Vec<&str> = listed.split(',').map(str::trim).collect();
        // The names that the ledger keeps for itself.
        let is_name = |account: &&str| {
            !account.is_empty()
                && !account.contains('#')
                && !matches!(*account, "all" | "control" | "token" | "warmup")
        };
        if !accounts.iter().all(is_name) {
            return Err(bad(
                "GAMMA_ACCOUNTS",
                &format!("{listed:?}"),
                "names of accounts, separated by commas",
            ));
        }
        let mut names = Names::of_stack(&stack, &schedules, &accounts);
        names.table = needed("GAMMA_TABLE", "the ledger table's name")?;
        let clock_url = environment.clock_url(SERVICES, [], "AWS and the clock are on loopback")?;
        let logins = names
            .accounts()
            .filter_map(|account| Some((account.to_owned(), usual_login(account)?)))
            .collect();
        Ok(Self { names, logins, clock_url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: [(&str, &str); 6] = [
        ("GAMMA_STACK", "gamma-trading"),
        ("GAMMA_SCHEDULE_PREFIX", "gamma-cs"),
        ("GAMMA_ACCOUNTS", "schwab, tt-ira,schwab-ira"),
        ("GAMMA_TABLE", "ledger"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
        ("GAMMA_CLOCK_URL", "http://127.0.0.1:5001"),
    ];

    fn config(changes: &[(&str, &str)]) -> Result<Config, String> {
        let value = |name: &str| {
            changes.iter().chain(&LOCAL).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_env(value).map_err(|failure| failure.to_string())
    }

    #[test]
    fn names_follow_from_the_stack_and_logins_from_the_accounts() {
        let config = config(&[]).unwrap();
        assert_eq!(config.names.table, "ledger");
        assert_eq!(config.names.trade["tt-ira"], "gamma-trading-trade-tt-ira");
        let login =
            |account: &str| config.logins.get(account).map(|login| (login.broker, login.document.as_str()));
        assert_eq!(login("schwab"), Some(("schwab", "/gamma/schwab/token_json")));
        assert_eq!(login("tt-ira"), Some(("tastytrade", "/gamma/tt/token_json")));
        assert_eq!(login("schwab-ira"), None, "status says that it is not known");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for name in ["GAMMA_STACK", "GAMMA_SCHEDULE_PREFIX", "GAMMA_ACCOUNTS", "GAMMA_TABLE"] {
            assert!(config(&[(name, " ")]).unwrap_err().contains(&format!("{name}: got nothing")), "{name}");
        }
        for accounts in ["schwab,,tt-ira", "all", "schwab,token", "a#b"] {
            assert!(
                config(&[("GAMMA_ACCOUNTS", accounts)]).unwrap_err().contains("GAMMA_ACCOUNTS"),
                "{accounts}"
            );
        }
        for change in [
            ("AWS_ENDPOINT_URL_SCHEDULER", "https://scheduler.us-east-1.amazonaws.com"),
            ("GAMMA_CLOCK_URL", "http://192.168.0.9:1"),
        ] {
            assert!(config(&[change]).unwrap_err().contains("GAMMA_CLOCK_URL"), "{change:?}");
        }
        assert_eq!(config(&[("GAMMA_CLOCK_URL", ""), ("AWS_ENDPOINT_URL", "")]).unwrap().clock_url, None);
    }
}
