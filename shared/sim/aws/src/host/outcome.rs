//! How an execution ended, in Lambda's own words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::json;

/// Largest response, in bytes; Lambda allows 100 more than the 6 MB of a request.
pub(super) const LARGEST_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// The answer of one execution.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) payload: Bytes,
    /// The payload is an error document.
    pub(super) failed: bool,
}

impl Outcome {
    pub(super) fn answer(payload: Bytes) -> Self {
        Self { payload, failed: false }
    }

    /// The error document that the function itself posted.
    pub(super) fn error(payload: Bytes) -> Self {
        Self { payload, failed: true }
    }

    /// The error document as text, when it is one.
    pub(super) fn error_text(&self) -> Option<String> {
        self.failed.then(|| String::from_utf8_lossy(&self.payload).into_owned())
    }

    pub(super) fn response_too_large() -> Self {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
        );
        Self::document("Function.ResponseSizeTooLarge", &message)
    }

    pub(super) fn timed_out(request_id: &str, limit: Duration) -> Self {
        let seconds = limit.as_secs_f64();
        Self::document(
            "Sandbox.Timedout",
            &format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
        )
    }

    pub(super) fn exited(request_id: &str, status: Option<ExitStatus>) -> Self {
        let how = match status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) if code != 0 => format!("Runtime exited with error: exit status {code}"),
            Some((None, Some(signal))) => {
                format!("Runtime exited with error: signal: {}", signal_name(signal))
            }
            _ => "Runtime exited without providing a reason".to_owned(),
        };
        Self::document("Runtime.ExitError", &format!("RequestId: {request_id} Error: {how}"))
    }

    /// The binary could not be started.
    pub(super) fn invalid_entrypoint(request_id: &str, error: &std::io::Error) -> Self {
        Self::document("Runtime.InvalidEntrypoint", &format!("RequestId: {request_id} Error: {error}"))
    }

    fn document(error_type: &str, message: &str) -> Self {
        Self::error(json!({ "errorType": error_type, "errorMessage": message }).to_string().into())
    }
}

/// The words Lambda's supervisor (a Go program) has for a signal on Linux.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
