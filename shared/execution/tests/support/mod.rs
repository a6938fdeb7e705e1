//! Ports in memory: a clock that steps, a broker that is told how to behave, a ledger with DynamoDB's
//! conditional writes.

mod broker;
mod ledger;
pub(crate) mod net;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{
    Clock, PutOutcome, SaveError, SignalError, SignalSource, SignalView, StoredToken, TokenLock,
    TokenLockError, TokenStore, TokenVersion, TokenWrite,
};
use gamma_execution::profile::ExecutionProfile;
use gamma_execution::report::RunReport;
use gamma_execution::run::{AccountProfile, Ports, RunRequest, Task, run};
use gamma_execution::tokens::{TokenIdentity, TokenKeeper, TokenPorts};
use gamma_market::SignalRow;
use gamma_market::calendar::Calendar;
use gamma_strategy::constant_stable::{MissingVolatility, Profile, RawProfile};
use jiff::Timestamp;
use jiff::civil::date;
use rust_decimal::Decimal;
use secrecy::SecretString;

pub(crate) use broker::Broker;
#[allow(unused_imports, reason = "each test file uses its part")]
pub(crate) use broker::Place;
pub(crate) use ledger::MemoryLedger;

/// Time steps to whatever is waited for. A run that keeps waiting for the past is caught: it would never end.
pub(crate) struct StepClock {
    now: AtomicI64,
    in_vain: AtomicI64,
}

impl StepClock {
    pub(crate) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self {
            now: AtomicI64::new(text.parse::<Timestamp>().unwrap().as_microsecond()),
            in_vain: AtomicI64::new(0),
        })
    }

    fn set(&self, text: &str) {
        self.now.store(text.parse::<Timestamp>().unwrap().as_microsecond(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::SeqCst)).unwrap()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let before = self.now.fetch_max(at.as_microsecond(), Ordering::SeqCst);
        if at.as_microsecond() > before {
            self.in_vain.store(0, Ordering::SeqCst);
        } else {
            assert!(self.in_vain.fetch_add(1, Ordering::SeqCst) < 1000, "time stands still at {at}");
        }
        tokio::task::yield_now().await;
    }
}

/// What the feed shows from when on.
pub(crate) struct Feed {
    pub(crate) clock: Arc<StepClock>,
    pub(crate) published: Mutex<Vec<(Timestamp, Result<SignalRow, SignalError>)>>,
    /// While it says, beside its rows, that there is no trade.
    pub(crate) no_trade: Mutex<Option<std::ops::Range<Timestamp>>>,
}

#[async_trait]
impl SignalSource for Feed {
    async fn read(&self, _: Duration) -> Result<SignalView, SignalError> {
        let now = self.clock.now();
        let published = self.published.lock().unwrap();
        let row = published.iter().rfind(|(from, _)| *from <= now).map(|(_, row)| row.clone()).transpose()?;
        let empty = self.no_trade.lock().unwrap().as_ref().is_some_and(|shown| shown.contains(&now));
        let no_trade = empty.then(|| "Trade: got null, expected a row".to_owned());
        Ok(SignalView { rows: row.into_iter().collect(), no_trade })
    }
}

/// Today's row: short puts at `put`, short calls at `call`.
pub(crate) fn row(put: u32, call: u32) -> SignalRow {
    SignalRow {
        date: date(2025, 9, 3),
        expiry: Some(date(2025, 9, 4)),
        put_strike: Some(put.into()),
        call_strike: Some(call.into()),
        left_go: Some(Decimal::NEGATIVE_ONE),
        right_go: Some(Decimal::NEGATIVE_ONE),
        left_strength: None,
        right_strength: None,
        put_price: None,
        call_price: None,
        volatilities: BTreeMap::from([("VixOne".to_owned(), "0.1".parse().unwrap())]),
        spot: None,
        published: Default::default(),
    }
}

struct NoTokens;

#[async_trait]
impl TokenStore for NoTokens {
    async fn load(&self, _: &str) -> Result<StoredToken, SaveError> {
        Ok(StoredToken { text: "{}".into(), version: TokenVersion::Count(1) })
    }

    async fn save(&self, _: &str, _: &SecretString, _: &TokenVersion) -> Result<TokenWrite, SaveError> {
        Ok(TokenWrite::Made(TokenVersion::Count(2)))
    }

