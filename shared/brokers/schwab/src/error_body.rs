//! What an answer that is an error says, in all the shapes Schwab's layers give it
//! (docs/reference/schwab.md, Errors).

use gamma_wire::{ErrorBody, Origin};
use serde_json::Value;

/// Reads a body. `hide` is taken out of it: credentials an echo might contain.
pub(crate) fn read(body: &[u8], hide: &[&str]) -> ErrorBody {
    ErrorBody::read(body, hide, words)
}

/// Reads a body of the token endpoint.
pub(crate) fn read_of_token_endpoint(body: &[u8], hide: &[&str]) -> ErrorBody {
    ErrorBody::read_of_token_endpoint(body, hide, words)
}

fn words(value: &Value) -> Option<(String, Origin)> {
    match fault(value) {
        Some(fault) => Some((fault, Origin::Gateway)),
        None => api_text(value).map(|text| (text, Origin::Api)),
    }
}

/// `{"fault":{"faultstring":"…","detail":{"errorcode":"…"}}}`
fn fault(value: &Value) -> Option<String> {
    let fault = value.get("fault")?;
    let words = [fault.get("faultstring"), fault.pointer("/detail/errorcode")];
    Some(words.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(": "))
}

/// The Trader API's `message` and `errors`, Market Data's list of error objects, the token endpoint's
/// `error`.
fn api_text(value: &Value) -> Option<String> {
    let head = ["message", "error", "error_description"]
        .iter()
        .filter_map(|key| value.get(*key))
        .filter_map(Value::as_str);
    let list = value.get("errors").and_then(Value::as_array).into_iter().flatten();
    let parts: Vec<String> = head.map(str::to_owned).chain(list.filter_map(list_entry)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn list_entry(entry: &Value) -> Option<String> {
    if let Some(text) = entry.as_str() {
        return Some(text.to_owned());
    }
    let words = ["title", "detail"].iter().filter_map(|key| entry.get(*key)).filter_map(Value::as_str);
    let source = entry.get("source").and_then(Value::as_object).into_iter().flatten();
    let parts: Vec<String> =
        words.map(str::to_owned).chain(source.map(|(kind, at)| format!("{kind} {at}"))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_shape() {
        for (body, text, from) in [
            (
                r#"{"message":"A validation error occurred.","errors":["orderLegCollection is required","price"]}"#,
                "A validation error occurred.; orderLegCollection is required; price",
                Origin::Api,
            ),
            (r#"{"errors":["quantity must be whole"]}"#, "quantity must be whole", Origin::Api),
            (r#"{"message":"No order found"}"#, "No order found", Origin::Api),
            (
                r#"{"errors":[{"id":"6808262e","status":"400","title":"Bad Request","detail":"Missing header","source":{"header":"Authorization"}}]}"#,
                "Bad Request, Missing header, header \"Authorization\"",
                Origin::Api,
            ),
            (r#"{"errors":[{"status":401,"title":"Unauthorized"}]}"#, "Unauthorized", Origin::Api),
            (
                r#"{"errors":[{"title":"Bad Request","source":{"pointer":["/a","/b"]}}]}"#,
                "Bad Request, pointer [\"/a\",\"/b\"]",
                Origin::Api,
            ),
            (
                r#"{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}"#,
                "Body buffer overflow: protocol.http.TooBigBody",
                Origin::Gateway,
            ),
            (
                "404 Not Found: Requested route ('traderapi-accounts') does not exist.",
                "404 Not Found: Requested route ('traderapi-accounts') does not exist.",
                Origin::Gateway,
            ),
            (
                "<HTML><HEAD>\n<TITLE>Access Denied</TITLE></HEAD></HTML>",
                "edge page: Access Denied",
                Origin::Edge,
            ),
            (
                r#"{"error":"invalid_client","error_description":"Unauthorized"}"#,
                "invalid_client; Unauthorized",
                Origin::Api,
            ),
            (r#"{"something":"else"}"#, r#"{"something":"else"}"#, Origin::Api),
            ("", "no text", Origin::Api),
        ] {
            assert_eq!(read(body.as_bytes(), &[]), ErrorBody { text: text.to_owned(), from }, "{body}");
        }
    }
}
