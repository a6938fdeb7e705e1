//! Reading an order's JSON (docs/reference/schwab.md, Order request): what Schwab answers with 400 is
//! refused here, field by field.

use gamma_market::{Effect, LegAction, OptionSymbol, Price};
use gamma_sim_core::exchange::{PositionEffect, Pricing, Ticket, TicketLeg, TimeInForce};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

/// Fields an order may have. Any other is refused, `requestedDestination` too: it is only ever sent by the
/// server.
const FIELDS: &[&str] = &[
    "session",
    "duration",
    "orderType",
    "complexOrderStrategyType",
    "quantity",
    "destinationLinkName",
    "price",
    "taxLotMethod",
    "orderLegCollection",
    "specialInstruction",
    "orderStrategyType",
];

const LEG_FIELDS: &[&str] =
    &["orderLegType", "legId", "instrument", "instruction", "positionEffect", "quantity", "quantityType"];

const COMPLEX: &[&str] = &[
    "NONE",
    "COVERED",
    "VERTICAL",
    "BACK_RATIO",
    "CALENDAR",
    "DIAGONAL",
    "STRADDLE",
    "STRANGLE",
    "COLLAR_SYNTHETIC",
    "BUTTERFLY",
    "CONDOR",
    "IRON_CONDOR",
    "VERTICAL_ROLL",
    "COLLAR_WITH_STOCK",
    "DOUBLE_DIAGONAL",
    "UNBALANCED_BUTTERFLY",
    "UNBALANCED_CONDOR",
    "UNBALANCED_IRON_CONDOR",
    "UNBALANCED_VERTICAL_ROLL",
    "MUTUAL_FUND_SWAP",
    "CUSTOM",
];

const MOST_LEGS: usize = 4;

/// An order that was read.
#[derive(Debug, Clone)]
pub(super) struct OrderRequest {
    pub(super) ticket: Ticket,
    pub(super) wording: Wording,
}

/// The words an order was given in, for giving it back.
#[derive(Debug, Clone)]
pub(super) struct Wording {
    pub(super) order_type: String,
    pub(super) complex: String,
    pub(super) duration: String,
}

/// Reads an order, or says what is wrong with each field.
pub(super) fn read(body: &[u8]) -> Result<OrderRequest, Vec<String>> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| vec![format!("body: expected JSON: {error}")])?;
    let body = body.as_object().ok_or_else(|| vec!["body: expected an object".to_owned()])?;
    let mut errors = unknown_fields(body, FIELDS, "");
    let session = word(body, "", "session", &["NORMAL"], None);
    let strategy = word(body, "", "orderStrategyType", &["SINGLE"], None);
    let duration =
        word(body, "", "duration", &["DAY", "GOOD_TILL_CANCEL", "FILL_OR_KILL", "IMMEDIATE_OR_CANCEL"], None);
    let complex = word(body, "", "complexOrderStrategyType", COMPLEX, Some("NONE"));
    let order_type =
        word(body, "", "orderType", &["MARKET", "LIMIT", "NET_DEBIT", "NET_CREDIT", "NET_ZERO"], None);
    let legs = legs(body);
    errors.extend(
        [&session, &strategy, &duration, &complex, &order_type]
            .into_iter()
            .filter_map(|field| field.as_ref().err().cloned()),
    );
    let (Ok(duration), Ok(complex), Ok(order_type), Ok((legs, quantity))) =
        (duration, complex, order_type, &legs)
    else {
        errors.extend(legs.err().into_iter().flatten());
        return Err(errors);
    };
    let pricing = pricing(body, &order_type, legs).map_err(|error| errors.push(error));
    match (pricing, errors.is_empty()) {
        (Ok(pricing), true) => Ticket::new(legs.clone(), *quantity, pricing, time_in_force(&duration))
            .map(|ticket| OrderRequest { ticket, wording: Wording { order_type, complex, duration } })
            .map_err(|error| vec![error.to_string()]),
        _ => Err(errors),
    }
}

fn time_in_force(duration: &str) -> TimeInForce {
    match duration {
        "GOOD_TILL_CANCEL" => TimeInForce::GoodTillCancel,
        "FILL_OR_KILL" => TimeInForce::FillOrKill,
        "IMMEDIATE_OR_CANCEL" => TimeInForce::ImmediateOrCancel,
        _ => TimeInForce::Day,
    }
}

fn pricing(body: &Map<String, Value>, order_type: &str, legs: &[TicketLeg]) -> Result<Pricing, String> {
    let single = match legs {
        [leg] => Some(leg.action),
        _ => None,
    };
    let effect = match (order_type, single) {
        ("MARKET", _) if body.contains_key("price") => {
            return Err("price: not allowed with orderType MARKET".into());
        }
        ("MARKET", _) => return Ok(Pricing::Market),
        ("LIMIT", Some(LegAction::Buy)) => Effect::Debit,
        ("LIMIT", Some(LegAction::Sell)) => Effect::Credit,
        ("LIMIT", None) => {
            return Err(
                "orderType: got LIMIT with several legs, expected NET_DEBIT, NET_CREDIT or NET_ZERO".into()
            );
        }
        (_, Some(_)) => {
            return Err(format!("orderType: got {order_type} with one leg, expected LIMIT or MARKET"));
        }
        ("NET_DEBIT", None) => Effect::Debit,
        _ => Effect::Credit,
    };
    let price = price(body)?;
    if order_type == "NET_ZERO" && price != Price::ZERO {
        return Err(format!("price: got {price}, expected 0.00 with orderType NET_ZERO"));
    }
    Ok(Pricing::Limit { effect, price })
}

