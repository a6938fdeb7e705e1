//! What an operator decides and sees: arming, halts, schedules, status. Use cases over ports; adapters belong to `gamma-cloud`.

mod names;

pub use names::{Names, ScheduleKind};
