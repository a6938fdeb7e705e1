//! Every way to a person that is configured.

use gamma_execution::ports::{Notice, Notifier};

use crate::{MailSettings, SettingsError, notifier};

/// The ways to a person. A message takes all of them.
pub struct Ways(Vec<Box<dyn Notifier>>);

impl Ways {
    /// A topic and mail, as far as there are any; with neither, the log.
    ///
    /// # Errors
    /// [`SettingsError`] when the settings name no mail server that may be spoken to.
    pub fn of(topic: Option<Box<dyn Notifier>>, mail: Option<MailSettings>) -> Result<Self, SettingsError> {
        let mut ways: Vec<Box<dyn Notifier>> = topic.into_iter().collect();
        if mail.is_some() || ways.is_empty() {
            ways.push(notifier(mail)?);
        }
        Ok(Self(ways))
    }

    /// Tells a person; whether one of the ways worked.
    pub async fn tell(&self, notice: &Notice) -> bool {
        let mut told = false;
        for way in &self.0 {
            match way.notify(notice).await {
                Ok(()) => told = true,
                Err(error) => tracing::error!(alarm = true, "a person could not be told: {error}"),
            }
        }
        told
    }
}
