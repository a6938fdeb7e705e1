//! Quotes (docs/reference/schwab.md, Market data).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use gamma_market::calendar::{series_close, trade_date};
use gamma_market::{LegQuote, OptionSymbol, Price, QuoteState, Right};
use gamma_sim_core::account::{intrinsic, mark};
use gamma_sim_core::chain::ListedOption;
use gamma_sim_core::faults::View;
use gamma_sim_core::market::Market;
use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use super::accounts::Parameters;
use super::errors::MarketDataError;
use super::wire::{float, milliseconds, ok, points};
use super::{Face, instruments};

/// Not computed here; the wire's own word for "not available".
pub(super) const NOT_AVAILABLE: f64 = -999.0;

const PARTS: &[&str] = &["all", "fundamental", "reference", "extended", "quote", "regular"];

/// `GET /quotes?symbols=…&fields=…`: unknown symbols are named beside the good ones.
pub(super) async fn many(
    State(face): State<Arc<Face>>,
    view: View,
    Query(query): Parameters,
) -> Result<Response, MarketDataError> {
    let parts = parts(&face, &query)?;
    let symbols = query.get("symbols").filter(|text| !text.is_empty());
    let symbols = symbols.ok_or_else(|| {
        MarketDataError::parameter(face.next_uuid(), "symbols", "symbols is required".into())
    })?;
    let dropped = face.state().dropped_quotes.clone();
    let exchange = face.exchange();
    let mut answer = Map::new();
    let mut unknown: Vec<&str> = Vec::new();
    for symbol in symbols.split(',') {
        match quoted(symbol, exchange.market(), &dropped, &view) {
            Quoted::Shown(value) => drop(answer.insert(symbol.to_owned(), only(value, &parts))),
            Quoted::Dropped => {}
            Quoted::Unknown => unknown.push(symbol),
        }
    }
    if !unknown.is_empty() {
        answer.insert("errors".into(), json!({ "invalidSymbols": unknown }));
    }
    Ok(ok(&Value::Object(answer)))
}

/// `GET /{symbol}/quotes`: 404 for one that is unknown.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    view: View,
    Path(symbol): Path<String>,
    Query(query): Parameters,
) -> Result<Response, MarketDataError> {
    let parts = parts(&face, &query)?;
    let dropped = face.state().dropped_quotes.clone();
    let shown = quoted(&symbol, face.exchange().market(), &dropped, &view);
    Ok(match shown {
        Quoted::Shown(value) => ok(&json!({ symbol: only(value, &parts) })),
        Quoted::Dropped => ok(&json!({})),
        Quoted::Unknown => {
            MarketDataError::not_found(face.next_uuid(), format!("No data found for symbol {symbol}"))
                .into_response()
        }
    })
}

fn parts(face: &Face, query: &BTreeMap<String, String>) -> Result<Vec<String>, MarketDataError> {
    let parts: Vec<String> = query.get("fields").map_or_else(
        || vec!["all".into()],
        |text| text.split(',').map(|part| part.trim().to_owned()).collect(),
    );
    match parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        None => Ok(parts),
        Some(part) => Err(MarketDataError::parameter(
            face.next_uuid(),
            "fields",
            format!("fields: got {part:?}, expected some of {}", PARTS.join(", ")),
        )),
    }
}

/// Leaves out the parts that were not asked for.
fn only(mut quote: Value, parts: &[String]) -> Value {
    let wanted = |name: &str| parts.iter().any(|part| part == "all" || part == name);
    if let Some(fields) = quote.as_object_mut() {
        fields.retain(|name, _| !PARTS.contains(&name.as_str()) || wanted(name));
    }
    quote
}

enum Quoted {
    Shown(Value),
    Dropped,
    Unknown,
}

