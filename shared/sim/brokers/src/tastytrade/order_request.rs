//! Reading an order's JSON (docs/reference/tastytrade.md, Order request). What cannot be read is refused with
//! 400, field by field; what reads but may not be is refused with 422 by a check that has a name. Fields the
//! service does not know are passed over, as public clients send some.

use gamma_market::{Effect, LegAction, OptionSymbol, Price};
use gamma_sim_core::exchange::{PositionEffect, Pricing, Ticket, TicketLeg, TimeInForce};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

const TIMES_IN_FORCE: &[&str] =
    &["Day", "GTC", "GTD", "Ext", "GTC Ext", "Ext Overnight", "GTC Ext Overnight", "IOC"];
const ORDER_TYPES: &[&str] =
    &["Limit", "Market", "Marketable Limit", "Stop", "Stop Limit", "Notional Market"];
const ACTIONS: &[&str] = &["Buy to Open", "Sell to Open", "Buy to Close", "Sell to Close", "Buy", "Sell"];
const INSTRUMENTS: &[&str] = &["Equity", "Equity Option", "Future", "Future Option", "Cryptocurrency"];
const MOST_LEGS: usize = 4;

/// An order that was read.
#[derive(Debug, Clone)]
pub(super) struct OrderRequest {
    pub(super) ticket: Ticket,
    pub(super) wording: Wording,
    /// Whether a leg that closes nothing is refused; otherwise it becomes one that opens.
    pub(super) strict: bool,
}

/// The words of an order, for giving them back.
#[derive(Debug, Clone, Default)]
pub(super) struct Wording {
    pub(super) source: Option<String>,
    pub(super) external_identifier: Option<String>,
}

/// Why an order is not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Fields, each with what is wrong with it.
    Fields(Vec<(String, String)>),
    /// The failed check and what it says.
    Check(&'static str, String),
}

type Field<T> = Result<T, (String, String)>;

/// What stands in several fields, each of which can be wrong.
type Fields<T> = Result<T, Vec<(String, String)>>;

fn wrong<T>(field: &str, reason: impl Into<String>) -> Field<T> {
    Err((field.to_owned(), reason.into()))
}

/// Reads an order.
pub(super) fn read(body: &[u8]) -> Result<OrderRequest, Refusal> {
    let body = object(body)?;
    let (legs, packages) = legs(&body)?;
    let terms = terms(&body, None, &legs)?;
    build(&body, legs, packages, terms)
}

/// Reads what a replacement of `old` asks for, of which `packages` are left. It has the old order's legs. A
/// PUT says everything anew, a PATCH (`whole` is false) only what changes.
pub(super) fn read_replacement(
    body: &[u8],
    old: &Ticket,
    packages: u32,
    whole: bool,
) -> Result<OrderRequest, Refusal> {
    let body = object(body)?;
    if body.contains_key("legs") {
        let (given, _) = legs(&body)?;
        // The effect is left out: the service may have turned a closing leg into an opening one.
        let known = |leg: &TicketLeg| {
            old.legs()
                .iter()
                .any(|own| (own.symbol, own.action, own.ratio) == (leg.symbol, leg.action, leg.ratio))
        };
        if given.len() != old.legs().len() || !given.iter().all(known) {
            return Err(Refusal::Fields(vec![(
                "legs".into(),
                "a replacement must have the legs of the order it replaces".into(),
            )]));
        }
    }
    let legs = old.legs().to_vec();
    let terms = terms(&body, (!whole).then_some((old.pricing(), old.time_in_force())), &legs)?;
    build(&body, legs, packages, terms)
}

fn build(
    body: &Map<String, Value>,
    legs: Vec<TicketLeg>,
    packages: u32,
    (pricing, in_force): (Pricing, TimeInForce),
) -> Result<OrderRequest, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let instructions = body.get("advanced-instructions");
    let strict = instructions
        .and_then(|instructions| instructions.get("strict-position-effect-validation"))
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let wording = Wording { source: text("source"), external_identifier: text("external-identifier") };
    let ticket = Ticket::new(legs, packages, pricing, in_force)
        .map_err(|error| Refusal::Fields(vec![("legs".into(), error.to_string())]))?;
    Ok(OrderRequest { ticket, wording, strict })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let read: Result<Value, _> = serde_json::from_slice(body);
    match read {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::Fields(vec![("body".into(), "expected a JSON object".into())])),
    }
}

