//! What an on-failure destination is told of an event that was given up.
//! Source: AWS Lambda developer guide, "Retaining records of asynchronous invocations".

use serde_json::{Value, json};

use super::function::arn;
use super::{AsyncFailure, FailureCondition};

/// The message.
pub(super) fn record(failure: &AsyncFailure) -> String {
    let condition = match failure.condition {
        FailureCondition::RetriesExhausted => "RetriesExhausted",
        FailureCondition::EventAgeExceeded => "EventAgeExceeded",
        FailureCondition::ZeroReservedConcurrency => "ZeroReservedConcurrency",
    };
    let payload: Value = serde_json::from_slice(&failure.payload).unwrap_or_default();
    let mut record = json!({
        "version": "1.0",
        "timestamp": failure.at.to_string(),
        "requestContext": {
            "requestId": failure.request_id, "functionArn": arn(&format!("{}:$LATEST", failure.function)), "condition": condition,
            "approximateInvokeCount": failure.attempts,
        },
        "requestPayload": payload,
    });
    if failure.attempts > 0 {
        record["responseContext"] =
            json!({ "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" });
        record["responsePayload"] =
            serde_json::from_str(&failure.error).unwrap_or_else(|_| failure.error.clone().into());
    }
    record.to_string()
}
