//! The loop around a function's one use case.

use std::sync::Arc;

use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument;

use crate::clock::RunClock;
use crate::metrics::Metrics;
use crate::{Failure, counted, deadline, environment, run_id, start_log};

/// A Lambda function. What it holds goes from one invocation to the next.
pub trait Function: Sized + 'static {
    /// Whether the log line of a failure raises an alarm by itself, besides its metric.
    const FAILURES_ALARM: bool;

    /// Reads the environment. A function that cannot be made still answers every event, with an error that
    /// names the variable.
    ///
    /// # Errors
    /// [`Failure`] names the variable.
    fn from_env(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure>;

    /// The virtual clock of a local stack.
    fn clock_url(&self) -> Option<&str>;

    /// Does what one event asks for.
    ///
    /// # Errors
    /// [`Failure`] becomes the Lambda error.
    fn invoke(&self, invocation: Invocation) -> impl Future<Output = Result<Value, Failure>>;
}

/// One event, and what its use case works with.
pub struct Invocation {
    /// The event.
    pub event: Value,
    /// When the function is killed.
    pub deadline: Timestamp,
    /// The name of this delivery.
    pub run_id: String,
    /// Time.
    pub clock: Arc<dyn RunClock>,
    /// Where metrics are written.
    pub metrics: Metrics,
}

/// Serves events until the process ends.
///
/// # Errors
/// When the Lambda runtime cannot be spoken to.
pub async fn serve<F: Function>() -> Result<(), lambda_runtime::Error> {
    start_log();
    let function = Arc::new(environment::of_the_process(F::from_env));
    let metrics = Metrics::from_env(|name| std::env::var(name).ok());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let (function, metrics) = (Arc::clone(&function), metrics.clone());
        async move { Box::pin(answer(&function, event, &metrics)).await }
    }))
    .await
}

async fn answer<F: Function>(
    function: &Result<F, Failure>,
    event: LambdaEvent<Value>,
    metrics: &Metrics,
) -> Result<Value, Failure> {
    let LambdaEvent { payload, context } = event;
    let run_id = run_id::unique(&context.request_id);
    // Every line of an invocation carries its name.
    let span = tracing::info_span!("run", run_id = %run_id);
    let clock_url = function.as_ref().ok().and_then(F::clock_url);
    let work = async |clock| match function {
        Ok(function) => {
            let invocation = Invocation {
                event: payload,
                deadline: deadline(&context),
                run_id,
                clock,
                metrics: metrics.clone(),
            };
            Box::pin(function.invoke(invocation)).await
        }
        Err(failure) => Err(failure.clone()),
    };
    let result = counted(metrics, clock_url, &context.request_id, work).instrument(span.clone()).await;
    if let Err(failure) = &result {
        let _entered = span.enter();
        if F::FAILURES_ALARM {
            tracing::error!(error_type = failure.error_type, alarm = true, "{failure}");
        } else {
            tracing::error!(error_type = failure.error_type, "{failure}");
        }
    }
    result
}
