use gamma_accounts::names;
use gamma_cloud::SecretName;
use gamma_lambda::{Environment, Failure};
use gamma_sheets::SheetsConfig;

/// The environment of a function after a trade, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostTradeConfig {
    /// `GAMMA_TABLE`: the ledger.
    pub table: String,
    /// `GAMMA_SPREADSHEET`: the spreadsheet's id; without one nothing is written to Google.
    pub spreadsheet: Option<String>,
    /// Where the service account's key is kept.
    pub google_account: SecretName,
    /// `GAMMA_GOOGLE_URL`: where a local stack serves the Sheets API.
    pub google_url: String,
    /// `GAMMA_NOTIFY_TOPIC`: the SNS topic that carries messages to a person.
    pub topic: Option<String>,
    /// `GAMMA_CLOCK_URL`: the virtual clock of a local stack; accepted only where AWS and Google are on
    /// loopback too.
    pub clock_url: Option<String>,
}

impl PostTradeConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` names the variable, what came and what was expected.
    pub fn from_env(read: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let environment = Environment::new(read);
        let value = |name: &str| environment.value(name);
        let table = environment.needed("GAMMA_TABLE", "the ledger table's name")?;
        let google_account = names::GOOGLE_ACCOUNT.place(value)?;
        let google_url = environment.address("GAMMA_GOOGLE_URL", SheetsConfig::GOOGLE)?;
        let clock_url = environment.clock_url(
            ["SSM", "DYNAMODB"],
            [google_url.as_str()],
            "AWS, Google and the clock are all on loopback",
        )?;
        Ok(Self {
            table,
            spreadsheet: value("GAMMA_SPREADSHEET"),
            google_account,
            google_url,
            topic: value("GAMMA_NOTIFY_TOPIC"),
            clock_url,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: [(&str, &str); 4] = [
        ("GAMMA_TABLE", "gamma"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
        ("GAMMA_GOOGLE_URL", "http://127.0.0.1:5001"),
        ("GAMMA_CLOCK_URL", "http://127.0.0.1:5002"),
    ];

    fn config(changes: &[(&str, &str)]) -> Result<PostTradeConfig, String> {
        let value = |name: &str| {
            changes.iter().chain(&LOCAL).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        PostTradeConfig::from_env(value).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_virtual_clock_requires_loopback_and_google_requires_tls() {
        assert_eq!(config(&[]).unwrap().spreadsheet, None);
        for (change, words) in [
            (("GAMMA_TABLE", " "), "GAMMA_TABLE: got nothing"),
            (("GAMMA_GOOGLE_URL", "http://sheets.example"), "GAMMA_GOOGLE_URL: got an address without TLS"),
            (("GAMMA_GOOGLE_URL", "https://sheets.googleapis.com"), "GAMMA_CLOCK_URL"),
            (("AWS_ENDPOINT_URL_SSM", "https://ssm.us-east-1.amazonaws.com"), "GAMMA_CLOCK_URL"),
            (("GAMMA_CLOCK_URL", "http://192.168.0.9:1"), "GAMMA_CLOCK_URL"),
        ] {
            let error = config(&[change]).unwrap_err();
            assert!(error.contains(words), "{change:?}: {error}");
        }
        let real =
            config(&[("GAMMA_CLOCK_URL", ""), ("GAMMA_GOOGLE_URL", ""), ("AWS_ENDPOINT_URL", "")]).unwrap();
        assert_eq!(
            (real.google_url.as_str(), real.google_account.as_str()),
            ("https://sheets.googleapis.com", "/gamma/shared/google_sa_json")
        );
    }
}
