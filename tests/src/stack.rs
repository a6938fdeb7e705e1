//! The accounts' whole world on this machine: one at Schwab, and two at tastytrade that share a login.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gamma_cloud::{
    DynamoLedger, DynamoTokenLock, OperatorControls, SdkConfig, SecretName, SecretTokenStore, SsmTokenStore,
    aws, create_table,
};
use gamma_execution::ports::{
    Archive, Arming, Clock, Decision, Ledger, LoadedDay, PutOutcome, RunRecord, TokenLock, TokenStore,
    TokenVersion,
};
use gamma_operator::{LocalStack, Names};
use gamma_simulator::aws::{AwsCall, AwsCalls};
use gamma_simulator::exchange::Book;
use gamma_simulator::faults::FaultPlan;
use gamma_simulator::host::{FunctionConfig, Host, HostConfig, InvokeKind, InvokeResult};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use gamma_simulator::time::{Alarm, VirtualClock};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

mod answer;
mod config;
mod setting;

use crate::audit::{After, violations};
use crate::control;
use crate::moto::Moto;
use crate::post_trade;
use crate::token_keeper;
pub use answer::Answer;
pub use config::StackConfig;
use setting::{aws_calls, environment, of_account, simulator_config, tastytrade_document};
pub(crate) use setting::{function_binary, key_of, token_document};

/// Secrets of the made-up accounts. Tests grep every log for them.
pub const CANARIES: [(&str, &str); 9] = [
    ("app key", "canary-app-key"),
    ("app secret", "canary-app-secret"),
    ("refresh token", "canary-refresh-token@"),
    ("access token", "I0.canary-access-token@"),
    ("feed email", "canary@example.test"),
    ("feed password", "canary-feed-password"),
    ("tastytrade client secret", "canary-client-secret"),
    ("tastytrade refresh token", "canary-tastytrade-refresh-token"),
    ("tastytrade access token", "canary-tastytrade-access-token"),
];

/// An account of the stack, and the function that trades it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trader {
    /// Its name in events, profiles and the ledger.
    pub account: &'static str,
    /// Its number at the broker.
    pub number: &'static str,
    /// Its function's name.
    pub function: &'static str,
}

/// The Schwab account, which the stack's plain methods are about.
pub const SCHWAB: Trader = Trader { account: "schwab", number: "12345678", function: "trade" };
/// The first of the two tastytrade accounts.
pub const TT_IRA: Trader = Trader { account: "tt-ira", number: "5WT20360", function: "trade-tt-ira" };
/// The second.
pub const TT_INDIVIDUAL: Trader =
    Trader { account: "tt-individual", number: "5WT09219", function: "trade-tt-individual" };
/// All of them.
pub const TRADERS: [Trader; 3] = [SCHWAB, TT_IRA, TT_INDIVIDUAL];

/// The demo's day.
const DAY: Date = date(2025, 9, 3);
const STRATEGY: &str = "constant_stable";
/// The parameter of the broker's token document.
pub const TOKEN: &str = "/gamma/schwab/token_json";
/// The parameter of the one that both tastytrade accounts share.
pub const TASTYTRADE_TOKEN: &str = "/gamma/tt/token_json";

/// The running stack. Everything it started ends when it is dropped.
pub struct Stack {
    /// The simulated world.
    pub simulator: Simulator,
    /// The Lambda host.
    pub host: Host,
    aws: SdkConfig,
    aws_calls: AwsCalls,
    table: String,
    environment: BTreeMap<String, String>,
    http: reqwest::Client,
}

static STACKS: AtomicU64 = AtomicU64::new(1);

/// What the stack gives: the error is for people.
pub type Fallible<T> = Result<T, Box<dyn Error>>;

