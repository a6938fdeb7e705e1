//! (signal row, snapshot, profile) → plan.

use std::collections::BTreeMap;

use gamma_market::{Effect, OptionSymbol, Price, Right, SignalRow, Strike, Vertical};
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::bucket::is_plausible;
use super::{
    Decision, Direction, MissingVolatility, Plan, PlanRefusal, Profile, ROOT, SidePlan, SkipReason, Structure,
};
use crate::signal::SignalRefusal;

/// Points between the strikes of a vertical.
const WIDTH: i32 = 5;

/// The account at decision time.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Account value in dollars, `None` when the broker did not say.
    pub equity: Option<Decimal>,
    /// Net contracts held, long positive. Whoever opened them, they count for guard and top-up.
    pub positions: &'a BTreeMap<OptionSymbol, i64>,
}

/// Decides the day. `row` has passed [`crate::signal::select`].
///
/// # Errors
/// [`PlanRefusal`] when the whole day must not be traded; a single side that must not is a skip inside the
/// plan.
pub fn decide(row: &SignalRow, snapshot: Snapshot<'_>, profile: &Profile) -> Result<Plan, PlanRefusal> {
    let raw = &profile.raw;
    let expiry =
        row.expiry.ok_or(SignalRefusal::Missing { field: "TDate", expected: "the expiry, YYYY-MM-DD" })?;
    let equity = match snapshot.equity {
        None => return Err(PlanRefusal::EquityMissing),
        Some(equity) if equity <= Decimal::ZERO => return Err(PlanRefusal::EquityNotPositive { equity }),
        Some(equity) => equity,
    };
    // Very small units of very large equity are more than a decimal holds.
    let units =
        equity.checked_div(raw.unit_dollars).map_or(Decimal::MAX, |units| units.floor().max(Decimal::ONE));
    let trades = [side_of(row, Right::Put, expiry)?, side_of(row, Right::Call, expiry)?];
    let structure = structure_of(&trades).ok_or(PlanRefusal::NoSide)?;
    let (volatility, bucket, multiplier) = size(row, profile)?;
    if multiplier == 0 {
        return Err(PlanRefusal::MultiplierZero { bucket });
    }
    let too_large = PlanRefusal::TooLarge { units, multiplier };
    let full_size = units
        .checked_mul(Decimal::from(multiplier))
        .and_then(|size| size.to_u32())
        .filter(|size| *size <= 100_000)
        .ok_or(too_large)?;
    let units = full_size / multiplier;
    let reduces = structure == Structure::RiskReversal && multiplier >= raw.risk_reversal_from_multiplier;
    let sides = trades
        .into_iter()
        .flatten()
        .map(|trade| {
            let reduced = reduces && trade.vertical.effect() == Effect::Credit;
            let target = if reduced { share(full_size, raw.risk_reversal_credit_ratio) } else { full_size };
            plan_side(&trade, full_size, target, snapshot.positions, profile)
        })
        .collect();
    let volatility_field = raw.volatility_field.clone();
    Ok(Plan {
        trade_date: row.date,
        expiry,
        structure,
        equity,
        unit_dollars: raw.unit_dollars,
        units,
        volatility_field,
        volatility,
        bucket,
        multiplier,
        sides,
    })
}

/// A side of the signal that has a direction.
struct Trade {
    direction: Direction,
    vertical: Vertical,
    go: Decimal,
    strength: Decimal,
    feed_price: Option<Price>,
}

