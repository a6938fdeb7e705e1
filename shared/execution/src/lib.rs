//! The order's life, from the event to the recorded outcome. Owns the ports and knows no adapter.

pub mod approval;
pub mod ports;
