//! What the deployment says: which account, which table, live or dry, and where the services are.

use std::collections::BTreeMap;

use gamma_cloud::SecretName;
use gamma_execution::ports::Consumer;

use crate::brokers::{BrokerKind, LoginNames, Purpose};
use crate::login::TokenUse;
use crate::{names, profiles};
use gamma_lambda::environment::bad;
use gamma_lambda::{Environment, Failure};

/// The environment of this function, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    account: String,
    profile: String,
    table: String,
    live: bool,
    /// The account's broker.
    pub broker_url: String,
    /// The signal feed.
    pub gammawizard_url: String,
    /// Where the secrets are kept.
    pub names: SecretNames,
    /// `GAMMA_TOKENS`: who writes the token document.
    pub tokens: TokenUse,
    /// `GAMMA_SHEETS_LOG_FUNCTION`, `GAMMA_EDGE_GUARD_FUNCTION`: the functions that take recorded runs, where
    /// they are deployed.
    pub functions: BTreeMap<Consumer, String>,
    /// The virtual clock of a local stack; accepted only where every endpoint is loopback.
    pub clock_url: Option<String>,
}

/// Where an account's secrets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretNames {
    /// Those of its login at the broker.
    pub login: LoginNames,
    /// The login of the signal feed.
    pub signal_email: SecretName,
    /// Its password.
    pub signal_password: SecretName,
    /// The sizing override, which may be absent.
    pub sizing: SecretName,
    /// Which of the login's accounts to trade; may be absent where the profile or a login of one account says
    /// it.
    pub account_number: SecretName,
    /// Closures announced after the build, which may be absent.
    pub closures: SecretName,
}

impl SecretNames {
    fn from_env(
        account: &str,
        broker: BrokerKind,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            login: LoginNames::from_env(broker, &value)?,
            signal_email: names::SIGNAL_EMAIL.place(&value)?,
            signal_password: names::SIGNAL_PASSWORD.place(&value)?,
            sizing: names::SIZING.place_of(account, &value)?,
            account_number: names::ACCOUNT_NUMBER.place_of(account, &value)?,
            closures: names::CLOSURES.place(&value)?,
        })
    }

    /// Those without which a run cannot be.
    pub fn required(&self) -> Vec<&str> {
        self.of_account().into_iter().chain(self.of_signal()).collect()
    }

    /// Those without which nobody gets at the account: all that a function needs which trades nothing.
    pub fn of_account(&self) -> Vec<&str> {
        self.login.required().into_iter().map(SecretName::as_str).collect()
    }

    fn of_signal(&self) -> [&str; 2] {
        [self.signal_email.as_str(), self.signal_password.as_str()]
    }

    /// Those that may be absent.
    pub fn optional(&self) -> Vec<&str> {
        let of_login = self.login.optional().into_iter().chain(self.sizing_by_number());
        of_login.chain([&self.sizing, &self.account_number]).map(SecretName::as_str).collect()
    }

    /// The sizing of all accounts of the login, where its broker has one.
    #[must_use]
    pub fn sizing_by_number(&self) -> Option<&SecretName> {
        self.login.of(Purpose::SizingByNumber).next()
    }

    fn any_in_secrets_manager(&self) -> bool {
        let all = self.required().into_iter().chain(self.optional()).chain([self.closures.as_str()]);
        all.filter_map(|name| SecretName::parse(name).ok()).any(|name| name.is_in_secrets_manager())
    }
}

const CONSUMERS: [(Consumer, &str); 2] =
    [(Consumer::SheetsLog, "GAMMA_SHEETS_LOG_FUNCTION"), (Consumer::EdgeGuard, "GAMMA_EDGE_GUARD_FUNCTION")];
const GAMMAWIZARD: &str = "https://gandalf.gammawizard.com";

