//! Texts derived from others: a few bytes changed, a part doubled or gone, a number or a word put in the
//! place of another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What readers stumble over.
const WORDS: [&str; 36] = [
    "0",
    "-0.0",
    "-1",
    "1.5",
    "1e308",
    "7.9e28",
    "1e-400",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "79228162514264337593543950335",
    "0.0000000000000000000000000001",
    "null",
    "true",
    "\"\"",
    "\" \"",
    "[]",
    "{}",
    "[{}]",
    "[null]",
    "\"NaN\"",
    "\"1e28\"",
    "\\u0000",
    "\\ud83d\\ude00",
    "\u{e9}",
    "\u{2028}",
    "\0",
    "\"canary-key\"",
    "\\u0063anary-key",
    "%40",
    "SPXW  260821P05900000",
    "9999-12-31",
    "9999-12-30T22:00:00Z",
    "OPTION",
    "FILLED",
];

/// Derives texts, the same ones for the same seed.
pub(crate) struct Mutator<'a> {
    random: ChaCha8Rng,
    others: &'a [&'a [u8]],
}

impl<'a> Mutator<'a> {
    /// Of texts that may be mixed with one another.
    pub(crate) fn new(seed: &str, others: &'a [&'a [u8]]) -> Self {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(seed.bytes()).for_each(|(byte, letter)| *byte = letter);
        Self { random: ChaCha8Rng::from_seed(bytes), others }
    }

    /// One to four changes of `text`.
    pub(crate) fn derive(&mut self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut text);
        }
        text
    }

    fn change(&mut self, text: &mut Vec<u8>) {
        let at = self.below(text.len() + 1);
        match self.below(8) {
            0 if at < text.len() => text[at] ^= 1 << self.below(8),
            1 if at < text.len() => text[at] = self.random.next_u32().to_le_bytes()[0],
            2 => drop(text.splice(at..self.end(text, at), [])),
            3 => {
                let part = text[at..self.end(text, at)].to_vec();
                text.splice(at..at, part);
            }
            4 => {
                let word = WORDS[self.below(WORDS.len())];
                text.splice(at..at, word.bytes());
            }
            5 => {
                let other = self.others[self.below(self.others.len())];
                let from = self.below(other.len() + 1);
                let part = other[from..self.end(other, from)].to_vec();
                text.splice(at..self.end(text, at), part);
            }
            // The next value of a JSON text, so that its shape stays whole.
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                if let Some(value) = value_after(text, at) {
                    text.splice(value, word.bytes());
                }
            }
        }
    }

    fn end(&mut self, text: &[u8], from: usize) -> usize {
        from + self.below((text.len() - from).min(24) + 1)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.next_u64() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// Where the first plain value after a colon, comma or bracket stands, from `at` on.
fn value_after(text: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    let opens = at + text[at..].iter().position(|byte| b":,[=".contains(byte))? + 1;
    let first = opens + text[opens..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    let length = match text[first] {
        b'"' => text[first + 1..].iter().position(|byte| *byte == b'"')? + 2,
        _ => text[first..].iter().position(|byte| b",]}\n".contains(byte))?,
    };
    Some(first..first + length)
}
