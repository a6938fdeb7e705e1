//! Chains and expirations (docs/reference/schwab.md, Market data). Keys are the observed ones (`bid`,
//! `ask`, `inTheMoney`), not the schema's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gamma_market::calendar::trade_date;
use gamma_market::{LegQuote, OptionSymbol, Price, Right, Strike};
use gamma_sim_core::chain::{Chain, ListedOption, ROOT};
use gamma_sim_core::market::Market;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::accounts::Parameters;
use super::errors::MarketDataError;
use super::quotes::{Level, NOT_AVAILABLE, OptionFigures, short_description};
use super::wire::{float, json, milliseconds, ok, points, strike_key};
use super::{Face, instruments};

/// What the gateway lets through.
const MOST_BYTES: usize = 10_000_000;

/// `GET /chains`.
pub(super) async fn chain(
    State(face): State<Arc<Face>>,
    Query(query): Parameters,
) -> Result<Response, MarketDataError> {
    let filter = Filter::read(&query)
        .map_err(|(name, detail)| MarketDataError::parameter(face.next_uuid(), name, detail))?;
    let dropped = face.state().dropped_quotes.clone();
    let exchange = face.exchange();
    let market = exchange.market();
    let (puts, put_count) = expiry_map(market, &filter, Right::Put, &dropped);
    let (calls, call_count) = expiry_map(market, &filter, Right::Call, &dropped);
    let mut answer = header(market, put_count + call_count);
    answer["putExpDateMap"] = puts;
    answer["callExpDateMap"] = calls;
    if filter.include_underlying {
        answer["underlying"] = underlying(market);
    }
    if answer.to_string().len() > MOST_BYTES {
        let fault = json!({ "fault": { "faultstring": "Body buffer overflow", "detail": { "errorcode": "protocol.http.TooBigBody" } } });
        return Ok(json(StatusCode::BAD_GATEWAY, &fault).into_response());
    }
    Ok(ok(&answer))
}

/// `GET /expirationchain`.
pub(super) async fn expirations(
    State(face): State<Arc<Face>>,
    Query(query): Parameters,
) -> Result<Response, MarketDataError> {
    check_symbol(&query)
        .map_err(|(name, detail)| MarketDataError::parameter(face.next_uuid(), name, detail))?;
    let exchange = face.exchange();
    let today = trade_date(exchange.market().now());
    let expiration = |expiry: &Date| {
        json!({
            "expirationDate": expiry.to_string(),
            "daysToExpiration": days_between(today, *expiry),
            "expirationType": "W",
            "settlementType": "P",
            "optionRoots": ROOT,
            "standard": false,
        })
    };
    let listed: Vec<Value> = exchange
        .market()
        .chain()
        .expiries()
        .iter()
        .filter(|expiry| **expiry >= today)
        .map(expiration)
        .collect();
    Ok(ok(&json!({ "expirationList": listed })))
}

