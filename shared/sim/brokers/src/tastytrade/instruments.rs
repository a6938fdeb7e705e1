//! Chains and instruments (docs/reference/tastytrade.md, Symbols and chains).
//!
//! Root SPXW has the chain's expirations and strikes. Root SPX is there too, as it is at the real service,
//! with its next monthly expiration: it is listed and neither quoted nor traded here, so that whoever takes
//! the wrong root learns it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use gamma_market::calendar::{equity_open, series_close, trade_date};
use gamma_market::{OptionSymbol, Right, Strike};
use gamma_sim_core::chain::ROOT;
use gamma_sim_core::market::Market;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::parameters::Parameters;
use super::wire::{decimal, time};
use super::{Face, wire};

const MONTHLY_ROOT: &str = "SPX";

/// One expiration of one root with its strikes.
struct Expiration {
    root: &'static str,
    date: Date,
    strikes: Vec<Strike>,
}

impl Expiration {
    fn symbol(&self, right: Right, strike: Strike) -> Option<OptionSymbol> {
        OptionSymbol::new(self.root, self.date, right, strike)
    }

    /// Every contract, puts and calls of one strike together.
    fn symbols(&self) -> impl Iterator<Item = OptionSymbol> {
        self.strikes.iter().flat_map(|strike| {
            [Right::Call, Right::Put].into_iter().filter_map(|right| self.symbol(right, *strike))
        })
    }
}

fn expirations(market: &Market) -> Vec<Expiration> {
    let (chain, today) = (market.chain(), trade_date(market.now()));
    let strikes = |expiry: Date| {
        let calls = chain.series(expiry, Right::Call);
        let both = chain
            .series(expiry, Right::Put)
            .iter()
            .filter(|put| calls.binary_search_by_key(&put.strike, |call| call.strike).is_ok());
        both.map(|put| put.strike).collect::<Vec<_>>()
    };
    let listed = chain.expiries();
    let monthly = listed.first().map(|first| Expiration {
        root: MONTHLY_ROOT,
        date: next_monthly(today),
        strikes: strikes(*first),
    });
    let daily = listed.into_iter().filter(|expiry| *expiry >= today).map(|date| Expiration {
        root: ROOT,
        date,
        strikes: strikes(date),
    });
    monthly.into_iter().chain(daily).collect()
}

/// The third Friday of this month or the next, whichever comes after `today`.
fn next_monthly(today: Date) -> Date {
    let third = |date: Date| date.nth_weekday_of_month(3, Weekday::Friday).unwrap_or(date);
    let next_month = today.last_of_month().saturating_add(1.day());
    Some(third(today)).filter(|friday| *friday > today).unwrap_or_else(|| third(next_month))
}

fn expiration_type(root: &str, date: Date) -> &'static str {
    let last_of_month = (1..=3)
        .map(|days| date.saturating_add(days.days()))
        .find(|next| !matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday));
    match last_of_month {
        _ if root == MONTHLY_ROOT => "Regular",
        Some(next) if next.month() != date.month() && date.month() % 3 == 0 => "Quarterly",
        Some(next) if next.month() != date.month() => "End-Of-Month",
        _ => "Weekly",
    }
}

fn settlement_type(root: &str) -> &'static str {
    if root == MONTHLY_ROOT { "AM" } else { "PM" }
}

fn days_to(market: &Market, date: Date) -> i32 {
    trade_date(market.now()).until(date).map_or(0, |span| span.get_days())
}

fn of_spx(symbol: &str) -> Result<(), ApiError> {
    if symbol == "SPX" { Ok(()) } else { Err(ApiError::not_found(&format!("Option chain of {symbol}"))) }
}

/// `GET /option-chains/SPX/nested`: one item a root.
pub(super) async fn nested(
    State(face): State<Arc<Face>>,
    Path(symbol): Path<String>,
) -> Result<Response, ApiError> {
    of_spx(&symbol)?;
    let market = face.market();
    let expirations = expirations(&market);
    let item = |root: &'static str| {
        let of_root = expirations.iter().filter(|expiration| expiration.root == root);
        json!({
            "underlying-symbol": "SPX",
            "root-symbol": root,
            "option-chain-type": "Standard",
            "shares-per-contract": 100,
            "tick-sizes": tick_sizes(),
            "deliverables": deliverables(root),
            "expirations": of_root.map(|expiration| nested_expiration(&market, expiration)).collect::<Vec<_>>(),
        })
    };
    Ok(wire::items("/option-chains/SPX/nested", [MONTHLY_ROOT, ROOT].map(item).into()))
}

fn nested_expiration(market: &Market, expiration: &Expiration) -> Value {
    let strike = |strike: &Strike| {
        let (call, put) = (expiration.symbol(Right::Call, *strike)?, expiration.symbol(Right::Put, *strike)?);
        Some(json!({
            "strike-price": decimal(strike.points()),
            "call": call.to_string(),
            "call-streamer-symbol": call.streamer(),
            "put": put.to_string(),
            "put-streamer-symbol": put.streamer(),
        }))
    };
    json!({
        "expiration-type": expiration_type(expiration.root, expiration.date),
        "expiration-date": expiration.date.to_string(),
        "days-to-expiration": days_to(market, expiration.date),
        "settlement-type": settlement_type(expiration.root),
        "strikes": expiration.strikes.iter().filter_map(strike).collect::<Vec<_>>(),
    })
}

fn deliverables(root: &str) -> Value {
    json!([{ "id": 1, "root-symbol": root, "deliverable-type": "Cash", "description": "100 x SPX", "amount": "0.0", "percent": "100" }])
}

fn tick_sizes() -> Value {
    json!([{ "value": "0.05", "threshold": "3.0" }, { "value": "0.1" }])
}

