//! A stack whose every request is timed, and one run on it.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::host::{Attempt, FunctionConfig, Host, HostConfig, InvokeKind};
use gamma_simulator::requests::{LoggedRequest, Service};
use gamma_tests::moto::Moto;
use gamma_tests::stack::{Stack, StackConfig, Trader};
use serde_json::{Value, json};

use crate::now;
use crate::relay::{Call, Relay};

const WARM_UP: &str = include_str!("../../../../events/warmup.json");
/// After the signal: the event is worked at once.
pub(crate) const AFTER_SIGNAL: &str = "2025-09-03T20:13:35Z";
/// Before it, as scheduled: the run prepares and waits.
pub(crate) const BEFORE_SIGNAL: &str = "2025-09-03T20:13:05Z";

pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;

/// The environment of the process under measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Its start is part of the time; the access token has expired and is refreshed on the way.
    Cold,
    /// The scheduled warm-up was its first invocation, and refreshed the token; then it was frozen.
    Warm,
}

/// What becomes of the orders.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orders {
    /// Each fills as it arrives.
    FillAtOnce,
    /// Whatever the market makes of them.
    Wait,
}

/// The function's host on a fresh, armed day, with relays before AWS and clock.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) host: Host,
    aws: Relay,
    clock: Relay,
    trader: Trader,
}

impl World {
    pub(crate) async fn start(
        moto: &Moto,
        seed: u64,
        at: &str,
        orders: Orders,
        trader: Trader,
    ) -> Fallible<Self> {
        let stack =
            Stack::start(moto, &StackConfig { start: at.parse()?, ..StackConfig::of_seed(seed) }).await?;
        if orders == Orders::FillAtOnce {
            stack.faults().add(Rule::on(Route::PlaceOrder).always().fault(Fault::PartFill(u32::MAX)));
        }
        let aws = Relay::start("AWS", &moto.url()).await?;
        let clock = Relay::start("clock", &stack.simulator.clock_url()).await?;
        let mut environment = stack.environment().clone();
        environment.insert("AWS_ENDPOINT_URL".to_owned(), aws.url());
        environment.insert("GAMMA_CLOCK_URL".to_owned(), clock.url());
        environment.insert("GAMMA_ACCOUNT".to_owned(), trader.account.to_owned());
        let host = host(&stack, vec![function("trade", trade_binary()?, &environment)]).await?;
        Ok(Self { stack, host, aws, clock, trader })
    }

    /// Delivers the day's event and waits for the answer.
    pub(crate) async fn run(&self, start: Start) -> Fallible<Timed> {
        if start == Start::Warm {
            let answer = self.host.invoke("trade", WARM_UP.as_bytes(), InvokeKind::RequestResponse).await?;
            if answer.function_error.is_some() {
                return Err(
                    format!("the warm-up failed: {}", String::from_utf8_lossy(&answer.payload)).into()
                );
            }
        }
        let sent = now();
        let event =
            json!({ "account": self.trader.account, "scheduled_time": "2025-09-03T20:13:00Z" }).to_string();
        let answer = self.host.invoke("trade", event.as_bytes(), InvokeKind::RequestResponse).await?;
        let report: Value = serde_json::from_slice(&answer.payload)?;
        let attempt = self.host.attempts().pop().ok_or("the host noted no attempt")?;
        if attempt.cold != (start == Start::Cold) {
            return Err("the process was not started when it should have been, or the other way round".into());
        }
        let requests: Vec<LoggedRequest> =
            self.stack.simulator.requests().into_iter().filter(|request| request.arrived >= sent).collect();
        let faces = requests.iter().map(of_face);
        let mut calls: Vec<Call> = self
            .aws
            .calls()
            .into_iter()
            .chain(self.clock.calls())
            .filter(|call| call.began >= sent)
            .chain(faces)
            .collect();
        calls.sort_by_key(|call| call.began);
        let counters = self.stack.simulator.dxlink().counters();
        let stream = (counters.connections, counters.questions.values().copied().max().unwrap_or_default());
        Ok(Timed { sent, calls, requests, report, attempt, stream })
    }
}

/// A host beside the stack's own, on its clock and with its connections.
pub(crate) async fn host(stack: &Stack, functions: Vec<FunctionConfig>) -> Fallible<Host> {
    let (clock, connections) = (stack.simulator.clock().clone(), stack.simulator.connections().clone());
    Ok(Host::start(HostConfig { functions, clock, connections }).await?)
}

pub(crate) fn function(
    name: &str,
    binary: PathBuf,
    environment: &BTreeMap<String, String>,
) -> FunctionConfig {
    let timeout = Duration::from_secs(240);
    FunctionConfig {
        environment: environment.clone(),
        timeout,
        memory_mb: 256,
        max_retries: 0,
        ..FunctionConfig::new(name, binary)
    }
}