fn quoted(symbol: &str, market: &Market, dropped: &BTreeSet<OptionSymbol>, view: &View) -> Quoted {
    match symbol {
        "$SPX" => Quoted::Shown(index(symbol, "S&P 500 INDEX", &Level::of_index(market), market.now())),
        "$VIX" => {
            Quoted::Shown(index(symbol, "CBOE VOLATILITY INDEX", &Level::of_volatility(market), market.now()))
        }
        _ => {
            let exact = symbol.parse::<OptionSymbol>().ok().filter(|option| option.to_string() == symbol);
            match exact
                .and_then(|option| Some((option, market.chain().option(&option)?, market.quote(&option)?)))
            {
                None => Quoted::Unknown,
                Some((option, ..)) if dropped.contains(&option) => Quoted::Dropped,
                Some((option, listed, quote)) => match view.quote(&option, quote, market.now()) {
                    Some(quote) => Quoted::Shown(self::option(&option, listed, &quote, market)),
                    None => Quoted::Dropped,
                },
            }
        }
    }
}

/// An index now and at the start, which stands for the close before.
pub(crate) struct Level {
    pub(crate) last: Price,
    pub(crate) close: Price,
}

impl Level {
    pub(crate) fn of_index(market: &Market) -> Self {
        let last = market.underlying();
        Self { last, close: Price::new((last - market.shift()).points().round_dp(2)) }
    }

    /// Volatility falls when the index rises; how far is made up.
    pub(crate) fn of_volatility(market: &Market) -> Self {
        let close = Decimal::new(1635, 2);
        let last = (close - market.shift().points() / Decimal::from(20)).max(Decimal::from(9)).round_dp(2);
        Self { last: Price::new(last), close: Price::new(close) }
    }

    pub(crate) fn change(&self) -> Decimal {
        (self.last - self.close).points()
    }

    pub(crate) fn percent(&self) -> Decimal {
        percent(self.change(), self.close.points())
    }

    /// `base` times `percent` of the close before.
    pub(super) fn scaled(&self, percent: i64) -> Value {
        float((self.close.points() * Decimal::new(percent, 2)).round_dp(2))
    }
}

pub(super) fn percent(change: Decimal, base: Decimal) -> Decimal {
    change.checked_div(base).map_or(Decimal::ZERO, |ratio| (ratio * Decimal::ONE_HUNDRED).round_dp(2))
}

/// Indexes have no bid and no ask.
fn index(symbol: &str, description: &str, level: &Level, now: Timestamp) -> Value {
    json!({
        "assetMainType": "INDEX",
        "symbol": symbol,
        "ssid": 1_819_771_877,
        "realtime": true,
        "quote": {
            "52WeekHigh": level.scaled(108),
            "52WeekLow": level.scaled(75),
            "closePrice": points(level.close),
            "highPrice": points(level.last.max(level.close)),
            "lastPrice": points(level.last),
            "lowPrice": points(level.last.min(level.close)),
            "netChange": float(level.change()),
            "netPercentChange": float(level.percent()),
            "openPrice": points(level.close),
            "securityStatus": "Unknown",
            "totalVolume": 0,
            "tradeTime": milliseconds(now),
        },
        "reference": { "description": description, "exchange": "0", "exchangeName": "Index" },
    })
}

/// What one option shows beyond its bid and ask.
pub(crate) struct OptionFigures {
    pub(crate) mark: Price,
    pub(crate) last: Price,
    pub(crate) close: Price,
    pub(crate) change: Decimal,
    pub(crate) percent: Decimal,
    pub(crate) intrinsic: Price,
    /// How far in the money; negative out of it.
    pub(crate) moneyness: Price,
    pub(crate) time_value: Price,
    pub(crate) days_to_expiration: i32,
    pub(crate) last_trading: i64,
    pub(crate) bid_size: u32,
    pub(crate) ask_size: u32,
}

impl OptionFigures {
    pub(crate) fn of(
        symbol: &OptionSymbol,
        listed: &ListedOption,
        quote: &LegQuote,
        market: &Market,
    ) -> Self {
        let mark = mark(quote);
        let close = listed.last.unwrap_or(mark);
        let last = if market.shift() == Price::ZERO { close } else { Price::new(mark.points().round_dp(2)) };
        let level = market.underlying();
        let strike = Price::new(symbol.strike().points());
        let intrinsic = intrinsic(symbol, level);
        let today = trade_date(market.now());
        let size = |offset: u32| (symbol.strike().as_thousandths() / 1000 + offset) % 60 + 5;
        Self {
            mark,
            last,
            close,
            change: (last - close).points(),
            percent: percent((last - close).points(), close.points()),
            intrinsic,
            moneyness: if symbol.right() == Right::Put { strike - level } else { level - strike },
            time_value: (mark - intrinsic).max(Price::ZERO),
            days_to_expiration: today.until(symbol.expiry()).map_or(0, |span| span.get_days()),
            last_trading: series_close(symbol, symbol.expiry()).map_or(0, milliseconds),
            bid_size: if quote.bid > Some(Price::ZERO) { size(7) } else { 0 },
            ask_size: if quote.ask.is_some() { size(23) } else { 0 },
        }
    }
}

