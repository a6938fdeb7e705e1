//! A call of AWS that an operator made and that gave no answer to work with.

use std::error::Error;
use std::fmt::Display;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::service_error::{code, reason};

/// Codes by which services say that there is no such thing.
const ABSENT: [&str; 3] = ["ResourceNotFoundException", "ParameterNotFound", "NotFoundException"];
/// Codes by which services say that whoever asks may not.
const DENIED: [&str; 4] =
    ["AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "AuthorizationError"];
/// Codes by which services say that they do not know who asks.
const STRANGER: [&str; 6] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "ExpiredTokenException",
    "ExpiredToken",
    "InvalidSignatureException",
    "IncompleteSignatureException",
];

/// A call that was refused or not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} {what}: {reason}")]
pub struct CallError {
    /// The IAM action, `ssm:PutParameter`.
    pub action: &'static str,
    /// On what.
    pub what: String,
    /// Code and message, without values.
    pub reason: String,
    code: String,
    answered: bool,
}

impl CallError {
    pub(crate) fn of<E>(action: &'static str, what: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (code, answered) = (code(error).to_owned(), error.as_service_error().is_some());
        // Such a message quotes what was sent.
        let reason = if code == "ValidationException" {
            format!("{code}: the service refused the request as invalid")
        } else {
            reason(error)
        };
        Self { action, what: what.to_owned(), reason, code, answered }
    }

    pub(crate) fn unreadable(action: &'static str, what: &str, error: &dyn Display) -> Self {
        Self {
            action,
            what: what.to_owned(),
            reason: format!("the answer does not read: {error}"),
            code: String::new(),
            answered: false,
        }
    }

    /// There is no such thing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        ABSENT.contains(&self.code.as_str())
    }

    /// Whoever asks may not: [`CallError::action`] is what is to be allowed.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        DENIED.contains(&self.code.as_str())
    }

    /// The credentials are no good.
    #[must_use]
    pub fn is_stranger(&self) -> bool {
        STRANGER.contains(&self.code.as_str())
    }

    /// There is one of that name already.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.code == "ParameterAlreadyExists"
    }

    /// The service answered; otherwise nobody knows.
    #[must_use]
    pub const fn is_answer(&self) -> bool {
        self.answered
    }
}
