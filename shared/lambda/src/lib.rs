//! What every Lambda function needs around its one use case: a clock, a log, metrics, the name of a delivery, errors with stable types.

#[cfg(feature = "function")]
pub mod clock;
pub mod failure;
#[cfg(feature = "function")]
mod invocation;
#[cfg(feature = "function")]
mod local;
#[cfg(feature = "function")]
mod log;
#[cfg(feature = "function")]
pub mod metrics;
#[cfg(feature = "function")]
pub mod run_id;

#[cfg(feature = "function")]
mod deadline;

#[cfg(feature = "function")]
pub use deadline::deadline;
pub use failure::Failure;
#[cfg(feature = "function")]
pub use invocation::counted;
#[cfg(feature = "function")]
pub use local::is_loopback;
#[cfg(feature = "function")]
pub use log::start_log;
