//! Putting the adapters together for one invocation. Everything is made anew: a frozen Lambda's sockets are dead.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_cloud::{DynamoLedger, Secrets, SecretsError, SsmTokenStore, aws};
use gamma_execution::ports::{Clock, Ledger, RunRecord, StoredToken};
use gamma_execution::run::AccountProfile;
use gamma_execution::tokens::{TokenAge, TokenKeeper};
use gamma_gammawizard::{GammaWizard, GammaWizardConfig};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::calendar::trade_date;
use gamma_schwab::{Schwab, SchwabConfig, TokenSink};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::clock::RunClock;
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::profiles;

const APP_KEY: &str = "/gamma/schwab/app_key";
const APP_SECRET: &str = "/gamma/schwab/app_secret";
const TOKEN: &str = "/gamma/schwab/token_json";
const SIGNAL_EMAIL: &str = "/gamma/shared/gw_email";
const SIGNAL_PASSWORD: &str = "/gamma/shared/gw_password";
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

    fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&self.aws, self.deployment.table(), self.clock())
    }

    /// Reads every secret in one batch and makes the adapters.
    pub(crate) async fn ports(&self) -> Result<Connected, Failure> {
        let unavailable = |error: SecretsError| Failure::new("SecretsUnavailable", error);
        let sizing = format!("/gamma/{}/sizing", self.deployment.account());
        let required = [APP_KEY, APP_SECRET, TOKEN, SIGNAL_EMAIL, SIGNAL_PASSWORD];
        let secrets = Secrets::new(&self.aws).read_with(&required, &[&sizing]).await.map_err(unavailable)?;
        let secret = |name: &str| secrets.get(name).cloned().map_err(unavailable);
        let profile = profiles::load(self.deployment.account(), secrets.optional(&sizing).map(ExposeSecret::expose_secret))?;
        let http = HttpClient::new(&HttpConfig::default()).map_err(|error| Failure::new("HttpUnavailable", error))?;
        let token_text = secret(TOKEN)?;
        let stored = StoredToken { text: token_text.clone(), version: secrets.version(TOKEN).map_err(unavailable)? };
        let tokens = Arc::new(TokenKeeper::new(Arc::new(SsmTokenStore::new(&self.aws)), TOKEN, &stored, token_age));
        let config = SchwabConfig {
            base_url: self.deployment.schwab_url.clone(),
            app_key: secret(APP_KEY)?,
            app_secret: secret(APP_SECRET)?,
            token_text,
            account_number: None,
        };
        let sink = Arc::new(Keep(Arc::clone(&tokens)));
        let broker = Schwab::new(http.clone(), config, self.clock(), sink).map_err(|error| Failure::new("BadToken", error))?;
        let config = GammaWizardConfig {
            base_url: self.deployment.gammawizard_url.clone(),
            endpoint: SIGNAL_ENDPOINT.to_owned(),
            email: secret(SIGNAL_EMAIL)?,
            password: secret(SIGNAL_PASSWORD)?,
            token: None,
        };
        let signal = GammaWizard::new(http.clone(), config, self.clock());
        Ok(Connected { http, broker, signal, ledger: self.ledger(), tokens, profile })
    }

    /// The ledger alone can say how every delivery ended, also one whose set-up failed.
    pub(crate) async fn record(&self, failure: &Failure) {
        let report: Value = json!({ "error_type": failure.error_type, "detail": failure.to_string() });
        let date = trade_date(self.clock.now());
        let (run_id, account) = (self.run_id.clone(), self.deployment.account().to_owned());
        let record = RunRecord { run_id, account, date, outcome: "setup_failed".to_owned(), report };
        if let Err(error) = self.ledger().put_run(&record).await {
            tracing::error!(run_id = %self.run_id, "the run record could not be written: {error}");
        }
    }
}

/// Hands a refreshed token document to its keeper.
struct Keep(Arc<TokenKeeper>);

#[async_trait]
impl TokenSink for Keep {
    async fn rotated(&self, text: SecretString, _created: i64, _expires: i64) {
        self.0.rotated(text).await;
    }
}

/// Login and access-token expiry of a token document, as schwab-py writes it.
fn token_age(text: &str) -> Option<TokenAge> {
    let document: Value = serde_json::from_str(text).ok()?;
    Some(TokenAge { created: document["creation_timestamp"].as_i64()?, expires: document["token"]["expires_at"].as_i64()? })
}
