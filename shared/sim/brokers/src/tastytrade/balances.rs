//! Balances and positions of a margin account (docs/reference/tastytrade.md, Accounts).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use gamma_market::calendar::{at_eastern, series_close, trade_date};
use gamma_market::{OptionSymbol, Price};
use gamma_sim_core::account::{Position, mark, requirement};
use gamma_sim_core::exchange::Exchange;
use gamma_sim_core::faults::View;
use jiff::civil::Time;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::parameters::Parameters;
use super::wire::{decimal, points, time};
use super::{Face, Holder, wire};

/// Amounts of what these accounts never hold.
const NOTHING: [&str; 33] = [
    "available-trading-funds",
    "bond-margin-requirement",
    "cash-settle-balance",
    "cryptocurrency-margin-requirement",
    "day-equity-call-value",
    "day-trading-call-value",
    "equity-offering-margin-requirement",
    "fixed-income-security-margin-requirement",
    "futures-margin-requirement",
    "long-bond-value",
    "long-cryptocurrency-value",
    "long-equity-value",
    "long-fixed-income-security-value",
    "long-futures-derivative-value",
    "long-futures-value",
    "long-margineable-value",
    "maintenance-call-value",
    "margin-settle-balance",
    "reg-t-call-value",
    "short-cryptocurrency-value",
    "short-equity-value",
    "short-futures-derivative-value",
    "short-futures-value",
    "short-margineable-value",
    "special-memorandum-account-apex-adjustment",
    "total-settle-balance",
    "futures-overnight-margin-requirement",
    "futures-intraday-margin-requirement",
    "pending-margin-interest",
    "total-pending-liquidity-pool-rebate",
    "unsettled-cryptocurrency-fiat-amount",
    "pending-cash",
    "buying-power-adjustment",
];

/// Fields that say what the account is worth.
const WORTHS: [&str; 3] = ["net-liquidating-value", "margin-equity", "cash-balance"];

/// What an account can spend, in dollars.
pub(super) struct Funds {
    pub(super) requirement: Decimal,
    pub(super) available: Decimal,
}

impl Funds {
    pub(super) fn of(exchange: &Exchange) -> Self {
        let account = exchange.account();
        let requirement = requirement(&account.quantities(), exchange.market().underlying().points());
        Self { requirement, available: account.cash() - requirement }
    }
}

/// `GET /accounts/{n}/balances`.
pub(super) async fn balances(
    State(face): State<Arc<Face>>,
    view: View,
    Path(number): Path<String>,
) -> Result<Response, ApiError> {
    shown(&face, &view, &number, "")
}

