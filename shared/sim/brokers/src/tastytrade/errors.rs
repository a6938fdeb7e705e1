//! Error bodies (docs/reference/tastytrade.md, Errors): `{"error": {"code", "message", "errors"}}`,
//! whose inner items have one of two shapes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::wire;

/// A refusal.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    errors: Vec<Value>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), errors: Vec::new() }
    }

    /// 400, one item a field: `domain` is the field, `reason` what is wrong with it.
    pub(super) fn validation(fields: Vec<(String, String)>) -> Self {
        let errors = fields
            .into_iter()
            .map(|(domain, reason)| json!({ "domain": domain, "reason": reason }))
            .collect();
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "validation_error", "Request validation failed") }
    }

    /// 400 for one field.
    pub(super) fn invalid(domain: &str, reason: impl Into<String>) -> Self {
        Self::validation(vec![(domain.to_owned(), reason.into())])
    }

    /// 401.
    pub(super) fn unauthorized(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403.
    pub(super) fn not_permitted() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not_permitted", "User not permitted access")
    }

    /// 404.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "record_not_found", format!("{what} could not be found"))
    }

    /// 410.
    pub(super) fn gone(message: &str) -> Self {
        Self::new(StatusCode::GONE, "gone", message)
    }

    /// 422: the checks an order must pass before it is taken. `id` names the check.
    pub(super) fn preflight(id: &str, failures: &[(&'static str, String)]) -> Self {
        let failure = |(code, message): &(&str, String)| json!({ "code": code, "message": message, "preflight-id": id });
        let errors = failures.iter().map(failure).collect();
        Self {
            errors,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "preflight_check_failure",
                "One or more preflight checks failed",
            )
        }
    }

    /// 422 for an order that nothing can be done about any more.
    pub(super) fn cannot_update(message: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot_update_order", message)
    }

    /// 422 for what this simulation does not do.
    pub(super) fn unsupported(message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unsupported", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if !self.errors.is_empty() {
            error["errors"] = self.errors.into();
        }
        wire::json(self.status, &json!({ "error": error }))
    }
}
