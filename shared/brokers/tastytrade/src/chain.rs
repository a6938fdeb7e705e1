//! `GET /option-chains/{underlying}/nested`: what the API and its streamer call each contract
//! (docs/reference/tastytrade.md, Symbols and chains).

use std::collections::BTreeMap;
use std::fmt;

use gamma_market::OptionSymbol;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::envelope;
use crate::fields::{FieldError, Object};

/// A contract's name on the quote stream, `.SPXW260821P5900`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamerSymbol(pub String);

impl fmt::Display for StreamerSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What one contract is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractNames {
    /// In orders, positions and quotes over REST: `SPXW  260821P05900000`.
    pub api: String,
    /// On the quote stream.
    pub streamer: StreamerSymbol,
}

impl ContractNames {
    /// The names as the rules make them.
    fn built(symbol: &OptionSymbol) -> Self {
        Self { api: symbol.to_string(), streamer: StreamerSymbol(symbol.streamer()) }
    }
}

/// The names of contracts: the API's own where a chain was read, else as the rules make them.
///
/// Of a chain only the names that differ from the rules are kept, so that a whole chain costs next to
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SymbolBook {
    differing: BTreeMap<OptionSymbol, ContractNames>,
    /// How many contracts the chains listed.
    listed: usize,
}

impl SymbolBook {
    /// Reads a nested chain. A contract of a root we cannot name is none of ours and left out.
    ///
    /// # Errors
    /// When the answer is no chain.
    pub(crate) fn read(answer: &Value) -> Result<Self, FieldError> {
        let mut book = Self::default();
        for root in envelope::all_rows(answer, "option chain")? {
            for expiration in root.objects("expirations")? {
                for strike in expiration.objects("strikes")? {
                    book.learn(&strike, "call", "call-streamer-symbol")?;
                    book.learn(&strike, "put", "put-streamer-symbol")?;
                }
            }
        }
        Ok(book)
    }

    fn learn(&mut self, strike: &Object<'_>, api: &str, streamer: &str) -> Result<(), FieldError> {
        let Some(name) = strike.text(api)? else { return Ok(()) };
        let Ok(symbol) = name.parse::<OptionSymbol>() else { return Ok(()) };
        let points = strike.decimal("strike-price")?;
        if points.is_some_and(|points: Decimal| points != symbol.strike().points()) {
            return Err(strike.bad("strike-price", "the strike of the symbols beside it"));
        }
        self.listed += 1;
        let built = ContractNames::built(&symbol);
        let given = strike.text(streamer)?;
        // One that spells another contract would bring that one's quotes as this one's. Roots may be spelled
        // differently.
        let terms = |symbol: &OptionSymbol| (symbol.expiry(), symbol.right(), symbol.strike());
        if given.and_then(|name| name.parse().ok()).is_some_and(|other| terms(&other) != terms(&symbol)) {
            return Err(strike.bad(streamer, "a name of the contract beside it"));
        }
        let streamer = given
            .filter(|name| is_name(name))
            .map_or_else(|| built.streamer.clone(), |name| StreamerSymbol(name.to_owned()));
        // The name stands in a comma list and in messages of the stream.
        let api = if is_name(name) { name.to_owned() } else { built.api.clone() };
        let names = ContractNames { api, streamer };
        if names != built {
            self.differing.insert(symbol, names);
        }
        Ok(())
    }

    /// What `symbol` is called.
    #[must_use]
    pub fn names(&self, symbol: &OptionSymbol) -> ContractNames {
        self.differing.get(symbol).cloned().unwrap_or_else(|| ContractNames::built(symbol))
    }

    /// How many contracts the chain listed; 0 where none was read.
    #[must_use]
    pub const fn listed(&self) -> usize {
        self.listed
    }
}

/// A name that can stand in a list and in a message.
fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic() && !b",\"\\&".contains(&byte))
}

/// The underlying whose chain holds a root: weeklies of an index hang below the index.
pub(crate) fn underlying(root: &str) -> &str {
    match root {
        "SPXW" => "SPX",
        "NDXP" => "NDX",
        "RUTW" => "RUT",
        "VIXW" => "VIX",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn symbol(text: &str) -> OptionSymbol {
        text.parse().unwrap()
    }

    #[test]
    fn the_chains_own_names_are_preferred_and_the_rest_is_built() {
        let answer =
            serde_json::from_str(include_str!("../fixtures/option_chain__nested_two_roots.json")).unwrap();
        let book = SymbolBook::read(&answer).unwrap();
        assert_eq!(book.listed(), 6);
        for (contract, api, streamer) in [
            ("SPXW260821P5900", "SPXW  260821P05900000", ".SPXW260821P5900"),
            ("SPXW260821C5900", "SPXW  260821C05900000", ".SPXW260821C5900"),
            ("SPXW260821P5902.5", "SPXW  260821P05902500", ".SPXW260821P5902.5"),
            // The chain has its own name for it.
            ("SPX260821P5900", "SPX   260821P05900000", ".SPX.AM260821P5900"),
            // Not in the chain.
            ("SPXW260824P5895", "SPXW  260824P05895000", ".SPXW260824P5895"),
        ] {
            let names = book.names(&symbol(contract));
            assert_eq!((names.api.as_str(), names.streamer.0.as_str()), (api, streamer), "{contract}");
        }
        assert_eq!(
            SymbolBook::default().names(&symbol("SPXW260821P5902.5")).streamer.to_string(),
            ".SPXW260821P5902.5"
        );
    }

    #[test]
    fn what_is_no_chain_is_named_and_odd_names_are_built_instead() {
        let chain = |strike: Value| json!({"data": {"items": [{"root-symbol": "SPXW", "expirations": [{"strikes": [strike]}]}]}});
        for (answer, shown) in [
            (json!({"data": {}}), "option chain.data.items: got nothing"),
            (chain(json!(1)), "expirations[0].strikes[0]: got 1"),
            (chain(json!({"call": 5})), "strikes[0].call: got 5"),
            (
                chain(json!({"put": "SPXW  260821P05900000", "put-streamer-symbol": ".SPXW260821P5895"})),
                "strikes[0].put-streamer-symbol: got \".SPXW260821P5895\"",
            ),
            (
                chain(json!({"strike-price": "5905.0", "put": "SPXW  260821P05900000"})),
                "strikes[0].strike-price: got \"5905.0\"",
            ),
        ] {
            assert!(SymbolBook::read(&answer).unwrap_err().to_string().contains(shown), "{shown}");
        }
        let odd = json!({"strike-price": "5900.0", "put": "SPXW  260821P05900000", "put-streamer-symbol": "a,b", "call": "no option"});
        let book = SymbolBook::read(&chain(odd)).unwrap();
        assert_eq!(
            (book.listed(), book.names(&symbol("SPXW260821P5900")).streamer.0.as_str()),
            (1, ".SPXW260821P5900")
        );
    }

    #[test]
    fn weeklies_hang_below_their_index() {
        assert_eq!(["SPXW", "SPX", "XSP"].map(underlying), ["SPX", "SPX", "XSP"]);
    }
}
