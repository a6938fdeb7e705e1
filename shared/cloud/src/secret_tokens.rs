//! Token documents kept as secrets of Secrets Manager.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use gamma_execution::ports::{SaveError, StoredToken, TokenStore, TokenVersion, TokenWrite};
use secrecy::{ExposeSecret, SecretString};

use crate::secret_name::{Kept, PREFIX, SecretName};
use crate::secrets_manager::{self, CURRENT};
use crate::service_error::{code, reason};
use crate::tokens::failed;

/// The label under which a document waits to become the current one. Not Secrets Manager's own `AWSPENDING`,
/// which belongs to its rotation.
const WRITTEN: &str = "gamma-written";

/// A [`TokenStore`] over secrets; names are `secretsmanager:<secret id>`.
///
/// A version becomes the current one only by taking that label from the version that was read, so that unlike
/// a parameter it never goes over what it has not seen.
#[derive(Debug, Clone)]
pub struct SecretTokenStore {
    client: Client,
}

impl SecretTokenStore {
    /// A store over `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Makes the secret `secretsmanager:<secret id>` with its first text, for local stacks.
    ///
    /// # Errors
    /// [`SaveError`] when it is there already, or is not known to be made.
    pub async fn create(&self, name: &str, text: &SecretString) -> Result<(), SaveError> {
        let id = name.strip_prefix(PREFIX).unwrap_or(name);
        let made = self.client.create_secret().name(id).secret_string(text.expose_secret()).send().await;
        made.map(drop).map_err(|error| failed("write", name, reason(&error)))
    }

    async fn current(&self, name: &str) -> Result<(StoredToken, String), SaveError> {
        let fail = |reason: String| failed("read", name, reason);
        let id = match SecretName::of_document(name).as_ref().map(SecretName::kept) {
            Ok(Kept::Secret { id, .. }) => id.clone(),
            Ok(Kept::Parameter) => {
                return Err(fail("got an SSM parameter, expected secretsmanager:<secret id>".to_owned()));
            }
            Err(error) => return Err(fail(error.to_string())),
        };
        let current =
            secrets_manager::current(self.client.clone(), id).await.map_err(|fault| fail(fault.reason))?;
        let current = current.ok_or_else(|| {
            fail("the secret is missing; make it with aws secretsmanager create-secret".to_owned())
        })?;
        let text = current.text.filter(|text| !text.expose_secret().trim().is_empty());
        let text = text.ok_or_else(|| {
            fail("the secret holds no text; write it with aws secretsmanager put-secret-value".to_owned())
        })?;
        Ok((StoredToken { text, version: TokenVersion::Id(current.version.clone()) }, current.version))
    }
}

#[async_trait]
impl TokenStore for SecretTokenStore {
    async fn load(&self, name: &str) -> Result<StoredToken, SaveError> {
        Ok(self.current(name).await?.0)
    }

    async fn save(
        &self,
        name: &str,
        text: &SecretString,
        read: &TokenVersion,
    ) -> Result<TokenWrite, SaveError> {
        let fail = |reason: String| failed("write", name, reason);
        let id = name.strip_prefix(PREFIX).unwrap_or(name);
        let TokenVersion::Id(read) = read else {
            return Err(fail(format!(
                "version: got {read:?}, expected the id of a secret's version; nothing was written"
            )));
        };
        if text.expose_secret().trim().is_empty() {
            return Err(fail("the document is empty; nothing was written".to_owned()));
        }
        // The SDK names the version and repeats that name when it tries again: one write, however often it is
        // sent.
        let put = self
            .client
            .put_secret_value()
            .secret_id(id)
            .secret_string(text.expose_secret())
            .version_stages(WRITTEN);
        let put = put.send().await.map_err(|error| match code(&error) {
            // Such a message may quote what was sent.
            "ValidationException" | "InvalidParameterException" => {
                fail(format!("{}: the service refused the request as invalid", code(&error)))
            }
            _ => fail(reason(&error)),
        })?;
        let made = put.version_id.ok_or_else(|| fail("the answer names no version".to_owned()))?;
        let moved = self.client.update_secret_version_stage().secret_id(id).version_stage(CURRENT);
        let Err(error) = moved.move_to_version_id(&made).remove_from_version_id(read).send().await else {
            return Ok(TokenWrite::Made(TokenVersion::Id(made)));
        };
        // Refused because the label is no longer where it was read: taken by somebody else, or by a try of
        // ours whose answer was lost.
        let (_, current) = self.current(name).await?;
        if current == made {
            Ok(TokenWrite::Made(TokenVersion::Id(made)))
        } else if current == *read {
            Err(fail(format!("the new version could not be made the current one: {}", reason(&error))))
        } else {
            Ok(TokenWrite::Conflict)
        }
    }

    async fn between(
        &self,
        _name: &str,
        _read: &TokenVersion,
        _made: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        Ok(Vec::new())
    }
}
