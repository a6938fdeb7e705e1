//! Tables in tabs: row 1 names the columns, rows below are found by their key.
//!
//! A tab belongs to people as much as to us. Columns are found by name, wherever they stand; what is new to a
//! tab comes at its right end and below its last row, so nothing that is there moves; and no cell is written
//! but ours, in rows that are provably ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::grid::{Change, Tab, Texts, Workbook, writes};
use crate::key::{Key, Said};

/// Rows of a tab that is made new.
const NEW_ROWS: u32 = 1000;
/// Columns of a tab that is made new, when it needs no more.
const NEW_COLUMNS: usize = 26;

/// A table: what its columns are called and which of them say that two rows are the same.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// The tab's title.
    pub tab: &'static str,
    /// The columns in the order of a new tab. An existing tab keeps its own order.
    pub columns: &'static [&'static str],
    /// The columns that make the key. A row that lacks one of them is of unknown origin: it is left as it is.
    pub key: &'static [Key],
    /// Columns whose heading is ours and whose cells are the user's: never written.
    pub user_owned: &'static [&'static str],
}

/// Texts by column name. A column that is not named keeps what the sheet has; an empty text empties the cell.
pub type Row = BTreeMap<String, String>;

/// What brings rows into a tab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upsert {
    /// To be made; none when the tab is up to date.
    pub changes: Vec<Change>,
    /// Rows that were to be written and stand more than once.
    pub doubled: Vec<Doubled>,
}

/// Rows of a tab that say the same key. Which of them is ours cannot be told, so none is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    /// The tab's title.
    pub tab: &'static str,
    /// The rows, counted from 1 as people do.
    pub rows: Vec<usize>,
    /// What they say, as we would write it.
    pub key: Vec<String>,
}

impl fmt::Display for Doubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<String> = self.rows.iter().map(ToString::to_string).collect();
        let (tab, rows, key) = (self.tab, rows.join(", "), self.key.join(", "));
        write!(
            f,
            "{tab} rows {rows}: got the same key ({key}), expected one row; none of them is changed until all but one are deleted"
        )
    }
}

/// Why rows cannot be brought into a tab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A row without its key.
    #[error("{tab} {column}: missing or empty in a row to be written, expected the part of its key")]
    KeyMissing {
        /// The tab's title.
        tab: &'static str,
        /// The key's column.
        column: &'static str,
    },
    /// A row with a column that the table does not have, or that is the user's.
    #[error("{tab} {column}: in a row to be written, expected a column that is ours to write")]
    NotOurs {
        /// The tab's title.
        tab: &'static str,
        /// The column.
        column: String,
    },
    /// The tab holds cells, and its first row names none of the key's columns: whatever it is, it is not this
    /// table.
    #[error(
        "{tab} row 1: names none of {expected}, and the tab is not empty; expected the table's headings there"
    )]
    NoHeader {
        /// The tab's title.
        tab: &'static str,
        /// The key's columns.
        expected: String,
    },
}

/// The changes that bring `rows` into their tab: a row whose key the tab has is brought up to date, cell by
/// cell where it differs, the others come below the last row. Of several of `rows` with one key the last
/// counts; of a key that several rows of the tab have none is written.
///
/// A key is found by what its cells say ([`crate::key`]), and its cells stay as a person has entered them.
/// Nothing to do is an empty list, so a second call after the changes were made changes nothing.
///
/// # Errors
/// [`TableError`] when a row lacks its key or names a column that is not ours, or when the tab is something
/// else.
pub fn upsert(workbook: &Workbook, spec: &TableSpec, rows: &[Row]) -> Result<Upsert, TableError> {
    let wanted = last_of_each_key(spec, rows)?;
    let empty = Tab::default();
    let tab = workbook.tabs.get(spec.tab);
    let (mut changes, mut doubled) = (Vec::new(), Vec::new());
    if tab.is_none() {
        let columns = u32::try_from(spec.columns.len().max(NEW_COLUMNS)).unwrap_or(u32::MAX);
        changes.push(Change::AddTab { title: spec.tab.to_owned(), rows: NEW_ROWS, columns });
    }
    let tab = tab.unwrap_or(&empty);
    let (columns, mut texts) = header(tab, spec)?;
    let known = known_rows(tab, spec, &columns);
    let mut next = first_free_row(tab, &columns, spec);
    for (key, row) in wanted {
        let known = known.get(&key).map(Vec::as_slice).unwrap_or_default();
        let line = match known {
            [] => next,
            [line] => *line,
            lines => {
                let key = spec
                    .key
                    .iter()
                    .filter_map(|key| row.get(key.column))
                    .map(|text| text.trim().to_owned())
                    .collect();
                doubled.push(Doubled {
                    tab: spec.tab,
                    rows: lines.iter().map(|line| line + 1).collect(),
                    key,
                });
                continue;
            }
        };
        next = next.max(line + 1);
        let is_known_key = |name: &str| !known.is_empty() && spec.key.iter().any(|key| key.column == name);
        for (name, text) in row.iter().filter(|(name, _)| !is_known_key(name)) {
            let Some(column) = columns.get(name.as_str()) else { continue };
            let stands = tab.cell(line, *column);
            if stands != text && !is_formula(stands) {
                texts.insert((line, *column), text.clone());
            }
        }
    }
    changes.extend(writes(spec.tab, texts));
    Ok(Upsert { changes, doubled })
}

