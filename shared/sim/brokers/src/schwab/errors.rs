//! Error bodies (docs/reference/schwab.md, Errors): the trader API and the market data API each have
//! their own.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::wire;

/// `{"message", "errors"}`.
#[derive(Debug)]
pub(super) struct TraderError {
    status: StatusCode,
    message: &'static str,
    errors: Vec<String>,
}

impl TraderError {
    /// 400 with one text a field.
    pub(super) const fn validation(errors: Vec<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: "A validation error occurred while processing the request.",
            errors,
        }
    }

    /// 400 for one field.
    pub(super) fn invalid(error: String) -> Self {
        Self::validation(vec![error])
    }

    /// 404.
    pub(super) fn not_found(error: String) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: "The requested resource was not found.",
            errors: vec![error],
        }
    }

    /// 401.
    pub(super) fn unauthorized(error: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            message: "Client not authorized",
            errors: vec![error.to_owned()],
        }
    }
}

impl IntoResponse for TraderError {
    fn into_response(self) -> Response {
        wire::json(self.status, &json!({ "message": self.message, "errors": self.errors }))
    }
}

/// `{"errors": [{"id", "status", "title", "detail", "source"}]}`.
#[derive(Debug)]
pub(super) struct MarketDataError {
    status: StatusCode,
    error: Value,
}

impl MarketDataError {
    /// 400 that names a query parameter.
    pub(super) fn parameter(id: String, name: &str, detail: String) -> Self {
        let error = json!({ "id": id, "status": "400", "title": "Bad Request", "detail": detail, "source": { "parameter": name } });
        Self { status: StatusCode::BAD_REQUEST, error }
    }

    /// 404.
    pub(super) fn not_found(id: String, detail: String) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error: json!({ "id": id, "status": "404", "title": "Not Found", "detail": detail }),
        }
    }

    /// 401 that names the header. Here the status is a number, as observed.
    pub(super) fn unauthorized(id: String, detail: &str) -> Self {
        let error = json!({ "id": id, "status": 401, "title": "Unauthorized", "detail": detail, "source": { "header": "Authorization" } });
        Self { status: StatusCode::UNAUTHORIZED, error }
    }
}

impl IntoResponse for MarketDataError {
    fn into_response(self) -> Response {
        wire::json(self.status, &json!({ "errors": [self.error] }))
    }
}
