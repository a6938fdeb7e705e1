//! `spreadsheets.values`: reading, writing, appending and clearing cells by their ranges.

use serde::Deserialize;
use serde_json::{Value, json};

use super::a1::{self, Area};
use super::book::{Book, Found, Purpose};
use super::cell::{Entered, Input, Render, given};
use super::errors::ApiError;
use super::query::Query;
use super::tab::{Dimension, Tab};

/// Whether the outer list of values is one of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Major {
    #[default]
    #[serde(rename = "ROWS", alias = "DIMENSION_UNSPECIFIED")]
    Rows,
    #[serde(rename = "COLUMNS")]
    Columns,
}

/// What is to be written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ValueRange {
    range: Option<String>,
    major_dimension: Option<Major>,
    values: Vec<Vec<Value>>,
}

/// How an answer shows values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    major: Major,
    render: Render,
}

/// The body of `values:batchUpdate`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchUpdate {
    value_input_option: Option<String>,
    #[serde(default)]
    data: Vec<ValueRange>,
    #[serde(default)]
    include_values_in_response: bool,
    response_value_render_option: Option<String>,
    #[serde(rename = "responseDateTimeRenderOption")]
    _dates: Option<String>,
}

/// The body of `values:batchClear`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchClear {
    #[serde(default)]
    ranges: Vec<String>,
}

/// How a write is done.
struct Writing {
    input: Input,
    echo: Option<Shown>,
}

impl Shown {
    fn asked(query: &Query, render: &str) -> Result<Self, ApiError> {
        let major = match query.one("majorDimension") {
            None | Some("ROWS" | "DIMENSION_UNSPECIFIED") => Major::Rows,
            Some("COLUMNS") => Major::Columns,
            Some(other) => {
                return Err(not_one_of("major_dimension", "google.apps.sheets.v4.Dimension", other));
            }
        };
        Ok(Self { major, render: rendered(query.one(render))? })
    }
}

fn rendered(text: Option<&str>) -> Result<Render, ApiError> {
    match text {
        None | Some("FORMATTED_VALUE") => Ok(Render::Formatted),
        Some("UNFORMATTED_VALUE") => Ok(Render::Unformatted),
        Some("FORMULA") => Ok(Render::Formula),
        Some(other) => {
            Err(not_one_of("value_render_option", "google.apps.sheets.v4.ValueRenderOption", other))
        }
    }
}

fn input(text: Option<&str>) -> Result<Input, ApiError> {
    match text {
        Some("RAW") => Ok(Input::Raw),
        Some("USER_ENTERED") => Ok(Input::UserEntered),
        None | Some("INPUT_VALUE_OPTION_UNSPECIFIED") => {
            Err(ApiError::invalid("'valueInputOption' is required but not specified"))
        }
        Some(other) => Err(not_one_of("value_input_option", "google.apps.sheets.v4.ValueInputOption", other)),
    }
}

fn not_one_of(field: &str, kind: &str, given: &str) -> ApiError {
    ApiError::invalid(format!("Invalid value at '{field}' (type.googleapis.com/{kind}), \"{given}\""))
}

impl Writing {
    fn asked(query: &Query) -> Result<Self, ApiError> {
        let echo = query.one("includeValuesInResponse") == Some("true");
        let echo = echo.then(|| Shown::asked(query, "responseValueRenderOption")).transpose()?;
        Ok(Self { input: input(query.one("valueInputOption"))?, echo })
    }
}

/// `GET …/values/{range}`.
pub(super) fn get(book: &Book, range: &str, query: &Query) -> Result<Value, ApiError> {
    let found = book.find(range, Purpose::Read)?;
    Ok(value_range(&book.tabs[found.tab], &found.area, Shown::asked(query, "valueRenderOption")?))
}

/// `GET …/values:batchGet`.
pub(super) fn batch_get(book: &Book, query: &Query) -> Result<Value, ApiError> {
    let ranges = query.all("ranges").map(|range| get(book, range, query)).collect::<Result<Vec<_>, _>>()?;
    let shown = if ranges.is_empty() { json!({}) } else { json!({ "valueRanges": ranges }) };
    Ok(named(book, shown))
}

