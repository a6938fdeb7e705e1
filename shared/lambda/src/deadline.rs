use jiff::Timestamp;
use lambda_runtime::Context;

/// When the function is killed.
#[must_use]
pub fn deadline(context: &Context) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(context.deadline).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
}