/// The four-row table (docs/reference/strategy.md, Sides). The inner strike is the published one, whole
/// points by truncation.
fn side_of(row: &SignalRow, side: Right, expiry: Date) -> Result<Option<Trade>, PlanRefusal> {
    let (go, strike, strength, price, field) = match side {
        Right::Put => (row.left_go, row.put_strike, row.left_strength, row.put_price, "Limit"),
        Right::Call => (row.right_go, row.call_strike, row.right_strength, row.call_price, "CLimit"),
    };
    let Some(go) = go.filter(|go| !go.is_zero()) else { return Ok(None) };
    let direction = if go.is_sign_negative() { Direction::Short } else { Direction::Long };
    let published = strike.ok_or(SignalRefusal::Missing { field, expected: "the inner strike in points" })?;
    let bad = PlanRefusal::BadStrike { field, value: published };
    let inner = published.trunc().to_u32().and_then(Strike::whole).ok_or(bad.clone())?;
    let outer = inner.offset(if side == Right::Put { -WIDTH } else { WIDTH }).ok_or(bad.clone())?;
    let symbol = |strike| OptionSymbol::new(ROOT, expiry, side, strike).ok_or(bad.clone());
    // The inner strike is nearer the money and so the dearer leg, for puts and calls alike.
    let (sell, buy) = match direction {
        Direction::Short => (symbol(inner)?, symbol(outer)?),
        Direction::Long => (symbol(outer)?, symbol(inner)?),
    };
    let vertical = Vertical::new(sell, buy).map_err(|_| bad)?;
    Ok(Some(Trade {
        direction,
        vertical,
        go,
        strength: strength.unwrap_or_else(|| go.abs()),
        feed_price: price.map(Price::new),
    }))
}

fn structure_of(trades: &[Option<Trade>; 2]) -> Option<Structure> {
    match trades {
        [Some(put), Some(call)] => Some(match (put.direction, call.direction) {
            (Direction::Short, Direction::Short) => Structure::IronCondorShort,
            (Direction::Long, Direction::Long) => Structure::IronCondorLong,
            _ => Structure::RiskReversal,
        }),
        [None, None] => None,
        _ => Some(Structure::SingleVertical),
    }
}

fn size(row: &SignalRow, profile: &Profile) -> Result<(Option<Decimal>, usize, u32), PlanRefusal> {
    let field = &profile.raw.volatility_field;
    match row.volatilities.get(field) {
        Some(value) if is_plausible(*value) => {
            let (bucket, multiplier) = profile.buckets.of(*value);
            Ok((Some(*value), bucket, multiplier))
        }
        Some(value) => Err(PlanRefusal::VolatilityImplausible { field: field.clone(), value: *value }),
        None => match profile.raw.missing_volatility {
            MissingVolatility::Skip => Err(PlanRefusal::VolatilityMissing { field: field.clone() }),
            MissingVolatility::SmallestBucket => {
                let (bucket, multiplier) = profile.buckets.smallest();
                Ok((None, bucket, multiplier))
            }
        },
    }
}

/// `max(1, round_half_even(full × ratio))`.
fn share(full: u32, ratio: Decimal) -> u32 {
    let part = (Decimal::from(full) * ratio).round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
    part.to_u32().unwrap_or(full).clamp(1, full.max(1))
}

fn plan_side(
    trade: &Trade,
    full_size: u32,
    target: u32,
    positions: &BTreeMap<OptionSymbol, i64>,
    profile: &Profile,
) -> SidePlan {
    let raw = &profile.raw;
    let position = |symbol: OptionSymbol| positions.get(&symbol).copied().unwrap_or(0);
    let (bought, sold) = (position(trade.vertical.buy()), position(trade.vertical.sell()));
    let held = u32::try_from(bought.min(-sold).max(0)).unwrap_or(u32::MAX);
    let wanted = if raw.top_up { target.saturating_sub(held) } else { target };
    let would_close = raw.no_close_guard.then(|| closing_leg(&trade.vertical, bought, sold)).flatten();
    let decision = if wanted == 0 {
        Decision::Skip { reason: SkipReason::AtOrAboveTarget { held, target } }
    } else if let Some(reason) = would_close {
        Decision::Skip { reason }
    } else {
        Decision::Trade { quantity: raw.most_per_side.map_or(wanted, |most| wanted.min(most)) }
    };
    let Trade { direction, vertical, go, strength, feed_price } = *trade;
    SidePlan {
        side: vertical.right(),
        direction,
        vertical,
        go,
        strength,
        feed_price,
        full_size,
        target,
        held,
        decision,
    }
}

fn closing_leg(vertical: &Vertical, bought: i64, sold: i64) -> Option<SkipReason> {
    if bought < 0 {
        Some(SkipReason::WouldClose { symbol: vertical.buy(), position: bought, action: "buys" })
    } else if sold > 0 {
        Some(SkipReason::WouldClose { symbol: vertical.sell(), position: sold, action: "sells" })
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
