//! What happens to an invocation between the Invoke API and an environment.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use gamma_sim_core::connections::Connections;
use gamma_sim_core::time::{Hold, VirtualClock};
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::destination;
use super::environment::{Around, Delivery, Environment};
use super::function::{Function, arn};
use super::outcome::Outcome;
use super::output::Logs;
use super::{AsyncFailure, Attempt, HostConfig, InvokeError, InvokeKind, InvokeResult, Peak};
use crate::{AwsCalls, AwsClient};

/// Largest request of a synchronous invocation, in bytes.
const LARGEST_REQUEST: usize = 6 * 1024 * 1024;
/// Largest event, in bytes.
const LARGEST_EVENT: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Service {
    functions: BTreeMap<String, Arc<Function>>,
    pub(super) clock: VirtualClock,
    connections: Connections,
    /// Where the Invoke API is, once it is served.
    pub(super) invoke_api: OnceLock<SocketAddr>,
    /// Where it notes who invoked what.
    calls: OnceLock<AwsCalls>,
    /// Where the queues are that hear of failures.
    destinations: OnceLock<AwsClient>,
    pub(super) logs: Arc<Logs>,
    ids: RequestIds,
    state: Mutex<State>,
    /// Invocations that are running, queued or to be retried.
    pending: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// Functions that Lambda takes no invocation of.
    unreachable: BTreeSet<String>,
    /// Every environment whose process may be there.
    environments: Vec<Weak<Environment>>,
    running: BTreeMap<String, Arc<Environment>>,
    tasks: JoinSet<()>,
    attempts: Vec<Attempt>,
    failures: Vec<AsyncFailure>,
    peak: Peak,
}

impl State {
    fn run(&mut self, request_id: &str, environment: &Arc<Environment>) {
        self.running.insert(request_id.to_owned(), Arc::clone(environment));
        self.peak.running = self.peak.running.max(self.running.len());
    }
}

/// An accepted invocation.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) function: Arc<Function>,
    pub(super) request_id: String,
    pub(super) payload: Bytes,
}

/// How one attempt ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) log_tail: Vec<u8>,
    /// Keeps time: the run stays attached, and a deadline it missed is held, until whoever started it has
    /// decided what follows.
    pub(super) moment: (Option<Hold>, Attached),
}

