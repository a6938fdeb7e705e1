//! Whether and when to ask again. Pure: adapters wait through the Clock port, and pass the jitter in.
//!
//! Only for requests that may be repeated safely, which an order never is.

use std::time::Duration;

use crate::{HttpError, Response};

/// How often to try and how long to wait between tries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// Tries in all, the first included.
    pub tries: u32,
    /// The wait before the second try.
    pub first: Duration,
    /// What each further wait is multiplied by.
    pub factor: f64,
    /// No wait is longer than this.
    pub longest: Duration,
}

impl Backoff {
    /// Four tries, waiting 0.5 s, 1 s and 2 s at most.
    pub const READS: Self =
        Self { tries: 4, first: Duration::from_millis(500), factor: 2.0, longest: Duration::from_secs(4) };

    /// The wait before try `n` (the second try is 2), `None` when there is no such try. `jitter` between 0
    /// and 1 chooses between half the wait and the whole of it, so that functions started together do not ask
    /// together.
    #[must_use]
    pub fn wait_before(&self, n: u32, jitter: f64) -> Option<Duration> {
        if n < 2 || n > self.tries {
            return None;
        }
        let exponent = i32::try_from(n - 2).unwrap_or(i32::MAX);
        let longest = self.longest.as_secs_f64();
        let whole = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(longest);
        let share = 0.5 + 0.5 * jitter.clamp(0.0, 1.0);
        // A factor that is no number makes no duration; wait the longest then.
        Some(Duration::try_from_secs_f64(whole * share).unwrap_or(self.longest))
    }
}

/// A 429 is never answered by asking again within this.
pub const SHORTEST_RATE_LIMIT_WAIT: Duration = Duration::from_secs(1);

/// A `Retry-After` beyond this ends the tries: waiting less would be rude, waiting that long would outlive
/// the run.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long to wait before repeating an idempotent read whose try number `made` (1 for the first) ended in
/// `outcome`; `None` when it must not be repeated.
///
/// Repeated: an answer that was lost, a connection that failed, 5xx, and 429 after its `Retry-After` (1 s at
/// least). Not repeated: success, redirects, every other 4xx, an answer too large, a request that could not
/// be made.
#[must_use]
pub fn read_retry_wait(
    outcome: Result<&Response, &HttpError>,
    made: u32,
    backoff: &Backoff,
    jitter: f64,
) -> Option<Duration> {
    let wait = backoff.wait_before(made.saturating_add(1), jitter)?;
    match outcome {
        Ok(response) if response.status == 429 => {
            let asked = response.retry_after().unwrap_or(wait).max(SHORTEST_RATE_LIMIT_WAIT);
            (asked <= LONGEST_RETRY_AFTER).then_some(asked)
        }
        Ok(response) if response.status >= 500 => Some(wait),
        Err(HttpError::Lost { .. } | HttpError::NotSent { .. }) => Some(wait),
        Ok(_) | Err(HttpError::TooLarge { .. } | HttpError::Build { .. }) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    fn answer(status: u16, retry_after: &str) -> Response {
        let mut headers = HeaderMap::new();
        if !retry_after.is_empty() {
            headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        }
        Response { status, headers, body: Vec::new() }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_the_tries() {
        let backoff = Backoff { tries: 5, longest: Duration::from_millis(1500), ..Backoff::READS };
        let waits = |jitter| {
            (1..=6).map(|n| backoff.wait_before(n, jitter).map(|wait| wait.as_millis())).collect::<Vec<_>>()
        };
        assert_eq!(waits(1.0), [None, Some(500), Some(1000), Some(1500), Some(1500), None]);
        assert_eq!(waits(0.0), [None, Some(250), Some(500), Some(750), Some(750), None]);
    }

    #[test]
    fn which_answers_are_asked_for_again() {
        for (status, retry_after, wait) in [
            (200, "", None),
            (302, "", None),
            (400, "", None),
            (401, "", None),
            (404, "", None),
            (500, "", Some(500)),
            (503, "", Some(500)),
            (429, "", Some(1000)),
            (429, "0", Some(1000)),
            (429, "7", Some(7000)),
            (429, "3600", None),
            (429, "Fri, 14 Aug 2026 18:30:00 GMT", Some(1000)),
        ] {
            let answer = answer(status, retry_after);
            let got = read_retry_wait(Ok(&answer), 1, &Backoff::READS, 1.0).map(|wait| wait.as_millis());
            assert_eq!(got, wait, "{status} {retry_after:?}");
            assert_eq!(
                read_retry_wait(Ok(&answer), 4, &Backoff::READS, 1.0),
                None,
                "the fourth try is the last"
            );
        }
    }

    #[test]
    fn which_failures_are_tried_again() {
        let (target, reason) = (String::new(), String::new());
        for (error, again) in [
            (HttpError::Lost { target: target.clone(), reason: reason.clone() }, true),
            (HttpError::NotSent { target: target.clone(), reason: reason.clone() }, true),
            (HttpError::TooLarge { target: target.clone(), status: 200, limit: 1 }, false),
            (HttpError::Build { target, reason }, false),
        ] {
            assert_eq!(read_retry_wait(Err(&error), 1, &Backoff::READS, 0.5).is_some(), again, "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn no_setting_waits_longer_than_the_longest(tries: u32, first_ms in 0_u64..100_000, factor: f64, n: u32, jitter: f64) {
            let backoff = Backoff { tries, first: Duration::from_millis(first_ms), factor, longest: Duration::from_secs(9) };
            prop_assert!(backoff.wait_before(n, jitter).is_none_or(|wait| wait <= Duration::from_secs(9)));
        }
    }
}
