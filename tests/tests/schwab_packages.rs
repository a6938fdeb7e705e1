//! Our Schwab client against the simulator's face: packages of four legs from preview to position, and the
//! transactions they leave, compared with the books the simulator keeps for itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::ports::{Broker, BrokerFault, Clock, InHand, OrderStatus, TokenIssuer, TokenRenewal};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::{Effect, Leg, LegAction, OptionSymbol, Package, Price, Vertical};
use gamma_schwab::{
    PositionEffect, Schwab, SchwabConfig, Transaction, TransactionKind, TransactionQuery, TransferItem,
    order_json,
};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use gamma_simulator::time::VirtualClock;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::json;

const RUN: &str = "test";
const ACCESS: &str = "I0.simulated-access-token@";

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
struct Desk {
    simulator: Simulator,
    schwab: Schwab,
    start: Timestamp,
}

impl Desk {
    async fn open() -> Self {
        let simulator = Simulator::start(SimulatorConfig::of_2025_09_03(1).unwrap()).await.unwrap();
        simulator.clock().attach(RUN);
        let start = simulator.clock().now();
        let token = json!({
            "creation_timestamp": start.as_second(),
            "token": {
                "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": "simulated-refresh-token@", "access_token": ACCESS,
                "expires_at": start.as_second() + 1800,
            },
        });
        let config = SchwabConfig {
            base_url: simulator.schwab_url(),
            app_key: "simulated-app-key".into(),
            app_secret: "simulated-app-secret".into(),
            token_text: token.to_string().into(),
            account_number: None,
        };
        let http = HttpClient::new(&HttpConfig::default()).unwrap();
        let schwab =
            Schwab::new(http, config, Arc::new(Time(simulator.clock().clone())), Arc::new(Forget)).unwrap();
        Self { simulator, schwab, start }
    }

    /// Posts our JSON as it is: the port places only what was approved, and approval knows verticals only.
    async fn post(&self, package: &Package, effect: Effect, quantity: u32, price: Price) {
        let url = format!(
            "{}/trader/v1/accounts/{}/orders",
            self.simulator.schwab_url(),
            self.simulator.schwab().account_hash()
        );
        let body = order_json(package, effect, quantity, price).to_string();
        let response = reqwest::Client::new()
            .post(url)
            .bearer_auth(ACCESS)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!((status.as_u16(), text.as_str()), (201, ""), "{package}");
    }

    async fn pass(&self, seconds: i64) {
        let now = self.simulator.clock().now();
        self.simulator.clock().wait(RUN, now + SignedDuration::from_secs(seconds)).await;
    }

    async fn transactions(
        &self,
        kinds: &[TransactionKind],
        symbol: Option<OptionSymbol>,
    ) -> Vec<Transaction> {
        let to = self.start + SignedDuration::from_hours(48);
        let query = TransactionQuery {
            from: self.start,
            to,
            kinds: kinds.to_vec(),
            symbol: symbol.map(|symbol| symbol.to_string()),
        };
        self.schwab.transactions(&query).await.unwrap()
    }
}

fn condor() -> Package {
    let vertical =
        |sell: &str, buy: &str| Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap();
    Package::iron_condor(
        vertical("SPXW250904P6425", "SPXW250904P6420"),
        vertical("SPXW250904C6470", "SPXW250904C6475"),
    )
    .unwrap()
}

/// One and two bought around one and two sold.
fn broken_wing() -> Package {
    let leg = |symbol: &str, action| Leg::open(symbol.parse().unwrap(), action);
    let legs = [
        (leg("SPXW250904P6445", LegAction::Buy), 1),
        (leg("SPXW250904P6435", LegAction::Sell), 2),
        (leg("SPXW250904P6430", LegAction::Sell), 1),
        (leg("SPXW250904P6415", LegAction::Buy), 2),
    ];
    Package::custom(legs).unwrap()
}

/// The signed contracts of some packages.
fn contracts(packages: &[(&Package, i64)]) -> BTreeMap<OptionSymbol, i64> {
    let mut held = BTreeMap::new();
    for (package, quantity) in packages {
        for (leg, ratio) in package.legs() {
            let sign = if leg.action == LegAction::Buy { 1 } else { -1 };
            *held.entry(leg.symbol).or_default() += sign * i64::from(*ratio) * quantity;
        }
    }
    held
}

