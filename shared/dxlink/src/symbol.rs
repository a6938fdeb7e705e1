//! What the feed calls a contract.

use std::fmt;
use std::str::FromStr;

/// A symbol as the feed writes it, `.SPXW260821P5900` for an option: taken from the broker's
/// `streamer-symbol`, sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamerSymbol(String);

/// A text that the feed cannot know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("streamer symbol: got {got:?}, expected 1 to {longest} printable ASCII characters without spaces, such as .SPXW260821P5900", longest = StreamerSymbol::LONGEST)]
pub struct StreamerSymbolError {
    got: String,
}

impl StreamerSymbol {
    /// No symbol is longer, in characters.
    pub const LONGEST: usize = 64;

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StreamerSymbol {
    type Err = StreamerSymbolError;

    fn from_str(text: &str) -> Result<Self, StreamerSymbolError> {
        if (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(StreamerSymbolError { got: text.chars().take(40).collect() })
        }
    }
}

impl fmt::Display for StreamerSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// So that a set of symbols can be asked with the text of an event.
impl std::borrow::Borrow<str> for StreamerSymbol {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_s_padded_symbol_is_no_streamer_symbol() {
        for text in ["", "SPXW  260821P05900000", ".SPXW260821P5900\n", "é", &"X".repeat(65)] {
            let error = text.parse::<StreamerSymbol>().unwrap_err().to_string();
            assert!(error.contains("got ") && error.contains("expected 1 to 64"), "{error}");
        }
        assert_eq!(".SPXW260821P5900".parse::<StreamerSymbol>().unwrap().to_string(), ".SPXW260821P5900");
    }
}
