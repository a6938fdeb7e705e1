//! The whole simulation: one clock, one market and account, and the faces on loopback ports.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use gamma_market::calendar::at_eastern;
use gamma_market::{OptionSymbol, Price};
use gamma_sim_aws::scheduler::ScheduleChanges;
use gamma_sim_aws::{self as aws, AwsCalls};
use gamma_sim_brokers::dxlink::{self, DxLinkConfig, QuoteTokens};
use gamma_sim_brokers::gammawizard::{self, GammaWizardConfig, default_rows};
use gamma_sim_brokers::schwab::{AccountConfig, Holder, LoginConfig, Schwab, SchwabConfig};
use gamma_sim_brokers::tastytrade::{Tastytrade, TastytradeConfig};
use gamma_sim_core::account::Account;
use gamma_sim_core::chain::{Chain, ChainError};
use gamma_sim_core::connections::{Connections, Outages};
use gamma_sim_core::exchange::{Book, Exchange, SharedExchange};
use gamma_sim_core::faults::{Fault, FaultPlan, Route, Rule};
use gamma_sim_core::gate::{Gate, Sufferer};
use gamma_sim_core::market::{Market, Path, Share};
use gamma_sim_core::requests::{LoggedRequest, RequestLog, Service};
use gamma_sim_core::time::{self, VirtualClock};
use gamma_sim_google::{Google, GoogleConfig, Spreadsheets};
use jiff::Timestamp;
use jiff::civil::time;
use rust_decimal::Decimal;
use secrecy::SecretString;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// What everything random is drawn from.
    pub seed: u64,
    /// The virtual time at the start, when the market shows the chain's own quotes.
    pub start: Timestamp,
    /// How many times as fast as real time a jump of the clock passes; `None` for no time at all. See
    /// [`VirtualClock::new`].
    pub speed: Option<f64>,
    /// The quotes the market starts from.
    pub chain: Chain,
    /// How the index moves.
    pub path: Path,
    /// Shares that the market quotes beside the chain. No face shows them yet, and no order of them is taken.
    pub shares: Vec<Share>,
    /// Dollars in the account.
    pub cash: Decimal,
    /// Contracts held at the start, long positive, with their average price in points.
    pub positions: Vec<(OptionSymbol, i64, Price)>,
    /// One broker.
    pub schwab: SchwabConfig,
    /// Logins at Schwab beside the first, with their accounts: the same market for all, books for each. Their
    /// order ids are apart for up to 999 accounts.
    pub more_logins: Vec<LoginConfig>,
    /// Another broker, on the same market.
    pub tastytrade: TastytradeConfig,
    /// The signal feed.
    pub gammawizard: GammaWizardConfig,
    /// Spreadsheets.
    pub google: GoogleConfig,
    /// The stream of quotes.
    pub dxlink: DxLinkConfig,
    /// Which requests fail.
    pub faults: FaultPlan,
    /// Where a simulated AWS (moto) listens, to put the proxy before it; `None` for no proxy.
    pub aws: Option<SocketAddr>,
    /// Where the proxy notes what was asked of AWS.
    pub aws_calls: AwsCalls,
}

impl SimulatorConfig {
    /// A simulation of the trade date of `chain` from 16:12:00 Eastern on, a minute and a half before the
    /// signal, with 100000 dollars and no positions.
    #[must_use]
    pub fn new(seed: u64, chain: Chain) -> Self {
        Self {
            seed,
            start: at_eastern(chain.trade_date(), time(16, 12, 0, 0)),
            speed: None,
            chain,
            path: Path::Seeded,
            shares: Vec::new(),
            cash: Decimal::from(100_000),
            positions: Vec::new(),
            schwab: SchwabConfig::default(),
            more_logins: Vec::new(),
            tastytrade: TastytradeConfig::default(),
            gammawizard: GammaWizardConfig::default(),
            google: GoogleConfig::default(),
            dxlink: DxLinkConfig::default(),
            faults: FaultPlan::default(),
            aws: None,
            aws_calls: AwsCalls::default(),
        }
    }

