//! What the field calls things, and the arithmetic they share: prices on ticks, option symbols, legs,
//! verticals and packages, package quotes, the published signal, and the trading calendar.
//!
//! This room is pure. It reads no clock, opens no socket and holds no randomness: time comes in as an
//! argument.

pub mod calendar;
mod nbbo;
mod package;
mod price;
mod signal;
mod symbol;
mod tick;
mod vertical;

pub use nbbo::{LegQuote, PackageNbbo, QuoteBook, QuoteState, package_nbbo, settlement_value};
pub use package::{MOST_LEGS, Package, PackageError, Shape, corners};
pub use price::{Price, PriceError};
pub use signal::{Published, SignalRow};
pub use symbol::{OptionSymbol, Right, Strike, SymbolError};
pub use tick::{PriceRule, Tick, TickError};
pub use vertical::{Effect, Leg, LegAction, PositionEffect, Vertical, VerticalError};
