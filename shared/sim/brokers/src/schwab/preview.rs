//! What an order would come to (docs/reference/schwab.md, Preview).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use gamma_sim_core::account::{Fees, mark};
use gamma_sim_core::exchange::{Exchange, Pricing, Ticket, TicketLeg};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Face;
use super::balances::Funds;
use super::errors::TraderError;
use super::logins::{Holder, LoginId};
use super::order_request::{OrderRequest, read};
use super::orders_wire::{instruction, position_effect};
use super::wire::{count, float, ok, points};

/// `POST /accounts/{hash}/previewOrder`: 200 even for an order that would be rejected.
pub(super) async fn preview(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    Path(hash): Path<String>,
    body: Bytes,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    let request = read(&body).map_err(TraderError::validation)?;
    let exchange = face.exchange_of(holder);
    let ticket = &request.ticket;
    let rejects: Vec<Value> = exchange.preview(ticket).map(|reason| reject(&reason)).into_iter().collect();
    Ok(ok(&json!({
        "orderId": 0,
        "orderStrategy": strategy(holder, &exchange, &request, rejects.is_empty()),
        "orderValidationResult": { "rejects": rejects, "alerts": [], "warns": [], "reviews": [], "accepts": [] },
        "commissionAndFee": commission_and_fee(ticket),
    })))
}

fn strategy(holder: &Holder, exchange: &Exchange, request: &OrderRequest, accepted: bool) -> Value {
    let (ticket, wording) = (&request.ticket, &request.wording);
    let packages = Decimal::from(ticket.quantity());
    let value = float((exchange.expected_cash(ticket).abs().dollars_per_contract() * packages).normalize());
    let left = Funds::of(exchange).available - exchange.cost(ticket, ticket.quantity());
    let mut strategy = json!({
        "accountNumber": holder.number,
        "advancedOrderType": "NONE",
        "orderStrategyType": "SINGLE",
        "orderType": wording.order_type,
        "session": "NORMAL",
        "duration": wording.duration,
        "quantity": count(ticket.quantity()),
        "filledQuantity": 0.0,
        "remainingQuantity": count(ticket.quantity()),
        "orderValue": value,
        "status": if accepted { "ACCEPTED" } else { "REJECTED" },
        "orderBalance": {
            "orderValue": value,
            "projectedAvailableFund": float(left),
            "projectedBuyingPower": float(Funds::buying_power(left)),
            "projectedCommission": float(fees(ticket).commission),
        },
        "orderLegs": (1_u64..).zip(ticket.legs()).map(|(id, item)| leg(exchange, id, item, ticket.quantity())).collect::<Vec<_>>(),
    });
    if let Pricing::Limit { price, .. } = ticket.pricing() {
        strategy["price"] = points(price);
    }
    strategy
}

fn leg(exchange: &Exchange, id: u64, leg: &TicketLeg, packages: u32) -> Value {
    let quote = exchange.market().quote(&leg.symbol).unwrap_or_default();
    let middle = points(mark(&quote));
    json!({
        "askPrice": points(quote.ask.unwrap_or_default()),
        "bidPrice": points(quote.bid.unwrap_or_default()),
        "lastPrice": middle,
        "markPrice": middle,
        "assetType": "OPTION",
        "finalSymbol": leg.symbol.to_string(),
        "instruction": instruction(leg),
        "positionEffect": position_effect(leg.effect),
        "legId": id,
        "quantity": count(leg.signed(packages).abs()),
        "projectedCommission": float(Fees::of(leg.signed(packages).unsigned_abs()).commission),
        "instrument": { "assetType": "OPTION", "symbol": leg.symbol.to_string() },
    })
}

fn reject(reason: &str) -> Value {
    json!({
        "validationRuleName": "Account_Sys_0005",
        "message": "",
        "activityMessage": reason,
        "originalSeverity": "REJECT",
        "overrideName": "",
        "overrideSeverity": "REJECT",
    })
}

fn commission_and_fee(ticket: &Ticket) -> Value {
    let fees = fees(ticket);
    json!({
        "commission": { "commissionLegs": [{ "commissionValues": [{ "value": float(fees.commission), "type": "COMMISSION" }] }] },
        "fee": { "feeLegs": [{ "feeValues": [
            { "value": float(fees.option_regulatory), "type": "OPT_REG_FEE" },
            { "value": float(fees.index_option), "type": "INDEX_OPTION_FEE" },
        ] }] },
        "trueCommission": { "commissionLegs": [] },
    })
}

fn fees(ticket: &Ticket) -> Fees {
    Fees::of(u64::from(ticket.contracts()) * u64::from(ticket.quantity()))
}
