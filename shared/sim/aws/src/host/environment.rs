//! One execution environment: a process, its Runtime API, and what becomes of an event it is given.
//!
//! `Starting → Running → Frozen → Running → … → Exited`: an environment runs from the moment it is handed an
//! event until it asks for the next, and is frozen from then on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use gamma_sim_core::connections::Connections;
use gamma_sim_core::time::{Hold, VirtualClock, real_now};
use jiff::Timestamp;
use rustix::process::{Pid, Signal};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::function::{Function, REGION};
use super::outcome::Outcome;
use super::output::{Logs, Output};
use super::process::Group;
use super::{Init, runtime_api};

/// Lambda's limit for initialisation, in real time: the function cannot wait on the clock before it knows its
/// request id.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// Real time beyond its timeout after which a function that neither ends nor waits counts as hanging; a slow
/// machine is not a hang.
const HANG_MARGIN: Duration = Duration::from_secs(5);
/// Real time within which signals take effect.
const SIGNAL_LIMIT: Duration = Duration::from_secs(2);

/// An event on its way to a function.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) request_id: String,
    pub(super) arn: String,
    pub(super) payload: Bytes,
    /// Virtual time.
    pub(super) deadline: Timestamp,
    pub(super) trace: String,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Starting,
    Running,
    Frozen,
    Exited(Option<ExitStatus>),
}

#[derive(Debug)]
pub(super) struct Environment {
    port: u16,
    group: Group,
    connections: Connections,
    output: Output,
    /// Real time.
    started: Instant,
    slot: Mutex<Slot>,
    phase: watch::Sender<Phase>,
}

/// What passes between the host and the Runtime API.
#[derive(Debug, Default)]
struct Slot {
    /// An event for a function that has not asked for one yet.
    queued: Option<Delivery>,
    /// Where a function that has asked, and is frozen, awaits its event.
    asking: Option<oneshot::Sender<Delivery>>,
    /// The event it was handed last.
    current: Option<String>,
    /// Its answer to that.
    answer: Option<Outcome>,
    /// How it came up, once it has asked for an event.
    init: Option<Init>,
}

/// A request to the Runtime API that does not fit its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misuse {
    /// An answer to an event it does not have.
    UnknownRequest,
    /// A second answer, a question before the answer, or an initialisation error after initialisation.
    InvalidTransition,
}

/// What a new environment is started in.
pub(super) struct Around {
    pub(super) now: Timestamp,
    pub(super) logs: Arc<Logs>,
    pub(super) connections: Connections,
    /// Where functions invoke functions.
    pub(super) invoke_api: Option<SocketAddr>,
}

