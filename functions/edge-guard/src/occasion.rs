//! What a run that has ended tells of its account.

use gamma_execution::ports::RunRecord;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::EdgeError;

/// What the run read for its plan: when, and dollars. `None` for a run that ended before.
pub(crate) fn told(run: &RunRecord) -> Result<Option<(Timestamp, Decimal)>, EdgeError> {
    let plan = run.report.get("plan").filter(|plan| !plan.is_null());
    let Some(plan) = plan else { return Ok(None) };
    let equity = text(run, plan.get("equity"), "plan.equity", "dollars as text")?;
    let started = text(run, run.report.get("started"), "started", "an RFC 3339 time")?;
    Ok(Some((started, equity)))
}

fn text<T: std::str::FromStr>(
    run: &RunRecord,
    value: Option<&Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<T, EdgeError> {
    let read = value.and_then(Value::as_str).and_then(|text| text.parse().ok());
    read.ok_or_else(|| {
        let got =
            value.map_or_else(|| "nothing".to_owned(), |value| value.to_string().chars().take(60).collect());
        EdgeError::Record { run_id: run.run_id.clone(), field, got, expected }
    })
}
