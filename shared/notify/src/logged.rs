//! Nothing is configured: the log is told.

use async_trait::async_trait;
use gamma_execution::ports::{Notice, Notifier, NotifyError, Severity};

/// Writes messages to the log, where alarms and filters find them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logged;

#[async_trait]
impl Notifier for Logged {
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let (severity, subject, lines) =
            (notice.severity().name(), notice.subject(), notice.lines().join(" | "));
        match notice.severity() {
            Severity::Warning => tracing::warn!(severity, subject, lines, "notice"),
            Severity::Alarm => tracing::error!(severity, subject, lines, alarm = true, "notice"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use gamma_execution::notice::notice_of;
    use gamma_execution::report::Outcome;
    use jiff::civil::date;

    /// A place for log lines.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn notices_are_logged_by_severity_without_account_numbers() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        for outcome in [Outcome::Halted, Outcome::OneSided] {
            let notice =
                notice_of(outcome, outcome.alarms(), "of 5WT20360", "tt-ira", date(2026, 8, 14)).unwrap();
            crate::notifier(None).unwrap().notify(&notice).await.unwrap();
        }
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].contains("\"WARN\"") && lines[0].contains("[warning] tt-ira 2026-08-14: halted"),
            "{text}"
        );
        assert!(
            lines[1].contains("\"ERROR\"")
                && lines[1].contains("\"alarm\":true")
                && lines[1].contains("Detail: of ****0360"),
            "{text}"
        );
        assert!(lines.len() == 2 && !text.contains("5WT20360"), "{text}");
    }
}
