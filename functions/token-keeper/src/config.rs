//! What the deployment says: which logins there are, and where they are kept.

use gamma_accounts::brokers::LoginNames;
use gamma_accounts::login::TokenUse;
use gamma_accounts::profiles;
use gamma_lambda::environment::bad;
use gamma_lambda::{Environment, Failure};

/// The environment of this function, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `GAMMA_TABLE`: the ledger, for the token locks.
    pub table: String,
    /// Each distinct token document once.
    pub logins: Vec<LoginPlace>,
    /// `GAMMA_TOKENS`.
    pub tokens: TokenUse,
    /// `GAMMA_NOTIFY_TOPIC`: the SNS topic that carries messages to a person.
    pub topic: Option<String>,
    /// `GAMMA_CLOCK_URL`: the virtual clock of a local stack; accepted only where AWS and the brokers are on
    /// loopback too.
    pub clock_url: Option<String>,
}

/// One login and the accounts that trade by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPlace {
    /// Whose login, and where its secrets are kept.
    pub names: LoginNames,
    /// Where its broker is.
    pub url: String,
    /// The accounts.
    pub accounts: Vec<String>,
}

impl LoginPlace {
    /// The login's name in metrics and messages.
    #[must_use]
    pub fn login(&self) -> &'static str {
        self.names.broker.facts().name
    }
}

impl Config {
    /// Reads it. What a variable of a trading function says of its own account (`GAMMA_PROFILE`,
    /// `GAMMA_NAME_…`) is said here with the account's name behind it: `GAMMA_NAME_TOKEN_TT_IRA`.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` names the variable, what came and what was expected; `BadProfile` the
    /// account.
    pub fn from_env(read: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let environment = Environment::new(read);
        let value = |name: &str| environment.value(name);
        let table = environment.needed("GAMMA_TABLE", "the ledger table's name")?;
        let accounts = value("GAMMA_ACCOUNTS").unwrap_or_default();
        let accounts: Vec<&str> =
            accounts.split(',').map(str::trim).filter(|account| !account.is_empty()).collect();
        if accounts.is_empty() {
            return Err(bad("GAMMA_ACCOUNTS", "nothing", "accounts of accounts.toml, such as schwab,tt-ira"));
        }
        let mut logins: Vec<LoginPlace> = Vec::new();
        for account in accounts {
            let place = place(account, &environment)?;
            match logins.iter_mut().find(|known| known.names.token == place.names.token) {
                Some(known) if known.names != place.names => {
                    let token = place.names.token.as_str();
                    return Err(bad(
                        "GAMMA_ACCOUNTS",
                        &format!("{account} with the token of {} ({token})", known.accounts[0]),
                        "one application to a token",
                    ));
                }
                Some(known) => known.accounts.extend(place.accounts),
                None => logins.push(place),
            }
        }
        let in_secrets_manager =
            logins.iter().flat_map(|login| login.names.required()).any(|name| name.is_in_secrets_manager());
        let services = ["SSM", "DYNAMODB", "SECRETS_MANAGER"];
        let services = if in_secrets_manager { &services[..] } else { &services[..2] };
        let addresses = logins.iter().map(|login| login.url.as_str());
        let clock_url = environment.clock_url(
            services.iter().copied(),
            addresses,
            "AWS, the brokers and the clock are all on loopback",
        )?;
        Ok(Self {
            table,
            logins,
            tokens: TokenUse::from_env(value)?,
            topic: value("GAMMA_NOTIFY_TOPIC"),
            clock_url,
        })
    }
}

fn place(
    account: &str,
    environment: &Environment<impl Fn(&str) -> Option<String>>,
) -> Result<LoginPlace, Failure> {
    let suffix = account.to_uppercase().replace('-', "_");
    let of_account = |name: &str| environment.value(&format!("{name}_{suffix}"));
    let profile = of_account("GAMMA_PROFILE").unwrap_or_else(|| account.to_owned());
    let broker = profiles::broker(&profile)?;
    let names = LoginNames::from_env(broker, of_account)?;
    let url = environment.address(broker.facts().address_variable, broker.facts().address)?;
    Ok(LoginPlace { names, url, accounts: vec![account.to_owned()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: [(&str, &str); 6] = [
        ("GAMMA_TABLE", "gamma"),
        ("GAMMA_ACCOUNTS", "schwab, tt-ira,tt-individual"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
        ("GAMMA_SCHWAB_URL", "http://127.0.0.1:5001"),
        ("GAMMA_TASTYTRADE_URL", "http://127.0.0.1:5002"),
        ("GAMMA_CLOCK_URL", "http://127.0.0.1:5003"),
    ];

    fn config(changes: &[(&str, &str)]) -> Result<Config, String> {
        let value = |name: &str| {
            changes.iter().chain(&LOCAL).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_env(value).map_err(|failure| format!("{}: {failure}", failure.error_type))
    }

    fn tokens(changes: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
        config(changes)
            .unwrap()
            .logins
            .into_iter()
            .map(|login| (login.names.token.as_str().to_owned(), login.accounts))
            .collect()
    }

    #[test]
    fn each_distinct_token_document_once() {
        let of = |name: &str, accounts: &[&str]| {
            (name.to_owned(), accounts.iter().map(|account| (*account).to_owned()).collect::<Vec<_>>())
        };
        let (schwab, tastytrade) = ("/gamma/schwab/token_json", "/gamma/tt/token_json");
        assert_eq!(tokens(&[]), [of(schwab, &["schwab"]), of(tastytrade, &["tt-ira", "tt-individual"])]);
        let own = tokens(&[("GAMMA_NAME_TOKEN_TT_IRA", "secretsmanager:ira")]);
        assert_eq!(own[1..], [of("secretsmanager:ira", &["tt-ira"]), of(tastytrade, &["tt-individual"])]);
        let like = tokens(&[("GAMMA_ACCOUNTS", "schwab-ira"), ("GAMMA_PROFILE_SCHWAB_IRA", "schwab")]);
        assert_eq!(like, [of(schwab, &["schwab-ira"])]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (change, words) in [
            (("GAMMA_TABLE", ""), "GAMMA_TABLE: got nothing"),
            (("GAMMA_ACCOUNTS", " , "), "GAMMA_ACCOUNTS: got nothing"),
            (("GAMMA_ACCOUNTS", "nobody"), "BadProfile: accounts.toml [nobody]"),
            (("GAMMA_TOKENS", "lend"), "GAMMA_TOKENS: got lend, expected keep or borrow"),
            (
                ("GAMMA_NAME_CLIENT_SECRET_TT_IRA", "/other"),
                "GAMMA_ACCOUNTS: got tt-individual with the token of tt-ira",
            ),
            (
                ("GAMMA_TASTYTRADE_URL", "http://api.tastyworks.com"),
                "GAMMA_TASTYTRADE_URL: got an address without TLS",
            ),
            (("GAMMA_SCHWAB_URL", ""), "GAMMA_CLOCK_URL"),
            (("AWS_ENDPOINT_URL_SSM", "https://ssm.us-east-1.amazonaws.com"), "GAMMA_CLOCK_URL"),
            (("GAMMA_CLOCK_URL", "http://192.168.0.9:1"), "GAMMA_CLOCK_URL"),
        ] {
            let error = config(&[change]).unwrap_err();
            assert!(error.contains(words), "{change:?}: {error}");
        }
        let real =
            config(&[("GAMMA_CLOCK_URL", ""), ("GAMMA_SCHWAB_URL", ""), ("AWS_ENDPOINT_URL", "")]).unwrap();
        assert_eq!(real.logins[0].url, "https://api.schwabapi.com");
    }
}
