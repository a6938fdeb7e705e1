//! The test's settings, with the replaced system's defaults (docs/reference/strategy.md, Edge test).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// The sequential test of daily returns: is their mean rather `mu1` or `mu0`? Without `mu1` or `sigma` equity
/// is only logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeSettings {
    /// The mean daily return without an edge.
    pub mu0: Decimal,
    /// The mean daily return with the edge.
    pub mu1: Option<Decimal>,
    /// Standard deviation of a daily return.
    pub sigma: Option<Decimal>,
    /// How likely the test may see an edge that is not there.
    pub alpha: Decimal,
    /// How likely the test may miss an edge that is there.
    pub beta: Decimal,
    /// No pause before this many returns.
    pub min_samples: u32,
    /// How many calendar days a pause lasts.
    pub pause_days: u32,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            mu0: Decimal::ZERO,
            mu1: None,
            sigma: None,
            alpha: Decimal::new(1, 2),
            beta: Decimal::new(5, 2),
            min_samples: 30,
            pause_days: 5,
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("edge {field}: got {got}, expected {expected}")]
pub struct EdgeSettingsError {
    field: &'static str,
    got: String,
    expected: &'static str,
}

impl EdgeSettings {
    /// Checks every field. A sigma that is not above zero is no error: the test then says `NO_SIGMA`.
    ///
    /// # Errors
    /// [`EdgeSettingsError`] names the field, what came and what was expected.
    pub fn check(&self) -> Result<(), EdgeSettingsError> {
        let fail = |field, got: String, expected| Err(EdgeSettingsError { field, got, expected });
        let share = |value: Decimal| value > Decimal::ZERO && value < Decimal::new(5, 1);
        if self.mu0.abs() > Decimal::ONE {
            return fail("mu0", self.mu0.to_string(), "a daily return between -1 and 1");
        }
        if let Some(mu1) = self.mu1.filter(|mu1| *mu1 <= self.mu0 || mu1.abs() > Decimal::ONE) {
            return fail("mu1", mu1.to_string(), "a daily return above mu0, up to 1");
        }
        if let Some(sigma) = self
            .sigma
            .filter(|sigma| *sigma > Decimal::ONE || (*sigma > Decimal::ZERO && *sigma < Decimal::new(1, 6)))
        {
            return fail("sigma", sigma.to_string(), "a standard deviation of daily returns, 0.000001 to 1");
        }
        if !share(self.alpha) {
            return fail("alpha", self.alpha.to_string(), "a probability above 0 and below 0.5");
        }
        if !share(self.beta) {
            return fail("beta", self.beta.to_string(), "a probability above 0 and below 0.5");
        }
        if !(1..=10_000).contains(&self.min_samples) {
            return fail("min_samples", self.min_samples.to_string(), "1 to 10000");
        }
        if !(1..=366).contains(&self.pause_days) {
            return fail("pause_days", self.pause_days.to_string(), "1 to 366");
        }
        Ok(())
    }

    /// What one return adds to the statistic; `None` when sigma cannot be used.
    pub(super) fn step(&self, mu1: Decimal, sigma: Decimal, ret: Decimal) -> Option<Decimal> {
        let square = |value: Decimal| value.checked_mul(value);
        let spread = Decimal::TWO.checked_mul(square(sigma)?)?;
        let drift = Decimal::TWO.checked_mul(ret)?.checked_mul(mu1.checked_sub(self.mu0)?)?;
        square(self.mu0)?.checked_sub(square(mu1)?)?.checked_add(drift)?.checked_div(spread)
    }

    /// The bounds of the statistic: at the lower one the edge is given up, at the upper one it is believed.
    /// They are logarithms, so floats; no money passes through them.
    #[must_use]
    pub fn bounds(&self) -> (f64, f64) {
        let float = |value: Decimal| value.to_f64().unwrap_or(f64::NAN);
        let (alpha, beta) = (float(self.alpha), float(self.beta));
        ((beta / (1.0 - alpha)).ln(), ((1.0 - beta) / alpha).ln())
    }
}
