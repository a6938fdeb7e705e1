//! What every Lambda function needs around its one use case: a clock, a log, metrics, the environment, the
//! name of a delivery, errors with stable types.

pub mod clock;
pub mod environment;
pub mod failure;
mod invocation;
mod local;
mod log;
pub mod metrics;
pub mod run_id;
mod serve;

mod deadline;

pub use deadline::deadline;
pub use environment::Environment;
pub use failure::Failure;
pub use invocation::counted;
pub use local::is_loopback;
pub use log::start_log;
pub use serve::{Function, Invocation, serve};
