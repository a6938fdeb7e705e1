//! The operator's Lambda: arm, halt, schedules, status, hand off, recover. The use cases are
//! `gamma-operator`'s; here is what an invocation says, and what the environment does.

pub mod config;
pub mod event;