impl Environment {
    /// Starts a process for an invocation, and its Runtime API on a port of its own.
    pub(super) async fn start(
        function: &Function,
        around: Around,
        request_id: &str,
    ) -> io::Result<Arc<Self>> {
        let Around { now, logs, connections, invoke_api } = around;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (reader, writer) = io::pipe()?;
        let mut command = command(function, now, port, request_id)?;
        if let Some(address) =
            invoke_api.filter(|_| !function.config.environment.contains_key(LAMBDA_ENDPOINT))
        {
            command.env(LAMBDA_ENDPOINT, format!("http://{address}"));
        }
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true);
        let started = real_now();
        let child = command.spawn()?;
        // The command keeps the pipe's writing ends, and with them the end of the output from being seen.
        drop(command);
        let leader = child
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?))
            .ok_or_else(|| io::Error::other("the process has no id"))?;
        let environment = Arc::new(Self {
            port,
            group: Group::led_by(leader),
            connections,
            output: Output::new(&function.config.name, logs, reader, request_id)?,
            started,
            slot: Mutex::default(),
            phase: watch::Sender::new(Phase::Starting),
        });
        let router = runtime_api::router(Arc::clone(&environment));
        let api = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "runtime API ended");
            }
        });
        tokio::spawn(watch_over(Arc::clone(&environment), child, api));
        Ok(environment)
    }

    /// Hands the function an event and sees it through: until it is frozen again or gone. The run must be
    /// attached to the clock.
    pub(super) async fn run(&self, delivery: Delivery, limit: Duration, clock: &VirtualClock) -> Execution {
        let request_id = delivery.request_id.clone();
        let alarm = clock.alarm(delivery.deadline);
        let mut phase = self.phase.subscribe();
        self.output.begin(&request_id);
        self.hand_over(delivery);
        let late = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| matches!(phase, Phase::Frozen | Phase::Exited(_))) => None,
            hold = alarm => Some(Some(hold)),
            () = hangs(clock, &request_id, limit.saturating_add(HANG_MARGIN)) => Some(None),
            () = self.init_overdue() => Some(None),
        };
        if late.is_some() {
            self.kill().await;
        }
        let answer = self.slot().answer.take();
        let outcome = answer.unwrap_or_else(|| match (&late, *self.phase.borrow()) {
            (Some(_), _) => Outcome::timed_out(&request_id, limit),
            (None, Phase::Exited(status)) => Outcome::exited(&request_id, status),
            (None, _) => Outcome::exited(&request_id, None),
        });
        Execution { outcome, log_tail: self.output.finish(), deadline: late.flatten() }
    }

    /// Whether it can be given another event.
    pub(super) fn is_frozen(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Frozen)
    }

    /// How it came up, once it has.
    pub(super) fn init(&self) -> Option<Init> {
        self.slot().init
    }

    /// The most memory its process has held, in KiB, while it is there.
    pub(super) fn peak_memory_kib(&self) -> Option<u64> {
        self.group.memory_kib("VmHWM")
    }

    /// Sends SIGKILL, which ends frozen processes too.
    pub(super) fn signal_kill(&self) {
        self.group.signal(Signal::KILL);
    }

    /// Kills it and waits until it is gone.
    pub(super) async fn kill(&self) {
        self.signal_kill();
        let mut phase = self.phase.subscribe();
        if tokio::time::timeout(SIGNAL_LIMIT, phase.wait_for(|phase| matches!(phase, Phase::Exited(_))))
            .await
            .is_err()
        {
            tracing::warn!(port = self.port, "a killed function is still there");
        }
    }

    fn hand_over(&self, delivery: Delivery) {
        let mut slot = self.slot();
        match slot.asking.take() {
            Some(asking) => {
                slot.current = Some(delivery.request_id.clone());
                self.enter(Phase::Running);
                self.group.signal(Signal::CONT);
                // Nobody is there when the process died frozen, which its watcher tells us.
                drop(asking.send(delivery));
            }
            None => slot.queued = Some(delivery),
        }
    }

    /// Goes on to a phase; a process that has exited stays so, even when a request of its own is still under
    /// way.
    fn enter(&self, next: Phase) {
        self.phase.send_if_modified(|phase| {
            let alive = !matches!(phase, Phase::Exited(_));
            if alive {
                *phase = next;
            }
            alive
        });
    }

    async fn init_overdue(&self) {
        let mut phase = self.phase.subscribe();
        let started = phase.wait_for(|phase| !matches!(phase, Phase::Starting));
        if tokio::time::timeout(INIT_LIMIT, started).await.is_ok() {
            std::future::pending().await
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The function's side, for the Runtime API.
impl Environment {
    /// The next event. With none there the function is frozen until one comes; `None` when none ever will.
    pub(super) async fn next(&self) -> Result<Option<Delivery>, Misuse> {
        {
            let mut slot = self.slot();
            let took = self.started.elapsed();
            slot.init.get_or_insert_with(|| Init { took, resident_kib: self.group.memory_kib("VmRSS") });
            if slot.current.is_some() && slot.answer.is_none() {
                return Err(Misuse::InvalidTransition);
            }
        }
        if let Some(delivery) = self.take_queued() {
            return Ok(Some(delivery));
        }
        self.freeze().await;
        let (asking, asked) = oneshot::channel();
        {
            let mut slot = self.slot();
            if slot.queued.is_none() {
                slot.current = None;
                slot.asking = Some(asking);
                self.enter(Phase::Frozen);
            }
        }
        if let Some(delivery) = self.take_queued() {
            self.group.signal(Signal::CONT);
            return Ok(Some(delivery));
        }
        Ok(asked.await.ok())
    }

    /// The answer to an event.
    pub(super) fn answer(&self, request_id: &str, outcome: Outcome) -> Result<(), Misuse> {
        let mut slot = self.slot();
        if slot.current.as_deref() != Some(request_id) {
            return Err(Misuse::UnknownRequest);
        }
        if slot.answer.is_some() {
            return Err(Misuse::InvalidTransition);
        }
        slot.answer = Some(outcome);
        Ok(())
    }

    /// The function could not initialise. It is of no use any more, whether or not it exits by itself.
    pub(super) fn fail_init(&self, outcome: Outcome) -> Result<(), Misuse> {
        if !matches!(*self.phase.borrow(), Phase::Starting) {
            return Err(Misuse::InvalidTransition);
        }
        self.slot().answer = Some(outcome);
        self.signal_kill();
        Ok(())
    }

    fn take_queued(&self) -> Option<Delivery> {
        let mut slot = self.slot();
        let delivery = slot.queued.take()?;
        slot.current = Some(delivery.request_id.clone());
        self.enter(Phase::Running);
        Some(delivery)
    }

    /// Stops the processes, and lets the connections they leave open die.
    async fn freeze(&self) {
        self.group.signal(Signal::STOP);
        // Nobody joins them any more: a fork either came before the signal or does not come.
        let members = self.group.members();
        if !takes_effect(|| members.are_stopped()).await {
            tracing::warn!(port = self.port, "a function does not freeze");
        }
        // The one to the Runtime API lives: it is not among the connections that can be killed.
        self.connections.kill_flows(&members.connections());
    }
}

/// How an event fared.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) outcome: Outcome,
    pub(super) log_tail: Vec<u8>,
    /// The moment of the deadline, when it was passed: to be kept until the consequences have been seen to.
    pub(super) deadline: Option<Hold>,
}

/// Follows a process to its end, and takes everything down that was there for it.
async fn watch_over(environment: Arc<Environment>, mut child: Child, api: JoinHandle<()>) {
    // When the runtime ends before the process does, the descendants go too.
    let _kill = KillOnDrop(&environment);
    // The output is followed until the process is gone: a descendant may close it early, or keep it open for
    // longer.
    let status = tokio::select! {
        status = child.wait() => status,
        status = async {
            environment.output.follow().await;
            std::future::pending().await
        } => status,
    };
    let left = environment.group.sweep();
    if !takes_effect(|| left.are_dead()).await {
        tracing::warn!(port = environment.port, "a descendant of a function does not die");
    }
    environment.output.drain();
    environment.enter(Phase::Exited(status.ok()));
    // With it goes the last reference to this environment that does not belong to an invocation.
    api.abort();
}

struct KillOnDrop<'environment>(&'environment Environment);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.signal_kill();
    }
}

