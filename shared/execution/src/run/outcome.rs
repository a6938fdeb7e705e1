//! What a day's sides make of it.

use crate::recovery::Standing;
use crate::report::{Outcome, SideCount};

/// The outcome that a day's sides make, and the sides in words.
pub(super) fn outcome_of(sides: &[Standing]) -> (Outcome, String) {
    let count = |side: &Standing| SideCount {
        revision: side.revision,
        quantity: side.quantity,
        filled: side.filled,
        unresolved: side.unresolved,
    };
    let newest = sides.iter().map(|side| side.revision).max().unwrap_or_default();
    let of_newest: Vec<_> = sides.iter().filter(|side| side.revision == newest).collect();
    // A side that approval refused has no intent; it was planned all the same.
    let planned = of_newest.iter().map(|side| side.planned_sides).max().unwrap_or_default();
    let refused = planned.saturating_sub(u32::try_from(of_newest.len()).unwrap_or(u32::MAX));
    let unfilled =
        (0..refused).map(|_| SideCount { revision: newest, quantity: 1, filled: 0, unresolved: false });
    let totals: Vec<_> = sides.iter().map(count).chain(unfilled).collect();
    let words: Vec<_> = sides
        .iter()
        .map(|side| format!("{} filled {} of {}", side.package.in_words(), side.filled, side.quantity))
        .collect();
    (Outcome::of_sides(&totals), words.join(", "))
}
