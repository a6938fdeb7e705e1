//! One hand-off: an account's day into all tabs.

use std::collections::BTreeMap;

use gamma_execution::ports::LoadedDay;
use gamma_sheets::grid::{Change, GridError, Workbook};
use gamma_sheets::table::{Row, TableError, TableSpec, Upsert, upsert};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use crate::plan::Report;
use crate::{day, gw_signal, summary, tracking, trades};

/// What is known of an account's day when a run of it is handed off. Read when the hand-off is worked on, not
/// when it was sent: a late one then knows no less than the newest.
#[derive(Debug, Clone, Copy)]
pub struct DayFacts<'a> {
    /// The account's name, `tt-ira`.
    pub account: &'a str,
    /// The trade date.
    pub date: Date,
    /// What the ledger holds of it.
    pub day: &'a LoadedDay,
    /// The reports of its runs as JSON, by run id.
    pub reports: &'a BTreeMap<String, Value>,
    /// The signal row as published: fields by their names in the feed (`Date`, `TDate`, `SPX`, …). Empty when
    /// the run saw none.
    pub signal: &'a BTreeMap<String, String>,
    /// All-in dollars for each contract traded, as the account's profile estimates them.
    pub cost_per_contract: Decimal,
}

/// What brings the spreadsheet up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayChanges {
    /// To be made as one write.
    pub changes: Vec<Change>,
    /// For a person: which rows stand twice, and are left as they are.
    pub notes: Vec<String>,
}

/// Why a day cannot be brought into the spreadsheet.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A tab is not the table it should be.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The changes do not fit one another.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A run's report does not read.
    #[error("report of run {run_id}: {reason}, expected the report as the run wrote it")]
    Report {
        /// The run.
        run_id: String,
        /// What the reader stumbled over.
        reason: String,
    },
    /// The signal's day does not read.
    #[error("signal Date: got {came:?}, expected a day such as 2026-02-11")]
    SignalDate {
        /// What came.
        came: String,
    },
    /// The summary's blocks are not where they can be found.
    #[error(
        "CS_Summary row 9: got {came:?} at column {column} and {title:?} nowhere, expected the block's title there or in an empty cell"
    )]
    SummaryBlock {
        /// The block's title.
        title: &'static str,
        /// Where it stands in a new tab, counted from 1.
        column: usize,
        /// What stands there.
        came: String,
    },
}

/// The changes that bring the spreadsheet up to date with `facts`: tabs that are missing are made, cells of
/// users are left alone, and what is up to date already needs none.
///
/// # Errors
/// [`LogError`] names the tab, the run or the field. Nothing is to be written then.
pub fn changes(workbook: &Workbook, facts: &DayFacts<'_>) -> Result<DayChanges, LogError> {
    let reports = facts
        .reports
        .iter()
        .map(|(run_id, report)| Ok((run_id.clone(), read(run_id, report)?)))
        .collect::<Result<_, LogError>>()?;
    let sides = day::sides(facts.day, &reports);
    let mut sheets = Sheets { workbook: workbook.clone(), day: DayChanges::default() };
    sheets.bring(&gw_signal::TABLE, &Vec::from_iter(gw_signal::row(facts.signal)?))?;
    sheets.bring(
        &trades::TABLE,
        &sides.iter().map(|side| trades::row(facts.account, facts.date, side)).collect::<Vec<_>>(),
    )?;
    sheets.bring(
        &tracking::TABLE,
        &tracking::rows(facts.account, facts.date, &sides, facts.cost_per_contract),
    )?;
    let summary = summary::changes(&sheets.workbook)?;
    sheets.make(summary)?;
    Ok(sheets.day)
}

/// The spreadsheet as it will be, with what makes it so.
struct Sheets {
    workbook: Workbook,
    day: DayChanges,
}

impl Sheets {
    fn bring(&mut self, table: &TableSpec, rows: &[Row]) -> Result<(), LogError> {
        let Upsert { changes, doubled } = upsert(&self.workbook, table, rows)?;
        self.make(DayChanges { changes, notes: doubled.iter().map(ToString::to_string).collect() })
    }

    fn make(&mut self, DayChanges { changes, notes }: DayChanges) -> Result<(), LogError> {
        self.workbook.apply(&changes)?;
        self.day.changes.extend(changes);
        self.day.notes.extend(notes);
        Ok(())
    }
}

fn read(run_id: &str, report: &Value) -> Result<Report, LogError> {
    Report::deserialize(report)
        .map_err(|error| LogError::Report { run_id: run_id.to_owned(), reason: error.to_string() })
}
