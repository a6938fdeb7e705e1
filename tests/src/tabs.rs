//! The spreadsheet's tabs for a terminal: as they were written by the functions, read from the simulated
//! Google's own books.

use gamma_simulator::google::Spreadsheets;

use crate::post_trade::SPREADSHEET;
use crate::side_by_side::Table;

/// A line for each column of the tab, records side by side; columns that say nothing are left out.
#[must_use]
pub fn records(sheets: &Spreadsheets, tab: &str) -> String {
    let cells = sheets.text(SPREADSHEET, tab).unwrap_or_default();
    let Some((header, rows)) = cells.split_first() else { return format!("{tab}: empty\n") };
    let mut table = Table::default();
    table.row(tab, []);
    for (at, column) in header.iter().enumerate() {
        let values: Vec<String> = rows.iter().map(|row| row.get(at).cloned().unwrap_or_default()).collect();
        if values.iter().any(|value| !value.is_empty()) {
            table.row(&format!("  {column}"), values);
        }
    }
    table.to_string()
}

/// The tab from a row on as it stands, without the columns that say nothing. Rows are counted from 1.
#[must_use]
pub fn grid(sheets: &Spreadsheets, tab: &str, from: usize) -> String {
    let cells = sheets.text(SPREADSHEET, tab).unwrap_or_default();
    let rows: Vec<&Vec<String>> = cells.iter().skip(from.saturating_sub(1)).collect();
    let width = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
    let told: Vec<usize> =
        (0..width).filter(|at| rows.iter().any(|row| !cell(row, *at).is_empty())).collect();
    let widths: Vec<usize> = told
        .iter()
        .map(|at| rows.iter().map(|row| cell(row, *at).chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &[String]| {
        let texts: Vec<String> =
            told.iter().zip(&widths).map(|(at, width)| format!("{:<width$}", cell(row, *at))).collect();
        format!("  {}", texts.join("  ")).trim_end().to_owned()
    };
    let lines: Vec<String> = rows.iter().map(|row| line(row)).collect();
    format!("{tab}, from row {from} on\n{}\n", lines.join("\n"))
}
