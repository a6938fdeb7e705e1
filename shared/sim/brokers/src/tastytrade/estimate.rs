//! What an order would come to (docs/reference/tastytrade.md, Preview): buying power and fees, from the
//! same books that decide whether it is taken.

use gamma_sim_core::account::{Fees, requirement};
use gamma_sim_core::exchange::{Exchange, Ticket};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::balances::Funds;
use super::wire::{decimal, set_signed};

/// `buying-power-effect`.
pub(super) fn buying_power_effect(exchange: &Exchange, ticket: &Ticket) -> Value {
    let packages = ticket.quantity();
    let more = exchange.more_held_against(ticket, packages);
    let cash = exchange.expected_cash(ticket).dollars_per_contract() * Decimal::from(packages);
    let change = cash - more - fees(ticket).total();
    let before = Funds::of(exchange).available;
    let alone = ticket.legs().iter().map(|leg| (leg.symbol, leg.signed(packages))).collect();
    let isolated = requirement(&alone, exchange.market().underlying().points());
    let mut shown = Map::new();
    set_signed(&mut shown, "change-in-margin-requirement", -more);
    set_signed(&mut shown, "change-in-buying-power", change);
    set_signed(&mut shown, "current-buying-power", before);
    set_signed(&mut shown, "new-buying-power", before + change);
    set_signed(&mut shown, "isolated-order-margin-requirement", -isolated);
    shown.insert("is-spread".into(), (ticket.legs().len() > 1).into());
    shown.insert("impact".into(), decimal(change.abs()));
    shown.insert("effect".into(), if change.is_sign_negative() { "Debit" } else { "Credit" }.into());
    Value::Object(shown)
}

/// `fee-calculation`.
pub(super) fn fee_calculation(ticket: &Ticket) -> Value {
    let fees = fees(ticket);
    let mut shown = Map::new();
    set_fees(&mut shown, &fees);
    shown.insert(
        "regulatory-fees-breakdown".into(),
        json!([{ "name": "orf", "value": decimal(fees.option_regulatory), "effect": "Debit" }]),
    );
    set_signed(&mut shown, "total-fees", -fees.total());
    Value::Object(shown)
}

/// The kinds of fees. The books know three; the fourth is there and zero.
pub(super) fn set_fees(shown: &mut Map<String, Value>, fees: &Fees) {
    set_signed(shown, "regulatory-fees", -fees.option_regulatory);
    set_signed(shown, "clearing-fees", Decimal::ZERO);
    set_signed(shown, "commission", -fees.commission);
    set_signed(shown, "proprietary-index-option-fees", -fees.index_option);
}

fn fees(ticket: &Ticket) -> Fees {
    Fees::of(u64::from(ticket.contracts()) * u64::from(ticket.quantity()))
}
