//! What the market looks like as events (docs/reference/dxlink.md, Events).
//!
//! Indexes have quotes without sizes, most times are 0, and what is not known is "NaN", as in the real feed.

use std::collections::BTreeMap;
use std::time::Duration;

use gamma_market::calendar::{series_close, trade_date};
use gamma_market::{LegQuote, OptionSymbol, Price, Right, Strike};
use gamma_sim_core::account::mark;
use gamma_sim_core::market::Market;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

use super::fields::EventType;
use super::greeks::Contract;
use crate::schwab::{Level, OptionFigures};

/// One event: every field of its type by name.
pub(super) type Event = Map<String, Value>;

/// What is not known.
pub(super) const NAN: &str = "NaN";

/// Fields that say when and not what: an event that differs only in these has not changed.
const STAMPS: &[&str] = &["eventTime", "time", "timeNanoPart", "sequence", "index", "bidTime", "askTime"];

/// The market at one moment, and at any before it.
pub(super) struct Sight {
    now: View,
    first: Market,
    past: Option<View>,
}

struct View {
    market: Market,
    /// Quotes are made by the series, so each is made once.
    series: BTreeMap<(Date, Right), Vec<(Strike, LegQuote)>>,
}

impl Sight {
    pub(super) fn new(market: Market, first: Market) -> Self {
        Self { now: View::of(market), first, past: None }
    }

    /// The moment it shows.
    pub(super) fn at(&self) -> Timestamp {
        self.now.market.now()
    }

    /// The last event of that type; `None` for a symbol that the market does not have, and where it has no
    /// such events.
    pub(super) fn event(&mut self, kind: EventType, symbol: &str) -> Option<Event> {
        self.now.event(kind, symbol)
    }

    /// The quote as of `age` ago, the first there is at most.
    pub(super) fn past_quote(&mut self, symbol: &str, age: Duration) -> Option<Event> {
        let at = self.at().checked_sub(age).unwrap_or(Timestamp::MIN).max(self.first.now());
        if self.past.as_ref().is_none_or(|past| past.market.now() != at) {
            let mut market = self.first.clone();
            market.advance_to(at);
            self.past = Some(View::of(market));
        }
        let past = self.past.as_mut()?;
        let mut quote = past.event(EventType::Quote, symbol)?;
        stamp(&mut quote, past.market.now());
        Some(quote)
    }
}

/// The event without the fields that only say when.
pub(super) fn essence(event: &Event) -> Vec<Value> {
    event
        .iter()
        .filter(|(name, _)| !STAMPS.contains(&name.as_str()))
        .map(|(_, value)| value.clone())
        .collect()
}

/// Gives a quote the time it is of.
pub(super) fn stamp(quote: &mut Event, at: Timestamp) {
    for side in ["bidTime", "askTime"] {
        quote.insert(side.into(), json!(at.as_millisecond()));
    }
}

/// A JSON float. The decimal is exact until here; what is printed is the shortest text that reads back as the
/// nearest double, so every price prints as itself.
pub(super) fn number(value: Decimal) -> Value {
    let text = value.normalize().to_string();
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or(Value::from(NAN), Value::Number)
}

fn points(price: Price) -> Value {
    number(price.points())
}

/// What a model computed, cut to where it means something.
fn modelled(value: f64) -> Value {
    let shown = (value * 1e8).round() / 1e8;
    serde_json::Number::from_f64(shown).map_or(Value::from(NAN), Value::Number)
}

/// Days are counted from 1970.
fn day_id(day: Date) -> i32 {
    date(1970, 1, 1).until(day).map_or(0, |span| span.get_days())
}

impl View {
    const fn of(market: Market) -> Self {
        Self { market, series: BTreeMap::new() }
    }

    fn event(&mut self, kind: EventType, symbol: &str) -> Option<Event> {
        let body = match symbol {
            "SPX" => self.index(kind, &Level::of_index(&self.market), Decimal::new(125, 2), "S&P 500 INDEX"),
            "VIX" => self.index(
                kind,
                &Level::of_volatility(&self.market),
                Decimal::new(5, 2),
                "CBOE VOLATILITY INDEX",
            ),
            _ => self.option(kind, symbol),
        };
        let Value::Object(mut event) = body? else { return None };
        event.insert("eventType".into(), kind.name().into());
        event.insert("eventSymbol".into(), symbol.into());
        event.insert("eventTime".into(), 0.into());
        Some(event)
    }

    fn index(
        &self,
        kind: EventType,
        level: &Level,
        half_spread: Decimal,
        description: &str,
    ) -> Option<Value> {
        let last = level.last.points();
        Some(match kind {
            EventType::Quote => quote(
                Some(last - half_spread),
                Some(last + half_spread),
                (Value::from(NAN), Value::from(NAN)),
            ),
            EventType::Trade => {
                self.trade(number(last), number(level.change()), Value::from(NAN), Value::from(NAN))
            }
            EventType::Summary => self.summary(level.last, level.close, 0),
            EventType::Profile => profile(description),
            EventType::Greeks => return None,
        })
    }

