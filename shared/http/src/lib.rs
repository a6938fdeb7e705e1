//! The one outgoing HTTP client: timeouts, outcome classes, retry waits, redaction.
//!
//! A request is sent exactly once. There are no redirects, no automatic retries, no proxies from the
//! environment and no cookies. What comes back is an answer of any status, or an [`HttpError`] that says
//! whether the server can have seen the request: that difference decides whether an order may exist.
//!
//! Nothing a request carries is ever shown: `Debug`, errors and logs name method, scheme, host and path only.
//! Paths must therefore hold no secret.

mod client;
mod error;
mod request;
mod response;
pub mod retry;

pub use client::{HttpClient, HttpConfig};
pub use error::HttpError;
pub use request::Request;
pub use reqwest::header::HeaderMap;
pub use response::Response;
