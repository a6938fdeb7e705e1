//! What an operator decides and sees: arming, halts, schedules, status. Use cases over ports; adapters belong to `gamma-cloud`.

mod local;
mod names;
pub mod story;

pub use local::{Announced, LocalStack, LocalStackError};
pub use names::{Names, ScheduleKind};
