//! What the legs of an order say when the order does not read as one.

use gamma_market::{Leg, LegAction, OptionSymbol, Tick};

use crate::is_of_root;

/// The contracts of an order that does not read; `None` when a leg may be of any contract, since then the
/// order may touch them all.
#[derive(Debug)]
pub struct KnownLegs(Option<Vec<OptionSymbol>>);

impl KnownLegs {
    /// One entry a leg, `None` for one that may be of any contract. Legs that are of no option are left out
    /// by the caller.
    pub fn new(legs: impl IntoIterator<Item = Option<OptionSymbol>>) -> Self {
        Self(legs.into_iter().collect())
    }

    /// Nobody can say what the order is of.
    #[must_use]
    pub fn unknown() -> Self {
        Self(None)
    }

    /// Whether the order may be of a contract of one of `roots`.
    #[must_use]
    pub fn may_touch(&self, roots: &[(&str, Tick)]) -> bool {
        self.0.as_ref().is_none_or(|symbols| symbols.iter().any(|symbol| is_of_root(symbol.root(), roots)))
    }

    /// Whether there is anything in it to fear: an order in which nothing can be of an option touches no
    /// contract of ours.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.as_ref().is_none_or(|symbols| !symbols.is_empty())
    }

    /// The legs for an order's view. Which way they trade and how many does not matter: such an order is
    /// never taken for ours.
    #[must_use]
    pub fn into_legs(self) -> Vec<(Leg, u32)> {
        let leg = |symbol| (Leg::open(symbol, LegAction::Buy), 1);
        self.0.into_iter().flatten().map(leg).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOTS: &[(&str, Tick)] = &[("SPX", Tick::NICKEL), ("SPXW", Tick::NICKEL)];

    #[test]
    fn legs_that_are_known_and_not() {
        let ours = || "SPXW  260821P05900000".parse().ok();
        let foreign = || "AAPL  260821C00200000".parse().ok();
        // Legs, whether they may touch ours, whether there is anything to fear, how many are shown.
        for (legs, touch, any, shown) in [
            (vec![], false, false, 0),
            (vec![foreign()], false, true, 1),
            (vec![foreign(), ours()], true, true, 2),
            (vec![foreign(), None], true, true, 0),
        ] {
            let known = KnownLegs::new(legs.clone());
            assert_eq!(
                (known.may_touch(ROOTS), known.any(), known.into_legs().len()),
                (touch, any, shown),
                "{legs:?}"
            );
        }
        let unknown = KnownLegs::unknown();
        assert!(unknown.may_touch(ROOTS) && unknown.any() && unknown.into_legs().is_empty());
    }
}