/// Price and time in force; `before` stands in for what is left out.
fn terms(
    body: &Map<String, Value>,
    before: Option<(Pricing, TimeInForce)>,
    legs: &[TicketLeg],
) -> Result<(Pricing, TimeInForce), Refusal> {
    let usual = before.map(|(pricing, in_force)| {
        let words = match in_force {
            TimeInForce::GoodTillCancel => "GTC",
            TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => "IOC",
            TimeInForce::Day => "Day",
        };
        (if pricing == Pricing::Market { "Market" } else { "Limit" }, words)
    });
    let order_type = word(body, "order-type", ORDER_TYPES, usual.map(|(order_type, _)| order_type));
    let in_force = word(body, "time-in-force", TIMES_IN_FORCE, usual.map(|(_, in_force)| in_force));
    let (order_type, in_force) = match (order_type, in_force) {
        (Ok(order_type), Ok(in_force)) => (order_type, in_force),
        (order_type, in_force) => {
            return Err(Refusal::Fields([order_type.err(), in_force.err()].into_iter().flatten().collect()));
        }
    };
    let limit = limit(body, &order_type, before.map(|(pricing, _)| pricing)).map_err(Refusal::Fields)?;
    if in_force == "GTD"
        && body
            .get("gtc-date")
            .and_then(Value::as_str)
            .is_none_or(|text| text.parse::<jiff::civil::Date>().is_err())
    {
        return Err(Refusal::Fields(vec![(
            "gtc-date".into(),
            "expected yyyy-MM-dd with time-in-force GTD".into(),
        )]));
    }
    if order_type == "Market" && legs.len() > 1 {
        return Err(Refusal::Fields(vec![("order-type".into(), "Market is for one leg".into())]));
    }
    if order_type == "Market" && in_force.starts_with("GTC") {
        return Err(Refusal::Check(
            "gtc_market_orders_not_supported",
            "GTC market orders are not supported.".into(),
        ));
    }
    if let Some((Effect::Credit, _)) = limit.filter(|_| legs.iter().all(|leg| leg.action == LegAction::Buy)) {
        return Err(Refusal::Check(
            "cant_buy_for_credit",
            "An order that only buys cannot bring in a credit.".into(),
        ));
    }
    let pricing = match (order_type.as_str(), limit) {
        ("Market", _) => Pricing::Market,
        ("Limit", Some((effect, price))) => Pricing::Limit { effect, price },
        _ => {
            return Err(Refusal::Check(
                "instrument_validation_failed",
                format!("{order_type} orders are not simulated."),
            ));
        }
    };
    let in_force = match in_force.as_str() {
        "Day" => TimeInForce::Day,
        "GTC" => TimeInForce::GoodTillCancel,
        "IOC" => TimeInForce::ImmediateOrCancel,
        other => {
            return Err(Refusal::Check(
                "instrument_validation_failed",
                format!("Time in force {other} is not simulated."),
            ));
        }
    };
    Ok((pricing, in_force))
}

/// Price and effect where the type wants them, nothing where it forbids them.
fn limit(
    body: &Map<String, Value>,
    order_type: &str,
    before: Option<Pricing>,
) -> Fields<Option<(Effect, Price)>> {
    let mut errors = Vec::new();
    let mut check = |name: &str, wanted: bool| {
        let given = body.get(name).is_some_and(|value| !value.is_null());
        if given && !wanted {
            errors.push((name.to_owned(), format!("is not allowed with order-type {order_type}")));
        } else if wanted && !given && before.is_none() {
            errors.push((name.to_owned(), "is required".to_owned()));
        }
    };
    let limited = matches!(order_type, "Limit" | "Stop Limit");
    check("price", limited);
    check("price-effect", limited);
    check("stop-trigger", order_type.starts_with("Stop"));
    check("value", order_type == "Notional Market");
    check("value-effect", order_type == "Notional Market");
    if !errors.is_empty() || !limited {
        return if errors.is_empty() { Ok(None) } else { Err(errors) };
    }
    let usual = before.and_then(|pricing| {
        if let Pricing::Limit { effect, price } = pricing { Some((effect, price)) } else { None }
    });
    let effect = match (body.get("price-effect"), usual) {
        (None, Some((effect, _))) => Ok(effect),
        _ => word(body, "price-effect", &["Credit", "Debit"], None)
            .map(|word| if word == "Credit" { Effect::Credit } else { Effect::Debit }),
    };
    let price = match (body.get("price"), usual) {
        (None, Some((_, price))) => Ok(price),
        (value, _) => price(value),
    };
    match (effect, price) {
        (Ok(effect), Ok(price)) => Ok(Some((effect, price))),
        (effect, price) => Err([effect.err(), price.err()].into_iter().flatten().collect()),
    }
}

/// A decimal above zero, as text or number.
fn price(value: Option<&Value>) -> Field<Price> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let price = text
        .parse::<Decimal>()
        .ok()
        .filter(|price| *price > Decimal::ZERO && *price < Decimal::from(100_000));
    price
        .map(Price::new)
        .map_or_else(|| wrong("price", format!("got {text:?}, expected a decimal above 0")), Ok)
}

