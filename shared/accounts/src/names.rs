//! The names of everything that a deployment keeps as a secret, and of the variables that may name another
//! place for each.
//!
//! They stand here and in no other file: who reads a secret takes its name from here. README's tables and the
//! roles of template.yaml are held against this file by `tests/names.rs`.

use gamma_cloud::SecretName;
use gamma_lambda::Failure;
use gamma_notify::MailNames;

/// Where a secret is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// The variable that may name another place.
    pub variable: &'static str,
    /// The parameter it is kept in otherwise; `(account)` stands for the account's name.
    pub usual: &'static str,
}

/// The key of the application at Schwab.
pub const APP_KEY: Name = Name { variable: "GAMMA_NAME_APP_KEY", usual: "/gamma/schwab/app_key" };
/// Its secret.
pub const APP_SECRET: Name = Name { variable: "GAMMA_NAME_APP_SECRET", usual: "/gamma/schwab/app_secret" };
/// Schwab's token document, which is written back.
pub const SCHWAB_TOKEN: Name = Name { variable: TOKEN, usual: "/gamma/schwab/token_json" };
/// The secret of the OAuth application at tastytrade.
pub const CLIENT_SECRET: Name =
    Name { variable: "GAMMA_NAME_CLIENT_SECRET", usual: "/gamma/tt/client_secret" };
/// Its id, which may be absent.
pub const CLIENT_ID: Name = Name { variable: "GAMMA_NAME_CLIENT_ID", usual: "/gamma/tt/client_id" };
/// tastytrade's token document, which is written back.
pub const TASTYTRADE_TOKEN: Name = Name { variable: TOKEN, usual: "/gamma/tt/token_json" };
/// Sizing of tastytrade's accounts by their numbers, which may be absent.
pub const ACCOUNT_SIZING: Name =
    Name { variable: "GAMMA_NAME_ACCOUNT_SIZING", usual: "/gamma/tt/account_sizing" };
/// The login of the signal feed.
pub const SIGNAL_EMAIL: Name = Name { variable: "GAMMA_NAME_SIGNAL_EMAIL", usual: "/gamma/shared/gw_email" };
/// Its password.
pub const SIGNAL_PASSWORD: Name =
    Name { variable: "GAMMA_NAME_SIGNAL_PASSWORD", usual: "/gamma/shared/gw_password" };
/// Closures and early closes announced after the build; absent, there are none.
pub const CLOSURES: Name = Name { variable: "GAMMA_NAME_CLOSURES", usual: "/gamma/shared/closures" };
/// An account's own sizing, which may be absent.
pub const SIZING: Name = Name { variable: "GAMMA_NAME_SIZING", usual: "/gamma/(account)/sizing" };
/// Which of the login's accounts to trade; may be absent where the profile, or a login of one account, says
/// it.
pub const ACCOUNT_NUMBER: Name =
    Name { variable: "GAMMA_NAME_ACCOUNT_NUMBER", usual: "/gamma/(account)/account_number" };
/// The key of the Google service account that writes the spreadsheet.
pub const GOOGLE_ACCOUNT: Name =
    Name { variable: "GAMMA_NAME_GOOGLE_ACCOUNT", usual: "/gamma/shared/google_sa_json" };

/// All that a variable may name another place for.
pub const ALL: [Name; 13] = [
    APP_KEY,
    APP_SECRET,
    SCHWAB_TOKEN,
    CLIENT_SECRET,
    CLIENT_ID,
    TASTYTRADE_TOKEN,
    ACCOUNT_SIZING,
    SIGNAL_EMAIL,
    SIGNAL_PASSWORD,
    CLOSURES,
    SIZING,
    ACCOUNT_NUMBER,
    GOOGLE_ACCOUNT,
];

/// The parameters that say how mail is sent. No variable names others.
pub const MAIL: MailNames = MailNames {
    user: "/gamma/shared/smtp_user",
    password: "/gamma/shared/smtp_pass",
    to: "/gamma/shared/smtp_to",
    host: "/gamma/shared/smtp_host",
    port: "/gamma/shared/smtp_port",
};

/// Of a token document, whichever broker's.
const TOKEN: &str = "GAMMA_NAME_TOKEN";

/// What stands for the account's name.
const ACCOUNT: &str = "(account)";

impl Name {
    /// The parameter of this account, unless a variable names another place.
    #[must_use]
    pub fn usual_of(&self, account: &str) -> String {
        self.usual.replace(ACCOUNT, account)
    }

    /// Where a secret is kept that no account has alone; `value` gives the variables.
    ///
    /// # Errors
    /// [`Failure`] `BadDeployment` names the variable. A token document must be a secret of its own.
    pub fn place(&self, value: impl Fn(&str) -> Option<String>) -> Result<SecretName, Failure> {
        self.place_or(value, self.usual)
    }

    /// Where `account`'s own secret is kept.
    ///
    /// # Errors
    /// As [`Name::place`].
    pub fn place_of(
        &self,
        account: &str,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<SecretName, Failure> {
        self.place_or(value, &self.usual_of(account))
    }

    fn place_or(&self, value: impl Fn(&str) -> Option<String>, usual: &str) -> Result<SecretName, Failure> {
        let name = value(self.variable).unwrap_or_else(|| usual.to_owned());
        let parsed =
            if self.variable == TOKEN { SecretName::of_document(&name) } else { SecretName::parse(&name) };
        parsed
            .map_err(|error| Failure::new("BadDeployment", format!("environment {}: {error}", self.variable)))
    }
}
