//! How a command ends.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

/// How a command ends, as its exit code says it. Wrong usage is 2, and clap's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// 0: done; the answer is yes.
    Done,
    /// 1: the answer is no, or something is wrong.
    No,
    /// 3: could not be reached, so nobody knows.
    Unknown,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0,
            End::No => 1,
            End::Unknown => 3,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trouble {
    /// What was attempted.
    pub(crate) attempted: String,
    /// What came, without secrets.
    pub(crate) came: String,
    /// The next step, where one is known.
    pub(crate) next: Option<String>,
    /// How the command ends with it.
    pub(crate) end: End,
}

/// What every command gives.
pub(crate) type Ended = Result<End, Trouble>;

impl Trouble {
    /// Refused, or known to be wrong.
    pub(crate) fn no(attempted: impl Into<String>, came: impl fmt::Display) -> Self {
        Self { attempted: attempted.into(), came: came.to_string(), next: None, end: End::No }
    }

    /// No answer came, or one that says nothing.
    pub(crate) fn unknown(attempted: impl Into<String>, came: impl fmt::Display) -> Self {
        Self { end: End::Unknown, ..Self::no(attempted, came) }
    }

    /// With what to do about it.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attempted, self.came)?;
        self.next.iter().try_for_each(|step| write!(f, "\n  next: {step}"))
    }
}
