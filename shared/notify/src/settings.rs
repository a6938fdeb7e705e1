//! How mail is sent, as it is kept in parameters.

use std::fmt::Display;

use lettre::message::Mailbox;
use secrecy::{ExposeSecret, SecretString};

/// The parameters that say how mail is sent, by name. Any may be absent: without the first two there is no
/// mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailNames {
    /// The login, which is also the sender.
    pub user: &'static str,
    /// Its password.
    pub password: &'static str,
    /// The recipients, separated by commas; the sender where it is absent.
    pub to: &'static str,
    /// The server.
    pub host: &'static str,
    /// Its port.
    pub port: &'static str,
}

impl MailNames {
    /// All of them, in the order in which a person fills them in.
    #[must_use]
    pub const fn all(&self) -> [&'static str; 5] {
        [self.user, self.password, self.to, self.host, self.port]
    }
}

/// Where mail goes when nothing else is said: Google's server, by STARTTLS.
const DEFAULT_HOST: &str = "smtp.gmail.com";
const DEFAULT_PORT: u16 = 587;

/// How mail is sent. The password is a secret; `Debug` shows none of it.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The login, which is also the sender.
    pub(crate) user: Mailbox,
    pub(crate) password: SecretString,
    /// The recipients, one at least.
    pub(crate) to: Vec<Mailbox>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) plain: bool,
    pub(crate) root: Option<String>,
    /// Where the host is kept, for errors.
    pub(crate) host_name: &'static str,
}

/// What is wrong with the settings. Shows no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: got {got}, expected {expected}")]
pub struct SettingsError {
    /// The parameter.
    pub field: &'static str,
    /// What came.
    pub got: String,
    /// What was expected.
    pub expected: &'static str,
}

impl SettingsError {
    pub(crate) fn new(field: &'static str, got: impl Into<String>, expected: &'static str) -> Self {
        Self { field, got: got.into(), expected }
    }

    pub(crate) fn tls(host_name: &'static str, error: impl Display) -> Self {
        Self::new(
            host_name,
            format!("no TLS ({error})"),
            "a name that certificates are issued for, and the machine's roots",
        )
    }
}

impl MailSettings {
    /// Reads the parameters of these names; `value` gives what is kept under one. `None` when neither user
    /// nor password is there.
    ///
    /// # Errors
    /// [`SettingsError`] names the parameter: one of the two is missing, or one does not read.
    pub fn read<'a>(
        names: &MailNames,
        value: impl Fn(&str) -> Option<&'a SecretString>,
    ) -> Result<Option<Self>, SettingsError> {
        let text = |name| value(name).map(|text| text.expose_secret().trim()).filter(|text| !text.is_empty());
        let (user, password) = match (text(names.user), text(names.password)) {
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err(SettingsError::new(names.password, "nothing", "the password of smtp_user"));
            }
            (None, Some(_)) => {
                return Err(SettingsError::new(
                    names.user,
                    "nothing",
                    "the mail address that smtp_pass belongs to",
                ));
            }
            (Some(user), Some(password)) => (user, password),
        };
        let user = address(names.user, user)?;
        let to = match text(names.to) {
            None => vec![user.clone()],
            Some(list) => {
                list.split(',').map(|one| address(names.to, one.trim())).collect::<Result<_, _>>()?
            }
        };
        let host = text(names.host).unwrap_or(DEFAULT_HOST).to_owned();
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte)) {
            return Err(SettingsError::new(
                names.host,
                format!("{:?}", shortened(&host)),
                "a host's name alone",
            ));
        }
        let port = text(names.port).map_or(Ok(DEFAULT_PORT), |text| {
            text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                SettingsError::new(names.port, format!("{:?}", shortened(text)), "a port, 1 to 65535")
            })
        })?;
        Ok(Some(Self {
            user,
            password: SecretString::from(password),
            to,
            host,
            port,
            plain: false,
            root: None,
            host_name: names.host,
        }))
    }

    /// Speaks without TLS. For a local stand-in: [`crate::Mail::new`] refuses it for any host but this
    /// machine.
    #[must_use]
    pub fn plain_on_this_machine(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Trusts certificates signed by this one (PEM) too, as a relay of one's own has them.
    #[must_use]
    pub fn trusting(mut self, root: &str) -> Self {
        self.root = Some(root.to_owned());
        self
    }

    pub(crate) fn is_on_this_machine(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    }
}

fn address(field: &'static str, text: &str) -> Result<Mailbox, SettingsError> {
    // What stands there by mistake may be the password.
    text.parse().map_err(|_| {
        SettingsError::new(
            field,
            format!("{} characters that are none", text.chars().count()),
            "a mail address",
        )
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NAMES: MailNames = MailNames {
        user: "/gamma/shared/smtp_user",
        password: "/gamma/shared/smtp_pass",
        to: "/gamma/shared/smtp_to",
        host: "/gamma/shared/smtp_host",
        port: "/gamma/shared/smtp_port",
    };

    fn read(values: &[(&str, &str)]) -> Result<Option<MailSettings>, String> {
        let kept: BTreeMap<String, SecretString> = values
            .iter()
            .map(|(name, value)| (format!("/gamma/shared/smtp_{name}"), SecretString::from(*value)))
            .collect();
        MailSettings::read(&NAMES, |name| kept.get(name)).map_err(|error| error.to_string())
    }

    #[test]
    fn user_and_password_are_enough() {
        let settings = read(&[("user", " me@example.org\n"), ("pass", "canary")]).unwrap().unwrap();
        assert_eq!((settings.host.as_str(), settings.port, settings.plain), ("smtp.gmail.com", 587, false));
        assert_eq!(settings.to, std::slice::from_ref(&settings.user));
        assert!(!format!("{settings:?}").contains("canary"));
        let all = [
            ("user", "me@example.org"),
            ("pass", "canary"),
            ("to", "a@example.org, B <b@example.org>"),
            ("host", "mail.example.org"),
            ("port", "2525"),
        ];
        let settings = read(&all).unwrap().unwrap();
        assert_eq!((settings.host.as_str(), settings.port, settings.to.len()), ("mail.example.org", 2525, 2));
    }

    #[test]
    fn no_mail_is_configured_where_nothing_or_only_the_rest_is_kept() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("to", "a@example.org"), ("pass", " ")]).unwrap().is_none());
    }

    #[test]
    fn what_does_not_read_is_named_and_never_shows_the_password() {
        let both = [("user", "me@example.org"), ("pass", "canary")];
        let with = |name, value| [both[0], both[1], (name, value)];
        for (values, message) in [
            (&both[..1], "/gamma/shared/smtp_pass: got nothing, expected the password"),
            (&both[1..], "/gamma/shared/smtp_user: got nothing, expected the mail address"),
            (
                &[("user", "canary"), ("pass", "canary")][..],
                "/gamma/shared/smtp_user: got 6 characters that are none, expected a mail address",
            ),
            (&with("to", "a@example.org,"), "/gamma/shared/smtp_to: got 0 characters"),
            (&with("to", "a@example.org\r\nBcc: b@example.org"), "/gamma/shared/smtp_to: got 33 characters"),
            (
                &with("host", "smtp://x"),
                "/gamma/shared/smtp_host: got \"smtp://x\", expected a host's name alone",
            ),
            (&with("port", "0"), "/gamma/shared/smtp_port: got \"0\", expected a port"),
            (&with("port", "65536"), "/gamma/shared/smtp_port: got \"65536\", expected a port"),
        ] {
            let error = read(values).unwrap_err();
            assert!(error.starts_with(message) && !error.contains("canary"), "{error}");
        }
    }
}