    fn option(&mut self, kind: EventType, wire: &str) -> Option<Value> {
        let symbol = wire.parse::<OptionSymbol>().ok().filter(|symbol| symbol.streamer() == wire)?;
        let listed = *self.market.chain().option(&symbol)?;
        let quoted = self.quote(&symbol)?;
        let figures = OptionFigures::of(&symbol, &listed, &quoted, &self.market);
        let size = |size: u32| number(size.into());
        Some(match kind {
            EventType::Quote => {
                let sizes = (
                    size(figures.bid_size),
                    if quoted.ask.is_some() { size(figures.ask_size) } else { Value::from(NAN) },
                );
                quote(quoted.bid.map(Price::points), quoted.ask.map(Price::points), sizes)
            }
            EventType::Trade => self.trade(
                points(figures.last),
                number(figures.change),
                number(Decimal::ONE),
                number(listed.volume.into()),
            ),
            EventType::Summary => self.summary(figures.last, figures.close, listed.open_interest),
            EventType::Greeks => self.greeks(&symbol, &quoted),
            EventType::Profile => profile(&symbol.to_string()),
        })
    }

    fn quote(&mut self, symbol: &OptionSymbol) -> Option<LegQuote> {
        let (expiry, right) = (symbol.expiry(), symbol.right());
        let quotes =
            self.series.entry((expiry, right)).or_insert_with(|| self.market.series_quotes(expiry, right));
        let at = quotes.binary_search_by_key(&symbol.strike(), |(strike, _)| *strike).ok()?;
        quotes.get(at).map(|(_, quote)| *quote)
    }

    fn trade(&self, price: Value, change: Value, size: Value, volume: Value) -> Value {
        let now = self.market.now();
        json!({
            "time": now.as_millisecond(), "timeNanoPart": 0, "sequence": 0, "exchangeCode": "C", "price": price, "change": change, "size": size,
            "dayId": day_id(trade_date(now)), "dayVolume": volume, "dayTurnover": NAN, "tickDirection": "UNDEFINED", "extendedTradingHours": false,
        })
    }

    fn summary(&self, last: Price, close: Price, open_interest: u64) -> Value {
        let today = day_id(trade_date(self.market.now()));
        json!({
            "dayId": today, "dayOpenPrice": points(close), "dayHighPrice": points(last.max(close)), "dayLowPrice": points(last.min(close)),
            "dayClosePrice": NAN, "dayClosePriceType": "REGULAR", "prevDayId": today - 1, "prevDayClosePrice": points(close),
            "prevDayClosePriceType": "FINAL", "prevDayVolume": NAN, "openInterest": open_interest,
        })
    }

    /// All "NaN" where nobody offers and where no volatility explains the mid.
    fn greeks(&self, symbol: &OptionSymbol, quoted: &LegQuote) -> Value {
        let (now, mid) = (self.market.now(), mark(quoted));
        let seconds =
            series_close(symbol, symbol.expiry()).map_or(0, |close| close.as_second() - now.as_second());
        let float = |value: Decimal| value.to_f64().unwrap_or(0.0);
        let years = float(Decimal::from(seconds)) / (365.0 * 86_400.0);
        let contract = Contract {
            right: symbol.right(),
            level: float(self.market.underlying().points()),
            strike: float(symbol.strike().points()),
            years,
        };
        let greeks = quoted.ask.and_then(|_| contract.greeks(float(mid.points())));
        let of = |pick: fn(super::greeks::Greeks) -> f64| {
            greeks.map_or(Value::from(NAN), |greeks| modelled(pick(greeks)))
        };
        json!({
            "eventFlags": 0, "index": now.as_second() << 32, "time": now.as_millisecond(), "sequence": 0, "price": points(mid),
            "volatility": of(|greeks| greeks.volatility), "delta": of(|greeks| greeks.delta), "gamma": of(|greeks| greeks.gamma),
            "theta": of(|greeks| greeks.theta), "rho": of(|greeks| greeks.rho), "vega": of(|greeks| greeks.vega),
        })
    }
}

/// A side that is not there is "NaN"; 0.0 is a bid.
fn quote(bid: Option<Decimal>, ask: Option<Decimal>, (bid_size, ask_size): (Value, Value)) -> Value {
    let side = |price: Option<Decimal>| price.map_or(Value::from(NAN), number);
    json!({
        "sequence": 0, "timeNanoPart": 0, "bidTime": 0, "bidExchangeCode": "C", "bidPrice": side(bid), "bidSize": bid_size,
        "askTime": 0, "askExchangeCode": "C", "askPrice": side(ask), "askSize": ask_size,
    })
}

fn profile(description: &str) -> Value {
    json!({
        "description": description, "shortSaleRestriction": "UNDEFINED", "tradingStatus": "ACTIVE", "statusReason": "", "haltStartTime": 0,
        "haltEndTime": 0, "highLimitPrice": NAN, "lowLimitPrice": NAN, "high52WeekPrice": NAN, "low52WeekPrice": NAN, "beta": NAN,
        "earningsPerShare": NAN, "dividendFrequency": NAN, "exDividendAmount": NAN, "exDividendDayId": 0, "shares": NAN, "freeFloat": NAN,
    })
}
