//! What was asked of a face: the independent record of a client's calls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

/// Which service a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// A broker.
    Schwab,
    /// Another broker.
    Tastytrade,
    /// The signal feed.
    GammaWizard,
    /// The stream of quotes. Each upgrade is a request, and so is each message of a client: its type stands
    /// for the method, its channel ends the path (`/realtime/1`), and it has no status.
    DxLink,
    /// Google: tokens of a service account, and spreadsheets.
    Google,
    /// The cloud, behind the proxy.
    Aws,
}

/// One request. Query, headers and bodies are left out, so no secret gets in; only the body of an order,
/// which holds none, is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The face.
    pub service: Service,
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path without its query, as it came; of AWS the operation, such as `DynamoDB.PutItem`.
    pub path: String,
    /// The body as it came, where an order was sent; `None` of every other request.
    pub order: Option<String>,
    /// The status it was answered with; `None` when a fault left it without an answer, and of a message.
    pub status: Option<u16>,
    /// Virtual time at which it arrived.
    pub at: Timestamp,
    /// Real time at which it arrived, for measuring.
    pub arrived: Instant,
    /// Real time at which its answer was ready.
    pub answered: Instant,
}

/// Every request that was served, oldest first. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct RequestLog(Arc<Mutex<Vec<LoggedRequest>>>);

impl RequestLog {
    /// The requests served so far.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps one more request.
    pub fn add(&self, request: LoggedRequest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }
}
