//! Nothing is configured: the log is told.

use async_trait::async_trait;
use gamma_execution::ports::{Notice, Notifier, NotifyError, Severity};

/// Writes messages to the log, where alarms and filters find them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logged;

#[async_trait]
impl Notifier for Logged {
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let (severity, subject, lines) = (notice.severity().name(), notice.subject(), notice.lines().join(" | "));
        match notice.severity() {
            Severity::Warning => tracing::warn!(severity, subject, lines, "notice"),
            Severity::Alarm => tracing::error!(severity, subject, lines, alarm = true, "notice"),
        }
        Ok(())
    }
}
