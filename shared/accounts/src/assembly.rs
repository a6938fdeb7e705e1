//! Putting the adapters together for one invocation. Everything is made anew: a frozen Lambda's sockets are dead.

use std::sync::Arc;

use gamma_cloud::{DynamoLedger, LambdaHandoff, SecretName, SecretSet, Secrets, announced, aws};
use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::handoff::{HandedOff, hand_off};
use gamma_execution::ports::{Broker, BrokerError, Clock, Equity, Ledger, RunRecord, Transfers};
use gamma_execution::run::AccountProfile;
use gamma_execution::tokens::TokenKeeper;
use gamma_gammawizard::{GammaWizard, GammaWizardConfig};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::calendar::trade_date;
use gamma_schwab::{Schwab, SchwabConfig};
use gamma_strategy::edge::EdgeSettings;
use gamma_tastytrade::{ClientAuth, QuoteTokens, Tastytrade, TastytradeConfig};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::deployment::{AppNames, Deployment};
use crate::login::{LoginAssembly, stored, unavailable};
use crate::profiles::{self, Account, Overrides};
use gamma_lambda::Failure;
use gamma_lambda::clock::RunClock;

/// Whose option chain is asked for symbols.
const ROOT: &str = "SPXW";

const SIGNAL_ENDPOINT: &str = "rapi/GetUltraPureConstantStable";

/// What can be made before any secret is read.
pub struct Assembly<'a> {
    deployment: &'a Deployment,
    clock: Arc<dyn RunClock>,
    run_id: String,
    quote_tokens: QuoteTokens,
    aws: gamma_cloud::SdkConfig,
}

/// The adapter of the account's broker.
pub enum Connection {
    /// Charles Schwab.
    Schwab(Box<Schwab>),
    /// tastytrade.
    Tastytrade(Arc<Tastytrade>),
}

impl Connection {
    /// As the run knows it.
    #[must_use]
    pub fn port(&self) -> &dyn Broker {
        match self {
            Self::Schwab(broker) => broker.as_ref(),
            Self::Tastytrade(broker) => broker.as_ref(),
        }
    }

    /// What money came and went.
    #[must_use]
    pub fn transfers(&self) -> &dyn Transfers {
        match self {
            Self::Schwab(broker) => broker.as_ref(),
            Self::Tastytrade(broker) => broker.as_ref(),
        }
    }

    /// What the account is worth.
    #[must_use]
    pub fn equity(&self) -> &dyn Equity {
        match self {
            Self::Schwab(broker) => broker.as_ref(),
            Self::Tastytrade(broker) => broker.as_ref(),
        }
    }

    /// Refreshes the token when it is due; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`] when there is no good token.
    pub async fn refresh_if_needed(&self) -> Result<bool, BrokerError> {
        match self {
            Self::Schwab(broker) => broker.refresh_if_needed().await,
            Self::Tastytrade(broker) => broker.refresh_if_needed().await,
        }
    }

    /// Sees to what can be ready before a trade, where there is anything; in words, how that went.
    pub async fn prepare_for_trade(&self, known: &QuoteTokens) -> Option<Result<&'static str, String>> {
        match self {
            Self::Schwab(_) => None,
            Self::Tastytrade(broker) => {
                let ready = broker.ready_quote_token(known).await;
                Some(ready.map(|asked| if asked { "fetched" } else { "at hand" }).map_err(|error| error.to_string()))
            }
        }
    }
}

/// The adapters around one account.
pub struct Connected {
    /// What goes to the broker, and to the feed.
    pub http: HttpClient,
    /// The account's broker.
    pub broker: Connection,
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
    /// `quote_tokens` go from one invocation to the next.
    pub async fn new(deployment: &'a Deployment, clock: Arc<dyn RunClock>, run_id: &str, quote_tokens: QuoteTokens) -> Self {
        Self { deployment, clock, run_id: run_id.to_owned(), quote_tokens, aws: aws::load().await }
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        clock
    }

