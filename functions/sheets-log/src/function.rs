//! One run that ended: a word to a person where one is due, and the day's rows in the spreadsheet.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use gamma_cloud::aws;
use gamma_execution::notice::{notice_of, notice_of_failure, notice_of_no_beginning};
use gamma_execution::ports::{Archive, Ledger, RunKey, RunRecord};
use gamma_execution::report::Outcome;
use gamma_lambda::{Failure, Function, Invocation};
use gamma_post_trade::{Office, PostTradeConfig, Written};
use gamma_sheets::SheetsTokens;
use gamma_sheets::grid::Workbook;
use gamma_sheets_log::{DayFacts, TABS, changes};
use gamma_strategy::constant_stable;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// What the environment says, checked, and Google's tokens.
pub(crate) struct SheetsLog {
    config: PostTradeConfig,
    tokens: SheetsTokens,
}

impl Function for SheetsLog {
    const FAILURES_ALARM: bool = true;

    fn from_env(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        Ok(Self { config: PostTradeConfig::from_env(read)?, tokens: SheetsTokens::default() })
    }

    fn clock_url(&self) -> Option<&str> {
        self.config.clock_url.as_deref()
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failure> {
        let Invocation { event, deadline, run_id, clock, .. } = invocation;
        let key: RunKey = serde_json::from_value(event)
            .map_err(|error| Failure::new("MalformedEvent", format!("event: {error}")))?;
        let office = Office::open(&self.config, &aws::load().await, clock, deadline, &self.tokens).await?;
        log(&office, &key, &run_id).await
    }
}

async fn log(office: &Office, key: &RunKey, delivery: &str) -> Result<Value, Failure> {
    let unreadable = |error| Failure::new("LedgerUnavailable", error);
    let run = office.ledger.run(key).await.map_err(unreadable)?;
    let run = run.ok_or_else(|| {
        Failure::new(
            "NoSuchRun",
            format!("run {}: no such run is recorded for {} on {}", key.run_id, key.account, key.trade_date),
        )
    })?;
    // A person first: what happens to the spreadsheet must not keep a word back.
    let told = tell(office, key, &run).await.map_err(unreadable)?;
    let written = write(office, key, delivery).await;
    if let Err(failure) = &written {
        office
            .tell(&notice_of_failure("sheets-log", &failure.to_string(), &key.account, key.trade_date))
            .await;
    }
    let (written, notes) = written?;
    office.tell_of_doubled_rows("sheets-log", &notes, key).await.map_err(unreadable)?;
    let changes = match written {
        Written::Changes(changes) => json!(changes),
        Written::NoSpreadsheet => json!("no spreadsheet is configured"),
    };
    tracing::info!(run_id = key.run_id, account = key.account, %changes, told, "logged");
    Ok(
        json!({ "account": key.account, "run_id": key.run_id, "changes": changes, "notes": notes, "told": told, "http_requests": office.requests_sent() }),
    )
}

/// Tells a person how the run ended, where that is no ordinary end; once for each run.
async fn tell(
    office: &Office,
    key: &RunKey,
    run: &RunRecord,
) -> Result<bool, gamma_execution::ports::LedgerError> {
    let text = |name: &str| run.report.get(name).and_then(Value::as_str).unwrap_or_default();
    let alarm = run.report.get("alarm").and_then(Value::as_bool).unwrap_or_default();
    let notice = match Outcome::named(&run.outcome) {
        Some(outcome) => notice_of(outcome, alarm, text("detail"), &run.account, run.date),
        // A run that ended before it had begun: its set-up failed.
        None => Some(notice_of_no_beginning(text("detail"), &run.account, run.date)),
    };
    let Some(notice) = notice else { return Ok(false) };
    if office.ledger.was_told(key).await? {
        return Ok(false);
    }
    let told = office.tell(&notice).await;
    if told {
        // Marked afterwards: said twice is better than not said.
        office.ledger.set_told(key).await?;
    }
    Ok(told)
}

/// Brings the spreadsheet up to date; what a person should know of it besides.
async fn write(office: &Office, key: &RunKey, delivery: &str) -> Result<(Written, Vec<String>), Failure> {
    let unreadable = |error| Failure::new("LedgerUnavailable", error);
    let (account, date) = (key.account.as_str(), key.trade_date);
    let notes = Mutex::new(Vec::new());
    // The ledger is read while it is our turn: of two hand-offs of a day the later one knows more.
    let bring = async |workbook: &Workbook| {
        let day = office.ledger.load_day(account, constant_stable::NAME, date).await.map_err(unreadable)?;
        let told = Told::of(office.ledger.runs(account, date).await.map_err(unreadable)?);
        let Told { reports, signal, cost_per_contract } = &told;
        let facts =
            DayFacts { account, date, day: &day, reports, signal, cost_per_contract: *cost_per_contract };
        let day = changes(workbook, &facts).map_err(|error| Failure::new("SpreadsheetUnreadable", error))?;
        *notes.lock().unwrap_or_else(PoisonError::into_inner) = day.notes;
        Ok(day.changes)
    };
    let written = office.bring_up_to_date(delivery, &TABS, bring).await?;
    Ok((written, notes.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// What the day's runs say in their reports.
#[derive(Default)]
struct Told {
    reports: BTreeMap<String, Value>,
    /// The row that the newest run with a plan went by.
    signal: BTreeMap<String, String>,
    cost_per_contract: Decimal,
}

impl Told {
    /// Live runs that came as far as a report of their own; one whose set-up failed has none.
    fn of(runs: Vec<RunRecord>) -> Self {
        let mut told = Self::default();
        let mut newest = None;
        for run in runs.into_iter().filter(|run| run.live && run.report.get("task").is_some()) {
            let field = |name: &str| run.report.get(name).cloned().unwrap_or_default();
            let signal: BTreeMap<String, String> =
                serde_json::from_value(field("signal")).unwrap_or_default();
            let started = field("started").as_str().and_then(|text| text.parse::<Timestamp>().ok());
            if let Ok(cost) = serde_json::from_value(field("cost_per_contract")) {
                told.cost_per_contract = cost;
            }
            if !signal.is_empty() && started >= newest {
                (told.signal, newest) = (signal, started);
            }
            told.reports.insert(run.run_id, run.report);
        }
        told
    }
}