type BadParameter = (&'static str, String);

/// Which contracts are asked for.
struct Filter {
    puts: bool,
    calls: bool,
    strikes: Option<usize>,
    strike: Option<Decimal>,
    from: Date,
    to: Date,
    include_underlying: bool,
}

impl Filter {
    fn read(query: &BTreeMap<String, String>) -> Result<Self, BadParameter> {
        check_symbol(query)?;
        let (puts, calls) = match query.get("contractType").map_or("ALL", String::as_str) {
            "ALL" => (true, true),
            "PUT" => (true, false),
            "CALL" => (false, true),
            other => {
                return Err((
                    "contractType",
                    format!("contractType: got {other:?}, expected CALL, PUT or ALL"),
                ));
            }
        };
        if query.get("strategy").is_some_and(|strategy| strategy != "SINGLE") {
            return Err(("strategy", "strategy: expected SINGLE".into()));
        }
        Ok(Self {
            puts,
            calls,
            strikes: parameter(query, "strikeCount", "a whole number")?,
            strike: parameter(query, "strike", "a strike in points")?,
            from: parameter(query, "fromDate", "yyyy-MM-dd")?.unwrap_or(Date::MIN),
            to: parameter(query, "toDate", "yyyy-MM-dd")?.unwrap_or(Date::MAX),
            include_underlying: query
                .get("includeUnderlyingQuote")
                .is_some_and(|text| text.eq_ignore_ascii_case("true")),
        })
    }

    const fn wants(&self, right: Right) -> bool {
        match right {
            Right::Put => self.puts,
            Right::Call => self.calls,
        }
    }

    /// The strikes that are shown: all, one, or so many around the index.
    fn strikes(&self, options: &[ListedOption], level: Price) -> BTreeSet<Strike> {
        let mut strikes: Vec<Strike> = options.iter().map(|option| option.strike).collect();
        if let Some(most) = self.strikes {
            strikes.sort_by_key(|strike| ((strike.points() - level.points()).abs(), *strike));
            strikes.truncate(most);
        }
        strikes
            .into_iter()
            .filter(|strike| self.strike.is_none_or(|wanted| strike.points() == wanted))
            .collect()
    }
}

fn parameter<T: std::str::FromStr>(
    query: &BTreeMap<String, String>,
    name: &'static str,
    expected: &str,
) -> Result<Option<T>, BadParameter> {
    let parse = |text: &String| {
        text.parse().map_err(|_| (name, format!("{name}: got {text:?}, expected {expected}")))
    };
    query.get(name).map(parse).transpose()
}

fn check_symbol(query: &BTreeMap<String, String>) -> Result<(), BadParameter> {
    match query.get("symbol").map(String::as_str) {
        Some("$SPX") => Ok(()),
        None => Err(("symbol", "symbol is required".into())),
        Some(other) => Err(("symbol", format!("symbol: got {other:?}, expected $SPX"))),
    }
}

fn header(market: &Market, contracts: usize) -> Value {
    json!({
        "symbol": "$SPX",
        "status": if contracts == 0 { "FAILED" } else { "SUCCESS" },
        "strategy": "SINGLE",
        "interval": 0.0,
        "isDelayed": false,
        "isIndex": true,
        "interestRate": 4.1,
        "underlyingPrice": points(market.underlying()),
        "volatility": 29.0,
        "daysToExpiration": 0.0,
        "dividendYield": 0.0,
        "numberOfContracts": contracts,
        "assetMainType": "INDEX",
        "assetSubType": "",
        "isChainTruncated": false,
    })
}

fn underlying(market: &Market) -> Value {
    let level = Level::of_index(market);
    let now = milliseconds(market.now());
    let (last, change, percent) = (points(level.last), float(level.change()), float(level.percent()));
    json!({
        "symbol": "$SPX",
        "description": "S&P 500 INDEX",
        "change": change,
        "percentChange": percent,
        "close": points(level.close),
        "quoteTime": now,
        "tradeTime": now,
        "bid": points(level.last - Price::cents(150)),
        "ask": points(level.last + Price::cents(150)),
        "last": last,
        "mark": last,
        "markChange": change,
        "markPercentChange": percent,
        "bidSize": 0,
        "askSize": 0,
        "highPrice": points(level.last.max(level.close)),
        "lowPrice": points(level.last.min(level.close)),
        "openPrice": points(level.close),
        "totalVolume": 0,
        "exchangeName": "IND",
        "fiftyTwoWeekHigh": level.scaled(108),
        "fiftyTwoWeekLow": level.scaled(75),
        "delayed": false,
    })
}

/// `{"2026-08-21:1": {"5900.0": [contract]}}` and how many contracts that are.
fn expiry_map(
    market: &Market,
    filter: &Filter,
    right: Right,
    dropped: &BTreeSet<OptionSymbol>,
) -> (Value, usize) {
    let today = trade_date(market.now());
    let mut map = Map::new();
    let mut contracts = 0;
    let dates = market
        .chain()
        .expiries()
        .into_iter()
        .filter(|expiry| (filter.from..=filter.to).contains(expiry) && *expiry >= today);
    for expiry in dates.filter(|_| filter.wants(right)) {
        let strikes = strike_map(market, filter, expiry, right, dropped);
        contracts += strikes.len();
        if !strikes.is_empty() {
            map.insert(format!("{expiry}:{}", days_between(today, expiry)), Value::Object(strikes));
        }
    }
    (Value::Object(map), contracts)
}

fn strike_map(
    market: &Market,
    filter: &Filter,
    expiry: Date,
    right: Right,
    dropped: &BTreeSet<OptionSymbol>,
) -> Map<String, Value> {
    let chain: &Chain = market.chain();
    let shown = filter.strikes(chain.series(expiry, right), market.underlying());
    let quotes = market.series_quotes(expiry, right);
    let row = |(strike, quote): &(Strike, LegQuote)| {
        let symbol = OptionSymbol::new(ROOT, expiry, right, *strike)?;
        let listed = chain.option(&symbol)?;
        let visible = shown.contains(strike) && !dropped.contains(&symbol);
        visible.then(|| (strike_key(&symbol), json!([contract(&symbol, listed, quote, market)])))
    };
    quotes.iter().filter_map(row).collect()
}

fn contract(symbol: &OptionSymbol, listed: &ListedOption, quote: &LegQuote, market: &Market) -> Value {
    let figures = OptionFigures::of(symbol, listed, quote, market);
    let (mark, change, percent) = (points(figures.mark), float(figures.change), float(figures.percent));
    let at = quote.at.map_or(0, milliseconds);
    let mut contract = json!({
        "putCall": instruments::put_call(symbol),
        "symbol": symbol.to_string(),
        "description": short_description(symbol),
        "exchangeName": "OPR",
        "bid": points(quote.bid.unwrap_or_default()),
        "ask": points(quote.ask.unwrap_or_default()),
        "last": points(figures.last),
        "mark": mark,
        "bidSize": figures.bid_size,
        "askSize": figures.ask_size,
        "bidAskSize": format!("{}X{}", figures.bid_size, figures.ask_size),
        "lastSize": 1,
        "highPrice": points(figures.close.max(figures.last)),
        "lowPrice": points(figures.close.min(figures.last)),
        "openPrice": 0.0,
        "closePrice": points(figures.close),
        "totalVolume": listed.volume,
        "tradeTimeInLong": at,
        "quoteTimeInLong": at,
        "netChange": change,
        "openInterest": listed.open_interest,
        "timeValue": points(figures.time_value),
        "theoreticalOptionValue": mark,
        "theoreticalVolatility": 29.0,
        "optionDeliverablesList": [{ "symbol": "$SPX", "assetType": "INDEX", "deliverableUnits": 100.0 }],
        "strikePrice": float(symbol.strike().points()),
    });
    let terms = terms(symbol, &figures, change, percent);
    if let (Some(contract), Value::Object(terms)) = (contract.as_object_mut(), terms) {
        contract.extend(terms);
        contract.extend(
            ["volatility", "delta", "gamma", "theta", "vega", "rho"]
                .map(|greek| (greek.to_owned(), NOT_AVAILABLE.into())),
        );
    }
    contract
}

fn terms(symbol: &OptionSymbol, figures: &OptionFigures, change: Value, percent: Value) -> Value {
    let last_trading = jiff::Timestamp::from_millisecond(figures.last_trading).unwrap_or_default();
    json!({
        "expirationDate": last_trading.strftime("%Y-%m-%dT%H:%M:%S.000+00:00").to_string(),
        "daysToExpiration": figures.days_to_expiration,
        "expirationType": "W",
        "lastTradingDay": figures.last_trading,
        "multiplier": 100.0,
        "settlementType": "P",
        "deliverableNote": "$100 SPX",
        "percentChange": percent,
        "markChange": change,
        "markPercentChange": percent,
        "intrinsicValue": points(figures.moneyness),
        "extrinsicValue": points(figures.mark - figures.moneyness),
        "optionRoot": symbol.root(),
        "exerciseType": "E",
        "high52Week": points(figures.close.max(figures.last)),
        "low52Week": points(figures.close.min(figures.last)),
        "inTheMoney": figures.intrinsic > Price::ZERO,
        "mini": false,
        "nonStandard": false,
        "pennyPilot": false,
    })
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