impl Stack {
    /// Starts faces and host, puts the proxy between the function and `moto`, and seeds parameters, table and
    /// armed record.
    ///
    /// # Errors
    /// When a part cannot be started or seeded; the text says which.
    pub async fn start(moto: &Moto, config: &StackConfig) -> Fallible<Self> {
        let aws_calls = aws_calls()?;
        let simulator = Simulator::start(SimulatorConfig {
            aws: Some(moto.address()),
            aws_calls: aws_calls.clone(),
            ..simulator_config(config)?
        })
        .await?;
        let aws = aws::load_for(&moto.url()).await;
        // Several stacks may share one moto, one after the other: each has a table of its own.
        let own_table = || format!("gamma-{}-{}", std::process::id(), STACKS.fetch_add(1, Ordering::Relaxed));
        let table = config.names.as_ref().map_or_else(own_table, |names| names.table.clone());
        let mut environment = environment(&simulator, &table, config.live)?;
        environment.extend(config.environment.clone());
        let binary = function_binary()?;
        let function = |trader: Trader| FunctionConfig {
            environment: of_account(&environment, trader)
                .into_iter()
                .chain(post_trade::consumers(config, trader))
                .collect(),
            timeout: Duration::from_secs(240),
            memory_mb: 256,
            max_retries: config.retries,
            on_failure: config.on_failure.clone(),
            ..FunctionConfig::new(config.trade_function(trader), binary.clone())
        };
        let mut functions: Vec<FunctionConfig> = TRADERS.map(function).into();
        if config.post_trade {
            functions.extend(post_trade::functions(config, &simulator, &binary, |trader| {
                of_account(&environment, trader)
            }));
        }
        if config.control {
            functions.extend(control::functions(config, &binary, &environment, |trader| {
                of_account(&environment, trader)
            }));
        }
        functions.extend(config.token_keeper.then(|| token_keeper::function(config, &binary, &environment)));
        let host = Host::start(HostConfig {
            functions,
            clock: simulator.clock().clone(),
            connections: simulator.connections().clone(),
        })
        .await?;
        host.note_calls(&aws_calls);
        host.send_failures_to(moto.address());
        let stack =
            Self { simulator, host, aws, aws_calls, table, environment, http: reqwest::Client::new() };
        stack.seed(config).await?;
        Ok(stack)
    }

