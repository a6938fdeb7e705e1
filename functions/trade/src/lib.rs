//! What an invocation of the trading function is told: its event. The binary beside this library is the
//! function.

pub mod event;
