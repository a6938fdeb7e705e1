//! A function's environment, read in one way by all of them: blanks around a value are dropped, an empty
//! value is none, and what is missing or wrong is said with the variable's name, what came and what was
//! expected.

use std::ffi::OsString;

use crate::{Failure, is_loopback};

/// `BadDeployment`: a variable that is not what it should be.
#[must_use]
pub fn bad(variable: &str, got: &str, expected: &str) -> Failure {
    Failure::new("BadDeployment", format!("environment {variable}: got {got}, expected {expected}"))
}

/// Makes something of the process's environment.
///
/// # Errors
/// Those of `make`; [`Failure`] `BadDeployment` where one of our variables holds no text.
pub fn of_the_process<T>(
    make: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match unreadable(std::env::vars_os()) {
        Some(variable) => Err(bad(&variable, "bytes that are no UTF-8", "text")),
        None => make(&|name| std::env::var(name).ok()),
    }
}

/// A variable of ours whose value is no text. It must not pass for one that is not there: an address would
/// fall back to the real one.
fn unreadable(mut variables: impl Iterator<Item = (OsString, OsString)>) -> Option<String> {
    variables.find_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let is_ours = name.starts_with("GAMMA_") || name.starts_with("AWS_ENDPOINT_URL");
        (is_ours && value.to_str().is_none()).then_some(name)
    })
}

/// The variables behind `read`.
pub struct Environment<Read>(Read);

impl<Read: Fn(&str) -> Option<String>> Environment<Read> {
    /// Reads variables through `read`.
    pub const fn new(read: Read) -> Self {
        Self(read)
    }

    /// A variable that may be absent.
    #[must_use]
    pub fn value(&self, variable: &str) -> Option<String> {
        (self.0)(variable).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` when it is not.
    pub fn needed(&self, variable: &str, expected: &str) -> Result<String, Failure> {
        self.value(variable).ok_or_else(|| bad(variable, "nothing", expected))
    }

    /// The address of a service, `usual` unless a local stack says another. Only on loopback may it do
    /// without TLS.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` for an address without TLS.
    pub fn address(&self, variable: &str, usual: &str) -> Result<String, Failure> {
        let url = self.value(variable).unwrap_or_else(|| usual.to_owned());
        if url.starts_with("https://") || is_loopback(&url) {
            return Ok(url);
        }
        Err(bad(variable, "an address without TLS", "https://, or http:// on loopback"))
    }

    /// `GAMMA_CLOCK_URL`, the virtual clock of a local stack: accepted only where everything that the
    /// function reaches is on loopback, the clock, these services of AWS and these addresses. `all` names
    /// them for a person: `AWS, Google and the clock are all on loopback`.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` for a virtual clock anywhere else.
    pub fn clock_url<'a>(
        &self,
        services: impl IntoIterator<Item = &'a str>,
        addresses: impl IntoIterator<Item = &'a str>,
        all: &str,
    ) -> Result<Option<String>, Failure> {
        let Some(clock) = self.value("GAMMA_CLOCK_URL") else { return Ok(None) };
        let endpoint = |service: &str| {
            self.value(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| self.value("AWS_ENDPOINT_URL"))
        };
        let aws_is_local =
            services.into_iter().all(|service| endpoint(service).is_some_and(|url| is_loopback(&url)));
        if aws_is_local && addresses.into_iter().all(is_loopback) && is_loopback(&clock) {
            return Ok(Some(clock));
        }
        Err(bad("GAMMA_CLOCK_URL", "a virtual clock", &format!("none, unless {all}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_variable_that_is_no_text_is_named() {
        let variable = |name: &str, value: &[u8]| (OsString::from(name), OsString::from_vec(value.to_vec()));
        let found = |variables: [(OsString, OsString); 2]| unreadable(variables.into_iter());
        let ours =
            |value: &[u8]| found([variable("GAMMA_METRICS", b"gamma"), variable("GAMMA_TABLE", value)]);
        assert_eq!(ours(b"http://\xff"), Some("GAMMA_TABLE".to_owned()));
        assert_eq!(ours(b"http://127.0.0.1:1"), None);
        assert_eq!(
            found([variable("PS1", b"\xff"), variable("AWS_ENDPOINT_URL_SSM", b"\xff")]),
            Some("AWS_ENDPOINT_URL_SSM".to_owned())
        );
    }

    #[test]
    fn blank_is_absent_and_what_is_needed_is_named() {
        let environment = Environment::new(|name: &str| (name == "GAMMA_TABLE").then(|| " \t".to_owned()));
        assert_eq!(environment.value("GAMMA_TABLE"), None);
        let failure = environment.needed("GAMMA_TABLE", "the ledger table's name").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "environment GAMMA_TABLE: got nothing, expected the ledger table's name"
        );
    }
}
