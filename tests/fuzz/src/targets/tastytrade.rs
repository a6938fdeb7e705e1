//! The readers of tastytrade's texts. What they make of an account, an order or a quote is held to what every
//! broker's is.

pub(super) mod account;
pub(super) mod market;
pub(super) mod orders;
pub(super) mod place;
pub(super) mod token;
pub(super) mod transactions;
