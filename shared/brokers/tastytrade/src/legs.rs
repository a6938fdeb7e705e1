//! The legs of an order with what was filled of each (docs/reference/tastytrade.md, Order as shown).

use std::collections::BTreeMap;

use gamma_market::{Leg, LegAction, PositionEffect, Price};
use jiff::Timestamp;

use crate::fields::{FieldError, Object};

/// The option legs of an order.
pub(crate) struct Legs {
    /// One for each contract and direction.
    pub(crate) rows: Vec<LegRow>,
    /// Whether there are legs beside them, or legs that do not open, or that contradict themselves.
    pub(crate) foreign: bool,
}

/// One leg.
pub(crate) struct LegRow {
    pub(crate) leg: Leg,
    /// Ordered.
    pub(crate) contracts: u32,
    /// Not filled, where that is told. A cancelled order may have 0 here, whatever was filled.
    pub(crate) remaining: Option<u32>,
    /// By what tells one fill from another.
    fills: BTreeMap<String, LegFill>,
}

/// One execution of a leg.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LegFill {
    pub(crate) at: Option<Timestamp>,
    /// Executions of several legs that belong together.
    pub(crate) group: Option<String>,
    pub(crate) contracts: u32,
    pub(crate) price: Option<Price>,
}

impl Legs {
    /// A leg of which it is not said whether it opens or closes is kept, because it touches the contract, and
    /// marks the order as foreign.
    pub(crate) fn read(order: &Object<'_>) -> Result<Self, FieldError> {
        let mut legs = Self { rows: Vec::new(), foreign: false };
        for row in order.objects("legs")? {
            let action = match row.text("action")? {
                Some("Buy to Open") => Some((LegAction::Buy, Some(PositionEffect::Open))),
                Some("Sell to Open") => Some((LegAction::Sell, Some(PositionEffect::Open))),
                Some("Buy to Close") => Some((LegAction::Buy, Some(PositionEffect::Close))),
                Some("Sell to Close") => Some((LegAction::Sell, Some(PositionEffect::Close))),
                Some("Buy") => Some((LegAction::Buy, None)),
                Some("Sell") => Some((LegAction::Sell, None)),
                _ => None,
            };
            let is_option = row.text("instrument-type")? == Some("Equity Option");
            let symbol =
                if is_option { row.text("symbol")?.and_then(|text| text.parse().ok()) } else { None };
            if (symbol.is_none() || action.is_none()) && crate::foreign::may_be_ours(&row, order) {
                return Err(row.bad("symbol", "a symbol and an action that read"));
            }
            legs.foreign |= !matches!((symbol, action), (Some(_), Some((_, Some(_)))));
            if let (Some(symbol), Some((action, position))) = (symbol, action) {
                let leg = Leg { symbol, action, position: position.unwrap_or_default() };
                legs.add(LegRow::read(&row, leg)?);
            }
        }
        Ok(legs)
    }

    /// A leg may be reported several times, each time with some of its fills.
    fn add(&mut self, row: LegRow) {
        let Some(known) = self.rows.iter_mut().find(|known| known.leg == row.leg) else {
            self.rows.push(row);
            return;
        };
        // The same leg with another quantity is no report of it, but something we do not know.
        self.foreign |= known.contracts != row.contracts;
        known.contracts = known.contracts.max(row.contracts);
        known.remaining = known.remaining.into_iter().chain(row.remaining).min();
        for (key, fill) in row.fills {
            known.keep(key, fill);
        }
    }

    /// Packages, and the contracts of each leg in one: the packages are what all legs can be divided by.
    pub(crate) fn packages(&self) -> (u32, Vec<u32>) {
        let packages = self.rows.iter().map(|row| row.contracts).fold(0, greatest_common_divisor);
        (packages, self.rows.iter().map(|row| (row.contracts / packages.max(1)).max(1)).collect())
    }
}

impl LegRow {
    fn read(row: &Object<'_>, leg: Leg) -> Result<Self, FieldError> {
        let contracts = row
            .count("quantity")?
            .filter(|contracts| *contracts > 0)
            .ok_or_else(|| row.bad("quantity", "a number of contracts above 0"))?;
        let mut read =
            Self { leg, contracts, remaining: row.count("remaining-quantity")?, fills: BTreeMap::new() };
        let mut nameless: BTreeMap<LegFill, u32> = BTreeMap::new();
        for fill in row.objects("fills")? {
            // One without a quantity cannot be counted. What remains then says more than the fills, and the
            // order is not believed to be over.
            let Some(contracts) = fill.count("quantity")? else { continue };
            let (at, price) = (fill.time("filled-at")?, fill.price("fill-price")?);
            let content = LegFill { at, group: fill.words("ext-group-fill-id")?, contracts, price };
            let key = match (fill.text("fill-id")?, fill.text("ext-exec-id")?) {
                (Some(id), _) => format!("fill {id}"),
                (None, Some(id)) => format!("execution {id}"),
                (None, None) => {
                    // Two alike in one report are two; the same one in the next report is the same.
                    let alike = nameless.entry(content.clone()).and_modify(|alike| *alike += 1).or_default();
                    format!("nameless {content:?} {alike}")
                }
            };
            read.keep(key, content);
        }
        Ok(read)
    }

    /// Two reports of one fill are one fill; where they differ the larger stands, whichever came first.
    fn keep(&mut self, key: String, fill: LegFill) {
        let kept = self.fills.entry(key).or_insert_with(|| fill.clone());
        if (fill.contracts, &fill) > (kept.contracts, &*kept) {
            *kept = fill;
        }
    }

    /// Contracts that the fills add up to.
    pub(crate) fn filled(&self) -> u32 {
        self.fills.values().fold(0, |sum, fill| sum.saturating_add(fill.contracts))
    }

    /// The fills, oldest first.
    pub(crate) fn in_order(&self) -> Vec<LegFill> {
        let mut fills: Vec<LegFill> = self.fills.values().cloned().collect();
        fills.sort();
        fills
    }
}

const fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
