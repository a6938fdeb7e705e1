//! The view of the ledger's truth: one row for each account and day.

use gamma_sheets::grid::Workbook;
use gamma_sheets::table::{Row, TableError, TableSpec, Upsert, upsert};
use gamma_strategy::edge::COLUMNS;

use crate::Observed;

/// The tab.
pub const TAB: &str = "ConstantStableEdge";

const TABLE: TableSpec = TableSpec { tab: TAB, columns: &COLUMNS, key: &Observed::KEY, user_owned: &[] };

/// What brings the tab up to date with what is known of an account. Rows of other accounts are left alone.
///
/// # Errors
/// [`TableError`] when the tab is not the table it should be.
pub fn changes(workbook: &Workbook, observed: &Observed) -> Result<Upsert, TableError> {
    let row = |cells: Vec<String>| -> Row {
        COLUMNS.iter().map(|column| (*column).to_owned()).zip(cells).collect()
    };
    upsert(workbook, &TABLE, &observed.cells().into_iter().map(row).collect::<Vec<_>>())
}
