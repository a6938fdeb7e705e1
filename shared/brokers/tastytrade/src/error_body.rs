//! What an answer that is an error says, in all its shapes (docs/reference/tastytrade.md, Errors).

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

/// `{"error": {code, message, errors}}` of the API, `{"error": "…", "error_description": "…"}` or
/// `{"error_code": …}` of OAuth.
fn words(value: &Value) -> Option<(String, Origin)> {
    let mut said = Vec::new();
    match value.get("error") {
        Some(Value::Object(_)) => said.extend(value.get("error").and_then(entry)),
        Some(Value::String(word)) => said.push(word.clone()),
        _ => {}
    }
    said.extend(
        ["error_code", "error_description"]
            .iter()
            .filter_map(|key| value.get(*key)?.as_str())
            .map(str::to_owned),
    );
    said.extend(entry(value));
    (!said.is_empty()).then(|| (said.join("; "), Origin::Api))
}

/// `code: message`, or `domain: reason`, with the entries below it.
fn entry(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let own = named(value).unwrap_or_default();
    let inner = value.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(inner);
    let parts: Vec<String> = std::iter::once(own).filter(|text| !text.is_empty()).chain(inner).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// An inner entry has none below it: what is nested without end is not followed.
fn inner(value: &Value) -> Option<String> {
    value.as_str().map_or_else(|| named(value), |text| words_of(text).map(str::to_owned))
}

/// What stands under the names that words have.
fn named(value: &Value) -> Option<String> {
    let said: Vec<&str> = ["code", "message", "domain", "reason"]
        .iter()
        .filter_map(|key| words_of(value.get(*key)?.as_str()?))
        .collect();
    (!said.is_empty()).then(|| said.join(": "))
}

/// A text that is not blank: one that is says nothing.
pub(crate) fn words_of(text: &str) -> Option<&str> {
    (!text.trim().is_empty()).then_some(text)
}

/// The code of an error answer: the API's, or OAuth's word for it.
pub(crate) fn code(body: &Value) -> Option<&str> {
    let error = body.get("error");
    error
        .and_then(Value::as_str)
        .or_else(|| error?.get("code")?.as_str())
        .or_else(|| body.get("error_code")?.as_str())
}

/// The rules of a success that names errors beside its data, as a preview may.
pub(crate) fn listed(errors: Option<&Value>) -> Vec<String> {
    const LONGEST: usize = 500;
    let said = |entry: &Value| inner(entry).unwrap_or_else(|| "an error without words".to_owned());
    match errors {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => {
            entries.iter().map(|entry| said(entry).chars().take(LONGEST).collect()).collect()
        }
        Some(other) => vec![said(other).chars().take(LONGEST).collect()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_documented_shape() {
        for (body, text, from) in [
            (
                include_str!("../fixtures/error__preflight_check_failure.json"),
                "preflight_check_failure: One or more preflight checks failed; margin_check_failed: Account does not have sufficient buying power available for this order.",
                Origin::Api,
            ),
            (
                r#"{"error":{"code":"validation_error","message":"Request validation failed","errors":[{"domain":"legs[0].symbol","reason":"is missing"}]}}"#,
                "validation_error: Request validation failed; legs[0].symbol: is missing",
                Origin::Api,
            ),
            (r#"{"error":{"message":"not today"}}"#, "not today", Origin::Api),
            (
                r#"{"error":{"code":"not_permitted","message":null,"errors":"x"}}"#,
                "not_permitted",
                Origin::Api,
            ),
            (
                r#"{"error":{"errors":[{"code":"closing_only"},"plain",7]}}"#,
                "closing_only; plain",
                Origin::Api,
            ),
            (
                r#"{"error":"invalid_grant","error_description":"Refresh token revoked"}"#,
                "invalid_grant; Refresh token revoked",
                Origin::Api,
            ),
            (
                r#"{"error_code":"invalid_request","error_description":"Missing grant"}"#,
                "invalid_request; Missing grant",
                Origin::Api,
            ),
            (r#"{"message":"gone"}"#, "gone", Origin::Api),
            (r#"{"something":"else"}"#, r#"{"something":"else"}"#, Origin::Api),
            (r#"{"error":{}}"#, r#"{"error":{}}"#, Origin::Api),
            (
                r#"{"error":{"code":"","message":"not today","errors":[{"code":" "}," "]}}"#,
                "not today",
                Origin::Api,
            ),
            (
                "<html>\n<head><title>502 Bad Gateway</title></head></html>",
                "edge page: 502 Bad Gateway",
                Origin::Edge,
            ),
            ("upstream connect error", "upstream connect error", Origin::Gateway),
            ("", "no text", Origin::Api),
        ] {
            assert_eq!(read(body.as_bytes(), &[]), ErrorBody { text: text.to_owned(), from }, "{body}");
        }
    }

    #[test]
    fn the_code_is_found_whatever_error_is() {
        for (body, expected) in [
            (json!({"error": {"code": "cannot_update_order"}}), Some("cannot_update_order")),
            (json!({"error": "invalid_grant"}), Some("invalid_grant")),
            (json!({"error_code": "invalid_request"}), Some("invalid_request")),
            (json!({"error": {"message": "x"}, "error_code": 5}), None),
            (json!({"error": null}), None),
            (json!([]), None),
        ] {
            assert_eq!(code(&body), expected, "{body}");
        }
    }
}
