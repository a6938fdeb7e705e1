//! What the broker shows otherwise than it is, and what is shown when. Every read of an order, of quotes and
//! of positions, and every reply to a POST, goes through here.

use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::{OrderId, OrderName, OrderStatus, OrderView};
use gamma_market::{LegQuote, OptionSymbol, Price, QuoteBook, QuoteState, Vertical};
use jiff::Timestamp;

use crate::exchange::{Exchange, Ms, Order, Owner, Sent};
use crate::fault::Fault;

/// An order is shown within this time when a read of it is struck by [`Fault::Unseen`].
const SHOWN_WITHIN: Ms = 4_000;

/// What is wrong with the quote of one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// The batch does not answer it.
    Missing,
    /// No bid.
    NoBid,
    /// No offer.
    NoAsk,
    /// The bid is above the offer.
    Crossed,
    /// 0.05 bid, 9.00 offered.
    Wide,
    /// Minutes old, and it says so.
    Old,
    /// Of a security that does not trade.
    Halted,
    /// Of a quarter of an hour ago, as the broker shows it to those who do not pay.
    Delayed,
}

impl Wrong {
    /// Each of them.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::NoBid,
        Self::NoAsk,
        Self::Crossed,
        Self::Wide,
        Self::Old,
        Self::Halted,
        Self::Delayed,
    ];
}

/// One leg quoted otherwise than it is.
#[derive(Debug, Clone, Copy)]
pub struct LegLie {
    /// The leg.
    pub symbol: OptionSymbol,
    /// From when on.
    pub from: Ms,
    /// Until when.
    pub to: Ms,
    /// How.
    pub wrong: Wrong,
}

impl LegLie {
    fn holds(&self, now: Ms, symbol: OptionSymbol) -> bool {
        self.symbol == symbol && self.from <= now && now < self.to
    }
}

/// What is shown otherwise than it is. Where there are several delays, each order has its own, by its id.
#[derive(Debug, Clone, Default)]
pub struct Lies {
    /// More is demanded than of a kind day.
    pub unkind: bool,
    /// The day must trade: its rungs are looked at more closely.
    pub must_trade: bool,
    /// Legs quoted otherwise than they are.
    pub legs: Vec<LegLie>,
    /// Quotes say when they were made.
    pub dated: bool,
    /// From its entry until an order appears in lists.
    pub appears: Vec<Ms>,
    /// How old statuses and fills in lists are.
    pub lags: Vec<Ms>,
    /// From a fill until it is counted, wherever the order is read.
    pub counts: Vec<Ms>,
    /// How old positions are.
    pub positions: Ms,
    /// Which of the account's other orders a reply names.
    pub names: usize,
    /// Packages that the market never takes.
    pub never_fill: Vec<Vertical>,
    /// Packages that the feed no longer asks for from then on.
    pub withdrawn: Vec<(Vertical, Ms)>,
    /// Until then the feed's own trade section is there and empty: whatever else it shows is no trade.
    pub no_trade_until: Option<Ms>,
}

impl Lies {
    /// From a fill of this order until it is counted.
    #[must_use]
    pub fn counted_after(&self, id: u64) -> Ms {
        of(&self.counts, id)
    }

    /// From its entry until this order appears in lists.
    #[must_use]
    pub fn appears_after(&self, id: u64) -> Ms {
        of(&self.appears, id)
    }

    /// The same world without lies: what it demands stays.
    #[must_use]
    pub fn told_truly(self) -> Self {
        let Self { unkind, must_trade, dated, never_fill, withdrawn, no_trade_until, .. } = self;
        Self { unkind, must_trade, dated, never_fill, withdrawn, no_trade_until, ..Self::default() }
    }
}

fn of(delays: &[Ms], id: u64) -> Ms {
    let at = usize::try_from(id).unwrap_or(0).checked_rem(delays.len());
    at.and_then(|at| delays.get(at)).copied().unwrap_or_default()
}

impl Order {
    /// Packages filled until `at`.
    #[must_use]
    pub fn filled_by(&self, at: Ms) -> u32 {
        self.fills
            .iter()
            .filter(|fill| fill.at.is_none_or(|filled| filled.as_millisecond() <= at))
            .map(|fill| fill.quantity)
            .sum()
    }

    /// As it was at `at`, with the fills of until `counted`.
    fn as_of(&self, at: Ms, counted: Ms) -> Self {
        let mut order = self.clone();
        if let Some((_, was)) = self.before.iter().find(|(until, _)| *until > at) {
            order.status = was.clone();
        }
        order.fills.retain(|fill| fill.at.is_none_or(|filled| filled.as_millisecond() <= counted));
        order
    }
}

impl Exchange {
    /// What the reply to a POST names, if anything.
    pub fn answer(
        &mut self,
        now: Ms,
        sent: Sent,
        order: &PackageOrder,
        name: &OrderName,
        fault: Option<Fault>,
    ) -> Option<OrderId> {
        let others: Vec<u64> =
            self.orders.iter().filter(|order| order.account == sent.account).map(|order| order.id).collect();
        let entered = (fault != Some(Fault::NamesInstead)).then(|| self.enter(now, sent, order, name));
        match fault {
            Some(Fault::NamesAnother | Fault::NamesInstead) if !others.is_empty() => {
                Some(OrderId(others[self.lies.names % others.len()].to_string()))
            }
            _ => entered,
        }
    }

