//! The published signal of one day, as data: what adapters read and strategies decide on.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One row of a signal feed (docs/reference/gammawizard.md, Row). A field that was absent, null or not a
/// number is `None`: what a missing field means is the strategy's to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRow {
    /// The day the signal is for (`Date`).
    pub date: Date,
    /// The expiry to trade (`TDate`).
    pub expiry: Option<Date>,
    /// The inner put strike in points (`Limit`), as published.
    pub put_strike: Option<Decimal>,
    /// The inner call strike in points (`CLimit`), as published.
    pub call_strike: Option<Decimal>,
    /// Its sign is the put side's direction: below zero sells, above zero buys (`LeftGo`).
    pub left_go: Option<Decimal>,
    /// Its sign is the call side's direction (`RightGo`).
    pub right_go: Option<Decimal>,
    /// Strength of the put side, for the record only (`LImp`).
    pub left_strength: Option<Decimal>,
    /// Strength of the call side, for the record only (`RImp`).
    pub right_strength: Option<Decimal>,
    /// The feed's own price of the put spread in points, for the record only (`Put`).
    pub put_price: Option<Decimal>,
    /// The feed's own price of the call spread in points, for the record only (`Call`).
    pub call_price: Option<Decimal>,
    /// Every numeric volatility field by its name in the feed (`VixOne`, `VIX`, …), decimal fractions.
    pub volatilities: BTreeMap<String, Decimal>,
    /// The index level (`SPX`), for the record only.
    pub spot: Option<Decimal>,
    /// Every field as it was published, by its name in the feed, for the record only.
    #[serde(default)]
    pub published: Published,
}

/// A row's fields as they were published. Two rows that say the same in other words are the same row, so this
/// is no part of what a row is compared by.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Published(pub BTreeMap<String, String>);

impl PartialEq for Published {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Published {}
