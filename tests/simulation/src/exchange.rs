//! The simulated broker: its orders and what becomes of them. Times are milliseconds since 1970.

mod edits;

use std::collections::{BTreeMap, BTreeSet};

use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::{CancelReply, Fill, OrderId, OrderName, OrderStatus, OrderView};
use gamma_market::{Effect, LegAction, LegQuote, OptionSymbol, Price, QuoteBook, Right, Vertical};
use jiff::Timestamp;

use crate::lies::Lies;
use crate::reference::Tape;

pub use edits::{Edit, Standing};

/// Milliseconds since 1970.
pub type Ms = i64;

/// How the market takes orders of one side of one account.
#[derive(Debug, Clone, Copy)]
pub struct Market {
    /// Cents from the mid towards the market at which an order fills; `None` never.
    pub fills_at: Option<i64>,
    /// From entry to the first fill.
    pub after: Ms,
    /// Between two packages.
    pub every: Ms,
    /// Packages it takes on the whole day.
    pub liquidity: u32,
    /// From a cancel until the order is off the book.
    pub cancel: Ms,
    /// So many cancels of an order do nothing.
    pub deaf: u32,
    /// The broker rejects an order a moment after taking it.
    pub rejects: bool,
}

/// Whose order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A delivery of ours, by its number.
    Ours(usize),
    /// One of ours that a person changed at the broker: it lives on under an id of its own.
    Edited(usize),
    /// The user's own.
    User,
}

/// Which POST an order came with.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// The account.
    pub account: usize,
    /// The delivery.
    pub run: usize,
    /// When it left.
    pub left: Ms,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Order {
    /// The broker's id.
    pub id: u64,
    /// The account.
    pub account: usize,
    /// Who sent it.
    pub owner: Owner,
    /// What.
    pub vertical: Vertical,
    /// Packages.
    pub quantity: u32,
    /// Limit.
    pub price: Price,
    /// When it came.
    pub entered: Ms,
    /// The name it was entered under.
    pub name: Option<OrderName>,
    /// Executions.
    pub fills: Vec<Fill>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Every status it had before, and until when.
    pub before: Vec<(Ms, OrderStatus)>,
    /// The order that this one replaces.
    pub replaces: Option<u64>,
    /// The order that replaces this one, where the broker says so.
    pub replaced_by: Option<u64>,
    /// Good till cancelled: the close does not end it.
    pub stays: bool,
    next_fill: Option<Ms>,
    ends: Option<(Ms, OrderStatus)>,
    deaf: u32,
}

impl Order {
    /// Packages filled.
    #[must_use]
    pub fn filled(&self) -> u32 {
        self.fills.iter().map(|fill| fill.quantity).sum()
    }

    fn becomes(&mut self, at: Ms, status: OrderStatus) {
        let was = std::mem::replace(&mut self.status, status);
        self.before.push((at, was));
    }
}

/// The broker.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Every order, in the order they came.
    pub orders: Vec<Order>,
    /// How each side of each account fills.
    pub markets: BTreeMap<(usize, Right), Market>,
    /// What happened to orders of ours since it was read last.
    pub tape: Vec<Tape>,
    /// The legs' bid and ask in cents, before they move.
    pub quotes: BTreeMap<OptionSymbol, (i64, i64)>,
    /// From then on quotes are higher by so many cents on the dearer leg; or missing.
    pub moves: Vec<(Ms, i64)>,
    /// Quotes are missing between these times.
    pub gap: Option<(Ms, Ms)>,
    /// The series stop trading.
    pub closes: Ms,
    /// What each account held before.
    pub held: BTreeMap<usize, BTreeMap<OptionSymbol, i64>>,
    /// Our application's tag.
    pub tag: &'static str,
    /// Accounts whose broker shows the names of orders, and no tag.
    pub names: BTreeSet<usize>,
    /// What it shows otherwise than it is.
    pub lies: Lies,
    /// Which runs were shown which working orders of the user's.
    pub told: BTreeSet<(usize, u64)>,
    /// What each run sent: its number, its account and the package.
    pub posted: Vec<(usize, usize, Vertical)>,
}

