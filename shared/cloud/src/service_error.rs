//! What an SDK error says, without what it carries.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// The service's code and message, or what kept the call from an answer.
///
/// The SDK's `DisplayErrorContext` is not used: it ends with the error's `Debug` form, which holds the raw
/// answer, and the answer to a parameter read holds the decrypted values.
pub(crate) fn reason<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let fault = context.err();
            let message = fault.message().unwrap_or("no message");
            format!("{}: {message} (HTTP {})", code(error), context.raw().status())
        }
        SdkError::ResponseError(context) => {
            format!("the answer could not be read (HTTP {})", context.raw().status())
        }
        other => chain(other),
    }
}

/// The service's error code, `unnamed` where it gave none or was not reached.
pub(crate) fn code<E>(error: &SdkError<E, HttpResponse>) -> &str
where
    E: ProvideErrorMetadata,
{
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("unnamed")
}

/// Codes by which a service says that it was asked too often, or that the request took too long to come; all
/// with a 4xx.
const ASKED_TOO_OFTEN: [&str; 5] = [
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
];

/// Whether the call is known to have changed nothing: the service said no, or it was never asked, for want of
/// credentials. A timeout, a broken connection and the service's own trouble say nothing.
pub(crate) fn is_refusal<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let status = context.raw().status();
            // An earlier try of the same transaction may still come to its end.
            let undecided = status.as_u16() == 429
                || code(error) == "TransactionInProgressException"
                || ASKED_TOO_OFTEN.contains(&code(error));
            status.is_client_error() && !undecided
        }
        SdkError::ConstructionFailure(_) => true,
        // Credentials are looked for before anything is sent.
        SdkError::DispatchFailure(_) => lacks_credentials(error),
        _ => false,
    }
}

fn lacks_credentials(error: &dyn Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<CredentialsError>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// Why a read gave nothing.
#[derive(Debug)]
pub(crate) struct ReadFault {
    /// Code and message, without values.
    pub(crate) reason: String,
    /// The same read may work in a moment. Otherwise it was an answer: asking again changes nothing.
    pub(crate) passing: bool,
}

impl<E> From<&SdkError<E, HttpResponse>> for ReadFault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    fn from(error: &SdkError<E, HttpResponse>) -> Self {
        let passing = match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status();
                // Anything but a 4xx: the service's own trouble, or a success that broke off.
                !status.is_client_error() || status.as_u16() == 429 || ASKED_TOO_OFTEN.contains(&code(error))
            }
            // No answer came, or only a part of one.
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
            _ => false,
        };
        Self { reason: reason(error), passing }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
