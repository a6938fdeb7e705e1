//! Whether a row that does not read could be of a contract we trade. What cannot is kept apart and makes
//! nothing else unreadable.

use crate::broker::ROOTS;
use crate::fields::Object;

/// Of a position, or a leg of an order, that does not read: whether it is of a contract of ours for all that
/// is known.
pub(crate) fn may_be_ours(row: &Object<'_>) -> bool {
    if is_no_option(row) {
        return false;
    }
    let instrument = row.object("instrument").ok().flatten();
    let text = |key: &str| {
        instrument
            .as_ref()
            .and_then(|instrument| instrument.text(key).ok().flatten())
            .filter(|text| !text.trim().is_empty())
    };
    text("symbol").or_else(|| text("underlyingSymbol")).is_none_or(is_our_root)
}

/// It says that it is something else than an option.
pub(crate) fn is_no_option(row: &Object<'_>) -> bool {
    let kind =
        |object: &Object<'_>, key: &str| matches!(object.text(key), Ok(Some(kind)) if kind != "OPTION");
    matches!(row.object("instrument"), Ok(Some(instrument)) if kind(&instrument, "assetType"))
}

/// Whether a symbol, whole or not, is of one of our roots.
fn is_our_root(symbol: &str) -> bool {
    gamma_wire::is_of_root(symbol, ROOTS)
}
