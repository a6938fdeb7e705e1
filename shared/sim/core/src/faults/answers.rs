//! The answers of faults (docs/reference/schwab.md and tastytrade.md, Login and tokens, Errors; AWS's JSON
//! protocols). A face whose service words its refusals unlike these has its own:
//! [`Sufferer::answer`](crate::gate::Sufferer::answer).

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Empty, Fault, Request, Route};
use crate::requests::Service;

const EDGE_PAGE: &str = "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n\nYou don't have permission to access this \
                         server.<P>\nReference&#32;&#35;18&#46;simulated\n</BODY>\n</HTML>\n";

/// What a client is told. Of faults that say nothing, the answer goes to nobody.
pub(crate) fn answer(fault: &Fault, request: &Request) -> Response {
    match fault {
        Fault::TooManyRequests { retry_after } => {
            // What Schwab writes into the body is not known; tastytrade's is empty.
            let body = if request.service == Service::Tastytrade { "" } else { "Too Many Requests" };
            let mut response = (StatusCode::TOO_MANY_REQUESTS, body).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        Fault::Unauthorized => unauthorized(request),
        Fault::EdgePage => (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "text/html")], EDGE_PAGE).into_response(),
        Fault::NotFound { by_the_api } => not_found(*by_the_api, request),
        Fault::Empty(Empty::Body) => StatusCode::OK.into_response(),
        Fault::Empty(Empty::List) if request.service == Service::Tastytrade => {
            json_answer(StatusCode::OK, &json!({ "data": { "items": [] }, "context": request.path }))
        }
        Fault::Empty(Empty::List) => json_answer(StatusCode::OK, &json!([])),
        Fault::Empty(Empty::Object) => json_answer(StatusCode::OK, &json!({})),
        Fault::Empty(Empty::Page) => {
            (StatusCode::OK, [(CONTENT_TYPE, "text/html")], EDGE_PAGE).into_response()
        }
        Fault::Declined(text) => declined(text, request.service),
        Fault::ServerError(status, _) => {
            server_error(StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), request)
        }
        Fault::Throttled => throttled(&request.route),
        Fault::SpuriousRefusal => {
            let body = json!({ "error_code": "invalid_request", "error_description": "Request failed" });
            json_answer(StatusCode::BAD_REQUEST, &body)
        }
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn unauthorized(request: &Request) -> Response {
    let body = match &request.route {
        Route::Token => json!({ "error": "invalid_client", "error_description": "Unauthorized" }),
        _ if request.service == Service::GammaWizard => json!({ "message": "Unauthorized" }),
        _ if request.service == Service::Tastytrade => {
            tastytrade_error("token_invalid", "This token is invalid or has expired")
        }
        _ if request.path.starts_with("/marketdata/") => {
            let source = json!({ "header": "Authorization" });
            let id = "00000000-0000-4000-8000-000000000000";
            json!({ "errors": [{ "id": id, "status": 401, "title": "Unauthorized", "detail": "Invalid access token", "source": source }] })
        }
        _ => json!({ "message": "Client not authorized", "errors": ["Invalid access token"] }),
    };
    json_answer(StatusCode::UNAUTHORIZED, &body)
}

/// The API's own no, or the gateway's, which says nothing about what was asked for.
fn not_found(by_the_api: bool, request: &Request) -> Response {
    match (request.service, by_the_api) {
        (Service::Tastytrade, true) => {
            json_answer(StatusCode::NOT_FOUND, &tastytrade_error("record_not_found", "Not found"))
        }
        (Service::Tastytrade, false) => {
            let page = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n</body>\r\n</html>\r\n";
            (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/html")], page).into_response()
        }
        (_, true) => json_answer(
            StatusCode::NOT_FOUND,
            &json!({ "message": "The requested resource was not found.", "errors": ["Simulated failure"] }),
        ),
        (_, false) => (
            StatusCode::NOT_FOUND,
            "404 Not Found: Requested route ('traderapi-accounts.apigx-origin.schwab.com') does not exist.",
        )
            .into_response(),
    }
}

fn declined(text: &str, service: Service) -> Response {
    if service == Service::Tastytrade {
        let checks = json!([{ "code": "order_validation_failed", "message": text }]);
        let error = json!({ "code": "preflight_check_failure", "message": "One or more preflight checks failed", "errors": checks });
        return json_answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "error": error }));
    }
    json_answer(
        StatusCode::BAD_REQUEST,
        &json!({ "message": "A validation error occurred while processing the request.", "errors": [text] }),
    )
}

fn server_error(status: StatusCode, request: &Request) -> Response {
    let words = status.canonical_reason().unwrap_or("Server Error");
    match request.service {
        Service::Aws => aws_error(status, "InternalServerError", words),
        Service::Tastytrade if matches!(status.as_u16(), 502..=504) => {
            let title = format!("{} {words}", status.as_u16());
            let page = format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
            );
            (status, [(CONTENT_TYPE, "text/html")], page).into_response()
        }
        Service::Tastytrade => {
            json_answer(status, &tastytrade_error("internal_server_error", "Internal server error"))
        }
        // From the gateways in front of a service comes text.
        _ if matches!(status.as_u16(), 502 | 504) => {
            (status, format!("{} {words}", status.as_u16())).into_response()
        }
        Service::Schwab => json_answer(status, &json!({ "message": words, "errors": ["Simulated failure"] })),
        Service::GammaWizard | Service::DxLink | Service::Google => {
            json_answer(status, &json!({ "message": words }))
        }
    }
}

fn tastytrade_error(code: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message } })
}

/// Every SDK sorts these names as throttling: the one DynamoDB's own, the other everybody else's.
fn throttled(route: &Route) -> Response {
    let dynamo = matches!(route, Route::Aws(operation) if operation.starts_with("DynamoDB."));
    let (name, words) = if dynamo {
        (
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        )
    } else {
        ("ThrottlingException", "Rate exceeded")
    };
    aws_error(StatusCode::BAD_REQUEST, name, words)
}

fn aws_error(status: StatusCode, name: &str, message: &str) -> Response {
    let body = json!({ "__type": name, "message": message });
    (status, [(CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string()).into_response()
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}
