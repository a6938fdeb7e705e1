//! What an answer that is an error says, whichever layer wrote it.

use serde_json::Value;

/// The longest text kept of a body.
const EXCERPT: usize = 500;

/// An error answer, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// One line for a person.
    pub text: String,
    /// Who wrote it.
    pub from: Origin,
}

/// Which layer answered. Only the API itself can say that something does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The API: a JSON error, or no body at all.
    Api,
    /// A gateway before it: plain text or a fault.
    Gateway,
    /// The edge: an HTML page.
    Edge,
}

/// Whether a proxy gives this status by itself, for what it reads of a request or is told to block. Any other
/// 4xx of its own may follow a request that it has passed on.
#[must_use]
pub const fn before_passing_on(status: u16) -> bool {
    matches!(status, 400 | 403 | 404 | 405 | 411 | 413 | 414 | 415 | 417 | 421 | 426 | 431)
}

/// The words of a JSON error and who wrote it; `None` for a shape the broker's documents do not know.
pub type Words = fn(&Value) -> Option<(String, Origin)>;

impl ErrorBody {
    /// Whether it was written before the API saw the request, so that the API can have done nothing about it.
    #[must_use]
    pub const fn is_before_the_api(&self) -> bool {
        matches!(self.from, Origin::Gateway | Origin::Edge)
    }

    /// Reads a body. `hide` is taken out of it: credentials an echo might contain.
    #[must_use]
    pub fn read(body: &[u8], hide: &[&str], words: Words) -> Self {
        Self::telling(body, hide, words, |text| text)
    }

    /// Reads a body of a token endpoint. One in a shape we do not know may hold a token that nobody has
    /// hidden yet, so nothing of it is shown.
    #[must_use]
    pub fn read_of_token_endpoint(body: &[u8], hide: &[&str], words: Words) -> Self {
        let size = body.len();
        Self::telling(body, hide, words, |text| {
            if text.contains(['{', '[', '"']) {
                format!("{size} bytes in no known shape, not shown")
            } else {
                text
            }
        })
    }

    /// `unknown` is asked about a text that no known field holds.
    fn telling(body: &[u8], hide: &[&str], words: Words, unknown: impl Fn(String) -> String) -> Self {
        let text = hidden(String::from_utf8_lossy(body).into_owned(), hide);
        let (text, from) = match serde_json::from_str::<Value>(&text) {
            Ok(value) => words(&value).unwrap_or_else(|| (unknown(text), Origin::Api)),
            Err(_) if text.trim().is_empty() => ("no text".to_owned(), Origin::Api),
            Err(_) if text.trim_start().starts_with('<') => {
                (format!("edge page: {}", unknown(without_tags(&text))), Origin::Edge)
            }
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
            secret
                .bytes()
                .map(|byte| if plain(byte) { char::from(byte).to_string() } else { escape(byte) })
                .collect()
        };
        for spelled in [
            (*secret).to_owned(),
            in_a_form(|byte| format!("%{byte:02X}")),
            in_a_form(|byte| format!("%{byte:02x}")),
        ] {
            text = text.replace(&spelled, "[hidden]");
        }
    }
    text
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

    /// Shows what stands under three keys.
    fn words(value: &Value) -> Option<(String, Origin)> {
        let said = ["message", "error", "errors"].iter().find_map(|key| value.get(*key))?;
        Some((said.as_str().map_or_else(|| said.to_string(), str::to_owned), Origin::Api))
    }

    fn read(body: &[u8], hide: &[&str]) -> ErrorBody {
        ErrorBody::read(body, hide, words)
    }

    #[test]
    fn an_echoed_credential_is_hidden_even_at_the_cut() {
        let body = format!("{}canary-token tail", "x".repeat(EXCERPT - 4));
        let read = read(body.as_bytes(), &["canary-token", ""]);
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
            let read = read(body.as_bytes(), &["canary/+1"]);
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
            assert_eq!(ErrorBody::read_of_token_endpoint(body.as_bytes(), &[], words).text, text);
        }
    }

    proptest! {
        #[test]
        fn any_body_reads_within_the_limit(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert!(read(&body, &["a"]).text.chars().count() <= EXCERPT);
        }
    }
}
