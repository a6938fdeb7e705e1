//! Whether a row that does not read could be of a contract we trade. What cannot is kept apart and makes
//! nothing else unreadable.

use crate::broker::ROOTS;
use crate::fields::Object;

/// Where a position or a leg does not read: it is of a contract of ours for all that is known. `order` is
/// what says the underlying: the leg's order, or the position itself.
pub(crate) fn may_be_ours(row: &Object<'_>, order: &Object<'_>) -> bool {
    if is_no_option(row) {
        return false;
    }
    let text = |object: &Object<'_>, key: &str| {
        object.text(key).ok().flatten().filter(|text| !text.trim().is_empty()).map(is_our_root)
    };
    text(row, "symbol").or_else(|| text(order, "underlying-symbol")).unwrap_or(true)
}

/// It says that it is something else than an option on a share or an index.
pub(crate) fn is_no_option(row: &Object<'_>) -> bool {
    matches!(row.text("instrument-type"), Ok(Some(kind)) if kind != "Equity Option")
}

/// Whether a symbol, whole or not, is of one of our roots.
fn is_our_root(symbol: &str) -> bool {
    gamma_wire::is_of_root(symbol, ROOTS)
}
