//! Refusals in Google's words: `{"error": {"code", "message", "status", "details"}}`.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    code: StatusCode,
    status: &'static str,
    message: String,
    details: Option<Value>,
}

impl ApiError {
    const fn new(code: StatusCode, status: &'static str, message: String) -> Self {
        Self { code, status, message, details: None }
    }

    /// 400.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message.into())
    }

    /// 400 for a body or a query that cannot be read.
    pub(crate) fn unreadable(why: impl std::fmt::Display) -> Self {
        Self::invalid(format!("Invalid JSON payload received. {why}"))
    }

    /// 400 for a range whose tab or wording nobody knows.
    pub(crate) fn no_such_range(text: &str) -> Self {
        Self::invalid(format!("Unable to parse range: {text}"))
    }

    /// The same refusal as one of a request in a batch.
    pub(crate) fn of_request(mut self, at: usize, kind: &str) -> Self {
        self.message = format!("Invalid requests[{at}].{kind}: {}", self.message);
        self
    }

    /// 401: without a token, or with one that is unknown or over.
    pub(crate) fn unauthenticated(missing: bool) -> Self {
        let message = if missing {
            "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential."
        } else {
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
        };
        let see = "See https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let reason = if missing { "CREDENTIALS_MISSING" } else { "ACCESS_TOKEN_EXPIRED" };
        let details = error_info(reason, &json!({ "service": "sheets.googleapis.com" }));
        Self {
            details: Some(json!([details])),
            ..Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", format!("{message} {see}"))
        }
    }

    /// 403: the spreadsheet is not shared with the account.
    pub(crate) fn not_permitted() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "The caller does not have permission".to_owned(),
        )
    }

    /// 403: the token was asked for reading only.
    pub(crate) fn narrow_scope() -> Self {
        let details =
            error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", &json!({ "service": "sheets.googleapis.com" }));
        let message = "Request had insufficient authentication scopes.".to_owned();
        Self {
            details: Some(json!([details])),
            ..Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message)
        }
    }

    /// 404.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Requested entity was not found.".to_owned())
    }

    /// 429: too many requests of this kind in a minute; `limit` is how many there may be where a quota is
    /// counted.
    pub(crate) fn exhausted(writes: bool, limit: u32) -> Self {
        let (kind, word) = if writes { ("Write", "write") } else { ("Read", "read") };
        let message = format!(
            "Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per user' of service 'sheets.googleapis.com' for \
             consumer 'project_number:100000000001'."
        );
        let metadata = json!({
            "service": "sheets.googleapis.com",
            "consumer": "projects/100000000001",
            "quota_metric": format!("sheets.googleapis.com/{word}_requests"),
            "quota_limit": format!("{kind}RequestsPerMinutePerUser"),
            "quota_limit_value": limit.to_string(),
            "quota_location": "global",
        });
        let links = json!([{ "description": "Request a higher quota limit.", "url": "https://cloud.google.com/docs/quotas/help/request_increase" }]);
        let help = json!({ "@type": "type.googleapis.com/google.rpc.Help", "links": links });
        let details = json!([error_info("RATE_LIMIT_EXCEEDED", &metadata), help]);
        Self {
            details: Some(details),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message)
        }
    }

    /// A 5xx with the words that belong to it.
    pub(crate) fn broken(code: StatusCode) -> Self {
        let (status, message) = match code.as_u16() {
            503 => ("UNAVAILABLE", "The service is currently unavailable."),
            504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
            501 => ("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
            _ => ("INTERNAL", "Internal error encountered."),
        };
        Self::new(code, status, message.to_owned())
    }
}

fn error_info(reason: &str, metadata: &Value) -> Value {
    json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata })
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code.as_u16(), "message": self.message, "status": self.status });
        if let Some(details) = self.details {
            error["details"] = details;
        }
        let mut response = (self.code, axum::Json(json!({ "error": error }))).into_response();
        if self.code == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(
                "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"",
            );
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// A page of Google's front end: what stands before the service when the service says nothing itself.
pub(crate) fn front_end_page(status: StatusCode) -> Response {
    let title = format!("Error {} ({})!!1", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n<p><b>{}.</b> <ins>That’s an error.</ins>\n\
         <p>The request could not be served. <ins>That’s all we know.</ins>\n",
        status.as_u16()
    );
    (status, axum::response::Html(page)).into_response()
}
