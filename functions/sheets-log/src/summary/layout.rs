//! Where the summary's cells stand.

use std::ops::Range;

use gamma_sheets::grid::{Tab, Texts};

use crate::accounts::ACCOUNTS;
use crate::hand_off::LogError;

/// The line of the blocks' titles: row 9.
const TITLES: usize = 8;
/// The line of the columns' headings: row 10.
const HEADINGS: usize = 9;
/// The first line of dates: row 11.
pub(super) const FIRST_LINE: usize = 10;

/// The signal's own block, before the accounts'.
const SIGNAL: &str = "GW";
/// What is ours of a block; its fourth column is the user's.
const BLOCK: [&str; 3] = ["QTY", "price put", "price call"];
/// What the first system called the fourth. Only a new tab is given it.
const USERS: &str = "Total with comm";
/// What a later version of it called the fourth, when it wrote its own results there.
const RESULTS: &str = "P&L";
/// The block that the first system did not have.
const PNL: &str = "P&L at expiry";
/// Its first column, before one for the signal and one for each account.
const SETTLEMENT: &str = "settlement";

/// The columns that are ours.
pub(super) struct Layout {
    /// The date; of signal and accounts three each; settlement; the P&L of signal and accounts.
    pub(super) columns: Vec<usize>,
    /// How many of them are worked out. Behind these stand columns of results of the first system: nothing
    /// new comes into them, but what is there belongs to a date and moves with it.
    pub(super) computed: usize,
    /// Indexes of `columns` whose cells are written together.
    pub(super) groups: Vec<Range<usize>>,
}

impl Layout {
    /// As `tab` has it: blocks are found by their titles, or stand where a new tab has them.
    pub(super) fn of(tab: &Tab) -> Result<Self, LogError> {
        let mut columns = vec![0];
        let mut results = Vec::new();
        for (index, title) in titles().enumerate() {
            let start = block(tab, title, 1 + 4 * index)?;
            columns.extend(start..start + BLOCK.len());
            results.extend(
                Some(start + BLOCK.len()).filter(|column| same(tab.cell(HEADINGS, *column), RESULTS)),
            );
        }
        let named = (0..tab.columns as usize).find(|column| same(tab.cell(TITLES, *column), PNL));
        let width = 1 + titles().count();
        let used = |column: usize| {
            tab.cells.iter().any(|line| line.get(column).is_some_and(|text| !text.is_empty()))
        };
        // Whatever a user has on the right stays: the block goes where nothing stands from top to bottom.
        let free = || {
            (1 + 4 * titles().count()..).find(|start| !(*start..start + width).any(used)).unwrap_or_default()
        };
        let start = named.unwrap_or_else(free);
        columns.extend(start..start + width);
        let computed = columns.len();
        columns.extend(results);
        let mut groups = vec![0..4, 4..7, 7..10, 10..13, 13..computed];
        groups.extend((computed..columns.len()).map(|index| index..index + 1));
        Ok(Self { columns, computed, groups })
    }

    /// Titles and headings that are missing.
    pub(super) fn headings(&self, tab: &Tab) -> Texts {
        let mut texts = Texts::new();
        let is_new = tab.cells.iter().skip(TITLES).flatten().all(String::is_empty);
        let mut head = |line: usize, column: usize, text: &str| {
            if tab.cell(line, column).is_empty() {
                texts.insert((line, column), text.to_owned());
            }
        };
        head(HEADINGS, self.columns[0], "Date");
        for (index, title) in titles().enumerate() {
            let own = &self.columns[1 + 3 * index..][..BLOCK.len()];
            head(TITLES, own[0], title);
            for (column, heading) in own.iter().zip(BLOCK) {
                head(HEADINGS, *column, heading);
            }
            if is_new {
                head(HEADINGS, own[2] + 1, USERS);
            }
        }
        let pnl = &self.columns[1 + 3 * titles().count()..self.computed];
        head(TITLES, pnl[0], PNL);
        for (column, heading) in pnl.iter().zip(std::iter::once(SETTLEMENT).chain(titles())) {
            head(HEADINGS, *column, heading);
        }
        texts
    }
}

fn titles() -> impl Iterator<Item = &'static str> + Clone {
    std::iter::once(SIGNAL).chain(ACCOUNTS.iter().map(|account| account.title))
}

fn block(tab: &Tab, title: &'static str, usual: usize) -> Result<usize, LogError> {
    let named = (0..tab.columns as usize).find(|column| same(tab.cell(TITLES, *column), title));
    let came = tab.cell(TITLES, usual);
    match named {
        Some(column) => Ok(column),
        None if came.is_empty() => Ok(usual),
        None => Err(LogError::SummaryBlock { title, column: usual + 1, came: came.to_owned() }),
    }
}

fn same(cell: &str, title: &str) -> bool {
    cell.trim().eq_ignore_ascii_case(title)
}
