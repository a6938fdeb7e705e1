//! A name for this delivery.

use std::hash::{BuildHasher, RandomState};

/// The request id with a random tail: a retried event keeps its request id, but every delivery is a run of
/// its own, or a second copy would take the first one's lease for its own.
#[must_use]
pub fn unique(request_id: &str) -> String {
    let random = RandomState::new().hash_one(request_id);
    format!("{request_id}.{:08x}", random & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_deliveries_of_one_request_are_two_runs() {
        assert_ne!(super::unique("r"), super::unique("r"));
    }
}
