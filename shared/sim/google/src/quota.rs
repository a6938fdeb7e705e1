//! How many requests a minute takes.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::errors::ApiError;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// How many requests one user may make within a minute of virtual time. Google's own numbers are 60 and 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests that read.
    pub reads: u32,
    /// Requests that write.
    pub writes: u32,
}

/// The requests of the last minute.
#[derive(Debug, Default)]
pub(super) struct Meter {
    pub(super) quota: Option<Quota>,
    reads: VecDeque<Timestamp>,
    writes: VecDeque<Timestamp>,
}

impl Meter {
    pub(super) fn new(quota: Option<Quota>) -> Self {
        Self { quota, ..Self::default() }
    }

    /// Counts a request, or refuses it; a refused one does not count.
    pub(super) fn count(&mut self, writes: bool, now: Timestamp) -> Result<(), ApiError> {
        let Some(quota) = self.quota else { return Ok(()) };
        let (seen, limit) =
            if writes { (&mut self.writes, quota.writes) } else { (&mut self.reads, quota.reads) };
        while seen.front().is_some_and(|at| *at + MINUTE <= now) {
            seen.pop_front();
        }
        if seen.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(ApiError::exhausted(writes, limit));
        }
        seen.push_back(now);
        Ok(())
    }
}
