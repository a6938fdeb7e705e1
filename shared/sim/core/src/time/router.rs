//! The clock over HTTP, for functions that run as processes of their own.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /clock/attach` | `{"run"}` | `{"now", "new"}`: a run that is not new was attached by a host, which will detach it |
//! | `POST /clock/detach` | `{"run"}` | `{"now"}` |
//! | `POST /clock/wait` | `{"run", "until"}` | `{"now"}`, once the clock shows `until`; a client that hangs up waits no more |
//! | `GET /clock/now` | | `{"now", "busy"}`, the latter naming the runs that keep time from moving |
//!
//! Times are RFC 3339. A body that does not read is answered 400 `{"error"}`, naming the field, what came and
//! what was expected.
//!
//! A host declares a frozen process's connections dead only in its own `Connections`: serve the clock
//! elsewhere, or a thawed function asks for the time on a connection that never answers.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::VirtualClock;

/// The clock's HTTP face.
pub fn router(clock: VirtualClock) -> Router {
    Router::new()
        .route("/clock/attach", post(attach))
        .route("/clock/detach", post(detach))
        .route("/clock/wait", post(wait))
        .route("/clock/now", get(now))
        .with_state(clock)
}

async fn attach(State(clock): State<VirtualClock>, body: Bytes) -> Result<Response, BadRequest> {
    let new = clock.attach(text(&object(&body)?, "run")?);
    Ok(Json(json!({ "now": clock.now().to_string(), "new": new })).into_response())
}

async fn detach(State(clock): State<VirtualClock>, body: Bytes) -> Result<Response, BadRequest> {
    clock.detach(text(&object(&body)?, "run")?);
    Ok(shows(clock.now()))
}

async fn wait(State(clock): State<VirtualClock>, body: Bytes) -> Result<Response, BadRequest> {
    let body = object(&body)?;
    let until = text(&body, "until")?;
    let until: Timestamp = until.parse().map_err(|_| BadRequest::Field {
        field: "until",
        came: until.to_owned(),
        expected: "an RFC 3339 time",
    })?;
    Ok(shows(clock.wait(text(&body, "run")?, until).await))
}

async fn now(State(clock): State<VirtualClock>) -> Response {
    Json(json!({ "now": clock.now().to_string(), "busy": clock.busy() })).into_response()
}

fn shows(now: Timestamp) -> Response {
    Json(json!({ "now": now.to_string() })).into_response()
}

fn object(body: &[u8]) -> Result<Value, BadRequest> {
    serde_json::from_slice(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| BadRequest::Body(String::from_utf8_lossy(body).into_owned()))
}

fn text<'body>(body: &'body Value, field: &'static str) -> Result<&'body str, BadRequest> {
    let value = &body[field];
    let bad = || BadRequest::Field { field, came: value.to_string(), expected: "a non-empty string" };
    value.as_str().filter(|text| !text.is_empty()).ok_or_else(bad)
}

/// A request that does not read.
#[derive(Debug, thiserror::Error)]
enum BadRequest {
    #[error("body: {0:?} came, a JSON object was expected")]
    Body(String),
    #[error("{field}: {came} came, {expected} was expected")]
    Field { field: &'static str, came: String, expected: &'static str },
}

impl IntoResponse for BadRequest {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
