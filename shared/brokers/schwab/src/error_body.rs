//! What an answer that is an error says, in all the shapes Schwab's layers give it (reference section 4).

use serde_json::Value;

/// The longest text kept of a body.
const EXCERPT: usize = 500;

/// An error answer, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// One line for a person.
    pub(crate) text: String,
    /// Who wrote it.
    pub(crate) from: Origin,
}

/// Which layer answered. Only the API itself can say that something does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The API: a JSON error, or no body at all.
    Api,
    /// A gateway before it: plain text or a fault.
    Gateway,
    /// The edge: an HTML page.
    Edge,
}

impl ErrorBody {
    /// Reads a body. `hide` is taken out of it: credentials an echo might contain.
    pub(crate) fn read(body: &[u8], hide: &[&str]) -> Self {
        Self::telling(body, hide, |text| text)
    }

    /// Reads a body of the token endpoint. One in a shape we do not know may hold a token that nobody has hidden yet, so nothing
    /// of it is shown.
    pub(crate) fn read_of_token_endpoint(body: &[u8], hide: &[&str]) -> Self {
        let size = body.len();
        Self::telling(body, hide, |text| if text.contains(['{', '[', '"']) { format!("{size} bytes in no known shape, not shown") } else { text })
    }

    /// `unknown` is asked about a text that no known field holds.
    fn telling(body: &[u8], hide: &[&str], unknown: impl Fn(String) -> String) -> Self {
        let text = hidden(String::from_utf8_lossy(body).into_owned(), hide);
        let (text, from) = match serde_json::from_str::<Value>(&text) {
            Ok(value) => match fault(&value) {
                Some(fault) => (fault, Origin::Gateway),
                None => (api_text(&value).unwrap_or_else(|| unknown(text)), Origin::Api),
            },
            Err(_) if text.trim().is_empty() => ("no text".to_owned(), Origin::Api),
            Err(_) if text.trim_start().starts_with('<') => (format!("edge page: {}", unknown(without_tags(&text))), Origin::Edge),
            Err(_) => (unknown(text), Origin::Gateway),
        };
        // Once more: JSON may have spelled a credential with escapes.
        let line = hidden(text.split_whitespace().collect::<Vec<_>>().join(" "), hide);
        Self { text: line.chars().take(EXCERPT).collect(), from }
    }
}

/// The text without the secrets, as they are and as a form spells them.
fn hidden(mut text: String, secrets: &[&str]) -> String {
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let in_a_form = |escape: fn(u8) -> String| -> String {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            secret.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { escape(byte) }).collect()
        };
        for spelled in [(*secret).to_owned(), in_a_form(|byte| format!("%{byte:02X}")), in_a_form(|byte| format!("%{byte:02x}"))] {
            text = text.replace(&spelled, "[hidden]");
        }
    }
    text
}

/// `{"fault":{"faultstring":"…","detail":{"errorcode":"…"}}}`
fn fault(value: &Value) -> Option<String> {
    let fault = value.get("fault")?;
    let words = [fault.get("faultstring"), fault.pointer("/detail/errorcode")];
    Some(words.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(": "))
}

/// The Trader API's `message` and `errors`, Market Data's list of error objects, the token endpoint's `error`.
fn api_text(value: &Value) -> Option<String> {
    let head = ["message", "error", "error_description"].iter().filter_map(|key| value.get(*key)).filter_map(Value::as_str);
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
    let parts: Vec<String> = words.map(str::to_owned).chain(source.map(|(kind, at)| format!("{kind} {at}"))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn without_tags(page: &str) -> String {
    let mut inside = false;
    page.chars()
        .filter_map(|letter| match letter {
            '<' => {
                inside = true;
                None
            }
            '>' => {
                inside = false;
                Some(' ')
            }
            _ => (!inside).then_some(letter),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_shape_of_reference_section_4() {
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
            (r#"{"errors":[{"title":"Bad Request","source":{"pointer":["/a","/b"]}}]}"#, "Bad Request, pointer [\"/a\",\"/b\"]", Origin::Api),
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
            ("<HTML><HEAD>\n<TITLE>Access Denied</TITLE></HEAD></HTML>", "edge page: Access Denied", Origin::Edge),
            (r#"{"error":"invalid_client","error_description":"Unauthorized"}"#, "invalid_client; Unauthorized", Origin::Api),
            (r#"{"something":"else"}"#, r#"{"something":"else"}"#, Origin::Api),
            ("", "no text", Origin::Api),
        ] {
            assert_eq!(ErrorBody::read(body.as_bytes(), &[]), ErrorBody { text: text.to_owned(), from }, "{body}");
        }
    }

    #[test]
    fn an_echoed_credential_is_hidden_even_at_the_cut() {
        let body = format!("{}canary-token tail", "x".repeat(EXCERPT - 4));
        let read = ErrorBody::read(body.as_bytes(), &["canary-token", ""]);
        assert!(!read.text.contains("cana") && read.text.ends_with("[hid"), "{}", read.text);
    }

    #[test]
    fn an_echoed_credential_is_hidden_however_it_is_spelled() {
        for body in [
            r#"{"message":"canary/+1 failed"}"#,
            r#"{"message":"\u0063anary\/+1 failed"}"#,
            r#"{"errors":[{"title":"Bad","source":{"\u0063anary/+1":1}}]}"#,
            "refresh_token=canary%2F%2B1",
            "refresh_token=canary%2f%2b1",
        ] {
            let read = ErrorBody::read(body.as_bytes(), &["canary/+1"]);
            assert!(read.text.contains("[hidden]") && !read.text.contains("canary"), "{}", read.text);
        }
    }

    #[test]
    fn the_token_endpoint_shows_nothing_of_a_shape_we_do_not_know() {
        for (body, text) in [
            (r#"{"access_token":"canary"}"#, "25 bytes in no known shape, not shown"),
            (r#"{"access_token":"canary"#, "23 bytes in no known shape, not shown"),
            (r#""canary""#, "8 bytes in no known shape, not shown"),
            (r#"{"error":"invalid_client"}"#, "invalid_client"),
            ("404 Not Found", "404 Not Found"),
            ("", "no text"),
        ] {
            assert_eq!(ErrorBody::read_of_token_endpoint(body.as_bytes(), &[]).text, text);
        }
    }

    proptest! {
        #[test]
        fn any_body_reads_within_the_limit(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(ErrorBody::read(&body, &["a"]).text.chars().count() <= EXCERPT);
        }
    }
}
