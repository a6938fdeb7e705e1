//! The broker port over Schwab.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::approval::{Approved, PackageOrder};
use gamma_execution::ports::{
    AccountSnapshot, Broker, BrokerError, BrokerFault, CancelReply, Capabilities, Clock, OrderId, OrderKind,
    OrderName, OrderView, PlaceReply, TokenRenewal, WorkingOrders,
};
use gamma_http::retry::Backoff;
use gamma_http::{HttpClient, Request};
use gamma_market::{OptionSymbol, QuoteBook, Tick};
use gamma_wire::WriteThrottle;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::client::{BROKER, Client, failed};
use crate::fields::is_id;
use crate::login::{SchwabLogin, SchwabLoginConfig};
use crate::token::TokenDocumentError;
use crate::{account, account_hash, order_list, order_view, quotes};

/// What the adapter needs to know.
#[derive(Debug, Clone)]
pub struct SchwabConfig {
    /// Scheme and host, `https://api.schwabapi.com`.
    pub base_url: String,
    /// The application's key.
    pub app_key: SecretString,
    /// The application's secret.
    pub app_secret: SecretString,
    /// The token document, JSON or base64 of it, as schwab-py keeps it.
    pub token_text: SecretString,
    /// Which account; may be left out when the login shows only one.
    pub account_number: Option<String>,
}

/// A configuration the adapter cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchwabSetupError {
    /// A value that must be given is empty.
    #[error("Schwab configuration: {field}: got nothing, expected text")]
    Empty {
        /// Its name.
        field: &'static str,
    },
    /// The token document does not read.
    #[error(transparent)]
    Token(#[from] TokenDocumentError),
}

/// One Schwab account behind one login. Make one per invocation, with an HTTP client made for it.
pub struct Schwab {
    pub(crate) client: Client,
    account_number: Option<String>,
    hash: OnceCell<String>,
}

impl Schwab {
    /// Order writes a minute unless told otherwise; Schwab registers up to 120 per application.
    pub const ORDER_WRITES_PER_MINUTE: u32 = 100;

    /// Reads the configuration; opens no connection.
    ///
    /// # Errors
    /// [`SchwabSetupError`], which names the field.
    pub fn new(
        http: HttpClient,
        config: SchwabConfig,
        clock: Arc<dyn Clock>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Result<Self, SchwabSetupError> {
        let base = config.base_url.trim_end_matches('/').to_owned();
        let SchwabConfig { base_url, app_key, app_secret, token_text, account_number } = config;
        let login = SchwabLogin::new(
            http.clone(),
            SchwabLoginConfig { base_url, app_key, app_secret, token_text },
            Arc::clone(&clock),
            renewal,
        )?;
        Ok(Self {
            client: Client {
                base,
                http,
                auth: login.0,
                clock,
                throttle: WriteThrottle::new(Self::ORDER_WRITES_PER_MINUTE),
            },
            account_number,
            hash: OnceCell::new(),
        })
    }

    /// Sets our own limit on order writes; beyond it `place` refuses without sending.
    #[must_use]
    pub fn with_order_writes_per_minute(mut self, most: u32) -> Self {
        self.client.throttle = WriteThrottle::new(most);
        self
    }

    /// Refreshes the access token when it expires within five minutes; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`]; a login that has died is [`BrokerFault::TokenDead`].
    pub async fn refresh_if_needed(&self) -> Result<bool, BrokerError> {
        self.client.refresh_if_needed().await
    }

    /// The account's hash, asked for once.
    pub(crate) async fn hash(&self) -> Result<&str, BrokerError> {
        self.hash_within(Backoff::READS, Duration::from_secs(10)).await
    }

    async fn hash_within(&self, backoff: Backoff, timeout: Duration) -> Result<&str, BrokerError> {
        const OPERATION: &str = "GET accountNumbers";
        let hash = self.hash.get_or_try_init(|| async {
            let url = format!("{}/trader/v1/accounts/accountNumbers", self.client.base);
            let answer = self.client.read_within(OPERATION, backoff, timeout, || Request::get(&url)).await?;
            account_hash::account_hash(&answer, self.account_number.as_deref())
                .map_err(|fault| failed(OPERATION, fault))
        });
        hash.await.map(String::as_str)
    }

    /// The account's hash for an order, without patience: the caller's time is measured.
    pub(crate) async fn hash_for_an_order(&self) -> Result<&str, BrokerFault> {
        let once = Backoff { tries: 1, ..Backoff::READS };
        self.hash_within(once, Duration::from_secs(5)).await.map_err(|error| error.fault)
    }

    pub(crate) fn orders_url(&self, hash: &str) -> String {
        format!("{}/trader/v1/accounts/{hash}/orders", self.client.base)
    }

    /// The address of one order. An id that is not digits is refused here, because it becomes part of the
    /// path.
    pub(crate) async fn order_url(&self, id: &OrderId) -> Result<String, BrokerFault> {
        if !is_id(&id.0) {
            return Err(BrokerFault::Refused(format!(
                "order id: got {:?}, expected up to 40 digits; nothing was sent",
                id.0
            )));
        }
        let hash = self.hash().await.map_err(|error| error.fault)?;
        Ok(format!("{}/{id}", self.orders_url(hash)))
    }
}

impl fmt::Debug for Schwab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schwab").field("base", &self.client.base).finish_non_exhaustive()
    }
}