    /// What goes from one invocation to the next.
    #[must_use]
    pub const fn quote_tokens(&self) -> &QuoteTokens {
        &self.quote_tokens
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

    /// With short timeouts: while orders are out, whoever waits for the ledger is late with a cancel. The run asks again by itself.
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
        let read = Secrets::new(&self.aws, self.clock()).read_all(required, &names.optional(), &[names.closures.as_str()]).await;
        read.map_err(unavailable)
    }

    fn connected(&self, secrets: &SecretSet) -> Result<Connected, Failure> {
        let names = &self.deployment.names;
        let account = self.account(secrets)?;
        let http = HttpClient::new(&HttpConfig::default()).map_err(|error| Failure::new("HttpUnavailable", error))?;
        let stored = stored(secrets, &names.token)?;
        let (table, tokens) = (self.deployment.table(), self.deployment.tokens);
        let login = LoginAssembly { aws: &self.aws, table, clock: self.clock(), run_id: &self.run_id, tokens };
        let tokens = Arc::new(login.keeper(&names.app, &names.token, &stored));
        let broker = self.broker(secrets, &http, (stored.text, &tokens), account.number.clone())?;
        let calendar = announced(secrets, names.closures.as_str());
        let Account { profile, edge, sized_by, .. } = account;
        Ok(Connected { http, broker, ledger: self.ledger(), tokens, profile, edge, sized_by, calendar })
    }

    /// How the account trades, by the file and what overrides it.
    fn account(&self, secrets: &SecretSet) -> Result<Account, Failure> {
        let names = &self.deployment.names;
        let optional = |name: &SecretName| secrets.optional(name.as_str()).map(ExposeSecret::expose_secret);
        let sizing = optional(&names.sizing).map(|text| (names.sizing.as_str(), text));
        let sizing_by_number = match &names.app {
            AppNames::Schwab { .. } => None,
            AppNames::Tastytrade { sizing, .. } => optional(sizing).map(|text| (sizing.as_str(), text)),
        };
        profiles::load(self.deployment.profile(), Overrides { number: optional(&names.account_number), sizing, sizing_by_number })
    }

    fn broker(
        &self,
        secrets: &SecretSet,
        http: &HttpClient,
        (token_text, tokens): (SecretString, &Arc<TokenKeeper>),
        account_number: Option<String>,
    ) -> Result<Connection, Failure> {
        let secret = |name: &SecretName| secrets.get(name.as_str()).cloned().map_err(unavailable);
        let (base_url, clock, renewal) = (self.deployment.broker_url.clone(), self.clock(), tokens.clone());
        match &self.deployment.names.app {
            AppNames::Schwab { key, secret: app_secret } => {
                let config = SchwabConfig { base_url, app_key: secret(key)?, app_secret: secret(app_secret)?, token_text, account_number };
                let broker = Schwab::new(http.clone(), config, clock, renewal).map_err(|error| Failure::new("BadToken", error))?;
                Ok(Connection::Schwab(Box::new(broker)))
            }
            AppNames::Tastytrade { secret: client_secret, id, .. } => {
                let config = TastytradeConfig {
                    base_url,
                    client_id: secrets.optional(id.as_str()).cloned(),
                    client_secret: secret(client_secret)?,
                    client_auth: ClientAuth::Body,
                    token_text,
                    account_number: account_number.unwrap_or_default(),
                    root: ROOT.to_owned(),
                };
                let broker = Tastytrade::new(http.clone(), config, clock, renewal).map_err(|error| Failure::new("BadToken", error))?;
                let broker = Arc::new(broker);
                broker.stream_quotes(&self.quote_tokens);
                Ok(Connection::Tastytrade(broker))
            }
        }
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

    /// Gives what is recorded to those who take it from here. What goes wrong is for the next delivery or sweep.
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
