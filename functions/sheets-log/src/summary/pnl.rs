//! What a vertical comes to when the index has settled, and the signs of prices.

use gamma_market::{Effect, Right};
use rust_decimal::Decimal;

/// Contracts in a vertical.
const LEGS: Decimal = Decimal::TWO;

/// Verticals held to expiry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) right: Right,
    pub(super) effect: Effect,
    /// Lower and higher strike in points.
    pub(super) strikes: (Decimal, Decimal),
    /// What one was sold or bought for, in points.
    pub(super) price: Decimal,
    /// How many.
    pub(super) spreads: Decimal,
}

impl Held {
    /// Points won or lost by all of them when the index settles at `settle`, the costs of trading them taken
    /// off: premium against intrinsic value, which a seller owes and a buyer is owed
    /// (docs/reference/spreadsheet.md, `CS_Summary`).
    pub(super) fn at_expiry(&self, settle: Decimal, cost_per_contract: Decimal) -> Decimal {
        let (low, high) = self.strikes;
        let inside = match self.right {
            Right::Put => high - settle,
            Right::Call => settle - low,
        };
        let intrinsic = inside.clamp(Decimal::ZERO, high - low);
        let won = match self.effect {
            Effect::Credit => self.price - intrinsic,
            Effect::Debit => intrinsic - self.price,
        };
        (won - cost_per_contract * LEGS / Decimal::ONE_HUNDRED) * self.spreads
    }
}

/// A price as the summary shows it: paid is below zero. What is not a number stays as it is.
pub(super) fn signed(text: &str, effect: Option<Effect>) -> String {
    let Ok(price) = text.parse::<Decimal>() else { return text.to_owned() };
    if price.is_zero() {
        return "0".to_owned();
    }
    let mut signed = if effect == Some(Effect::Debit) { -price } else { price }.normalize();
    // As the first system wrote them, so that its cells are not written anew.
    if signed.scale() == 0 {
        signed.rescale(1);
    }
    signed.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn reference_vector_38k_paid_is_below_zero() {
        for (text, effect, shown) in [
            ("0.95", Some(Effect::Debit), "-0.95"),
            ("0.00", Some(Effect::Credit), "0"),
            ("0.00", Some(Effect::Debit), "0"),
            ("", Some(Effect::Debit), ""),
            ("1", Some(Effect::Credit), "1.0"),
            ("0.90", None, "0.9"),
            ("mid", Some(Effect::Debit), "mid"),
        ] {
            assert_eq!(signed(text, effect), shown, "{text}");
        }
    }

    fn condor(effect: Effect, settle: &str, cost_per_contract: &str) -> Decimal {
        let side = |right, low: i64| Held {
            right,
            effect,
            strikes: (low.into(), (low + 5).into()),
            price: number("0.95"),
            spreads: Decimal::ONE,
        };
        [side(Right::Put, 6895), side(Right::Call, 7000)]
            .iter()
            .map(|side| side.at_expiry(number(settle), number(cost_per_contract)))
            .sum()
    }

    #[test]
    fn reference_vector_43_a_condor_at_one_ninety_in_points() {
        for (effect, settle, points) in [
            (Effect::Credit, "6897", "-1.10"),
            (Effect::Credit, "6950", "1.90"),
            (Effect::Debit, "6890", "3.10"),
            (Effect::Debit, "6950", "-1.90"),
            (Effect::Credit, "7003", "-1.10"),
            (Effect::Credit, "9000", "-3.10"),
        ] {
            assert_eq!(condor(effect, settle, "0"), number(points), "{effect} at {settle}");
        }
    }

    #[test]
    fn a_condor_costs_the_account_its_four_contracts() {
        assert_eq!(condor(Effect::Credit, "6950", "0.97"), number("1.90") - number("0.0388"));
        assert_eq!(condor(Effect::Debit, "6890", "1.72"), number("3.10") - number("0.0688"));
    }
}
