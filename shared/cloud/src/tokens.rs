//! Token documents kept as SSM SecureString parameters (docs/reference/aws.md, Parameter Store).

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use gamma_execution::ports::{SaveError, StoredToken, TokenStore, TokenVersion, TokenWrite};
use secrecy::{ExposeSecret, SecretString};

use crate::secret_name::SecretName;
use crate::secret_tokens::SecretTokenStore;
use crate::service_error::{code, reason};

/// The most bytes a Standard parameter holds.
const LARGEST: usize = 4096;

/// The store in which the document of that name is kept.
#[must_use]
pub fn token_store(config: &SdkConfig, name: &SecretName) -> Arc<dyn TokenStore> {
    if name.is_in_secrets_manager() {
        Arc::new(SecretTokenStore::new(config))
    } else {
        Arc::new(SsmTokenStore::new(config))
    }
}

/// A [`TokenStore`] over SSM parameters.
///
/// The parameter store has no conditional write: `save` always overwrites, and a write repeated because its
/// answer was lost makes one version more than expected. The versions in between stay readable for a while:
/// `between` reads them.
#[derive(Debug, Clone)]
pub struct SsmTokenStore {
    client: Client,
}

impl SsmTokenStore {
    /// A store over `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

#[async_trait]
impl TokenStore for SsmTokenStore {
    async fn load(&self, name: &str) -> Result<StoredToken, SaveError> {
        self.read(name, name).await
    }

    async fn save(
        &self,
        name: &str,
        text: &SecretString,
        _read: &TokenVersion,
    ) -> Result<TokenWrite, SaveError> {
        self.put(name, text).await.map(|version| TokenWrite::Made(TokenVersion::Count(version)))
    }

    async fn between(
        &self,
        name: &str,
        read: &TokenVersion,
        made: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        let (TokenVersion::Count(read), TokenVersion::Count(made)) = (read, made) else {
            return Err(failed(
                "read",
                name,
                format!("versions: got {read:?} and {made:?}, expected numbers"),
            ));
        };
        let mut gone = Vec::new();
        for version in read + 1..*made {
            gone.push(self.read(name, &format!("{name}:{version}")).await?.text);
        }
        Ok(gone)
    }
}

impl SsmTokenStore {
    /// Reads the parameter, or with `name:version` one of its versions.
    async fn read(&self, name: &str, selected: &str) -> Result<StoredToken, SaveError> {
        let fail = |reason: String| failed("read", name, reason);
        let sent = self.client.get_parameter().name(selected).with_decryption(true).send().await;
        let answer = sent.map_err(|error| match code(&error) {
            "ParameterNotFound" => fail("the parameter is missing; write it with gamma seed".to_owned()),
            _ => fail(reason(&error)),
        })?;
        let parameter = answer.parameter.ok_or_else(|| fail("the answer holds no parameter".to_owned()))?;
        let text = parameter.value.filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| fail("the value is empty; write it with gamma seed".to_owned()))?;
        Ok(StoredToken { text: SecretString::from(text), version: TokenVersion::Count(parameter.version) })
    }

    /// Writes the parameter, also one that is not there yet; returns the version the write made.
    ///
    /// # Errors
    /// [`SaveError`] when it is not known to be written.
    pub async fn put(&self, name: &str, text: &SecretString) -> Result<i64, SaveError> {
        let fail = |reason: String| failed("write", name, reason);
        let document = text.expose_secret();
        if document.trim().is_empty() {
            return Err(fail("the document is empty; nothing was written".to_owned()));
        }
        if document.len() > LARGEST {
            let size = document.len();
            return Err(fail(format!(
                "the document has {size} bytes, a Standard parameter holds {LARGEST}; nothing was written"
            )));
        }
        let request = self.client.put_parameter().name(name).r#type(ParameterType::SecureString);
        let answer =
            request.value(document).overwrite(true).send().await.map_err(|error| match code(&error) {
                // Such a message quotes what was sent.
                "ValidationException" => {
                    fail("ValidationException: the service refused the request as invalid".to_owned())
                }
                _ => fail(reason(&error)),
            })?;
        Ok(answer.version)
    }
}

pub(crate) fn failed(what: &'static str, name: &str, reason: String) -> SaveError {
    SaveError { what, name: name.to_owned(), reason }
}