/// A decimal string; a number is taken too.
fn price(body: &Map<String, Value>) -> Result<Price, String> {
    let text = match body.get("price") {
        None | Some(Value::Null) => return Err("price is required".into()),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(other) => return Err(format!("price: got {other}, expected a decimal such as \"1.15\"")),
    };
    let price = text
        .parse::<Decimal>()
        .ok()
        .filter(|price| !price.is_sign_negative() && *price < Decimal::from(100_000));
    price
        .map(Price::new)
        .ok_or_else(|| format!("price: got {text:?}, expected a decimal such as \"1.15\", not negative"))
}

type Legs = (Vec<TicketLeg>, u32);

/// The legs with their ratios, and how many packages they make.
fn legs(body: &Map<String, Value>) -> Result<Legs, Vec<String>> {
    let legs = match body.get("orderLegCollection") {
        None | Some(Value::Null) => return Err(vec!["orderLegCollection is required".into()]),
        Some(Value::Array(legs)) if (1..=MOST_LEGS).contains(&legs.len()) => legs,
        Some(_) => {
            return Err(vec![format!("orderLegCollection: expected an array of 1 to {MOST_LEGS} legs")]);
        }
    };
    let mut errors = Vec::new();
    let mut read = Vec::new();
    for (index, value) in legs.iter().enumerate() {
        match leg(value, &format!("orderLegCollection[{index}]")) {
            Ok(leg) => read.push(leg),
            Err(more) => errors.extend(more),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let packages = read.iter().fold(0, |divisor, leg| gcd(divisor, leg.ratio));
    let legs = read.into_iter().map(|leg| TicketLeg { ratio: leg.ratio / packages.max(1), ..leg }).collect();
    Ok((legs, packages))
}

/// A leg whose ratio still is its whole quantity.
fn leg(value: &Value, path: &str) -> Result<TicketLeg, Vec<String>> {
    let Some(leg) = value.as_object() else { return Err(vec![format!("{path}: expected an object")]) };
    let mut errors = unknown_fields(leg, LEG_FIELDS, path);
    let instructions = ["BUY_TO_OPEN", "BUY_TO_CLOSE", "SELL_TO_OPEN", "SELL_TO_CLOSE"];
    let instruction = word(leg, path, "instruction", &instructions, None).map_err(|error| errors.push(error));
    let effect = word(leg, path, "positionEffect", &["OPENING", "CLOSING", "AUTOMATIC"], Some("AUTOMATIC"))
        .map_err(|error| errors.push(error));
    let quantity = quantity(leg, path).map_err(|error| errors.push(error));
    let symbol = symbol(leg, path).map_err(|error| errors.push(error));
    let (Ok(instruction), Ok(effect), Ok(ratio), Ok(symbol), true) =
        (instruction, effect, quantity, symbol, errors.is_empty())
    else {
        return Err(errors);
    };
    let opening = instruction.ends_with("OPEN");
    if effect == if opening { "CLOSING" } else { "OPENING" } {
        return Err(vec![format!("{path}.positionEffect: got {effect} with instruction {instruction}")]);
    }
    Ok(TicketLeg {
        symbol,
        action: if instruction.starts_with("BUY") { LegAction::Buy } else { LegAction::Sell },
        effect: if opening { PositionEffect::Opening } else { PositionEffect::Closing },
        ratio,
    })
}

/// A whole number, written `2` or `2.0`; never text.
fn quantity(leg: &Map<String, Value>, path: &str) -> Result<u32, String> {
    let value = leg.get("quantity").ok_or_else(|| format!("{path}.quantity is required"))?;
    let number = value.as_number().and_then(|number| number.to_string().parse::<Decimal>().ok());
    number
        .filter(|number| number.is_integer() && *number > Decimal::ZERO)
        .and_then(|number| number.to_u32())
        .ok_or_else(|| format!("{path}.quantity: got {value}, expected a whole number of at least 1"))
}

/// Only the padded form of 21 characters is a symbol on this wire.
fn symbol(leg: &Map<String, Value>, path: &str) -> Result<OptionSymbol, String> {
    let instrument = leg
        .get("instrument")
        .and_then(Value::as_object)
        .ok_or_else(|| format!("{path}.instrument is required"))?;
    word(instrument, &format!("{path}.instrument"), "assetType", &["OPTION"], None)?;
    let text = instrument
        .get("symbol")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{path}.instrument.symbol is required"))?;
    let symbol = text.parse::<OptionSymbol>().ok().filter(|symbol| symbol.to_string() == text);
    symbol.ok_or_else(|| {
        format!(
            "{path}.instrument.symbol: got {text:?}, expected 21 characters such as \"SPXW  260821P05900000\""
        )
    })
}

fn word(
    object: &Map<String, Value>,
    path: &str,
    field: &str,
    allowed: &[&str],
    default: Option<&str>,
) -> Result<String, String> {
    let name = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    match (object.get(field), default) {
        (Some(Value::String(text)), _) if allowed.contains(&text.as_str()) => Ok(text.clone()),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!("{name} is required")),
        (Some(other), _) => Err(format!("{name}: got {other}, expected one of {}", allowed.join(", "))),
    }
}

fn unknown_fields(object: &Map<String, Value>, known: &[&str], path: &str) -> Vec<String> {
    let unknown = object.keys().filter(|key| !known.contains(&key.as_str()));
    unknown
        .map(|key| {
            if path.is_empty() {
                format!("{key} is not allowed")
            } else {
                format!("{path}.{key} is not allowed")
            }
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
