//! A face that speaks tastytrade's open API over REST.
//!
//! Its wire is written from docs/reference/tastytrade.md (sections named in each module) and shares no type
//! with any client. One login shows several accounts; each has an exchange and books of its own over the one
//! market, so quotes and chain are those of every other face at the same virtual time.
//!
//! What is unsure there is decided where it is written: the end of a replacement whose order filled first,
//! and how large a replacement is, in `orders`; what an index option settles to, in `transactions`.

mod accounts;
mod balances;
mod errors;
mod estimate;
mod instruments;
mod market_data;
mod misfortune;
mod oauth;
mod order_lists;
mod order_request;
mod orders;
mod orders_wire;
mod parameters;
mod transactions;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use gamma_market::{OptionSymbol, Price};
use gamma_sim_core::account::Account;
use gamma_sim_core::exchange::{Exchange, SharedExchange};
use gamma_sim_core::market::Market;
use gamma_sim_core::time::VirtualClock;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;

use errors::ApiError;
use oauth::Tokens;
use order_request::Wording;

/// Where the ids of orders begin: nine digits. A seed moves them so that nobody gets used to one.
const FIRST_ORDER_ID: u64 = 300_000_000;

/// The app and its one login, as tastytrade knows them. Everything is made up.
#[derive(Clone)]
pub struct TastytradeConfig {
    /// The app's secret, which every refresh must carry.
    pub client_secret: SecretString,
    /// The app's id; a refresh may leave it out, not name another.
    pub client_id: String,
    /// The refresh token of the login. It does not expire.
    pub refresh_token: SecretString,
    /// An access token that is good for a quarter of an hour from the start, where there is one.
    pub access_token: Option<SecretString>,
    /// What the login shows, in this order.
    pub accounts: Vec<TastytradeAccount>,
    /// Whether every refresh replaces the refresh token and kills the old one. The real service does not.
    pub rotate_refresh_token: bool,
    /// The login's name, which orders carry.
    pub username: String,
}

/// One account.
#[derive(Debug, Clone)]
pub struct TastytradeAccount {
    /// Such as `5WT00001`, unlike any other's.
    pub number: String,
    /// Dollars in it.
    pub cash: Decimal,
    /// Contracts held at the start, long positive, with their average price in points.
    pub positions: Vec<(OptionSymbol, i64, Price)>,
}

impl TastytradeAccount {
    /// A flat account with `cash` dollars.
    #[must_use]
    pub fn flat(number: &str, cash: impl Into<Decimal>) -> Self {
        Self { number: number.to_owned(), cash: cash.into(), positions: Vec::new() }
    }
}

impl Default for TastytradeConfig {
    fn default() -> Self {
        Self {
            client_secret: "simulated-client-secret".into(),
            client_id: "simulated-client-id".into(),
            refresh_token: "simulated-tastytrade-refresh-token".into(),
            access_token: Some("simulated-tastytrade-access-token".into()),
            accounts: vec![
                TastytradeAccount::flat("5WT00001", 100_000),
                TastytradeAccount::flat("5WT00002", 100_000),
            ],
            rotate_refresh_token: false,
            username: "simulated-user".into(),
        }
    }
}

impl fmt::Debug for TastytradeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TastytradeConfig")
            .field("accounts", &self.accounts)
            .field("rotate_refresh_token", &self.rotate_refresh_token)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The face. Clones are the same face.
#[derive(Clone)]
pub struct Tastytrade(Arc<Face>);

pub(crate) struct Face {
    config: TastytradeConfig,
    seed: u64,
    clock: VirtualClock,
    holders: Vec<Holder>,
    /// What quotes and chain are read from: the market that every account trades on.
    exchange: Arc<SharedExchange>,
    state: Mutex<FaceState>,
}

/// What the face knows beyond the exchanges.
struct FaceState {
    tokens: Tokens,
    dropped_quotes: BTreeSet<OptionSymbol>,
    wordings: BTreeMap<u64, Wording>,
    /// Orders nobody can see before some moment.
    hidden: BTreeMap<u64, Timestamp>,
    dxlink_url: String,
    /// `…/orders/live` has no orders of earlier days, working or not.
    only_todays_orders: bool,
    /// Failed checks so far: each has an id of its own.
    checks: u64,
}

/// One account as the face keeps it. It is brought to the clock's time when somebody looks, which ends where
/// many short steps do.
#[derive(Debug)]
pub struct Holder {
    number: String,
    exchange: Arc<SharedExchange>,
}

impl Holder {
    fn new(account: &TastytradeAccount, market: Market, seed: u64) -> Self {
        let books = Account::new(account.cash, &account.positions);
        let exchange =
            Exchange::new(market, books, seed).with_order_ids_from(FIRST_ORDER_ID + seed % 1_000 * 100_000);
        Self { number: account.number.clone(), exchange: Arc::new(SharedExchange::new(exchange)) }
    }

    /// Its exchange, brought to `now`.
    pub fn at(&self, now: Timestamp) -> MutexGuard<'_, Exchange> {
        self.exchange.at(now)
    }
}

impl Tastytrade {
    /// A face whose accounts trade on copies of `market`, and which shows the quotes of `exchange`, the same
    /// market.
    #[must_use]
    pub fn new(
        config: TastytradeConfig,
        seed: u64,
        clock: VirtualClock,
        market: &Market,
        exchange: Arc<SharedExchange>,
    ) -> Self {
        // Luck and liquidity are each account's own, so that they do not all fare alike.
        let holders = (0..)
            .zip(&config.accounts)
            .map(|(at, account)| Holder::new(account, market.clone(), seed.wrapping_add(at)))
            .collect();
        let state = FaceState {
            tokens: Tokens::new(&config.refresh_token, config.access_token.as_ref(), seed, clock.now()),
            dropped_quotes: BTreeSet::new(),
            wordings: BTreeMap::new(),
            hidden: BTreeMap::new(),
            dxlink_url: "ws://127.0.0.1:9/realtime".into(),
            only_todays_orders: false,
            checks: 0,
        };
        Self(Arc::new(Face { config, seed, clock, holders, exchange, state: Mutex::new(state) }))
    }

