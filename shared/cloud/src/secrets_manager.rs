//! Reading secrets of Secrets Manager.

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;

use crate::service_error::{ReadFault, code};

/// The label of the version that is in force.
pub(crate) const CURRENT: &str = "AWSCURRENT";

/// The current version of a secret.
pub(crate) struct Current {
    /// `None` when the secret is binary.
    pub(crate) text: Option<SecretString>,
    pub(crate) version: String,
}

/// Reads the current version of `id`; `None` when there is no such secret.
pub(crate) async fn current(client: Client, id: String) -> Result<Option<Current>, ReadFault> {
    match client.get_secret_value().secret_id(id).version_stage(CURRENT).send().await {
        Ok(answer) => Ok(Some(Current {
            text: answer.secret_string.map(SecretString::from),
            version: answer.version_id.unwrap_or_default(),
        })),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
        Err(error) => {
            let mut fault = ReadFault::from(&error);
            if code(&error) == "AccessDeniedException" {
                fault.reason.push_str("; allow secretsmanager:GetSecretValue on it");
            }
            Err(fault)
        }
    }
}
