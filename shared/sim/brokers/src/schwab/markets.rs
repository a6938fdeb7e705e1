//! Market hours (docs/reference/schwab.md, Market data).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use gamma_market::calendar::{eastern, equity_close, equity_open, trade_date};
use gamma_sim_core::market::session_of;
use jiff::civil::{Date, Time, time};
use jiff::{Timestamp, ToSpan};
use serde_json::{Map, Value, json};

use super::accounts::Parameters;
use super::errors::MarketDataError;
use super::{Face, wire};

/// `GET /markets?markets=option,equity&date=2026-08-20`.
pub(super) async fn many(
    State(face): State<Arc<Face>>,
    Query(query): Parameters,
) -> Result<Response, MarketDataError> {
    let markets = query.get("markets").map(String::as_str).unwrap_or_default();
    hours(&face, markets, "markets", &query)
}

/// `GET /markets/option`.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    Path(market): Path<String>,
    Query(query): Parameters,
) -> Result<Response, MarketDataError> {
    hours(&face, &market, "market_id", &query)
}

fn hours(
    face: &Face,
    markets: &str,
    parameter: &str,
    query: &BTreeMap<String, String>,
) -> Result<Response, MarketDataError> {
    let bad = |name: &str, detail: String| MarketDataError::parameter(face.next_uuid(), name, detail);
    let today = trade_date(face.clock.now());
    let date: Date = query.get("date").map_or(Ok(today), |text| {
        text.parse().map_err(|_| bad("date", format!("date: got {text:?}, expected yyyy-MM-dd")))
    })?;
    let mut answer = Map::new();
    for market in markets.split(',') {
        let products = match market {
            "option" => option(date),
            "equity" => equity(date),
            other => {
                return Err(bad(parameter, format!("{parameter}: got {other:?}, expected equity or option")));
            }
        };
        answer.insert(market.to_owned(), products);
    }
    Ok(wire::ok(&Value::Object(answer)))
}

fn option(date: Date) -> Value {
    let Some((open, stocks_close, options_close)) = sessions(date) else {
        return closed("option", "OPTION", date);
    };
    let product = |code: &str, name: &str, close: Timestamp| {
        let hours = json!({ "regularMarket": [span(open, close)] });
        json!({ "date": date.to_string(), "marketType": "OPTION", "product": code, "productName": name, "isOpen": true, "sessionHours": hours })
    };
    json!({ "EQO": product("EQO", "equity option", stocks_close), "IND": product("IND", "index option", options_close) })
}

fn equity(date: Date) -> Value {
    let Some((open, close, _)) = sessions(date) else { return closed("equity", "EQUITY", date) };
    let at = |clock: Time| gamma_market::calendar::at_eastern(date, clock);
    let post_end = close.checked_add(4.hours()).unwrap_or(close);
    let hours = json!({
        "preMarket": [span(at(time(7, 0, 0, 0)), open)],
        "regularMarket": [span(open, close)],
        "postMarket": [span(close, post_end)],
    });
    json!({ "EQ": { "date": date.to_string(), "marketType": "EQUITY", "product": "EQ", "productName": "equity", "isOpen": true, "sessionHours": hours } })
}

/// On a closed day the product is called like the market and has no hours.
fn closed(market: &str, kind: &str, date: Date) -> Value {
    json!({ market: { "date": date.to_string(), "marketType": kind, "product": market, "isOpen": false } })
}

/// When everything opens, when stocks close, when index options do.
fn sessions(date: Date) -> Option<(Timestamp, Timestamp, Timestamp)> {
    let (_, options_close) = session_of(date)?;
    Some((equity_open(date)?, equity_close(date)?, options_close))
}

fn span(start: Timestamp, end: Timestamp) -> Value {
    let text = |at: Timestamp| at.to_zoned(eastern().clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    json!({ "start": text(start), "end": text(end) })
}