impl Deployment {
    /// Reads `GAMMA_ACCOUNT`, `GAMMA_PROFILE`, `GAMMA_TABLE`, `GAMMA_DRY_RUN`, the names of secrets and the
    /// endpoint overrides of local stacks.
    pub fn from_env(read: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let environment = Environment::new(read);
        let value = |name: &str| environment.value(name);
        let needed = |name: &str, expected: &str| environment.needed(name, expected);
        let account = needed("GAMMA_ACCOUNT", "this function's account, such as schwab")?;
        let profile = value("GAMMA_PROFILE").unwrap_or_else(|| account.clone());
        let table = needed("GAMMA_TABLE", "the ledger table's name")?;
        let live = match needed("GAMMA_DRY_RUN", "true or false")?.as_str() {
            "false" => true,
            "true" => false,
            other => return Err(bad("GAMMA_DRY_RUN", other, "true or false")),
        };
        let broker = profiles::broker(&profile)?;
        let (names, tokens) = (SecretNames::from_env(&account, broker, value)?, TokenUse::from_env(value)?);
        let function = |(consumer, variable)| Some((consumer, value(variable)?));
        let functions: BTreeMap<Consumer, String> = CONSUMERS.into_iter().filter_map(function).collect();
        let services = ["SSM", "DYNAMODB"]
            .into_iter()
            .chain(names.any_in_secrets_manager().then_some("SECRETS_MANAGER"));
        let services = services.chain((!functions.is_empty()).then_some("LAMBDA"));
        let broker_address = (broker.facts().address_variable, broker.facts().address);
        let gammawizard_address = ("GAMMA_GAMMAWIZARD_URL", GAMMAWIZARD);
        let said = [broker_address, gammawizard_address]
            .map(|(variable, usual)| value(variable).unwrap_or_else(|| usual.to_owned()));
        let clock_url = environment.clock_url(
            services,
            said.iter().map(String::as_str),
            "AWS, the broker, GammaWizard and the clock are all on loopback",
        )?;
        let broker_url = environment.address(broker_address.0, broker_address.1)?;
        let gammawizard_url = environment.address(gammawizard_address.0, gammawizard_address.1)?;
        Ok(Self {
            account,
            profile,
            table,
            live,
            broker_url,
            gammawizard_url,
            names,
            tokens,
            functions,
            clock_url,
        })
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The table of accounts.toml by which this account trades: `GAMMA_PROFILE`, or the one of its own name.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// Who takes recorded runs.
    pub fn consumers(&self) -> Vec<Consumer> {
        self.functions.keys().copied().collect()
    }

    /// The ledger's table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The deployment's parameter allows live trading.
    pub const fn live(&self) -> bool {
        self.live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(changes: &[(&str, &str)]) -> Result<Deployment, Failure> {
        let base = [
            ("GAMMA_ACCOUNT", "schwab"),
            ("GAMMA_TABLE", "gamma"),
            ("GAMMA_DRY_RUN", "false"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
            ("GAMMA_SCHWAB_URL", "http://127.0.0.1:5001"),
            ("GAMMA_GAMMAWIZARD_URL", "http://localhost:5002/"),
            ("GAMMA_CLOCK_URL", "http://[::1]:5003"),
        ];
        Deployment::from_env(|name| {
            changes.iter().chain(&base).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_virtual_clock_only_where_everything_is_loopback() {
        assert!(deployment(&[]).unwrap().clock_url.is_some());
        for change in [
            ("AWS_ENDPOINT_URL", ""),
            ("AWS_ENDPOINT_URL", "https://ssm.us-east-1.amazonaws.com"),
            ("AWS_ENDPOINT_URL_SSM", "http://10.0.0.7:80"),
            ("GAMMA_SCHWAB_URL", ""),
            ("GAMMA_SCHWAB_URL", "http://127.0.0.1.example.com:80"),
            ("GAMMA_SCHWAB_URL", "http://127.0.0.1:80@example.com"),
            ("GAMMA_GAMMAWIZARD_URL", "https://gandalf.gammawizard.com"),
            ("GAMMA_CLOCK_URL", "http://192.168.0.1:1"),
        ] {
            let failure = deployment(&[change]).unwrap_err();
            assert!(failure.to_string().contains("GAMMA_CLOCK_URL"), "{change:?}: {failure}");
        }
    }

    #[test]
    fn a_virtual_clock_with_a_secret_elsewhere_is_refused() {
        let elsewhere =
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://secretsmanager.us-east-1.amazonaws.com");
        assert!(deployment(&[elsewhere]).is_ok(), "nothing is read from there");
        let failure = deployment(&[elsewhere, ("GAMMA_NAME_APP_KEY", "secretsmanager:gamma/schwab#app_key")])
            .unwrap_err();
        assert!(failure.to_string().contains("GAMMA_CLOCK_URL"), "{failure}");
        assert!(deployment(&[("GAMMA_NAME_APP_KEY", "secretsmanager:gamma/schwab#app_key")]).is_ok());
    }

    #[test]
    fn secret_names_may_be_replaced_a_bad_one_names_its_variable() {
        let usual = deployment(&[]).unwrap().names;
        assert_eq!(
            (usual.login.token.as_str(), usual.sizing.as_str()),
            ("/gamma/schwab/token_json", "/gamma/schwab/sizing")
        );
        assert_eq!(usual.account_number.as_str(), "/gamma/schwab/account_number");
        for variable in [
            "APP_KEY",
            "APP_SECRET",
            "TOKEN",
            "SIGNAL_EMAIL",
            "SIGNAL_PASSWORD",
            "SIZING",
            "ACCOUNT_NUMBER",
            "CLOSURES",
        ] {
            let variable = format!("GAMMA_NAME_{variable}");
            let names = deployment(&[(&variable, "secretsmanager:other")]).unwrap().names;
            assert!(names != usual && names.any_in_secrets_manager(), "{variable}");
            let failure = deployment(&[(&variable, "secretsmanager:")]).unwrap_err();
            assert!(
                failure.error_type == "BadDeployment" && failure.to_string().contains(&variable),
                "{failure}"
            );
        }
        let failure = deployment(&[("GAMMA_NAME_TOKEN", "secretsmanager:gamma#token")]).unwrap_err();
        assert!(
            failure.to_string().contains("GAMMA_NAME_TOKEN")
                && failure.to_string().contains("a secret of its own"),
            "{failure}"
        );
    }

    #[test]
    fn a_tastytrade_account_has_its_own_secrets_and_address() {
        let ours = [("GAMMA_ACCOUNT", "tt-ira"), ("GAMMA_TASTYTRADE_URL", "http://127.0.0.1:5004")];
        let deployment = deployment(&ours).unwrap();
        assert_eq!(deployment.broker_url, "http://127.0.0.1:5004");
        assert_eq!(deployment.names.login.token.as_str(), "/gamma/tt/token_json", "both accounts share it");
        assert_eq!(deployment.names.required()[0], "/gamma/tt/client_secret");
        assert_eq!(
            deployment.names.optional(),
            [
                "/gamma/tt/client_id",
                "/gamma/tt/account_sizing",
                "/gamma/tt-ira/sizing",
                "/gamma/tt-ira/account_number"
            ]
        );
        for variable in ["CLIENT_SECRET", "CLIENT_ID", "ACCOUNT_SIZING", "TOKEN"] {
            let variable = format!("GAMMA_NAME_{variable}");
            let failure = self::deployment(&[ours[0], ours[1], (&variable, "secretsmanager:")]).unwrap_err();
            assert!(failure.to_string().contains(&variable), "{failure}");
        }
        let failure = self::deployment(&[ours[0]]).unwrap_err();
        assert!(failure.to_string().contains("GAMMA_CLOCK_URL"), "its broker is not on loopback: {failure}");
        let failure = self::deployment(&[
            ours[0],
            ("GAMMA_TASTYTRADE_URL", "http://api.tastyworks.com"),
            ("GAMMA_CLOCK_URL", ""),
        ])
        .unwrap_err();
        assert!(failure.to_string().contains("GAMMA_TASTYTRADE_URL"), "{failure}");
        let failure = self::deployment(&[("GAMMA_ACCOUNT", "nobody")]).unwrap_err();
        assert_eq!(failure.error_type, "BadProfile");
    }

    #[test]
    fn an_account_trades_by_its_own_profile_unless_another_is_named() {
        assert_eq!(deployment(&[]).unwrap().profile(), "schwab");
        let named = deployment(&[("GAMMA_ACCOUNT", "schwab-ira"), ("GAMMA_PROFILE", "schwab")]).unwrap();
        assert_eq!((named.account(), named.profile()), ("schwab-ira", "schwab"));
        assert_eq!(named.names.sizing.as_str(), "/gamma/schwab-ira/sizing", "its sizing is its own");
    }

    #[test]
    fn incident_a_dry_flag_nobody_read_live_must_be_said() {
        assert!(deployment(&[]).unwrap().live());
        assert!(!deployment(&[("GAMMA_DRY_RUN", "true")]).unwrap().live());
        for value in ["", "no", "TRUE", "0"] {
            assert!(
                deployment(&[("GAMMA_DRY_RUN", value)]).unwrap_err().to_string().contains("GAMMA_DRY_RUN"),
                "{value}"
            );
        }
    }

    #[test]
    fn tokens_are_kept_unless_the_deployment_borrows_them() {
        assert_eq!(deployment(&[]).unwrap().tokens, TokenUse::Keep);
        assert_eq!(deployment(&[("GAMMA_TOKENS", "keep")]).unwrap().tokens, TokenUse::Keep);
        assert_eq!(deployment(&[("GAMMA_TOKENS", "borrow")]).unwrap().tokens, TokenUse::Borrow);
        for value in ["Borrow", "false", "no"] {
            let failure = deployment(&[("GAMMA_TOKENS", value)]).unwrap_err();
            assert!(
                failure.error_type == "BadDeployment" && failure.to_string().contains("GAMMA_TOKENS: got "),
                "{value}: {failure}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named_and_plain_http_is_refused() {
        for name in ["GAMMA_ACCOUNT", "GAMMA_TABLE"] {
            assert!(deployment(&[(name, "")]).unwrap_err().to_string().contains(name));
        }
        let failure =
            deployment(&[("GAMMA_CLOCK_URL", ""), ("GAMMA_SCHWAB_URL", "http://api.schwabapi.com")])
                .unwrap_err();
        assert!(failure.to_string().contains("GAMMA_SCHWAB_URL"));
        let real = deployment(&[
            ("GAMMA_CLOCK_URL", ""),
            ("GAMMA_SCHWAB_URL", ""),
            ("GAMMA_GAMMAWIZARD_URL", ""),
            ("AWS_ENDPOINT_URL", ""),
        ])
        .unwrap();
        assert_eq!(real.broker_url, BrokerKind::Schwab.facts().address);
    }
}
