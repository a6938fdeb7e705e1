//! A local Lambda host: the Invoke API on one side, the Runtime API on the other, and unmodified function
//! binaries between them.
//!
//! It does what breaks functions in the cloud and what friendlier emulators leave out: invocations that
//! overlap get environments of their own, an environment is *frozen* between invocations and its quiet
//! connections die meanwhile, a deadline *kills*, an asynchronous invocation is answered before it runs and
//! run again when it fails. Time is a [`VirtualClock`]: an invocation is attached to it under its request id
//! for as long as it runs, so deadlines and retries cost no real time; where runs of that clock take turns,
//! an environment is started or thawed when its invocation has its turn.
//!
//! Where it differs from Lambda:
//! - a synchronous answer is given once the function has asked for its next event (and is frozen) or is gone,
//!   not already when it posted its response, so that the next invocation finds the environment warm every
//!   time;
//! - the memory size is told to the function, but not enforced; there is one version, `$LATEST`, and no
//!   signature is checked;
//! - an asynchronous payload may have 256 KB, Lambda's long-standing limit, though it takes more by now;
//! - a function must not invoke another synchronously and let that one wait on the clock: the first is busy,
//!   so time stands still.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use gamma_sim_core::connections::Connections;
use gamma_sim_core::time::VirtualClock;
use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::{AwsCalls, AwsClient};

mod configuration;
mod destination;
mod environment;
mod function;
mod invoke_api;
mod outcome;
mod output;
mod process;
mod queue;
mod runtime_api;
mod service;

pub use output::LogLine;

use service::Service;

/// What a host is made of.
#[derive(Debug)]
pub struct HostConfig {
    /// The functions; names must differ.
    pub functions: Vec<FunctionConfig>,
    /// Deadlines and retries go by this clock.
    pub clock: VirtualClock,
    /// Serves the Invoke API, and loses the connections of frozen functions. What it serves must not include
    /// the clock's own router: a thawed function would ask for the time on a dead connection.
    pub connections: Connections,
}

/// One function.
#[derive(Debug, Clone)]
pub struct FunctionConfig {
    /// Its name, without qualifier.
    pub name: String,
    /// The executable that Lambda would find as `bootstrap`. Its directory becomes the working directory and
    /// `LAMBDA_TASK_ROOT`.
    pub binary: PathBuf,
    /// Variables beside those that Lambda sets; these win over Lambda's.
    pub environment: BTreeMap<String, String>,
    /// Longest invocation, in virtual time, initialisation included. A function that neither ends nor waits
    /// on the clock is given as long in real time, and a few seconds more.
    pub timeout: Duration,
    /// Memory size in MB.
    pub memory_mb: u32,
    /// How often a failed asynchronous invocation is run again.
    pub max_retries: u8,
    /// Age at which an asynchronous event that has not succeeded is dropped.
    pub max_event_age: Duration,
    /// Most invocations at a time; `None` for no limit.
    pub reserved_concurrency: Option<u32>,
    /// The ARN of the queue that hears of asynchronous events that were given up: Lambda's on-failure
    /// destination.
    pub on_failure: Option<String>,
}

impl InvokeError {
    /// The error's type on the wire.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FunctionNotFound { .. } => "ResourceNotFoundException",
            Self::InvalidRequestContent { .. } => "InvalidRequestContentException",
            Self::InvalidParameter { .. } => "InvalidParameterValueException",
            Self::PayloadTooLarge { .. } => "RequestEntityTooLargeException",
            Self::TooManyRequests => "TooManyRequestsException",
            Self::Unavailable { .. } => "ServiceUnavailableException",
            Self::Stopped | Self::Unrecorded { .. } => "ServiceException",
        }
    }
}

impl FunctionConfig {
    /// Lambda's defaults: 3 s, 128 MB, two retries, events up to six hours old, no reserved concurrency.
    #[must_use]
    pub fn new(name: &str, binary: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            binary,
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            max_retries: 2,
            max_event_age: Duration::from_secs(6 * 3600),
            reserved_concurrency: None,
            on_failure: None,
        }
    }
}

