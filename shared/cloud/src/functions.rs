//! Lambda functions as an operator sees them: invoked and waited for, and how they are deployed.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use gamma_operator::{Answered, FunctionError, Invocations, Wait};
use serde_json::Value;

use crate::refusal::CallError;

/// Longer than any function of ours lives.
const PATIENCE: Duration = Duration::from_secs(330);

/// The functions behind one endpoint.
#[derive(Debug, Clone)]
pub struct Functions {
    config: SdkConfig,
}

/// What an invocation that was waited for came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Invoked {
    /// The function failed: its answer is Lambda's error document.
    pub failed: bool,
    /// What it answered.
    pub answer: Value,
}

/// How a function is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// Its timeout in seconds.
    pub timeout: Option<i32>,
}

impl Functions {
    /// Over `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Invokes a function once and waits for its answer. A call that is not answered is never sent again: it
    /// may have begun.
    ///
    /// # Errors
    /// [`CallError`] when the service refused, or it is not known what became of it.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Invoked, CallError> {
        let action = "lambda:InvokeFunction";
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_timeout(PATIENCE)
            .build();
        let config = self.config.to_builder().timeout_config(timeouts).retry_config(RetryConfig::disabled());
        // Nothing flows while the function works.
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build();
        let request = Client::new(&config)
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::RequestResponse);
        let answer = request
            .payload(Blob::new(payload.to_string()))
            .send()
            .await
            .map_err(|error| CallError::of(action, function, &error))?;
        let body = answer.payload.as_ref().map(Blob::as_ref).unwrap_or_default();
        let body =
            serde_json::from_slice(body).map_err(|error| CallError::unreadable(action, function, &error))?;
        Ok(Invoked { failed: answer.function_error.is_some(), answer: body })
    }

    /// Has a function invoked once, and does not wait for it: when this comes back the event is queued.
    ///
    /// # Errors
    /// [`CallError`] when it is not known to be.
    pub async fn queue(&self, function: &str, payload: &Value) -> Result<(), CallError> {
        let request =
            Client::new(&self.config).invoke().function_name(function).invocation_type(InvocationType::Event);
        let sent = request.payload(Blob::new(payload.to_string())).send().await;
        sent.map(drop).map_err(|error| CallError::of("lambda:InvokeFunction", function, &error))
    }

    /// How a function is deployed; `None` when there is none of that name.
    ///
    /// # Errors
    /// [`CallError`] when the service refused or did not answer.
    pub async fn deployed(&self, function: &str) -> Result<Option<Deployed>, CallError> {
        let sent =
            Client::new(&self.config).get_function_configuration().function_name(function).send().await;
        let answer =
            match sent.map_err(|error| CallError::of("lambda:GetFunctionConfiguration", function, &error)) {
                Err(error) if error.is_absent() => return Ok(None),
                answer => answer?,
            };
        let environment =
            answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
        Ok(Some(Deployed { environment: environment.into_iter().collect(), timeout: answer.timeout }))
    }
}

#[async_trait]
impl Invocations for Functions {
    async fn ask(&self, function: &str, event: &Value, wait: Wait) -> Result<Answered, FunctionError> {
        let failed =
            |error: CallError| FunctionError { function: function.to_owned(), reason: error.to_string() };
        if wait == Wait::Queued {
            return self.queue(function, event).await.map(|()| Answered::Queued).map_err(failed);
        }
        let Invoked { failed: has_failed, answer } = self.invoke(function, event).await.map_err(failed)?;
        let word = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(if has_failed {
            Answered::Failed { error_type: word("errorType"), message: word("errorMessage") }
        } else {
            Answered::Returned(answer)
        })
    }
}
