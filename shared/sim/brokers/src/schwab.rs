//! A face that speaks Schwab's Trader and Market Data API.
//!
//! Its wire is written from docs/reference/schwab.md (sections named in each module) and shares no type with
//! any client, so that a client's mistake has nothing here to agree with.

mod accounts;
mod balances;
mod chains;
mod errors;
mod instruments;
mod logins;
mod markets;
mod misfortune;
mod oauth;
mod order_request;
mod orders;
mod orders_wire;
mod preferences;
mod preview;
mod quotes;
mod transactions;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gamma_market::OptionSymbol;
use gamma_sim_core::exchange::{Exchange, SharedExchange};
use gamma_sim_core::random::{Stream, stream_at, uuid};
use gamma_sim_core::time::VirtualClock;
use jiff::Timestamp;
use secrecy::SecretString;

use oauth::Tokens;
use order_request::Wording;

pub use logins::{AccountConfig, Holder, LoginConfig};

pub(crate) use quotes::{Level, OptionFigures};

/// The app, and the first login with its one account, as Schwab knows them. Everything is made up.
#[derive(Clone)]
pub struct SchwabConfig {
    /// Eight digits or so.
    pub account_number: String,
    /// The app's key.
    pub app_key: SecretString,
    /// The app's secret.
    pub app_secret: SecretString,
    /// The refresh token of the last login.
    pub refresh_token: SecretString,
    /// When that login was; a refresh token lives seven days from it. `None` is the simulation's start.
    pub login: Option<Timestamp>,
    /// An access token that is good for half an hour from the start, where there is one.
    pub access_token: Option<SecretString>,
    /// Whether every refresh replaces the refresh token and kills the old one.
    pub rotate_refresh_token: bool,
    /// What the broker writes into the `tag` of every order.
    pub tag: String,
}

impl Default for SchwabConfig {
    fn default() -> Self {
        Self {
            account_number: "12345678".into(),
            app_key: "simulated-app-key".into(),
            app_secret: "simulated-app-secret".into(),
            refresh_token: "simulated-refresh-token@".into(),
            login: None,
            access_token: Some("I0.simulated-access-token@".into()),
            rotate_refresh_token: false,
            tag: "TA_simulated".into(),
        }
    }
}

impl fmt::Debug for SchwabConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchwabConfig")
            .field("rotate_refresh_token", &self.rotate_refresh_token)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// The face. Clones are the same face.
#[derive(Clone)]
pub struct Schwab(Arc<Face>);

pub(crate) struct Face {
    config: SchwabConfig,
    seed: u64,
    clock: VirtualClock,
    /// Every account of every login; the first is the one of the configuration.
    holders: Vec<Holder>,
    /// What the first account trades on: all see the same market.
    exchange: Arc<SharedExchange>,
    state: Mutex<FaceState>,
}

/// What the face knows beyond the exchange.
struct FaceState {
    /// By login.
    logins: Vec<Tokens>,
    wordings: BTreeMap<u64, Wording>,
    dropped_quotes: BTreeSet<OptionSymbol>,
    /// Orders nobody can see before some moment.
    hidden: BTreeMap<u64, Timestamp>,
    answers: u64,
}

impl Schwab {
    /// A face on `exchange` that reads the time from `clock`.
    #[must_use]
    pub fn new(config: SchwabConfig, seed: u64, clock: VirtualClock, exchange: Arc<SharedExchange>) -> Self {
        Self::with_logins(config, seed, clock, exchange, &[], Vec::new())
    }

    /// The same with further logins; `holders` are their accounts, whose login counts from 1.
    #[must_use]
    pub fn with_logins(
        config: SchwabConfig,
        seed: u64,
        clock: VirtualClock,
        exchange: Arc<SharedExchange>,
        further: &[LoginConfig],
        holders: Vec<Holder>,
    ) -> Self {
        let (now, login) = (clock.now(), config.login.unwrap_or_else(|| clock.now()));
        let first = Tokens::new(&config.refresh_token, config.access_token.as_ref(), seed, (now, login));
        let others = (1..).zip(further).map(|(at, other)| {
            Tokens::new(&other.refresh_token, other.access_token.as_ref(), seed.wrapping_add(at), (now, now))
        });
        let logins = std::iter::once(first).chain(others).collect();
        let state = FaceState {
            logins,
            wordings: BTreeMap::new(),
            dropped_quotes: BTreeSet::new(),
            hidden: BTreeMap::new(),
            answers: 0,
        };
        let first = Holder::new(0, config.account_number.clone(), Arc::clone(&exchange));
        let holders = std::iter::once(first).chain(holders).collect();
        Self(Arc::new(Face { config, seed, clock, holders, exchange, state: Mutex::new(state) }))
    }

