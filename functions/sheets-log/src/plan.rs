//! What a run's report says of its plan, as far as rows want it.

use gamma_market::{Price, Right, Vertical};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

/// The report of a run.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    /// When the run began.
    pub(crate) started: Timestamp,
    /// Its last plan.
    pub(crate) plan: Option<Plan>,
}

/// The numbers behind the day's size.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    pub(crate) equity: Decimal,
    pub(crate) unit_dollars: Decimal,
    pub(crate) units: u32,
    pub(crate) volatility_field: String,
    pub(crate) volatility: Option<Decimal>,
    pub(crate) bucket: usize,
    pub(crate) multiplier: u32,
    pub(crate) sides: Vec<SidePlan>,
}

/// One side of it.
#[derive(Debug, Deserialize)]
pub(crate) struct SidePlan {
    pub(crate) side: Right,
    pub(crate) vertical: Vertical,
    pub(crate) go: Decimal,
    pub(crate) strength: Decimal,
    pub(crate) feed_price: Option<Price>,
    pub(crate) full_size: u32,
    pub(crate) target: u32,
    pub(crate) held: u32,
}

impl SidePlan {
    /// What made the quantity besides units and multiplier.
    pub(crate) fn rule(&self, quantity: u32) -> String {
        let rules = [
            (self.target < self.full_size, "RISK_REVERSAL_CREDIT"),
            (self.held > 0, "TOP_UP"),
            (quantity < self.target.saturating_sub(self.held), "CAP"),
        ];
        let named: Vec<&str> = std::iter::once("VOL_BUCKET")
            .chain(rules.iter().filter(|(holds, _)| *holds).map(|(_, name)| *name))
            .collect();
        named.join("+")
    }
}
