//! A host with one kind of function: a script that speaks the Runtime API and does what its event says.

// Not every test binary uses everything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use gamma_sim_aws::host::{FunctionConfig, Host, HostConfig, InvokeError, InvokeKind, InvokeResult};
use gamma_sim_core::connections::Connections;
use gamma_sim_core::time::{VirtualClock, router};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("host-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let binary = directory.join("bootstrap");
    fs::write(&binary, include_str!("bootstrap.py")).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    binary
});

/// A file of this test run's own.
pub(crate) fn scratch(name: &str) -> PathBuf {
    BINARY.with_file_name(name)
}

pub(crate) fn start() -> Timestamp {
    "2026-03-02T14:30:00Z".parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// A function named `f`; its clock is told to it by [`Stage::new`].
pub(crate) fn function() -> FunctionConfig {
    FunctionConfig {
        timeout: Duration::from_secs(900),
        memory_mb: 256,
        ..FunctionConfig::new("f", BINARY.clone())
    }
}

/// A host and what stands around it.
pub(crate) struct Stage {
    pub(crate) host: Host,
    pub(crate) clock: VirtualClock,
    pub(crate) connections: Connections,
    _clock_server: Connections,
}

impl Stage {
    pub(crate) async fn new(mut functions: Vec<FunctionConfig>) -> Self {
        let (clock, connections, clock_server) =
            (VirtualClock::new(start(), None), Connections::new(), Connections::new());
        let address = clock_server.serve(router(clock.clone())).await.unwrap();
        for function in &mut functions {
            function.environment.insert("CLOCK".to_owned(), format!("http://{address}/clock"));
        }
        let host =
            Host::start(HostConfig { functions, clock: clock.clone(), connections: connections.clone() })
                .await
                .unwrap();
        Self { host, clock, connections, _clock_server: clock_server }
    }

    /// Invokes `f` and waits.
    pub(crate) async fn call(&self, event: &Value) -> Result<InvokeResult, InvokeError> {
        self.host.invoke("f", event.to_string().as_bytes(), InvokeKind::RequestResponse).await
    }

    /// Invokes `f`, which is to succeed, and gives its answer.
    pub(crate) async fn answer(&self, event: Value) -> Value {
        let result = self.call(&event).await.unwrap();
        let payload = serde_json::from_slice(&result.payload).unwrap();
        assert_eq!(result.function_error, None, "{event}: {payload}");
        payload
    }

    /// Invokes `f`, which is to fail, and gives its request id and the error document.
    pub(crate) async fn failure(&self, event: Value) -> (String, Value) {
        let result = self.call(&event).await.unwrap();
        assert_eq!((result.status, result.function_error.as_deref()), (200, Some("Unhandled")), "{event}");
        (result.request_id, serde_json::from_slice(&result.payload).unwrap())
    }

    /// Queues an event for `f`, and gives its id.
    pub(crate) async fn queue(&self, event: &Value) -> String {
        let result = self.host.invoke("f", event.to_string().as_bytes(), InvokeKind::Event).await.unwrap();
        assert_eq!((result.status, result.payload), (202, Vec::new()));
        result.request_id
    }
}

/// The state letter of a process, `None` when it is gone (or dead, whether or not its new parent has looked).
pub(crate) fn process_state(pid: &Value) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next().filter(|state| !matches!(state, 'Z' | 'X'))
}