    /// Every route of the face.
    pub fn router(&self) -> Router {
        let face = Arc::clone(&self.0);
        let behind_a_token = Router::new()
            .route("/customers/me/accounts", get(accounts::all))
            .route("/customers/me/accounts/{number}", get(accounts::one))
            .route("/customers/me", get(accounts::customer))
            .merge(of_accounts())
            .merge(of_the_market())
            .route_layer(from_fn_with_state(Arc::clone(&face), oauth::require));
        Router::new()
            .route("/oauth/token", post(oauth::token))
            .route("/auth.html", get(oauth::consent))
            .route("/sessions", post(oauth::sessions).delete(oauth::sessions))
            .merge(behind_a_token)
            .fallback(unknown_route)
            .layer(axum::middleware::from_fn(oauth::require_user_agent))
            .with_state(face)
    }

    /// The account of this number.
    #[must_use]
    pub fn holder(&self, number: &str) -> Option<&Holder> {
        self.0.holders.iter().find(|holder| holder.number == number)
    }

    /// Tells clients where quotes are streamed: the `dxlink-url` beside every token for them.
    pub fn set_dxlink_url(&self, url: &str) {
        url.clone_into(&mut self.0.state().dxlink_url);
    }

    /// Whether `token` was given out for streaming quotes and has not expired, for the face that streams
    /// them.
    #[must_use]
    pub fn knows_quote_token(&self, token: &str) -> bool {
        let now = self.0.clock.now();
        self.0.state().tokens.streams(token, now)
    }

    /// From now on quotes of `symbol` are left out of every answer without a word, as if the feed had lost
    /// it. It trades on.
    pub fn drop_quote(&self, symbol: OptionSymbol) {
        self.0.state().dropped_quotes.insert(symbol);
    }

    /// From now on `…/orders/live` leaves out orders that were neither placed nor changed today, working or
    /// not; the search has them. The broker's documents say that today's list has those that work; whether it
    /// always does is unsure (docs/reference/tastytrade.md, Order lists).
    pub fn show_only_todays_orders(&self, only: bool) {
        self.0.state().only_todays_orders = only;
    }

    /// Quotes of `symbol` are back.
    pub fn restore_quote(&self, symbol: &OptionSymbol) {
        self.0.state().dropped_quotes.remove(symbol);
    }
}

impl fmt::Debug for Tastytrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tastytrade").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Face {
    fn state(&self) -> MutexGuard<'_, FaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account a path names. The real service says no more of another's account than that one may not.
    fn holder(&self, number: &str) -> Result<&Holder, ApiError> {
        self.holders.iter().find(|holder| holder.number == number).ok_or_else(ApiError::not_permitted)
    }

    /// The account's exchange at the clock's time. The clock is read before the exchange is locked: the clock
    /// locks the exchange to move it.
    fn exchange_of<'a>(&self, holder: &'a Holder) -> MutexGuard<'a, Exchange> {
        let now = self.clock.now();
        holder.at(now)
    }

    /// The market all accounts trade on, at the clock's time.
    fn market(&self) -> Market {
        let now = self.clock.now();
        self.exchange.at(now).market().clone()
    }
}

fn of_accounts() -> Router<Arc<Face>> {
    Router::new()
        .route("/accounts/{number}/balances", get(balances::balances))
        .route("/accounts/{number}/balances/{currency}", get(balances::balances_in))
        .route("/accounts/{number}/positions", get(balances::positions))
        .route("/accounts/{number}/trading-status", get(balances::trading_status))
        .route("/accounts/{number}/orders", get(order_lists::search).post(orders::place))
        .route("/accounts/{number}/orders/live", get(order_lists::live))
        .route("/accounts/{number}/orders/dry-run", post(orders::dry_run))
        .route(
            "/accounts/{number}/orders/{id}",
            get(orders::one).put(orders::replace).patch(orders::edit).delete(orders::cancel),
        )
        .route("/accounts/{number}/orders/{id}/dry-run", post(orders::dry_run_replacement))
        .route("/accounts/{number}/complex-orders", post(orders::complex))
        .route("/accounts/{number}/complex-orders/dry-run", post(orders::complex))
        .route("/accounts/{number}/transactions", get(transactions::list))
        .route("/accounts/{number}/transactions/total-fees", get(transactions::total_fees))
        .route("/accounts/{number}/transactions/{id}", get(transactions::one))
}

fn of_the_market() -> Router<Arc<Face>> {
    Router::new()
        .route("/option-chains/{symbol}", get(instruments::plain))
        .route("/option-chains/{symbol}/nested", get(instruments::nested))
        .route("/option-chains/{symbol}/compact", get(instruments::compact))
        .route("/instruments/equities/{symbol}", get(instruments::equity))
        .route("/instruments/equity-options", get(instruments::options))
        .route("/instruments/equity-options/{symbol}", get(instruments::one_option))
        .route("/market-data/by-type", get(market_data::by_type))
        .route("/market-metrics", get(market_data::metrics))
        .route("/market-time/sessions/current", get(market_data::sessions))
        .route("/market-time/equities/sessions/current", get(market_data::equities_session))
        .route("/api-quote-tokens", get(market_data::quote_token))
}

async fn unknown_route() -> ApiError {
    ApiError::not_found("The requested resource")
}