    async fn seed(&self, config: &StackConfig) -> Fallible<()> {
        let token = token_document(config, CANARIES[2].1, CANARIES[3].1);
        let mut parameters = BTreeMap::from([
            ("/gamma/schwab/app_key".to_owned(), CANARIES[0].1.to_owned()),
            ("/gamma/schwab/app_secret".to_owned(), CANARIES[1].1.to_owned()),
            (TOKEN.to_owned(), token.to_string()),
            ("/gamma/shared/gw_email".to_owned(), CANARIES[4].1.to_owned()),
            ("/gamma/shared/gw_password".to_owned(), CANARIES[5].1.to_owned()),
            ("/gamma/tt/client_secret".to_owned(), CANARIES[6].1.to_owned()),
            (TASTYTRADE_TOKEN.to_owned(), tastytrade_document(config).to_string()),
        ]);
        if config.post_trade {
            parameters.insert(
                "/gamma/shared/google_sa_json".to_owned(),
                self.simulator.google_service_account().expose_secret().to_owned(),
            );
            self.simulator.spreadsheets().create(post_trade::SPREADSHEET, "Trading journal", []);
        }
        parameters.extend(config.parameters.clone());
        let (store, secrets) = (SsmTokenStore::new(&self.aws), SecretTokenStore::new(&self.aws));
        for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
            if SecretName::parse(&name)?.is_in_secrets_manager() {
                secrets.create(&name, &SecretString::from(value)).await?;
            } else {
                store.put(&name, &SecretString::from(value)).await?;
            }
        }
        create_table(&self.aws, &self.table).await?;
        if config.armed {
            for trader in TRADERS {
                self.set_arming_of(trader.account, Arming::Armed).await?;
            }
        }
        Ok(())
    }

    /// The ledger, read from outside the functions.
    #[must_use]
    pub fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(&self.aws, &self.table, self.clock())
    }

    /// The runs recorded of an account's day.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn ledger_runs(&self, trader: Trader) -> Fallible<Vec<String>> {
        Ok(self.runs_on(trader, DAY).await?.into_iter().map(|run| run.run_id).collect())
    }

    /// The runs of an account's any day, whole.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn runs_on(&self, trader: Trader, day: Date) -> Fallible<Vec<RunRecord>> {
        Ok(self.ledger().runs(trader.account, day).await?)
    }

    /// Invokes any function and waits for its answer.
    ///
    /// # Errors
    /// When the host does not answer.
    pub async fn invoke_function(&self, function: &str, payload: &str) -> Fallible<Answer> {
        Answer::of(self.host.invoke(function, payload.as_bytes(), InvokeKind::RequestResponse).await?)
    }

    /// Arms or disarms the account, as an operator would.
    ///
    /// # Errors
    /// When the record could not be written.
    pub async fn set_arming(&self, arming: Arming) -> Fallible<()> {
        self.set_arming_of(SCHWAB.account, arming).await
    }

    /// The same for any account.
    ///
    /// # Errors
    /// When the record could not be written.
    pub async fn set_arming_of(&self, account: &str, arming: Arming) -> Fallible<()> {
        let decision = Decision {
            by: "the demo".into(),
            why: "simulated money".into(),
            at: self.simulator.clock().now(),
        };
        Ok(self.operator().set_arming(account, arming, &decision).await?)
    }

    /// Writes operator records.
    #[must_use]
    pub fn operator(&self) -> OperatorControls {
        OperatorControls::new(&self.aws, &self.table, self.clock())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(StackClock(self.simulator.clock().clone()))
    }

    /// Invokes the function through the Invoke API, as the AWS command line does.
    ///
    /// # Errors
    /// When the host does not answer.
    pub async fn invoke(&self, payload: &str) -> Fallible<Answer> {
        self.invoke_of(SCHWAB, payload).await
    }

    /// The same of any account's function.
    ///
    /// # Errors
    /// When the host does not answer.
    pub async fn invoke_of(&self, trader: Trader, payload: &str) -> Fallible<Answer> {
        let url = format!("{}/2015-03-31/functions/{}/invocations", self.host.url(), trader.function);
        let response = self.http.post(url).body(payload.to_owned()).send().await?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (function_error, request_id) =
            (header("x-amz-function-error"), header("x-amzn-requestid").unwrap_or_default());
        let status = response.status().as_u16();
        let body = serde_json::from_slice(&response.bytes().await?)?;
        Ok(Answer { status, function_error, request_id, body })
    }

    /// Delivers each account's own event to its function, all at the same moment of virtual time.
    ///
    /// # Errors
    /// When the host does not answer.
    pub async fn invoke_all(&self, event: impl Fn(Trader) -> String) -> Fallible<Vec<(Trader, Answer)>> {
        let clock = self.simulator.clock();
        let moment = clock.now();
        // Nobody's time moves before everybody has begun.
        let starts = TRADERS.map(|trader| (trader, event(trader), clock.alarm(moment)));
        let deliver = async |trader: Trader, event: String, alarm: Alarm| {
            let hold = alarm.await;
            let (answer, ()) = tokio::join!(biased; self.host.invoke(trader.function, event.as_bytes(), InvokeKind::RequestResponse), async { drop(hold) });
            Ok::<_, Box<dyn Error>>((trader, Answer::of(answer?)?))
        };
        let [first, second, third] = starts.map(|(trader, event, alarm)| deliver(trader, event, alarm));
        let (first, second, third) = tokio::join!(first, second, third);
        Ok(vec![first?, second?, third?])
    }

    /// Invokes the function asynchronously, as EventBridge Scheduler does.
    ///
    /// # Errors
    /// When the host refuses the event.
    pub async fn invoke_async(&self, payload: &str) -> Fallible<InvokeResult> {
        self.invoke_async_of(SCHWAB, payload).await
    }

    /// The same of any account's function.
    ///
    /// # Errors
    /// When the host refuses the event.
    pub async fn invoke_async_of(&self, trader: Trader, payload: &str) -> Fallible<InvokeResult> {
        Ok(self.host.invoke(trader.function, payload.as_bytes(), InvokeKind::Event).await?)
    }

    /// Which requests of the function fail, at the broker, the feed and AWS, to be changed at any time. What
    /// the stack itself reads and writes goes straight to moto and never fails.
    #[must_use]
    pub const fn faults(&self) -> &FaultPlan {
        self.simulator.faults()
    }

    /// Virtual time goes on to `time` of the demo's day (UTC) while nothing runs.
    pub async fn until(&self, time: &str) {
        let at: Timestamp = format!("2025-09-03T{time}Z").parse().unwrap_or_default();
        drop(self.simulator.clock().alarm(at).await);
    }

    /// What is wrong between the broker's books and the ledger; see [`violations`].
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn audit(&self, after: After) -> Fallible<Vec<String>> {
        self.audit_of(SCHWAB, after).await
    }

    /// The same of any account.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn audit_of(&self, trader: Trader, after: After) -> Fallible<Vec<String>> {
        Ok(violations(&self.book_of(trader)?, &self.day_of(trader.account).await?, after))
    }

    /// What the broker really did for an account.
    ///
    /// # Errors
    /// When no broker has such an account.
    pub fn book_of(&self, trader: Trader) -> Fallible<Book> {
        self.simulator
            .book_of(trader.number)
            .ok_or_else(|| format!("account {}: no broker knows it", trader.number).into())
    }

    /// What the ledger holds of the demo's day.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn day(&self) -> Fallible<LoadedDay> {
        self.day_of(SCHWAB.account).await
    }

    /// The same of any account.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn day_of(&self, account: &str) -> Fallible<LoadedDay> {
        self.day_on(account, DAY).await
    }

    /// The same of any day.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn day_on(&self, account: &str, day: Date) -> Fallible<LoadedDay> {
        Ok(self.ledger().load_day(account, STRATEGY, day).await?)
    }

    /// The stored token document and its version.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn token(&self) -> Fallible<(Value, i64)> {
        self.token_of(TOKEN).await
    }

    /// The same of any document.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn token_of(&self, parameter: &str) -> Fallible<(Value, i64)> {
        use secrecy::ExposeSecret;
        let stored = SsmTokenStore::new(&self.aws).load(parameter).await?;
        let TokenVersion::Count(version) = stored.version else {
            return Err("a parameter's versions are counted".into());
        };
        Ok((serde_json::from_str(stored.text.expose_secret())?, version))
    }

    /// Holds the lock of the token document for another run, for `seconds` of virtual time from now.
    ///
    /// # Errors
    /// When it could not be taken.
    pub async fn hold_token_lock(&self, seconds: i64) -> Fallible<()> {
        let now = self.clock().now();
        let lock = DynamoTokenLock::new(&self.aws, &self.table, self.clock());
        match lock
            .take(TOKEN, "another-run", now, now.checked_add(SignedDuration::from_secs(seconds))?)
            .await?
        {
            PutOutcome::Ours => Ok(()),
            PutOutcome::Theirs(holder) => Err(holder.into()),
        }
    }

    /// The ledger's table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The AWS of the stack, for looking at it with the adapters.
    #[must_use]
    pub const fn aws(&self) -> &SdkConfig {
        &self.aws
    }

    /// What the functions asked of AWS so far, as their policies must allow it.
    #[must_use]
    pub fn aws_calls(&self) -> Vec<AwsCall> {
        self.aws_calls.seen()
    }

    /// Where its parts are, for `gamma --local`. AWS is `moto` itself: what an operator reads and writes
    /// never fails.
    #[must_use]
    pub fn local(&self, moto: &Moto) -> LocalStack {
        let of_each = |name: fn(Trader) -> String| {
            TRADERS.map(|trader| (trader.account.to_owned(), name(trader))).into()
        };
        let names = Names {
            table: self.table.clone(),
            trade: of_each(|trader| trader.function.to_owned()),
            edge_guard: of_each(post_trade::edge_guard),
            sheets_log: post_trade::SHEETS_LOG.to_owned(),
            ..Names::of_stack(Names::STACK, Names::SCHEDULES, TRADERS.map(|trader| trader.account))
        };
        LocalStack { aws: moto.url(), lambda: self.host.url(), clock: self.simulator.clock_url(), names }
    }

    /// The function's environment, for running it by hand.
    #[must_use]
    pub const fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }
}

/// The simulator's time for adapters that run outside the function. It never waits: it must not hold virtual
/// time back.
struct StackClock(VirtualClock);

#[async_trait]
impl Clock for StackClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep_until(&self, _at: Timestamp) {}
}
