//! How one account trades the strategy.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Buckets;
use crate::signal::Selection;

/// A limit on days to expiry beyond this limits nothing.
const FURTHEST_LIMIT: u16 = 60;

/// The strategy's part of an account profile, as it is written. [`Profile::try_from`] checks it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawProfile {
    /// Dollars of equity for one unit.
    pub unit_dollars: Decimal,
    /// Which volatility field of the signal sizes the trade, `VixOne`.
    pub volatility_field: String,
    /// Rising breaks between the buckets, decimal fractions.
    pub volatility_breaks: Vec<Decimal>,
    /// One multiplier per bucket.
    pub multipliers: Vec<u32>,
    /// What a missing volatility means.
    #[serde(default)]
    pub missing_volatility: MissingVolatility,
    /// Share of the full size that the credit side of a risk reversal gets.
    pub risk_reversal_credit_ratio: Decimal,
    /// From which multiplier on that reduction applies.
    pub risk_reversal_from_multiplier: u32,
    /// Most packages per side and day; none = no cap.
    #[serde(default)]
    pub most_per_side: Option<u32>,
    /// Count spreads already held at today's strikes towards the target.
    pub top_up: bool,
    /// Skip a side that would close something held.
    pub no_close_guard: bool,
    /// Trade a signal that expires today.
    #[serde(default)]
    pub same_day_expiry: bool,
    /// The furthest expiry that is traded, in calendar days after the trade date; a signal beyond it is
    /// refused.
    #[serde(default = "a_week")]
    pub most_days_to_expiry: u16,
}

/// The next session is at most five days away.
const fn a_week() -> u16 {
    7
}

/// What to do when the signal has no volatility. (The replaced system took the *middle* bucket: a larger size
/// on missing data.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingVolatility {
    /// Trade nothing, and say so.
    #[default]
    Skip,
    /// Trade the bucket with the smallest multiplier.
    SmallestBucket,
}

/// A checked profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    pub(super) raw: RawProfile,
    #[serde(skip)]
    pub(super) buckets: Buckets,
}

/// A profile field that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile {field}: got {got}, expected {expected}")]
pub struct ProfileError {
    field: &'static str,
    got: String,
    expected: &'static str,
}

impl ProfileError {
    /// An error that names the field, what came and what was expected.
    #[must_use]
    pub const fn new(field: &'static str, got: String, expected: &'static str) -> Self {
        Self { field, got, expected }
    }
}

impl Profile {
    /// The profile as written.
    #[must_use]
    pub const fn raw(&self) -> &RawProfile {
        &self.raw
    }

    /// Which rows of the feed it trades.
    #[must_use]
    pub fn selection(&self) -> Selection<'_> {
        let RawProfile { same_day_expiry, most_days_to_expiry, ref volatility_field, .. } = self.raw;
        Selection { same_day_expiry, most_days_to_expiry, volatility_field }
    }
}

impl TryFrom<RawProfile> for Profile {
    type Error = ProfileError;

    fn try_from(raw: RawProfile) -> Result<Self, ProfileError> {
        if raw.unit_dollars <= Decimal::ZERO {
            return Err(ProfileError::new(
                "unit_dollars",
                raw.unit_dollars.to_string(),
                "dollars above zero",
            ));
        }
        if raw.volatility_field.trim().is_empty() || raw.volatility_field.len() > 60 {
            let got = format!("a text of {} bytes", raw.volatility_field.len());
            return Err(ProfileError::new("volatility_field", got, "a field name such as VixOne"));
        }
        let ratio = raw.risk_reversal_credit_ratio;
        if ratio <= Decimal::ZERO || ratio > Decimal::ONE {
            return Err(ProfileError::new(
                "risk_reversal_credit_ratio",
                ratio.to_string(),
                "a share above 0 and up to 1",
            ));
        }
        if raw.most_per_side == Some(0) {
            return Err(ProfileError::new(
                "most_per_side",
                "0".into(),
                "1 or more, or leave it out for no cap",
            ));
        }
        if !(1..=FURTHEST_LIMIT).contains(&raw.most_days_to_expiry) {
            return Err(ProfileError::new(
                "most_days_to_expiry",
                raw.most_days_to_expiry.to_string(),
                "1 to 60 calendar days",
            ));
        }
        let buckets = Buckets::new(raw.volatility_breaks.clone(), raw.multipliers.clone())?;
        Ok(Self { raw, buckets })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the replaced system was deployed with (docs/reference/strategy.md, Sizing).
    pub(in crate::constant_stable) fn lambda() -> RawProfile {
        RawProfile {
            unit_dollars: Decimal::from(10_000),
            volatility_field: "VixOne".into(),
            volatility_breaks: ["0.1636779", "0.3276571", "0.3702533", "0.4514141"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect(),
            multipliers: vec![2, 3, 5, 8, 10],
            missing_volatility: MissingVolatility::Skip,
            risk_reversal_credit_ratio: "0.6".parse().unwrap(),
            risk_reversal_from_multiplier: 5,
            most_per_side: None,
            top_up: true,
            no_close_guard: true,
            same_day_expiry: false,
            most_days_to_expiry: 7,
        }
    }

    #[test]
    fn a_field_that_cannot_be_used_is_named() {
        type Change = fn(&mut RawProfile);
        let cases: [(&str, Change); 11] = [
            ("unit_dollars", |raw| raw.unit_dollars = Decimal::ZERO),
            ("volatility_field", |raw| raw.volatility_field = " ".into()),
            ("volatility_field", |raw| raw.volatility_field = "x".repeat(61)),
            ("volatility_breaks", |raw| raw.volatility_breaks[3] = Decimal::from(45)),
            ("risk_reversal_credit_ratio", |raw| raw.risk_reversal_credit_ratio = Decimal::TWO),
            ("risk_reversal_credit_ratio", |raw| raw.risk_reversal_credit_ratio = Decimal::ZERO),
            ("most_days_to_expiry", |raw| raw.most_days_to_expiry = 0),
            ("most_days_to_expiry", |raw| raw.most_days_to_expiry = 61),
            ("unit_dollars", |raw| raw.unit_dollars = Decimal::NEGATIVE_ONE),
            ("most_per_side", |raw| raw.most_per_side = Some(0)),
            ("multipliers", |raw| raw.multipliers = vec![1]),
        ];
        for (field, change) in cases {
            let mut raw = lambda();
            change(&mut raw);
            let error = Profile::try_from(raw).unwrap_err().to_string();
            assert!(error.starts_with(&format!("profile {field}: got ")), "{error}");
        }
        assert!(Profile::try_from(lambda()).is_ok());
        let unreduced = RawProfile { risk_reversal_credit_ratio: Decimal::ONE, ..lambda() };
        assert!(Profile::try_from(unreduced).is_ok(), "the whole size is a share of it");
        let longest = RawProfile { volatility_field: "x".repeat(60), most_days_to_expiry: 60, ..lambda() };
        assert!(Profile::try_from(longest).is_ok());
    }

    #[test]
    fn the_rows_it_trades_are_what_was_written() {
        let profile =
            Profile::try_from(RawProfile { most_days_to_expiry: 3, same_day_expiry: true, ..lambda() })
                .unwrap();
        assert_eq!(
            profile.selection(),
            Selection { same_day_expiry: true, most_days_to_expiry: 3, volatility_field: "VixOne" }
        );
    }
}
