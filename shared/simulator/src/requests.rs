//! What was asked of a face: the independent record of a client's calls, and the seam where faults will enter.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use jiff::Timestamp;

use crate::faults::{Fault, FaultPlan};
use crate::time::VirtualClock;

/// Which service a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The broker.
    Schwab,
    /// The signal feed.
    GammaWizard,
}

/// One answered request. Query, headers and bodies are left out, so no secret gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The face.
    pub service: Service,
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path without its query, as it came.
    pub path: String,
    /// The status it was answered with.
    pub status: u16,
    /// Virtual time at which it arrived.
    pub at: Timestamp,
}

/// Every answered request, oldest first. Clones are the same log.
#[derive(Debug, Clone, Default)]
pub struct RequestLog(Arc<Mutex<Vec<LoggedRequest>>>);

impl RequestLog {
    /// The requests answered so far.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, request: LoggedRequest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }
}

/// What stands before a face: the log and the faults.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) service: Service,
    pub(crate) clock: VirtualClock,
    pub(crate) log: RequestLog,
    pub(crate) faults: FaultPlan,
}

impl Gate {
    /// Puts the gate before every route, the unknown ones included.
    pub(crate) fn before(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, pass))
    }
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (method, path, at) = (request.method().to_string(), request.uri().path().to_owned(), gate.clock.now());
    let response = match gate.faults.consult(gate.service, &method, &path) {
        Fault::Pass => next.run(request).await,
    };
    let status = response.status().as_u16();
    gate.log.add(LoggedRequest { service: gate.service, method, path, status, at });
    response
}