impl Exchange {
    /// Everything that happened until `now`, in its order.
    pub fn advance(&mut self, now: Ms) {
        while let Some((at, index, what)) = self.next_event().filter(|(at, ..)| *at <= now) {
            let order = &mut self.orders[index];
            match what {
                Next::Fill if order.owner == Owner::User => {
                    order.fills.push(Fill {
                        quantity: order.quantity,
                        price: order.price,
                        at: Timestamp::from_millisecond(at).ok(),
                    });
                    order.becomes(at, OrderStatus::Filled);
                    self.tape.push(Tape::Users { account: order.account, vertical: order.vertical });
                }
                Next::Fill => {
                    let market = self
                        .markets
                        .get_mut(&(order.account, order.vertical.right()))
                        .expect("an order of ours has a market");
                    market.liquidity -= 1;
                    order.fills.push(Fill {
                        quantity: 1,
                        price: order.price,
                        at: Timestamp::from_millisecond(at).ok(),
                    });
                    self.tape.push(Tape::Filled {
                        id: order.id,
                        quantity: 1,
                        shown: at + self.lies.counted_after(order.id),
                    });
                    order.next_fill = Some(at + market.every);
                    if order.filled() == order.quantity {
                        order.becomes(at, OrderStatus::Filled);
                    }
                }
                Next::End(status) => order.becomes(at, status),
            }
            if order.status.is_terminal() {
                (order.next_fill, order.ends) = (None, None);
                if order.owner != Owner::User {
                    self.tape.push(Tape::Over { id: order.id, at });
                }
            }
        }
    }

    fn next_event(&self) -> Option<(Ms, usize, Next)> {
        let ours = self.orders.iter().enumerate().filter(|(_, order)| !order.status.is_terminal());
        let events = ours.flat_map(|(index, order)| {
            let market = self.markets.get(&(order.account, order.vertical.right()));
            let taken = order.owner == Owner::User || market.is_some_and(|market| market.liquidity > 0);
            let fill = order.next_fill.filter(|_| taken).map(|at| (at, index, Next::Fill));
            let end = order.ends.clone().map(|(at, status)| (at, index, Next::End(status)));
            let close = (!order.stays).then_some((self.closes, index, Next::End(OrderStatus::Expired)));
            [fill, end, close]
        });
        events.flatten().min_by_key(|(at, index, what)| (*at, matches!(what, Next::End(_)), *index))
    }

    /// Takes an order of ours; after the close, or where the market rejects, it is over at once.
    pub fn enter(
        &mut self,
        now: Ms,
        Sent { account, run, left }: Sent,
        order: &PackageOrder,
        name: &OrderName,
    ) -> OrderId {
        let (id, vertical) = (1000 + self.orders.len() as u64, vertical_of(order));
        self.tape.push(Tape::Entered { id, account, vertical, quantity: order.quantity, left });
        let market = self.markets[&(account, vertical.right())];
        let fills = self.takes(now, account, vertical, order.price);
        let rejected = now >= self.closes || market.rejects;
        self.orders.push(Order {
            id,
            account,
            owner: Owner::Ours(run),
            vertical,
            quantity: order.quantity,
            price: order.price,
            entered: now,
            name: Some(name.clone()),
            fills: Vec::new(),
            status: OrderStatus::Working,
            before: Vec::new(),
            replaces: None,
            replaced_by: None,
            stays: false,
            next_fill: (fills && !rejected).then_some(now + market.after),
            ends: rejected.then_some((now + 300, OrderStatus::Rejected)),
            deaf: market.deaf,
        });
        OrderId(id.to_string())
    }

    /// The user enters an order of his own, which works until the close.
    pub fn users_order(&mut self, now: Ms, account: usize, vertical: Vertical, quantity: u32, price: Price) {
        self.stand(account, Standing { vertical, quantity, price, entered: now, fills: None, stays: false });
    }

    /// Whether the market takes an order of ours at this price.
    fn takes(&self, now: Ms, account: usize, vertical: Vertical, price: Price) -> bool {
        let towards = self.mid(now, vertical).map(|mid| match vertical.effect() {
            Effect::Credit => mid - price,
            Effect::Debit => price - mid,
        });
        let market = self.markets[&(account, vertical.right())];
        let takes = market
            .fills_at
            .is_some_and(|level| towards.is_some_and(|towards| towards >= Price::cents(level)));
        takes && !self.lies.never_fill.contains(&vertical)
    }

