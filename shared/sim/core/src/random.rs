//! Where chance comes from: one generator, split into streams, so that what one part of the world draws never
//! shifts what another part draws. The same seed gives the same world however often it is looked at.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Who draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The walk of the index.
    Walk,
    /// The noise in the spreads of one series.
    Spreads(u16),
    /// How long the steps of one order's life take, by the order's ordinal.
    OrderLife(u32),
    /// Whether and how much of one order fills in a second, by the order's ordinal.
    Fills(u32),
    /// Access and refresh tokens.
    Tokens,
    /// Access, refresh and quote tokens of tastytrade.
    TastytradeTokens,
    /// Access tokens of Google.
    GoogleTokens,
    /// What a published signal says.
    Signal,
    /// Opaque identifiers on the wire.
    Identifiers,
    /// Whether and which fault strikes a request, by a number of its kind.
    Faults(u32),
    /// When in its minute a schedule fires, by its name.
    Schedules(u32),
    /// The walk of a share, by its place in the list.
    Share(u16),
}

/// Words one position of a stream may draw before it runs into the next position.
const WORDS_PER_POSITION: u128 = 1 << 12;

/// The generator of one stream, at its beginning.
pub fn stream(seed: u64, stream: Stream) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (kind, index): (u64, u64) = match stream {
        Stream::Walk => (1, 0),
        Stream::Spreads(index) => (2, index.into()),
        Stream::OrderLife(index) => (3, index.into()),
        Stream::Fills(index) => (4, index.into()),
        Stream::Tokens => (5, 0),
        Stream::Signal => (6, 0),
        Stream::Identifiers => (7, 0),
        Stream::Faults(index) => (8, index.into()),
        Stream::TastytradeTokens => (9, 0),
        Stream::GoogleTokens => (10, 0),
        Stream::Schedules(index) => (11, index.into()),
        Stream::Share(index) => (12, index.into()),
    };
    random.set_stream(kind << 32 | index);
    random
}

/// The generator of one stream at a position (a second, most often): no need to draw what lies before.
pub fn stream_at(seed: u64, which: Stream, position: u64) -> ChaCha8Rng {
    let mut random = stream(seed, which);
    random.set_word_pos(u128::from(position) * WORDS_PER_POSITION);
    random
}

/// A whole number from `low` to `high`, both included. The bias of the remainder is far below anything a test
/// could see.
pub fn between(random: &mut ChaCha8Rng, low: i64, high: i64) -> i64 {
    let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
    low.saturating_add(i64::try_from(random.next_u64() % span).unwrap_or(0))
}

/// An identifier in the form of a UUID, different at every position.
pub fn uuid(seed: u64, position: u64) -> String {
    let mut random = stream_at(seed, Stream::Identifiers, position);
    let (high, low) = (random.next_u64(), random.next_u64());
    let (third, fourth) = (0x4000 | (high & 0x0fff), 0x8000 | (low >> 50));
    format!(
        "{:08x}-{:04x}-{third:04x}-{fourth:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        low & 0xffff_ffff_ffff
    )
}

/// `length` characters of `alphabet`, which holds ASCII only.
pub fn text(random: &mut ChaCha8Rng, alphabet: &[u8], length: usize) -> String {
    let last = i64::try_from(alphabet.len()).unwrap_or(1) - 1;
    (0..length)
        .filter_map(|_| usize::try_from(between(random, 0, last)).ok())
        .filter_map(|at| alphabet.get(at).map(|byte| char::from(*byte)))
        .collect()
}
