//! Tab `CS_Summary`: a row for each trade date, newest first; the signal's own prices and each account's
//! fills beside one another.
//!
//! Rows 1 to 8 and the last column of each block ("Total with comm") are the user's. The P&L at expiry stands
//! in columns of its own on the right, so that their formulas stay what they are. Everything here follows
//! from `CS_Tracking` and `GW_Signal` as they will be.

mod days;
mod layout;
mod pnl;

use std::collections::BTreeMap;

use gamma_sheets::grid::{Change, Tab, Texts, Workbook, writes};
use gamma_sheets::key::{Kind, day};
use gamma_sheets::table::{is_formula, rows};
use jiff::civil::Date;

use crate::hand_off::{DayChanges, LogError};
use crate::{gw_signal, tracking};
use layout::{FIRST_LINE, Layout};

/// The tab's title.
pub(crate) const TAB: &str = "CS_Summary";

/// Cells of one date in the order of [`Layout::columns`], the date first.
type Line = Vec<String>;

/// The changes that bring the summary up to date with the two tabs it follows from.
pub(crate) fn changes(workbook: &Workbook) -> Result<DayChanges, LogError> {
    let computed = days::lines(&rows(workbook, &tracking::TABLE)?, &rows(workbook, &gw_signal::TABLE)?);
    let present = workbook.tabs.get(TAB);
    if present.is_none() && computed.is_empty() {
        return Ok(DayChanges::default());
    }
    let empty = Tab::default();
    let tab = present.unwrap_or(&empty);
    let layout = Layout::of(tab)?;
    let mut texts = layout.headings(tab);
    let (body, notes) = body(tab, &layout, computed);
    texts.extend(body);
    let new = present.is_none().then(|| Change::AddTab { title: TAB.to_owned(), rows: 1000, columns: 26 });
    Ok(DayChanges { changes: new.into_iter().chain(writes(TAB, texts)).collect(), notes })
}

/// The cells below the headings that have to change, and what a person should know.
fn body(tab: &Tab, layout: &Layout, computed: BTreeMap<Date, Line>) -> (Texts, Vec<String>) {
    let Standing { mut lines, repeated, mut taken } = standing(tab, layout);
    for (date, line) in computed {
        let stands = lines.entry(date).or_insert_with(|| vec![String::new(); layout.columns.len()]);
        stands.splice(..layout.computed, line);
    }
    let mut notes = Vec::new();
    for (slot, date) in repeated {
        // A repetition that says nothing else is no loss, and its date is counted twice while it stands.
        if says_something_else(tab, layout, slot, &lines[&date]) {
            taken.push(slot);
            notes.push(format!("{TAB} row {}: got {date} once more, with other figures, expected one row a date; it is left as it is", slot + 1));
        }
    }
    // As many as can be needed: lines that hold a date, and empty ones.
    let slots = (FIRST_LINE..).filter(|line| !taken.contains(line));
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
            // A date that a person has typed stays the date it is.
            let kept = |index: usize, cell: &str| {
                is_formula(cell) || (index == 0 && Kind::Date.same(cell, wanted(index)))
            };
            let writable = || {
                group
                    .clone()
                    .map(|index| (index, layout.columns[index]))
                    .filter(|(index, column)| !kept(*index, tab.cell(slot, *column)))
            };
            if writable().any(|(index, column)| tab.cell(slot, column) != wanted(index)) {
                texts.extend(writable().map(|(index, column)| ((slot, column), wanted(index).to_owned())));
            }
        }
    }
    (texts, notes)
}

/// What the tab shows.
#[derive(Default)]
struct Standing {
    /// By date.
    lines: BTreeMap<Date, Line>,
    /// Further lines of a date that has one above.
    repeated: Vec<(usize, Date)>,
    /// Lines where a user has written something into our columns: dates stand around them.
    taken: Vec<usize>,
}

fn standing(tab: &Tab, layout: &Layout) -> Standing {
    let text = |line: usize, column: usize| tab.cell(line, column);
    let mut standing = Standing::default();
    for line in FIRST_LINE..tab.cells.len() {
        if let Some(date) = day(text(line, layout.columns[0])) {
            if standing.lines.contains_key(&date) {
                standing.repeated.push((line, date));
                continue;
            }
            // A formula belongs to its row and cannot move with the date.
            let cell = |column: &usize| {
                Some(text(line, *column)).filter(|cell| !is_formula(cell)).unwrap_or_default().to_owned()
            };
            let mut cells: Line = layout.columns.iter().map(cell).collect();
            cells[0] = date.to_string();
            standing.lines.insert(date, cells);
        } else if layout.columns.iter().any(|column| !text(line, *column).is_empty()) {
            standing.taken.push(line);
        }
    }
    standing
}

/// Whether a repeated line holds a figure that its date's own line does not have.
fn says_something_else(tab: &Tab, layout: &Layout, slot: usize, line: &Line) -> bool {
    let cells = layout.columns.iter().map(|column| tab.cell(slot, *column)).zip(line).skip(1);
    cells.into_iter().any(|(cell, own)| !cell.is_empty() && !Kind::Number.same(cell, own))
}
