//! Mail by SMTP.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{Notice, Notifier, NotifyError};
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};

use crate::settings::{MailSettings, SettingsError};

/// From connecting to the server's last word, in real time.
const LONGEST: Duration = Duration::from_secs(10);

/// Sends messages by mail, each over a connection of its own: one that was kept would be dead after the
/// function was frozen.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    settings: MailSettings,
    longest: Duration,
}

impl Mail {
    /// Nothing is sent yet. The connection is encrypted (STARTTLS) before login and message, or there is
    /// none.
    ///
    /// # Errors
    /// [`SettingsError`] when mail without TLS is asked of another machine, or TLS cannot be set up.
    pub fn new(settings: MailSettings) -> Result<Self, SettingsError> {
        let tls = match settings.plain {
            true if settings.is_on_this_machine() => Tls::None,
            true => {
                return Err(SettingsError::new(
                    settings.host_name,
                    "mail without TLS to another machine",
                    "this machine, or TLS",
                ));
            }
            false => Tls::Required(tls(&settings)?),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .credentials(Credentials::new(
                settings.user.email.to_string(),
                settings.password.expose_secret().to_owned(),
            ))
            .timeout(Some(LONGEST))
            .build();
        Ok(Self { transport, settings, longest: LONGEST })
    }

    /// The same with another limit of time.
    #[must_use]
    pub const fn within(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    fn message(&self, notice: &Notice) -> Result<Message, lettre::error::Error> {
        let to = self.settings.to.iter().cloned();
        let addressed =
            to.fold(Message::builder().from(self.settings.user.clone()), lettre::message::MessageBuilder::to);
        addressed.subject(notice.subject()).header(ContentType::TEXT_PLAIN).body(notice.lines().join("\n"))
    }
}

fn tls(settings: &MailSettings) -> Result<TlsParameters, SettingsError> {
    let failed = |error: lettre::transport::smtp::Error| SettingsError::tls(settings.host_name, error);
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(root) = &settings.root {
        builder = builder.add_root_certificate(Certificate::from_pem(root.as_bytes()).map_err(failed)?);
    }
    builder.build().map_err(failed)
}

#[async_trait]
impl Notifier for Mail {
    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let failed =
            |reason: String| NotifyError { by: "mail", reason: without(&reason, &self.settings.password) };
        let message = self.message(notice).map_err(|error| failed(error.to_string()))?;
        match tokio::time::timeout(self.longest, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(chain(&error))),
            Err(_) => Err(failed(format!(
                "no answer from {} within {} s; it may arrive all the same",
                self.settings.host,
                self.longest.as_secs_f32()
            ))),
        }
    }
}

/// An error and its sources in one short line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let part = cause.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// The text without the password: a server may echo what it was told.
fn without(text: &str, password: &SecretString) -> String {
    text.replace(password.expose_secret(), "[hidden]")
}

/// The server; nothing of the login.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("host", &self.settings.host)
            .field("port", &self.settings.port)
            .finish_non_exhaustive()
    }
}
