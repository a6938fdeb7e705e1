//! The two clocks: the machine's, and the simulator's virtual one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpConfig, Request};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::failure::Failure;

/// A clock, and a way to leave it at the end of an invocation.
#[async_trait]
pub trait RunClock: Clock {
    /// Virtual time no longer waits for this run.
    async fn detach(&self);
}

/// The machine's clock, or the virtual one at `url`, which a local stack has.
///
/// # Errors
/// [`Failure`] `ClockUnavailable` when the virtual clock does not answer.
pub async fn of(url: Option<&str>, request_id: &str) -> Result<Arc<dyn RunClock>, Failure> {
    match url {
        None => Ok(of_the_machine()),
        Some(url) => Ok(Arc::new(VirtualClock::attach(url, request_id).await?)),
    }
}

/// The machine's clock.
#[must_use]
pub fn of_the_machine() -> Arc<dyn RunClock> {
    Arc::new(SystemClock)
}

/// The machine's clock.
struct SystemClock;

#[async_trait]
#[allow(clippy::disallowed_methods, reason = "this adapter is the one place that reads the machine's clock")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let wait = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
        tokio::time::sleep(wait).await;
    }
}

#[async_trait]
impl RunClock for SystemClock {
    async fn detach(&self) {}
}

/// The simulator's clock. It stands still while this run works and steps when every run waits, so the last
/// answer is the time.
struct VirtualClock {
    http: HttpClient,
    url: String,
    run: String,
    now: AtomicI64,
    /// Nobody else attached this run, so nobody else will detach it. A Lambda host attaches its invocations
    /// itself, and keeps virtual time still until the answer is in.
    own: bool,
}

impl VirtualClock {
    async fn attach(url: &str, run: &str) -> Result<Self, Failure> {
        let http = HttpClient::new(&HttpConfig::default())
            .map_err(|error| Failure::new("ClockUnavailable", error))?;
        let mut clock = Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
            run: run.to_owned(),
            now: AtomicI64::new(0),
            own: false,
        };
        let answer = clock.call("attach", &json!({ "run": run })).await?;
        clock.own = answer["new"] == true;
        Ok(clock)
    }

    /// To the nanosecond: a time kept coarser than what was waited for would never be reached.
    fn set(&self, now: Timestamp) {
        // Two waits at once may be answered out of order; time never goes back.
        self.now.fetch_max(i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    async fn call(&self, verb: &str, body: &Value) -> Result<Value, Failure> {
        let failed = |why: String| Failure::new("ClockUnavailable", format!("virtual clock {verb}: {why}"));
        let request = Request::post(&format!("{}/clock/{verb}", self.url))
            .json_bytes(body.to_string().into_bytes())
            .timeout(Duration::from_secs(3600));
        let response = self.http.send(request).await.map_err(|error| failed(error.to_string()))?;
        if !response.is_success() {
            return Err(failed(format!("{} {}", response.status, response.text_excerpt())));
        }
        let answer = response.json().unwrap_or_default();
        if let Some(now) =
            answer.get("now").and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok())
        {
            self.set(now);
        }
        Ok(answer)
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.now.load(Ordering::SeqCst))).unwrap_or_default()
    }

    async fn sleep_until(&self, at: Timestamp) {
        if at <= self.now() {
            return;
        }
        if let Err(failure) = self.call("wait", &json!({ "run": self.run, "until": at.to_string() })).await {
            // The simulator is gone: step on, so that the run ends instead of waiting for ever.
            tracing::error!("{failure}");
            self.set(at);
        }
    }
}

#[async_trait]
impl RunClock for VirtualClock {
    async fn detach(&self) {
        if self.own
            && let Err(failure) = self.call("detach", &json!({ "run": self.run })).await
        {
            tracing::warn!("{failure}");
        }
    }
}
