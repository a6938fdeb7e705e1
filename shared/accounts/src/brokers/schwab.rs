//! Charles Schwab.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::ports::{BrokerError, BrokerFault};
use gamma_http::HttpClient;
use gamma_lambda::Failure;
use gamma_operator::DocumentShape;
use gamma_schwab::{Schwab, SchwabConfig, SchwabLogin, SchwabLoginConfig};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::{
    Authorization, BrokerFacts, BrokerLogin, BrokerSetup, Connection, Kept, LoginEnd, LoginParts,
    LoginSecret, LoginSecrets, Purpose, bad_token,
};
use crate::names;

#[derive(Debug)]
pub(super) struct Setup;

static FACTS: BrokerFacts = BrokerFacts {
    name: "schwab",
    address: "https://api.schwabapi.com",
    address_variable: "GAMMA_SCHWAB_URL",
    secrets: &[
        LoginSecret {
            name: names::APP_KEY,
            purpose: Purpose::Application,
            about: "the key of the application at Schwab's developer portal",
        },
        LoginSecret { name: names::APP_SECRET, purpose: Purpose::Application, about: "its secret" },
    ],
    token: names::SCHWAB_TOKEN,
    token_about: "Schwab's token document; `gamma login schwab` writes it",
    token_format: "a token file as schwab-py writes it (JSON, or base64 of it)",
    token_age: gamma_schwab::token_age,
    token_shape: DocumentShape { token: Some("token"), dated: true },
    login_end: Some(LoginEnd {
        lasts: SignedDuration::from_secs(SchwabLogin::LIFE),
        runbook: "Schwab login",
    }),
    number_needed: false,
};

impl BrokerSetup for Setup {
    fn facts(&self) -> &'static BrokerFacts {
        &FACTS
    }

    fn log_in(&self, parts: LoginParts<'_>) -> Result<Box<dyn BrokerLogin>, Failure> {
        let LoginParts { secrets, base_url, http, clock, token_text, renewal } = parts;
        let (app_key, app_secret) = (secrets.get(names::APP_KEY)?, secrets.get(names::APP_SECRET)?);
        let config = SchwabLoginConfig { base_url, app_key, app_secret, token_text };
        Ok(Box::new(SchwabLogin::new(http, config, clock, renewal).map_err(bad_token)?))
    }

    fn connect(
        &self,
        parts: LoginParts<'_>,
        account_number: Option<String>,
        _kept: &Kept,
    ) -> Result<Arc<dyn Connection>, Failure> {
        let LoginParts { secrets, base_url, http, clock, token_text, renewal } = parts;
        let (app_key, app_secret) = (secrets.get(names::APP_KEY)?, secrets.get(names::APP_SECRET)?);
        let config = SchwabConfig { base_url, app_key, app_secret, token_text, account_number };
        Ok(Arc::new(Schwab::new(http, config, clock, renewal).map_err(bad_token)?))
    }

    fn authorization(
        &self,
        secrets: LoginSecrets<'_>,
        base_url: &str,
        callback: &str,
    ) -> Result<Box<dyn Authorization>, Failure> {
        let (app_key, app_secret) = (secrets.get(names::APP_KEY)?, secrets.get(names::APP_SECRET)?);
        let (base_url, callback) = (base_url.to_owned(), callback.to_owned());
        Ok(Box::new(gamma_schwab::Authorization { base_url, app_key, app_secret, callback }))
    }
}

#[async_trait]
impl Connection for Schwab {
    async fn refresh_if_needed(&self) -> Result<bool, BrokerError> {
        Schwab::refresh_if_needed(self).await
    }
}

#[async_trait]
impl BrokerLogin for SchwabLogin {
    async fn refresh_within(&self, seconds: i64) -> Result<bool, BrokerError> {
        SchwabLogin::refresh_within(self, seconds).await
    }
}

#[async_trait]
impl Authorization for gamma_schwab::Authorization {
    fn page(&self, state: &str) -> (String, Vec<(&'static str, String)>) {
        gamma_schwab::Authorization::page(self, state)
    }

    async fn exchange(
        &self,
        http: &HttpClient,
        code: &SecretString,
        now: Timestamp,
    ) -> Result<SecretString, BrokerFault> {
        gamma_schwab::Authorization::exchange(self, http, code, now).await
    }
}
