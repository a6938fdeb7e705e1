use std::fmt;

use async_trait::async_trait;
use serde::Serialize;

use crate::notice::{cleaned, cut};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known, not to be acted on at once.
    Warning,
    /// Somebody has to look now.
    Alarm,
}

impl Severity {
    /// Its name in subjects and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A short message to a person. However it was made, subject and lines are single lines of bounded length, in
/// which account numbers are masked and what looks like a credential is hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    severity: Severity,
    subject: String,
    lines: Vec<String>,
}

impl Notice {
    /// The longest subject, in characters.
    pub const LONGEST_SUBJECT: usize = 120;
    /// The longest line, in characters.
    pub const LONGEST_LINE: usize = 500;
    /// The most lines; of more the first are kept, and their number is said.
    pub const MOST_LINES: usize = 40;

    /// A message, cleaned.
    #[must_use]
    pub fn new(severity: Severity, subject: &str, lines: impl IntoIterator<Item = String>) -> Self {
        let mut lines: Vec<String> =
            lines.into_iter().map(|line| cut(&cleaned(&line), Self::LONGEST_LINE)).collect();
        if lines.len() > Self::MOST_LINES {
            let more = lines.len() - (Self::MOST_LINES - 1);
            lines.truncate(Self::MOST_LINES - 1);
            lines.push(format!("({more} more lines)"));
        }
        Self { severity, subject: cut(&cleaned(subject), Self::LONGEST_SUBJECT), lines }
    }

    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// What it is about, in one line.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What there is to say.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The lines as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A way to reach a person. Nothing waits for it but its caller, it tries once, and it touches nothing else:
/// a failure is to be logged and forgotten.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends one message.
    ///
    /// # Errors
    /// [`NotifyError`]; after a timeout the message may arrive all the same.
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError>;
}

/// Why a message was not sent, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("notice by {by}: {reason}")]
pub struct NotifyError {
    /// The way: `mail`, `sns`.
    pub by: &'static str,
    /// What kept it, without credentials.
    pub reason: String,
}
