//! Why a spreadsheet could not be read or changed.

/// What was attempted, where (tabs and ranges), and what came of it. No variant holds a token or key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetsError {
    /// What the client was made with, or a change, cannot be sent. Nothing was.
    #[error("sheets: {field}: got {got}, expected {expected}")]
    Invalid {
        /// Which setting, or which range of which tab.
        field: String,
        /// What came.
        got: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Google gives the service account no token: the key was withdrawn, or the account is gone. Nothing was
    /// done.
    #[error("sheets: no token for the service account: {0}")]
    Login(String),
    /// Google refused: nothing was read or changed, and asking again changes nothing.
    #[error("sheets: {what}: refused with {status}: {message}{}", hint(*status))]
    Refused {
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
        /// Google's words, shortened.
        message: String,
    },
    /// Google could not be reached in time, or asked us to come back later than that. Nothing was read or
    /// changed.
    #[error("sheets: {what}: unavailable: {reason}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// What kept it from an answer.
        reason: String,
    },
    /// Changes were sent and it is not known whether they were made: all of them or none. Read again and
    /// decide.
    #[error("sheets: {what}: outcome unknown: {reason}")]
    Unknown {
        /// What was sent.
        what: String,
        /// What kept it from an answer.
        reason: String,
    },
    /// An answer that is not what the API promises.
    #[error("sheets: {what}: {reason}")]
    Malformed {
        /// What was asked for.
        what: String,
        /// The field, what came, what was expected.
        reason: String,
    },
}

const fn hint(status: u16) -> &'static str {
    match status {
        403 => " (is the spreadsheet shared with the service account, as editor?)",
        404 => " (is the spreadsheet's id right?)",
        _ => "",
    }
}