/// `GET /accounts/{n}/balances/{currency}`.
pub(super) async fn balances_in(
    State(face): State<Arc<Face>>,
    view: View,
    Path((number, currency)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    if currency == "USD" {
        shown(&face, &view, &number, "/USD")
    } else {
        Err(ApiError::not_found(&format!("Balance in {currency}")))
    }
}

fn shown(face: &Face, view: &View, number: &str, rest: &str) -> Result<Response, ApiError> {
    let holder = face.holder(number)?;
    let mut fields = of(holder, &face.exchange_of(holder));
    match view.equity() {
        Some(Some(worth)) => {
            WORTHS.iter().for_each(|name| drop(fields.insert((*name).to_owned(), decimal(worth))))
        }
        Some(None) => WORTHS.iter().for_each(|name| drop(fields.remove(*name))),
        None => {}
    }
    Ok(wire::ok(&format!("/accounts/{number}/balances{rest}"), Value::Object(fields)))
}

fn of(holder: &Holder, exchange: &Exchange) -> Map<String, Value> {
    let Funds { requirement, available } = Funds::of(exchange);
    let (long, short) = exchange.account().option_values(exchange.market());
    let (cash, worth) = (exchange.account().cash(), exchange.liquidation_value());
    let now = Exchange::now(exchange);
    let mut fields: Map<String, Value> =
        NOTHING.iter().map(|name| ((*name).to_owned(), decimal(Decimal::ZERO))).collect();
    for name in
        ["unsettled-cryptocurrency-fiat-effect", "pending-cash-effect", "buying-power-adjustment-effect"]
    {
        fields.insert(name.into(), "None".into());
    }
    let amounts = [
        ("cash-available-to-withdraw", available),
        ("cash-balance", cash),
        ("closed-loop-available-balance", available),
        ("day-trade-excess", available),
        ("day-trading-buying-power", available * Decimal::from(4)),
        ("derivative-buying-power", available),
        ("effective-cryptocurrency-buying-power", available),
        ("equity-buying-power", available * Decimal::TWO),
        ("long-derivative-value", long),
        ("maintenance-excess", worth - requirement),
        ("maintenance-requirement", requirement),
        ("margin-equity", worth),
        ("net-liquidating-value", worth),
        ("reg-t-margin-requirement", requirement),
        ("short-derivative-value", short.abs()),
        ("sma-equity-option-buying-power", available),
        ("special-memorandum-account-value", available),
        ("used-derivative-buying-power", requirement),
    ];
    fields.extend(amounts.map(|(name, dollars)| (name.to_owned(), decimal(dollars))));
    fields.insert("account-number".into(), holder.number.clone().into());
    fields.insert("currency".into(), "USD".into());
    fields.insert("snapshot-date".into(), trade_date(now).to_string().into());
    fields.insert("updated-at".into(), time(now));
    fields
}

/// `GET /accounts/{n}/positions`. They may lag behind the fills.
pub(super) async fn positions(
    State(face): State<Arc<Face>>,
    view: View,
    Path(number): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let exchange = face.exchange_of(holder);
    let (now, held) = (Exchange::now(&exchange), exchange.account());
    let positions =
        view.positions_as_of(now).map_or_else(|| held.positions(), |then| held.positions_as_of(then));
    let underlyings = parameters.list("underlying-symbol");
    let of_underlying = underlyings.is_empty() || underlyings.contains(&"SPX");
    let of_kind = parameters.one("instrument-type").is_none_or(|kind| kind == "Equity Option");
    let marks = parameters.one("include-marks").is_some_and(|text| text == "true");
    let wanted = |symbol: &OptionSymbol| {
        of_underlying && of_kind && parameters.one("symbol").is_none_or(|wanted| wanted == symbol.to_string())
    };
    let rows = positions
        .iter()
        .filter(|(symbol, _)| wanted(symbol))
        .map(|(symbol, held)| position(holder, &exchange, symbol, held, marks));
    Ok(wire::items(
        &format!("/accounts/{number}/positions"),
        rows.chain(view.foreign_rows().cloned()).collect(),
    ))
}

fn position(
    holder: &Holder,
    exchange: &Exchange,
    symbol: &OptionSymbol,
    held: &Position,
    marks: bool,
) -> Value {
    let now = Exchange::now(exchange);
    let mut traded = exchange
        .account()
        .transactions()
        .iter()
        .filter(|row| row.symbol == *symbol && row.at <= now)
        .map(|row| row.at);
    let opened = traded.next().unwrap_or_else(|| at_eastern(trade_date(now), Time::midnight()));
    let changed = traded.next_back().unwrap_or(opened);
    let price = exchange.market().quote(symbol).map_or(Price::ZERO, |quote| mark(&quote));
    let close = exchange.market().chain().option(symbol).and_then(|listed| listed.last).unwrap_or(price);
    let average = decimal(held.average_price.round_dp(4));
    let mut shown = Map::new();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("account-number", holder.number.clone().into());
    set("instrument-type", "Equity Option".into());
    set("symbol", symbol.to_string().into());
    set("underlying-symbol", "SPX".into());
    set("quantity", held.quantity.unsigned_abs().to_string().into());
    set("quantity-direction", if held.quantity > 0 { "Long" } else { "Short" }.into());
    for name in
        ["average-open-price", "average-yearly-market-close-price", "average-daily-market-close-price"]
    {
        set(name, average.clone());
    }
    set("close-price", points(close));
    // The sign of the cash that closing brings.
    set("cost-effect", if held.quantity > 0 { "Credit" } else { "Debit" }.into());
    set("is-frozen", false.into());
    set("is-suppressed", false.into());
    set("multiplier", 100.into());
    set("restricted-quantity", "0".into());
    for (name, day) in
        [("realized-day-gain", "realized-day-gain-date"), ("realized-today", "realized-today-date")]
    {
        set(day, trade_date(now).to_string().into());
        set(name, decimal(Decimal::ZERO));
        set(&format!("{name}-effect"), "None".into());
    }
    if marks {
        set("mark-price", points(price));
        set("mark", decimal(price.dollars_per_contract() * Decimal::from(held.quantity.abs())));
    }
    if let Some(expires) = series_close(symbol, symbol.expiry()) {
        set("expires-at", time(expires));
    }
    set("created-at", time(opened));
    set("updated-at", time(changed));
    Value::Object(shown)
}

/// `GET /accounts/{n}/trading-status`.
pub(super) async fn trading_status(
    State(face): State<Arc<Face>>,
    Path(number): Path<String>,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let shown = json!({
        "account-number": holder.number,
        "are-far-otm-net-options-restricted": true,
        "autotrade-account-type": null,
        "clearing-account-number": holder.number,
        "clearing-aggregation-identifier": null,
        "day-trade-count": 0,
        "equities-margin-calculation-type": "Reg T",
        "fee-schedule-name": "default",
        "futures-margin-rate-multiplier": "0.0",
        "has-intraday-equities-margin": false,
        "id": 1_000_001,
        "is-aggregated-at-clearing": false,
        "is-closed": false,
        "is-closing-only": false,
        "is-cryptocurrency-closing-only": false,
        "is-cryptocurrency-enabled": false,
        "is-equity-offering-closing-only": false,
        "is-equity-offering-enabled": false,
        "is-frozen": false,
        "is-full-equity-margin-required": false,
        "is-futures-closing-only": false,
        "is-futures-enabled": false,
        "is-futures-intra-day-enabled": false,
        "is-in-day-trade-equity-maintenance-call": false,
        "is-in-margin-call": false,
        "is-pattern-day-trader": false,
        "is-portfolio-margin-enabled": false,
        "is-risk-reducing-only": false,
        "is-roll-the-day-forward-enabled": true,
        "is-small-notional-futures-intra-day-enabled": false,
        "options-level": "No Restrictions",
        "short-calls-enabled": true,
        "small-notional-futures-margin-rate-multiplier": "0.0",
        "updated-at": time(face.clock.now()),
    });
    Ok(wire::ok(&format!("/accounts/{number}/trading-status"), shown))
}
