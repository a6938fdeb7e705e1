//! Secrets kept as SSM SecureString parameters (docs/reference/aws.md, Parameter Store) or in Secrets
//! Manager.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_config::SdkConfig;
use gamma_execution::ports::{Clock, TokenVersion};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::secret_name::{Kept, PREFIX, SecretName, SecretNameError};
use crate::secrets_manager::{self, Current};
use crate::service_error::ReadFault;

/// The most names `GetParameters` takes.
const BATCH: usize = 10;

/// How often a read is tried, and the pause before the next try. The SDK's own attempts wait for a random
/// time that may be next to nothing, so alone they do not ride out a fault of two seconds.
const TRIES: u32 = 3;
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Reads secrets, decrypted, all of a run at once. Each name says where its secret is kept ([`SecretName`]).
#[derive(Clone)]
pub struct Secrets {
    config: SdkConfig,
    clock: Arc<dyn Clock>,
}

/// Secrets as they were read at one moment. Its `Debug` form shows names and versions, never values.
#[derive(Debug)]
pub struct SecretSet {
    held: BTreeMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    value: SecretString,
    version: TokenVersion,
}

/// Why secrets could not be read, or one cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// Secrets are not there or hold nothing; every one of them is named.
    #[error("secrets: missing [{}], empty [{}]; {}", missing.join(", "), empty.join(", "), next_step(missing, empty))]
    Incomplete {
        /// Names the store does not know.
        missing: Vec<String>,
        /// Names whose value is blank.
        empty: Vec<String>,
    },
    /// A store did not answer, or refused.
    #[error("{what}: could not be read: {reason}")]
    Unavailable {
        /// The parameters, or one secret.
        what: String,
        /// Code and message, without values.
        reason: String,
    },
    /// A secret is there and is not what its name says.
    #[error("secret {name}: {reason}")]
    Unusable {
        /// Its whole name.
        name: String,
        /// What came and what was expected, without values.
        reason: &'static str,
    },
    /// A name that names nothing.
    #[error(transparent)]
    Name(#[from] SecretNameError),
    /// The name was not among those asked for, or it was optional and is absent.
    #[error("secret {name}: not among those that were read")]
    NotRead {
        /// The name.
        name: String,
    },
}

/// What was found under the names that were asked for.
type Found = BTreeMap<String, Held>;

impl Secrets {
    /// A reader over `config`, which waits by `clock` before it asks again.
    #[must_use]
    pub fn new(config: &SdkConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config: config.clone(), clock }
    }

    /// Reads all of `names`. All of them must be there.
    ///
    /// # Errors
    /// [`SecretsError::Incomplete`] names every one that is missing or blank; [`SecretsError::Unavailable`]
    /// when a store did not answer.
    pub async fn read(&self, names: &[&str]) -> Result<SecretSet, SecretsError> {
        self.read_with(names, &[]).await
    }

    /// As [`Secrets::read`], together with `optional` names that may be absent, such as a sizing override. A
    /// blank optional value is an error all the same: somebody meant to write something.
    ///
    /// Parameters come in one `GetParameters` (one for each ten), secrets in one `GetSecretValue` each, at
    /// the same time. Each is tried three times, a second apart, while what kept it from an answer may pass;
    /// what is missing, blank or denied is an answer.
    ///
    /// # Errors
    /// As [`Secrets::read`]; also [`SecretsError::Name`] and [`SecretsError::Unusable`].
    pub async fn read_with(&self, required: &[&str], optional: &[&str]) -> Result<SecretSet, SecretsError> {
        self.read_all(required, optional, &[]).await
    }

    /// As [`Secrets::read_with`], together with `texts` that may be absent, and blank too: what they are
    /// worth is for their reader to say.
    ///
    /// # Errors
    /// As [`Secrets::read_with`].
    pub async fn read_all(
        &self,
        required: &[&str],
        optional: &[&str],
        texts: &[&str],
    ) -> Result<SecretSet, SecretsError> {
        let mut parameters = BTreeSet::new();
        let mut secrets: BTreeMap<String, Vec<(String, Option<String>)>> = BTreeMap::new();
        for name in required.iter().chain(optional).chain(texts) {
            let name = SecretName::parse(name)?;
            match name.kept() {
                Kept::Parameter => drop(parameters.insert(name.as_str().to_owned())),
                Kept::Secret { id, key } => {
                    secrets.entry(id.clone()).or_default().push((name.as_str().to_owned(), key.clone()))
                }
            }
        }
        let parameters: Vec<String> = parameters.into_iter().collect();
        let (mut held, kept_secret) =
            tokio::try_join!(Box::pin(self.parameters(&parameters)), Box::pin(self.secrets(secrets)))?;
        held.extend(kept_secret);
        complete(held, required, texts)
    }

    async fn parameters(&self, names: &[String]) -> Result<Found, SecretsError> {
        let mut found = Found::new();
        if names.is_empty() {
            return Ok(found);
        }
        let client = aws_sdk_ssm::Client::new(&self.config);
        for batch in names.chunks(BATCH) {
            let request = client.get_parameters().with_decryption(true).set_names(Some(batch.to_vec()));
            let read = async || request.clone().send().await.map_err(|error| ReadFault::from(&error));
            let answer = self
                .patiently(read)
                .await
                .map_err(|reason| SecretsError::Unavailable { what: "parameters".to_owned(), reason })?;
            for parameter in answer.parameters.unwrap_or_default() {
                if let (Some(name), Some(value)) = (parameter.name, parameter.value) {
                    found.insert(
                        name,
                        Held {
                            value: SecretString::from(value),
                            version: TokenVersion::Count(parameter.version),
                        },
                    );
                }
            }
        }
        Ok(found)
    }

    /// The client is made here: a deployment that keeps everything in parameters never pays for it.
    async fn secrets(
        &self,
        secrets: BTreeMap<String, Vec<(String, Option<String>)>>,
    ) -> Result<Found, SecretsError> {
        let mut found = Found::new();
        if secrets.is_empty() {
            return Ok(found);
        }
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let mut reads = JoinSet::new();
        for (id, wanted) in secrets {
            let (this, client) = (self.clone(), client.clone());
            reads.spawn(async move {
                (this.patiently(|| secrets_manager::current(client.clone(), id.clone())).await, id, wanted)
            });
        }
        for (answer, id, wanted) in reads.join_all().await {
            let answer = answer
                .map_err(|reason| SecretsError::Unavailable { what: format!("{PREFIX}{id}"), reason })?;
            let Some(current) = answer else { continue };
            for (name, key) in wanted {
                if let Some(value) = chosen(&current, key.as_deref())
                    .map_err(|reason| SecretsError::Unusable { name: name.clone(), reason })?
                {
                    found.insert(name, Held { value, version: TokenVersion::Id(current.version.clone()) });
                }
            }
        }
        Ok(found)
    }

    /// Reads until an answer comes, three times at most; the error is the last reason.
    async fn patiently<T, F>(&self, read: impl Fn() -> F) -> Result<T, String>
    where
        F: Future<Output = Result<T, ReadFault>>,
    {
        let mut tries = 1;
        loop {
            match read().await {
                Err(fault) if fault.passing && tries < TRIES => {
                    tracing::warn!("secrets: {}; trying again", fault.reason);
                    tries += 1;
                    let now = self.clock.now();
                    // Past the end of time there is nothing to wait for.
                    self.clock.sleep_until(now.checked_add(PAUSE).unwrap_or(now)).await;
                }
                result => return result.map_err(|fault| fault.reason),
            }
        }
    }
}

