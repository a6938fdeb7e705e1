//! What the deployment says: which account, which table, live or dry, and where the services are.

use crate::failure::Failure;

/// The environment of this function, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployment {
    account: String,
    table: String,
    live: bool,
    pub(crate) schwab_url: String,
    pub(crate) gammawizard_url: String,
    /// The virtual clock of a local stack; accepted only where every endpoint is loopback.
    pub(crate) clock_url: Option<String>,
}

const SCHWAB: &str = "https://api.schwabapi.com";
const GAMMAWIZARD: &str = "https://gandalf.gammawizard.com";

impl Deployment {
    /// Reads `GAMMA_ACCOUNT`, `GAMMA_TABLE`, `GAMMA_DRY_RUN` and the endpoint overrides of local stacks.
    pub(crate) fn from_env(read: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let bad = |name: &str, got: &str, expected: &str| Failure::new("BadDeployment", format!("environment {name}: got {got}, expected {expected}"));
        let value = |name: &str| read(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let needed = |name: &str, expected: &str| value(name).ok_or_else(|| bad(name, "nothing", expected));
        let account = needed("GAMMA_ACCOUNT", "this function's account, such as schwab")?;
        let table = needed("GAMMA_TABLE", "the ledger table's name")?;
        let live = match needed("GAMMA_DRY_RUN", "true or false")?.as_str() {
            "false" => true,
            "true" => false,
            other => return Err(bad("GAMMA_DRY_RUN", other, "true or false")),
        };
        let schwab_url = value("GAMMA_SCHWAB_URL").unwrap_or_else(|| SCHWAB.to_owned());
        let gammawizard_url = value("GAMMA_GAMMAWIZARD_URL").unwrap_or_else(|| GAMMAWIZARD.to_owned());
        let clock_url = value("GAMMA_CLOCK_URL");
        let aws: Vec<Option<String>> = ["", "_SSM", "_DYNAMODB"].iter().map(|service| value(&format!("AWS_ENDPOINT_URL{service}"))).collect();
        let aws_is_local = match &aws[..] {
            [all, ssm, dynamodb] => [ssm, dynamodb].iter().all(|one| one.as_ref().or(all.as_ref()).is_some_and(|url| is_loopback(url))),
            _ => false,
        };
        let local = aws_is_local && [&schwab_url, &gammawizard_url].into_iter().chain(&clock_url).all(|url| is_loopback(url));
        if clock_url.is_some() && !local {
            return Err(bad("GAMMA_CLOCK_URL", "a virtual clock", "none, unless AWS, Schwab, GammaWizard and the clock are all on loopback"));
        }
        for (name, url) in [("GAMMA_SCHWAB_URL", &schwab_url), ("GAMMA_GAMMAWIZARD_URL", &gammawizard_url)] {
            if !url.starts_with("https://") && !is_loopback(url) {
                return Err(bad(name, "an address without TLS", "https://, or http:// on loopback"));
            }
        }
        Ok(Self { account, table, live, schwab_url, gammawizard_url, clock_url })
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// The deployment's parameter allows live trading.
    pub(crate) const fn live(&self) -> bool {
        self.live
    }
}

/// `http://127.0.0.1:PORT…`, `http://localhost:PORT…` or `http://[::1]:PORT…`: the host must end there.
fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    !authority.contains('@') && matches!(host, "127.0.0.1" | "localhost" | "[::1]")
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
        Deployment::from_env(|name| changes.iter().chain(&base).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
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
    fn incident_a_dry_flag_nobody_read_live_must_be_said() {
        assert!(deployment(&[]).unwrap().live());
        assert!(!deployment(&[("GAMMA_DRY_RUN", "true")]).unwrap().live());
        for value in ["", "no", "TRUE", "0"] {
            assert!(deployment(&[("GAMMA_DRY_RUN", value)]).unwrap_err().to_string().contains("GAMMA_DRY_RUN"), "{value}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_plain_http_is_refused() {
        for name in ["GAMMA_ACCOUNT", "GAMMA_TABLE"] {
            assert!(deployment(&[(name, "")]).unwrap_err().to_string().contains(name));
        }
        let failure = deployment(&[("GAMMA_CLOCK_URL", ""), ("GAMMA_SCHWAB_URL", "http://api.schwabapi.com")]).unwrap_err();
        assert!(failure.to_string().contains("GAMMA_SCHWAB_URL"));
        let real = deployment(&[("GAMMA_CLOCK_URL", ""), ("GAMMA_SCHWAB_URL", ""), ("GAMMA_GAMMAWIZARD_URL", ""), ("AWS_ENDPOINT_URL", "")]).unwrap();
        assert_eq!(real.schwab_url, SCHWAB);
    }
}
