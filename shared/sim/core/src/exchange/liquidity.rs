//! How willingly the market trades inside the spread.

use rand_chacha::ChaCha8Rng;

use crate::random::between;

/// One million: chances are counted in millionths.
pub(super) const CERTAIN: i64 = 1_000_000;

/// Up to here, measured from the near side of the spread, nobody trades.
const UNWILLING: i64 = CERTAIN / 4;
const MID: i64 = CERTAIN / 2;

/// How much trades inside the spread, for a whole simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Regime {
    /// A limit at the mid fills within a minute more often than not, mostly whole.
    Normal,
    /// It seldom fills, and then in parts.
    Thin,
    /// It hardly ever fills: only crossing the spread does.
    Dry,
}

impl Regime {
    /// The regime of a seed. Counted and not drawn, so that any five seeds in a row show all three.
    #[must_use]
    pub const fn of_seed(seed: u64) -> Self {
        match seed % 5 {
            3 => Self::Thin,
            4 => Self::Dry,
            _ => Self::Normal,
        }
    }

    /// The chance, in millionths, that somebody trades within one second at a limit that lies `depth`
    /// millionths of the way from the near side of the spread (0) to the far side (a million).
    pub(super) fn chance(self, depth: i64) -> i64 {
        let (at_mid, at_far) = match self {
            Self::Normal => (20_000, 200_000),
            Self::Thin => (4_000, 40_000),
            Self::Dry => (50, 500),
        };
        let depth = depth.clamp(UNWILLING, CERTAIN);
        if depth < MID {
            at_mid * (depth - UNWILLING) / (MID - UNWILLING)
        } else {
            at_mid + (at_far - at_mid) * (depth - MID) / (CERTAIN - MID)
        }
    }

    /// How many of `remaining` packages somebody takes inside the spread.
    pub(super) fn part(self, remaining: u32, random: &mut ChaCha8Rng) -> u32 {
        let whole = self == Self::Normal && between(random, 1, 10) <= 5;
        match self {
            Self::Normal if whole => remaining,
            Self::Normal => some_of(remaining, random),
            Self::Thin | Self::Dry => some_of(remaining.div_ceil(2), random),
        }
    }

    /// How many of `remaining` packages the quotes themselves are good for in one second. In a poor market
    /// they are good for some, and once an order has `taken` those, new ones come seldom.
    pub(super) fn shown(self, remaining: u32, taken: bool, random: &mut ChaCha8Rng) -> Option<u32> {
        let renewed = match self {
            Self::Normal => return Some(remaining),
            Self::Thin => 80_000,
            Self::Dry => 20_000,
        };
        (!taken || between(random, 1, CERTAIN) <= renewed).then(|| some_of(remaining.div_ceil(2), random))
    }
}

/// From one to all of `remaining`.
fn some_of(remaining: u32, random: &mut ChaCha8Rng) -> u32 {
    u32::try_from(between(random, 1, remaining.into())).unwrap_or(remaining)
}
