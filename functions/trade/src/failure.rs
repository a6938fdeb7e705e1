//! What a Lambda error says: a stable type for alarms, and words with the next step.

use std::fmt;

use lambda_runtime::Diagnostic;

/// An invocation that ends as a Lambda error. The type is stable: alarms, filters and docs/runbook.md name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Stable name.
    pub(crate) error_type: &'static str,
    message: String,
}

impl Failure {
    pub(crate) fn new(error_type: &'static str, message: impl fmt::Display) -> Self {
        Self { error_type, message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.error_type.to_owned(), error_message: failure.message }
    }
}
