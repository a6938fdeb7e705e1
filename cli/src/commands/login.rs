//! `gamma login`

use std::hash::{BuildHasher as _, RandomState};

use clap::{Args, Subcommand};
use gamma_cloud::Secrets;
use gamma_http::{HttpClient, HttpConfig};
use gamma_lambda::is_loopback;
use gamma_accounts::deployment::{AppNames, Deployment};
use gamma_accounts::profiles::BrokerKind;
use secrecy::SecretString;
use serde_json::json;

use crate::desk::{Desk, World};
use crate::prompt;
use crate::redirect::{Redirect, encoded};
use crate::token_store;
use crate::trouble::{End, Ended, Trouble};

/// Logs in at a broker in the browser, and stores the token document where the functions read it; it is shown nowhere.
#[derive(Debug, Subcommand)]
pub(crate) enum Login {
    /// Charles Schwab: needed every seven days
    Schwab(Callback),
    /// tastytrade: once, and again when the grant was revoked
    Tastytrade {
        #[command(flatten)]
        callback: Callback,
        /// Ask for a refresh token of my.tastytrade.com (API, OAuth Applications, Create Grant) instead of going to the browser
        #[arg(long)]
        grant: bool,
    },
}

/// Where the browser comes back to.
#[derive(Debug, Args)]
pub(crate) struct Callback {
    /// The callback address registered with the application, letter by letter
    #[arg(long, value_name = "URL", env = "GAMMA_CALLBACK", hide_env = true, default_value = "https://127.0.0.1:8182")]
    callback: String,
}

/// Either broker's, as this command sees it.
enum Authorization {
    Schwab(gamma_schwab::Authorization),
    Tastytrade(gamma_tastytrade::Authorization),
}

impl Login {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let (broker, callback, grant) = match self {
            Self::Schwab(Callback { callback }) => (BrokerKind::Schwab, callback, false),
            Self::Tastytrade { callback: Callback { callback }, grant } => (BrokerKind::Tastytrade, callback, grant),
        };
        let deployment = of_broker(world, broker).await?;
        let document = if grant { gamma_tastytrade::of_grant(&typed_grant()?) } else { in_browser(desk, world, &deployment, callback).await? };
        let mut notes = Vec::new();
        let version = loop {
            match token_store::put(world, &deployment.names.token, &document, &mut notes).await {
                Ok(version) => break version,
                // The code that it was got for works once: what is in hand is kept until it is stored, or given up by the person.
                Err(trouble) if prompt::is_interactive() => {
                    desk.output.progress(&trouble.to_string());
                    prompt::line("The login is made and not stored. Enter tries again, Ctrl-C gives it up:")?;
                }
                Err(trouble) => return Err(trouble),
            }
        };
        let account = deployment.account();
        desk.output.answer(&json!({ "parameter": deployment.names.token.as_str(), "version": version, "notes": notes }), || {
            let notes: String = notes.iter().map(|note| format!("note: {note}\n")).collect();
            format!("{notes}Logged in: {} is written, version {version}.\n`gamma warmup {account}` tries it.", deployment.names.token)
        });
        Ok(End::Done)
    }
}

/// The deployment of the first account at that broker: its accounts share application and token.
async fn of_broker(world: &World, broker: BrokerKind) -> Result<Deployment, Trouble> {
    for account in world.names.accounts() {
        let deployment = world.deployed(account).await?.deployment;
        let is_schwab = matches!(deployment.names.app, AppNames::Schwab { .. });
        if is_schwab == (broker == BrokerKind::Schwab) {
            return Ok(deployment);
        }
    }
    Err(Trouble::no("log in", "no account of this stack is at that broker"))
}

fn typed_grant() -> Result<SecretString, Trouble> {
    use secrecy::ExposeSecret as _;
    let typed = if prompt::is_interactive() { prompt::hidden("The refresh token")? } else { SecretString::from(prompt::line("")?) };
    if typed.expose_secret().trim().is_empty() {
        return Err(Trouble::no("read the refresh token", "got nothing; nothing was written"));
    }
    Ok(typed)
}

async fn in_browser(desk: &Desk, world: &World, deployment: &Deployment, callback: String) -> Result<SecretString, Trouble> {
    let http = HttpClient::new(&HttpConfig::default()).map_err(|error| Trouble::no("make an HTTP client", error))?;
    let authorization = Authorization::of(world, deployment, callback.clone()).await?;
    let state = format!("{:016x}{:016x}", RandomState::new().hash_one("state"), RandomState::new().hash_one("state"));
    let (page, query) = match &authorization {
        Authorization::Schwab(schwab) => schwab.page(&state),
        Authorization::Tastytrade(tastytrade) => tastytrade.page(&state),
    };
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    eprintln!("Open this address in a browser, log in and consent:\n\n{page}?{}\n", query.join("&"));
    eprintln!("The browser is then sent to {callback}?code=…; it may say that it cannot connect.");
    eprintln!("Paste that whole address here within half a minute:");
    let code = Redirect { callback: &callback, state: &state }.code().await?;
    desk.output.progress("exchanging the code for tokens ...");
    let now = world.now().await?;
    let exchanged = match &authorization {
        Authorization::Schwab(schwab) => schwab.exchange(&http, &code, now).await,
        Authorization::Tastytrade(tastytrade) => tastytrade.exchange(&http, &code, now).await,
    };
    exchanged.map_err(|fault| {
        let trouble = Trouble::no("exchange the code for tokens", format!("{fault}; nothing was written"));
        trouble.next("begin again; the callback must be the registered one, and application key and secret those of `gamma seed`")
    })
}

impl Authorization {
    async fn of(world: &World, deployment: &Deployment, callback: String) -> Result<Self, Trouble> {
        let base_url = deployment.broker_url.clone();
        let (names, is_schwab) = match &deployment.names.app {
            AppNames::Schwab { key, secret } => ([key, secret], true),
            AppNames::Tastytrade { secret, id, .. } => ([id, secret], false),
        };
        let trouble = |error| Trouble::no("read the application's parameters", error).next("`gamma seed` writes them");
        let secrets = Secrets::new(&world.aws, world.clock.clone()).read(&names.map(|name| name.as_str())).await.map_err(trouble)?;
        let secret = |index: usize| secrets.get(names[index].as_str()).cloned().map_err(trouble);
        let (id, secret) = (secret(0)?, secret(1)?);
        if is_schwab {
            return Ok(Self::Schwab(gamma_schwab::Authorization { base_url, app_key: id, app_secret: secret, callback }));
        }
        let local = is_loopback(&base_url).then(|| format!("{}/auth.html", base_url.trim_end_matches('/')));
        let page_url = local.unwrap_or_else(|| gamma_tastytrade::Authorization::PAGE.to_owned());
        Ok(Self::Tastytrade(gamma_tastytrade::Authorization { page_url, base_url, client_id: id, client_secret: secret, callback }))
    }
}