/// How a function is invoked: `X-Amz-Invocation-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvokeKind {
    /// Wait for the result.
    RequestResponse,
    /// Queue it.
    Event,
    /// Only check that it could be invoked.
    DryRun,
}

/// What the Invoke API answers to an invocation it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeResult {
    /// The invocation's id; also the name of its run on the clock.
    pub request_id: String,
    /// 200, 202 for an event, 204 for a dry run.
    pub status: u16,
    /// `Unhandled` when the function failed, timed out or died. The payload is then Lambda's error document.
    pub function_error: Option<String>,
    /// The function's answer; empty unless it was waited for.
    pub payload: Vec<u8>,
    /// The last 4 KB of what the function wrote during the invocation; empty unless it was waited for.
    pub log_tail: Vec<u8>,
}

/// An invocation the Invoke API refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// 404: no such function or version.
    #[error("Function not found: {arn}")]
    FunctionNotFound {
        /// What was asked for.
        arn: String,
    },
    /// 400: the payload is not JSON.
    #[error("Could not parse request body into json: Could not parse payload into json: {reason}")]
    InvalidRequestContent {
        /// The parser's words.
        reason: String,
    },
    /// 400: a parameter that does not read.
    #[error("{parameter}: {came:?} came, {expected} was expected")]
    InvalidParameter {
        /// Its name on the wire.
        parameter: &'static str,
        /// What came.
        came: String,
        /// What would read.
        expected: &'static str,
    },
    /// 413: the payload is too large.
    #[error("{bytes} byte payload is too large for the {kind:?} invocation type (limit {limit} bytes)")]
    PayloadTooLarge {
        /// The payload's size.
        bytes: usize,
        /// How it was to be invoked.
        kind: InvokeKind,
        /// The largest size allowed.
        limit: usize,
    },
    /// 429: as many invocations as the function may have at a time are running.
    #[error("Rate Exceeded.")]
    TooManyRequests,
    /// 503: Lambda does not take invocations of the function, see [`Host::set_reachable`].
    #[error("Service is unavailable: {function}")]
    Unavailable {
        /// The function.
        function: String,
    },
    /// 500: the host was stopped before the invocation ended.
    #[error("The host was stopped.")]
    Stopped,
    /// 500: the call could not be noted, see [`Host::note_calls`].
    #[error("The call could not be noted: {reason}")]
    Unrecorded {
        /// Why.
        reason: String,
    },
}

/// An asynchronous event that was given up; what Lambda sends to an on-failure destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsyncFailure {
    /// The event's id.
    pub request_id: String,
    /// The function.
    pub function: String,
    /// Why it was given up.
    pub condition: FailureCondition,
    /// How often it was run.
    pub attempts: u32,
    /// When it was given up, virtual time.
    pub at: Timestamp,
    /// The event.
    pub payload: Vec<u8>,
    /// The last attempt's error document; empty when it never ran.
    pub error: String,
}

/// Why an asynchronous event was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCondition {
    /// The last retry failed.
    RetriesExhausted,
    /// It had grown too old to be tried (again).
    EventAgeExceeded,
    /// The function may not run at all.
    ZeroReservedConcurrency,
}

/// One execution of a function. A retried event has several, with the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The invocation's id.
    pub request_id: String,
    /// The function.
    pub function: String,
    /// 1 for the first.
    pub number: u32,
    /// Whether an environment was started for it.
    pub cold: bool,
    /// When it began, virtual time.
    pub started: Timestamp,
    /// When it ended, virtual time.
    pub ended: Timestamp,
    /// The error document when it failed.
    pub error: Option<String>,
    /// How its environment came up, where one was started for it and got as far as asking for an event.
    pub init: Option<Init>,
    /// The most memory its process has held so far, in KiB; unknown when the process is gone. Lambda's `Max
    /// Memory Used`.
    pub peak_memory_kib: Option<u64>,
}

/// A process from its start to its first question for an event, on the real machine: Lambda's `Init
/// Duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Init {
    /// Real time from starting the process.
    pub took: Duration,
    /// Memory it held when it asked, in KiB.
    pub resident_kib: Option<u64>,
}

