//! Cash, positions and transactions of the simulated account, all exact decimals.

mod margin;
mod transaction;

use std::collections::BTreeMap;

use gamma_market::{LegQuote, OptionSymbol, Price, Right};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::exchange::{Fill, Order};
use crate::market::Market;

pub use margin::requirement;
pub use transaction::{FEES_PER_CONTRACT, Fees, Transaction, TransactionKind};

/// One contract held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Contracts, long positive, never zero.
    pub quantity: i64,
    /// Average price paid or received in points.
    pub average_price: Decimal,
    /// Contracts held when the day began, long positive.
    pub at_day_begin: i64,
}

/// The account's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    cash: Decimal,
    positions: BTreeMap<OptionSymbol, Position>,
    transactions: Vec<Transaction>,
    day_begin: DayBegin,
    /// What was held before each change, with the moment of the change.
    past: Vec<(Timestamp, BTreeMap<OptionSymbol, Position>)>,
}

/// What the account showed when the day began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayBegin {
    /// Dollars of cash.
    pub cash: Decimal,
    /// Dollars the long options were worth.
    pub long_options: Decimal,
    /// Dollars the short options were worth, zero or below.
    pub short_options: Decimal,
    /// Dollars held against the positions.
    pub requirement: Decimal,
}

impl DayBegin {
    /// Cash and options together, in dollars.
    #[must_use]
    pub fn liquidation_value(&self) -> Decimal {
        self.cash + self.long_options + self.short_options
    }
}

impl Account {
    /// An account with `cash` dollars and some positions: contracts (long positive; zero is left out) and
    /// their average price in points.
    #[must_use]
    pub fn new(cash: Decimal, positions: &[(OptionSymbol, i64, Price)]) -> Self {
        let position = |(symbol, quantity, price): &(OptionSymbol, i64, Price)| {
            let position =
                Position { quantity: *quantity, average_price: price.points(), at_day_begin: *quantity };
            (*quantity != 0).then_some((*symbol, position))
        };
        Self {
            cash,
            positions: positions.iter().filter_map(position).collect(),
            transactions: Vec::new(),
            day_begin: DayBegin::default(),
            past: Vec::new(),
        }
    }

    /// Dollars of cash; premium received is in it.
    #[must_use]
    pub const fn cash(&self) -> Decimal {
        self.cash
    }

    /// What is held.
    #[must_use]
    pub const fn positions(&self) -> &BTreeMap<OptionSymbol, Position> {
        &self.positions
    }

    /// What was held at an earlier moment.
    #[must_use]
    pub fn positions_as_of(&self, at: Timestamp) -> &BTreeMap<OptionSymbol, Position> {
        self.past.iter().find(|(changed, _)| *changed > at).map_or(&self.positions, |(_, before)| before)
    }

    /// Contracts held of one symbol, long positive.
    #[must_use]
    pub fn quantity(&self, symbol: &OptionSymbol) -> i64 {
        self.positions.get(symbol).map_or(0, |position| position.quantity)
    }

    /// Every trade and settlement, one row a leg, oldest first.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// What it showed when the day began.
    #[must_use]
    pub const fn day_begin(&self) -> DayBegin {
        self.day_begin
    }

    /// Dollars the (long, short) options are worth at their mids; the second is zero or below.
    #[must_use]
    pub fn option_values(&self, market: &Market) -> (Decimal, Decimal) {
        let values: Vec<Decimal> =
            self.positions.iter().map(|(symbol, position)| value(symbol, position, market)).collect();
        let side = |long: bool| values.iter().filter(|value| value.is_sign_positive() == long).sum();
        (side(true), side(false))
    }

    /// Dollars the account would be worth if every position were closed at its mid.
    #[must_use]
    pub fn liquidation_value(&self, market: &Market) -> Decimal {
        let (long, short) = self.option_values(market);
        self.cash + long + short
    }

    /// Contracts of each option held, long positive.
    #[must_use]
    pub fn quantities(&self) -> BTreeMap<OptionSymbol, i64> {
        self.positions.iter().map(|(symbol, position)| (*symbol, position.quantity)).collect()
    }

