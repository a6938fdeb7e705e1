//! Hand-off by asynchronous invocations of Lambda functions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use gamma_execution::ports::{Consumer, Handoff, HandoffError, PendingHandoff};

use crate::service_error::reason;

/// What the service answers once it has queued an event.
const QUEUED: i32 = 202;

/// Invokes each consumer's function. What becomes of the event then is Lambda's to retry, and its failure
/// destination's to keep.
#[derive(Debug)]
pub struct LambdaHandoff {
    client: Client,
    functions: BTreeMap<Consumer, String>,
}

impl LambdaHandoff {
    /// To functions by name.
    #[must_use]
    pub fn new(config: &SdkConfig, functions: BTreeMap<Consumer, String>) -> Self {
        Self { client: Client::new(config), functions }
    }
}

#[async_trait]
impl Handoff for LambdaHandoff {
    async fn hand_off(&self, handoff: &PendingHandoff) -> Result<(), HandoffError> {
        let PendingHandoff { run, consumer } = handoff;
        let failed =
            |reason: String| HandoffError { run_id: run.run_id.clone(), consumer: *consumer, reason };
        let name = self
            .functions
            .get(consumer)
            .ok_or_else(|| failed("no function is configured for it".to_owned()))?;
        let payload = serde_json::to_vec(run).map_err(|error| failed(error.to_string()))?;
        let request = self
            .client
            .invoke()
            .function_name(name)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload));
        let answer = request.send().await.map_err(|error| failed(reason(&error)))?;
        if answer.status_code() == QUEUED {
            Ok(())
        } else {
            Err(failed(format!("status: got {}, expected {QUEUED}", answer.status_code())))
        }
    }
}
