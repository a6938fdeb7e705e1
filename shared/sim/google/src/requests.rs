//! The requests of `spreadsheets:batchUpdate`, as far as this face does them. A field it does not know is
//! refused.
//!
//! Formats, notes and validation of cells are read over: nothing here shows them.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::cell::Entered;
use super::errors::ApiError;

/// The body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Batch {
    #[serde(default)]
    pub(super) requests: Vec<Change>,
    #[serde(default)]
    pub(super) include_spreadsheet_in_response: bool,
    #[serde(default)]
    pub(super) response_ranges: Vec<String>,
    #[serde(default)]
    pub(super) response_include_grid_data: bool,
}

/// One request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Change {
    AddSheet(AddSheet),
    DeleteSheet(SheetId),
    UpdateSheetProperties(UpdateSheetProperties),
    AppendDimension(AppendDimension),
    InsertDimension(InsertDimension),
    DeleteDimension(DeleteDimension),
    UpdateCells(UpdateCells),
    AppendCells(AppendCells),
}

impl Change {
    /// Its name on the wire.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::AddSheet(_) => "addSheet",
            Self::DeleteSheet(_) => "deleteSheet",
            Self::UpdateSheetProperties(_) => "updateSheetProperties",
            Self::AppendDimension(_) => "appendDimension",
            Self::InsertDimension(_) => "insertDimension",
            Self::DeleteDimension(_) => "deleteDimension",
            Self::UpdateCells(_) => "updateCells",
            Self::AppendCells(_) => "appendCells",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddSheet {
    #[serde(default)]
    pub(super) properties: Properties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SheetId {
    #[serde(default)]
    pub(super) sheet_id: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateSheetProperties {
    pub(super) properties: Properties,
    #[serde(default)]
    pub(super) fields: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Properties {
    pub(super) sheet_id: Option<i64>,
    pub(super) title: Option<String>,
    pub(super) index: Option<usize>,
    #[serde(rename = "sheetType")]
    _kind: Option<GridOnly>,
    pub(super) grid_properties: Option<GridProperties>,
    pub(super) hidden: bool,
    #[serde(rename = "tabColor", alias = "tabColorStyle", alias = "rightToLeft")]
    _looks: IgnoredAny,
}

#[derive(Debug, Deserialize)]
enum GridOnly {
    #[serde(rename = "GRID")]
    Grid,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct GridProperties {
    pub(super) row_count: Option<usize>,
    pub(super) column_count: Option<usize>,
    pub(super) frozen_row_count: usize,
    pub(super) frozen_column_count: usize,
    #[serde(rename = "hideGridlines")]
    _looks: IgnoredAny,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum DimensionName {
    #[serde(rename = "ROWS")]
    Rows,
    #[serde(rename = "COLUMNS")]
    Columns,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppendDimension {
    #[serde(default)]
    pub(super) sheet_id: i64,
    pub(super) dimension: DimensionName,
    #[serde(default)]
    pub(super) length: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InsertDimension {
    pub(super) range: DimensionRange,
    #[serde(rename = "inheritFromBefore", default)]
    _format: IgnoredAny,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteDimension {
    pub(super) range: DimensionRange,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DimensionRange {
    #[serde(default)]
    pub(super) sheet_id: i64,
    pub(super) dimension: DimensionName,
    #[serde(default)]
    pub(super) start_index: usize,
    pub(super) end_index: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateCells {
    #[serde(default)]
    pub(super) rows: Vec<Row>,
    #[serde(default)]
    pub(super) fields: String,
    pub(super) start: Option<Coordinate>,
    pub(super) range: Option<GridRange>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AppendCells {
    #[serde(default)]
    pub(super) sheet_id: i64,
    #[serde(default)]
    pub(super) rows: Vec<Row>,
    #[serde(default)]
    pub(super) fields: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Coordinate {
    pub(super) sheet_id: i64,
    pub(super) row_index: usize,
    pub(super) column_index: usize,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct GridRange {
    pub(super) sheet_id: i64,
    pub(super) start_row_index: usize,
    pub(super) end_row_index: Option<usize>,
    pub(super) start_column_index: usize,
    pub(super) end_column_index: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Row {
    pub(super) values: Vec<Cell>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Cell {
    user_entered_value: Option<Value>,
    #[serde(rename = "userEnteredFormat")]
    _format: IgnoredAny,
    #[serde(rename = "note")]
    _note: IgnoredAny,
    #[serde(rename = "textFormatRuns")]
    _runs: IgnoredAny,
    #[serde(rename = "dataValidation")]
    _validation: IgnoredAny,
}

/// One of them at most.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Value {
    string_value: Option<String>,
    number_value: Option<f64>,
    bool_value: Option<bool>,
    formula_value: Option<String>,
}

impl Cell {
    /// What is entered; `None` empties the cell.
    pub(super) fn entered(&self) -> Result<Option<Entered>, ApiError> {
        let Some(value) = &self.user_entered_value else { return Ok(None) };
        match value {
            Value { string_value: None, number_value: None, bool_value: None, formula_value: None } => {
                Ok(None)
            }
            Value { string_value: Some(text), number_value: None, bool_value: None, formula_value: None } => {
                Entered::text(text)
            }
            Value {
                string_value: None,
                number_value: Some(number),
                bool_value: None,
                formula_value: None,
            } => Ok(Some(Entered::number(*number))),
            Value {
                string_value: None,
                number_value: None,
                bool_value: Some(truth),
                formula_value: None,
            } => Ok(Some(Entered::Boolean(*truth))),
            Value {
                string_value: None,
                number_value: None,
                bool_value: None,
                formula_value: Some(formula),
            } => {
                if formula.len() > 1 && formula.starts_with('=') {
                    return Ok(Entered::text(formula)?.map(|_| Entered::Formula(formula.clone())));
                }
                Err(ApiError::invalid(format!("formulaValue {formula:?} must begin with '='.")))
            }
            _ => Err(ApiError::unreadable(
                "oneof field 'value' is already set. Cannot set more than one of its values.",
            )),
        }
    }
}
