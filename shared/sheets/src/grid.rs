//! A spreadsheet in memory: what was read of it, and what is to be changed.

use std::collections::BTreeMap;

/// What was read of a spreadsheet: its tabs by title. Only those that were asked for hold cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workbook {
    /// Tabs by title.
    pub tabs: BTreeMap<String, Tab>,
}

/// One tab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tab {
    /// Google's id of it.
    pub id: i64,
    /// Rows of its grid, empty ones too.
    pub rows: u32,
    /// Columns of its grid.
    pub columns: u32,
    /// Cells as they were entered (a formula begins with `=`), row by row, ragged on the right: what is not there is empty.
    pub cells: Vec<Vec<String>>,
}

/// One change. Rows and columns are counted from 0. A list of them is one write: all of it happens, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new tab.
    AddTab {
        /// Its title.
        title: String,
        /// Rows of its grid.
        rows: u32,
        /// Columns of its grid.
        columns: u32,
    },
    /// Cells from (row, column) on to the right and down, as text; the grid grows where it is too small. Cells beside them stay.
    Write {
        /// The tab's title.
        tab: String,
        /// The first row.
        row: u32,
        /// The first column.
        column: u32,
        /// Rows of cells; an empty text empties the cell.
        cells: Vec<Vec<String>>,
    },
}
