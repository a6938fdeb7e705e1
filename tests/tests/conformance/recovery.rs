//! Whole runs over the port: the production ledger on a table in memory, and a process that dies with its
//! order on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use gamma_cloud::{DynamoLedger, OperatorControls};
use gamma_execution::approval::{Approved, PackageOrder};
use gamma_execution::ports::{
    AccountSnapshot, Arming, Broker, BrokerError, CancelReply, Capabilities, Decision, Ledger, LoadedDay,
    OrderId, OrderName, OrderView, PlaceReply, SignalError, SignalSource, SignalView, WorkingOrders,
};
use gamma_execution::profile::ExecutionProfile;
use gamma_execution::report::{Outcome, RunReport};
use gamma_execution::run::{AccountProfile, Ports, RunRequest, Task, run};
use gamma_market::calendar::Calendar;
use gamma_market::{OptionSymbol, QuoteBook, SignalRow};
use gamma_strategy::constant_stable::{MissingVolatility, Profile, RawProfile};
use gamma_tests::audit::{After, violations};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use tokio::sync::Notify;

use crate::conformance::desk::{Connection, Desk, RUN, Time};

const ACCOUNT: &str = "conformance";
const TODAY: Date = date(2025, 9, 3);

/// Today's row: both sides sold.
struct Feed;

#[async_trait]
impl SignalSource for Feed {
    async fn read(&self, _: Duration) -> Result<SignalView, SignalError> {
        let row = SignalRow {
            date: TODAY,
            expiry: Some(date(2025, 9, 4)),
            put_strike: Some(6425.into()),
            call_strike: Some(6470.into()),
            left_go: Some(Decimal::NEGATIVE_ONE),
            right_go: Some(Decimal::NEGATIVE_ONE),
            left_strength: None,
            right_strength: None,
            put_price: None,
            call_price: None,
            volatilities: BTreeMap::from([("VixOne".to_owned(), "0.1".parse().unwrap())]),
            spot: None,
            published: Default::default(),
        };
        Ok(SignalView { rows: vec![row], no_trade: None })
    }
}

/// The way to the broker of a process that is killed when its `posts`th order has been sent: it never learns
/// of the answer.
struct Killed<'a> {
    broker: &'a dyn Broker,
    posts: std::sync::Mutex<usize>,
    dies: Notify,
}

#[async_trait]
impl Broker for Killed<'_> {
    fn capabilities(&self) -> Capabilities {
        self.broker.capabilities()
    }

    async fn account(&self) -> Result<AccountSnapshot, BrokerError> {
        self.broker.account().await
    }

    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.broker.orders(from, to).await
    }

    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.broker.orders_in_haste(from, to).await
    }

    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError> {
        self.broker.working_orders().await
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError> {
        self.broker.order(id).await
    }

    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        self.broker.quotes(symbols).await
    }

    async fn place(&self, order: &Approved<PackageOrder>, name: &OrderName) -> PlaceReply {
        let reply = self.broker.place(order, name).await;
        assert!(matches!(reply, PlaceReply::Accepted(_)), "{reply:?}");
        let left = {
            let mut posts = self.posts.lock().unwrap();
            *posts -= 1;
            *posts
        };
        if left > 0 {
            return reply;
        }
        self.dies.notify_one();
        std::future::pending().await
    }

    async fn cancel(&self, id: &OrderId) -> CancelReply {
        self.broker.cancel(id).await
    }
}

/// The account's day at the desk.
struct Day<'a> {
    desk: &'a Desk,
    clock: Time,
    ledger: DynamoLedger,
    profile: AccountProfile,
}

impl<'a> Day<'a> {
    /// Armed, at 16:13 in New York.
    async fn at(desk: &'a Desk) -> Self {
        let clock = desk.simulator.clock().clone();
        clock.wait(RUN, "2025-09-03T16:13:00-04:00".parse().unwrap()).await;
        let decision = Decision { by: "an operator".into(), why: "a test".into(), at: desk.now() };
        OperatorControls::over(desk.table.clone())
            .set_arming(ACCOUNT, Arming::Armed, &decision)
            .await
            .unwrap();
        Self { desk, clock: Time(clock), ledger: DynamoLedger::over(desk.table.clone()), profile: profile() }
    }