/// `GET /option-chains/SPX/compact`: one item a root and kind of expiration, with symbols alone.
pub(super) async fn compact(
    State(face): State<Arc<Face>>,
    Path(symbol): Path<String>,
) -> Result<Response, ApiError> {
    of_spx(&symbol)?;
    let expirations = expirations(&face.market());
    let mut kinds: BTreeMap<(&str, &str), Vec<OptionSymbol>> = BTreeMap::new();
    for expiration in &expirations {
        kinds
            .entry((expiration.root, expiration_type(expiration.root, expiration.date)))
            .or_default()
            .extend(expiration.symbols());
    }
    let item = |((root, kind), symbols): ((&str, &str), Vec<OptionSymbol>)| {
        json!({
            "underlying-symbol": "SPX",
            "root-symbol": root,
            "option-chain-type": "Standard",
            "settlement-type": settlement_type(root),
            "shares-per-contract": 100,
            "expiration-type": kind,
            "deliverables": deliverables(root),
            "symbols": symbols.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "streamer-symbols": symbols.iter().map(OptionSymbol::streamer).collect::<Vec<_>>(),
        })
    };
    Ok(wire::items("/option-chains/SPX/compact", kinds.into_iter().map(item).collect()))
}

/// `GET /option-chains/SPX`: every contract in full.
pub(super) async fn plain(
    State(face): State<Arc<Face>>,
    Path(symbol): Path<String>,
) -> Result<Response, ApiError> {
    of_spx(&symbol)?;
    let market = face.market();
    let all = expirations(&market);
    let rows = all.iter().flat_map(Expiration::symbols).map(|symbol| option(&market, &symbol)).collect();
    Ok(wire::items("/option-chains/SPX", rows))
}

/// `GET /instruments/equity-options?symbol[]=…`: what is unknown is left out.
pub(super) async fn options(
    State(face): State<Arc<Face>>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let market = face.market();
    let symbols = parameters.list("symbol");
    if symbols.is_empty() {
        return Err(ApiError::invalid("symbol", "is required"));
    }
    let rows =
        symbols.into_iter().filter_map(|text| Some(option(&market, &listed(&market, text)?))).collect();
    Ok(wire::items("/instruments/equity-options", rows))
}

/// `GET /instruments/equity-options/{symbol}`.
pub(super) async fn one_option(
    State(face): State<Arc<Face>>,
    Path(symbol): Path<String>,
) -> Result<Response, ApiError> {
    let market = face.market();
    let found = listed(&market, &symbol).ok_or_else(|| ApiError::not_found(&format!("Option {symbol}")))?;
    Ok(wire::ok(&format!("/instruments/equity-options/{symbol}"), option(&market, &found)))
}

/// Only the padded form of 21 characters is a symbol on this wire.
fn listed(market: &Market, text: &str) -> Option<OptionSymbol> {
    let symbol = text.parse::<OptionSymbol>().ok().filter(|symbol| symbol.to_string() == text)?;
    let of = |expiration: &Expiration| {
        (expiration.root, expiration.date) == (symbol.root(), symbol.expiry())
            && expiration.strikes.contains(&symbol.strike())
    };
    (market.chain().option(&symbol).is_some() || expirations(market).iter().any(of)).then_some(symbol)
}

fn option(market: &Market, symbol: &OptionSymbol) -> Value {
    let expiry = symbol.expiry();
    // An AM-settled series ends its trading the session before.
    let last_day = (0..5).find_map(|days| series_close(symbol, expiry.saturating_sub(days.days())));
    let stops = last_day.unwrap_or_else(|| market.now());
    let expires = if symbol.root() == MONTHLY_ROOT { equity_open(expiry).unwrap_or(stops) } else { stops };
    json!({
        "symbol": symbol.to_string(),
        "instrument-type": "Equity Option",
        "active": true,
        "strike-price": decimal(symbol.strike().points()),
        "root-symbol": symbol.root(),
        "underlying-symbol": "SPX",
        "expiration-date": expiry.to_string(),
        "exercise-style": "European",
        "shares-per-contract": 100,
        "option-type": symbol.right().letter().to_string(),
        "option-chain-type": "Standard",
        "expiration-type": expiration_type(symbol.root(), expiry),
        "settlement-type": settlement_type(symbol.root()),
        "stops-trading-at": time(stops),
        "market-time-instrument-collection": "Cash Settled Equity Option",
        "days-to-expiration": days_to(market, expiry),
        "expires-at": time(expires),
        "is-closing-only": false,
        "streamer-symbol": symbol.streamer(),
    })
}

/// `GET /instruments/equities/{symbol}`: the index itself counts as one.
pub(super) async fn equity(Path(symbol): Path<String>) -> Result<Response, ApiError> {
    if symbol != "SPX" {
        return Err(ApiError::not_found(&format!("Equity {symbol}")));
    }
    Ok(wire::ok(
        "/instruments/equities/SPX",
        json!({
            "id": 11_117,
            "symbol": "SPX",
            "instrument-type": "Equity",
            "short-description": "S&P 500 INDEX",
            "description": "S&P 500 INDEX",
            "is-index": true,
            "listed-market": "OTC",
            "lendability": "Preborrow",
            "borrow-rate": "0.0",
            "market-time-instrument-collection": "Equity Index",
            "is-closing-only": false,
            "is-options-closing-only": false,
            "active": true,
            "is-illiquid": false,
            "is-etf": false,
            "is-fraud-risk": false,
            "is-fractional-quantity-eligible": false,
            "streamer-symbol": "SPX",
            "tick-sizes": [{ "value": "0.01" }],
            "option-tick-sizes": tick_sizes(),
        }),
    ))
}
