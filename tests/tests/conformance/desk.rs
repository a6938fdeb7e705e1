//! A simulated broker with an adapter connected to it: what a case works with.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use gamma_cloud::DynamoTokenLock;
use gamma_execution::approval::{Approved, Book as ApprovalBook, Limits, PackageOrder, approve};
use gamma_execution::fingerprint::Mark;
use gamma_execution::ports::{Broker, Clock, OrderId, OrderName, OrderStatus, OrderView, PlaceReply};
use gamma_execution::tokens::{TokenIdentity, TokenKeeper, TokenPorts};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::{Effect, OptionSymbol, Package, Price, Tick, Vertical};
use gamma_memory_table::Immediate;
use gamma_simulator::account::Account;
use gamma_simulator::exchange::{Book, Order};
use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use gamma_simulator::time::VirtualClock;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::conformance::nature::{Adapter, BrokerAtHand, Nature, Session};
use crate::conformance::tokens::MemoryStore;

pub(crate) const RUN: &str = "conformance";
const TOKEN: &str = "/gamma/test/token_json";

/// Nobody sells the spread of [`vertical`] for so little that anybody would pay this much for it: such an
/// order rests.
pub(crate) const RESTS: i64 = 400;
/// Everybody takes it at this.
pub(crate) const FILLS: i64 = 5;

/// The simulator's time as the port has it.
pub(crate) struct Time(pub(crate) VirtualClock);

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.wait(RUN, at).await;
    }
}

/// One invocation's adapter, and the keeper of its token.
pub(crate) struct Connection {
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) keeper: Arc<TokenKeeper>,
}

pub(crate) struct Desk {
    pub(crate) simulator: Simulator,
    pub(crate) at: &'static dyn BrokerAtHand,
    pub(crate) nature: Nature,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) table: Arc<Immediate>,
    pub(crate) connection: Connection,
    pub(crate) start: Timestamp,
}

impl Desk {
    /// 2025-09-03, 16:12 in New York.
    pub(crate) async fn at(at: &'static dyn BrokerAtHand) -> Self {
        Self::opened(at, None).await
    }

    /// The same, at another time of that day.
    pub(crate) async fn opened(at: &'static dyn BrokerAtHand, time: Option<&str>) -> Self {
        let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
        config.start = time.map_or(config.start, |time| time.parse().unwrap());
        let simulator = Simulator::start(config).await.unwrap();
        simulator.clock().attach(RUN);
        let (start, table) = (simulator.clock().now(), Arc::new(Immediate::default()));
        let store = Arc::new(MemoryStore::of(at.token_document(start)));
        let connection = connect(at, &simulator, &store, &table, "run-1").await;
        Self { simulator, at, nature: at.nature(), store, table, connection, start }
    }

    /// A broker of the same kind with nothing on its books, for what is tried beside this one.
    pub(crate) async fn another(&self) -> Self {
        Self::at(self.at).await
    }

    /// A further invocation's connection to the same broker.
    pub(crate) async fn connect(&self, run: &str) -> Connection {
        connect(self.at, &self.simulator, &self.store, &self.table, run).await
    }

    pub(crate) fn broker(&self) -> &dyn Broker {
        self.connection.adapter.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.simulator.clock().now()
    }

    pub(crate) async fn pass(&self, seconds: i64) {
        self.pass_milliseconds(1000 * seconds).await;
    }

    pub(crate) async fn until(&self, time: &str) {
        self.simulator.clock().wait(RUN, time.parse().unwrap()).await;
    }

    pub(crate) async fn pass_milliseconds(&self, milliseconds: i64) {
        self.simulator.clock().wait(RUN, self.now() + SignedDuration::from_millis(milliseconds)).await;
    }

    /// A rule for requests of this broker alone.
    pub(crate) fn on(&self, route: Route) -> Rule {
        Rule::on(route).at(self.nature.service)
    }

    /// The next request of `route` meets `fault`.
    pub(crate) fn next(&self, route: Route, fault: Fault) {
        self.simulator.faults().add(self.on(route).fault(fault));
    }

    /// So does every one until the plan is cleared.
    pub(crate) fn always(&self, route: Route, fault: Fault) {
        self.simulator.faults().add(self.on(route).always().fault(fault));
    }

    /// Takes all rules back; each must have struck, or the case proves nothing.
    pub(crate) fn struck(&self, faults: &[Fault]) {
        let fired: Vec<Fault> =
            self.simulator.faults().fired().into_iter().map(|fired| fired.fault).collect();
        for fault in faults {
            assert!(fired.contains(fault), "{fault:?} never struck: {fired:?}");
        }
        self.simulator.faults().clear();
    }

    /// What the broker really has.
    pub(crate) fn book(&self) -> Book {
        self.simulator.book_of(self.nature.account).unwrap()
    }

    pub(crate) fn account(&self) -> Account {
        self.simulator.account_of(self.nature.account).unwrap()
    }

    pub(crate) fn truth(&self, id: &OrderId) -> Order {
        self.book()
            .order(id.0.parse().unwrap())
            .unwrap_or_else(|| panic!("the broker has no order {id}"))
            .clone()
    }

    /// How many requests of this method came whose path ends so.
    pub(crate) fn requests(&self, method: &str, end: &str) -> usize {
        self.simulator
            .requests()
            .iter()
            .filter(|request| {
                request.service == self.nature.service
                    && request.method == method
                    && request.path.ends_with(end)
            })
            .count()
    }

    /// How often an order was posted.
    pub(crate) fn posts(&self) -> usize {
        self.requests("POST", "/orders")
    }

    /// How often the token was refreshed.
    pub(crate) fn refreshes(&self) -> usize {
        self.requests("POST", "/oauth/token")
    }

