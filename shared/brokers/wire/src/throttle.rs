//! Our own limit on order writes, below whatever the broker has.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Counts order writes over the last minute.
pub struct WriteThrottle {
    most: usize,
    sent: Mutex<VecDeque<Timestamp>>,
}

impl WriteThrottle {
    const WINDOW: SignedDuration = SignedDuration::from_secs(60);

    /// At most this many a minute.
    #[must_use]
    pub fn new(most_per_minute: u32) -> Self {
        Self { most: usize::try_from(most_per_minute).unwrap_or(usize::MAX), sent: Mutex::default() }
    }

    /// Takes the right to one write now.
    ///
    /// # Errors
    /// The time until the next one may be sent.
    pub fn take(&self, now: Timestamp) -> Result<(), Duration> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        while sent.front().is_some_and(|oldest| now.duration_since(*oldest) >= Self::WINDOW) {
            sent.pop_front();
        }
        if sent.len() < self.most {
            sent.push_back(now);
            return Ok(());
        }
        let age = sent.front().map_or(SignedDuration::ZERO, |oldest| now.duration_since(*oldest));
        Err(Duration::try_from(Self::WINDOW - age).unwrap_or_default())
    }

    /// Counts a write that is sent whatever the count: a cancel must never wait behind our own limit.
    pub fn count(&self, now: Timestamp) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_free_again_a_minute_after_the_oldest() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let throttle = WriteThrottle::new(3);
        throttle.count(at(0));
        assert_eq!((throttle.take(at(10)), throttle.take(at(20))), (Ok(()), Ok(())));
        assert_eq!(throttle.take(at(25)), Err(Duration::from_secs(35)));
        assert_eq!(throttle.take(at(59)), Err(Duration::from_secs(1)));
        assert_eq!((throttle.take(at(60)), throttle.take(at(60))), (Ok(()), Err(Duration::from_secs(10))));
        assert_eq!(WriteThrottle::new(0).take(at(0)), Err(Duration::from_secs(60)));
    }
}