pub(crate) fn trade_binary() -> Fallible<PathBuf> {
    file("GAMMA_TRADE_BINARY")
}

/// A file whose path `scripts/bench` hands over in the environment.
pub(crate) fn file(variable: &str) -> Fallible<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("{variable}: unset, expected a path; scripts/bench sets it"))?;
    path.canonicalize().map_err(|error| format!("{variable}: {}: {error}", path.display()).into())
}

fn of_face(request: &LoggedRequest) -> Call {
    let to = match request.service {
        Service::Schwab | Service::Tastytrade => "broker",
        Service::GammaWizard => "feed",
        Service::DxLink => "DXLink",
        Service::Google => "Google",
        Service::Aws => "AWS",
    };
    // Account hashes and order ids tell nothing here.
    let path = request.path.split('/').map(|part| {
        if part.bytes().any(|byte| byte.is_ascii_digit()) && part.len() > 2 { "…" } else { part }
    });
    Call {
        to,
        what: format!("{} {}", request.method, path.collect::<Vec<_>>().join("/")),
        began: request.arrived,
        ended: request.answered,
    }
}

/// One delivery, timed from outside.
pub(crate) struct Timed {
    pub(crate) sent: Instant,
    /// Everything that was asked of AWS, clock, broker and feed, oldest first.
    pub(crate) calls: Vec<Call>,
    pub(crate) requests: Vec<LoggedRequest>,
    pub(crate) report: Value,
    pub(crate) attempt: Attempt,
    /// Connections of the quote stream, and how often the leg that was asked for most was asked for on them.
    pub(crate) stream: (usize, usize),
}

impl Timed {
    /// When the first order reached the broker.
    pub(crate) fn first_order(&self) -> Fallible<Instant> {
        let order = self.requests.iter().find(|request| is_order(request));
        order
            .map(|request| request.arrived)
            .ok_or_else(|| format!("no order was sent: {}", self.report).into())
    }

    /// When the run's own record, its last write, was acknowledged.
    pub(crate) fn recorded(&self) -> Fallible<Instant> {
        self.calls
            .iter()
            .rfind(|call| call.to == "AWS")
            .map(|call| call.ended)
            .ok_or_else(|| "AWS was never called".into())
    }

    /// Orders that reached the broker.
    pub(crate) fn orders(&self) -> usize {
        self.requests.iter().filter(|request| is_order(request)).count()
    }

    /// Real time between two moments in which at least one of these services was being asked something.
    pub(crate) fn asking(&self, services: &[&str], from: Instant, until: Instant) -> Duration {
        covered(self.calls.iter().filter(|call| services.contains(&call.to)), from, until)
    }

    pub(crate) fn asked(&self, services: &[&str], until: Instant) -> usize {
        self.calls.iter().filter(|call| services.contains(&call.to) && call.began < until).count()
    }

    /// From the broker's answer to the last cancel of a rung until the next order's arrival: virtual seconds,
    /// and real time.
    pub(crate) fn gaps(&self) -> Vec<(f64, Duration)> {
        let wires: Vec<&LoggedRequest> =
            self.requests.iter().filter(|request| is_order(request) || request.method == "DELETE").collect();
        let pairs = wires.windows(2).filter(|pair| pair[0].method == "DELETE" && is_order(pair[1]));
        let gap = |pair: &[&LoggedRequest]| {
            (
                pair[1].at.duration_since(pair[0].at).as_secs_f64(),
                pair[1].arrived.duration_since(pair[0].answered),
            )
        };
        pairs.map(gap).collect()
    }
}

fn is_order(request: &LoggedRequest) -> bool {
    matches!(request.service, Service::Schwab | Service::Tastytrade)
        && request.method == "POST"
        && request.path.ends_with("/orders")
}

/// Time that at least one of the calls, oldest first, was under way.
fn covered<'a>(calls: impl Iterator<Item = &'a Call>, from: Instant, until: Instant) -> Duration {
    let (mut seen, mut total) = (from, Duration::ZERO);
    for call in calls {
        let ended = call.ended.min(until);
        total += ended.saturating_duration_since(call.began.max(seen));
        seen = seen.max(ended);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_calls_count_once_and_only_within_the_span() {
        let zero = now();
        let at = |milliseconds| zero + Duration::from_millis(milliseconds);
        let call = |began, ended| Call { to: "AWS", what: String::new(), began: at(began), ended: at(ended) };
        // Before, across the beginning, two overlapping, one inside another, across the end, after.
        let calls =
            [call(0, 5), call(8, 12), call(20, 26), call(22, 24), call(25, 30), call(48, 55), call(60, 70)];
        assert_eq!(covered(calls.iter(), at(10), at(50)), Duration::from_millis(2 + 10 + 2));
        assert_eq!(covered([].iter(), at(10), at(50)), Duration::ZERO);
    }
}