impl Service {
    pub(super) fn new(config: HostConfig) -> io::Result<Arc<Self>> {
        let mut functions = BTreeMap::new();
        for function in config.functions {
            let name = function.name.clone();
            if functions.insert(name.clone(), Arc::new(Function::new(function))).is_some() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("functions: {name:?} came twice, one function a name was expected"),
                ));
            }
        }
        Ok(Arc::new(Self {
            functions,
            clock: config.clock,
            connections: config.connections,
            logs: Arc::new(Logs::new()),
            invoke_api: OnceLock::new(),
            calls: OnceLock::new(),
            destinations: OnceLock::new(),
            ids: RequestIds::new()?,
            state: Mutex::default(),
            pending: watch::Sender::new(0),
        }))
    }

    pub(super) async fn invoke(
        self: &Arc<Self>,
        name: &str,
        qualifier: Option<&str>,
        payload: Bytes,
        kind: InvokeKind,
    ) -> Result<InvokeResult, InvokeError> {
        let function = self.find(name, qualifier)?;
        if self.state().unreachable.contains(&function.config.name) {
            return Err(InvokeError::Unavailable { function: function.config.name.clone() });
        }
        let payload = checked(payload, kind)?;
        let request_id = self.ids.next();
        let taken = |status| InvokeResult {
            request_id: request_id.clone(),
            status,
            function_error: None,
            payload: Vec::new(),
            log_tail: Vec::new(),
        };
        let invocation = Invocation { function, request_id: request_id.clone(), payload };
        match kind {
            InvokeKind::DryRun => Ok(taken(204)),
            InvokeKind::Event => {
                let hold = self.clock.hold();
                let service = Arc::clone(self);
                self.spawn(async move { service.deliver(invocation, hold).await })?;
                Ok(taken(202))
            }
            InvokeKind::RequestResponse => {
                let permit = invocation.function.permit().ok_or(InvokeError::TooManyRequests)?;
                let hold = self.clock.hold();
                let service = Arc::clone(self);
                let (ended, end) = oneshot::channel();
                // A task of its own, since Lambda finishes what a client no longer waits for.
                self.spawn(async move {
                    let attached = Attached::new(&service.clock, &invocation.request_id);
                    drop(hold);
                    let Ended { outcome, log_tail, moment } = service.attempt(&invocation, 1, attached).await;
                    drop((permit, moment));
                    let function_error = outcome.failed.then(|| "Unhandled".to_owned());
                    let request_id = invocation.request_id;
                    drop(ended.send(InvokeResult {
                        request_id,
                        status: 200,
                        function_error,
                        payload: outcome.payload.to_vec(),
                        log_tail,
                    }));
                })?;
                end.await.map_err(|_| InvokeError::Stopped)
            }
        }
    }

    pub(super) fn set_reachable(&self, function: &str, reachable: bool) {
        let mut state = self.state();
        if reachable {
            state.unreachable.remove(function);
        } else {
            state.unreachable.insert(function.to_owned());
        }
    }

    pub(super) fn send_failures_to(&self, aws: AwsClient) {
        let _ = self.destinations.set(aws);
    }

    pub(super) fn note_calls(&self, calls: AwsCalls) {
        // The first record stays: there is one for a stack.
        let _ = self.calls.set(calls);
    }

    pub(super) fn note(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), InvokeError> {
        let noted = self.calls.get().map_or(Ok(()), |calls| calls.note(method, uri, headers, &[]));
        noted.map_err(|error| InvokeError::Unrecorded { reason: error.to_string() })
    }

    /// Runs a function once.
    pub(super) async fn attempt(&self, invocation: &Invocation, number: u32, attached: Attached) -> Ended {
        let Invocation { function, request_id, payload } = invocation;
        let limit = function.config.timeout;
        self.clock.turn(request_id).await;
        let started = self.clock.now();
        let deadline = later(started, limit);
        let trace = trace(request_id, started);
        let delivery = Delivery {
            request_id: request_id.clone(),
            arn: function.arn.clone(),
            payload: payload.clone(),
            deadline,
            trace,
        };
        let warm = function.take_idle();
        let cold = warm.is_none();
        let environment = match warm {
            Some(environment) => Ok(environment),
            None => self.start(function, request_id).await,
        };
        let (outcome, log_tail, missed) = match &environment {
            Ok(environment) => {
                self.state().run(request_id, environment);
                let execution = environment.run(delivery, limit, &self.clock).await;
                self.state().running.remove(request_id);
                if environment.is_frozen() {
                    function.keep_idle(Arc::clone(environment));
                }
                (execution.outcome, execution.log_tail, execution.deadline)
            }
            Err(error) => (Outcome::invalid_entrypoint(request_id, error), Vec::new(), None),
        };
        let error = outcome.error_text();
        let (init, peak_memory_kib) = environment.map_or((None, None), |environment| {
            (environment.init().filter(|_| cold), environment.peak_memory_kib())
        });
        let ended = self.clock.now();
        let attempt = Attempt {
            request_id: request_id.clone(),
            function: function.config.name.clone(),
            number,
            cold,
            started,
            ended,
            error,
            init,
            peak_memory_kib,
        };
        self.state().attempts.push(attempt);
        Ended { outcome, log_tail, moment: (missed, attached) }
    }

    async fn start(&self, function: &Function, request_id: &str) -> io::Result<Arc<Environment>> {
        let around = Around {
            now: self.clock.now(),
            logs: Arc::clone(&self.logs),
            connections: self.connections.clone(),
            invoke_api: self.invoke_api.get().copied(),
        };
        let environment = Environment::start(function, around, request_id).await?;
        let mut state = self.state();
        if state.stopped {
            environment.signal_kill();
        }
        state.environments.retain(|environment| environment.strong_count() > 0);
        state.environments.push(Arc::downgrade(&environment));
        state.peak.environments = state.peak.environments.max(state.environments.len());
        Ok(environment)
    }

    /// Resolves a name, a partial ARN or an ARN, with or without qualifier.
    pub(super) fn find(&self, asked: &str, qualifier: Option<&str>) -> Result<Arc<Function>, InvokeError> {
        let name = asked.rsplit_once(":function:").map_or(asked, |(_, name)| name);
        let (name, inline) =
            name.split_once(':').map_or((name, None), |(name, qualifier)| (name, Some(qualifier)));
        let unknown = || {
            let qualified = qualifier
                .or(inline)
                .map_or_else(|| name.to_owned(), |qualifier| format!("{name}:{qualifier}"));
            InvokeError::FunctionNotFound { arn: arn(&qualified) }
        };
        if [qualifier, inline].into_iter().flatten().any(|version| version != "$LATEST") {
            return Err(unknown());
        }
        self.functions.get(name).cloned().ok_or_else(unknown)
    }

    /// Runs a task that ends with the host.
    fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) -> Result<(), InvokeError> {
        let mut state = self.state();
        if state.stopped {
            return Err(InvokeError::Stopped);
        }
        let pending = Pending::new(self.pending.clone());
        while state.tasks.try_join_next().is_some() {}
        state.tasks.spawn(async move {
            let _pending = pending;
            task.await;
        });
        Ok(())
    }

    pub(super) async fn give_up(&self, failure: AsyncFailure, queue: Option<&str>) {
        if let Some((queue, aws)) = queue.zip(self.destinations.get())
            && let Err(error) = aws.send_message(queue, &destination::record(&failure), &[]).await
        {
            tracing::error!(%error, queue, "an event that was given up did not reach its queue");
        }
        tracing::warn!(request_id = failure.request_id, function = failure.function, condition = ?failure.condition, "event given up");
        self.state().failures.push(failure);
    }

    pub(super) fn kill(&self, request_id: &str) -> bool {
        let running = self.state().running.get(request_id).cloned();
        running.inspect(|environment| environment.signal_kill()).is_some()
    }

    pub(super) fn attempts(&self) -> Vec<Attempt> {
        self.state().attempts.clone()
    }

    pub(super) fn async_failures(&self) -> Vec<AsyncFailure> {
        self.state().failures.clone()
    }

    pub(super) fn peak(&self) -> Peak {
        self.state().peak
    }

    pub(super) async fn settled(&self) {
        // It cannot fail: the sender is ours.
        let _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }

    /// Ends all invocations and signals all processes, without waiting.
    pub(super) fn shut(&self) -> Vec<Arc<Environment>> {
        let mut state = self.state();
        state.stopped = true;
        state.tasks.abort_all();
        let environments: Vec<_> = state.environments.iter().filter_map(Weak::upgrade).collect();
        for environment in &environments {
            environment.signal_kill();
        }
        environments
    }

    pub(super) async fn stop(&self) {
        for environment in self.shut() {
            environment.kill().await;
        }
        let mut tasks = std::mem::take(&mut self.state().tasks);
        tasks.shutdown().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a function gets, once it was found fit. AWS hands an empty payload on as an empty object.
fn checked(payload: Bytes, kind: InvokeKind) -> Result<Bytes, InvokeError> {
    let limit = if kind == InvokeKind::Event { LARGEST_EVENT } else { LARGEST_REQUEST };
    if payload.len() > limit {
        return Err(InvokeError::PayloadTooLarge { bytes: payload.len(), kind, limit });
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(InvokeError::InvalidRequestContent { reason: error.to_string() }),
    }
}

/// A run that is attached to the clock while this lives.
#[derive(Debug)]
pub(super) struct Attached {
    clock: VirtualClock,
    run: String,
}

impl Attached {
    pub(super) fn new(clock: &VirtualClock, run: &str) -> Self {
        clock.attach(run);
        Self { clock: clock.clone(), run: run.to_owned() }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.clock.detach(&self.run);
    }
}

/// One pending invocation, while it lives.
struct Pending(watch::Sender<usize>);

impl Pending {
    fn new(count: watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Request ids: UUIDs with a prefix of the host's own, in order.
#[derive(Debug)]
struct RequestIds {
    prefix: String,
    count: AtomicU64,
}

impl RequestIds {
    /// Length of a UUID without its last group.
    const PREFIX: usize = 24;

    fn new() -> io::Result<Self> {
        let uuid = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        let prefix = uuid
            .get(..Self::PREFIX)
            .ok_or_else(|| io::Error::other(format!("random/uuid: {uuid:?} came, a UUID was expected")))?;
        Ok(Self { prefix: prefix.to_owned(), count: AtomicU64::new(1) })
    }

    fn next(&self) -> String {
        format!("{}{:012x}", self.prefix, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

/// A trace header, for functions that insist on one.
fn trace(request_id: &str, at: Timestamp) -> String {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let last = |count: usize| &digits[digits.len().saturating_sub(count)..];
    format!("Root=1-{:08x}-{};Parent={};Sampled=0", at.as_second(), last(24), last(16))
}

/// `by` after `from`, or the end of time.
pub(super) fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}
