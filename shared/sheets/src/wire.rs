//! What the API's JSON looks like, both ways.

use std::collections::{BTreeMap, BTreeSet};

use gamma_http::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::a1;
use crate::error::SheetsError;
use crate::grid::{Change, Tab, Workbook};

/// The longest text of Google's that an error shows.
const EXCERPT: usize = 300;

/// What Google takes in one cell, in UTF-16 units.
const LONGEST_CELL: usize = 50_000;

#[derive(Deserialize)]
struct Spreadsheet {
    #[serde(default)]
    sheets: Vec<Sheet>,
}

#[derive(Deserialize)]
struct Sheet {
    properties: Properties,
}

// Google leaves numbers out that are 0, and the grid of a tab that holds only a chart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default)]
    sheet_id: i64,
    title: String,
    #[serde(default)]
    grid_properties: Grid,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Grid {
    row_count: u32,
    column_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    #[serde(default)]
    value_ranges: Vec<ValueRange>,
}

#[derive(Deserialize)]
struct ValueRange {
    range: String,
    #[serde(default)]
    values: Vec<Vec<Box<RawValue>>>,
}

/// The tabs of a spreadsheet, without cells.
pub(crate) fn tabs(body: &[u8]) -> Result<Workbook, String> {
    let spreadsheet: Spreadsheet = read(body)?;
    let tab = |Properties { sheet_id, title, grid_properties }| {
        (
            title,
            Tab {
                id: sheet_id,
                rows: grid_properties.row_count,
                columns: grid_properties.column_count,
                cells: Vec::new(),
            },
        )
    };
    Ok(Workbook { tabs: spreadsheet.sheets.into_iter().map(|sheet| tab(sheet.properties)).collect() })
}

/// Puts cells into `workbook`: one list of values for each of `wanted`, in their order.
pub(crate) fn fill(workbook: &mut Workbook, wanted: &[String], body: &[u8]) -> Result<(), String> {
    let batch: Batch = read(body)?;
    if batch.value_ranges.len() != wanted.len() {
        return Err(format!("valueRanges: got {}, expected {}", batch.value_ranges.len(), wanted.len()));
    }
    for (title, values) in wanted.iter().zip(batch.value_ranges) {
        if a1::tab_of(&values.range).as_ref() != Some(title) {
            return Err(format!(
                "valueRanges.range: got {}, expected one of {}",
                line(&values.range, &[]),
                a1::quoted(title)
            ));
        }
        let mut cells = Vec::with_capacity(values.values.len());
        for (row, texts) in values.values.iter().enumerate() {
            let texts = texts
                .iter()
                .enumerate()
                .map(|(column, value)| cell(value).ok_or_else(|| bad_cell(title, row, column)));
            cells.push(texts.collect::<Result<Vec<String>, String>>()?);
        }
        if let Some(tab) = workbook.tabs.get_mut(title) {
            // Somebody may have added rows between the two reads.
            tab.rows = tab.rows.max(u32::try_from(cells.len()).unwrap_or(u32::MAX));
            tab.cells = cells;
        }
    }
    Ok(())
}

fn bad_cell(title: &str, row: usize, column: usize) -> String {
    let at = (u32::try_from(row).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX));
    format!(
        "{}: got a list or an object, expected a text, number or boolean",
        a1::rectangle(title, at, (1, 1))
    )
}

/// A cell's text: a number keeps its digits as they came, for a float would not.
fn cell(value: &RawValue) -> Option<String> {
    match value.get() {
        "true" => Some("TRUE".to_owned()),
        "false" => Some("FALSE".to_owned()),
        "null" => Some(String::new()),
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text if text.starts_with(['{', '[']) => None,
        number => Some(number.to_owned()),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("body: got {} bytes that do not read ({error})", body.len()))
}

/// The requests that make `changes`, none for a list that changes nothing.
pub(crate) fn requests(changes: &[Change], workbook: &Workbook) -> Result<Vec<Value>, SheetsError> {
    let mut grids: BTreeMap<&str, (i64, u32, u32)> =
        workbook.tabs.iter().map(|(title, tab)| (title.as_str(), (tab.id, tab.rows, tab.columns))).collect();
    let mut requests = Vec::new();
    for change in changes {
        match change {
            Change::AddTab { title, rows, columns } => {
                let (rows, columns) = ((*rows).max(1), (*columns).max(1));
                let id = unused_id(title, &grids.values().map(|(id, ..)| *id).collect());
                if grids.insert(title, (id, rows, columns)).is_some() {
                    return Err(invalid(
                        a1::quoted(title),
                        "a tab that is there already".to_owned(),
                        "a new title to add",
                    ));
                }
                let grid = json!({ "rowCount": rows, "columnCount": columns });
                requests.push(json!({ "addSheet": { "properties": { "sheetId": id, "title": title, "gridProperties": grid } } }));
            }
            Change::Write { tab, row, column, cells } => {
                let range = written(tab, (*row, *column), cells);
                let Some((id, rows, columns)) = grids.get_mut(tab.as_str()) else {
                    return Err(invalid(
                        range,
                        "no such tab".to_owned(),
                        "one that was read or is added before",
                    ));
                };
                let (height, width) = size(cells);
                if width == 0 {
                    continue;
                }
                grow(&mut requests, *id, ("ROWS", rows), row.saturating_add(height));
                grow(&mut requests, *id, ("COLUMNS", columns), column.saturating_add(width));
                requests.push(update(*id, (*row, *column), cells, &range)?);
            }
        }
    }
    Ok(requests)
}

