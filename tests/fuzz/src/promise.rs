//! The parts of the promise that every target has in common.

use std::fmt::Display;

use gamma_execution::ports::BrokerFault;
use rust_decimal::Decimal;

/// The longest error: it goes into logs, into the ledger and into Lambda's answer.
const LONGEST_ERROR: usize = 2_000;

/// What an error costs on top of what a reader takes for any text.
const ALLOWANCE: u64 = 256 * 1024;

/// Bytes held at once for each byte of text: `{"":0}` is the dearest JSON there is, a tree's node of 632
/// bytes for seven.
const PER_BYTE: u64 = 128;

/// What every secret begins with that is planted in a token document: no error and no `Debug` form may hold
/// it.
pub(crate) const CANARY: &str = "canary";

/// Runs `read`, whose memory must stay in proportion to a text of `length` bytes.
pub(crate) fn within_memory<T>(length: usize, read: impl FnOnce() -> T) -> T {
    let mut answer = None;
    let spent = allocation_counter::measure(|| answer = Some(read()));
    let most = ALLOWANCE + PER_BYTE * u64::try_from(length).unwrap_or(u64::MAX / PER_BYTE / 2);
    assert!(
        spent.bytes_max <= most,
        "memory: held {} bytes at once for a text of {length}, expected {most} at most",
        spent.bytes_max
    );
    answer.unwrap_or_else(|| unreachable!("it was just run"))
}

/// The text of an error, which must be bounded.
pub(crate) fn bounded(error: &impl Display) -> String {
    let text = error.to_string();
    let length = text.chars().count();
    assert!(
        length <= LONGEST_ERROR,
        "error: got {length} characters, expected {LONGEST_ERROR} at most: {:.300}…",
        text
    );
    assert!(!text.trim().is_empty(), "error: it says nothing");
    text
}

/// An error must say which field, what came and what was expected.
pub(crate) fn names_what_came(error: &impl Display) -> String {
    let text = bounded(error);
    let came = ["got ", "missing", "unknown field", "empty"].iter().any(|word| text.contains(word));
    assert!(
        came && text.contains("expected "),
        "error: expected the field, what came and what was expected: {text}"
    );
    text
}

/// A fault of the broker's: one about a body that does not read names the field, every other one is at least
/// bounded.
pub(crate) fn fault(fault: &BrokerFault) -> String {
    match fault {
        BrokerFault::Malformed(_) => names_what_came(fault),
        _ => bounded(fault),
    }
}

/// A text that is kept must be short enough for an item of the ledger, which holds many of them.
pub(crate) fn short(what: &str, text: &str) {
    let length = text.chars().count();
    assert!(length <= 1_000, "{what}: got {length} characters, expected 1000 at most: {text:.100}…");
}

/// A number that arithmetic with quantities and other numbers of its kind cannot overflow.
pub(crate) fn workable(what: &str, number: Decimal, most: u64) {
    assert!(number.abs() <= Decimal::from(most), "{what}: got {number}, expected at most {most}");
}

/// None of these secrets in it.
pub(crate) fn hides(what: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}
