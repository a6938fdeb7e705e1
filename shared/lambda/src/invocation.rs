//! One invocation around its one use case.

use std::sync::Arc;

use crate::clock::{self, RunClock};
use crate::failure::Failure;
use crate::metrics::{Metric, Metrics};

/// Does `work` by the clock at `clock_url`, the machine's without one, and counts its failure.
///
/// # Errors
/// Those of `work`; `ClockUnavailable` where a local stack's clock does not answer.
pub async fn counted<T, F>(
    metrics: &Metrics,
    clock_url: Option<&str>,
    request_id: &str,
    work: impl FnOnce(Arc<dyn RunClock>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let clock = match clock::of(clock_url, request_id).await {
        Ok(clock) => clock,
        Err(failure) => {
            metrics.write(clock::of_the_machine().now(), Metric::Failed(failure.error_type));
            return Err(failure);
        }
    };
    let result = work(Arc::clone(&clock)).await;
    if let Err(failure) = &result {
        metrics.write(clock.now(), Metric::Failed(failure.error_type));
    }
    clock.detach().await;
    result
}
