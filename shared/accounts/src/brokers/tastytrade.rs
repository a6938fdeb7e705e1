//! tastytrade.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerError, BrokerFault};
use gamma_http::HttpClient;
use gamma_lambda::{Failure, is_loopback};
use gamma_operator::DocumentShape;
use gamma_tastytrade::{ClientAuth, Tastytrade, TastytradeConfig, TastytradeLogin, TastytradeLoginConfig};
use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    Authorization, BrokerFacts, BrokerLogin, BrokerSetup, Connection, Kept, LoginParts, LoginSecret,
    LoginSecrets, Purpose, bad_token,
};
use crate::names;

/// Whose option chain is asked for symbols.
const ROOT: &str = "SPXW";

#[derive(Debug)]
pub(super) struct Setup;

static FACTS: BrokerFacts = BrokerFacts {
    name: "tastytrade",
    address: "https://api.tastyworks.com",
    address_variable: "GAMMA_TASTYTRADE_URL",
    secrets: &[
        LoginSecret {
            name: names::CLIENT_SECRET,
            purpose: Purpose::Application,
            about: "the secret of the OAuth application at tastytrade",
        },
        LoginSecret {
            name: names::CLIENT_ID,
            purpose: Purpose::OptionalApplication,
            about: "its id; `gamma login tastytrade` needs it",
        },
        LoginSecret {
            name: names::ACCOUNT_SIZING,
            purpose: Purpose::SizingByNumber,
            about: "sizing of tastytrade accounts by number, JSON",
        },
    ],
    token: names::TASTYTRADE_TOKEN,
    token_about: "tastytrade's token document; `gamma login tastytrade` writes it",
    token_format: "JSON with a refresh_token",
    token_age: gamma_tastytrade::token_age,
    // What it calls its creation is the last refresh, and a document that a person stored has none.
    token_shape: DocumentShape { token: None, dated: false },
    login_end: None,
    number_needed: true,
};

impl BrokerSetup for Setup {
    fn facts(&self) -> &'static BrokerFacts {
        &FACTS
    }

    fn log_in(&self, parts: LoginParts<'_>) -> Result<Box<dyn BrokerLogin>, Failure> {
        let LoginParts { secrets, base_url, http, clock, token_text, renewal } = parts;
        let (client_id, client_secret) =
            (secrets.optional(names::CLIENT_ID), secrets.get(names::CLIENT_SECRET)?);
        let config = TastytradeLoginConfig {
            base_url,
            client_id,
            client_secret,
            client_auth: ClientAuth::Body,
            token_text,
        };
        Ok(Box::new(TastytradeLogin::new(http, config, clock, renewal).map_err(bad_token)?))
    }

    fn connect(
        &self,
        parts: LoginParts<'_>,
        account_number: Option<String>,
        kept: &Kept,
    ) -> Result<Arc<dyn Connection>, Failure> {
        let LoginParts { secrets, base_url, http, clock, token_text, renewal } = parts;
        let config = TastytradeConfig {
            base_url,
            client_id: secrets.optional(names::CLIENT_ID),
            client_secret: secrets.get(names::CLIENT_SECRET)?,
            client_auth: ClientAuth::Body,
            token_text,
            account_number: account_number.unwrap_or_default(),
            root: ROOT.to_owned(),
        };
        let broker = Arc::new(Tastytrade::new(http, config, clock, renewal).map_err(bad_token)?);
        broker.stream_quotes(&kept.quote_tokens);
        Ok(broker)
    }

    fn authorization(
        &self,
        secrets: LoginSecrets<'_>,
        base_url: &str,
        callback: &str,
    ) -> Result<Box<dyn Authorization>, Failure> {
        let (client_id, client_secret) = (secrets.get(names::CLIENT_ID)?, secrets.get(names::CLIENT_SECRET)?);
        // The page is the broker's website, not its API, unless a local stack stands in for both.
        let local = is_loopback(base_url).then(|| format!("{}/auth.html", base_url.trim_end_matches('/')));
        let page_url = local.unwrap_or_else(|| gamma_tastytrade::Authorization::PAGE.to_owned());
        let (base_url, callback) = (base_url.to_owned(), callback.to_owned());
        Ok(Box::new(gamma_tastytrade::Authorization {
            page_url,
            base_url,
            client_id,
            client_secret,
            callback,
        }))
    }

    fn document_of_grant(&self, grant: &SecretString) -> Option<SecretString> {
        Some(gamma_tastytrade::of_grant(grant))
    }
}

#[async_trait]
impl Connection for Tastytrade {
    async fn refresh_if_needed(&self) -> Result<bool, BrokerError> {
        Tastytrade::refresh_if_needed(self).await
    }

    async fn prepare_for_trade(&self, kept: &Kept) -> Option<Result<&'static str, String>> {
        let ready = self.ready_quote_token(&kept.quote_tokens).await;
        Some(ready.map(|asked| if asked { "fetched" } else { "at hand" }).map_err(|error| error.to_string()))
    }
}

#[async_trait]
impl BrokerLogin for TastytradeLogin {
    async fn refresh_within(&self, seconds: i64) -> Result<bool, BrokerError> {
        TastytradeLogin::refresh_within(self, seconds).await
    }
}

#[async_trait]
impl Authorization for gamma_tastytrade::Authorization {
    fn page(&self, state: &str) -> (String, Vec<(&'static str, String)>) {
        gamma_tastytrade::Authorization::page(self, state)
    }

    async fn exchange(
        &self,
        http: &HttpClient,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<SecretString, BrokerFault> {
        gamma_tastytrade::Authorization::exchange(self, http, code, now).await
    }
}