/// `PUT …/values/{range}`.
pub(super) fn update(
    book: &mut Book,
    range: &str,
    query: &Query,
    body: &ValueRange,
) -> Result<Value, ApiError> {
    let writing = Writing::asked(query)?;
    let found = book.find(range, Purpose::Write)?;
    if let Some(inside) = &body.range {
        let other = book.find(inside, Purpose::Write)?;
        if (other.tab, other.area) != (found.tab, found.area) {
            let text = |found: &Found| found.area.text(&book.tabs[found.tab].title);
            return Err(ApiError::invalid(format!(
                "Requested range [{}] does not match value range [{}]",
                text(&found),
                text(&other)
            )));
        }
    }
    put(book, &found, body, &writing)
}

/// `POST …/values:batchUpdate`.
pub(super) fn batch_update(book: &mut Book, body: &BatchUpdate) -> Result<Value, ApiError> {
    let render = rendered(body.response_value_render_option.as_deref())?;
    let echo = body.include_values_in_response.then_some(Shown { major: Major::Rows, render });
    let writing = Writing { input: input(body.value_input_option.as_deref())?, echo };
    let mut answers = Vec::new();
    let mut tabs = std::collections::BTreeSet::new();
    for data in &body.data {
        let found = book.find(data.range.as_deref().unwrap_or(""), Purpose::Write)?;
        tabs.insert(found.tab);
        answers.push(put(book, &found, data, &writing)?);
    }
    let total = |field: &str| answers.iter().filter_map(|answer| answer[field].as_u64()).sum::<u64>();
    Ok(named(
        book,
        json!({
            "totalUpdatedRows": total("updatedRows"), "totalUpdatedColumns": total("updatedColumns"), "totalUpdatedCells": total("updatedCells"),
            "totalUpdatedSheets": tabs.len(), "responses": answers,
        }),
    ))
}

/// `POST …/values/{range}:append`: below the table that the range touches, or at the range where there is
/// none. The grid grows.
pub(super) fn append(
    book: &mut Book,
    range: &str,
    query: &Query,
    body: &ValueRange,
) -> Result<Value, ApiError> {
    let writing = Writing::asked(query)?;
    let insert = match query.one("insertDataOption") {
        None | Some("OVERWRITE") => false,
        Some("INSERT_ROWS") => true,
        Some(other) => {
            return Err(not_one_of(
                "insert_data_option",
                "google.apps.sheets.v4.AppendValuesRequest.InsertDataOption",
                other,
            ));
        }
    };
    let found = book.find(range, Purpose::Read)?;
    let tab = &mut book.tabs[found.tab];
    let table = tab.table_at(&found.area);
    let (top, left) = table.map_or((found.area.top, found.area.left), |table| (table.bottom, table.left));
    let (height, width) = extent(body);
    if insert {
        tab.insert(Dimension::Rows, top, height);
    }
    tab.grow_to(top + height, left + width);
    let area = Area { top, left, bottom: top + height, right: left + width };
    let updates = put(book, &Found { area, ..found.clone() }, body, &writing)?;
    let mut answer = json!({ "spreadsheetId": book.id, "updates": updates });
    if let Some(table) = table {
        answer["tableRange"] = table.text(&book.tabs[found.tab].title).into();
    }
    Ok(answer)
}

/// `POST …/values/{range}:clear`.
pub(super) fn clear(book: &mut Book, range: &str) -> Result<Value, ApiError> {
    let cleared = emptied(book, range)?;
    Ok(named(book, json!({ "clearedRange": cleared })))
}

/// `POST …/values:batchClear`.
pub(super) fn batch_clear(book: &mut Book, body: &BatchClear) -> Result<Value, ApiError> {
    let cleared = body.ranges.iter().map(|range| emptied(book, range)).collect::<Result<Vec<_>, _>>()?;
    Ok(named(book, json!({ "clearedRanges": cleared })))
}

