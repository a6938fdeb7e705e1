//! What is held against short options.

use std::collections::{BTreeMap, BTreeSet};

use gamma_market::{OptionSymbol, Right, settlement_value};
use jiff::civil::Date;
use rust_decimal::Decimal;

/// Part of the index' level held against each call sold without another bought: an outright loss has no
/// bound.
const NAKED_CALL: Decimal = Decimal::from_parts(15, 0, 0, false, 2);

/// Dollars held against `positions` with the index at `level`: for each expiry by itself the most it can owe
/// at settlement, so the width of a vertical and the wider side of a condor, and a part of the index for
/// every naked call. Simpler and stricter than a broker's own rules where puts are naked.
pub fn requirement(positions: &BTreeMap<OptionSymbol, i64>, level: Decimal) -> Decimal {
    let expiries: BTreeSet<Date> = positions.keys().map(OptionSymbol::expiry).collect();
    let points: Decimal = expiries.into_iter().map(|expiry| owed(positions, expiry, level)).sum();
    points * Decimal::ONE_HUNDRED
}

fn owed(positions: &BTreeMap<OptionSymbol, i64>, expiry: Date, level: Decimal) -> Decimal {
    let held: BTreeMap<OptionSymbol, i64> = positions
        .iter()
        .filter(|(symbol, _)| symbol.expiry() == expiry)
        .map(|(symbol, held)| (*symbol, *held))
        .collect();
    // The value is a broken line that bends at the strikes only, so its lowest point is at one of them or at
    // zero.
    let bends = held.keys().map(|symbol| symbol.strike().points()).chain([Decimal::ZERO]);
    let worst =
        bends.map(|settle| -settlement_value(&held, settle)).max().unwrap_or_default().max(Decimal::ZERO);
    let calls: i64 =
        held.iter().filter(|(symbol, _)| symbol.right() == Right::Call).map(|(_, held)| *held).sum();
    worst + Decimal::from((-calls).max(0)) * level * NAKED_CALL
}