/// The table's rows as they stand in the workbook, from top to bottom: texts of the table's columns that are
/// not empty, the user's too. Rows without any are left out; a tab that is missing has none.
///
/// # Errors
/// [`TableError::NoHeader`] when the tab is something else.
pub fn rows(workbook: &Workbook, spec: &TableSpec) -> Result<Vec<Row>, TableError> {
    let Some(tab) = workbook.tabs.get(spec.tab) else { return Ok(Vec::new()) };
    let (columns, _) = header(tab, spec)?;
    let of_line = |line| -> Row {
        let texts = columns
            .iter()
            .map(|(name, column)| ((*name).to_owned(), tab.cell(line, *column).trim().to_owned()));
        texts.filter(|(_, text)| !text.is_empty()).collect()
    };
    Ok((1..tab.cells.len()).map(of_line).filter(|row| !row.is_empty()).collect())
}

/// What begins with `=` is a person's formula.
#[must_use]
pub fn is_formula(text: &str) -> bool {
    text.trim_start().starts_with('=')
}

fn last_of_each_key<'a>(spec: &TableSpec, rows: &'a [Row]) -> Result<Vec<(Vec<Said>, &'a Row)>, TableError> {
    let mut order: Vec<(Vec<Said>, &Row)> = Vec::new();
    let mut places = BTreeMap::new();
    for row in rows {
        let not_ours = |name: &&String| {
            !spec.columns.contains(&name.as_str()) || spec.user_owned.contains(&name.as_str())
        };
        if let Some(column) = row.keys().find(not_ours) {
            return Err(TableError::NotOurs { tab: spec.tab, column: column.clone() });
        }
        let part = |Key { column, kind }: &Key| {
            let text = row.get(*column).filter(|text| !text.trim().is_empty());
            text.map(|text| kind.read(text)).ok_or(TableError::KeyMissing { tab: spec.tab, column })
        };
        let key = spec.key.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let place = *places.entry(key.clone()).or_insert(order.len());
        if place == order.len() {
            order.push((key, row));
        } else {
            order[place].1 = row;
        }
    }
    Ok(order)
}

type Columns = BTreeMap<&'static str, usize>;

/// Where each column stands, and the headings that have to be written for it.
fn header(tab: &Tab, spec: &TableSpec) -> Result<(Columns, Texts), TableError> {
    let names: Vec<String> =
        tab.cells.first().into_iter().flatten().map(|name| name.trim().to_lowercase()).collect();
    // Of two columns with one name the first is ours.
    let place = |column: &str| names.iter().position(|name| *name == column.to_lowercase());
    let mut columns: Columns =
        spec.columns.iter().filter_map(|column| Some((*column, place(column)?))).collect();
    let in_use = tab.cells.iter().flatten().any(|text| !text.is_empty());
    if in_use && !spec.key.iter().any(|key| columns.contains_key(key.column)) {
        let expected = spec.key.iter().map(|key| key.column).collect::<Vec<_>>().join(", ");
        return Err(TableError::NoHeader { tab: spec.tab, expected });
    }
    // A note may stand in a column without a heading: a new column goes only where nothing stands at all.
    let occupied: BTreeSet<usize> = tab
        .cells
        .iter()
        .flat_map(|line| line.iter().enumerate())
        .filter(|(_, text)| !text.is_empty())
        .map(|(at, _)| at)
        .collect();
    let end = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let mut free = (end..).filter(|column| !occupied.contains(column));
    let mut headings = Texts::new();
    for column in spec.columns {
        if !columns.contains_key(column)
            && let Some(place) = free.next()
        {
            columns.insert(column, place);
            headings.insert((0, place), (*column).to_owned());
        }
    }
    Ok((columns, headings))
}

/// The lines of each key. A row to be written has its key complete, so a line that lacks a part of it is
/// never found.
fn known_rows(tab: &Tab, spec: &TableSpec, columns: &Columns) -> BTreeMap<Vec<Said>, Vec<usize>> {
    let said = |line: usize, key: &Key| Some(key.kind.read(tab.cell(line, *columns.get(key.column)?)));
    let mut known: BTreeMap<Vec<Said>, Vec<usize>> = BTreeMap::new();
    for line in 1..tab.cells.len() {
        known.entry(spec.key.iter().filter_map(|key| said(line, key)).collect()).or_default().push(line);
    }
    known
}

/// The line below the last that is used. Formulas that a user has filled down in columns of their own are
/// waiting for rows to come beside them, so they use none.
fn first_free_row(tab: &Tab, columns: &Columns, spec: &TableSpec) -> usize {
    let ours: BTreeSet<usize> =
        columns.iter().filter(|(name, _)| !spec.user_owned.contains(name)).map(|(_, at)| *at).collect();
    let uses = |(at, text): (usize, &String)| !text.is_empty() && (ours.contains(&at) || !is_formula(text));
    let last = tab.cells.iter().rposition(|line| line.iter().enumerate().any(uses));
    last.map_or(1, |last| (last + 1).max(1))
}

#[cfg(test)]
mod tests;
