//! What to trade, and why: (signal, snapshot, profile) → plan. Pure: no clock, no I/O, no randomness.

pub mod constant_stable;
pub mod edge;
pub mod signal;
