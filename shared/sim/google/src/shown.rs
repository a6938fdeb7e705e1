//! `spreadsheets.get`: what a spreadsheet says of itself.

use serde_json::{Value, json};

use super::a1::Area;
use super::book::{Book, Purpose};
use super::cell::{Entered, UNCOMPUTED, json_number};
use super::errors::ApiError;
use super::query::{Mask, Query};
use super::tab::Tab;

/// `GET /v4/spreadsheets/{id}`. A mask decides alone whether the cells are shown.
pub(super) fn get(book: &Book, query: &Query) -> Result<Value, ApiError> {
    let data = match query.one("fields") {
        Some(mask) => Mask::read(mask)?.wants(&["sheets", "data"]),
        None => query.one("includeGridData") == Some("true"),
    };
    spreadsheet(book, query.all("ranges"), data)
}

/// All of it, or of `ranges` only, where there are any.
pub(super) fn spreadsheet<'a>(
    book: &Book,
    ranges: impl Iterator<Item = &'a str>,
    data: bool,
) -> Result<Value, ApiError> {
    let ranges = ranges.map(|range| book.find(range, Purpose::Read)).collect::<Result<Vec<_>, _>>()?;
    let mut sheets = Vec::new();
    for (index, tab) in book.tabs.iter().enumerate() {
        let areas: Vec<Area> =
            ranges.iter().filter(|range| range.tab == index).map(|range| range.area).collect();
        if areas.is_empty() && !ranges.is_empty() {
            continue;
        }
        let mut sheet = json!({ "properties": properties(tab, index) });
        if data {
            let whole = [tab.area()];
            let areas = if areas.is_empty() { &whole[..] } else { &areas };
            sheet["data"] = areas.iter().map(|area| grid_data(tab, area)).collect();
        }
        sheets.push(sheet);
    }
    let properties = json!({ "title": book.title, "locale": book.locale.name(), "autoRecalc": "ON_CHANGE", "timeZone": "America/New_York" });
    let url = format!("https://docs.google.com/spreadsheets/d/{}/edit", book.id);
    Ok(json!({ "spreadsheetId": book.id, "properties": properties, "sheets": sheets, "spreadsheetUrl": url }))
}

/// A tab's properties. Zeros of the grid's frozen parts are left out, as Google leaves them out.
pub(super) fn properties(tab: &Tab, index: usize) -> Value {
    let mut grid = json!({ "rowCount": tab.rows, "columnCount": tab.columns });
    for (name, count) in [("frozenRowCount", tab.frozen_rows), ("frozenColumnCount", tab.frozen_columns)] {
        if count > 0 {
            grid[name] = count.into();
        }
    }
    let mut shown = json!({ "sheetId": tab.id, "title": tab.title, "index": index, "sheetType": "GRID", "gridProperties": grid });
    if tab.hidden {
        shown["hidden"] = true.into();
    }
    shown
}

/// Rows down to the last one that holds something.
fn grid_data(tab: &Tab, area: &Area) -> Value {
    let mut shown = json!({});
    for (name, start) in [("startRow", area.top), ("startColumn", area.left)] {
        if start > 0 {
            shown[name] = start.into();
        }
    }
    let row = |row: usize| {
        let line = Area { top: row, bottom: row + 1, ..*area };
        let (_, end) = tab.end_in(&line);
        if end == area.left {
            return json!({});
        }
        let cell = |column: usize| tab.cell((row, column)).map_or_else(|| json!({}), cell_data);
        json!({ "values": (area.left..end).map(cell).collect::<Vec<_>>() })
    };
    let rows: Vec<Value> = (area.top..tab.end_in(area).0).map(row).collect();
    if !rows.is_empty() {
        shown["rowData"] = rows.into();
    }
    shown
}

fn cell_data(cell: &Entered) -> Value {
    let value = match cell {
        Entered::Text(text) => json!({ "stringValue": text }),
        Entered::Number { value, .. } => json!({ "numberValue": json_number(*value) }),
        Entered::Boolean(truth) => json!({ "boolValue": truth }),
        Entered::Formula(text) => json!({ "formulaValue": text }),
    };
    let effective = match cell {
        Entered::Formula(_) => {
            json!({ "errorValue": { "type": "NAME", "message": format!("{UNCOMPUTED}: formulas are not computed here.") } })
        }
        _ => value.clone(),
    };
    json!({ "userEnteredValue": value, "effectiveValue": effective, "formattedValue": cell.formatted() })
}
