//! Secrets kept as SSM SecureString parameters (reference gammawizard.md, section 5.6).

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::Parameter;
use secrecy::{ExposeSecret, SecretString};

use crate::service_error::reason;

/// The most names `GetParameters` takes.
const BATCH: usize = 10;

/// Reads parameters, decrypted, all of a run in one call.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
}

/// Parameters as they were read at one moment. Its `Debug` form shows names and versions, never values.
#[derive(Debug)]
pub struct SecretSet {
    held: BTreeMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    value: SecretString,
    version: i64,
}

/// Why parameters could not be read, or one cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// Parameters are not there or hold nothing; every one of them is named.
    #[error("parameters: missing [{}], empty [{}]; write them with scripts/seed-ssm", missing.join(", "), empty.join(", "))]
    Incomplete {
        /// Names the store does not know.
        missing: Vec<String>,
        /// Names whose value is blank.
        empty: Vec<String>,
    },
    /// The store did not answer, or refused.
    #[error("parameters: could not be read: {reason}")]
    Unavailable {
        /// Code and message, without values.
        reason: String,
    },
    /// The name was not among those asked for, or it was optional and is absent.
    #[error("parameter {name}: not among the parameters that were read")]
    NotRead {
        /// The parameter's name.
        name: String,
    },
}

impl Secrets {
    /// A reader over `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Reads all of `names` with one `GetParameters` (one for each ten). All of them must be there.
    ///
    /// # Errors
    /// [`SecretsError::Incomplete`] names every parameter that is missing or blank; [`SecretsError::Unavailable`] when the
    /// store did not answer.
    pub async fn read(&self, names: &[&str]) -> Result<SecretSet, SecretsError> {
        self.read_with(names, &[]).await
    }

    /// As [`Secrets::read`], in the same batch with `optional` names that may be absent, such as a sizing override. A blank
    /// optional value is an error all the same: somebody meant to write something.
    ///
    /// # Errors
    /// As [`Secrets::read`].
    pub async fn read_with(&self, required: &[&str], optional: &[&str]) -> Result<SecretSet, SecretsError> {
        let names: BTreeSet<&str> = required.iter().chain(optional).copied().collect();
        let names: Vec<&str> = names.into_iter().collect();
        let mut held = BTreeMap::new();
        for batch in names.chunks(BATCH) {
            for parameter in self.batch(batch).await? {
                if let (Some(name), Some(value)) = (parameter.name, parameter.value) {
                    let value = SecretString::from(value);
                    held.insert(name, Held { value, version: parameter.version });
                }
            }
        }
        complete(held, required)
    }

    async fn batch(&self, names: &[&str]) -> Result<Vec<Parameter>, SecretsError> {
        let request = self.client.get_parameters().with_decryption(true);
        let request = names.iter().fold(request, |request, name| request.names(*name));
        let answer = request.send().await.map_err(|error| SecretsError::Unavailable { reason: reason(&error) })?;
        Ok(answer.parameters.unwrap_or_default())
    }
}

fn complete(held: BTreeMap<String, Held>, required: &[&str]) -> Result<SecretSet, SecretsError> {
    // Asked by name instead of trusting the answer's list of invalid names: absent is absent, whatever the list says.
    let missing: BTreeSet<&str> = required.iter().copied().filter(|name| !held.contains_key(*name)).collect();
    let blank = held.iter().filter(|(_, held)| held.value.expose_secret().trim().is_empty());
    let empty: Vec<String> = blank.map(|(name, _)| name.clone()).collect();
    if missing.is_empty() && empty.is_empty() {
        Ok(SecretSet { held })
    } else {
        let missing = missing.into_iter().map(str::to_owned).collect();
        Err(SecretsError::Incomplete { missing, empty })
    }
}

impl SecretSet {
    /// The value of `name`.
    ///
    /// # Errors
    /// [`SecretsError::NotRead`] when it was not asked for, or was optional and is absent.
    pub fn get(&self, name: &str) -> Result<&SecretString, SecretsError> {
        self.optional(name).ok_or_else(|| SecretsError::NotRead { name: name.to_owned() })
    }

    /// The value of `name`, `None` when it is absent.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&SecretString> {
        self.held.get(name).map(|held| &held.value)
    }

    /// The store's version of `name`; each write makes the next.
    ///
    /// # Errors
    /// As [`SecretSet::get`].
    pub fn version(&self, name: &str) -> Result<i64, SecretsError> {
        let held = self.held.get(name);
        held.map(|held| held.version).ok_or_else(|| SecretsError::NotRead { name: name.to_owned() })
    }
}