    /// Every route of the face.
    pub fn router(&self) -> Router {
        let face = Arc::clone(&self.0);
        let trader = Router::new()
            .route("/trader/v1/accounts/accountNumbers", get(accounts::numbers))
            .route("/trader/v1/accounts", get(accounts::all))
            .route("/trader/v1/accounts/{hash}", get(accounts::one))
            .route("/trader/v1/accounts/{hash}/orders", get(orders::of_account).post(orders::place))
            .route(
                "/trader/v1/accounts/{hash}/orders/{id}",
                get(orders::one).put(orders::replace).delete(orders::cancel),
            )
            .route("/trader/v1/accounts/{hash}/previewOrder", post(preview::preview))
            .route("/trader/v1/accounts/{hash}/transactions", get(transactions::list))
            .route("/trader/v1/accounts/{hash}/transactions/{id}", get(transactions::one))
            .route("/trader/v1/orders", get(orders::of_all_accounts))
            .route("/trader/v1/userPreference", get(preferences::user_preference))
            .route_layer(from_fn_with_state(Arc::clone(&face), oauth::require_for_trader));
        let market_data = Router::new()
            .route("/marketdata/v1/quotes", get(quotes::many))
            .route("/marketdata/v1/{symbol}/quotes", get(quotes::one))
            .route("/marketdata/v1/chains", get(chains::chain))
            .route("/marketdata/v1/expirationchain", get(chains::expirations))
            .route("/marketdata/v1/markets", get(markets::many))
            .route("/marketdata/v1/markets/{market}", get(markets::one))
            .route_layer(from_fn_with_state(Arc::clone(&face), oauth::require_for_market_data));
        Router::new()
            .route("/v1/oauth/token", post(oauth::token))
            .route("/v1/oauth/authorize", get(oauth::authorize))
            .merge(trader)
            .merge(market_data)
            .fallback(unknown_route)
            .layer(from_fn_with_state(Arc::clone(&face), correlate))
            .with_state(face)
    }

    /// The hash that stands for the first account in every path.
    #[must_use]
    pub fn account_hash(&self) -> &str {
        self.0.holders.first().map_or("", |holder| &holder.hash)
    }

    /// The hash that stands for any account in every path.
    #[must_use]
    pub fn hash_of(&self, number: &str) -> Option<&str> {
        self.holder(number).map(|holder| holder.hash.as_str())
    }

    /// The account of this number.
    #[must_use]
    pub fn holder(&self, number: &str) -> Option<&Holder> {
        self.0.holders.iter().find(|holder| holder.number == number)
    }

    /// From now on quotes of `symbol` are left out of every answer without a word, as if the feed had lost
    /// it. It trades on.
    pub fn drop_quote(&self, symbol: OptionSymbol) {
        self.0.state().dropped_quotes.insert(symbol);
    }

    /// Quotes of `symbol` are back.
    pub fn restore_quote(&self, symbol: &OptionSymbol) {
        self.0.state().dropped_quotes.remove(symbol);
    }
}

impl fmt::Debug for Schwab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schwab").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl Face {
    fn state(&self) -> MutexGuard<'_, FaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first account's exchange at the clock's time. The clock is read before the exchange is locked: the
    /// clock locks the exchange to move it.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        let now = self.clock.now();
        self.exchange.at(now)
    }

    /// An identifier that differs from answer to answer and is the same in every run.
    fn next_uuid(&self) -> String {
        let mut state = self.state();
        state.answers += 1;
        uuid(self.seed, state.answers)
    }
}

/// 64 capital hexadecimal digits, the same for the same account.
fn account_hash(account_number: &str) -> String {
    let seed =
        account_number.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(131).wrapping_add(byte.into()));
    gamma_sim_core::random::text(&mut stream_at(seed, Stream::Identifiers, 0), b"0123456789ABCDEF", 64)
}

/// The gateway's own answer (docs/reference/schwab.md, Errors): no JSON.
async fn unknown_route() -> Response {
    let text =
        "404 Not Found: Requested route ('traderapi-accounts.apigx-origin.schwab.com') does not exist.";
    (StatusCode::NOT_FOUND, text).into_response()
}

/// Every answer carries an id to name it by in a complaint (docs/reference/schwab.md, Hosts).
async fn correlate(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let id = face.next_uuid();
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("schwab-client-correlid", value);
    }
    response
}
