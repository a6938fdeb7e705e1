use gamma_market::{OptionSymbol, Price, Strike};

use super::Verdict;
use crate::promise::names_what_came;

/// An option symbol in any notation.
pub(super) fn option_symbol(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    match text.parse::<OptionSymbol>() {
        Ok(symbol) => {
            let osi = symbol.to_string();
            assert_eq!(osi.len(), 21, "{osi:?}");
            assert_eq!(osi.parse(), Ok(symbol), "the clearing house's form reads back");
            // A root that ends in digits has only the form of fixed width: elsewhere the date would run into
            // it.
            match symbol.streamer().parse::<OptionSymbol>() {
                Ok(read) => assert_eq!(read, symbol, "the streamer's form reads back"),
                Err(error) => assert!(symbol.root().ends_with(|last: char| last.is_ascii_digit()), "{error}"),
            }
            assert_eq!(Strike::thousandths(symbol.strike().as_thousandths()), Some(symbol.strike()));
            assert!((2000..2100).contains(&symbol.expiry().year()), "{osi}");
            assert!(
                OptionSymbol::new(symbol.root(), symbol.expiry(), symbol.right(), symbol.strike())
                    .is_none_or(|same| same == symbol)
            );
            Verdict::Reads
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("option symbol: got "), "{text}");
            let expected = ["must be", "may be", "expected"].iter().any(|word| text.contains(word));
            assert!(expected && text.chars().count() < 1_000, "{text}");
            Verdict::Refused
        }
    }
}

/// A price as profiles and tests write it.
pub(super) fn price(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    match text.parse::<Price>() {
        Ok(price) => {
            assert_eq!(price.to_string().parse(), Ok(price), "{price}");
            assert_eq!(serde_json::from_str::<Price>(&format!("\"{price}\"")).ok(), Some(price), "{price}");
            Verdict::Reads
        }
        Err(error) => {
            names_what_came(&error);
            Verdict::Refused
        }
    }
}
