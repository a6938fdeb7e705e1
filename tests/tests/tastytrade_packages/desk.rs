//! A simulator, and our client with a token of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::approval::{Approved, Book, Limits, PackageOrder, approve};
use gamma_execution::ports::{
    Broker, BrokerFault, Clock, InHand, OrderId, OrderName, PlaceReply, TokenIssuer, TokenRenewal,
};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::{Effect, Leg, LegAction, OptionSymbol, Package, PackageNbbo, Price, Vertical};
use gamma_simulator::account::Account;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use gamma_simulator::time::VirtualClock;
use gamma_tastytrade::{ClientAuth, SOURCE, Tastytrade, TastytradeConfig, order_json};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};

const RUN: &str = "test";
const ACCESS: &str = "simulated-tastytrade-access-token";
pub(crate) const ACCOUNT: &str = "5WT00001";

struct Time(VirtualClock);

#[async_trait]
impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.wait(RUN, at).await;
    }
}

struct Forget;

#[async_trait]
impl TokenRenewal for Forget {
    async fn renew(
        &self,
        held: &SecretString,
        _: InHand,
        issuer: &dyn TokenIssuer,
    ) -> Result<SecretString, BrokerFault> {
        issuer.refresh(held).await
    }

    fn trouble(&self, _: String) {}
}

/// A simulator, and our client with a token of it.
pub(crate) struct Desk {
    pub(crate) simulator: Simulator,
    pub(crate) tastytrade: Arc<Tastytrade>,
    pub(crate) start: Timestamp,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    /// A desk in another world than the usual one.
    pub(crate) async fn with(change: impl FnOnce(&mut SimulatorConfig)) -> Self {
        let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
        change(&mut config);
        let simulator = Simulator::start(config).await.unwrap();
        simulator.clock().attach(RUN);
        let start = simulator.clock().now();
        let tastytrade = Arc::new(client(&simulator));
        Self { simulator, tastytrade, start }
    }

    /// The client of the next invocation: nothing of the last one is left but what it is given.
    pub(crate) fn renew_client(&mut self) {
        self.tastytrade = Arc::new(client(&self.simulator));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.simulator.clock().now()
    }

    pub(crate) async fn pass(&self, seconds: i64) {
        self.simulator.clock().wait(RUN, self.now() + SignedDuration::from_secs(seconds)).await;
    }

    pub(crate) async fn until(&self, at: &str) {
        self.simulator.clock().wait(RUN, at.parse().unwrap()).await;
    }

    /// The account as the simulator keeps it.
    pub(crate) fn books(&self) -> Account {
        self.simulator.account_of(ACCOUNT).unwrap()
    }

