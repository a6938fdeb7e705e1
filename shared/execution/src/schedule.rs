//! Sharing the time that is left among the rungs.

use std::time::Duration;

use jiff::Timestamp;

use crate::profile::{ExecutionProfile, seconds};

/// How many rungs fit, and how long each waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Rungs that can be opened, waited, cancelled and confirmed.
    pub rungs: usize,
    /// How long each waits for a fill.
    pub wait: Duration,
}

/// Shares the time from `now` to `end` among `wanted` rungs, so that every one can still be cancelled and
/// confirmed before `end` (the earlier of the series' close and the function's end). Each rung gets the
/// profile's wait at most; when that is too long for all, the waits shrink together; when they would shrink
/// below the least, there are fewer rungs.
#[must_use]
pub fn share(now: Timestamp, end: Timestamp, wanted: usize, profile: &ExecutionProfile) -> Share {
    let left = Duration::try_from(end.duration_since(now)).unwrap_or_default();
    let (longest, least, confirm) = (
        seconds(profile.rung_seconds),
        seconds(profile.least_rung_seconds),
        seconds(profile.confirm_seconds),
    );
    (1..=wanted)
        .rev()
        .find_map(|rungs| {
            let count = u32::try_from(rungs).ok()?;
            let slot = left / count;
            // Whole milliseconds: no clock has to keep finer times than it can.
            let wait = Duration::from_millis(
                u64::try_from(slot.checked_sub(confirm)?.min(longest).as_millis()).ok()?,
            );
            (wait >= least).then_some(Share { rungs, wait })
        })
        .unwrap_or(Share { rungs: 0, wait: Duration::ZERO })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use gamma_market::Price;
    use jiff::civil::time;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    pub(crate) fn profile() -> ExecutionProfile {
        ExecutionProfile::default()
    }

    #[test]
    fn a_profile_field_that_cannot_be_used_is_named() {
        type Change = fn(&mut ExecutionProfile);
        assert_eq!(profile().check(), Ok(()));
        let cases: [(&str, Change); 12] = [
            ("window_closes", |p| p.window_closes = time(9, 0, 0, 0)),
            ("rung_offsets", |p| p.rung_offsets.clear()),
            ("rung_offsets", |p| p.rung_offsets = vec![Price::cents(-5)]),
            ("confirm_seconds", |p| p.confirm_seconds = 1),
            ("least_rung_seconds", |p| p.least_rung_seconds = 21),
            ("envelope", |p| p.envelope = Price::ZERO),
            ("envelope", |p| p.envelope = Price::new(Decimal::MAX)),
            ("rung_offsets", |p| p.rung_offsets = vec![Price::new(Decimal::MAX)]),
            ("rung_offsets", |p| p.rung_offsets = vec![Price::ZERO; 21]),
            ("cost_per_contract", |p| p.cost_per_contract = Decimal::MAX),
            ("worst_loss_share", |p| p.worst_loss_share = Decimal::TWO),
            ("lease_seconds", |p| p.lease_seconds = 3),
        ];
        for (field, change) in cases {
            let mut wrong = profile();
            change(&mut wrong);
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("profile {field}: got")), "{error}");
        }
    }

    #[test]
    fn the_window_of_a_trading_day() {
        let close: Timestamp = "2025-09-03T20:15:00Z".parse().unwrap();
        for (from, rungs, wait) in [
            ("20:13:31", 3, 20),
            ("20:13:59", 3, 15),
            ("20:14:20", 3, 8),
            ("20:14:35", 2, 7),
            ("20:14:49", 1, 6),
            ("20:14:51", 0, 0),
            ("20:15:10", 0, 0),
        ] {
            let now: Timestamp = format!("2025-09-03T{from}Z").parse().unwrap();
            let got = share(now, close, 3, &profile());
            assert_eq!((got.rungs, got.wait.as_secs()), (rungs, wait), "{from}");
        }
    }

    proptest! {
        #[test]
        fn every_rung_ends_confirmed_before_the_close(left in -30_i64..400, wanted in 0_usize..6) {
            let now: Timestamp = "2025-09-03T20:13:31Z".parse().unwrap();
            let end = now + jiff::SignedDuration::from_secs(left);
            let got = share(now, end, wanted, &profile());
            prop_assert!(got.rungs <= wanted && got.wait <= seconds(20));
            let used = (got.wait + seconds(5)) * u32::try_from(got.rungs).unwrap();
            prop_assert!(got.rungs == 0 || used.as_secs_f64() <= f64::from(i32::try_from(left).unwrap()));
        }
    }
}