fn option(symbol: &OptionSymbol, listed: &ListedOption, quote: &LegQuote, market: &Market) -> Value {
    let figures = OptionFigures::of(symbol, listed, quote, market);
    json!({
        "assetMainType": "OPTION",
        "symbol": symbol.to_string(),
        "ssid": instruments::instrument_id(symbol),
        "realtime": quote.state != QuoteState::Delayed,
        "quote": option_quote(&figures, listed, quote, market),
        "reference": reference(symbol, &figures),
    })
}

fn option_quote(figures: &OptionFigures, listed: &ListedOption, quote: &LegQuote, market: &Market) -> Value {
    let (mark, change, percentage) = (points(figures.mark), float(figures.change), float(figures.percent));
    let at = quote.at.map_or(0, milliseconds);
    json!({
        "52WeekHigh": points(figures.close.max(figures.last)),
        "52WeekLow": points(figures.close.min(figures.last)),
        "askPrice": points(quote.ask.unwrap_or_default()),
        "askSize": figures.ask_size,
        // Without a word of a bid, which is something else than a bid of 0.
        "bidPrice": quote.bid.map_or(Value::Null, points),
        "bidSize": figures.bid_size,
        "closePrice": points(figures.close),
        "delta": NOT_AVAILABLE,
        "gamma": NOT_AVAILABLE,
        "highPrice": points(figures.close.max(figures.last)),
        "impliedYield": 0.0,
        "indAskPrice": 0,
        "indBidPrice": 0,
        "indQuoteTime": 0,
        "lastPrice": points(figures.last),
        "lastSize": 1,
        "lowPrice": points(figures.close.min(figures.last)),
        "mark": mark,
        "markChange": change,
        "markPercentChange": percentage,
        "moneyIntrinsicValue": points(figures.moneyness),
        "netChange": change,
        "netPercentChange": percentage,
        "openInterest": listed.open_interest,
        "openPrice": points(figures.close),
        "quoteTime": at,
        "rho": NOT_AVAILABLE,
        "securityStatus": if quote.state == QuoteState::Halted { "Halted" } else { "Normal" },
        "theoreticalOptionValue": mark,
        "theta": NOT_AVAILABLE,
        "timeValue": points(figures.time_value),
        "totalVolume": listed.volume,
        "tradeTime": at,
        "underlyingPrice": points(market.underlying()),
        "vega": NOT_AVAILABLE,
        "volatility": NOT_AVAILABLE,
    })
}

fn reference(symbol: &OptionSymbol, figures: &OptionFigures) -> Value {
    let expiry = symbol.expiry();
    json!({
        "contractType": symbol.right().letter().to_string(),
        "daysToExpiration": figures.days_to_expiration,
        "description": short_description(symbol),
        "exchange": "o",
        "exchangeName": "OPR",
        "exerciseType": "E",
        "expirationDay": expiry.day(),
        "expirationMonth": expiry.month(),
        "expirationYear": expiry.year(),
        "expirationType": "W",
        "isPennyPilot": false,
        "lastTradingDay": figures.last_trading,
        "multiplier": 100,
        "settlementType": "P",
        "strikePrice": strike(symbol),
        "underlying": "$SPX",
    })
}

/// A whole strike has no point here, unlike in chains.
fn strike(symbol: &OptionSymbol) -> Value {
    let points = symbol.strike().points();
    let whole = points.to_u32().filter(|_| points.is_integer());
    whole.map_or_else(|| float(points), Value::from)
}

/// `SPXW 08/21/2026 5900.00 P`.
pub(super) fn short_description(symbol: &OptionSymbol) -> String {
    let strike = Price::new(symbol.strike().points());
    format!("{} {} {strike} {}", symbol.root(), symbol.expiry().strftime("%m/%d/%Y"), symbol.right().letter())
}
