//! ConstantStable: 5-wide SPXW verticals, one per side of the signal, sized by volatility buckets
//! (docs/reference/strategy.md).

mod bucket;
mod decide;
mod plan;
mod profile;

pub use bucket::Buckets;
pub use decide::{Snapshot, decide};
pub use plan::{Decision, Direction, Plan, PlanRefusal, SidePlan, SkipReason, Structure};
pub use profile::{MissingVolatility, Profile, ProfileError, RawProfile};

/// The strategy's name in records and keys.
pub const NAME: &str = "constant_stable";
/// The option root it trades.
pub const ROOT: &str = "SPXW";
