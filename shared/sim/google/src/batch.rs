//! `spreadsheets:batchUpdate`: all of its requests, or none of them.

use serde_json::{Value, json};

use super::a1::{self, Area};
use super::book::Book;
use super::errors::ApiError;
use super::requests::{
    AddSheet, AppendCells, AppendDimension, Batch, Change, DimensionName, DimensionRange, Properties, Row,
    UpdateCells, UpdateSheetProperties,
};
use super::shown;
use super::tab::{COLUMNS, Dimension, ROWS, Tab};

/// Fields of a cell that a mask may name; but for the first nothing here keeps them.
const CELL_FIELDS: [&str; 6] =
    ["userEnteredValue", "userEnteredFormat", "note", "textFormatRuns", "dataValidation", "*"];
const NO_FIELD: &str = "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)";

/// Does a batch on `book`, which is to be thrown away when it is refused.
pub(super) fn update(book: &mut Book, batch: &Batch) -> Result<Value, ApiError> {
    if batch.requests.is_empty() {
        return Err(ApiError::invalid("Must specify at least one request."));
    }
    let mut replies = Vec::new();
    for (at, change) in batch.requests.iter().enumerate() {
        replies.push(done(book, change).map_err(|refused| refused.of_request(at, change.kind()))?);
    }
    let mut answer = json!({ "spreadsheetId": book.id, "replies": replies });
    if batch.include_spreadsheet_in_response {
        let data = batch.response_include_grid_data;
        answer["updatedSpreadsheet"] =
            shown::spreadsheet(book, batch.response_ranges.iter().map(String::as_str), data)?;
    }
    Ok(answer)
}

fn done(book: &mut Book, change: &Change) -> Result<Value, ApiError> {
    match change {
        Change::AddSheet(request) => return add_sheet(book, request),
        Change::DeleteSheet(request) => delete_sheet(book, request.sheet_id)?,
        Change::UpdateSheetProperties(request) => update_properties(book, request)?,
        Change::AppendDimension(AppendDimension { sheet_id, dimension, length }) => {
            let tab = book.tab_of(*sheet_id, "sheet")?;
            let size = tab.size((*dimension).into());
            *size = size.saturating_add(*length);
        }
        Change::InsertDimension(request) => {
            let (dimension, from, to) = span(book, &request.range)?;
            let tab = book.tab_of(request.range.sheet_id, "sheet")?;
            let most = *tab.size(dimension);
            if from > most {
                return Err(ApiError::invalid(format!(
                    "range.startIndex[{from}] is beyond the grid of {most}"
                )));
            }
            tab.insert(dimension, from, to - from);
        }
        Change::DeleteDimension(request) => {
            let (dimension, from, to) = span(book, &request.range)?;
            let tab = book.tab_of(request.range.sheet_id, "sheet")?;
            let most = *tab.size(dimension);
            let words = if dimension == Dimension::Rows { "rows" } else { "columns" };
            if to > most {
                return Err(ApiError::invalid(format!(
                    "Cannot delete {words} that don't exist. Max {words}: {most}"
                )));
            }
            if to - from == most {
                return Err(ApiError::invalid(format!("You can't delete all the {words} on the sheet.")));
            }
            tab.delete(dimension, from, to);
        }
        Change::UpdateCells(request) => update_cells(book, request)?,
        Change::AppendCells(request) => append_cells(book, request)?,
    }
    Ok(json!({}))
}

impl From<DimensionName> for Dimension {
    fn from(name: DimensionName) -> Self {
        match name {
            DimensionName::Rows => Self::Rows,
            DimensionName::Columns => Self::Columns,
        }
    }
}

/// Where a range of rows or columns begins and ends.
fn span(book: &mut Book, range: &DimensionRange) -> Result<(Dimension, usize, usize), ApiError> {
    let dimension = Dimension::from(range.dimension);
    let most = *book.tab_of(range.sheet_id, "sheet")?.size(dimension);
    let (from, to) = (range.start_index, range.end_index.unwrap_or(most));
    let whole = from < to;
    whole.then_some((dimension, from, to)).ok_or_else(|| {
        ApiError::invalid(format!("range.endIndex[{to}] must be after range.startIndex[{from}]"))
    })
}