    /// One contract of each expiry held.
    #[must_use]
    pub fn expiries(&self) -> Vec<(OptionSymbol, Date)> {
        let first: BTreeMap<Date, OptionSymbol> =
            self.positions.keys().map(|symbol| (symbol.expiry(), *symbol)).collect();
        first.into_iter().map(|(expiry, symbol)| (symbol, expiry)).collect()
    }

    pub(crate) fn begin_day(&mut self, market: &Market) {
        let (long_options, short_options) = self.option_values(market);
        let requirement = requirement(&self.quantities(), market.underlying().points());
        self.day_begin = DayBegin { cash: self.cash, long_options, short_options, requirement };
        for position in self.positions.values_mut() {
            position.at_day_begin = position.quantity;
        }
    }

    /// Books one execution: cash, positions, and one transaction a leg.
    pub fn fill(&mut self, order: &Order, fill: &Fill) {
        self.past.push((fill.at, self.positions.clone()));
        for ((row, leg), price) in (1..).zip(order.ticket.legs()).zip(&fill.leg_prices) {
            let amount = leg.signed(fill.quantity);
            let fees = Fees::of(amount.unsigned_abs());
            let cost = -price.dollars_per_contract() * Decimal::from(amount);
            let transaction = Transaction {
                id: fill.activity + row,
                at: fill.at,
                kind: TransactionKind::Trade { order: order.id, effect: leg.effect },
                symbol: leg.symbol,
                amount,
                price: *price,
                cost,
                fees,
            };
            self.cash += transaction.net_amount();
            self.trade(leg.symbol, amount, price.points());
            self.transactions.push(transaction);
        }
    }

    /// Settles every position of one expiry in cash at the index `level`.
    pub fn settle(&mut self, expiry: Date, level: Price, at: Timestamp, activity: u64) {
        self.past.push((at, self.positions.clone()));
        let expired: Vec<_> = self.positions.extract_if(.., |symbol, _| symbol.expiry() == expiry).collect();
        for (row, (symbol, position)) in (1..).zip(expired) {
            let price = intrinsic(&symbol, level);
            let cost = price.dollars_per_contract() * Decimal::from(position.quantity);
            self.cash += cost;
            let kind = TransactionKind::Expiry;
            self.transactions.push(Transaction {
                id: activity + row,
                at,
                kind,
                symbol,
                amount: -position.quantity,
                price,
                cost,
                fees: Fees::default(),
            });
        }
    }

    fn trade(&mut self, symbol: OptionSymbol, amount: i64, price: Decimal) {
        let held = self.positions.get(&symbol).copied();
        let before = held.map_or(0, |position| position.quantity);
        let average = held.map_or(price, |position| position.average_price);
        let quantity = before + amount;
        let average_price = if before.signum() * amount.signum() >= 0 {
            let (old, new) = (Decimal::from(before.abs()), Decimal::from(amount.abs()));
            (old * average + new * price) / (old + new)
        } else if quantity.signum() == before.signum() {
            average
        } else {
            price
        };
        if quantity == 0 {
            self.positions.remove(&symbol);
        } else {
            let at_day_begin = held.map_or(0, |position| position.at_day_begin);
            self.positions.insert(symbol, Position { quantity, average_price, at_day_begin });
        }
    }
}

/// Dollars a position is worth at the mid, or at the bid when nobody offers.
pub fn value(symbol: &OptionSymbol, position: &Position, market: &Market) -> Decimal {
    let mark = market.quote(symbol).map_or(Price::ZERO, |quote| mark(&quote));
    mark.dollars_per_contract() * Decimal::from(position.quantity)
}

/// The mid, or the bid when nobody offers.
pub fn mark(quote: &LegQuote) -> Price {
    let bid = quote.bid.unwrap_or_default();
    quote.ask.map_or(bid, |ask| bid.halfway(ask))
}

/// What one contract is worth with the index at `level`.
pub fn intrinsic(symbol: &OptionSymbol, level: Price) -> Price {
    let strike = Price::new(symbol.strike().points());
    let value = match symbol.right() {
        Right::Put => strike - level,
        Right::Call => level - strike,
    };
    value.max(Price::ZERO)
}

#[cfg(test)]
mod tests;
