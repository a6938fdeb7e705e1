//! Approval: the only door to the broker.

use gamma_market::{Effect, Price, Vertical};

/// Something that passed every check. It can be made only in this module, so only what was approved can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    pub const fn get(&self) -> &T {
        &self.0
    }
}

/// A limit order for one vertical, opening, good for the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOrder {
    /// What is traded.
    pub vertical: Vertical,
    /// Credit or debit.
    pub effect: Effect,
    /// Packages.
    pub quantity: u32,
    /// Limit in points, above zero.
    pub price: Price,
}