    async fn deliver(&self, run_id: &str, connection: &Connection, broker: &dyn Broker) -> RunReport {
        let request = RunRequest {
            account: ACCOUNT.into(),
            run_id: run_id.into(),
            deployment_live: true,
            deadline: self.desk.now() + Duration::from_secs(240),
            task: Task::Trade {
                dry_run: false,
                scheduled: Some("2025-09-03T16:13:00-04:00".parse().unwrap()),
            },
            consumers: Vec::new(),
            calendar: Ok(Calendar::default()),
        };
        let ports = Ports {
            clock: &self.clock,
            broker,
            signal: &Feed,
            ledger: &self.ledger,
            tokens: &connection.keeper,
        };
        Box::pin(run(ports, &request, &self.profile)).await
    }

    /// A delivery that dies when its `posts`th order has been sent.
    async fn killed_after(&self, posts: usize) {
        let connection = &self.desk.connection;
        let killed = Killed { broker: connection.adapter.as_ref(), posts: posts.into(), dies: Notify::new() };
        tokio::select! {
            biased;
            () = killed.dies.notified() => {}
            report = self.deliver("run-1", connection, &killed) => panic!("it ended before it was killed: {report:?}"),
        }
    }

    async fn record(&self) -> LoadedDay {
        self.ledger.load_day(ACCOUNT, "constant_stable", TODAY).await.unwrap()
    }
}

fn profile() -> AccountProfile {
    let strategy = RawProfile {
        unit_dollars: Decimal::from(10_000),
        volatility_field: "VixOne".into(),
        volatility_breaks: vec!["0.1636779".parse().unwrap()],
        multipliers: vec![2, 3],
        missing_volatility: MissingVolatility::Skip,
        risk_reversal_credit_ratio: "0.6".parse().unwrap(),
        risk_reversal_from_multiplier: 5,
        most_per_side: Some(3),
        top_up: true,
        no_close_guard: true,
        same_day_expiry: false,
        most_days_to_expiry: 7,
    };
    AccountProfile { strategy: Profile::try_from(strategy).unwrap(), execution: ExecutionProfile::default() }
}

pub(crate) async fn a_run_that_nothing_disturbs_trades(desk: &Desk) {
    let day = Day::at(desk).await;
    let report = day.deliver("run-1", &desk.connection, desk.broker()).await;
    assert!(matches!(report.outcome, Outcome::Filled | Outcome::PartiallyFilled), "{report:?}");
    assert_eq!(violations(&desk.book(), &day.record().await, After::Everything), Vec::<String>::new());
    let filled: u32 = desk.book().posts().iter().map(|order| order.filled()).sum();
    assert!(filled > 0 && desk.posts() == desk.book().posts().len());
}

pub(crate) async fn a_run_killed_after_its_post_is_recovered_without_a_second_order(desk: &Desk) {
    for posts in [1, 2] {
        let other = desk.another().await;
        let day = Day::at(&other).await;
        day.killed_after(posts).await;
        assert_eq!((other.book().posts().len(), other.posts()), (posts, posts));
        assert_eq!(violations(&other.book(), &day.record().await, After::Anything), Vec::<String>::new());

        // Its lease runs out, and the event is delivered again.
        other.pass(21).await;
        let next = other.connect("run-2").await;
        let report = day.deliver("run-2", &next, next.adapter.as_ref()).await;
        assert_eq!(report.outcome, Outcome::Recovered, "{report:?}");
        assert_eq!((other.book().posts().len(), other.posts()), (posts, posts), "nothing is placed twice");
        let (book, record) = (other.book(), day.record().await);
        assert_eq!(violations(&book, &record, After::Everything), Vec::<String>::new());
        assert_eq!(record.rungs.len(), posts);

        // A third delivery has nothing left to do.
        let third = other.connect("run-3").await;
        let report = day.deliver("run-3", &third, third.adapter.as_ref()).await;
        assert_eq!((report.outcome, other.posts()), (Outcome::AlreadyTraded, posts), "{report:?}");
    }
}
