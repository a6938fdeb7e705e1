//! How one account's orders are worked: the part of an account profile that is not the strategy's.

use std::time::Duration;

use gamma_market::Price;
use gamma_market::calendar::INDEX_OPTIONS_CLOSE;
use jiff::civil::{Time, time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::approval::Limits;

/// Times, rungs and limits (docs/reference/strategy.md). All times are America/New_York.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionProfile {
    /// A live run may begin from here.
    pub window_opens: Time,
    /// A live run that begins later is refused.
    pub window_closes: Time,
    /// An event older than this many seconds is stale.
    pub stale_after_seconds: u32,
    /// When the signal is final; the run prepares first, then waits for this.
    pub signal_ready: Time,
    /// Seconds between two reads of a signal that is not there yet.
    pub signal_poll_seconds: u32,
    /// How far each rung goes from the mid towards the market, in points.
    pub rung_offsets: Vec<Price>,
    /// Seconds one rung waits for a fill, when there is time for all.
    pub rung_seconds: u32,
    /// A rung shorter than this many seconds is not opened.
    pub least_rung_seconds: u32,
    /// Seconds between two reads of a working order.
    pub poll_seconds: u32,
    /// Seconds to wait after a cancel before reading.
    pub cancel_settle_seconds: u32,
    /// Seconds until the broker's count of fills is complete after it shows an order over: one that is over
    /// with fewer fills than ordered is believed when it shows the same that much later.
    #[serde(default = "two_seconds")]
    pub fills_lag_seconds: u32,
    /// How often a cancel is asked for.
    pub cancel_tries: u32,
    /// Seconds kept after each rung for cancelling it and proving that it is over.
    pub confirm_seconds: u32,
    /// Seconds until an order of unknown outcome must have shown up at the broker.
    pub locate_seconds: u32,
    /// Seconds one lease lasts; it is renewed while the run works.
    pub lease_seconds: u32,
    /// How far from the decision-time mid a price may ever go, in points.
    pub envelope: Price,
    /// Quotes that the exchange last changed longer ago than this many seconds make no price.
    #[serde(default = "two_minutes")]
    pub oldest_quote_seconds: u32,
    /// A leg whose bid and ask lie further apart than this makes no price, in points.
    #[serde(default = "two_points")]
    pub widest_leg: Price,
    /// Largest share of equity that the day's packages may add to the worst loss.
    pub worst_loss_share: Decimal,
    /// All-in dollars per contract, for the cost estimate in the report.
    pub cost_per_contract: Decimal,
    /// What a pause of the edge guard means to a live run.
    #[serde(default)]
    pub edge_guard: EdgeMode,
    /// The tag that the broker puts on orders of our application, where it is known: an order without it is
    /// never taken for ours.
    #[serde(default)]
    pub application_tag: Option<String>,
}

const fn two_seconds() -> u32 {
    2
}

const fn two_minutes() -> u32 {
    120
}

fn two_points() -> Price {
    Price::cents(200)
}

/// What a pause of the edge guard means to a live run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeMode {
    /// It trades, and notes the pause.
    #[default]
    Monitor,
    /// It does not trade, and alarms.
    Enforce,
}

/// A field of the execution profile that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile {field}: got {got}, expected {expected}")]
pub struct ExecutionProfileError {
    field: &'static str,
    got: String,
    expected: &'static str,
}

/// The reference's ladder and limits (section 3.2, and 5.8 for the signal's time), for a 16:13 schedule and
/// series that stop at 16:15.
impl Default for ExecutionProfile {
    fn default() -> Self {
        Self {
            window_opens: time(16, 12, 55, 0),
            window_closes: INDEX_OPTIONS_CLOSE,
            stale_after_seconds: 120,
            signal_ready: time(16, 13, 31, 0),
            signal_poll_seconds: 1,
            rung_offsets: vec![Price::ZERO, Price::cents(5), Price::cents(10)],
            rung_seconds: 20,
            least_rung_seconds: 5,
            poll_seconds: 2,
            cancel_settle_seconds: 1,
            fills_lag_seconds: two_seconds(),
            cancel_tries: 4,
            confirm_seconds: 5,
            locate_seconds: 5,
            lease_seconds: 20,
            envelope: Price::cents(30),
            oldest_quote_seconds: two_minutes(),
            widest_leg: two_points(),
            worst_loss_share: Decimal::new(60, 2),
            cost_per_contract: Decimal::new(97, 2),
            edge_guard: EdgeMode::Monitor,
            application_tag: None,
        }
    }
}

