//! Quotes, metrics, sessions and the token for streamed quotes (docs/reference/tastytrade.md, Market data).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gamma_market::calendar::{equity_close, equity_open, trade_date};
use gamma_market::{OptionSymbol, Price, QuoteState};
use gamma_sim_core::account::mark;
use gamma_sim_core::faults::View;
use gamma_sim_core::market::{Market, session_of};
use jiff::civil::{Date, time as clock_time};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::parameters::Parameters;
use super::wire::{decimal, points, time};
use super::{Face, wire};

const MOST_SYMBOLS: usize = 100;
const KINDS: [&str; 6] = ["index", "equity", "equity-option", "future", "future-option", "cryptocurrency"];

/// `GET /market-data/by-type`: what is unknown is left out.
pub(super) async fn by_type(
    State(face): State<Arc<Face>>,
    view: View,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let asked: usize = KINDS.iter().map(|kind| parameters.list(kind).len()).sum();
    if !(1..=MOST_SYMBOLS).contains(&asked) {
        return Err(ApiError::invalid(
            "symbols",
            format!("got {asked}, expected 1 to {MOST_SYMBOLS} in all"),
        ));
    }
    let dropped = face.state().dropped_quotes.clone();
    let market = face.market();
    let indexes =
        parameters.list("index").into_iter().filter(|symbol| *symbol == "SPX").map(|_| index(&market));
    let options = parameters
        .list("equity-option")
        .into_iter()
        .filter_map(|text| option(&market, text, &dropped, &view));
    let items: Vec<Value> = indexes.chain(options).collect();
    Ok(wire::json(
        axum::http::StatusCode::OK,
        &json!({ "data": { "items": items }, "context": "/market-data/by-type", "pagination": null }),
    ))
}

/// An index has no bid and no ask.
fn index(market: &Market) -> Value {
    let (last, close) =
        (market.underlying(), Price::new((market.underlying() - market.shift()).points().round_dp(2)));
    let mut shown = common("SPX", "Index", market, last, close);
    shown.insert("bid-size".into(), "0.0".into());
    shown.insert("ask-size".into(), "0.0".into());
    Value::Object(shown)
}

fn option(market: &Market, text: &str, dropped: &BTreeSet<OptionSymbol>, view: &View) -> Option<Value> {
    let symbol = text
        .parse::<OptionSymbol>()
        .ok()
        .filter(|symbol| symbol.to_string() == text && !dropped.contains(symbol))?;
    let (listed, quote) =
        (market.chain().option(&symbol)?, view.quote(&symbol, market.quote(&symbol)?, market.now())?);
    let middle = mark(&quote);
    let close = listed.last.unwrap_or(middle);
    let last = if market.shift() == Price::ZERO { close } else { Price::new(middle.points().round_dp(2)) };
    let mut shown = common(text, "Equity Option", market, last, close);
    let size = |offset: u32| decimal(((symbol.strike().as_thousandths() / 1000 + offset) % 60 + 5).into());
    let nothing = decimal(Decimal::ZERO);
    // 0.00 is a bid; without an ask there is no `ask`, and without a bid no `bid`.
    if let Some(bid) = quote.bid {
        shown.insert("bid".into(), points(bid));
    }
    shown.insert("bid-size".into(), if quote.bid > Some(Price::ZERO) { size(7) } else { nothing.clone() });
    shown.insert("ask-size".into(), if quote.ask.is_some() { size(23) } else { nothing });
    if let Some(ask) = quote.ask {
        shown.insert("ask".into(), points(ask));
    }
    if let Some(at) = quote.at {
        shown.insert("updated-at".into(), updated(at));
    }
    match quote.state {
        QuoteState::Live => {}
        QuoteState::Halted => {
            shown.insert("is-trading-halted".into(), true.into());
            shown.insert("halt-start-time".into(), market.now().as_millisecond().into());
        }
        // No field says so: it is the quote of a quarter of an hour ago.
        QuoteState::Delayed => drop(shown.insert(
            "updated-at".into(),
            updated(market.now().checked_sub(15.minutes()).unwrap_or_default()),
        )),
    }
    shown.insert("mid".into(), points(middle));
    shown.insert("mark".into(), points(middle));
    shown.insert("volume".into(), decimal(listed.volume.into()));
    shown.insert("open-interest".into(), listed.open_interest.to_string().into());
    Some(Value::Object(shown))
}

/// With a Z here, unlike everywhere else.
fn updated(at: Timestamp) -> Value {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string().into()
}

