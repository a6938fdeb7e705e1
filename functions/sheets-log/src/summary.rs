//! Tab `CS_Summary`: a row for each trade date, newest first; the signal's own prices and each account's fills beside one another.
//!
//! Rows 1 to 8 and the last column of each block ("Total with comm") are the user's. The P&L at expiry stands in columns of its own on the
//! right, so that their formulas stay what they are. Everything here follows from `CS_Tracking` and `GW_Signal` as they will be.

mod days;
mod layout;
mod pnl;

use std::collections::BTreeMap;

use gamma_sheets::grid::{Change, Tab, Texts, Workbook, writes};
use gamma_sheets::table::{is_formula, rows};
use jiff::civil::Date;

use crate::dates::day_of;
use crate::hand_off::LogError;
use crate::{gw_signal, tracking};
use layout::{FIRST_LINE, Layout};

/// The tab's title.
pub(crate) const TAB: &str = "CS_Summary";

/// Cells of one date in the order of [`Layout::columns`], the date first.
type Line = Vec<String>;

/// The changes that bring the summary up to date with the two tabs it follows from.
pub(crate) fn changes(workbook: &Workbook) -> Result<Vec<Change>, LogError> {
    let computed = days::lines(&rows(workbook, &tracking::TABLE)?, &rows(workbook, &gw_signal::TABLE)?);
    let present = workbook.tabs.get(TAB);
    if present.is_none() && computed.is_empty() {
        return Ok(Vec::new());
    }
    let empty = Tab::default();
    let tab = present.unwrap_or(&empty);
    let layout = Layout::of(tab)?;
    let mut texts = layout.headings(tab);
    texts.extend(body(tab, &layout, computed));
    let new = present.is_none().then(|| Change::AddTab { title: TAB.to_owned(), rows: 1000, columns: 26 });
    Ok(new.into_iter().chain(writes(TAB, texts)).collect())
}

/// The cells below the headings that have to change.
fn body(tab: &Tab, layout: &Layout, computed: BTreeMap<Date, Line>) -> Texts {
    let (mut lines, slots) = standing(tab, layout);
    for (date, line) in computed {
        let stands = lines.entry(date).or_insert_with(|| vec![String::new(); layout.columns.len()]);
        stands.splice(..layout.computed, line);
    }
    let mut newest_first = lines.into_values().rev();
    let mut texts = Texts::new();
    for slot in slots {
        let line = newest_first.next();
        if line.is_none() && slot >= tab.cells.len() {
            break;
        }
        // Of a group of neighbours all are written or none, so that rows that move become few writes.
        for group in &layout.groups {
            let wanted = |index: usize| line.as_ref().map_or("", |line| line[index].as_str());
            let writable = || group.clone().map(|index| (index, layout.columns[index])).filter(|(_, column)| !is_formula(tab.cell(slot, *column)));
            if writable().any(|(index, column)| tab.cell(slot, column) != wanted(index)) {
                texts.extend(writable().map(|(index, column)| ((slot, column), wanted(index).to_owned())));
            }
        }
    }
    texts
}

/// What the tab shows by date, and the lines that dates may stand in, as many as can be needed: those that hold one, and empty ones. A line
/// where a user has written something into our columns is neither: dates stand around it.
fn standing(tab: &Tab, layout: &Layout) -> (BTreeMap<Date, Line>, impl Iterator<Item = usize>) {
    let text = |line: usize, column: usize| tab.cell(line, column);
    let mut lines = BTreeMap::new();
    let mut taken = Vec::new();
    for line in FIRST_LINE..tab.cells.len() {
        if let Some(date) = day_of(text(line, layout.columns[0])) {
            // A formula belongs to its row and cannot move with the date.
            let cell = |column: &usize| Some(text(line, *column)).filter(|cell| !is_formula(cell)).unwrap_or_default().to_owned();
            lines.entry(date).or_insert_with(|| layout.columns.iter().map(cell).collect());
        } else if layout.columns.iter().any(|column| !text(line, *column).is_empty()) {
            taken.push(line);
        }
    }
    (lines, (FIRST_LINE..).filter(move |line| !taken.contains(line)))
}