/// The legs with their ratios, and how many packages they make.
fn legs(body: &Map<String, Value>) -> Result<(Vec<TicketLeg>, u32), Refusal> {
    let given = match body.get("legs") {
        Some(Value::Array(legs)) if (1..=MOST_LEGS).contains(&legs.len()) => legs,
        _ => {
            return Err(Refusal::Fields(vec![(
                "legs".into(),
                format!("expected an array of 1 to {MOST_LEGS} legs"),
            )]));
        }
    };
    let (mut read, mut errors): (Vec<TicketLeg>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    for (at, value) in given.iter().enumerate() {
        let other = value
            .get("instrument-type")
            .and_then(Value::as_str)
            .filter(|kind| INSTRUMENTS.contains(kind) && *kind != "Equity Option");
        if let Some(kind) = other {
            return Err(Refusal::Check("instrument_validation_failed", format!("{kind} is not simulated.")));
        }
        match leg(value, &format!("legs[{at}]")) {
            Ok(leg) => read.push(leg),
            Err(more) => errors.extend(more),
        }
    }
    let twice = read.iter().enumerate().find_map(|(at, leg)| {
        Some((leg, read.iter().skip(at + 1).find(|other| other.symbol == leg.symbol)?))
    });
    match twice {
        Some((leg, other)) if leg.action != other.action => {
            return Err(Refusal::Check(
                "illegal_buy_and_sell_on_same_symbol",
                format!("{} is both bought and sold.", leg.symbol),
            ));
        }
        Some((leg, _)) => {
            errors.push(("legs".into(), format!("got {} twice, expected each symbol once", leg.symbol)))
        }
        None => {}
    }
    if !errors.is_empty() {
        return Err(Refusal::Fields(errors));
    }
    let packages = read.iter().fold(0, |divisor, leg| gcd(divisor, leg.ratio));
    let legs = read.into_iter().map(|leg| TicketLeg { ratio: leg.ratio / packages.max(1), ..leg }).collect();
    Ok((legs, packages))
}

/// A leg whose ratio still is its whole quantity.
fn leg(value: &Value, path: &str) -> Fields<TicketLeg> {
    let Some(leg) = value.as_object() else {
        return Err(vec![(path.to_owned(), "expected an object".to_owned())]);
    };
    let named = |(field, reason): (String, String)| (format!("{path}.{field}"), reason);
    let kind = word(leg, "instrument-type", INSTRUMENTS, None);
    let action = word(leg, "action", ACTIONS, None).and_then(|action| {
        let known = action.split_once(" to ").map(|(side, effect)| (side.to_owned(), effect.to_owned()));
        known.map_or_else(|| wrong("action", format!("got {action:?}, which is for futures")), Ok)
    });
    let quantity = quantity(leg.get("quantity"));
    let symbol = symbol(leg.get("symbol"));
    match (kind, action, quantity, symbol) {
        (Ok(_), Ok((side, effect)), Ok(ratio), Ok(symbol)) => Ok(TicketLeg {
            symbol,
            action: if side == "Buy" { LegAction::Buy } else { LegAction::Sell },
            effect: if effect == "Open" { PositionEffect::Opening } else { PositionEffect::Closing },
            ratio,
        }),
        (kind, action, quantity, symbol) => Err([kind.err(), action.err(), quantity.err(), symbol.err()]
            .into_iter()
            .flatten()
            .map(named)
            .collect()),
    }
}

fn quantity(value: Option<&Value>) -> Field<u32> {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return wrong("quantity", "is required"),
    };
    let number = text
        .parse::<Decimal>()
        .ok()
        .filter(|number| number.is_integer() && *number > Decimal::ZERO)
        .and_then(|number| number.to_u32());
    number
        .map_or_else(|| wrong("quantity", format!("got {text:?}, expected a whole number of at least 1")), Ok)
}

/// Only the padded form of 21 characters is a symbol on this wire.
pub(super) fn symbol(value: Option<&Value>) -> Field<OptionSymbol> {
    let Some(text) = value.and_then(Value::as_str) else { return wrong("symbol", "is required") };
    let symbol = text.parse::<OptionSymbol>().ok().filter(|symbol| symbol.to_string() == text);
    symbol.map_or_else(
        || wrong("symbol", format!("got {text:?}, expected 21 characters such as \"SPXW  260821P05900000\"")),
        Ok,
    )
}

fn word(object: &Map<String, Value>, field: &str, allowed: &[&str], usual: Option<&str>) -> Field<String> {
    match (object.get(field), usual) {
        (Some(Value::String(text)), _) if allowed.contains(&text.as_str()) => Ok(text.clone()),
        (None | Some(Value::Null), Some(usual)) => Ok(usual.to_owned()),
        (None | Some(Value::Null), None) => wrong(field, "is required"),
        (Some(other), _) => wrong(field, format!("got {other}, expected one of {}", allowed.join(", "))),
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