fn common(symbol: &str, kind: &str, market: &Market, last: Price, close: Price) -> Map<String, Value> {
    let today = trade_date(market.now());
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("symbol", symbol.into());
    set("instrument-type", kind.into());
    set("updated-at", updated(market.now()));
    for name in ["last", "last-mkt", "mark"] {
        set(name, points(last));
    }
    set("open", points(close));
    set("day-high-price", points(last.max(close)));
    set("day-low-price", points(last.min(close)));
    set("close-price-type", "Unknown".into());
    set("prev-close", points(close));
    set("prev-close-price-type", "Final".into());
    set("summary-date", today.to_string().into());
    set("prev-close-date", last_session(today, -1).to_string().into());
    set("is-trading-halted", false.into());
    set("halt-start-time", (-1).into());
    set("halt-end-time", (-1).into());
    shown
}

/// `GET /market-metrics?symbols=SPX`: the least of it. The figures are made up.
pub(super) async fn metrics(State(face): State<Arc<Face>>, parameters: Parameters) -> Response {
    let market = face.market();
    let expiry = |expiry: Date| json!({ "expiration-date": expiry.to_string(), "option-chain-type": "Standard", "settlement-type": "PM", "implied-volatility": "0.12" });
    let metric = |_| {
        json!({
            "symbol": "SPX",
            "implied-volatility-index": "0.1635",
            "implied-volatility-index-5-day-change": "0.004",
            "implied-volatility-index-rank": "0.21",
            "tos-implied-volatility-index-rank": "0.21",
            "tw-implied-volatility-index-rank": "0.2",
            "implied-volatility-percentile": "0.45",
            "liquidity-rating": 4,
            "beta": "1.0",
            "market-cap": "0.0",
            "updated-at": time(market.now()),
            "option-expiration-implied-volatilities": market.chain().expiries().into_iter().map(expiry).collect::<Vec<_>>(),
        })
    };
    let items =
        parameters.list("symbols").into_iter().filter(|symbol| *symbol == "SPX").map(metric).collect();
    wire::items("/market-metrics", items)
}

/// `GET /market-time/sessions/current`.
pub(super) async fn sessions(State(face): State<Arc<Face>>, parameters: Parameters) -> Response {
    let now = face.clock.now();
    let items = parameters
        .list("instrument-collections")
        .into_iter()
        .map(|collection| session(collection, now))
        .collect();
    wire::items("/market-time/sessions/current", items)
}

/// `GET /market-time/equities/sessions/current`: the same without a list around it.
pub(super) async fn equities_session(State(face): State<Arc<Face>>) -> Response {
    wire::ok("/market-time/equities/sessions/current", session("Equity", face.clock.now()))
}

fn session(collection: &str, now: Timestamp) -> Value {
    let today = trade_date(now);
    let mut shown = span(collection, today).unwrap_or_else(|| json!({ "instrument-collection": collection }));
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("session-date");
    }
    shown["state"] = state(today, now).into();
    shown["next-session"] = span(collection, last_session(today, 1)).unwrap_or_default();
    shown["previous-session"] = span(collection, last_session(today, -1)).unwrap_or_default();
    shown
}

fn state(today: Date, now: Timestamp) -> &'static str {
    let (Some(open), Some(close)) = (equity_open(today), equity_close(today)) else { return "Closed" };
    let (early, late) = (start_of(today), close.checked_add(4.hours()).unwrap_or(close));
    match now {
        _ if now < early || now >= late => "Closed",
        _ if now < open => "Pre-market",
        _ if now < close => "Open",
        _ => "Extended",
    }
}

fn start_of(date: Date) -> Timestamp {
    gamma_market::calendar::at_eastern(date, clock_time(8, 15, 0, 0))
}

fn span(collection: &str, date: Date) -> Option<Value> {
    let (open, close) = (equity_open(date)?, equity_close(date)?);
    Some(json!({
        "instrument-collection": collection,
        "session-date": date.to_string(),
        "start-at": time(start_of(date)),
        "open-at": time(open),
        "close-at": time(close),
        "close-at-ext": time(close.checked_add(4.hours()).unwrap_or(close)),
    }))
}

/// The nearest session `step` days and more from `date`.
fn last_session(date: Date, step: i32) -> Date {
    (1..=10)
        .map(|days| date.saturating_add((days * step).days()))
        .find(|day| session_of(*day).is_some())
        .unwrap_or(date)
}

/// `GET /api-quote-tokens`.
pub(super) async fn quote_token(State(face): State<Arc<Face>>) -> Response {
    let now = face.clock.now();
    let mut state = face.state();
    let issued = state.tokens.issue_quote_token(now);
    let shown = json!({
        "token": issued.token.expose_secret(),
        "dxlink-url": state.dxlink_url,
        "level": "api",
        "issued-at": time(issued.issued),
        "expires-at": time(issued.expires),
    });
    wire::ok("/api-quote-tokens", shown)
}
