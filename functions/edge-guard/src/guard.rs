//! The use cases. Each can be done twice, and be cut off anywhere: what is kept only grows, and everything
//! else is worked out of it.

use gamma_execution::ports::{
    EdgeDecision, EdgeLog, EquitySource, Observation, PutOutcome, RunRecord, Verdict,
};
use gamma_market::calendar::{SessionDay, trade_date};
use gamma_strategy::edge::{EdgeRow, EdgeSettings, chain};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::occasion::told;
use crate::{EdgeError, EdgePorts, Observed};

/// Rows of transactions can lag what they record: so far back they are read again.
const OVERLAP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far before an account's first observation transfers can count.
const BEFORE_THE_FIRST: SignedDuration = SignedDuration::from_hours(24);

/// Takes up what a run tells of its account: equity, the transfers around it, and the decision for the next
/// run.
///
/// A run that ended before it had read the equity is the occasion to ask for it, as long as it is still its
/// trade date. Days without a session have no row.
///
/// # Errors
/// [`EdgeError`]; the same run may be handed in again.
pub async fn observe(
    ports: EdgePorts<'_>,
    run: &RunRecord,
    settings: &EdgeSettings,
    now: Timestamp,
) -> Result<Observed, EdgeError> {
    let account = run.account.as_str();
    let mut notes = Vec::new();
    if let Some(seen) = observation(ports, run, now, &mut notes).await?
        && let PutOutcome::Theirs(why) = ports.ledger.put_observation(account, &seen).await?
    {
        notes.push(format!("observed before: {why}"));
    }
    // Read after the write: of two guards at work at the same time at least one sees both observations, and
    // reads what lies between.
    let log = ports.ledger.edge_log(account).await?;
    if let Some((from, to)) = window(&log, run.date) {
        take_up(ports, account, (from, to), &log, &mut notes).await?;
    }
    decide(ports, account, settings, Some(run.date), notes).await
}

/// Works the rows and the decision out of the ledger alone, for a sheet that was lost and for settings that
/// have changed.
///
/// # Errors
/// [`EdgeError::Ledger`].
pub async fn rebuild(
    ports: EdgePorts<'_>,
    account: &str,
    settings: &EdgeSettings,
) -> Result<Observed, EdgeError> {
    decide(ports, account, settings, None, Vec::new()).await
}

/// Reads the transfers since `from` once more, however old, and works everything out anew.
///
/// # Errors
/// [`EdgeError`]; it may be done again.
pub async fn backfill(
    ports: EdgePorts<'_>,
    account: &str,
    from: Timestamp,
    settings: &EdgeSettings,
    now: Timestamp,
) -> Result<Observed, EdgeError> {
    let mut notes = Vec::new();
    let log = ports.ledger.edge_log(account).await?;
    take_up(ports, account, (from, now), &log, &mut notes).await?;
    decide(ports, account, settings, None, notes).await
}

/// What the run saw, or what the broker says now where it saw nothing and nobody else did.
async fn observation(
    ports: EdgePorts<'_>,
    run: &RunRecord,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<Option<Observation>, EdgeError> {
    if let SessionDay::Closed(reason) = ports.calendar.session_day(run.date) {
        notes.push(format!("{}: {reason}, no row", run.date));
        return Ok(None);
    }
    let of_run = |at, equity, source| Observation {
        date: run.date,
        run_id: run.run_id.clone(),
        live: run.live,
        at,
        counted_until: ports.transfers.counted_until(at),
        equity,
        source,
    };
    if let Some((at, equity)) = told(run)?.filter(|(_, equity)| *equity > Decimal::ZERO) {
        return Ok(Some(of_run(at, equity, EquitySource::Run)));
    }
    let log = ports.ledger.edge_log(&run.account).await?;
    if log.observations.iter().any(|seen| seen.date == run.date) {
        return Ok(None);
    }
    if trade_date(now) != run.date {
        notes.push(format!(
            "{}: the run ended {} before it had read the equity, and nobody can tell it any more",
            run.date, run.outcome
        ));
        return Ok(None);
    }
    match ports.equity.equity().await? {
        Some(equity) if equity > Decimal::ZERO => Ok(Some(of_run(now, equity, EquitySource::Broker))),
        other => {
            let got = other.map_or_else(|| "nothing".to_owned(), |equity| equity.to_string());
            notes.push(format!("{}: equity: got {got}, expected dollars above zero: no row", run.date));
            Ok(None)
        }
    }
}

/// From the observation before `date` to the one after it: what lies between two observations is read by the
/// later of their hand-offs, whichever that is. `None` where the date was not observed.
fn window(log: &EdgeLog, date: Date) -> Option<(Timestamp, Timestamp)> {
    let of = |wanted: Option<Date>| log.observations.iter().filter(move |seen| Some(seen.date) == wanted);
    let dates = || log.observations.iter().map(|seen| seen.date);
    let before = of(dates().filter(|other| *other < date).max()).map(|seen| seen.counted_until).min();
    let after = of(dates().filter(|other| *other > date).min()).map(|seen| seen.at).max();
    let first = of(Some(date)).map(|seen| seen.counted_until).min()?;
    let last = of(Some(date)).map(|seen| seen.at).max()?;
    let from = before.unwrap_or_else(|| earlier(first, BEFORE_THE_FIRST));
    Some((earlier(from, OVERLAP), after.unwrap_or(last)))
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// Keeps the transfers of a time that the log does not hold yet.
async fn take_up(
    ports: EdgePorts<'_>,
    account: &str,
    time: (Timestamp, Timestamp),
    log: &EdgeLog,
    notes: &mut Vec<String>,
) -> Result<(), EdgeError> {
    for transfer in ports.transfers.transfers(time.0, time.1).await? {
        if log.transfers.contains(&transfer) {
            continue;
        }
        if let PutOutcome::Theirs(why) = ports.ledger.put_transfer(account, &transfer).await? {
            notes.push(format!(
                "transfer {}: the broker now says {} at {}; {why}, and stays",
                transfer.id, transfer.amount, transfer.at
            ));
        }
    }
    Ok(())
}

/// The rows of everything the ledger holds, and the decision they make.
async fn decide(
    ports: EdgePorts<'_>,
    account: &str,
    settings: &EdgeSettings,
    asked: Option<Date>,
    mut notes: Vec<String>,
) -> Result<Observed, EdgeError> {
    let log = ports.ledger.edge_log(account).await?;
    let rows = chain(&log.observations, &log.transfers, settings, account);
    let decision = rows.last().map(|row| decision_of(row, log.known()));
    if let Some(decision) = &decision
        && let PutOutcome::Theirs(why) = ports.ledger.put_decision(account, decision).await?
    {
        notes.push(format!("another hand-off decided meanwhile, and knew more: {why}"));
    }
    let row = asked.map_or_else(|| rows.last(), |date| rows.iter().find(|row| row.run_date == date));
    let verdict = row.map_or(Verdict::NoEquity, |row| row.verdict);
    Ok(Observed { rows, verdict, decision, notes })
}

fn decision_of(row: &EdgeRow, known: u64) -> EdgeDecision {
    EdgeDecision {
        run_date: row.run_date,
        verdict: row.verdict,
        pause_until: row.pause_until,
        why: row.why(),
        known,
    }
}