fn add_sheet(book: &mut Book, request: &AddSheet) -> Result<Value, ApiError> {
    let Properties { sheet_id, title, index, grid_properties, hidden, .. } = &request.properties;
    let unnamed = || {
        (1..)
            .map(|number| format!("Sheet{number}"))
            .find(|title| !book.has_title(title, None))
            .unwrap_or_default()
    };
    let title = title.clone().filter(|title| !title.is_empty()).unwrap_or_else(unnamed);
    title_is_free(book, &title, None)?;
    let id = sheet_id.unwrap_or_else(|| book.free_id(&title));
    if book.tabs.iter().any(|tab| tab.id == id) {
        return Err(ApiError::invalid(format!("Sheet with id {id} already exists.")));
    }
    let grid = grid_properties.as_ref();
    let size = |given: Option<usize>, usual: usize| given.unwrap_or(usual);
    let mut tab = Tab::sized(
        &title,
        size(grid.and_then(|grid| grid.row_count), ROWS),
        size(grid.and_then(|grid| grid.column_count), COLUMNS),
    );
    tab.id = id;
    tab.hidden = *hidden;
    (tab.frozen_rows, tab.frozen_columns) =
        grid.map_or((0, 0), |grid| (grid.frozen_row_count, grid.frozen_column_count));
    let place = index.unwrap_or(book.tabs.len()).min(book.tabs.len());
    book.tabs.insert(place, tab);
    Ok(json!({ "addSheet": { "properties": shown::properties(&book.tabs[place], place) } }))
}

fn title_is_free(book: &Book, title: &str, but: Option<i64>) -> Result<(), ApiError> {
    let free = !book.has_title(title, but);
    free.then_some(()).ok_or_else(|| {
        ApiError::invalid(format!(
            "A sheet with the name \"{title}\" already exists. Please enter another name."
        ))
    })
}

fn delete_sheet(book: &mut Book, id: i64) -> Result<(), ApiError> {
    book.tab_of(id, "sheet")?;
    if book.tabs.len() == 1 {
        return Err(ApiError::invalid("You can't remove all the sheets in a document."));
    }
    book.tabs.retain(|tab| tab.id != id);
    Ok(())
}

fn update_properties(book: &mut Book, request: &UpdateSheetProperties) -> Result<(), ApiError> {
    let given = &request.properties;
    let id = given.sheet_id.unwrap_or(0);
    book.tab_of(id, "sheet")?;
    if request.fields.is_empty() {
        return Err(ApiError::invalid(NO_FIELD));
    }
    let usual = super::requests::GridProperties::default();
    let grid = given.grid_properties.as_ref().unwrap_or(&usual);
    for field in fields(&request.fields) {
        let tab = book.tab_of(id, "sheet")?;
        match field.as_str() {
            "title" => {
                let title = given.title.clone().unwrap_or_default();
                title_is_free(book, &title, Some(id))?;
                book.tab_of(id, "sheet")?.title = title;
            }
            "index" => {
                let from = book.tabs.iter().position(|tab| tab.id == id).unwrap_or(0);
                let tab = book.tabs.remove(from);
                // The place is counted as if the tab were still there.
                let to = given.index.unwrap_or(0);
                let to = if to > from { to - 1 } else { to };
                book.tabs.insert(to.min(book.tabs.len()), tab);
            }
            "hidden" => tab.hidden = given.hidden,
            "gridProperties.rowCount" => tab.resize(size(grid.row_count, "rows")?, tab.columns),
            "gridProperties.columnCount" => tab.resize(tab.rows, size(grid.column_count, "columns")?),
            "gridProperties.frozenRowCount" => tab.frozen_rows = grid.frozen_row_count,
            "gridProperties.frozenColumnCount" => tab.frozen_columns = grid.frozen_column_count,
            "tabColor" | "tabColorStyle" | "gridProperties.hideGridlines" => {}
            other => return Err(ApiError::invalid(format!("Invalid field: {other}"))),
        }
    }
    Ok(())
}

fn size(given: Option<usize>, what: &str) -> Result<usize, ApiError> {
    given
        .filter(|count| *count > 0)
        .ok_or_else(|| ApiError::invalid(format!("You can't delete all the {what} on the sheet.")))
}

