//! The demo on this machine, and its time.

use std::path::Path;

use async_trait::async_trait;
use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpConfig, Request};
use gamma_operator::{LocalStack, LocalStackError};
use jiff::Timestamp;

use crate::trouble::Trouble;

/// Names another file than the usual one, such as that of a test.
const VARIABLE: &str = "GAMMA_LOCAL_STACK";
const START: &str = "start `scripts/demo --open` in another terminal, and call gamma from the same checkout";

/// Where it is.
pub(crate) fn find() -> Result<LocalStack, Trouble> {
    let path = std::env::var_os(VARIABLE).unwrap_or_else(|| LocalStack::FILE.into());
    LocalStack::read(Path::new(&path)).map_err(|error| {
        let attempted = "--local: find the demo on this machine";
        match error {
            LocalStackError::Absent { .. } => Trouble::unknown(attempted, error).next(START),
            LocalStackError::Unreadable { .. } => Trouble::no(attempted, error).next(START),
        }
    })
}

/// The virtual clock as it stood when it was asked. It never waits: it must not hold virtual time back.
#[derive(Debug)]
pub(crate) struct LocalClock(Timestamp);

impl LocalClock {
    pub(crate) async fn ask(url: &str) -> Result<Self, Trouble> {
        let trouble = |came: String| Trouble::unknown("--local: ask the demo for its time", came).next(START);
        let http = HttpClient::new(&HttpConfig::default()).map_err(|error| trouble(error.to_string()))?;
        let answer = http
            .send(Request::get(&format!("{}/clock/now", url.trim_end_matches('/'))))
            .await
            .map_err(|error| trouble(error.to_string()))?;
        let now =
            answer.json().ok().and_then(|answer| answer["now"].as_str().and_then(|text| text.parse().ok()));
        now.map(Self).ok_or_else(|| trouble(format!("HTTP {}, expected a time", answer.status)))
    }
}

#[async_trait]
impl Clock for LocalClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep_until(&self, _at: Timestamp) {}
}
