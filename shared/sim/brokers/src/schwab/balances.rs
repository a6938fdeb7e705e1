//! The balances of a margin account (docs/reference/schwab.md, Account).

use gamma_sim_core::account::{Position, requirement};
use gamma_sim_core::exchange::Exchange;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::wire::float;

/// What the account shows right now, in dollars.
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

    /// Options on margin: twice the available funds.
    pub(super) fn buying_power(available: Decimal) -> Decimal {
        available * Decimal::TWO
    }
}

/// The account when the day began.
pub(super) fn initial(exchange: &Exchange) -> Value {
    let day = exchange.account().day_begin();
    let available = day.cash - day.requirement;
    let (cash, value) = (float(day.cash), float(day.liquidation_value()));
    json!({
        "accruedInterest": 0.0,
        "availableFundsNonMarginableTrade": float(available),
        "bondValue": float(available * Decimal::from(4)),
        "buyingPower": float(Funds::buying_power(available)),
        "cashBalance": cash,
        "cashAvailableForTrading": 0.0,
        "cashReceipts": 0.0,
        "dayTradingBuyingPower": float(available * Decimal::from(4)),
        "dayTradingBuyingPowerCall": 0.0,
        "dayTradingEquityCall": 0.0,
        "equity": cash,
        "equityPercentage": 100.0,
        "liquidationValue": value,
        "longMarginValue": 0.0,
        "longOptionMarketValue": float(day.long_options),
        "longStockValue": 0.0,
        "maintenanceCall": 0.0,
        "maintenanceRequirement": float(day.requirement),
        "margin": cash,
        "marginEquity": cash,
        "moneyMarketFund": 0.0,
        "mutualFundValue": cash,
        "regTCall": 0.0,
        "shortMarginValue": 0.0,
        "shortOptionMarketValue": float(day.short_options),
        "shortStockValue": 0.0,
        "totalCash": 0.0,
        "isInCall": false,
        "unsettledCash": 0.0,
        "pendingDeposits": 0.0,
        "marginBalance": 0.0,
        "shortBalance": 0.0,
        "accountValue": value,
    })
}

/// The account now.
pub(super) fn current(exchange: &Exchange) -> Value {
    let funds = Funds::of(exchange);
    let (long, short) = exchange.account().option_values(exchange.market());
    let available = float(funds.available);
    let cash = float(exchange.account().cash());
    json!({
        "accruedInterest": 0.0,
        "cashBalance": cash,
        "cashReceipts": 0.0,
        "longOptionMarketValue": float(long),
        "liquidationValue": float(exchange.liquidation_value()),
        "longMarketValue": 0.0,
        "moneyMarketFund": 0.0,
        "savings": 0.0,
        "shortMarketValue": 0.0,
        "pendingDeposits": 0.0,
        "mutualFundValue": 0.0,
        "bondValue": 0.0,
        "shortOptionMarketValue": float(short),
        "availableFunds": available,
        "availableFundsNonMarginableTrade": available,
        "buyingPower": float(Funds::buying_power(funds.available)),
        "buyingPowerNonMarginableTrade": available,
        "dayTradingBuyingPower": float(funds.available * Decimal::from(4)),
        "equity": cash,
        "equityPercentage": 100.0,
        "longMarginValue": 0.0,
        "maintenanceCall": 0.0,
        "maintenanceRequirement": float(funds.requirement),
        "marginBalance": 0.0,
        "regTCall": 0.0,
        "shortBalance": 0.0,
        "shortMarginValue": 0.0,
        "sma": available,
    })
}

/// The account once everything pending is through.
pub(super) fn projected(exchange: &Exchange) -> Value {
    let available = Funds::of(exchange).available;
    let buying_power = float(Funds::buying_power(available));
    json!({
        "availableFunds": float(available),
        "availableFundsNonMarginableTrade": float(available),
        "buyingPower": buying_power,
        "dayTradingBuyingPower": float(available * Decimal::from(4)),
        "dayTradingBuyingPowerCall": 0.0,
        "maintenanceCall": 0.0,
        "regTCall": 0.0,
        "isInCall": false,
        "stockBuyingPower": buying_power,
    })
}

/// A short position's part of what is held, by its contracts; a long one needs nothing.
pub(super) fn requirement_share(exchange: &Exchange, position: &Position) -> Decimal {
    let short: i64 = exchange.account().positions().values().map(|held| (-held.quantity).max(0)).sum();
    if position.quantity >= 0 || short == 0 {
        return Decimal::ZERO;
    }
    (Funds::of(exchange).requirement * Decimal::from(-position.quantity) / Decimal::from(short)).round_dp(2)
}
