//! Reading secrets of Secrets Manager.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;

use crate::service_error::{code, reason};

/// The label of the version that is in force.
pub(crate) const CURRENT: &str = "AWSCURRENT";

/// The current version of a secret.
pub(crate) struct Current {
    /// `None` when the secret is binary.
    pub(crate) text: Option<SecretString>,
    pub(crate) version: String,
}

/// Reads the current version of `id`; `None` when there is no such secret.
pub(crate) async fn current(client: &Client, id: &str) -> Result<Option<Current>, String> {
    match client.get_secret_value().secret_id(id).version_stage(CURRENT).send().await {
        Ok(answer) => Ok(Some(Current { text: answer.secret_string.map(SecretString::from), version: answer.version_id.unwrap_or_default() })),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
        Err(error) => Err(why(&error)),
    }
}

fn why(error: &SdkError<GetSecretValueError, HttpResponse>) -> String {
    let reason = reason(error);
    if code(error) == "AccessDeniedException" { format!("{reason}; allow secretsmanager:GetSecretValue on it") } else { reason }
}