#[tokio::test]
async fn four_leg_packages_are_previewed_read_back_and_held_by_leg() {
    let desk = Desk::open().await;
    let (condor, broken_wing) = (condor(), broken_wing());
    for (package, effect, quantity, cents, commission) in
        [(&condor, Effect::Credit, 2, 5, "5.2"), (&broken_wing, Effect::Debit, 3, 1500, "11.7")]
    {
        let preview = desk.schwab.preview(package, effect, quantity, Price::cents(cents)).await.unwrap();
        assert_eq!(
            (preview.accepted, preview.projected_commission),
            (true, commission.parse().ok()),
            "{package}: {preview:?}"
        );
        desk.post(package, effect, quantity, Price::cents(cents)).await;
    }
    let even = desk.schwab.preview(&broken_wing, Effect::Credit, 1, Price::ZERO).await.unwrap();
    assert!(even.accepted, "{even:?}");
    let huge = desk.schwab.preview(&condor, Effect::Credit, 900, Price::cents(5)).await.unwrap();
    assert!(!huge.accepted && huge.rejects[0].contains("buying power"), "{huge:?}");

    desk.pass(10).await;
    let orders = desk.schwab.orders(desk.start, desk.simulator.clock().now()).await.unwrap();
    assert_eq!(orders.len(), 2, "a preview is no order");
    for (package, effect, quantity) in [(&condor, Effect::Credit, 2), (&broken_wing, Effect::Debit, 3)] {
        let order = orders.iter().find(|order| order.quantity == quantity).unwrap();
        assert_eq!(
            (&order.status, order.filled, order.effect, order.foreign_legs),
            (&OrderStatus::Filled, quantity, Some(effect), false),
            "{order:?}"
        );
        let mut legs = order.legs.clone();
        legs.sort_by_key(|(leg, _)| (leg.action, leg.symbol));
        assert_eq!(legs, package.legs());
    }
    let positions = desk.schwab.account().await.unwrap().positions;
    assert_eq!(positions, contracts(&[(&condor, 2), (&broken_wing, 3)]));
}

#[tokio::test]
async fn transactions_are_the_simulators_books_row_by_row() {
    let desk = Desk::open().await;
    let (condor, broken_wing) = (condor(), broken_wing());
    desk.post(&condor, Effect::Credit, 2, Price::cents(5)).await;
    desk.post(&broken_wing, Effect::Debit, 1, Price::cents(1500)).await;
    desk.pass(10).await;

    let fills = desk.transactions(&[TransactionKind::Trade], None).await;
    let books = desk.simulator.account();
    assert_eq!((fills.len(), books.transactions().len()), (8, 8));
    for (read, kept) in fills.iter().zip(books.transactions()) {
        assert_eq!(
            (read.id, read.net_amount, read.fees()),
            (kept.id, Some(kept.net_amount().normalize()), kept.fees.total())
        );
        let [fees @ .., last] = read.items.as_slice() else { panic!("no items: {read:?}") };
        assert!(
            fees.len() == 5 && fees.iter().all(|item| matches!(item, TransferItem::Fee { .. })),
            "{fees:?}"
        );
        let expected = TransferItem::Contracts {
            symbol: kept.symbol,
            contracts: kept.amount,
            price: Some(kept.price),
            cost: Some(kept.cost),
            effect: Some(PositionEffect::Opening),
        };
        assert_eq!(*last, expected);
    }
    let orders = desk.schwab.orders(desk.start, desk.simulator.clock().now()).await.unwrap();
    for (order, legs) in [(&orders[0], &broken_wing), (&orders[1], &condor)] {
        let of_order: Vec<_> = fills.iter().filter(|fill| fill.order.as_ref() == Some(&order.id)).collect();
        assert_eq!(of_order.len(), legs.legs().len(), "one a leg, joined on the order's id");
    }
    let net: Decimal = fills.iter().filter_map(|fill| fill.net_amount).sum();
    assert_eq!(books.cash(), Decimal::from(100_000) + net);

    let symbol = condor.legs()[0].0.symbol;
    let of_symbol = desk.transactions(&TransactionKind::KNOWN, Some(symbol)).await;
    assert!(matches!(of_symbol.as_slice(), [fill] if fills.contains(fill)), "{of_symbol:?}");
    assert_eq!(desk.schwab.transaction(fills[3].id).await.unwrap(), fills[3]);
    assert!(
        desk.schwab
            .transaction(7)
            .await
            .unwrap_err()
            .to_string()
            .starts_with("schwab GET transaction: not found")
    );

    desk.simulator.clock().wait(RUN, "2025-09-04T16:30:00-04:00".parse().unwrap()).await;
    let expired = desk.transactions(&[TransactionKind::ReceiveAndDeliver], None).await;
    let mut gone: BTreeMap<OptionSymbol, i64> = BTreeMap::new();
    for item in expired.iter().flat_map(|row| &row.items) {
        let TransferItem::Contracts { symbol, contracts, effect: Some(PositionEffect::Closing), .. } = item
        else {
            panic!("{item:?}")
        };
        gone.insert(*symbol, -contracts);
    }
    assert_eq!(gone, contracts(&[(&condor, 2), (&broken_wing, 1)]), "what was held went, the other way");
    assert!(
        expired
            .iter()
            .all(|row| row.order.is_none() && row.fees().is_zero() && row.kind.is_transfer() == Some(false))
    );
}
