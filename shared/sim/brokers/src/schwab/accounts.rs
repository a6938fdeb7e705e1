//! Accounts and positions (docs/reference/schwab.md, Account).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use gamma_market::{OptionSymbol, Price};
use gamma_sim_core::account::{Position, mark};
use gamma_sim_core::exchange::Exchange;
use gamma_sim_core::faults::View;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::errors::TraderError;
use super::logins::{Holder, LoginId};
use super::wire::{count, float, ok};
use super::{Face, balances, instruments};

/// Fields that say what the account is worth.
const WORTHS: [&str; 5] =
    ["accountValue", "cashBalance", "currentLiquidationValue", "equity", "liquidationValue"];

/// Query parameters; of a repeated one the last counts.
pub(super) type Parameters = Query<BTreeMap<String, String>>;

/// `GET /accounts/accountNumbers`.
pub(super) async fn numbers(State(face): State<Arc<Face>>, Extension(login): Extension<LoginId>) -> Response {
    ok(&face
        .of_login(login)
        .map(|holder| json!({ "accountNumber": holder.number, "hashValue": holder.hash }))
        .collect())
}

/// `GET /accounts`.
pub(super) async fn all(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    view: View,
    Query(query): Parameters,
) -> Result<Response, TraderError> {
    let with_positions = wants_positions(&query)?;
    Ok(ok(&face.of_login(login).map(|holder| account(&face, holder, &view, with_positions)).collect()))
}

/// `GET /accounts/{hash}`.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    view: View,
    Path(hash): Path<String>,
    Query(query): Parameters,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    Ok(ok(&account(&face, holder, &view, wants_positions(&query)?)))
}

fn wants_positions(query: &BTreeMap<String, String>) -> Result<bool, TraderError> {
    match query.get("fields").map(String::as_str) {
        None => Ok(false),
        Some("positions") => Ok(true),
        Some(other) => Err(TraderError::invalid(format!("fields: got {other:?}, expected positions"))),
    }
}

fn account(face: &Face, holder: &Holder, view: &View, with_positions: bool) -> Value {
    let exchange = face.exchange_of(holder);
    let now = Exchange::now(&exchange);
    let mut account = json!({
        "type": "MARGIN",
        "accountNumber": holder.number,
        "roundTrips": 0,
        "isDayTrader": false,
        "isClosingOnlyRestricted": false,
        "pfcbFlag": false,
        "initialBalances": balances::initial(&exchange),
        "currentBalances": balances::current(&exchange),
        "projectedBalances": balances::projected(&exchange),
    });
    let held = exchange.account();
    let positions =
        view.positions_as_of(now).map_or_else(|| held.positions(), |then| held.positions_as_of(then));
    // A flat account has no `positions` at all.
    let rows = positions.iter().map(|(symbol, held)| position(symbol, held, &exchange));
    let rows: Vec<Value> = rows.chain(view.foreign_rows().cloned()).collect();
    if with_positions && !rows.is_empty() {
        account["positions"] = rows.into();
    }
    let value = float(exchange.liquidation_value());
    let mut shown = json!({ "securitiesAccount": account, "aggregatedBalance": { "currentLiquidationValue": value, "liquidationValue": value } });
    if let Some(worth) = view.equity() {
        let account = shown["securitiesAccount"].as_object_mut().into_iter().flat_map(Map::values_mut);
        account.for_each(|balances| show_worth(balances, worth));
        show_worth(&mut shown["aggregatedBalance"], worth);
    }
    shown
}

/// Writes `worth` into every field that says what the account is worth, or leaves them out.
fn show_worth(balances: &mut Value, worth: Option<Decimal>) {
    let Some(fields) = balances.as_object_mut() else { return };
    for name in WORTHS {
        match worth {
            Some(worth) => fields.entry(name).and_modify(|shown| *shown = float(worth)),
            None => {
                fields.remove(name);
                continue;
            }
        };
    }
}

fn position(symbol: &OptionSymbol, held: &Position, exchange: &Exchange) -> Value {
    let contracts = Decimal::from(held.quantity.abs());
    let (long, short) =
        if held.quantity > 0 { (contracts, Decimal::ZERO) } else { (Decimal::ZERO, contracts) };
    let market = exchange.market().quote(symbol).map_or(Price::ZERO, |quote| mark(&quote));
    let worth = market.dollars_per_contract() * Decimal::from(held.quantity);
    let paid = held.average_price * Decimal::ONE_HUNDRED * Decimal::from(held.quantity);
    let profit = (worth - paid).round_dp(2);
    let percentage =
        if paid.is_zero() { Decimal::ZERO } else { (profit / paid.abs() * Decimal::ONE_HUNDRED).round_dp(2) };
    let average = float(held.average_price.round_dp(4));
    let mut position: Map<String, Value> = Map::new();
    let mut set = |name: &str, value: Value| drop(position.insert(name.to_owned(), value));
    set("shortQuantity", count(short));
    set("longQuantity", count(long));
    set("averagePrice", average.clone());
    set("currentDayProfitLoss", float(profit));
    set("currentDayProfitLossPercentage", float(percentage));
    set("settledLongQuantity", count(held.at_day_begin.max(0)));
    // Signed, unlike `shortQuantity`.
    set("settledShortQuantity", count(held.at_day_begin.min(0)));
    set("instrument", instrument(symbol));
    set("marketValue", float(worth));
    set("maintenanceRequirement", float(balances::requirement_share(exchange, held)));
    set(
        "currentDayCost",
        float(if held.at_day_begin == held.quantity { Decimal::ZERO } else { paid.round_dp(2) }),
    );
    let side = if held.quantity > 0 { "Long" } else { "Short" };
    set(&format!("average{side}Price"), average.clone());
    set(&format!("taxLotAverage{side}Price"), average);
    set(&format!("{}OpenProfitLoss", side.to_lowercase()), float(profit));
    if held.at_day_begin.signum() == held.quantity.signum() {
        set(&format!("previousSession{side}Quantity"), count(held.at_day_begin.abs()));
    }
    Value::Object(position)
}

fn instrument(symbol: &OptionSymbol) -> Value {
    json!({
        "assetType": "OPTION",
        "cusip": instruments::cusip(symbol),
        "symbol": symbol.to_string(),
        "description": instruments::description(symbol),
        "netChange": 0.0,
        "type": "VANILLA",
        "putCall": instruments::put_call(symbol),
        "underlyingSymbol": "$SPX",
    })
}