    async fn between(
        &self,
        _: &str,
        _: &TokenVersion,
        _: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl TokenLock for NoTokens {
    async fn take(&self, _: &str, _: &str, _: Timestamp, _: Timestamp) -> Result<PutOutcome, TokenLockError> {
        Ok(PutOutcome::Ours)
    }

    async fn release(&self, _: &str, _: &str) -> Result<(), TokenLockError> {
        Ok(())
    }
}

/// A trading day in memory.
pub(crate) struct World {
    pub(crate) clock: Arc<StepClock>,
    pub(crate) broker: Broker,
    pub(crate) feed: Feed,
    pub(crate) ledger: MemoryLedger,
    pub(crate) tokens: TokenKeeper,
    pub(crate) profile: AccountProfile,
}

impl World {
    /// 2025-09-03 at `start` (UTC time of day), armed, the signal published at 16:13:30 New York.
    pub(crate) fn at(start: &str) -> Self {
        let clock = StepClock::at(&format!("2025-09-03T{start}Z"));
        let stored = StoredToken { text: "{}".into(), version: TokenVersion::Count(1) };
        let tokens = TokenPorts { store: Arc::new(NoTokens), lock: Arc::new(NoTokens), clock: clock.clone() };
        let identity = TokenIdentity { name: "/gamma/test/token_json", run_id: "run-1", read_age: |_| None };
        Self {
            broker: Broker::new(Arc::clone(&clock)),
            feed: Feed {
                clock: Arc::clone(&clock),
                published: Mutex::new(vec![("2025-09-03T20:13:30Z".parse().unwrap(), Ok(row(6425, 6470)))]),
                no_trade: Mutex::default(),
            },
            ledger: MemoryLedger::armed(),
            tokens: TokenKeeper::new(tokens, identity, &stored),
            profile: profile(),
            clock,
        }
    }

    pub(crate) fn request(&self, run_id: &str) -> RunRequest {
        let now = self.clock.now();
        RunRequest {
            account: "schwab".into(),
            run_id: run_id.into(),
            deployment_live: true,
            deadline: now + Duration::from_secs(240),
            task: Task::Trade { dry_run: false, scheduled: Some("2025-09-03T20:13:00Z".parse().unwrap()) },
            consumers: gamma_execution::ports::Consumer::ALL.to_vec(),
            calendar: Ok(Calendar::default()),
        }
    }

    /// A sweep of the day.
    pub(crate) async fn sweep(&self, run_id: &str) -> RunReport {
        self.deliver_as(&RunRequest { task: Task::Sweep { date: None }, ..self.request(run_id) }).await
    }

    /// Time goes on while nothing runs.
    pub(crate) fn at_time(&self, time: &str) {
        self.clock.set(&format!("2025-09-03T{time}Z"));
    }

    pub(crate) async fn deliver(&self, run_id: &str) -> RunReport {
        self.deliver_as(&self.request(run_id)).await
    }

    pub(crate) async fn deliver_as(&self, request: &RunRequest) -> RunReport {
        run(self.ports(), request, &self.profile).await
    }

    pub(crate) fn ports(&self) -> Ports<'_> {
        Ports {
            clock: self.clock.as_ref(),
            broker: &self.broker,
            signal: &self.feed,
            ledger: &self.ledger,
            tokens: &self.tokens,
        }
    }
}

fn profile() -> AccountProfile {
    let strategy = RawProfile {
        unit_dollars: Decimal::from(10_000),
        volatility_field: "VixOne".into(),
        volatility_breaks: vec!["0.1636779".parse().unwrap()],
        multipliers: vec![2, 3],
        missing_volatility: MissingVolatility::Skip,
        risk_reversal_credit_ratio: "0.6".parse().unwrap(),
        risk_reversal_from_multiplier: 5,
        most_per_side: None,
        top_up: true,
        no_close_guard: true,
        same_day_expiry: false,
        most_days_to_expiry: 7,
    };
    let execution = ExecutionProfile::default();
    execution.check().unwrap();
    AccountProfile { strategy: Profile::try_from(strategy).unwrap(), execution }
}

/// Puts what a world is to do from now on in its place.
pub(crate) fn set<T>(cell: &std::sync::Mutex<T>, value: T) {
    *cell.lock().unwrap() = value;
}
