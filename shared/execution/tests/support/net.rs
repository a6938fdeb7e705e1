//! A slow and failing way to the ports of a [`World`]: calls take their time, and some fail.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::approval::{Approved, PackageOrder};
use gamma_execution::ports::{
    AccountSnapshot, Arming, Broker, BrokerError, BrokerFault, CancelReply, Capabilities, Clock, Controls,
    DayRecord, IntentRecord, Lease, Ledger, LedgerError, LoadedDay, OrderId, OrderName, OrderView,
    PlaceReply, PutOutcome, RunRecord, RungRecord, WorkingOrders,
};
use gamma_execution::report::RunReport;
use gamma_execution::run::{Ports, RunRequest, run};
use gamma_market::{OptionSymbol, QuoteBook};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::World;

/// Seconds that a call of this name takes, begun at this time, and whether it then fails.
type Slow = Box<dyn Fn(&'static str, Timestamp) -> (u64, bool) + Send + Sync>;
/// With what a call to the broker of this name fails, begun at this time.
type Failing = Box<dyn Fn(&'static str, Timestamp) -> Option<BrokerFault> + Send + Sync>;
/// What the `n`th POST is answered, at this time; `None` for the world's own answer.
type Placing = Box<dyn Fn(usize, Timestamp) -> Option<PlaceReply> + Send + Sync>;

/// The way.
pub(crate) struct Net<'a> {
    world: &'a World,
    pub(crate) slow: Slow,
    pub(crate) failing: Failing,
    pub(crate) placing: Placing,
    /// Reads of this order fail.
    pub(crate) hides: Option<&'static str>,
    /// An operator halts trading with this POST.
    pub(crate) halt_with_post: Option<usize>,
    /// An operator halts trading as this call to the ledger begins.
    pub(crate) halt_with_call: Option<&'static str>,
    /// When each POST was sent, and what was left of the lease then.
    pub(crate) posts: Mutex<Vec<(Timestamp, SignedDuration)>>,
    /// When each cancel was asked for.
    pub(crate) cancels: Mutex<Vec<Timestamp>>,
}

impl<'a> Net<'a> {
    pub(crate) fn to(world: &'a World) -> Self {
        let (slow, placing): (Slow, Placing) = (Box::new(|_, _| (0, false)), Box::new(|_, _| None));
        Self {
            world,
            slow,
            failing: Box::new(|_, _| None),
            placing,
            hides: None,
            halt_with_post: None,
            halt_with_call: None,
            posts: Mutex::default(),
            cancels: Mutex::default(),
        }
    }

    pub(crate) async fn deliver(&self, request: &RunRequest) -> RunReport {
        let world = self.world;
        run(
            Ports {
                clock: world.clock.as_ref(),
                broker: self,
                signal: &world.feed,
                ledger: self,
                tokens: &world.tokens,
            },
            request,
            &world.profile,
        )
        .await
    }

    fn halt(&self) {
        self.world.ledger.set_controls(Controls {
            arming: Arming::Armed,
            halted: Some("operator".into()),
            edge: None,
        });
    }

    async fn pass(&self, call: &'static str) -> bool {
        let now = self.world.clock.now();
        let (takes, fails) = (self.slow)(call, now);
        if takes > 0 {
            self.world.clock.sleep_until(now + Duration::from_secs(takes)).await;
        }
        fails
    }

    async fn ledger(&self, operation: &'static str) -> Result<(), LedgerError> {
        if self.halt_with_call == Some(operation) {
            self.halt();
        }
        let failed = LedgerError { operation, item: "item".into(), reason: "slow".into(), refused: false };
        if self.pass(operation).await { Err(failed) } else { Ok(()) }
    }

    async fn broker(&self, operation: &'static str) -> Result<(), BrokerError> {
        let failed = |fault| Err(BrokerError { broker: "test", operation, fault });
        if let Some(fault) = (self.failing)(operation, self.world.clock.now()) {
            return failed(fault);
        }
        if self.pass(operation).await { failed(BrokerFault::Unavailable("503".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Broker for Net<'_> {
    fn capabilities(&self) -> Capabilities {
        self.world.broker.capabilities()
    }

    async fn account(&self) -> Result<AccountSnapshot, BrokerError> {
        self.broker("account").await?;
        self.world.broker.account().await
    }

    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.broker("orders").await?;
        self.world.broker.orders(from, to).await
    }

    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.broker("orders in haste").await?;
        self.world.broker.orders(from, to).await
    }

    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError> {
        self.broker("working orders").await?;
        self.world.broker.working_orders().await
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError> {
        self.broker("order").await?;
        if self.hides == Some(id.0.as_str()) {
            return Err(BrokerError {
                broker: "test",
                operation: "order",
                fault: BrokerFault::Unavailable("503".into()),
            });
        }
        self.world.broker.order(id).await
    }

    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        self.broker("quotes").await?;
        self.world.broker.quotes(symbols).await
    }

    async fn place(&self, order: &Approved<PackageOrder>, name: &OrderName) -> PlaceReply {
        let now = self.world.clock.now();
        let number = {
            let mut posts = self.posts.lock().unwrap();
            posts.push((now, self.world.ledger.lease_expires().unwrap().duration_since(now)));
            posts.len()
        };
        if self.halt_with_post == Some(number) {
            self.halt();
        }
        self.pass("place").await;
        match (self.placing)(number, now) {
            Some(reply) => reply,
            None => self.world.broker.place(order, name).await,
        }
    }

    async fn cancel(&self, id: &OrderId) -> CancelReply {
        self.cancels.lock().unwrap().push(self.world.clock.now());
        self.pass("cancel").await;
        self.world.broker.cancel(id).await
    }
}

#[async_trait]
impl Ledger for Net<'_> {
    async fn take_lease(
        &self,
        account: &str,
        date: Date,
        run_id: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Result<Lease, String>, LedgerError> {
        self.ledger("take lease").await?;
        self.world.ledger.take_lease(account, date, run_id, now, expires).await
    }

    async fn renew_lease(&self, lease: &Lease, expires: Timestamp) -> Result<PutOutcome, LedgerError> {
        self.ledger("renew lease").await?;
        self.world.ledger.renew_lease(lease, expires).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.world.ledger.release_lease(lease).await
    }

    async fn load_day(&self, account: &str, strategy: &str, date: Date) -> Result<LoadedDay, LedgerError> {
        self.ledger("load day").await?;
        self.world.ledger.load_day(account, strategy, date).await
    }

    async fn open_day(&self, day: &DayRecord) -> Result<PutOutcome, LedgerError> {
        self.ledger("open day").await?;
        self.world.ledger.open_day(day).await
    }

    async fn put_intents(&self, lease: &Lease, intents: &[IntentRecord]) -> Result<PutOutcome, LedgerError> {
        self.ledger("put intents").await?;
        self.world.ledger.put_intents(lease, intents).await
    }

    async fn put_sending(&self, lease: &Lease, rung: &RungRecord) -> Result<PutOutcome, LedgerError> {
        self.ledger("put sending").await?;
        self.world.ledger.put_sending(lease, rung).await
    }

    async fn set_rung(
        &self,
        account: &str,
        date: Date,
        rung: &RungRecord,
    ) -> Result<PutOutcome, LedgerError> {
        self.ledger("set rung").await?;
        self.world.ledger.set_rung(account, date, rung).await
    }

    async fn set_intent(
        &self,
        account: &str,
        date: Date,
        intent: &IntentRecord,
    ) -> Result<PutOutcome, LedgerError> {
        self.ledger("set intent").await?;
        self.world.ledger.set_intent(account, date, intent).await
    }

    async fn close_day(
        &self,
        lease: &Lease,
        strategy: &str,
        outcome: &str,
    ) -> Result<PutOutcome, LedgerError> {
        self.ledger("close day").await?;
        self.world.ledger.close_day(lease, strategy, outcome).await
    }

    async fn put_run(&self, run: &RunRecord) -> Result<PutOutcome, LedgerError> {
        self.world.ledger.put_run(run).await
    }

    async fn controls(&self, account: &str) -> Result<Controls, LedgerError> {
        self.ledger("controls").await?;
        self.world.ledger.controls(account).await
    }
}