    /// [`SimulatorConfig::new`] on the chain of 2025-09-03.
    ///
    /// # Errors
    /// [`ChainError`] when the embedded chain cannot be read, which a test rules out.
    pub fn of_2025_09_03(seed: u64) -> Result<Self, ChainError> {
        Chain::spxw_2025_09_03().map(|chain| Self::new(seed, chain))
    }
}

/// A face that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("simulator: could not serve {face} on a loopback port")]
pub struct StartError {
    face: &'static str,
    source: io::Error,
}

/// A running simulation. Its servers stop when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    clock: VirtualClock,
    schedule_changes: ScheduleChanges,
    exchange: Arc<SharedExchange>,
    schwab: Schwab,
    tastytrade: Tastytrade,
    google: Google,
    dxlink: dxlink::Face,
    log: RequestLog,
    faults: FaultPlan,
    connections: Connections,
    /// Kept apart: a function that was frozen must still be able to ask for the time, while its connections
    /// to the faces are dead.
    clock_connections: Connections,
    addresses: Addresses,
}

#[derive(Debug)]
struct Addresses {
    schwab: SocketAddr,
    tastytrade: SocketAddr,
    gammawizard: SocketAddr,
    google: SocketAddr,
    dxlink: SocketAddr,
    clock: SocketAddr,
    aws: Option<SocketAddr>,
}