/// The whole secret, or the text under `key` of its JSON; `None` when that key is not there.
fn chosen(current: &Current, key: Option<&str>) -> Result<Option<SecretString>, &'static str> {
    let text = current.text.as_ref().ok_or("got a binary secret, expected text")?;
    let Some(key) = key else { return Ok(Some(text.clone())) };
    let Ok(Value::Object(fields)) = serde_json::from_str(text.expose_secret()) else {
        return Err("got a secret that is no JSON object, expected one with this key");
    };
    match fields.get(key) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(SecretString::from(value.as_str()))),
        Some(_) => Err("got a JSON value that is no text, expected text under this key"),
    }
}

fn complete(held: Found, required: &[&str], texts: &[&str]) -> Result<SecretSet, SecretsError> {
    // Asked by name instead of trusting the answer's list of invalid names: absent is absent, whatever the
    // list says.
    let missing: BTreeSet<&str> = required.iter().copied().filter(|name| !held.contains_key(*name)).collect();
    let blank = held.iter().filter(|(name, held)| {
        !texts.contains(&name.as_str()) && held.value.expose_secret().trim().is_empty()
    });
    let empty: Vec<String> = blank.map(|(name, _)| name.clone()).collect();
    if missing.is_empty() && empty.is_empty() {
        Ok(SecretSet { held })
    } else {
        let missing = missing.into_iter().map(str::to_owned).collect();
        Err(SecretsError::Incomplete { missing, empty })
    }
}

/// How to write what is missing, for the stores that the names lie in.
fn next_step(missing: &[String], empty: &[String]) -> &'static str {
    let secret = |name: &&String| name.starts_with(PREFIX);
    let names: Vec<&String> = missing.iter().chain(empty).collect();
    match names.iter().filter(|name| secret(name)).count() {
        0 => "write them with gamma seed",
        all if all == names.len() => "write them with aws secretsmanager put-secret-value",
        _ => "write parameters with gamma seed, secrets with aws secretsmanager put-secret-value",
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

    /// The store's version of `name`.
    ///
    /// # Errors
    /// As [`SecretSet::get`].
    pub fn version(&self, name: &str) -> Result<TokenVersion, SecretsError> {
        let held = self.held.get(name);
        held.map(|held| held.version.clone()).ok_or_else(|| SecretsError::NotRead { name: name.to_owned() })
    }
}
