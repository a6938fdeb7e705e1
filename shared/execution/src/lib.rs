//! The order's life, from the event to the recorded outcome. Owns the ports and knows no adapter.

pub mod approval;
pub mod fingerprint;
pub mod gates;
pub mod handoff;
pub mod ladder;
pub mod last_look;
pub mod notice;
pub mod ports;
pub mod profile;
pub mod quotes;
pub mod recovery;
pub mod report;
pub mod run;
pub mod schedule;
pub mod tokens;
pub mod worker;
