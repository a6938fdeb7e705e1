//! Every secret that the deployed functions read: taken from their own settings, and read back with their own
//! readers.

use std::collections::BTreeMap;

use gamma_accounts::BrokerKind;
use gamma_accounts::brokers::Purpose;
use gamma_accounts::deployment::Deployment;
use gamma_accounts::names;
use gamma_accounts::profiles::{self, Overrides};
use gamma_cloud::SecretName;
use gamma_market::calendar::{ExtraDays, ExtraDaysError};
use gamma_notify::MailSettings;
use gamma_post_trade::PostTradeConfig;
use gamma_sheets::ServiceAccount;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::desk::World;
use crate::trouble::Trouble;

/// Where a secret is kept, what it is, and who needs it.
pub(crate) struct Slot {
    pub(crate) name: SecretName,
    pub(crate) about: &'static str,
    pub(crate) optional: bool,
    pub(crate) kind: Kind,
    /// Who reads it: accounts, or the functions after a trade.
    pub(crate) readers: Vec<String>,
    /// The profile of an account that reads it.
    profile: String,
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A token document of a broker.
    Token(#[serde(skip)] BrokerKind),
    /// An account's sizing.
    Sizing,
    /// Sizing by account number.
    SizingByNumber,
    /// A Google service account's key.
    Google,
    /// One of the parameters of mail.
    Mail,
    /// Closures and early closes that were announced.
    Closures,
}

const AFTER_A_TRADE: &str = "after a trade";

/// What each of mail's parameters is, in the order of their names.
const ABOUT_MAIL: [&str; 5] = [
    "mail: the login, which is also the sender",
    "mail: its password",
    "mail: the recipients, separated by commas (else the sender)",
    "mail: the server (else smtp.gmail.com)",
    "mail: its port (else 587)",
];

/// All of them, each once, in the order in which a person fills them in.
pub(crate) async fn slots(world: &World) -> Result<Vec<Slot>, Trouble> {
    let mut slots = Vec::new();
    for account in world.names.accounts() {
        of_account(&mut slots, account, &world.deployed(account).await?.deployment);
    }
    let found =
        world.functions().deployed(&world.names.sheets_log).await.map_err(|error| world.of_call(&error))?;
    let mut environment = found.map(|found| found.environment).unwrap_or_default();
    environment.entry("GAMMA_TABLE".to_owned()).or_insert_with(|| world.names.table.clone());
    let config = PostTradeConfig::from_env(|name| environment.get(name).cloned());
    let config = config.map_err(|failure| {
        Trouble::no(format!("read the environment of {}", world.names.sheets_log), failure)
    })?;
    let about = "the Google service account's key file, for the spreadsheet (JSON, or base64 of it)";
    let optional = config.spreadsheet.is_none();
    add(&mut slots, &config.google_account, (about, optional, Kind::Google), (AFTER_A_TRADE, ""));
    for (name, about) in names::MAIL.all().into_iter().zip(ABOUT_MAIL) {
        let name = SecretName::parse(name)
            .map_err(|error| Trouble::no("read the names of mail's parameters", error))?;
        add(&mut slots, &name, (about, true, Kind::Mail), (AFTER_A_TRADE, ""));
    }
    Ok(slots)
}

fn of_account(slots: &mut Vec<Slot>, account: &str, deployment: &Deployment) {
    let (names, who) = (&deployment.names, (account, deployment.profile()));
    let (login, broker) = (&names.login, names.login.broker);
    let (sizing, application): (Vec<_>, Vec<_>) =
        login.secrets().partition(|(secret, _)| secret.purpose == Purpose::SizingByNumber);
    for (secret, name) in application {
        add(slots, name, (secret.about, secret.purpose == Purpose::OptionalApplication, Kind::Text), who);
    }
    add(slots, &login.token, (broker.facts().token_about, false, Kind::Token(broker)), who);
    for (secret, name) in sizing {
        add(slots, name, (secret.about, true, Kind::SizingByNumber), who);
    }
    add(slots, &names.signal_email, ("the login of GammaWizard", false, Kind::Text), who);
    add(slots, &names.signal_password, ("its password", false, Kind::Text), who);
    add(slots, &names.sizing, ("sizing of this account, JSON", true, Kind::Sizing), who);
    add(
        slots,
        &names.closures,
        (
            "announced closures and early closes, as `closed 2026-12-09 why; early 2026-12-24`",
            true,
            Kind::Closures,
        ),
        who,
    );
    add(slots, &names.account_number, ("which of the login's accounts to trade", true, Kind::Text), who);
}

fn add(
    slots: &mut Vec<Slot>,
    name: &SecretName,
    (about, optional, kind): (&'static str, bool, Kind),
    (reader, profile): (&str, &str),
) {
    match slots.iter_mut().find(|slot| slot.name == *name) {
        Some(slot) => {
            slot.optional &= optional;
            slot.readers.push(reader.to_owned());
        }
        None => slots.push(Slot {
            name: name.clone(),
            about,
            optional,
            kind,
            readers: vec![reader.to_owned()],
            profile: profile.to_owned(),
        }),
    }
}

impl Slot {
    /// Whether the functions could work with this value; what is wrong shows none of it.
    pub(crate) fn check(&self, value: &SecretString) -> Result<(), String> {
        let (name, text) = (self.name.as_str(), value.expose_secret());
        if text.trim().is_empty() {
            return Err("got nothing, expected text".to_owned());
        }
        let sized = |overrides: Overrides<'_>| {
            profiles::load(&self.profile, overrides).map(drop).map_err(|failure| failure.to_string())
        };
        match self.kind {
            Kind::Text => Ok(()),
            Kind::Token(broker) => {
                let facts = broker.facts();
                let read = (facts.token_age)(value).map(drop);
                read.ok_or_else(|| {
                    format!("got text that is no token document, expected {}", facts.token_format)
                })
            }
            Kind::Sizing => sized(Overrides { sizing: Some((name, text)), ..Overrides::default() }),
            Kind::SizingByNumber => {
                sized(Overrides { sizing_by_number: Some((name, text)), ..Overrides::default() })
            }
            Kind::Closures => {
                text.parse().map(|_: ExtraDays| ()).map_err(|error: ExtraDaysError| error.to_string())
            }
            Kind::Google => ServiceAccount::parse(value).map(drop).map_err(|error| error.to_string()),
            Kind::Mail => {
                // User and password go together; the one in question stands beside a made-up other.
                let made_up: BTreeMap<&str, SecretString> = [
                    (names::MAIL.user, "user@example.com".into()),
                    (names::MAIL.password, "password".into()),
                ]
                .into();
                MailSettings::read(
                    &names::MAIL,
                    |asked| if asked == name { Some(value) } else { made_up.get(asked) },
                )
                .map(drop)
                .map_err(|error| error.to_string())
            }
        }
    }
}