/// Waits until a signal has reached every process, which takes a moment of real time; `false` when it took
/// too long.
async fn takes_effect(seen: impl Fn() -> bool) -> bool {
    let effect = async {
        while !seen() {
            real_pause(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SIGNAL_LIMIT, effect).await.is_ok()
}

/// Ends when the run has been busy for `limit` of real time without waiting on the clock.
async fn hangs(clock: &VirtualClock, run: &str, limit: Duration) {
    const LOOK_AGAIN: Duration = Duration::from_millis(250);
    loop {
        match clock.busy_for(run) {
            Some(busy) if busy >= limit => return,
            Some(busy) => real_pause(limit - busy).await,
            None => real_pause(limit.min(LOOK_AGAIN)).await,
        }
    }
}

#[allow(clippy::disallowed_methods)] // real time: it guards real processes, which virtual time does not move
async fn real_pause(length: Duration) {
    tokio::time::sleep(length).await;
}

/// Which Lambda service a function's own SDK calls. Here it is the host; AWS leaves it to the SDK.
const LAMBDA_ENDPOINT: &str = "AWS_ENDPOINT_URL_LAMBDA";

/// The process with the environment variables Lambda gives it.
/// Source: AWS Lambda developer guide, "Defined runtime environment variables".
fn command(function: &Function, now: Timestamp, port: u16, request_id: &str) -> io::Result<Command> {
    let config = &function.config;
    let binary = config.binary.canonicalize()?;
    let root = binary.parent().ok_or_else(|| io::Error::other("binary: it has no directory"))?;
    let date = now.strftime("%Y/%m/%d");
    let stream: String = request_id.chars().filter(|character| *character != '-').collect();
    let mut command = Command::new(&binary);
    command
        .current_dir(root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()))
        .env("TZ", ":UTC")
        .env("LANG", "en_US.UTF-8")
        .env("LAMBDA_TASK_ROOT", root)
        .env("_HANDLER", "bootstrap")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", &config.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", config.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", config.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("{date}/[$LATEST]{stream}"))
        .envs(&config.environment);
    Ok(command)
}
