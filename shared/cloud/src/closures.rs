//! Closures and early closes that were announced after the build, kept in a parameter beside the secrets.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::ports::Clock;
use gamma_market::calendar::{Calendar, ExtraDaysError};
use gamma_operator::Sessions;
use secrecy::ExposeSecret as _;

use crate::secrets::{SecretSet, Secrets};

/// The calendar with what is kept under `name`, out of `read`; absent, nothing was announced.
///
/// # Errors
/// In words: the name, what came and what was expected.
pub fn announced(read: &SecretSet, name: &str) -> AnnouncedCalendar {
    let Some(text) = read.optional(name) else { return Ok(Calendar::default()) };
    let extra =
        text.expose_secret().parse().map_err(|error: ExtraDaysError| format!("parameter {name}: {error}"))?;
    Ok(Calendar::with(extra))
}

/// The parameter as an operator's commands read it, alone and when they need it.
pub struct Closures {
    secrets: Secrets,
    name: String,
}

impl Closures {
    /// The parameter `name`.
    #[must_use]
    pub fn new(config: &SdkConfig, clock: Arc<dyn Clock>, name: &str) -> Self {
        Self { secrets: Secrets::new(config, clock), name: name.to_owned() }
    }
}

#[async_trait]
impl Sessions for Closures {
    async fn calendar(&self) -> AnnouncedCalendar {
        let read = self
            .secrets
            .read_all(&[], &[], &[&self.name])
            .await
            .map_err(|error| format!("announced closures: {error}"))?;
        announced(&read, &self.name)
    }
}
