//! Whether a row that does not read could be of a contract we trade. What cannot is kept apart and makes nothing else unreadable.

use crate::broker::ROOTS;
use crate::fields::Object;

/// Where a position or a leg does not read: it is of a contract of ours for all that is known. `order` is what says the underlying: the
/// leg's order, or the position itself.
pub(crate) fn may_be_ours(row: &Object<'_>, order: &Object<'_>) -> bool {
    if is_no_option(row) {
        return false;
    }
    let text = |object: &Object<'_>, key: &str| object.text(key).ok().flatten().filter(|text| !text.trim().is_empty()).map(is_our_root);
    text(row, "symbol").or_else(|| text(order, "underlying-symbol")).unwrap_or(true)
}

/// It says that it is something else than an option on a share or an index.
pub(crate) fn is_no_option(row: &Object<'_>) -> bool {
    matches!(row.text("instrument-type"), Ok(Some(kind)) if kind != "Equity Option")
}

/// Whether a symbol, whole or not, begins as those of our roots do. `2SPX` and `BRK/B` do not.
pub(crate) fn is_our_root(symbol: &str) -> bool {
    let symbol = symbol.trim_start().trim_start_matches(['.', '$', '^']);
    let letters = symbol.bytes().take_while(u8::is_ascii_alphabetic).count();
    ROOTS.iter().any(|(root, _)| symbol[..letters].eq_ignore_ascii_case(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_ours_by_its_root_however_little_of_it_reads() {
        for symbol in ["SPXW  260821P05900000", "SPXW", "SPX   26", ".SPXW260821P5900", "XSP1  260821P00590000", "spxw 1", "$SPX", "SPX/W"] {
            assert!(is_our_root(symbol), "{symbol}");
        }
        for symbol in ["2SPX  260821P05900000", "BRK/B 260821C00400000", "SPY   260821P00590000", "SPXL  260821P00590000", "./ESZ6 EW3U6 260918P5900", "é", ""]
        {
            assert!(!is_our_root(symbol), "{symbol}");
        }
    }
}
