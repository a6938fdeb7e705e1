//! Where faults enter: every face asks here before it answers.

use crate::requests::Service;

/// What happens to one request instead of, or before, its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is answered.
    Pass,
}

/// Which requests are to fail, and how. So far none.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {}

impl FaultPlan {
    /// The fault for one request.
    #[must_use]
    pub fn consult(&self, service: Service, method: &str, path: &str) -> Fault {
        tracing::trace!(?service, method, path, "request");
        Fault::Pass
    }
}
