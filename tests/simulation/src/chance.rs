//! Where chance comes from: one generator for each seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws. The same seed draws the same for ever.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The generator of `seed`; `stream` keeps two users of one seed apart.
    #[must_use]
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Self(random)
    }

    /// A whole number from 0 to `below`, itself excluded.
    pub fn below(&mut self, below: i64) -> i64 {
        let span = u64::try_from(below.max(1)).unwrap_or(1);
        i64::try_from(self.0.next_u64() % span).unwrap_or(0)
    }

    /// An index below `length`.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(i64::try_from(length).unwrap_or(1))).unwrap_or(0)
    }

    /// A whole number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high - low + 1)
    }

    /// True so many times in a thousand.
    pub fn per_mille(&mut self, share: i64) -> bool {
        self.below(1000) < share
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(i64::try_from(of.len()).unwrap_or(1));
        &of[usize::try_from(at).unwrap_or(0)]
    }
}
