use std::fmt;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

/// An answer of any status, read to its end.
pub struct Response {
    /// HTTP status, 100 to 599.
    pub status: u16,
    /// Headers, as they came.
    pub headers: HeaderMap,
    /// The body, undecoded.
    pub body: Vec<u8>,
}

impl Response {
    const EXCERPT: usize = 500;

    /// Whether the status is 200 to 299.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// A header's first value, when it is there and readable as text. The name may be in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// The parser's, which names a place in the text and quotes none of it.
    pub fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The first 500 bytes of the body on one line, for messages about answers that are errors. Never call it
    /// on an answer that may hold a token.
    #[must_use]
    pub fn text_excerpt(&self) -> String {
        let head = self.body.get(..Self::EXCERPT).unwrap_or(&self.body);
        String::from_utf8_lossy(head).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// `Retry-After` in its seconds form (RFC 9110, 10.2.3). The date form is ignored: none of the services
    /// we speak to sends it, and reading it would need a clock.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// Status and size only: the body of a login answer is a secret.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
