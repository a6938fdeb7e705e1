//! Transactions (docs/reference/schwab.md, Transactions): one a leg and fill, fee rows first.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use gamma_market::calendar::{at_eastern, trade_date};
use gamma_sim_core::account::{Transaction, TransactionKind};
use jiff::Timestamp;
use jiff::civil::Time;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::accounts::Parameters;
use super::errors::TraderError;
use super::logins::{Holder, LoginId};
use super::orders_wire::position_effect;
use super::wire::{count, float, ok, points, seconds};
use super::{Face, instruments, orders};

const TYPES: &[&str] = &[
    "TRADE",
    "RECEIVE_AND_DELIVER",
    "DIVIDEND_OR_INTEREST",
    "ACH_RECEIPT",
    "ACH_DISBURSEMENT",
    "CASH_RECEIPT",
    "CASH_DISBURSEMENT",
    "ELECTRONIC_FUND",
    "WIRE_OUT",
    "WIRE_IN",
    "JOURNAL",
    "MEMORANDUM",
    "MARGIN_CALL",
    "MONEY_MARKET",
    "SMA_ADJUSTMENT",
];

/// `GET /accounts/{hash}/transactions`.
pub(super) async fn list(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    Path(hash): Path<String>,
    Query(query): Parameters,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    let filter = Filter::read(&query).map_err(TraderError::validation)?;
    let exchange = face.exchange_of(holder);
    let rows = exchange.account().transactions().iter().rev().filter(|row| filter.holds(row));
    Ok(ok(&rows.map(|row| transaction(holder, row)).collect()))
}

/// `GET /accounts/{hash}/transactions/{activityId}`: an array of one.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    Path((hash, id)): Path<(String, String)>,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    let exchange = face.exchange_of(holder);
    let row = exchange.account().transactions().iter().find(|row| row.id.to_string() == id);
    let row = row.ok_or_else(|| TraderError::not_found(format!("transactionId: no transaction {id}")))?;
    Ok(ok(&json!([transaction(holder, row)])))
}

struct Filter {
    start: Timestamp,
    end: Timestamp,
    types: Vec<String>,
    symbol: Option<String>,
}

impl Filter {
    fn read(query: &BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut errors = Vec::new();
        let start = orders::time(query, "startDate").map_err(|error| errors.push(error));
        let end = orders::time(query, "endDate").map_err(|error| errors.push(error));
        let types: Vec<String> =
            query.get("types").map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default();
        if types.is_empty() {
            errors.push("types is required".into());
        }
        errors.extend(
            types
                .iter()
                .filter(|word| !TYPES.contains(&word.as_str()))
                .map(|word| format!("types: got {word:?}, expected transaction types")),
        );
        match (start, end) {
            (Ok(start), Ok(end)) if errors.is_empty() => {
                Ok(Self { start, end, types, symbol: query.get("symbol").cloned() })
            }
            _ => Err(errors),
        }
    }

    fn holds(&self, row: &Transaction) -> bool {
        let symbol = self.symbol.as_ref().is_none_or(|symbol| *symbol == row.symbol.to_string());
        symbol
            && self.start <= row.at
            && row.at <= self.end
            && self.types.iter().any(|word| word == kind(row))
    }
}

const fn kind(row: &Transaction) -> &'static str {
    match row.kind {
        TransactionKind::Trade { .. } => "TRADE",
        TransactionKind::Expiry => "RECEIVE_AND_DELIVER",
    }
}

fn transaction(holder: &Holder, row: &Transaction) -> Value {
    let mut shown = json!({
        "activityId": row.id,
        "time": seconds(row.at),
        "accountNumber": holder.number,
        "type": kind(row),
        "status": "VALID",
        "subAccount": "MARGIN",
        "tradeDate": seconds(row.at),
        "settlementDate": seconds(next_midnight(row.at)),
        "positionId": 2_700_000_000_u64 + instruments::instrument_id(&row.symbol),
        "netAmount": float(row.net_amount()),
    });
    match row.kind {
        TransactionKind::Trade { order, effect } => {
            let mut items = fee_rows(row);
            items.push(option_row(row, position_effect(effect)));
            shown["orderId"] = order.into();
            shown["transferItems"] = items.into();
        }
        TransactionKind::Expiry => {
            shown["description"] = "REMOVAL OF OPTION DUE TO EXPIRATION".into();
            shown["transferItems"] = json!([option_row(row, "CLOSING")]);
        }
    }
    shown
}

/// Rows of zero are there too.
fn fee_rows(row: &Transaction) -> Vec<Value> {
    let fees = [
        ("COMMISSION", row.fees.commission),
        ("SEC_FEE", Decimal::ZERO),
        ("OPT_REG_FEE", row.fees.option_regulatory),
        ("TAF_FEE", Decimal::ZERO),
        ("INDEX_OPTION_FEE", row.fees.index_option),
    ];
    let currency = json!({
        "assetType": "CURRENCY", "status": "ACTIVE", "symbol": "CURRENCY_USD", "description": "USD currency", "instrumentId": 1, "closingPrice": 0.0,
    });
    let item = |(kind, dollars): (&str, Decimal)| json!({ "instrument": currency, "amount": float(dollars), "cost": float(-dollars), "feeType": kind });
    fees.into_iter().map(item).collect()
}

fn option_row(row: &Transaction, effect: &str) -> Value {
    let symbol = &row.symbol;
    json!({
        "instrument": {
            "assetType": "OPTION",
            "status": "ACTIVE",
            "symbol": symbol.to_string(),
            "description": instruments::description(symbol),
            "instrumentId": instruments::instrument_id(symbol),
            "closingPrice": points(row.price),
            "expirationDate": seconds(at_eastern(symbol.expiry(), Time::midnight())),
            "optionDeliverables": [{ "rootSymbol": "SPX", "strikePercent": 100, "deliverableNumber": 1, "deliverableUnits": 100.0 }],
            "optionPremiumMultiplier": 100,
            "putCall": instruments::put_call(symbol),
            "strikePrice": float(symbol.strike().points()),
            "type": "VANILLA",
            "underlyingSymbol": "$SPX",
        },
        "amount": count(row.amount),
        "cost": float(row.cost),
        "price": points(row.price),
        "positionEffect": effect,
    })
}

/// Options settle on the next day, which starts at midnight in New York.
fn next_midnight(at: Timestamp) -> Timestamp {
    let next = trade_date(at).tomorrow().unwrap_or_else(|_| trade_date(at));
    at_eastern(next, Time::midnight())
}
