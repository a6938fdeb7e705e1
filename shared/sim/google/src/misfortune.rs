//! What faults do to the face, and how Google words them.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gamma_sim_core::faults::{Fault, Request, Route};
use gamma_sim_core::gate::Sufferer;
use serde_json::json;

use super::Google;
use super::errors::{ApiError, front_end_page};

impl Sufferer for Google {
    fn suffer(&self, fault: &Fault, _request: &Request, _headers: &HeaderMap) -> bool {
        let dies = *fault == Fault::AccessTokenDies;
        if dies {
            self.0.state().tokens.end();
        }
        dies
    }

    fn suffer_accepted(&self, _fault: &Fault, _request: &Request, _response: &mut Response) -> bool {
        false
    }

    fn account_on(&self, _path: &str) -> Option<String> {
        None
    }

    fn answer(&self, fault: &Fault, request: &Request) -> Option<Response> {
        match fault {
            Fault::TooManyRequests { retry_after } => {
                let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, request);
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
                }
                Some(response)
            }
            Fault::Unauthorized => Some(refusal(StatusCode::UNAUTHORIZED, request)),
            Fault::EdgePage => Some(front_end_page(StatusCode::FORBIDDEN)),
            Fault::ServerError(status, _) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Some(refusal(status, request))
            }
            _ => None,
        }
    }
}

/// The token endpoint words its refusals in its own way, and 502 comes from the network before the service.
fn refusal(status: StatusCode, request: &Request) -> Response {
    let of_tokens = |error: &str| (status, Json(json!({ "error": error }))).into_response();
    match (status.as_u16(), &request.route) {
        (502, _) => front_end_page(status),
        (401, Route::SheetsToken) => of_tokens("invalid_client"),
        (429, Route::SheetsToken) => of_tokens("rate_limit_exceeded"),
        (_, Route::SheetsToken) => of_tokens("internal_failure"),
        (401, _) => ApiError::unauthenticated(false).into_response(),
        (429, route) => ApiError::exhausted(*route == Route::SheetsWrite, 60).into_response(),
        _ => ApiError::broken(status).into_response(),
    }
}
