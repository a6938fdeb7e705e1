//! Token documents kept as SSM SecureString parameters (reference gammawizard.md, section 4).

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterType;
use gamma_execution::ports::{SaveError, StoredToken, TokenStore};
use secrecy::{ExposeSecret, SecretString};

use crate::service_error::{code, reason};

/// The most bytes a Standard parameter holds.
const LARGEST: usize = 4096;

/// A [`TokenStore`] over SSM parameters.
///
/// The parameter store has no conditional write: `save` always overwrites, and a write repeated because its answer was
/// lost makes one version more than expected. Callers compare the version with the one they read and repair.
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
        let fail = |reason: String| failed("read", name, reason);
        let sent = self.client.get_parameter().name(name).with_decryption(true).send().await;
        let answer = sent.map_err(|error| match code(&error) {
            "ParameterNotFound" => fail("the parameter is missing; write it with scripts/seed-ssm".to_owned()),
            _ => fail(reason(&error)),
        })?;
        let parameter = answer.parameter.ok_or_else(|| fail("the answer holds no parameter".to_owned()))?;
        let text = parameter.value.filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| fail("the value is empty; write it with scripts/seed-ssm".to_owned()))?;
        Ok(StoredToken { text: SecretString::from(text), version: parameter.version })
    }

    async fn save(&self, name: &str, text: &SecretString) -> Result<i64, SaveError> {
        let fail = |reason: String| failed("write", name, reason);
        let document = text.expose_secret();
        if document.trim().is_empty() {
            return Err(fail("the document is empty; nothing was written".to_owned()));
        }
        if document.len() > LARGEST {
            let size = document.len();
            return Err(fail(format!("the document has {size} bytes, a Standard parameter holds {LARGEST}; nothing was written")));
        }
        let request = self.client.put_parameter().name(name).r#type(ParameterType::SecureString);
        let answer = request.value(document).overwrite(true).send().await.map_err(|error| match code(&error) {
            // Such a message quotes what was sent.
            "ValidationException" => fail("ValidationException: the service refused the request as invalid".to_owned()),
            _ => fail(reason(&error)),
        })?;
        Ok(answer.version)
    }
}

fn failed(what: &'static str, name: &str, reason: String) -> SaveError {
    SaveError { what, name: name.to_owned(), reason }
}
