use std::error::Error;

/// A request without an answer. `target` is method, scheme, host and path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Proven that no connection was established (name lookup, refused, TLS handshake, connect timeout): the
    /// server has seen nothing of the request.
    #[error("{target}: not connected: {reason}")]
    NotSent {
        /// Where to.
        target: String,
        /// What the network said.
        reason: String,
    },
    /// Anything after that: timeout, reset, closed before or within the answer. The server may have acted.
    #[error("{target}: answer lost: {reason}")]
    Lost {
        /// Where to.
        target: String,
        /// What the network said.
        reason: String,
    },
    /// The answer is larger than the client takes. The server has acted.
    #[error("{target}: answer of status {status} is larger than {limit} bytes")]
    TooLarge {
        /// Where to.
        target: String,
        /// The answer's HTTP status.
        status: u16,
        /// The most the client takes, in bytes.
        limit: usize,
    },
    /// No request could be made of what was given; nothing was sent.
    #[error("{target}: no request: {reason}")]
    Build {
        /// Where to.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl HttpError {
    /// Whether it is proven that the server has seen nothing of the request.
    #[must_use]
    pub const fn never_sent(&self) -> bool {
        matches!(self, Self::NotSent { .. } | Self::Build { .. })
    }

    /// Sorts a failure of the library. Only a failed *connect* proves that nothing was sent; the total
    /// timeout may strike while connecting too, but cannot tell, so it counts as lost.
    pub(crate) fn of(target: &str, error: reqwest::Error) -> Self {
        let (connect, build) = (error.is_connect(), error.is_builder());
        let (target, reason) = (target.to_owned(), chain(&error.without_url()));
        if connect {
            Self::NotSent { target, reason }
        } else if build {
            Self::Build { target, reason }
        } else {
            Self::Lost { target, reason }
        }
    }
}

/// An error and its sources in one line. The caller has taken the address out; no source holds headers or
/// bodies.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let part = cause.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        source = cause.source();
    }
    text
}