fn emptied(book: &mut Book, range: &str) -> Result<String, ApiError> {
    let found = book.find(range, Purpose::Read)?;
    let tab = &mut book.tabs[found.tab];
    tab.clear(&found.area);
    Ok(found.area.text(&tab.title))
}

fn named(book: &Book, mut answer: Value) -> Value {
    answer["spreadsheetId"] = book.id.as_str().into();
    answer
}

/// Rows and columns that values fill.
fn extent(body: &ValueRange) -> (usize, usize) {
    let (outer, inner) = (body.values.len(), body.values.iter().map(Vec::len).max().unwrap_or(0));
    if body.major_dimension.unwrap_or_default() == Major::Rows { (outer, inner) } else { (inner, outer) }
}

/// Writes values from the corner of `found` on. They may leave cells of it alone and go beyond it only where
/// it is one cell.
fn put(book: &mut Book, found: &Found, body: &ValueRange, writing: &Writing) -> Result<Value, ApiError> {
    let locale = book.locale;
    let tab = &mut book.tabs[found.tab];
    let (area, (height, width)) = (found.area, extent(body));
    let target = Area { bottom: area.top + height, right: area.left + width, ..area };
    if !found.written.is_cell() {
        let beyond = |what| {
            ApiError::invalid(format!(
                "Requested writing within range [{}], but tried writing to {what}",
                area.text(&tab.title)
            ))
        };
        if height > area.height() {
            return Err(beyond(format!("row [{}]", area.bottom + 1)));
        }
        if width > area.width() {
            return Err(beyond(format!("column [{}]", a1::letters(area.right))));
        }
    }
    if target.bottom > tab.rows || target.right > tab.columns {
        return Err(a1::beyond(&target.text(&tab.title), tab));
    }
    let (mut rows, mut columns, mut cells) =
        (std::collections::BTreeSet::new(), std::collections::BTreeSet::new(), 0);
    for (outer, line) in body.values.iter().enumerate() {
        for (inner, value) in line.iter().enumerate() {
            let Some(cell) = given(value, (writing.input, locale), (outer, inner))? else { continue };
            let (row, column) = if body.major_dimension.unwrap_or_default() == Major::Rows {
                (outer, inner)
            } else {
                (inner, outer)
            };
            tab.set((area.top + row, area.left + column), cell);
            rows.insert(row);
            columns.insert(column);
            cells += 1;
        }
    }
    let written = if height == 0 || width == 0 { area } else { target };
    let mut answer = json!({ "spreadsheetId": book.id, "updatedRange": written.text(&tab.title) });
    if cells > 0 {
        answer["updatedRows"] = rows.len().into();
        answer["updatedColumns"] = columns.len().into();
        answer["updatedCells"] = cells.into();
    }
    if let Some(echo) = writing.echo {
        answer["updatedData"] = value_range(tab, &written, echo);
    }
    Ok(answer)
}

/// The cells of an area as a list of lists, without what is empty at the end of each; without `values` when
/// all is empty.
fn value_range(tab: &Tab, area: &Area, shown: Shown) -> Value {
    let (bottom, right) = tab.end_in(area);
    let by_rows = shown.major == Major::Rows;
    let (outer, inner) =
        if by_rows { (area.top..bottom, area.left..right) } else { (area.left..right, area.top..bottom) };
    let line = |first: usize| {
        let cell = |second: usize| tab.cell(if by_rows { (first, second) } else { (second, first) });
        let end = inner
            .clone()
            .rev()
            .find(|second| cell(*second).is_some())
            .map_or(inner.start, |second| second + 1);
        (inner.start..end)
            .map(|second| cell(second).map_or_else(|| "".into(), |cell: &Entered| cell.shown(shown.render)))
            .collect::<Vec<_>>()
    };
    let values: Vec<Vec<Value>> = outer.map(line).collect();
    let mut answer =
        json!({ "range": area.text(&tab.title), "majorDimension": if by_rows { "ROWS" } else { "COLUMNS" } });
    if !values.is_empty() {
        answer["values"] = json!(values);
    }
    answer
}
