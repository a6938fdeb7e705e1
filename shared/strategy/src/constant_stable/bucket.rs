//! Volatility buckets and their multipliers.

use rust_decimal::Decimal;
use serde::Serialize;

use super::ProfileError;

const MOST_BREAKS: usize = 50;

/// A volatility as a decimal fraction a year lies between 2 % and 200 %. Below it stands one of a day (0.0117
/// for 0.185), above it one in percent (18.5), and either would take a size that nobody meant.
pub(super) fn is_plausible(volatility: Decimal) -> bool {
    (Decimal::new(2, 2)..=Decimal::TWO).contains(&volatility)
}

/// Buckets 1 to N over N−1 rising breaks; a value equal to a break falls in the bucket above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Buckets {
    breaks: Vec<Decimal>,
    multipliers: Vec<u32>,
}

impl Buckets {
    /// Buckets of `breaks` (decimal fractions, rising) and one multiplier more than breaks.
    ///
    /// # Errors
    /// [`ProfileError`] names the field, what came and what was expected.
    pub fn new(breaks: Vec<Decimal>, multipliers: Vec<u32>) -> Result<Self, ProfileError> {
        if !(1..=MOST_BREAKS).contains(&breaks.len()) {
            return Err(ProfileError::new(
                "volatility_breaks",
                format!("a list of {}", breaks.len()),
                "1 to 50 breaks",
            ));
        }
        let rising = breaks.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || !breaks.iter().all(|limit| is_plausible(*limit)) {
            return Err(ProfileError::new(
                "volatility_breaks",
                format!("{breaks:?}"),
                "rising decimal fractions from 0.02 to 2",
            ));
        }
        if multipliers.len() != breaks.len() + 1 {
            let got = format!("{} multipliers for {} breaks", multipliers.len(), breaks.len());
            return Err(ProfileError::new("multipliers", got, "one more than volatility_breaks"));
        }
        Ok(Self { breaks, multipliers })
    }

    /// Bucket (from 1) and multiplier of a volatility.
    #[must_use]
    pub fn of(&self, volatility: Decimal) -> (usize, u32) {
        let index = self.breaks.iter().take_while(|limit| volatility >= **limit).count();
        (index + 1, self.multipliers[index])
    }

    /// Bucket and multiplier of the smallest size, for profiles that name it for a missing volatility.
    #[must_use]
    pub fn smallest(&self) -> (usize, u32) {
        let smallest = self.multipliers.iter().enumerate().min_by_key(|(_, multiplier)| **multiplier);
        smallest.map_or((1, 0), |(index, multiplier)| (index + 1, *multiplier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(breaks: &[&str], multipliers: &[u32]) -> Result<Buckets, ProfileError> {
        Buckets::new(breaks.iter().map(|text| text.parse().unwrap()).collect(), multipliers.to_vec())
    }

    #[test]
    fn reference_vectors_1_2_and_4() {
        let lambda =
            buckets(&["0.1636779", "0.3276571", "0.3702533", "0.4514141"], &[2, 3, 5, 8, 10]).unwrap();
        let default =
            buckets(&["0.089", "0.111", "0.131", "0.158", "0.192", "0.253"], &[1, 1, 1, 2, 3, 4, 6]).unwrap();
        for (table, value, expected) in [
            (&lambda, "0.10", (1, 2)),
            (&lambda, "0.1636778", (1, 2)),
            (&lambda, "0.1636779", (2, 3)),
            (&lambda, "0.3276570", (2, 3)),
            (&lambda, "0.3276571", (3, 5)),
            (&lambda, "0.3702533", (4, 8)),
            (&lambda, "0.4514141", (5, 10)),
            (&lambda, "0.9", (5, 10)),
            (&default, "0.08", (1, 1)),
            (&default, "0.089", (2, 1)),
            (&default, "0.131", (4, 2)),
            (&default, "0.253", (7, 6)),
        ] {
            assert_eq!(table.of(value.parse().unwrap()), expected, "{value}");
        }
        assert_eq!(lambda.smallest(), (1, 2));
    }

    #[test]
    fn reference_vector_5_multipliers_must_be_one_more_than_breaks() {
        let error = buckets(&["0.1", "0.2", "0.3", "0.4"], &[1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "profile multipliers: got 1 multipliers for 4 breaks, expected one more than volatility_breaks"
        );
    }

    #[test]
    fn breaks_must_rise_within_what_a_volatility_can_be() {
        assert!(buckets(&["0.02", "2"], &[1; 3]).is_ok());
        for breaks in [
            &["0.2", "0.1"][..],
            &["0.1", "0.1"],
            &["0", "0.1"],
            &["0.0199", "0.1"],
            &["0.1", "2.01"],
            &["16.3", "32.7"],
            &[],
        ] {
            assert!(buckets(breaks, &vec![1; breaks.len() + 1]).is_err(), "{breaks:?}");
        }
    }
}