    /// An order as the broker shows it by its id, if it does.
    #[must_use]
    pub fn shown(&self, now: Ms, id: &OrderId, fault: Option<Fault>) -> Option<OrderView> {
        let order = self.orders.iter().find(|order| order.id.to_string() == id.0)?;
        let hidden = fault == Some(Fault::Empty)
            || (fault == Some(Fault::Unseen) && order.entered >= now - SHOWN_WITHIN);
        (!hidden).then(|| self.view_of(order, now, fault))
    }

    /// Orders of an account entered between the two times, as the list shows them to a run.
    pub fn listed(
        &mut self,
        now: Ms,
        (account, run): (usize, usize),
        (from, to): (Timestamp, Timestamp),
        fault: Option<Fault>,
    ) -> Vec<OrderView> {
        if fault == Some(Fault::Empty) {
            return Vec::new();
        }
        let unseen = fault == Some(Fault::Unseen);
        let mut views = Vec::new();
        for order in self.orders.iter().filter(|order| order.account == account) {
            let young = (unseen && order.entered >= now - SHOWN_WITHIN)
                || now < order.entered + self.lies.appears_after(order.id);
            let view = self.view_of(order, now - of(&self.lies.lags, order.id), fault);
            if young || view.entered.is_none_or(|entered| entered < from || to < entered) {
                continue;
            }
            if order.owner == Owner::User && !view.status.is_terminal() {
                self.told.insert((run, order.id));
            }
            views.push(view);
        }
        views
    }

    fn view_of(&self, order: &Order, at: Ms, fault: Option<Fault>) -> OrderView {
        let mut view = if self.lies.unkind {
            self.view(&order.as_of(at, at - self.lies.counted_after(order.id)))
        } else {
            self.view(order)
        };
        disguise(&mut view, fault);
        view
    }

    /// Packages filled of an order, and of those that a person put in its place.
    #[must_use]
    pub fn filled_of(&self, order: &Order) -> u32 {
        let next = self
            .orders
            .iter()
            .filter(|other| other.replaces == Some(order.id))
            .map(|other| self.filled_of(other));
        order.filled() + next.sum::<u32>()
    }

    /// The orders that the broker links to this one.
    #[must_use]
    pub fn linked(&self, order: &Order) -> Vec<OrderId> {
        order.replaces.into_iter().chain(order.replaced_by).map(|id| OrderId(id.to_string())).collect()
    }

    /// Quotes of `symbols` at `now`.
    #[must_use]
    pub fn book(&self, now: Ms, symbols: &[OptionSymbol]) -> QuoteBook {
        if self.is_gap(now) {
            return QuoteBook::new();
        }
        let mut book = self.book_without_gap(now, symbols);
        if self.lies.dated {
            book.values_mut().for_each(|quote| quote.at = Timestamp::from_millisecond(now - 400).ok());
        }
        for lie in &self.lies.legs {
            if lie.wrong == Wrong::Missing && symbols.contains(&lie.symbol) && lie.holds(now, lie.symbol) {
                book.remove(&lie.symbol);
            } else if let Some(quote) = book.get_mut(&lie.symbol).filter(|_| lie.holds(now, lie.symbol)) {
                tell(quote, lie.wrong, now);
            }
        }
        book
    }

    /// Whether both legs of a package were quoted at `at` as one may trade on.
    #[must_use]
    pub fn is_quoted(&self, at: Ms, vertical: Vertical) -> bool {
        !self.is_gap(at)
            && !vertical.legs().iter().any(|leg| self.lies.legs.iter().any(|lie| lie.holds(at, leg.symbol)))
    }
}

/// A quote as it is told.
fn tell(quote: &mut LegQuote, wrong: Wrong, now: Ms) {
    match wrong {
        Wrong::NoBid => quote.bid = None,
        Wrong::NoAsk => quote.ask = None,
        Wrong::Crossed => quote.bid = quote.ask.map(|ask| ask + Price::cents(10)),
        Wrong::Wide => (quote.bid, quote.ask) = (Some(Price::cents(5)), Some(Price::cents(900))),
        Wrong::Old => {
            let aside = |price: Option<Price>| price.map(|price| price + Price::cents(30));
            (quote.bid, quote.ask, quote.at) =
                (aside(quote.bid), aside(quote.ask), Timestamp::from_millisecond(now - 180_000).ok());
        }
        Wrong::Halted => quote.state = QuoteState::Halted,
        Wrong::Delayed => quote.state = QuoteState::Delayed,
        Wrong::Missing => {}
    }
}

/// What the broker may show instead.
fn disguise(order: &mut OrderView, fault: Option<Fault>) {
    match fault {
        Some(Fault::Odd) => order.status = OrderStatus::Other("AWAITING_STOP_CONDITION".into()),
        Some(Fault::Unattached) if order.status == OrderStatus::Filled => {
            order.fills.pop();
            order.filled = order.fills.iter().map(|fill| fill.quantity).sum();
        }
        _ => {}
    }
}