fn grow(requests: &mut Vec<Value>, id: i64, (dimension, length): (&str, &mut u32), needed: u32) {
    if needed > *length {
        requests.push(json!({ "appendDimension": { "sheetId": id, "dimension": dimension, "length": needed - *length } }));
        *length = needed;
    }
}

fn update(
    id: i64,
    (row, column): (u32, u32),
    cells: &[Vec<String>],
    range: &str,
) -> Result<Value, SheetsError> {
    let longest = cells.iter().flatten().map(|text| text.encode_utf16().count()).max().unwrap_or_default();
    if longest > LONGEST_CELL {
        return Err(invalid(range.to_owned(), format!("a cell of {longest} characters"), "50000 at most"));
    }
    // A cell without a value is emptied, because the value is among the fields to be written.
    let value = |text: &String| {
        if text.is_empty() { json!({}) } else { json!({ "userEnteredValue": { "stringValue": text } }) }
    };
    let rows: Vec<Value> =
        cells.iter().map(|row| json!({ "values": row.iter().map(value).collect::<Vec<_>>() })).collect();
    let start = json!({ "sheetId": id, "rowIndex": row, "columnIndex": column });
    Ok(json!({ "updateCells": { "start": start, "rows": rows, "fields": "userEnteredValue" } }))
}

fn invalid(field: String, got: String, expected: &'static str) -> SheetsError {
    SheetsError::Invalid { field, got, expected }
}

fn size(cells: &[Vec<String>]) -> (u32, u32) {
    let width = cells.iter().map(Vec::len).max().unwrap_or_default();
    (u32::try_from(cells.len()).unwrap_or(u32::MAX), u32::try_from(width).unwrap_or(u32::MAX))
}

fn written(tab: &str, at: (u32, u32), cells: &[Vec<String>]) -> String {
    a1::rectangle(tab, at, size(cells))
}

/// Where changes go, for messages: the first ranges by name.
pub(crate) fn places(changes: &[Change]) -> String {
    const SHOWN: usize = 3;
    let place = |change: &Change| match change {
        Change::AddTab { title, .. } => format!("new tab {}", a1::quoted(title)),
        Change::Write { tab, row, column, cells } => written(tab, (*row, *column), cells),
    };
    some_of(changes.iter().map(place), SHOWN)
}

/// The first few of a list, and how many more there are.
pub(crate) fn some_of(names: impl Iterator<Item = String>, shown: usize) -> String {
    let names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(shown);
    let text = names.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// An id for a new tab, from its title, so that two writers who add different tabs at once do not choose the
/// same.
fn unused_id(title: &str, used: &BTreeSet<i64>) -> i64 {
    // FNV-1a, cut to what Google takes: 31 bits.
    let hash =
        title.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut id = i64::from(hash & 0x7fff_ffff).max(1);
    while used.contains(&id) {
        id = id % 0x7fff_ffff + 1;
    }
    id
}

/// Google's words in an answer that is an error, without what they may echo of `hide`.
pub(crate) fn message(answer: &Response, hide: &[&str]) -> String {
    let body = answer.json().unwrap_or_default();
    let words: Vec<&str> =
        ["status", "message"].iter().filter_map(|field| body.get("error")?.get(*field)?.as_str()).collect();
    if words.is_empty() {
        format!("{} bytes in no known shape", answer.body.len())
    } else {
        line(&words.join(": "), hide)
    }
}

/// A text on one line, without `hide`, cut.
pub(crate) fn line(text: &str, hide: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in hide.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[hidden]");
    }
    let words = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_answer_reads_or_is_named(body in "\\PC{0,80}|\\{\"(sheets|valueRanges)\": \\[(\\{\"(properties|range|values)\": (\"x!A\"|[0-9.e-]{1,9}|\\[\\[.{0,9}\\]\\]|null)\\})?\\]\\}") {
            let _ = tabs(body.as_bytes());
            let mut workbook = Workbook { tabs: [("x".to_owned(), Tab::default())].into() };
            if let Err(reason) = fill(&mut workbook, &["x".to_owned()], body.as_bytes()) {
                prop_assert!(reason.chars().count() <= EXCERPT + 200, "{reason}");
            }
        }

        #[test]
        fn a_line_is_short_and_holds_no_secret(text in "(?s).{0,500}", secret in "[a-zA-Z0-9]{8,20}") {
            let line = line(&format!("{text}\n{secret} {text}"), &[&secret, ""]);
            prop_assert!(line.chars().count() <= EXCERPT && !line.contains(&secret) && !line.chars().any(char::is_control));
        }
    }
}
