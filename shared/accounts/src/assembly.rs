//! Putting the adapters together for one invocation. Everything is made anew: a frozen Lambda's sockets are
//! dead.

use std::sync::Arc;

use gamma_cloud::{DynamoLedger, LambdaHandoff, SecretName, SecretSet, Secrets, announced, aws};
use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::handoff::{HandedOff, hand_off};
use gamma_execution::ports::{Clock, Ledger, RunRecord, StoredToken};
use gamma_execution::run::AccountProfile;
use gamma_execution::tokens::TokenKeeper;
use gamma_gammawizard::{GammaWizard, GammaWizardConfig};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::calendar::trade_date;
use gamma_strategy::edge::EdgeSettings;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::brokers::{Connection, Kept, LoginParts, LoginSecrets, unavailable};
use crate::deployment::Deployment;
use crate::login::{LoginAssembly, stored};
use crate::profiles::{self, Account, Overrides};
use gamma_lambda::Failure;
use gamma_lambda::clock::RunClock;

const SIGNAL_ENDPOINT: &str = "rapi/GetUltraPureConstantStable";

/// What can be made before any secret is read.
pub struct Assembly<'a> {
    deployment: &'a Deployment,
    clock: Arc<dyn RunClock>,
    run_id: String,
    kept: Kept,
    aws: gamma_cloud::SdkConfig,
}

/// The adapters around one account.
pub struct Connected {
    /// What goes to the broker, and to the feed.
    pub http: HttpClient,
    /// The account's broker.
    pub broker: Arc<dyn Connection>,
    /// The durable record.
    pub ledger: DynamoLedger,
    /// The broker's token document.
    pub tokens: Arc<TokenKeeper>,
    /// How the account trades.
    pub profile: AccountProfile,
    /// How its returns are tested.
    pub edge: EdgeSettings,
    /// Where its unit dollars come from.
    pub sized_by: String,
    /// The sessions, with what was announced after the build.
    pub calendar: AnnouncedCalendar,
}

impl<'a> Assembly<'a> {
    /// `kept` goes from one invocation to the next.
    pub async fn new(deployment: &'a Deployment, clock: Arc<dyn RunClock>, run_id: &str, kept: Kept) -> Self {
        Self { deployment, clock, run_id: run_id.to_owned(), kept, aws: aws::load().await }
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        clock
    }

    /// What goes from one invocation to the next.
    #[must_use]
    pub const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// How AWS is reached.
    #[must_use]
    pub const fn aws(&self) -> &gamma_cloud::SdkConfig {
        &self.aws
    }

