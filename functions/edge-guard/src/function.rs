//! One run that ended: the account's equity kept, the test's decision left in the ledger, its row in the
//! sheet.

use std::sync::{Arc, Mutex, PoisonError};

use gamma_accounts::assembly::{Assembly, Connected};
use gamma_accounts::brokers::Kept;
use gamma_accounts::deployment::Deployment;
use gamma_edge_guard::event::{self, Event};
use gamma_edge_guard::{EdgeError, EdgePorts, Observed, backfill, observe, rebuild, sheet};
use gamma_execution::notice::{notice_of_failure, notice_of_pause};
use gamma_execution::ports::{Archive, RunKey, Verdict};
use gamma_lambda::{Failure, Function, Invocation};
use gamma_market::calendar::{Calendar, trade_date};
use gamma_post_trade::{Office, PostTradeConfig, Written};
use gamma_sheets::SheetsTokens;
use jiff::Timestamp;
use serde_json::{Value, json};

/// What the environment says, checked, and Google's tokens.
pub(crate) struct EdgeGuard {
    deployment: Deployment,
    post_trade: PostTradeConfig,
    tokens: SheetsTokens,
}

impl Function for EdgeGuard {
    const FAILURES_ALARM: bool = true;

    fn from_env(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        Ok(Self {
            deployment: Deployment::from_env(read)?,
            post_trade: PostTradeConfig::from_env(read)?,
            tokens: SheetsTokens::default(),
        })
    }

    fn clock_url(&self) -> Option<&str> {
        self.post_trade.clock_url.as_deref()
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failure> {
        let Invocation { event, deadline, run_id, clock, .. } = invocation;
        let account = self.deployment.account();
        let asked = event::parse(&event, account)?;
        let assembly = Assembly::new(&self.deployment, Arc::clone(&clock), &run_id, Kept::default()).await;
        let office = Office::open(&self.post_trade, assembly.aws(), clock, deadline, &self.tokens).await?;
        guard(&office, &assembly, &asked, (account, &run_id)).await
    }
}

async fn guard(
    office: &Office,
    assembly: &Assembly<'_>,
    asked: &Event,
    (account, delivery): (&str, &str),
) -> Result<Value, Failure> {
    let now = assembly.clock().now();
    let connected = assembly.account_ports().await?;
    let observed = look(office, &connected, asked, (account, now)).await;
    // Rotated tokens first, then everything that is best effort.
    let saved = connected.tokens.flush().await;
    if saved.alarm {
        tracing::error!(alarm = true, "tokens: {}", saved.notes.join("; "));
    }
    let observed = observed?;
    for note in &observed.notes {
        tracing::warn!("{note}");
    }
    tell(office, asked, &observed).await?;
    let doubled = Mutex::new(Vec::new());
    let bring = async |workbook: &_| {
        let upsert = sheet::changes(workbook, &observed)
            .map_err(|error| Failure::new("SpreadsheetUnreadable", error))?;
        *doubled.lock().unwrap_or_else(PoisonError::into_inner) =
            upsert.doubled.iter().map(ToString::to_string).collect::<Vec<_>>();
        Ok(upsert.changes)
    };
    let written = office.bring_up_to_date(delivery, &[sheet::TAB], bring).await;
    if let Err(failure) = &written {
        office.tell(&notice_of_failure("edge-guard", &failure.to_string(), account, trade_date(now))).await;
    }
    let changes = match written? {
        Written::Changes(changes) => json!(changes),
        Written::NoSpreadsheet => json!("no spreadsheet is configured"),
    };
    let doubled = doubled.into_inner().unwrap_or_else(PoisonError::into_inner);
    let day =
        RunKey { account: account.to_owned(), trade_date: trade_date(now), run_id: delivery.to_owned() };
    office
        .tell_of_doubled_rows("edge-guard", &doubled, &day)
        .await
        .map_err(|error| Failure::new("LedgerUnavailable", error))?;
    let decision = observed.decision.as_ref();
    tracing::info!(account, verdict = observed.verdict.name(), %changes, "guarded");
    Ok(json!({
        "account": account,
        "verdict": observed.verdict.name(),
        "why": decision.map(|decision| decision.why.clone()),
        "pause_until": decision.and_then(|decision| decision.pause_until),
        "rows": observed.rows.len(),
        "changes": changes,
        "notes": observed.notes.iter().chain(&doubled).collect::<Vec<_>>(),
        "http_requests": office.requests_sent(),
    }))
}

async fn look(
    office: &Office,
    connected: &Connected,
    asked: &Event,
    (account, now): (&str, Timestamp),
) -> Result<Observed, Failure> {
    // A text that does not read is the trading function's to tell; a row too many changes nothing here.
    let calendar = connected.calendar.as_ref().unwrap_or_else(|_| Calendar::built_in());
    let ports = EdgePorts {
        ledger: &connected.ledger,
        transfers: connected.broker.as_ref(),
        equity: connected.broker.as_ref(),
        calendar,
    };
    let failed = |error: EdgeError| match error {
        EdgeError::Ledger(_) => Failure::new("LedgerUnavailable", error),
        EdgeError::Broker(_) => Failure::new("BrokerUnavailable", error),
        EdgeError::Record { .. } => Failure::new("RunUnreadable", error),
    };
    match asked {
        Event::Run(key) => {
            let run =
                office.ledger.run(key).await.map_err(|error| Failure::new("LedgerUnavailable", error))?;
            let run = run.ok_or_else(|| {
                Failure::new(
                    "NoSuchRun",
                    format!(
                        "run {}: no such run is recorded for {account} on {}",
                        key.run_id, key.trade_date
                    ),
                )
            })?;
            observe(ports, &run, &connected.edge, now).await
        }
        Event::Rebuild => rebuild(ports, account, &connected.edge).await,
        Event::Backfill(from) => backfill(ports, account, *from, &connected.edge, now).await,
    }
    .map_err(failed)
}

/// Tells a person of a pause that this run's day began; once for each day.
async fn tell(office: &Office, asked: &Event, observed: &Observed) -> Result<(), Failure> {
    let Event::Run(key) = asked else { return Ok(()) };
    if observed.verdict != Verdict::PauseEdge {
        return Ok(());
    }
    let pause = RunKey { run_id: "edge pause".to_owned(), ..key.clone() };
    let unreadable = |error| Failure::new("LedgerUnavailable", error);
    if office.ledger.was_told(&pause).await.map_err(unreadable)? {
        return Ok(());
    }
    let why = observed.decision.as_ref().map_or_else(String::new, |decision| decision.why.clone());
    let until = observed.decision.as_ref().and_then(|decision| decision.pause_until);
    if office.tell(&notice_of_pause(&why, until, &key.account, key.trade_date)).await {
        // Marked afterwards: said twice is better than not said.
        office.ledger.set_told(&pause).await.map_err(unreadable)?;
    }
    Ok(())
}
