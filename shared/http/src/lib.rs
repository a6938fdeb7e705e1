//! The one outgoing HTTP client: timeouts, outcome classes, retry waits, redaction.