    /// A cancel came.
    pub fn cancel(&mut self, now: Ms, id: &OrderId) -> CancelReply {
        let Some(order) = self.orders.iter_mut().find(|order| order.id.to_string() == id.0) else {
            return CancelReply::Refused("no such order".into());
        };
        if order.owner == Owner::User {
            self.tape.push(Tape::NotOurs { id: order.id });
        }
        if order.status.is_terminal() {
            return CancelReply::Refused(format!("it is {}", order.status));
        }
        if order.deaf > 0 {
            order.deaf -= 1;
        } else if order.ends.is_none() {
            let settles =
                self.markets.get(&(order.account, order.vertical.right())).map_or(0, |market| market.cancel);
            order.ends = Some((now + settles, OrderStatus::Canceled));
            order.becomes(now, OrderStatus::CancelPending);
        }
        CancelReply::Requested
    }

    /// What an account holds as it is shown: what it held, and what its orders filled a while ago.
    #[must_use]
    pub fn positions(&self, now: Ms, account: usize) -> BTreeMap<OptionSymbol, i64> {
        let mut held = self.held.get(&account).cloned().unwrap_or_default();
        for order in self.orders.iter().filter(|order| order.account == account) {
            for leg in order.vertical.legs() {
                *held.entry(leg.symbol).or_default() +=
                    leg.action.sign() * i64::from(order.filled_by(now - self.lies.positions));
            }
        }
        held.retain(|_, contracts| *contracts != 0);
        held
    }

    /// An order as the broker shows it.
    #[must_use]
    pub fn view(&self, order: &Order) -> OrderView {
        let named = self.names.contains(&order.account);
        OrderView {
            id: OrderId(order.id.to_string()),
            status: order.status.clone(),
            quantity: order.quantity,
            filled: order.filled(),
            price: Some(order.price),
            effect: Some(order.vertical.effect()),
            legs: order.vertical.legs().iter().rev().map(|leg| (*leg, 1)).collect(),
            foreign_legs: false,
            // Brokers give whole seconds.
            entered: Timestamp::from_second(order.entered.div_euclid(1000)).ok(),
            fills: order.fills.clone(),
            reason: (order.status == OrderStatus::Rejected).then(|| "not today".to_owned()),
            tag: (!named).then(|| {
                if matches!(order.owner, Owner::User | Owner::Edited(_)) { "by hand" } else { self.tag }
                    .to_owned()
            }),
            name: order.name.clone().filter(|_| named),
            linked: self.linked(order),
            unreadable: None,
        }
    }

    /// Whether all quotes are missing.
    pub(crate) fn is_gap(&self, now: Ms) -> bool {
        self.gap.is_some_and(|(from, to)| from <= now && now < to)
    }

    pub(crate) fn book_without_gap(&self, now: Ms, symbols: &[OptionSymbol]) -> QuoteBook {
        let moved: i64 = self.moves.iter().filter(|(from, _)| *from <= now).map(|(_, cents)| cents).sum();
        let quoted =
            symbols.iter().filter_map(|symbol| self.quotes.get(symbol).map(|(bid, ask)| (symbol, bid, ask)));
        let up = |symbol: &OptionSymbol| if self.is_inner(symbol) { moved } else { 0 };
        quoted
            .map(|(symbol, bid, ask)| {
                let quote = LegQuote {
                    bid: Some(Price::cents(bid + up(symbol))),
                    ask: Some(Price::cents(ask + up(symbol))),
                    ..LegQuote::default()
                };
                (*symbol, quote)
            })
            .collect()
    }

    /// The dearer leg of a vertical stands at a round strike here, so that a move of it moves the package.
    fn is_inner(&self, symbol: &OptionSymbol) -> bool {
        self.quotes.get(symbol).is_some_and(|(bid, _)| *bid >= INNER_CENTS)
    }

    /// The mid of a package at `now`, whether the broker shows it or not.
    #[must_use]
    pub fn mid(&self, now: Ms, vertical: Vertical) -> Option<Price> {
        let legs = vertical.legs();
        let book = self.book_without_gap(now, &[legs[0].symbol, legs[1].symbol]);
        let cash = legs.iter().try_fold(Price::ZERO, |cash, leg| {
            let (bid, ask) = book.get(&leg.symbol)?.two_sided()?;
            let mid = bid.halfway(ask);
            Some(if leg.action == LegAction::Sell { cash + mid } else { cash - mid })
        });
        cash.map(Price::abs)
    }
}

/// Inner legs are quoted from here on.
pub const INNER_CENTS: i64 = 600;

enum Next {
    Fill,
    End(OrderStatus),
}

/// What an order trades: the strategy under test knows verticals only.
pub(crate) fn vertical_of(order: &PackageOrder) -> Vertical {
    order.package.as_vertical().expect("a vertical")
}