    /// Posts our JSON as it is: the port places only what was approved. Gives status and answer.
    pub(crate) async fn post(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: &str,
    ) -> (u16, Value) {
        let url = format!("{}/accounts/{ACCOUNT}/orders", self.simulator.tastytrade_url());
        let body = order_json(package, effect, quantity, price.parse().unwrap(), None).to_string();
        let request = reqwest::Client::new()
            .post(url)
            .bearer_auth(ACCESS)
            .header("user-agent", "test/1")
            .header("content-type", "application/json");
        let response = request.body(body).send().await.unwrap();
        (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// The same of an order that must be taken; its id.
    pub(crate) async fn posted(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: &str,
    ) -> OrderId {
        let (status, answer) = self.post(package, effect, quantity, price).await;
        assert_eq!(status, 201, "{package}: {answer}");
        OrderId(answer["data"]["order"]["id"].to_string())
    }

    /// Places through the port.
    pub(crate) async fn placed(&self, order: &Approved<PackageOrder>, name: &str) -> OrderId {
        match self.tastytrade.place(order, &OrderName(name.to_owned())).await {
            PlaceReply::Accepted(id) => id,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Edits a working order as a person does in the broker's own application; the id of the order that takes
    /// its place.
    pub(crate) async fn edited_by_hand(
        &self,
        old: &OrderId,
        effect: Effect,
        price: Price,
        name: &str,
    ) -> OrderId {
        let url = format!("{}/accounts/{ACCOUNT}/orders/{old}", self.simulator.tastytrade_url());
        let body = json!({"time-in-force": "Day", "order-type": "Limit", "price": price.to_string(), "price-effect": format!("{effect:?}"),
            "source": SOURCE, "external-identifier": name});
        let request = reqwest::Client::new()
            .put(url)
            .bearer_auth(ACCESS)
            .header("user-agent", "test/1")
            .header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        let data = &answer["data"];
        let id = data["order"].get("id").or_else(|| data.get("id"));
        OrderId(id.unwrap_or_else(|| panic!("not replaced: {answer}")).to_string())
    }

    /// An answer of the face as it is, asked for without our client.
    pub(crate) async fn raw(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.simulator.tastytrade_url());
        let response = reqwest::Client::new()
            .get(url)
            .bearer_auth(ACCESS)
            .header("user-agent", "test/1")
            .send()
            .await
            .unwrap();
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    /// How many requests of this method the face served whose path ends like this.
    pub(crate) fn asked(&self, method: &str, path: &str) -> usize {
        self.simulator
            .requests()
            .iter()
            .filter(|request| request.method == method && request.path.ends_with(path))
            .count()
    }
}

fn client(simulator: &Simulator) -> Tastytrade {
    let now = simulator.clock().now().as_second();
    let token = json!({
        "access_token": ACCESS, "refresh_token": "simulated-tastytrade-refresh-token", "token_type": "Bearer", "expires_in": 900,
        "creation_timestamp": now, "expires_at": now + 900,
    });
    let config = TastytradeConfig {
        base_url: simulator.tastytrade_url(),
        client_id: None,
        client_secret: "simulated-client-secret".into(),
        client_auth: ClientAuth::Body,
        token_text: token.to_string().into(),
        account_number: ACCOUNT.to_owned(),
        root: "SPXW".to_owned(),
    };
    let http = HttpClient::new(&HttpConfig::default()).unwrap();
    Tastytrade::new(http, config, Arc::new(Time(simulator.clock().clone())), Arc::new(Forget)).unwrap()
}

pub(crate) fn vertical(sell: &str, buy: &str) -> Vertical {
    Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap()
}

pub(crate) fn put() -> Vertical {
    vertical("SPXW250904P6425", "SPXW250904P6420")
}

pub(crate) fn condor() -> Package {
    Package::iron_condor(put(), vertical("SPXW250904C6470", "SPXW250904C6475")).unwrap()
}

/// One and two sold around one and two bought.
pub(crate) fn broken_wing() -> Package {
    let leg = |symbol: &str, action| Leg::open(symbol.parse().unwrap(), action);
    let legs = [
        (leg("SPXW250904P6445", LegAction::Sell), 1),
        (leg("SPXW250904P6435", LegAction::Buy), 2),
        (leg("SPXW250904P6430", LegAction::Buy), 1),
        (leg("SPXW250904P6415", LegAction::Sell), 2),
    ];
    Package::custom(legs).unwrap()
}

/// An order for the usual put vertical, approved in an empty account with an envelope that holds any price.
pub(crate) fn approved(desk: &Desk, quantity: u32, cents: i64) -> Approved<PackageOrder> {
    let nbbo = PackageNbbo {
        effect: Effect::Credit,
        bid: Price::cents(245),
        ask: Price::cents(255),
        mid: Price::cents(250),
    };
    let limits = Limits { envelope: Price::cents(245), worst_loss_share: Decimal::ONE };
    let book = Book {
        equity: Decimal::from(100_000),
        positions: &BTreeMap::new(),
        approved: &[],
        foreign: &BTreeSet::new(),
        ledger: &BTreeMap::new(),
        expected: &BTreeMap::new(),
        capabilities: desk.tastytrade.capabilities(),
    };
    approve(put(), quantity, nbbo, book, limits).unwrap().order(quantity, Price::cents(cents), 0).unwrap()
}

/// The signed contracts of some packages.
pub(crate) fn contracts(packages: &[(&Package, i64)]) -> BTreeMap<OptionSymbol, i64> {
    let mut held = BTreeMap::new();
    for (package, quantity) in packages {
        for (leg, ratio) in package.legs() {
            let sign = if leg.action == LegAction::Buy { 1 } else { -1 };
            *held.entry(leg.symbol).or_default() += sign * i64::from(*ratio) * quantity;
        }
    }
    held.retain(|_, quantity| *quantity != 0);
    held
}
