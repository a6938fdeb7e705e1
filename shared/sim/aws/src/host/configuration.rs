//! `GetFunctionConfiguration`, as much of it as says how a function is deployed.
//! Source: AWS Lambda API reference, "GetFunctionConfiguration".

use std::sync::Weak;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::InvokeError;
use super::service::Service;

pub(super) async fn configuration(
    State(service): State<Weak<Service>>,
    Path(function): Path<String>,
) -> Result<Response, InvokeError> {
    let service = service.upgrade().ok_or(InvokeError::Stopped)?;
    let function = service.find(&function, None)?;
    let config = &function.config;
    let shown = json!({
        "FunctionName": config.name,
        "FunctionArn": function.arn,
        "Handler": "bootstrap",
        "MemorySize": config.memory_mb,
        "Timeout": config.timeout.as_secs(),
        "Environment": { "Variables": config.environment },
        "Version": "$LATEST",
        "State": "Active",
    });
    Ok(Json(shown).into_response())
}
