//! Whether a row that does not read could be of a contract we trade. What cannot is kept apart and makes nothing else unreadable.

use crate::broker::ROOTS;
use crate::fields::Object;

/// Of a position, or a leg of an order, that does not read: whether it is of a contract of ours for all that is known.
pub(crate) fn may_be_ours(row: &Object<'_>) -> bool {
    if is_no_option(row) {
        return false;
    }
    let instrument = row.object("instrument").ok().flatten();
    let text = |key: &str| instrument.as_ref().and_then(|instrument| instrument.text(key).ok().flatten()).filter(|text| !text.trim().is_empty());
    text("symbol").or_else(|| text("underlyingSymbol")).is_none_or(is_our_root)
}

/// It says that it is something else than an option.
pub(crate) fn is_no_option(row: &Object<'_>) -> bool {
    let kind = |object: &Object<'_>, key: &str| matches!(object.text(key), Ok(Some(kind)) if kind != "OPTION");
    matches!(row.object("instrument"), Ok(Some(instrument)) if kind(&instrument, "assetType"))
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
    fn a_symbol_is_ours_by_its_root_however_little_reads() {
        for symbol in ["SPXW  260821P05900000", "SPXW", "SPX   26", ".SPXW260821P5900", "XSP1  260821P00590000", "spxw 1", "$SPX", "SPX/W"] {
            assert!(is_our_root(symbol), "{symbol}");
        }
        for symbol in ["2SPX  260821P05900000", "BRK/B 260821C00400000", "SPY   260821P00590000", "SPXL  260821P00590000", "é", ""] {
            assert!(!is_our_root(symbol), "{symbol}");
        }
    }
}
