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
    /// Cells as they were entered (a formula begins with `=`), row by row, ragged on the right: what is not
    /// there is empty.
    pub cells: Vec<Vec<String>>,
}

/// One change. Rows and columns are counted from 0. A list of them is one write: all of it happens, or
/// nothing.
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
    /// Cells from (row, column) on to the right and down, as text; the grid grows where it is too small.
    /// Cells beside them stay.
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

/// A change that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// Cells for a tab that is not there.
    #[error("tab {tab:?}: not in the spreadsheet, expected it before cells are written to it")]
    NoTab {
        /// The tab's title.
        tab: String,
    },
    /// A new tab of a title that is taken.
    #[error("tab {title:?}: already in the spreadsheet, expected a new title")]
    TabExists {
        /// The title.
        title: String,
    },
}

impl Tab {
    /// What stands at (row, column), both from 0; empty beyond the cells that were read.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.cells.get(row).and_then(|cells| cells.get(column)).map_or("", String::as_str)
    }

    fn write(&mut self, row: u32, column: u32, cells: &[Vec<String>]) {
        let (top, left) = (row as usize, column as usize);
        let bottom = top + cells.len();
        let right = cells.iter().map(|texts| left + texts.len()).max().unwrap_or_default();
        self.rows = self.rows.max(at(bottom));
        self.columns = self.columns.max(at(right));
        if self.cells.len() < bottom {
            self.cells.resize(bottom, Vec::new());
        }
        for (line, texts) in self.cells[top..].iter_mut().zip(cells) {
            if line.len() < left + texts.len() {
                line.resize(left + texts.len(), String::new());
            }
            line[left..left + texts.len()].clone_from_slice(texts);
        }
        // As a spreadsheet is read back: nothing is said of the emptiness on the right and below.
        for line in &mut self.cells {
            let used = line.iter().rposition(|text| !text.is_empty()).map_or(0, |last| last + 1);
            line.truncate(used);
        }
        let used = self.cells.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        self.cells.truncate(used);
    }
}

impl Workbook {
    /// Makes `changes` in memory as one write would make them in the spreadsheet: all of them, or none.
    ///
    /// # Errors
    /// [`GridError`] names the tab that is missing, or the one that is there already.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), GridError> {
        let mut changed = self.clone();
        for change in changes {
            match change {
                Change::AddTab { title, rows, columns } => {
                    if changed.tabs.contains_key(title) {
                        return Err(GridError::TabExists { title: title.clone() });
                    }
                    changed
                        .tabs
                        .insert(title.clone(), Tab { rows: *rows, columns: *columns, ..Tab::default() });
                }
                Change::Write { tab, row, column, cells } => {
                    let tab =
                        changed.tabs.get_mut(tab).ok_or_else(|| GridError::NoTab { tab: tab.clone() })?;
                    tab.write(*row, *column, cells);
                }
            }
        }
        *self = changed;
        Ok(())
    }
}

/// Texts of cells by (row, column), both from 0.
pub type Texts = BTreeMap<(usize, usize), String>;

/// `texts` as few writes: neighbours in a row become one, and equal spans of neighbouring rows.
#[must_use]
pub fn writes(tab: &str, texts: Texts) -> Vec<Change> {
    let mut spans: BTreeMap<(usize, usize), Vec<String>> = BTreeMap::new();
    let mut last = None;
    for ((row, column), text) in texts {
        let start = match last {
            Some((of, start, end)) if of == row && end == column => start,
            _ => column,
        };
        spans.entry((start, row)).or_default().push(text);
        last = Some((row, start, column + 1));
    }
    // By first column, then row: what can be one rectangle stands one after the other.
    let mut rectangles: Vec<(usize, usize, Vec<Vec<String>>)> = Vec::new();
    for ((column, row), span) in spans {
        match rectangles.last_mut() {
            Some((left, top, cells))
                if *left == column && *top + cells.len() == row && cells[0].len() == span.len() =>
            {
                cells.push(span)
            }
            _ => rectangles.push((column, row, vec![span])),
        }
    }
    let write =
        |(column, row, cells)| Change::Write { tab: tab.to_owned(), row: at(row), column: at(column), cells };
    rectangles.into_iter().map(write).collect()
}

/// A spreadsheet ends at ten million cells, far below where this could saturate.
fn at(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