/// The most that were there at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peak {
    /// Environments, a process each, the frozen ones included.
    pub environments: usize,
    /// Invocations that had an environment.
    pub running: usize,
}

/// The host. Dropping it kills its functions.
#[derive(Debug)]
pub struct Host {
    service: Arc<Service>,
    address: SocketAddr,
}

impl Host {
    /// Starts a host; functions are started on demand.
    ///
    /// # Errors
    /// When two functions have one name, or the Invoke API could not be served.
    pub async fn start(config: HostConfig) -> io::Result<Self> {
        let connections = config.connections.clone();
        let service = Service::new(config)?;
        let address = connections.serve(invoke_api::router(Arc::downgrade(&service))).await?;
        // A function that invokes another one does it here.
        let _ = service.invoke_api.set(address);
        Ok(Self { service, address })
    }

    /// Where the Invoke API is: an endpoint URL for Lambda clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Something that invokes functions and does not keep the host alive.
    #[must_use]
    pub fn invoker(&self) -> Invoker {
        Invoker(Arc::downgrade(&self.service))
    }

    /// Whether Lambda takes invocations of the function; it does at first. Those it has taken go on.
    pub fn set_reachable(&self, function: &str, reachable: bool) {
        self.service.set_reachable(function, reachable);
    }

    /// From now on events that were given up go to their functions' queues in the simulated AWS at `aws`.
    pub fn send_failures_to(&self, aws: SocketAddr) {
        self.service.send_failures_to(AwsClient::new(aws));
    }

    /// From now on the Invoke API notes in `calls` who invoked which function with a signature.
    pub fn note_calls(&self, calls: &AwsCalls) {
        self.service.note_calls(calls.clone());
    }

    /// Invokes a function as the Invoke API does; `function` is a name or an ARN. An empty payload reaches
    /// the function as `{}`. The invocation goes on when the future is dropped.
    ///
    /// # Errors
    /// [`InvokeError`]. A function that failed is not an error here, see [`InvokeResult::function_error`].
    pub async fn invoke(
        &self,
        function: &str,
        payload: &[u8],
        kind: InvokeKind,
    ) -> Result<InvokeResult, InvokeError> {
        self.service.invoke(function, None, payload.to_vec().into(), kind).await
    }

    /// Kills (SIGKILL) the environment that runs an invocation, `false` when none does. The invocation ends
    /// as `Runtime.ExitError`, and an asynchronous one is run again.
    pub fn kill(&self, request_id: &str) -> bool {
        self.service.kill(request_id)
    }

    /// What the function wrote to stdout and stderr during an invocation, line by line, all attempts.
    #[must_use]
    pub fn logs(&self, request_id: &str) -> Vec<String> {
        self.service.logs.lines(request_id)
    }

    /// Lines as they are written, from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LogLine> {
        self.service.logs.subscribe()
    }

    /// Every attempt that has ended, in the order in which they ended.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.service.attempts()
    }

    /// Asynchronous events that were given up.
    #[must_use]
    pub fn async_failures(&self) -> Vec<AsyncFailure> {
        self.service.async_failures()
    }

    /// The most that were there at one time so far.
    #[must_use]
    pub fn peak(&self) -> Peak {
        self.service.peak()
    }

    /// Waits until no invocation is running, queued or to be retried.
    pub async fn settled(&self) {
        self.service.settled().await;
    }

    /// Kills all functions, drops what is queued, and returns when the processes are gone. The Invoke API
    /// answers 500 from then on.
    pub async fn stop(&self) {
        self.service.stop().await;
    }
}

/// Invokes functions as [`Host::invoke`] does, for as long as the host is there.
#[derive(Debug, Clone)]
pub struct Invoker(Weak<Service>);

impl Invoker {
    /// As [`Host::invoke`].
    ///
    /// # Errors
    /// As there, and [`InvokeError::Stopped`] when the host is gone.
    pub async fn invoke(
        &self,
        function: &str,
        payload: &[u8],
        kind: InvokeKind,
    ) -> Result<InvokeResult, InvokeError> {
        let service = self.0.upgrade().ok_or(InvokeError::Stopped)?;
        service.invoke(function, None, payload.to_vec().into(), kind).await
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.service.shut();
    }
}