impl Simulator {
    /// Starts the clock, the market and the faces. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] when a port could not be bound.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let SimulatorConfig {
            seed,
            start,
            speed,
            chain,
            path,
            shares,
            cash,
            positions,
            schwab,
            more_logins,
            tastytrade,
            gammawizard,
            google,
            dxlink,
            faults,
            aws,
            aws_calls,
        } = config;
        let clock = VirtualClock::new(start, speed);
        let market =
            shares.into_iter().fold(Market::new(chain, seed, start).along(&path), Market::with_share);
        let rows = gammawizard
            .rows
            .clone()
            .unwrap_or_else(|| default_rows(&market, seed, gammawizard.delay, gammawizard.signal));
        let holders = holders(&more_logins, &market, seed);
        let starting = market.clone();
        let exchange =
            Arc::new(SharedExchange::new(Exchange::new(market, Account::new(cash, &positions), seed)));
        clock.on_advance(Arc::<SharedExchange>::clone(&exchange));
        let schwab =
            Schwab::with_logins(schwab, seed, clock.clone(), Arc::clone(&exchange), &more_logins, holders);
        let tastytrade = Tastytrade::new(tastytrade, seed, clock.clone(), &starting, Arc::clone(&exchange));
        let google = Google::new(google, seed, clock.clone());
        let schedule_changes = ScheduleChanges::new(clock.clone());
        let (log, connections, clock_connections) =
            (RequestLog::default(), Connections::new(), Connections::new());
        let issuer = tastytrade.clone();
        let tokens = QuoteTokens::of(move |token| issuer.knows_quote_token(token));
        let dxlink = dxlink::Face::new(dxlink, clock.clone(), Arc::clone(&exchange), tokens, log.clone());
        let outages = Arc::new(connections.outages());
        clock.on_advance(Arc::<Outages>::clone(&outages));
        let gate = |service| {
            let broker: Option<Arc<dyn Sufferer>> = match service {
                Service::Schwab => Some(Arc::new(schwab.clone())),
                Service::Tastytrade => Some(Arc::new(tastytrade.clone())),
                Service::Google => Some(Arc::new(google.clone())),
                Service::DxLink | Service::GammaWizard | Service::Aws => None,
            };
            Gate {
                service,
                clock: clock.clone(),
                log: log.clone(),
                faults: faults.clone(),
                outages: Arc::clone(&outages),
                broker,
            }
        };
        let schwab_router = gate(Service::Schwab).before(schwab.router());
        let tastytrade_router = gate(Service::Tastytrade).before(tastytrade.router());
        let gammawizard_router =
            gate(Service::GammaWizard).before(gammawizard::router(gammawizard, rows, clock.clone()));
        let failed = |face| move |source| StartError { face, source };
        let addresses = Addresses {
            schwab: connections.serve(schwab_router).await.map_err(failed("Schwab"))?,
            tastytrade: connections.serve(tastytrade_router).await.map_err(failed("tastytrade"))?,
            gammawizard: connections.serve(gammawizard_router).await.map_err(failed("GammaWizard"))?,
            google: connections
                .serve(gate(Service::Google).before(google.router()))
                .await
                .map_err(failed("Google"))?,
            dxlink: connections
                .serve(gate(Service::DxLink).before(dxlink.router()))
                .await
                .map_err(failed("DXLink"))?,
            clock: clock_connections.serve(time::router(clock.clone())).await.map_err(failed("the clock"))?,
            aws: match aws {
                Some(upstream) => Some(
                    connections
                        .serve(gate(Service::Aws).before(aws::router(
                            upstream,
                            aws_calls,
                            schedule_changes.clone(),
                        )))
                        .await
                        .map_err(failed("the proxy before AWS"))?,
                ),
                None => None,
            },
        };
        tastytrade.set_dxlink_url(&stream_url(addresses.dxlink));
        google.set_url(&url(addresses.google));
        Ok(Self {
            clock,
            schedule_changes,
            exchange,
            schwab,
            tastytrade,
            google,
            dxlink,
            log,
            faults,
            connections,
            clock_connections,
            addresses,
        })
    }

    /// Where Schwab's face is, without a slash at the end: what stands in for `https://api.schwabapi.com`.
    #[must_use]
    pub fn schwab_url(&self) -> String {
        url(self.addresses.schwab)
    }

    /// Where tastytrade's face is, without a slash at the end: what stands in for
    /// `https://api.tastyworks.com`.
    #[must_use]
    pub fn tastytrade_url(&self) -> String {
        url(self.addresses.tastytrade)
    }

    /// Where GammaWizard's face is, without a slash at the end.
    #[must_use]
    pub fn gammawizard_url(&self) -> String {
        url(self.addresses.gammawizard)
    }

    /// Where Google's face is, without a slash at the end: what stands in for
    /// `https://sheets.googleapis.com`, with `/token` for `https://oauth2.googleapis.com/token`. `/browse` is
    /// for people.
    #[must_use]
    pub fn google_url(&self) -> String {
        url(self.addresses.google)
    }

    /// The key file of the made-up service account, JSON as Google's console gives it. Its `token_uri` is the
    /// face's own.
    #[must_use]
    pub fn google_service_account(&self) -> SecretString {
        self.google.service_account()
    }

    /// The spreadsheets that the service account may see, to be made, looked at and changed from outside the
    /// API.
    #[must_use]
    pub fn spreadsheets(&self) -> Spreadsheets {
        self.google.spreadsheets()
    }

    /// Where the stream of quotes is: what stands in for `wss://tasty-openapi-ws.dxfeed.com/realtime`.
    #[must_use]
    pub fn dxlink_url(&self) -> String {
        stream_url(self.addresses.dxlink)
    }

    /// Where the clock is, without a slash at the end.
    #[must_use]
    pub fn clock_url(&self) -> String {
        url(self.addresses.clock)
    }

    /// Changes of schedules that go through the proxy, for a [`Scheduler`](crate::scheduler::Scheduler) to
    /// hear of.
    #[must_use]
    pub fn schedule_changes(&self) -> ScheduleChanges {
        self.schedule_changes.clone()
    }

    /// Where the proxy before AWS is, without a slash at the end: what stands in for `AWS_ENDPOINT_URL`.
    /// `None` without one.
    #[must_use]
    pub fn aws_url(&self) -> Option<String> {
        self.addresses.aws.map(url)
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// The market, and the orders and holdings of Schwab's first account.
    #[must_use]
    pub const fn exchange(&self) -> &Arc<SharedExchange> {
        &self.exchange
    }

    /// Every order ever accepted of Schwab's first account, as it stands now: what the broker really did.
    #[must_use]
    pub fn book(&self) -> Book {
        self.exchange.at(self.clock.now()).book().clone()
    }

    /// The same of any account of either broker, by its number.
    #[must_use]
    pub fn book_of(&self, number: &str) -> Option<Book> {
        self.with_exchange(number, |exchange| exchange.book().clone())
    }

    /// Something the user does at the broker with any account of either, by its number: `act` has its
    /// exchange as it stands now. `None` when there is no such account.
    pub fn with_exchange<T>(&self, number: &str, act: impl FnOnce(&mut Exchange) -> T) -> Option<T> {
        let now = self.clock.now();
        match (self.schwab.holder(number), self.tastytrade.holder(number)) {
            (Some(holder), _) => Some(act(&mut holder.at(now))),
            (None, Some(holder)) => Some(act(&mut holder.at(now))),
            (None, None) => None,
        }
    }

    /// Cash, positions and transactions of any account of either broker, by its number.
    #[must_use]
    pub fn account_of(&self, number: &str) -> Option<Account> {
        self.with_exchange(number, |exchange| exchange.account().clone())
    }

    /// Schwab's first account as it stands now.
    #[must_use]
    pub fn account(&self) -> Account {
        self.exchange.at(self.clock.now()).account().clone()
    }

    /// The market as it stands now.
    #[must_use]
    pub fn market(&self) -> Market {
        self.exchange.at(self.clock.now()).market().clone()
    }

    /// Schwab's face.
    #[must_use]
    pub const fn schwab(&self) -> &Schwab {
        &self.schwab
    }

    /// Tastytrade's face.
    #[must_use]
    pub const fn tastytrade(&self) -> &Tastytrade {
        &self.tastytrade
    }

    /// The face of the stream of quotes, its switches and tokens.
    #[must_use]
    pub const fn dxlink(&self) -> &dxlink::Face {
        &self.dxlink
    }

    /// Every request the faces served, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.log.requests()
    }

    /// The connections of the faces (not the clock's), for a host that freezes functions.
    #[must_use]
    pub const fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Which requests fail, to be changed at any time, and what failed so far.
    #[must_use]
    pub const fn faults(&self) -> &FaultPlan {
        &self.faults
    }

    /// Takes a service away, its connections with it, or brings it back. A client that had a connection may
    /// find that one closed before it is refused a new one; either way nothing it sends takes effect.
    ///
    /// # Errors
    /// When there is no such service, and when its port could not be had back.
    pub fn refuse(&self, service: Service, refuse: bool) -> io::Result<()> {
        let address = match service {
            Service::Schwab => Some(self.addresses.schwab),
            Service::Tastytrade => Some(self.addresses.tastytrade),
            Service::GammaWizard => Some(self.addresses.gammawizard),
            Service::Google => Some(self.addresses.google),
            Service::DxLink => Some(self.addresses.dxlink),
            Service::Aws => self.addresses.aws,
        };
        let address = address.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "refuse: no proxy before AWS was started")
        })?;
        self.connections.refuse(address.port(), refuse)
    }

    /// The next order placed is rejected with `text`, after it was accepted: [`Fault::Rejected`], once.
    pub fn reject_next_order(&self, text: &str) {
        self.faults.add(Rule::on(Route::PlaceOrder).fault(Fault::Rejected(text.to_owned())));
    }

    /// Leaves the quotes of `symbol` out of every answer of the brokers. See [`Schwab::drop_quote`].
    pub fn drop_quote(&self, symbol: OptionSymbol) {
        self.schwab.drop_quote(symbol);
        self.tastytrade.drop_quote(symbol);
    }

    /// Stops all servers at once.
    pub fn stop(&self) {
        self.connections.stop();
        self.clock_connections.stop();
    }
}

/// The accounts of further logins. Luck and liquidity are each account's own, so that they do not all fare
/// alike. They are brought to the clock's time when somebody looks, which ends where many short steps do.
fn holders(logins: &[LoginConfig], market: &Market, seed: u64) -> Vec<Holder> {
    let accounts = (1..)
        .zip(logins)
        .flat_map(|(login, config)| config.accounts.iter().map(move |account| (login, account)));
    let holder = |(at, (login, account)): (u64, (usize, &AccountConfig))| {
        let exchange = Exchange::new(market.clone(), Account::new(account.cash, &[]), seed.wrapping_add(at));
        Holder::new(login, account.number.clone(), Arc::new(SharedExchange::new(exchange)))
    };
    (1..).zip(accounts).map(holder).collect()
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn stream_url(address: SocketAddr) -> String {
    format!("ws://{address}{}", dxlink::PATH)
}
