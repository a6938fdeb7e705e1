//! What the local stack's functions answer.

use gamma_simulator::host::InvokeResult;
use serde_json::Value;

use super::Fallible;

/// What the Invoke API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `X-Amz-Function-Error`.
    pub function_error: Option<String>,
    /// The invocation.
    pub request_id: String,
    /// The function's answer, or its error.
    pub body: Value,
}

impl Answer {
    pub(super) fn of(result: InvokeResult) -> Fallible<Self> {
        let InvokeResult { status, function_error, request_id, payload, .. } = result;
        Ok(Self { status, function_error, request_id, body: serde_json::from_slice(&payload)? })
    }

    /// `errorType`, where the function failed.
    #[must_use]
    pub fn error_type(&self) -> &str {
        self.body["errorType"].as_str().unwrap_or_default()
    }

    /// The named outcome, where it did not.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.body["outcome"].as_str().unwrap_or_default()
    }
}
