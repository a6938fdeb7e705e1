//! The broker port over tastytrade.

use std::fmt;
use std::sync::{Arc, OnceLock};
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

use crate::account::Positions;
use crate::auth::ClientAuth;
use crate::chain::{self, SymbolBook};
use crate::client::{BROKER, Client, failed, real, said};
use crate::fields::is_id;
use crate::login::{TastytradeLogin, TastytradeLoginConfig};
use crate::quote_stream::QuoteStream;
use crate::token::TokenDocumentError;
use crate::{account, order_view};

/// What is traded here: every root with its step.
pub(crate) const ROOTS: &[(&str, Tick)] =
    &[("SPXW", Tick::NICKEL), ("SPX", Tick::NICKEL), ("XSP", Tick::PENNY)];

/// What the adapter needs to know.
#[derive(Debug, Clone)]
pub struct TastytradeConfig {
    /// Scheme and host, `https://api.tastyworks.com`.
    pub base_url: String,
    /// The OAuth application's id; tastytrade can do without, except with [`ClientAuth::Basic`].
    pub client_id: Option<SecretString>,
    /// The OAuth application's secret.
    pub client_secret: SecretString,
    /// Where the two go when a token is refreshed.
    pub client_auth: ClientAuth,
    /// The token document: tastytrade's OAuth answer, at least with its `refresh_token`.
    pub token_text: SecretString,
    /// Which account.
    pub account_number: String,
    /// The root whose option chain is asked for: `SPXW`.
    pub root: String,
}

/// A configuration the adapter cannot work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TastytradeSetupError {
    /// A value that must be given is empty.
    #[error("tastytrade configuration: {field}: got nothing, expected text")]
    Empty {
        /// Its name.
        field: &'static str,
    },
    /// A value that becomes part of a path holds something else than letters and digits.
    #[error("tastytrade configuration: {field}: got other characters, expected up to 20 letters and digits")]
    NotPlain {
        /// Its name.
        field: &'static str,
    },
    /// The token document does not read.
    #[error(transparent)]
    Token(#[from] TokenDocumentError),
}

/// One tastytrade account behind one login. Make one per invocation, with an HTTP client made for it.
pub struct Tastytrade {
    pub(crate) client: Client,
    pub(crate) stream: OnceLock<Arc<dyn QuoteStream>>,
    pub(crate) account_number: String,
    root: String,
    symbols: OnceLock<Arc<SymbolBook>>,
}

impl Tastytrade {
    /// Order writes a minute unless told otherwise; tastytrade publishes no limit.
    pub const ORDER_WRITES_PER_MINUTE: u32 = 60;

    /// Reads the configuration; opens no connection.
    ///
    /// # Errors
    /// [`TastytradeSetupError`], which names the field.
    pub fn new(
        http: HttpClient,
        config: TastytradeConfig,
        clock: Arc<dyn Clock>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Result<Self, TastytradeSetupError> {
        let base = config.base_url.trim_end_matches('/').to_owned();
        for (field, part) in [("account_number", &config.account_number), ("root", &config.root)] {
            if part.is_empty() {
                return Err(TastytradeSetupError::Empty { field });
            }
            if part.len() > 20 || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(TastytradeSetupError::NotPlain { field });
            }
        }
        let TastytradeConfig {
            base_url,
            client_id,
            client_secret,
            client_auth,
            token_text,
            account_number,
            root,
        } = config;
        let login = TastytradeLoginConfig { base_url, client_id, client_secret, client_auth, token_text };
        let login = TastytradeLogin::new(http.clone(), login, Arc::clone(&clock), renewal)?;
        Ok(Self {
            client: Client {
                base,
                http,
                auth: login.0,
                clock,
                throttle: WriteThrottle::new(Self::ORDER_WRITES_PER_MINUTE),
            },
            stream: OnceLock::new(),
            account_number,
            root,
            symbols: OnceLock::new(),
        })
    }

    /// Asks `stream` for quotes before REST.
    #[must_use]
    pub fn with_stream(self, stream: Arc<dyn QuoteStream>) -> Self {
        // Made a moment ago, it has none yet.
        let _ = self.stream.set(stream);
        self
    }

    /// Sets our own limit on order writes; beyond it `place` refuses without sending.
    #[must_use]
    pub fn with_order_writes_per_minute(mut self, most: u32) -> Self {
        self.client.throttle = WriteThrottle::new(most);
        self
    }

    /// Refreshes the access token when it is due; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`]; a grant that has ended is [`BrokerFault::TokenDead`].
    pub async fn refresh_if_needed(&self) -> Result<bool, BrokerError> {
        self.client.refresh_if_needed().await
    }

