//! Whose contract a symbol is that does not read.

use gamma_market::Tick;

/// Whether a symbol, whole or not, begins as those of one of these roots do, as
/// [`Capabilities`](gamma_execution::ports::Capabilities) lists them. `2SPX` and `BRK/B` are of no root.
#[must_use]
pub fn is_of_root(symbol: &str, roots: &[(&str, Tick)]) -> bool {
    let symbol = symbol.trim_start().trim_start_matches(['.', '$', '^']);
    let letters = symbol.bytes().take_while(u8::is_ascii_alphabetic).count();
    roots.iter().any(|(root, _)| symbol[..letters].eq_ignore_ascii_case(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_of_a_root_however_little_of_it_reads() {
        let roots = [("SPXW", Tick::NICKEL), ("SPX", Tick::NICKEL), ("XSP", Tick::PENNY)];
        for symbol in [
            "SPXW  260821P05900000",
            "SPXW",
            "SPX   26",
            ".SPXW260821P5900",
            "XSP1  260821P00590000",
            "spxw 1",
            "$SPX",
            "SPX/W",
        ] {
            assert!(is_of_root(symbol, &roots), "{symbol}");
        }
        let others = [
            "2SPX  260821P05900000",
            "BRK/B 260821C00400000",
            "SPY   260821P00590000",
            "SPXL  260821P00590000",
            "./ESZ6 EW3U6 260918P5900",
            "é",
            "",
        ];
        for symbol in others {
            assert!(!is_of_root(symbol, &roots), "{symbol}");
        }
    }
}
