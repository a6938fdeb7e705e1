//! Putting the adapters together for one invocation. Everything is made anew: a frozen Lambda's sockets are dead.

use std::sync::Arc;

use gamma_cloud::{DynamoLedger, DynamoTokenLock, SecretName, Secrets, SecretsError, aws, token_store};
use gamma_execution::ports::{Clock, Ledger, RunRecord, StoredToken};
use gamma_execution::run::AccountProfile;
use gamma_execution::tokens::{TokenIdentity, TokenKeeper, TokenPorts};
use gamma_gammawizard::{GammaWizard, GammaWizardConfig};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::calendar::trade_date;
use gamma_schwab::{Schwab, SchwabConfig, token_age};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::clock::RunClock;
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::profiles;

const SIGNAL_ENDPOINT: &str = "rapi/GetUltraPureConstantStable";

/// What can be made before any secret is read.
pub(crate) struct Assembly<'a> {
    deployment: &'a Deployment,
    clock: Arc<dyn RunClock>,
    run_id: String,
    aws: gamma_cloud::SdkConfig,
}

/// The adapters of one run.
pub(crate) struct Connected {
    pub(crate) http: HttpClient,
    pub(crate) broker: Schwab,
    pub(crate) signal: GammaWizard,
    pub(crate) ledger: DynamoLedger,
    pub(crate) tokens: Arc<TokenKeeper>,
    pub(crate) profile: AccountProfile,
}

impl<'a> Assembly<'a> {
    pub(crate) async fn new(deployment: &'a Deployment, clock: Arc<dyn RunClock>, run_id: &str) -> Self {
        Self { deployment, clock, run_id: run_id.to_owned(), aws: aws::load().await }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        clock
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// With short timeouts: while orders are out, whoever waits for the ledger is late with a cancel. The run asks again by itself.
    fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&aws::hurried(&self.aws), self.deployment.table(), self.clock())
    }

    /// Reads every secret at once and makes the adapters.
    pub(crate) async fn ports(&self) -> Result<Connected, Failure> {
        let unavailable = |error: SecretsError| Failure::new("SecretsUnavailable", error);
        let names = &self.deployment.names;
        let required = [&names.app_key, &names.app_secret, &names.token, &names.signal_email, &names.signal_password].map(SecretName::as_str);
        let optional = [names.sizing.as_str(), names.account_number.as_str()];
        let secrets = Secrets::new(&self.aws, self.clock()).read_with(&required, &optional).await.map_err(unavailable)?;
        let secret = |name: &SecretName| secrets.get(name.as_str()).cloned().map_err(unavailable);
        let optional = |name: &SecretName| secrets.optional(name.as_str()).map(ExposeSecret::expose_secret);
        let sizing = optional(&names.sizing).map(|text| (names.sizing.as_str(), text));
        let profile = profiles::load(self.deployment.profile(), sizing)?;
        let http = HttpClient::new(&HttpConfig::default()).map_err(|error| Failure::new("HttpUnavailable", error))?;
        let stored = StoredToken { text: secret(&names.token)?, version: secrets.version(names.token.as_str()).map_err(unavailable)? };
        let tokens = Arc::new(self.keeper(&stored));
        let config = SchwabConfig {
            base_url: self.deployment.schwab_url.clone(),
            app_key: secret(&names.app_key)?,
            app_secret: secret(&names.app_secret)?,
            token_text: stored.text,
            account_number: optional(&names.account_number).map(|number| number.trim().to_owned()),
        };
        let broker = Schwab::new(http.clone(), config, self.clock(), tokens.clone()).map_err(|error| Failure::new("BadToken", error))?;
        let config = GammaWizardConfig {
            base_url: self.deployment.gammawizard_url.clone(),
            endpoint: SIGNAL_ENDPOINT.to_owned(),
            email: secret(&names.signal_email)?,
            password: secret(&names.signal_password)?,
            token: None,
        };
        let signal = GammaWizard::new(http.clone(), config, self.clock());
        Ok(Connected { http, broker, signal, ledger: self.ledger(), tokens, profile })
    }

    /// Lock and store are hurried: trading does not wait for them.
    fn keeper(&self, stored: &StoredToken) -> TokenKeeper {
        let aws = aws::hurried(&self.aws);
        let name = &self.deployment.names.token;
        let lock = Arc::new(DynamoTokenLock::new(&aws, self.deployment.table(), self.clock()));
        let ports = TokenPorts { store: token_store(&aws, name), lock, clock: self.clock() };
        TokenKeeper::new(ports, TokenIdentity { name: name.as_str(), run_id: &self.run_id, read_age: token_age }, stored)
    }

    /// The ledger alone can say how every delivery ended, also one whose set-up failed.
    pub(crate) async fn record(&self, failure: &Failure) {
        let report: Value = json!({ "error_type": failure.error_type, "detail": failure.to_string() });
        let date = trade_date(self.clock.now());
        let (run_id, account) = (self.run_id.clone(), self.deployment.account().to_owned());
        let record = RunRecord { run_id, account, date, outcome: "setup_failed".to_owned(), live: self.deployment.live(), report };
        if let Err(error) = self.ledger().put_run(&record).await {
            tracing::error!(run_id = %self.run_id, "the run record could not be written: {error}");
        }
    }
}