    /// Reads the option chain for its names of contracts, once. To be run beside the other preparation: it is
    /// short, and it never fails, because names that are not known are built by rule.
    pub async fn learn_symbols(&self) {
        if self.symbols.get().is_some() {
            return;
        }
        match self.option_chain(&self.root).await {
            Ok(book) => {
                tracing::info!(root = %self.root, contracts = book.listed(), "option chain read");
                // Another caller may have been faster; both read the same.
                let _ = self.symbols.set(Arc::new(book));
            }
            Err(error) => tracing::warn!(%error, "no option chain: symbols are built by rule"),
        }
    }

    /// The names of contracts in the chain that holds `root`. One try of a few seconds.
    ///
    /// # Errors
    /// [`BrokerError`] when it could not be read.
    pub async fn option_chain(&self, root: &str) -> Result<SymbolBook, BrokerError> {
        const OPERATION: &str = "GET option-chains";
        let patience = (Backoff { tries: 1, ..Backoff::READS }, Duration::from_secs(5));
        let url = format!("{}/option-chains/{}/nested", self.client.base, chain::underlying(root));
        let answer =
            self.client.read_within(OPERATION, patience.0, patience.1, || Request::get(&url)).await?;
        SymbolBook::read(&answer).map_err(|error| failed(OPERATION, error))
    }

    /// What contracts are called, as far as it is known by now.
    #[must_use]
    pub fn names(&self) -> Arc<SymbolBook> {
        self.symbols.get().cloned().unwrap_or_default()
    }

    pub(crate) fn account_url(&self) -> String {
        format!("{}/accounts/{}", self.client.base, self.account_number)
    }

    pub(crate) fn orders_url(&self) -> String {
        format!("{}/orders", self.account_url())
    }

    /// The address of one order. An id that is not digits is refused here, because it becomes part of the
    /// path.
    pub(crate) fn order_url(&self, id: &OrderId) -> Result<String, BrokerFault> {
        if !is_id(&id.0) {
            return Err(BrokerFault::Refused(format!(
                "order id: got {:?}, expected up to 40 digits; nothing was sent",
                id.0
            )));
        }
        Ok(format!("{}/{id}", self.orders_url()))
    }
}

impl fmt::Debug for Tastytrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tastytrade").field("base", &self.client.base).finish_non_exhaustive()
    }
}

#[async_trait]
impl Broker for Tastytrade {
    /// Four legs is what orders may have (docs/reference/tastytrade.md, Order request). No largest
    /// quantity is published; this one only stops nonsense.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            broker: BROKER,
            most_legs: 4,
            most_quantity: 1000,
            kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
            roots: ROOTS,
            previews: true,
            names_orders: true,
        }
    }

    fn expect_quotes(&self) {
        if let Some(stream) = self.stream.get() {
            stream.expect();
        }
    }

    async fn account(&self) -> Result<AccountSnapshot, BrokerError> {
        const BALANCES: &str = "GET balances";
        const POSITIONS: &str = "GET positions";
        let (balances_url, positions_url) =
            (format!("{}/balances", self.account_url()), format!("{}/positions", self.account_url()));
        let balances =
            async { real(BALANCES, self.client.read(BALANCES, || Request::get(&balances_url)).await) };
        let positions =
            async { real(POSITIONS, self.client.read(POSITIONS, || Request::get(&positions_url)).await) };
        let (balances, positions) = tokio::try_join!(balances, positions)?;
        let equity = account::equity(&balances).map_err(|error| failed(BALANCES, error))?;
        let Positions { net, unreadable } =
            account::positions(&positions).map_err(|error| failed(POSITIONS, error))?;
        for row in &unreadable {
            tracing::warn!(position = row, "a position of others does not read");
        }
        Ok(AccountSnapshot { equity, positions: net, unreadable })
    }

    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.all_orders(from, to).await
    }

    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.todays_orders(from, to).await
    }

    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError> {
        self.orders_that_work().await
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError> {
        const OPERATION: &str = "GET order";
        let url = self.order_url(id).map_err(|fault| failed(OPERATION, fault))?;
        let answer = self.client.read_urgently(OPERATION, || Request::get(&url)).await?;
        let answer = said(OPERATION, answer)?;
        order_view::one(&answer, id, self.client.clock.now()).map_err(|fault| failed(OPERATION, fault))
    }

    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        if symbols.is_empty() {
            return Ok(QuoteBook::new());
        }
        self.leg_quotes(symbols).await
    }

    async fn place(&self, order: &Approved<PackageOrder>, name: &OrderName) -> PlaceReply {
        self.send_order(order.get(), &name.0).await
    }

    async fn cancel(&self, id: &OrderId) -> CancelReply {
        self.send_cancel(id).await
    }
}
