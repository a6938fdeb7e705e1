//! What every reader of foreign text promises, whatever the text: it answers, it names what it cannot read,
//! it shows no secret, it takes no more memory than the text is worth, and what it hands on can be worked
//! with.
//!
//! A [`Target`] is one reader. `scripts/fuzz` has a fuzzer search for texts that break the promise;
//! `tests/replay.rs` holds every text that is kept in `corpus`, and thousands that are derived from them, to
//! it on the ordinary toolchain.

mod promise;
mod targets;

pub use targets::{TARGETS, Target, Verdict};

/// Feeds `data` to the target of this name.
///
/// # Panics
/// When the promise is broken, which is what a fuzzer waits for, or when there is no such target.
pub fn run(name: &str, data: &[u8]) -> Verdict {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("no target is called {name}")).run(data)
}
