//! The account's rows (docs/reference/tastytrade.md, Transactions): one a leg of an execution, one a
//! contract that expired.
//!
//! What an expiry settles to is in its one row here; whether the real service writes a row of money beside it
//! is not known.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use gamma_market::calendar::trade_date;
use gamma_market::{LegAction, Right};
use gamma_sim_core::account::{Transaction, TransactionKind};
use gamma_sim_core::exchange::Book;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::errors::ApiError;
use super::estimate::set_fees;
use super::order_lists::{Since, descends};
use super::orders_wire::{FillMarks, action};
use super::parameters::Parameters;
use super::wire::{decimal, points, set_signed, time};
use super::{Face, Holder, wire};

const TYPES: [&str; 4] = ["Trade", "Receive Deliver", "Money Movement", "Administrative Transfer"];
const MOST_PER_PAGE: usize = 2000;

/// `GET /accounts/{n}/transactions`.
pub(super) async fn list(
    State(face): State<Arc<Face>>,
    Path(number): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let filter = Filter::read(&parameters)?;
    let (per_page, page) = parameters.page(250, MOST_PER_PAGE)?;
    let exchange = face.exchange_of(holder);
    let shown =
        exchange.account().transactions().iter().map(|row| (row, transaction(holder, exchange.book(), row)));
    let mut rows: Vec<Value> =
        shown.filter(|(row, shown)| filter.holds(row, shown)).map(|(_, shown)| shown).collect();
    if descends(&parameters)? {
        rows.reverse();
    }
    Ok(wire::page(&format!("/accounts/{number}/transactions"), rows, per_page, page))
}

/// `GET /accounts/{n}/transactions/{id}`.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    Path((number, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let exchange = face.exchange_of(holder);
    let row = exchange.account().transactions().iter().find(|row| row.id.to_string() == id);
    let row = row.ok_or_else(|| ApiError::not_found(&format!("Transaction {id}")))?;
    Ok(wire::ok(&format!("/accounts/{number}/transactions/{id}"), transaction(holder, exchange.book(), row)))
}

/// `GET /accounts/{n}/transactions/total-fees?date=`.
pub(super) async fn total_fees(
    State(face): State<Arc<Face>>,
    Path(number): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let day = parameters.parse::<Date>("date", "yyyy-MM-dd")?.unwrap_or_else(|| trade_date(face.clock.now()));
    let exchange = face.exchange_of(holder);
    let fees: Decimal = exchange
        .account()
        .transactions()
        .iter()
        .filter(|row| trade_date(row.at) == day)
        .map(|row| row.fees.total())
        .sum();
    let mut shown = Map::new();
    set_signed(&mut shown, "total-fees", -fees);
    Ok(wire::ok(&format!("/accounts/{number}/transactions/total-fees"), Value::Object(shown)))
}

struct Filter<'a> {
    since: Since,
    types: Vec<&'a str>,
    sub_types: Vec<&'a str>,
    /// Fields that must be these words.
    fields: Vec<(&'static str, &'a str)>,
}

impl<'a> Filter<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, ApiError> {
        let types = [parameters.list("type"), parameters.list("types")].concat();
        if let Some(other) = types.iter().find(|word| !TYPES.contains(word)) {
            return Err(ApiError::invalid(
                "types",
                format!("got {other:?}, expected some of {}", TYPES.join(", ")),
            ));
        }
        let named = ["symbol", "underlying-symbol", "instrument-type", "action"];
        let fields = named.into_iter().filter_map(|name| Some((name, parameters.one(name)?))).collect();
        Ok(Self { since: Since::read(parameters)?, types, sub_types: parameters.list("sub-type"), fields })
    }

    fn holds(&self, row: &Transaction, shown: &Value) -> bool {
        let one_of = |words: &[&str], field: &str| {
            words.is_empty() || shown[field].as_str().is_some_and(|word| words.contains(&word))
        };
        let words =
            one_of(&self.types, "transaction-type") && one_of(&self.sub_types, "transaction-sub-type");
        words && self.since.holds(row.at) && self.fields.iter().all(|(name, wanted)| shown[*name] == *wanted)
    }
}

fn transaction(holder: &Holder, book: &Book, row: &Transaction) -> Value {
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("id", row.id.into());
    set("account-number", holder.number.clone().into());
    set("symbol", row.symbol.to_string().into());
    set("instrument-type", "Equity Option".into());
    set("underlying-symbol", "SPX".into());
    set("quantity", decimal(row.amount.unsigned_abs().into()));
    set("executed-at", time(row.at));
    set("transaction-date", trade_date(row.at).to_string().into());
    set("is-estimated-fee", true.into());
    let contract = contract(row);
    match row.kind {
        TransactionKind::Trade { order, effect } => {
            let side = if row.amount > 0 { LegAction::Buy } else { LegAction::Sell };
            let (verb, word) = (if row.amount > 0 { "Bought" } else { "Sold" }, action(side, effect));
            set("transaction-type", "Trade".into());
            set("transaction-sub-type", word.into());
            set("action", word.into());
            set("price", points(row.price));
            set("description", format!("{verb} {} {contract} @ {}", row.amount.abs(), row.price).into());
            set("order-id", order.into());
            let known = book.order(order);
            set("leg-count", known.map_or(1, |order| order.ticket.legs().len()).into());
            set("ext-exchange-order-number", (order % 100_000_000).to_string().into());
            set("ext-global-order-number", (order % 100_000).into());
            let fills = known.into_iter().flat_map(|order| &order.fills);
            let activity =
                fills.map(|fill| fill.activity).filter(|activity| *activity < row.id).max().unwrap_or(row.id);
            let marks = FillMarks::of(row.id, activity, row.at);
            set("ext-group-id", "0".into());
            set("ext-group-fill-id", marks.group.into());
            set("ext-exec-id", marks.execution.into());
            set("exec-id", marks.venue.into());
            set("exchange", "1".into());
            set("exchange-affiliation-identifier", "".into());
            set("destination-venue", "CBOE".into());
        }
        TransactionKind::Expiry => {
            let word = match row.amount {
                _ if row.cost.is_zero() => "Expiration",
                // What was held short goes by coming.
                1.. => "Cash Settled Assignment",
                _ => "Cash Settled Exercise",
            };
            set("transaction-type", "Receive Deliver".into());
            set("transaction-sub-type", word.into());
            set(
                "description",
                format!("Removal of {} {contract} due to expiration", row.amount.abs()).into(),
            );
        }
    }
    set_fees(&mut shown, &row.fees);
    set_signed(&mut shown, "value", row.cost);
    set_signed(&mut shown, "net-value", row.net_amount());
    Value::Object(shown)
}

/// `SPXW 08/21/26 Put 5900.00`.
fn contract(row: &Transaction) -> String {
    let symbol = &row.symbol;
    let right = if symbol.right() == Right::Put { "Put" } else { "Call" };
    format!(
        "{} {} {right} {:.2}",
        symbol.root(),
        symbol.expiry().strftime("%m/%d/%y"),
        symbol.strike().points()
    )
}