    /// Something the run may send: so many put spreads at a limit of so many cents.
    pub(crate) fn approved(&self, quantity: u32, cents: i64) -> Approved<PackageOrder> {
        self.approved_of(vertical().into(), &BTreeMap::new(), (quantity, cents))
    }

    /// The same of any package, for an account that holds this.
    pub(crate) fn approved_of(
        &self,
        package: Package,
        held: &BTreeMap<OptionSymbol, i64>,
        (quantity, cents): (u32, i64),
    ) -> Approved<PackageOrder> {
        let symbols: Vec<OptionSymbol> = package.symbols().collect();
        let nbbo = package.nbbo(&self.simulator.market().quotes(symbols.iter()), Tick::NICKEL).unwrap();
        let (nothing, nobody) = (BTreeMap::new(), std::collections::BTreeSet::new());
        let book = ApprovalBook {
            equity: Decimal::from(1_000_000),
            positions: held,
            approved: &[],
            foreign: &nobody,
            ledger: &nothing,
            expected: &nothing,
            capabilities: self.broker().capabilities(),
        };
        let limits = Limits { envelope: Price::cents(500), worst_loss_share: Decimal::ONE };
        let intent = approve(package, quantity, nbbo, book, limits).unwrap();
        intent.order(quantity, Price::cents(cents), 0).unwrap()
    }

    pub(crate) async fn place(&self, quantity: u32, cents: i64, name: &OrderName) -> PlaceReply {
        self.broker().place(&self.approved(quantity, cents), name).await
    }

    /// Places an order that must be accepted.
    pub(crate) async fn accepted(&self, quantity: u32, cents: i64) -> OrderId {
        match self.place(quantity, cents, &name(1)).await {
            PlaceReply::Accepted(id) => id,
            other => panic!("expected an id, got {other:?}"),
        }
    }

    /// An order on the market that nobody takes.
    pub(crate) async fn resting(&self, quantity: u32) -> OrderId {
        let id = self.accepted(quantity, RESTS).await;
        self.pass(2).await;
        assert_eq!(self.order(&id).await.status, OrderStatus::Working);
        id
    }

    pub(crate) async fn order(&self, id: &OrderId) -> OrderView {
        self.broker().order(id).await.unwrap()
    }

    pub(crate) async fn listed(&self) -> Vec<OrderView> {
        self.broker().orders(self.start, self.now()).await.unwrap()
    }

    pub(crate) async fn listed_in_haste(&self) -> Vec<OrderView> {
        self.broker().orders_in_haste(self.start, self.now()).await.unwrap()
    }

    /// What tells our orders from others' at this broker.
    pub(crate) fn mark<'a>(&self, name: &'a OrderName) -> Mark<'a> {
        if self.broker().capabilities().names_orders { Mark::Name(name) } else { Mark::None }
    }

    /// The user enters an order by another program; it must be accepted.
    pub(crate) async fn user_places(
        &self,
        http: &reqwest::Client,
        package: &Package,
        effect: Effect,
        (quantity, price, opens): (u32, Price, bool),
    ) {
        let body = self.at.users_order(package, effect, quantity, price, opens).to_string();
        let request = http.post(self.at.orders_url(&self.simulator)).bearer_auth(self.nature.access_token);
        let response = request
            .header("content-type", "application/json")
            .header("user-agent", "somebody/1.0")
            .body(body)
            .send()
            .await
            .unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 201, "{package}: {text}");
    }
}

async fn connect(
    at: &'static dyn BrokerAtHand,
    simulator: &Simulator,
    store: &Arc<MemoryStore>,
    table: &Arc<Immediate>,
    run: &str,
) -> Connection {
    let clock: Arc<dyn Clock> = Arc::new(Time(simulator.clock().clone()));
    let (lock, stored) = (Arc::new(DynamoTokenLock::over(table.clone())), store.newest());
    let ports = TokenPorts { store: store.clone(), lock, clock: Arc::clone(&clock) };
    let keeper = Arc::new(TokenKeeper::new(
        ports,
        TokenIdentity { name: TOKEN, run_id: run, read_age: at.nature().read_age },
        &stored,
    ));
    let http = HttpClient::new(&HttpConfig::default()).unwrap();
    let session = Session { http, clock, renewal: keeper.clone(), token_text: stored.text };
    Connection { adapter: at.connect(simulator, session).await, keeper }
}

/// The put spread that cases trade.
pub(crate) fn vertical() -> Vertical {
    Vertical::new(contract("P6425"), contract("P6420")).unwrap()
}

/// A contract of 2025-09-04.
pub(crate) fn contract(text: &str) -> OptionSymbol {
    format!("SPXW250904{text}").parse().unwrap()
}

/// The name of the `n`th rung.
pub(crate) fn name(n: u32) -> OrderName {
    OrderName(format!("20250903-constant_stable-put-r1-{n}"))
}

/// What was paid for the packages filled, in points: each price with its packages.
pub(crate) fn worth(parts: impl IntoIterator<Item = (u32, Price)>) -> Decimal {
    parts.into_iter().map(|(quantity, price)| Decimal::from(quantity) * price.points()).sum()
}

/// The fills shown are the broker's own, to the last cent.
#[track_caller]
pub(crate) fn assert_fills(view: &OrderView, truth: &Order) {
    let shown: u32 = view.fills.iter().map(|fill| fill.quantity).sum();
    assert_eq!((view.filled, shown), (truth.filled(), truth.filled()), "{view:?}");
    assert_eq!(
        worth(view.fills.iter().map(|fill| (fill.quantity, fill.price))),
        worth(truth.fills.iter().map(|fill| (fill.quantity, fill.price))),
        "{view:?}"
    );
}
