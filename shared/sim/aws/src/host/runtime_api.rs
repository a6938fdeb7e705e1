//! The Runtime API, one for each environment.
//! Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::environment::{Environment, Misuse};
use super::outcome::{LARGEST_RESPONSE, Outcome};

pub(super) fn router(environment: Arc<Environment>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{request_id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{request_id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        // The limit is Lambda's, not the framework's.
        .layer(DefaultBodyLimit::disable())
        .with_state(environment)
}

async fn next(State(environment): State<Arc<Environment>>) -> Result<Response, Misuse> {
    let Some(delivery) = environment.next().await? else {
        return Ok((StatusCode::GONE, "no event will come").into_response());
    };
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", delivery.request_id),
        ("Lambda-Runtime-Deadline-Ms", delivery.deadline.as_millisecond().to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", delivery.arn),
        ("Lambda-Runtime-Trace-Id", delivery.trace),
        ("Content-Type", "application/json".to_owned()),
    ];
    Ok((headers, delivery.payload).into_response())
}

async fn response(
    State(environment): State<Arc<Environment>>,
    Path(request_id): Path<String>,
    payload: Bytes,
) -> Result<Response, Misuse> {
    if payload.len() > LARGEST_RESPONSE {
        environment.answer(&request_id, Outcome::response_too_large())?;
        return Ok((
            StatusCode::PAYLOAD_TOO_LARGE,
            problem("RequestEntityTooLarge", "Exceeded maximum allowed payload size"),
        )
            .into_response());
    }
    environment.answer(&request_id, Outcome::answer(payload))?;
    Ok(accepted())
}

async fn error(
    State(environment): State<Arc<Environment>>,
    Path(request_id): Path<String>,
    payload: Bytes,
) -> Result<Response, Misuse> {
    environment.answer(&request_id, Outcome::error(payload))?;
    Ok(accepted())
}

async fn init_error(State(environment): State<Arc<Environment>>, payload: Bytes) -> Result<Response, Misuse> {
    environment.fail_init(Outcome::error(payload))?;
    Ok(accepted())
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
}

fn problem(error_type: &str, message: &str) -> Json<serde_json::Value> {
    Json(json!({ "errorType": error_type, "errorMessage": message }))
}

impl IntoResponse for Misuse {
    fn into_response(self) -> Response {
        match self {
            Self::UnknownRequest => {
                (StatusCode::BAD_REQUEST, problem("InvalidRequestID", "Invalid request ID")).into_response()
            }
            Self::InvalidTransition => {
                (StatusCode::FORBIDDEN, problem("InvalidStateTransition", "Transition is not allowed"))
                    .into_response()
            }
        }
    }
}
