//! Where the secrets of one login are kept.

use gamma_cloud::SecretName;
use gamma_lambda::Failure;

use super::{BrokerKind, LoginSecret, Purpose};
use crate::names::Name;

/// Where a login's secrets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginNames {
    /// Whose login.
    pub broker: BrokerKind,
    /// The token document, which is written back.
    pub token: SecretName,
    /// The others, in the broker's order.
    secrets: Vec<(LoginSecret, SecretName)>,
}

impl LoginNames {
    /// Those of a login at `broker`.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` names the variable.
    pub fn from_env(broker: BrokerKind, value: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let facts = broker.facts();
        let secrets = facts
            .secrets
            .iter()
            .map(|secret| Ok((*secret, secret.name.place(&value)?)))
            .collect::<Result<_, Failure>>()?;
        Ok(Self { broker, token: facts.token.place(&value)?, secrets })
    }

    /// All but the token document, each with what it is.
    pub fn secrets(&self) -> impl Iterator<Item = (&LoginSecret, &SecretName)> {
        self.secrets.iter().map(|(secret, name)| (secret, name))
    }

    /// Where one of them is kept; `None` of a secret that this broker's logins do not have.
    #[must_use]
    pub fn place(&self, name: Name) -> Option<&SecretName> {
        self.secrets().find(|(secret, _)| secret.name == name).map(|(_, place)| place)
    }

    /// Those of one purpose.
    pub fn of(&self, purpose: Purpose) -> impl Iterator<Item = &SecretName> {
        self.secrets().filter(move |(secret, _)| secret.purpose == purpose).map(|(_, place)| place)
    }

    /// Those without which nothing is refreshed.
    #[must_use]
    pub fn required(&self) -> Vec<&SecretName> {
        self.of(Purpose::Application).chain([&self.token]).collect()
    }

    /// Those that may be absent.
    #[must_use]
    pub fn optional(&self) -> Vec<&SecretName> {
        self.of(Purpose::OptionalApplication).collect()
    }

    /// Those with which a person logs in: the whole application.
    #[must_use]
    pub fn application(&self) -> Vec<&SecretName> {
        self.of(Purpose::Application).chain(self.of(Purpose::OptionalApplication)).collect()
    }
}
