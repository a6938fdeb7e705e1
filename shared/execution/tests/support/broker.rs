use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::approval::{Approved, PackageOrder};
use gamma_execution::ports::{
    AccountSnapshot, Broker as BrokerPort, BrokerError, BrokerFault, CancelReply, Capabilities, Clock, Fill,
    NotPlaced, OrderId, OrderKind, OrderName, OrderStatus, OrderView, PlaceReply, WorkingOrders,
};
use gamma_market::{Effect, Leg, LegAction, LegQuote, OptionSymbol, Price, QuoteBook, Right, Tick};
use jiff::Timestamp;

use super::StepClock;

/// How much of the `n`th order (from 1) of a right is filled, so many seconds after it was entered.
pub(crate) type Fills = fn(right: Right, number: usize, seconds: i64) -> u32;

/// What the POST of the `n`th order answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Accept,
    /// The order exists, the answer is lost.
    LostAfter,
    /// The answer is lost and no order exists.
    LostBefore,
    Refuse(u16),
    /// The order exists, and the answer names another.
    Names(&'static str),
    /// No order exists, and the answer names another.
    OnlyNames(&'static str),
    /// 401.
    Unauthorized,
    /// The edge answers with its page.
    EdgePage,
    /// The POST never returns: the function is killed here, the order exists.
    Hang,
}

struct Placed {
    view: OrderView,
    entered: Timestamp,
    number: usize,
    cancel_at: Option<Timestamp>,
    over_at: Option<Timestamp>,
}

/// One leg's quote at a time, or what the broker says instead.
type Quoting = Box<dyn Fn(Timestamp, OptionSymbol, Option<LegQuote>) -> Option<LegQuote> + Send + Sync>;

/// A broker that does as it is told.
pub(crate) struct Broker {
    clock: Arc<StepClock>,
    pub(crate) account: Mutex<Result<AccountSnapshot, BrokerFault>>,
    pub(crate) fills: Mutex<Fills>,
    pub(crate) place: Mutex<fn(number: usize) -> Place>,
    pub(crate) cancel_works: Mutex<bool>,
    pub(crate) quotes: Mutex<QuoteBook>,
    orders: Mutex<Vec<Placed>>,
    pub(crate) foreign: Mutex<Vec<OrderView>>,
    /// How many seconds the broker takes for quotes.
    pub(crate) slow_quotes: Mutex<u64>,
    /// Whether orders show the names they were entered under.
    pub(crate) names_orders: Mutex<bool>,
    /// How often a POST was sent.
    pub(crate) posts: Mutex<usize>,
    /// How often a cancel was asked for.
    pub(crate) cancels: Mutex<usize>,
    /// Orders that are not ours and that a cancel was asked for.
    pub(crate) others_cancelled: Mutex<Vec<OrderId>>,
    /// What becomes of a quote on its way.
    pub(crate) quoting: Mutex<Option<Quoting>>,
    /// Orders that sell this contract fill a second after they came, from the so-many-eth on; no others do.
    pub(crate) fill_contract: Mutex<Option<(OptionSymbol, usize)>>,
    /// This leg is answered only when nothing else is asked for.
    pub(crate) only_alone: Mutex<Option<OptionSymbol>>,
    /// How often quotes were asked for, and for how many legs.
    pub(crate) quotes_asked: Mutex<Vec<usize>>,
    /// Lists show an order only so many seconds after it was entered.
    pub(crate) lists_late: Mutex<i64>,
    /// Lists show an order working for so many seconds after it is over.
    pub(crate) lists_stale: Mutex<i64>,
    /// The last fill of an order that is over is counted so many seconds later.
    pub(crate) counts_late: Mutex<i64>,
}

impl Broker {
    pub(crate) fn new(clock: Arc<StepClock>) -> Self {
        let quotes = [
            ("P06425000", 720, 730),
            ("P06420000", 620, 640),
            ("C06470000", 450, 470),
            ("C06475000", 330, 350),
            ("P06430000", 830, 850),
        ];
        Self {
            clock,
            account: Mutex::new(Ok(AccountSnapshot {
                equity: Some(25_000.into()),
                ..AccountSnapshot::default()
            })),
            fills: Mutex::new(|_, _, _| 0),
            place: Mutex::new(|_| Place::Accept),
            cancel_works: Mutex::new(true),
            quotes: Mutex::new(
                quotes
                    .iter()
                    .map(|(contract, bid, ask)| {
                        let symbol: OptionSymbol = format!("SPXW  250904{contract}").parse().unwrap();
                        (
                            symbol,
                            LegQuote {
                                bid: Some(Price::cents(*bid)),
                                ask: Some(Price::cents(*ask)),
                                ..LegQuote::default()
                            },
                        )
                    })
                    .collect(),
            ),
            orders: Mutex::default(),
            foreign: Mutex::default(),
            slow_quotes: Mutex::default(),
            names_orders: Mutex::default(),
            posts: Mutex::default(),
            cancels: Mutex::default(),
            others_cancelled: Mutex::default(),
            quoting: Mutex::default(),
            fill_contract: Mutex::default(),
            only_alone: Mutex::default(),
            quotes_asked: Mutex::default(),
            lists_late: Mutex::default(),
            lists_stale: Mutex::default(),
            counts_late: Mutex::default(),
        }
    }

    /// An order as a read of it shows it.
    fn shown(&self, order: &Placed) -> OrderView {
        let mut view = order.view.clone();
        let since = order.over_at.map(|at| self.clock.now().duration_since(at).as_secs());
        if since.is_some_and(|seconds| seconds < *self.counts_late.lock().unwrap())
            && let Some(last) = view.fills.pop()
        {
            view.filled -= last.quantity;
        }
        view
    }

    /// An order as a list shows it, when it does.
    fn listed(&self, order: &Placed) -> Option<OrderView> {
        let now = self.clock.now();
        if now.duration_since(order.entered).as_secs() < *self.lists_late.lock().unwrap() {
            return None;
        }
        let mut view = self.shown(order);
        if order
            .over_at
            .is_some_and(|at| now.duration_since(at).as_secs() < *self.lists_stale.lock().unwrap())
        {
            view.status = OrderStatus::Working;
        }
        Some(view)
    }

    /// The user edits the newest order of ours: it is over, and goes on under another id at another price.
    pub(crate) fn edited_by_hand(&self, id: &str, filled: u32, status: OrderStatus) {
        let mut orders = self.orders.lock().unwrap();
        let old = orders.last_mut().unwrap();
        (old.view.status, old.over_at) = (OrderStatus::Canceled, Some(self.clock.now()));
        let fills = (filled > 0).then(|| Fill {
            quantity: filled,
            price: Price::cents(90),
            at: Some(self.clock.now()),
        });
        let new = OrderView {
            id: OrderId(id.into()),
            status,
            filled,
            price: Some(Price::cents(90)),
            fills: fills.into_iter().collect(),
            linked: vec![old.view.id.clone()],
            entered: Some(self.clock.now()),
            ..old.view.clone()
        };
        self.foreign.lock().unwrap().push(new);
    }

    /// What the broker really did: (right, quantity, filled, price) of every order that exists.
    pub(crate) fn book(&self) -> Vec<(Right, u32, u32, String)> {
        self.refresh();
        let orders = self.orders.lock().unwrap();
        orders
            .iter()
            .map(|order| {
                (
                    order.view.legs[0].0.symbol.right(),
                    order.view.quantity,
                    order.view.filled,
                    order.view.price.unwrap().to_string(),
                )
            })
            .collect()
    }

    /// Order 77, the user's own: it sells the put that our put side buys.
    pub(crate) fn users_order(&self) -> OrderView {
        let leg = Leg::open("SPXW  250904P06420000".parse().unwrap(), LegAction::Sell);
        OrderView {
            id: OrderId("77".into()),
            status: OrderStatus::Working,
            quantity: 1,
            filled: 0,
            price: None,
            effect: Some(Effect::Debit),
            legs: vec![(leg, 1)],
            foreign_legs: false,
            entered: Some(self.clock.now()),
            fills: Vec::new(),
            reason: None,
            tag: None,
            name: None,
            linked: Vec::new(),
            unreadable: None,
        }
    }

    /// The user's order works.
    pub(crate) fn users_order_works(&self) {
        self.foreign.lock().unwrap().push(self.users_order());
    }

    /// When orders that sell this contract came.
    pub(crate) fn entered(&self, symbol: OptionSymbol) -> Vec<Timestamp> {
        self.orders
            .lock()
            .unwrap()
            .iter()
            .filter(|order| sells(&order.view, symbol))
            .map(|order| order.entered)
            .collect()
    }

    /// Every order that was placed, as it stands.
    pub(crate) fn all(&self) -> Vec<OrderView> {
        self.orders.lock().unwrap().iter().map(|order| order.view.clone()).collect()
    }

    pub(crate) fn live(&self) -> usize {
        self.refresh();
        self.orders.lock().unwrap().iter().filter(|order| !order.view.status.is_terminal()).count()
    }

    fn refresh(&self) {
        let now = self.clock.now();
        let fills = *self.fills.lock().unwrap();
        let only = *self.fill_contract.lock().unwrap();
        let mut of_contract = 0;
        for order in self.orders.lock().unwrap().iter_mut() {
            of_contract += usize::from(only.is_some_and(|(symbol, _)| sells(&order.view, symbol)));
            if order.view.status.is_terminal() {
                continue;
            }
            let until = order.cancel_at.map_or(now, |at| at.min(now));
            let right = order.view.legs[0].0.symbol.right();
            let seconds = until.duration_since(order.entered).as_secs();
            let filled = match only {
                Some((symbol, from)) => {
                    if sells(&order.view, symbol) && of_contract >= from && seconds >= 1 {
                        order.view.quantity
                    } else {
                        0
                    }
                }
                None => fills(right, order.number, seconds).min(order.view.quantity),
            };
            if filled > order.view.filled {
                let fill = Fill {
                    quantity: filled - order.view.filled,
                    price: order.view.price.unwrap(),
                    at: Some(now),
                };
                order.view.fills.push(fill);
                order.view.filled = filled;
            }
            if order.view.filled == order.view.quantity {
                (order.view.status, order.over_at) = (OrderStatus::Filled, Some(now));
            } else if order.cancel_at.is_some_and(|at| at <= now) {
                (order.view.status, order.over_at) = (OrderStatus::Canceled, order.cancel_at);
            }
        }
    }

    fn enter(&self, order: &PackageOrder, name: &OrderName) -> OrderId {
        let mut orders = self.orders.lock().unwrap();
        let right = order.package.legs()[0].0.symbol.right();
        let number = 1 + orders.iter().filter(|other| other.view.legs[0].0.symbol.right() == right).count();
        let id = OrderId((1000 + orders.len()).to_string());
        let entered = self.clock.now();
        let view = OrderView {
            id: id.clone(),
            status: OrderStatus::Working,
            quantity: order.quantity,
            filled: 0,
            price: Some(order.price),
            effect: Some(order.effect),
            legs: order.package.legs().to_vec(),
            foreign_legs: false,
            entered: Some(Timestamp::from_second(entered.as_second()).unwrap()),
            fills: Vec::new(),
            reason: None,
            tag: None,
            name: self.names_orders.lock().unwrap().then(|| name.clone()),
            linked: Vec::new(),
            unreadable: None,
        };
        orders.push(Placed { view, entered, number, cancel_at: None, over_at: None });
        id
    }
}

fn sells(view: &OrderView, symbol: OptionSymbol) -> bool {
    view.legs.iter().any(|(leg, _)| leg.symbol == symbol && leg.action == LegAction::Sell)
}

fn failed(operation: &'static str, fault: BrokerFault) -> BrokerError {
    BrokerError { broker: "test", operation, fault }
}

#[async_trait]
impl BrokerPort for Broker {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            broker: "test",
            most_legs: 4,
            most_quantity: 1000,
            kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
            roots: &[("SPXW", Tick::NICKEL)],
            previews: false,
            names_orders: *self.names_orders.lock().unwrap(),
        }
    }

    /// What the test says is held, and what the orders filled.
    async fn account(&self) -> Result<AccountSnapshot, BrokerError> {
        self.refresh();
        let mut account = self.account.lock().unwrap().clone().map_err(|fault| failed("account", fault))?;
        for order in self.orders.lock().unwrap().iter() {
            for (leg, ratio) in &order.view.legs {
                *account.positions.entry(leg.symbol).or_default() +=
                    leg.action.sign() * i64::from(ratio * order.view.filled);
            }
        }
        account.positions.retain(|_, contracts| *contracts != 0);
        Ok(account)
    }

    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.refresh();
        let ours: Vec<_> =
            self.orders.lock().unwrap().iter().filter_map(|order| self.listed(order)).collect();
        let all = ours.into_iter().chain(self.foreign.lock().unwrap().clone());
        let now = self.clock.now();
        Ok(all.filter(|order| order.entered.is_some_and(|at| from <= at && at <= to && at <= now)).collect())
    }

    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.orders(from, to).await
    }

    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError> {
        let mut orders = self.orders(Timestamp::MIN, Timestamp::MAX).await?;
        orders.retain(|order| !order.status.is_terminal());
        Ok(WorkingOrders { orders, since: None })
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError> {
        self.refresh();
        let orders = self.orders.lock().unwrap();
        let found = orders.iter().find(|order| order.view.id == *id).map(|order| self.shown(order));
        let found =
            found.or_else(|| self.foreign.lock().unwrap().iter().find(|order| order.id == *id).cloned());
        found.ok_or_else(|| failed("order", BrokerFault::NotFound(id.to_string())))
    }

    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        let answered = self.clock.now() + Duration::from_secs(*self.slow_quotes.lock().unwrap());
        self.clock.sleep_until(answered).await;
        self.quotes_asked.lock().unwrap().push(symbols.len());
        let (quotes, quoting, now) =
            (self.quotes.lock().unwrap(), self.quoting.lock().unwrap(), self.clock.now());
        let shy = self.only_alone.lock().unwrap().filter(|_| symbols.len() > 1);
        let quote = |symbol: &OptionSymbol| {
            let quote = quotes.get(symbol).copied().filter(|_| shy != Some(*symbol));
            quoting.as_ref().map_or(quote, |quoting| quoting(now, *symbol, quote))
        };
        Ok(symbols.iter().filter_map(|symbol| quote(symbol).map(|quote| (*symbol, quote))).collect())
    }

    async fn place(&self, order: &Approved<PackageOrder>, name: &OrderName) -> PlaceReply {
        let number = {
            let mut posts = self.posts.lock().unwrap();
            *posts += 1;
            *posts
        };
        let how = (self.place.lock().unwrap())(number);
        if how == Place::Hang {
            self.enter(order.get(), name);
            return std::future::pending().await;
        }
        // Whoever watches sees the moment of the POST.
        tokio::task::yield_now().await;
        match how {
            Place::Accept => PlaceReply::Accepted(self.enter(order.get(), name)),
            Place::LostAfter => {
                self.enter(order.get(), name);
                PlaceReply::Unknown("timeout".into())
            }
            Place::LostBefore => PlaceReply::Unknown("connection reset".into()),
            Place::Names(other) => {
                self.enter(order.get(), name);
                PlaceReply::Accepted(OrderId(other.into()))
            }
            Place::OnlyNames(other) => PlaceReply::Accepted(OrderId(other.into())),
            Place::Unauthorized => PlaceReply::NotPlaced(NotPlaced::Unauthorized),
            Place::EdgePage => {
                PlaceReply::NotPlaced(NotPlaced::NotRead("403 edge page: Access Denied".into()))
            }
            Place::Refuse(status) => {
                PlaceReply::NotPlaced(NotPlaced::Rejected { status, message: "no".into() })
            }
            Place::Hang => unreachable!("it hangs above"),
        }
    }

    async fn cancel(&self, id: &OrderId) -> CancelReply {
        *self.cancels.lock().unwrap() += 1;
        self.refresh();
        if self.foreign.lock().unwrap().iter().any(|order| order.id == *id) {
            self.others_cancelled.lock().unwrap().push(id.clone());
        }
        if !*self.cancel_works.lock().unwrap() {
            return CancelReply::Unknown("timeout".into());
        }
        let mut orders = self.orders.lock().unwrap();
        match orders.iter_mut().find(|order| order.view.id == *id) {
            Some(order) if order.view.status.is_terminal() => CancelReply::Refused("already over".into()),
            Some(order) => {
                order.cancel_at.get_or_insert(self.clock.now());
                CancelReply::Requested
            }
            None => CancelReply::Refused("unknown order".into()),
        }
    }
}
