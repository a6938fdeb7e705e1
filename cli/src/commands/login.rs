//! `gamma login`

use std::hash::{BuildHasher as _, RandomState};

use clap::{Args, Subcommand};
use gamma_accounts::BrokerKind;
use gamma_accounts::brokers::{Authorization, LoginSecrets};
use gamma_accounts::deployment::Deployment;
use gamma_cloud::{SecretName, Secrets};
use gamma_http::{HttpClient, HttpConfig};
use secrecy::SecretString;
use serde_json::json;

use crate::desk::{Desk, World};
use crate::prompt;
use crate::redirect::{Redirect, encoded};
use crate::token_store;
use crate::trouble::{End, Ended, Trouble};

/// Logs in at a broker in the browser, and stores the token document where the functions read it; it is shown
/// nowhere.
#[derive(Debug, Subcommand)]
pub(crate) enum Login {
    /// Charles Schwab: needed every seven days
    Schwab(Callback),
    /// tastytrade: once, and again when the grant was revoked
    Tastytrade {
        #[command(flatten)]
        callback: Callback,
        /// Ask for a refresh token of my.tastytrade.com (API, OAuth Applications, Create Grant) instead of
        /// going to the browser
        #[arg(long)]
        grant: bool,
    },
}

/// Where the browser comes back to.
#[derive(Debug, Args)]
pub(crate) struct Callback {
    /// The callback address registered with the application, letter by letter
    #[arg(
        long,
        value_name = "URL",
        env = "GAMMA_CALLBACK",
        hide_env = true,
        default_value = "https://127.0.0.1:8182"
    )]
    callback: String,
}

impl Login {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let (broker, callback, grant) = match self {
            Self::Schwab(Callback { callback }) => (BrokerKind::Schwab, callback, false),
            Self::Tastytrade { callback: Callback { callback }, grant } => {
                (BrokerKind::Tastytrade, callback, grant)
            }
        };
        let deployment = of_broker(world, broker).await?;
        let document =
            if grant { of_grant(broker)? } else { in_browser(desk, world, &deployment, &callback).await? };
        let mut notes = Vec::new();
        let version = loop {
            match token_store::put(world, &deployment.names.login.token, &document, &mut notes).await {
                Ok(version) => break version,
                // The code that it was got for works once: what is in hand is kept until it is stored, or
                // given up by the person.
                Err(trouble) if prompt::is_interactive() => {
                    desk.output.progress(&trouble.to_string());
                    prompt::line("The login is made and not stored. Enter tries again, Ctrl-C gives it up:")?;
                }
                Err(trouble) => return Err(trouble),
            }
        };
        let account = deployment.account();
        desk.output.answer(&json!({ "parameter": deployment.names.login.token.as_str(), "version": version, "notes": notes }), || {
            let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
            format!("{notes}Logged in: {} is written, version {version}.\n`gamma warmup {account}` tries it.", deployment.names.login.token)
        });
        Ok(End::Done)
    }
}

/// The deployment of the first account at that broker: its accounts share application and token.
async fn of_broker(world: &World, broker: BrokerKind) -> Result<Deployment, Trouble> {
    for account in world.names.accounts() {
        let deployment = world.deployed(account).await?.deployment;
        if deployment.names.login.broker == broker {
            return Ok(deployment);
        }
    }
    Err(Trouble::no("log in", "no account of this stack is at that broker"))
}

/// The document of a grant that the person typed.
fn of_grant(broker: BrokerKind) -> Result<SecretString, Trouble> {
    let made = broker.setup().document_of_grant(&typed_grant()?);
    made.ok_or_else(|| {
        Trouble::no("log in", format!("{} makes no grants; nothing was written", broker.facts().name))
    })
}

fn typed_grant() -> Result<SecretString, Trouble> {
    use secrecy::ExposeSecret as _;
    let typed = if prompt::is_interactive() {
        prompt::hidden("The refresh token")?
    } else {
        SecretString::from(prompt::line("")?)
    };
    if typed.expose_secret().trim().is_empty() {
        return Err(Trouble::no("read the refresh token", "got nothing; nothing was written"));
    }
    Ok(typed)
}

async fn in_browser(
    desk: &Desk,
    world: &World,
    deployment: &Deployment,
    callback: &str,
) -> Result<SecretString, Trouble> {
    let http =
        HttpClient::new(&HttpConfig::default()).map_err(|error| Trouble::no("make an HTTP client", error))?;
    let authorization = authorization(world, deployment, callback).await?;
    let state =
        format!("{:016x}{:016x}", RandomState::new().hash_one("state"), RandomState::new().hash_one("state"));
    let (page, query) = authorization.page(&state);
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    eprintln!("Open this address in a browser, log in and consent:\n\n{page}?{}\n", query.join("&"));
    eprintln!("The browser is then sent to {callback}?code=…; it may say that it cannot connect.");
    eprintln!("Paste that whole address here within half a minute:");
    let code = Redirect { callback, state: &state }.code().await?;
    desk.output.progress("exchanging the code for tokens ...");
    let now = world.now().await?;
    authorization.exchange(&http, &code, now).await.map_err(|fault| {
        let trouble = Trouble::no("exchange the code for tokens", format!("{fault}; nothing was written"));
        trouble.next("begin again; the callback must be the registered one, and application key and secret those of `gamma seed`")
    })
}

/// The application as it is kept, ready for a person to give it access.
async fn authorization(
    world: &World,
    deployment: &Deployment,
    callback: &str,
) -> Result<Box<dyn Authorization>, Trouble> {
    let attempted = "read the application's parameters";
    let names = &deployment.names.login;
    let application: Vec<&str> = names.application().into_iter().map(SecretName::as_str).collect();
    let read = Secrets::new(&world.aws, world.clock.clone()).read(&application).await;
    let read = read.map_err(|error| Trouble::no(attempted, error).next("`gamma seed` writes them"))?;
    let secrets = LoginSecrets { names, read: &read };
    let made = names.broker.setup().authorization(secrets, &deployment.broker_url, callback);
    made.map_err(|failure| Trouble::no(attempted, failure).next("`gamma seed` writes them"))
}
