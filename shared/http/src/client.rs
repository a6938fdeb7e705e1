use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::redirect;

use crate::{HttpError, Request, Response};

/// How the client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The most time for name lookup, TCP and TLS together. Running out of it proves that nothing was sent.
    pub connect_timeout: Duration,
    /// The largest answer taken, in bytes.
    pub largest_body: usize,
}

impl Default for HttpConfig {
    /// 3 s to connect, answers up to 8 MiB.
    fn default() -> Self {
        Self {
            user_agent: concat!("gamma-trading/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(3),
            largest_body: 8 * 1024 * 1024,
        }
    }
}

/// The client. Clones share one pool of connections and one count.
///
/// Make one per invocation: a Lambda is frozen between invocations, the far side closes its idle connections
/// meanwhile, and an order written to such a socket has an unknown outcome. A new client has no old
/// connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: reqwest::Client,
    largest_body: usize,
    sent: Arc<AtomicU64>,
}

impl HttpClient {
    /// A client without connections.
    ///
    /// # Errors
    /// [`HttpError::Build`] when the user agent is no header value or the TLS roots cannot be read.
    pub fn new(config: &HttpConfig) -> Result<Self, HttpError> {
        let inner = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .connect_timeout(config.connect_timeout)
            .redirect(redirect::Policy::none())
            // What the HTTP library still does by itself is to move a request of which no byte was written
            // from a pooled connection found closed to a new one. That is still one send.
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .build()
            .map_err(|error| HttpError::of("client", error))?;
        Ok(Self { inner, largest_body: config.largest_body, sent: Arc::default() })
    }

    /// Sends the request once and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`HttpError`]; its variant says whether the server can have seen the request.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let target = request.target();
        let request = request.into_inner(&self.inner)?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let outcome = self.exchange(&target, request).await;
        match &outcome {
            Ok(response) => tracing::debug!(target_url = %target, status = response.status, "http"),
            Err(error) => tracing::debug!(target_url = %target, %error, "http"),
        }
        outcome
    }

    async fn exchange(&self, target: &str, request: reqwest::Request) -> Result<Response, HttpError> {
        let lost = |error| HttpError::of(target, error);
        let mut answer = self.inner.execute(request).await.map_err(lost)?;
        let status = answer.status().as_u16();
        let too_large =
            || HttpError::TooLarge { target: target.to_owned(), status, limit: self.largest_body };
        if answer
            .content_length()
            .is_some_and(|length| usize::try_from(length).map_or(true, |length| length > self.largest_body))
        {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > self.largest_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers: std::mem::take(answer.headers_mut()), body })
    }

    /// How many requests were handed to the network since the client was made, failed ones included.
    #[must_use]
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
