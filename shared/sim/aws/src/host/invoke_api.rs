//! The Invoke API over HTTP. Signatures are not checked, so signed requests are as welcome as plain ones.
//! Source: AWS Lambda API reference, "Invoke".

use std::sync::Weak;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::configuration::configuration;
use super::service::Service;
use super::{InvokeError, InvokeKind, InvokeResult};

/// The router only borrows the host, which would otherwise live as long as its own server.
pub(super) fn router(service: Weak<Service>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{function}/invocations", post(invoke))
        .route("/2015-03-31/functions/{function}/configuration", get(configuration))
        // The limit is Lambda's, not the framework's.
        .layer(DefaultBodyLimit::disable())
        .with_state(service)
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "Qualifier")]
    qualifier: Option<String>,
}

async fn invoke(
    State(service): State<Weak<Service>>,
    Path(function): Path<String>,
    Query(parameters): Query<Parameters>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    payload: Bytes,
) -> Result<Response, InvokeError> {
    let kind = kind(&headers)?;
    let with_tail = log_type(&headers)?;
    let service = service.upgrade().ok_or(InvokeError::Stopped)?;
    service.note(&method, &uri, &headers)?;
    let result = service.invoke(&function, parameters.qualifier.as_deref(), payload, kind).await?;
    Ok(answer(result, kind, with_tail))
}

fn kind(headers: &HeaderMap) -> Result<InvokeKind, InvokeError> {
    const PARAMETER: &str = "X-Amz-Invocation-Type";
    match text(headers, PARAMETER).as_deref() {
        None | Some("RequestResponse") => Ok(InvokeKind::RequestResponse),
        Some("Event") => Ok(InvokeKind::Event),
        Some("DryRun") => Ok(InvokeKind::DryRun),
        Some(other) => Err(InvokeError::InvalidParameter {
            parameter: PARAMETER,
            came: other.to_owned(),
            expected: "RequestResponse, Event or DryRun",
        }),
    }
}

fn log_type(headers: &HeaderMap) -> Result<bool, InvokeError> {
    const PARAMETER: &str = "X-Amz-Log-Type";
    match text(headers, PARAMETER).as_deref() {
        None | Some("None") => Ok(false),
        Some("Tail") => Ok(true),
        Some(other) => Err(InvokeError::InvalidParameter {
            parameter: PARAMETER,
            came: other.to_owned(),
            expected: "None or Tail",
        }),
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn answer(result: InvokeResult, kind: InvokeKind, with_tail: bool) -> Response {
    let mut headers = vec![("x-amzn-requestid", result.request_id)];
    if kind == InvokeKind::RequestResponse {
        headers.push(("content-type", "application/json".to_owned()));
        headers.push(("x-amz-executed-version", "$LATEST".to_owned()));
        if with_tail {
            headers.push(("x-amz-log-result", STANDARD.encode(result.log_tail)));
        }
    }
    if let Some(error) = result.function_error {
        headers.push(("x-amz-function-error", error));
    }
    let mut response =
        (StatusCode::from_u16(result.status).unwrap_or(StatusCode::OK), result.payload).into_response();
    // The bytes' own content type would stay beside ours.
    response.headers_mut().clear();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

impl IntoResponse for InvokeError {
    fn into_response(self) -> Response {
        let message = self.to_string();
        let code = self.code();
        let (status, body) = match self {
            Self::FunctionNotFound { .. } => {
                (StatusCode::NOT_FOUND, json!({ "Message": message, "Type": "User" }))
            }
            Self::InvalidRequestContent { .. } | Self::InvalidParameter { .. } => {
                (StatusCode::BAD_REQUEST, json!({ "Type": "User", "message": message }))
            }
            Self::PayloadTooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, json!({ "Message": message, "Type": "User" }))
            }
            Self::TooManyRequests => {
                let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
                (
                    StatusCode::TOO_MANY_REQUESTS,
                    json!({ "Reason": reason, "Type": "User", "message": message }),
                )
            }
            Self::Unavailable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, json!({ "Message": message, "Type": "Service" }))
            }
            Self::Stopped | Self::Unrecorded { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "Message": message, "Type": "Service" }))
            }
        };
        (status, [("x-amzn-errortype", code)], Json(body)).into_response()
    }
}