impl ExecutionProfile {
    /// The most seconds a POST takes, an adapter's preparation included, before its outcome is unknown; a
    /// lease must outlive it.
    pub const POST_SECONDS: i64 = 8;

    /// No offset and no envelope is wider than this many points, so that moving a price by one never leaves
    /// what a decimal holds.
    const MOST_POINTS: i64 = 1000;

    /// More rungs than any window has time for.
    const MOST_RUNGS: usize = 20;

    /// Checks every field.
    ///
    /// # Errors
    /// [`ExecutionProfileError`] names the field, what came and what was expected.
    pub fn check(&self) -> Result<(), ExecutionProfileError> {
        let fail = |field, got: String, expected| Err(ExecutionProfileError { field, got, expected });
        if self.window_opens >= self.window_closes {
            return fail("window_closes", self.window_closes.to_string(), "a time after window_opens");
        }
        let (offsets, most) = (&self.rung_offsets, Price::cents(Self::MOST_POINTS * 100));
        if !(1..=Self::MOST_RUNGS).contains(&offsets.len())
            || offsets.iter().any(|offset| offset.is_negative() || *offset > most)
        {
            let first: Vec<_> = offsets.iter().take(Self::MOST_RUNGS).collect();
            return fail(
                "rung_offsets",
                format!("{} of them, {first:?}", offsets.len()),
                "1 to 20 offsets in points, each between 0 and 1000",
            );
        }
        for (field, seconds, least) in [
            ("stale_after_seconds", self.stale_after_seconds, 1),
            ("signal_poll_seconds", self.signal_poll_seconds, 1),
            ("rung_seconds", self.rung_seconds, 1),
            ("least_rung_seconds", self.least_rung_seconds, 1),
            ("poll_seconds", self.poll_seconds, 1),
            ("cancel_settle_seconds", self.cancel_settle_seconds, 1),
            ("cancel_tries", self.cancel_tries, 1),
            ("fills_lag_seconds", self.fills_lag_seconds, 1),
            (
                "confirm_seconds",
                self.confirm_seconds,
                self.cancel_settle_seconds + self.fills_lag_seconds + 1,
            ),
            ("oldest_quote_seconds", self.oldest_quote_seconds, 1),
            ("locate_seconds", self.locate_seconds, 1),
            // Twice a POST and more: it is renewed when half of it is left.
            ("lease_seconds", self.lease_seconds, 20),
        ] {
            if seconds < least || seconds > 600 {
                return fail(
                    field,
                    seconds.to_string(),
                    "between 1 and 600 (lease 20 or more, confirm more than cancel_settle and fills_lag together)",
                );
            }
        }
        if self.least_rung_seconds > self.rung_seconds {
            return fail(
                "least_rung_seconds",
                self.least_rung_seconds.to_string(),
                "no more than rung_seconds",
            );
        }
        if self.envelope <= Price::ZERO || self.envelope > most {
            return fail("envelope", self.envelope.to_string(), "points above zero, up to 1000");
        }
        if self.widest_leg <= Price::ZERO || self.widest_leg > most {
            return fail("widest_leg", self.widest_leg.to_string(), "points above zero, up to 1000");
        }
        if self.worst_loss_share <= Decimal::ZERO || self.worst_loss_share > Decimal::ONE {
            return fail(
                "worst_loss_share",
                self.worst_loss_share.to_string(),
                "a share above 0 and up to 1",
            );
        }
        if self.cost_per_contract.is_sign_negative() || self.cost_per_contract > Decimal::ONE_THOUSAND {
            return fail(
                "cost_per_contract",
                self.cost_per_contract.to_string(),
                "dollars, between 0 and 1000",
            );
        }
        Ok(())
    }

    /// Approval's limits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits { envelope: self.envelope, worst_loss_share: self.worst_loss_share }
    }
}

/// Whole seconds as a duration.
#[must_use]
pub const fn seconds(count: u32) -> Duration {
    Duration::from_secs(count as u64)
}
