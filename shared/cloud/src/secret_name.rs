//! Where a secret is kept, as its name says it.

use std::fmt;

/// The name of a secret: `secretsmanager:<secret id>`, `secretsmanager:<secret id>#<JSON key>`, or a
/// parameter of SSM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName {
    text: String,
    kept: Kept,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kept {
    Parameter,
    Secret { id: String, key: Option<String> },
}

/// A name that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("secret name: got {name:?}, expected {expected}")]
pub struct SecretNameError {
    name: String,
    expected: &'static str,
}

/// How a name says that its secret lies in Secrets Manager.
pub(crate) const PREFIX: &str = "secretsmanager:";

impl SecretName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`SecretNameError`] when the parameter, the secret id or the JSON key is empty, or a parameter has a
    /// JSON key.
    pub fn parse(name: &str) -> Result<Self, SecretNameError> {
        let bad = |expected| SecretNameError { name: name.to_owned(), expected };
        let kept = match name.strip_prefix(PREFIX) {
            Some(rest) => {
                let (id, key) = rest.split_once('#').map_or((rest, None), |(id, key)| (id, Some(key)));
                if id.trim().is_empty() || key.is_some_and(|key| key.trim().is_empty()) {
                    return Err(bad("secretsmanager:<secret id> or secretsmanager:<secret id>#<JSON key>"));
                }
                Kept::Secret { id: id.to_owned(), key: key.map(str::to_owned) }
            }
            None if name.trim().is_empty() || name.contains('#') => {
                return Err(bad("the name of an SSM parameter, or secretsmanager:<secret id>"));
            }
            None => Kept::Parameter,
        };
        Ok(Self { text: name.to_owned(), kept })
    }

    /// As [`SecretName::parse`], for a document that is written back: it must be a secret of its own.
    ///
    /// # Errors
    /// As [`SecretName::parse`], and when the name has a JSON key.
    pub fn of_document(name: &str) -> Result<Self, SecretNameError> {
        let parsed = Self::parse(name)?;
        match parsed.kept {
            Kept::Secret { key: Some(_), .. } => Err(SecretNameError {
                name: name.to_owned(),
                expected: "a name without #: a token document is a secret of its own",
            }),
            _ => Ok(parsed),
        }
    }

    /// Whether it lies in Secrets Manager.
    #[must_use]
    pub const fn is_in_secrets_manager(&self) -> bool {
        matches!(self.kept, Kept::Secret { .. })
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) const fn kept(&self) -> &Kept {
        &self.kept
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_its_secret_is_kept() {
        let secret =
            |id: &str, key: Option<&str>| Kept::Secret { id: id.into(), key: key.map(str::to_owned) };
        for (name, kept) in [
            ("/gamma/schwab/app_key", Kept::Parameter),
            ("secretsmanager:gamma/schwab", secret("gamma/schwab", None)),
            ("secretsmanager:gamma/schwab#app_key", secret("gamma/schwab", Some("app_key"))),
            (
                "secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:gamma-AbCdEf#a#b",
                secret("arn:aws:secretsmanager:us-east-1:1:secret:gamma-AbCdEf", Some("a#b")),
            ),
        ] {
            let parsed = SecretName::parse(name).unwrap();
            assert_eq!((parsed.kept(), parsed.as_str()), (&kept, name));
        }
        for name in
            ["", " ", "secretsmanager:", "secretsmanager:#key", "secretsmanager:id#", "/gamma/schwab#key"]
        {
            let error = SecretName::parse(name).unwrap_err().to_string();
            assert!(error.contains(&format!("got {name:?}")), "{error}");
        }
        assert!(
            SecretName::of_document("secretsmanager:gamma/schwab").is_ok()
                && SecretName::of_document("/gamma/schwab/token_json").is_ok()
        );
        assert!(
            SecretName::of_document("secretsmanager:gamma/schwab#token")
                .unwrap_err()
                .to_string()
                .contains("a secret of its own")
        );
    }
}