/// The paths of a mask; `gridProperties(rowCount,columnCount)` names two, and a slash is as good as a point.
fn fields(mask: &str) -> Vec<String> {
    let mask = mask.replace('/', ".");
    let mut named = Vec::new();
    let (mut prefix, mut rest) = (String::new(), mask.as_str());
    while let Some(end) = rest.find([',', '(', ')']) {
        let (name, mark) = (rest[..end].trim(), rest.as_bytes()[end]);
        match mark {
            b'(' => prefix = format!("{name}."),
            _ if !name.is_empty() => named.push(format!("{prefix}{name}")),
            _ => {}
        }
        if mark == b')' {
            prefix.clear();
        }
        rest = &rest[end + 1..];
    }
    if !rest.trim().is_empty() {
        named.push(format!("{prefix}{}", rest.trim()));
    }
    named
}

/// Whether a mask over cells names what is entered into them.
fn enters_values(mask: &str) -> Result<bool, ApiError> {
    let named = fields(mask);
    if named.is_empty() {
        return Err(ApiError::invalid(NO_FIELD));
    }
    let first = |field: &String| field.split('.').next().unwrap_or("").to_owned();
    match named.iter().map(first).find(|field| !CELL_FIELDS.contains(&field.as_str())) {
        Some(field) => Err(ApiError::invalid(format!("Invalid field: {field}"))),
        None => Ok(named.iter().map(first).any(|field| field == "userEnteredValue" || field == "*")),
    }
}

fn update_cells(book: &mut Book, request: &UpdateCells) -> Result<(), ApiError> {
    let (sheet_id, start, range) = match (&request.start, &request.range) {
        (Some(start), None) => (start.sheet_id, (start.row_index, start.column_index), None),
        (None, Some(range)) => {
            (range.sheet_id, (range.start_row_index, range.start_column_index), Some(range))
        }
        (None, None) => return Err(ApiError::invalid("Must specify one of start or range.")),
        (Some(_), Some(_)) => {
            return Err(ApiError::unreadable("oneof field 'area' is already set. Cannot set 'range'."));
        }
    };
    let tab = book.tab_of(sheet_id, "grid")?;
    let enters = enters_values(&request.fields)?;
    let area = match range {
        None if start.0 >= tab.rows => return Err(after_last("row", start.0, tab.rows)),
        None if start.1 >= tab.columns => return Err(after_last("column", start.1, tab.columns)),
        None => Area { top: start.0, left: start.1, bottom: tab.rows, right: tab.columns },
        Some(range) => {
            let (bottom, right) =
                (range.end_row_index.unwrap_or(tab.rows), range.end_column_index.unwrap_or(tab.columns));
            let area = Area { top: start.0, left: start.1, bottom, right };
            if area.height() == 0 || area.width() == 0 {
                return Err(ApiError::invalid("range must hold at least one cell"));
            }
            if bottom > tab.rows || right > tab.columns || start.0 >= tab.rows || start.1 >= tab.columns {
                return Err(a1::beyond(&area.text(&tab.title), tab));
            }
            area
        }
    };
    if enters && range.is_some() {
        tab.clear(&area);
    }
    enter(tab, &area, &request.rows, enters)
}

fn after_last(what: &str, index: usize, size: usize) -> ApiError {
    ApiError::invalid(format!(
        "GridCoordinate.{what}Index[{index}] is after last {what} in grid[{}]",
        size.saturating_sub(1)
    ))
}

/// Below the last row that holds something, from the first column on; rows are added, columns are not.
fn append_cells(book: &mut Book, request: &AppendCells) -> Result<(), ApiError> {
    let tab = book.tab_of(request.sheet_id, "sheet")?;
    let enters = enters_values(&request.fields)?;
    let top = tab.end().0;
    tab.grow_to(top + request.rows.len(), 0);
    let area = Area { top, ..tab.area() };
    enter(tab, &area, &request.rows, enters)
}

/// Enters rows from the corner of `area` on, all of which must lie inside.
fn enter(tab: &mut Tab, area: &Area, rows: &[Row], enters: bool) -> Result<(), ApiError> {
    for (row, cells) in (area.top..).zip(rows) {
        for (column, cell) in (area.left..).zip(&cells.values) {
            let beyond = |what, at, end: usize| {
                let last = end.saturating_sub(1);
                ApiError::invalid(format!(
                    "Attempting to write {what}: {at}, beyond the last requested {what} of: {last}"
                ))
            };
            if column >= area.right {
                return Err(beyond("column", column, area.right));
            }
            if row >= area.bottom {
                return Err(beyond("row", row, area.bottom));
            }
            let entered = cell.entered()?;
            if enters {
                tab.set((row, column), entered);
            }
        }
    }
    Ok(())
}