    /// This delivery.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// With short timeouts: while orders are out, whoever waits for the ledger is late with a cancel. The run
    /// asks again by itself.
    fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&aws::hurried(&self.aws), self.deployment.table(), self.clock())
    }

    /// Reads every secret of a run at once, and makes the account's adapters and the feed.
    ///
    /// # Errors
    /// [`Failure`] names the secret, parameter or field.
    pub async fn ports(&self) -> Result<(Connected, GammaWizard), Failure> {
        let names = &self.deployment.names;
        let secrets = self.read(&names.required()).await?;
        let connected = self.connected(&secrets)?;
        let secret = |name: &SecretName| secrets.get(name.as_str()).cloned().map_err(unavailable);
        let config = GammaWizardConfig {
            base_url: self.deployment.gammawizard_url.clone(),
            endpoint: SIGNAL_ENDPOINT.to_owned(),
            email: secret(&names.signal_email)?,
            password: secret(&names.signal_password)?,
            token: None,
        };
        let signal = GammaWizard::new(connected.http.clone(), config, self.clock());
        Ok((connected, signal))
    }

    /// Reads what the account needs and nothing of the feed, and makes the account's adapters.
    ///
    /// # Errors
    /// As [`Assembly::ports`].
    pub async fn account_ports(&self) -> Result<Connected, Failure> {
        self.connected(&self.read(&self.deployment.names.of_account()).await?)
    }

    async fn read(&self, required: &[&str]) -> Result<SecretSet, Failure> {
        let names = &self.deployment.names;
        let read = Secrets::new(&self.aws, self.clock())
            .read_all(required, &names.optional(), &[names.closures.as_str()])
            .await;
        read.map_err(unavailable)
    }

    fn connected(&self, secrets: &SecretSet) -> Result<Connected, Failure> {
        let names = &self.deployment.names;
        let account = self.account(secrets)?;
        let http = HttpClient::new(&HttpConfig::default())
            .map_err(|error| Failure::new("HttpUnavailable", error))?;
        let stored = stored(secrets, &names.login.token)?;
        let (table, tokens) = (self.deployment.table(), self.deployment.tokens);
        let login =
            LoginAssembly { aws: &self.aws, table, clock: self.clock(), run_id: &self.run_id, tokens };
        let tokens = Arc::new(login.keeper(&names.login, &stored));
        let broker = self.broker(secrets, &http, (stored, &tokens), account.number.clone())?;
        let calendar = announced(secrets, names.closures.as_str());
        let Account { profile, edge, sized_by, .. } = account;
        Ok(Connected { http, broker, ledger: self.ledger(), tokens, profile, edge, sized_by, calendar })
    }

    /// How the account trades, by the file and what overrides it.
    fn account(&self, secrets: &SecretSet) -> Result<Account, Failure> {
        let names = &self.deployment.names;
        let optional = |name: &SecretName| secrets.optional(name.as_str()).map(ExposeSecret::expose_secret);
        let sizing = optional(&names.sizing).map(|text| (names.sizing.as_str(), text));
        let sizing_by_number =
            names.sizing_by_number().and_then(|name| optional(name).map(|text| (name.as_str(), text)));
        profiles::load(
            self.deployment.profile(),
            Overrides { number: optional(&names.account_number), sizing, sizing_by_number },
        )
    }

    fn broker(
        &self,
        secrets: &SecretSet,
        http: &HttpClient,
        (stored, tokens): (StoredToken, &Arc<TokenKeeper>),
        account_number: Option<String>,
    ) -> Result<Arc<dyn Connection>, Failure> {
        let names = &self.deployment.names.login;
        let parts = LoginParts {
            secrets: LoginSecrets { names, read: secrets },
            base_url: self.deployment.broker_url.clone(),
            http: http.clone(),
            clock: self.clock(),
            token_text: stored.text,
            renewal: tokens.clone(),
        };
        names.broker.setup().connect(parts, account_number, &self.kept)
    }

    /// The ledger alone can say how every delivery ended, also one whose set-up failed.
    pub async fn record(&self, failure: &Failure, task: &str) {
        let now = self.clock.now();
        let report: Value = json!({ "task": task, "error_type": failure.error_type, "detail": failure.to_string(), "ended": now.to_string() });
        let date = trade_date(now);
        let (run_id, account) = (self.run_id.clone(), self.deployment.account().to_owned());
        let record = RunRecord {
            run_id,
            account,
            date,
            outcome: "setup_failed".to_owned(),
            live: self.deployment.live(),
            report,
            hand_off: self.deployment.consumers(),
        };
        if let Err(error) = self.ledger().put_run(&record).await {
            tracing::error!(run_id = %self.run_id, "the run record could not be written: {error}");
        }
    }

    /// Gives what is recorded to those who take it from here. What goes wrong is for the next delivery or
    /// sweep.
    pub async fn hand_off(&self) {
        if self.deployment.functions.is_empty() {
            return;
        }
        let config = aws::hurried(&self.aws);
        let handoff = LambdaHandoff::new(&config, self.deployment.functions.clone());
        let HandedOff { taken, left } = hand_off(&self.ledger(), &handoff, self.deployment.account()).await;
        if !left.is_empty() {
            tracing::error!(run_id = %self.run_id, alarm = true, "not handed off, the next delivery or sweep tries again: {}", left.join("; "));
        }
        tracing::info!(run_id = %self.run_id, taken = taken.join(", "), "handed off");
    }
}