pub(crate) const ORDERS: &str = "GET orders";

/// The roots that are traded, and the steps of their packages' prices.
pub(crate) const ROOTS: &[(&str, Tick)] =
    &[("SPXW", Tick::NICKEL), ("SPX", Tick::NICKEL), ("XSP", Tick::PENNY)];

fn orders_of(answer: &serde_json::Value) -> Result<Vec<OrderView>, BrokerError> {
    order_list::order_list(answer).map_err(|fault| failed(ORDERS, fault))
}

#[async_trait]
impl Broker for Schwab {
    /// Four legs is the largest complex order type (docs/reference/schwab.md, Order request). No largest
    /// quantity is published; this one only stops nonsense.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            broker: BROKER,
            most_legs: 4,
            most_quantity: 1000,
            kinds: &[OrderKind::NetCredit, OrderKind::NetDebit, OrderKind::Even],
            roots: ROOTS,
            previews: true,
            names_orders: false,
        }
    }

    async fn account(&self) -> Result<AccountSnapshot, BrokerError> {
        const OPERATION: &str = "GET account";
        let url = format!("{}/trader/v1/accounts/{}", self.client.base, self.hash().await?);
        let request = || Request::get(&url).query(&[("fields", "positions".to_owned())]);
        let answer = self.client.read(OPERATION, request).await?;
        account::snapshot(&answer).map_err(|fault| failed(OPERATION, fault))
    }

    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        let url = self.orders_url(self.hash().await?);
        let query = order_list::entered_between(from, to);
        orders_of(&self.client.read(ORDERS, || Request::get(&url).query(&query)).await?)
    }

    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        let url = self.orders_url(self.hash().await?);
        let query = order_list::entered_between(from, to);
        orders_of(&self.client.read_urgently(ORDERS, || Request::get(&url).query(&query)).await?)
    }

    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError> {
        self.orders_that_work().await
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError> {
        const OPERATION: &str = "GET order";
        let url = self.order_url(id).await.map_err(|fault| failed(OPERATION, fault))?;
        let answer = self.client.read_urgently(OPERATION, || Request::get(&url)).await?;
        order_view::one(&answer, id).map_err(|fault| failed(OPERATION, fault))
    }

    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        const OPERATION: &str = "GET quotes";
        if symbols.is_empty() {
            return Ok(QuoteBook::new());
        }
        let url = format!("{}/marketdata/v1/quotes", self.client.base);
        let names: Vec<String> = symbols.iter().map(ToString::to_string).collect();
        let query = [("symbols", names.join(",")), ("fields", "quote".to_owned())];
        let answer = self.client.read_urgently(OPERATION, || Request::get(&url).query(&query)).await?;
        quotes::book(&answer, symbols).map_err(|fault| failed(OPERATION, fault))
    }

    /// Schwab takes no name for an order.
    async fn place(&self, order: &Approved<PackageOrder>, _name: &OrderName) -> PlaceReply {
        self.send_order(order.get()).await
    }

    async fn cancel(&self, id: &OrderId) -> CancelReply {
        self.send_cancel(id).await
    }
}
