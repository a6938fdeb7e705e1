//! What a Lambda error says: a stable type for alarms, and words with the next step.

use std::fmt;

use lambda_runtime::Diagnostic;
use serde_json::Value;

/// An invocation that ends as a Lambda error. The type is stable: alarms, filters and docs/runbook.md name
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable name.
    pub error_type: &'static str,
    message: String,
}

impl Failure {
    /// A failure of the type `error_type`.
    #[must_use]
    pub fn new(error_type: &'static str, message: impl fmt::Display) -> Self {
        Self { error_type, message: message.to_string() }
    }

    /// `MalformedEvent`: a field of an event that is not what it should be.
    #[must_use]
    pub fn malformed(field: &str, got: &Value, expected: &str) -> Self {
        Self::new("MalformedEvent", format!("{field}: got {}, expected {expected}", short(&got.to_string())))
    }
}

/// Enough of a foreign text to know it by.
#[must_use]
pub fn short(text: &str) -> String {
    text.chars().take(60).collect()
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
