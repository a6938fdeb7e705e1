//! A short message to a person, by mail.
//!
//! What a message is, and when there is one, is said by `gamma-execution` (`ports::Notice`,
//! `notice::notice_of`).

mod logged;
mod mail;
mod settings;
mod ways;

use gamma_execution::ports::Notifier;

pub use logged::Logged;
pub use mail::Mail;
pub use settings::{MailNames, MailSettings, SettingsError};
pub use ways::Ways;

/// The way that is configured: mail where there are settings for it, else the log.
///
/// # Errors
/// [`SettingsError`] when the settings name no mail server that may be spoken to.
pub fn notifier(settings: Option<MailSettings>) -> Result<Box<dyn Notifier>, SettingsError> {
    match settings {
        Some(settings) => Ok(Box::new(Mail::new(settings)?)),
        None => Ok(Box::new(Logged)),
    }
}
