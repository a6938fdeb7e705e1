mod interleavings;

use gamma_execution::ports::{EquitySource, RunRecord, Transfer, Verdict};
use gamma_market::calendar::Calendar;
use gamma_strategy::edge::EdgeSettings;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;
use serde_json::json;

use crate::memory::{MemoryBroker, MemoryEdge};
use crate::{EdgePorts, Observed, backfill, observe, rebuild};

/// A Tuesday.
const DAY: Date = date(2025, 9, 2);

/// 16:13 New York on `date`.
fn at(date: Date) -> Timestamp {
    gamma_market::calendar::at_eastern(date, jiff::civil::time(16, 13, 0, 0))
}

fn run(account: &str, date: Date, run_id: &str, equity: Option<&str>) -> RunRecord {
    let plan = equity.map(|equity| json!({"equity": equity}));
    let report = json!({"plan": plan, "started": at(date).to_string()});
    let outcome = if equity.is_some() { "filled" } else { "edge_paused" };
    RunRecord {
        run_id: run_id.to_owned(),
        account: account.to_owned(),
        date,
        outcome: outcome.to_owned(),
        live: true,
        report,
        hand_off: Vec::new(),
    }
}

fn moved(id: &str, at: Timestamp, amount: i64) -> Transfer {
    Transfer { id: id.to_owned(), at, amount: amount.into() }
}

/// Returns of this size end the test within days.
fn settings() -> EdgeSettings {
    EdgeSettings {
        mu1: Some(Decimal::new(35, 5)),
        sigma: Some(Decimal::new(4, 3)),
        min_samples: 3,
        ..EdgeSettings::default()
    }
}

fn ports<'a>(ledger: &'a MemoryEdge, broker: &'a MemoryBroker) -> EdgePorts<'a> {
    EdgePorts { ledger, transfers: broker, equity: broker, calendar: Calendar::built_in() }
}

/// Columns equity, source, net transfers, pnl and decision of every row.
fn shown(observed: &Observed) -> Vec<String> {
    let wanted = ["run_date", "equity", "equity_src", "transfer_net", "pnl", "decision"];
    let header = Observed::header();
    let places = wanted.map(|column| header.iter().position(|name| name == column).unwrap());
    observed.cells().iter().map(|row| places.map(|place| row[place].as_str()).join(" ")).collect()
}

#[tokio::test]
async fn a_run_tells_its_equity_and_the_guard_leaves_a_decision() {
    let (ledger, mut broker) = (MemoryEdge::default(), MemoryBroker::default());
    broker.transfers = vec![moved("1", at(DAY) + 2.hours(), 1000)];
    let tomorrow = DAY + 1.day();
    let first =
        observe(ports(&ledger, &broker), &run("schwab", DAY, "a", Some("20000")), &settings(), at(DAY))
            .await
            .unwrap();
    assert_eq!((first.verdict, first.rows[0].source), (Verdict::MonitorOnly, EquitySource::Run));
    let second = observe(
        ports(&ledger, &broker),
        &run("schwab", tomorrow, "b", Some("20500")),
        &settings(),
        at(tomorrow),
    )
    .await
    .unwrap();
    assert_eq!(
        shown(&second),
        ["2025-09-02 20000.00 run 0.00  MONITOR_ONLY", "2025-09-03 20500.00 run 1000.00 -500.00 OK"]
    );
    let decision = ledger.decision("schwab").unwrap();
    assert_eq!(
        (decision.run_date, decision.verdict, decision.pauses(tomorrow)),
        (tomorrow, Verdict::Ok, None)
    );
    assert_eq!(Some(decision), second.decision);
    // Nothing changes by handing in twice, and a lost sheet is made anew without the broker.
    let again =
        observe(ports(&ledger, &broker), &run("schwab", DAY, "a", Some("20000")), &settings(), at(tomorrow))
            .await
            .unwrap();
    assert_eq!((again.rows, again.verdict), (second.rows.clone(), Verdict::MonitorOnly));
    *broker.fails.lock().unwrap() = u32::MAX;
    assert_eq!(rebuild(ports(&ledger, &broker), "schwab", &settings()).await.unwrap().rows, second.rows);
}

#[tokio::test]
async fn losses_pause_an_account_and_the_guard_reads_equity_meanwhile() {
    let (ledger, mut broker) = (MemoryEdge::default(), MemoryBroker::default());
    for (days, equity) in [(0, "20000"), (1, "18800"), (2, "17600"), (3, "16400")] {
        let date = DAY + days.days();
        observe(ports(&ledger, &broker), &run("schwab", date, "a", Some(equity)), &settings(), at(date))
            .await
            .unwrap();
    }
    let decision = ledger.decision("schwab").unwrap();
    let friday = DAY + 3.days();
    assert_eq!(
        (decision.verdict, decision.run_date, decision.pause_until),
        (Verdict::PauseEdge, friday, Some(friday + 5.days()))
    );
    let monday = date(2025, 9, 8);
    broker.equity = Some(16_300.into());
    let held_back = run("schwab", monday, "b", None);
    let paused = observe(ports(&ledger, &broker), &held_back, &settings(), at(monday)).await.unwrap();
    assert_eq!(shown(&paused)[4], "2025-09-08 16300.00 broker 0.00 -100.00 PAUSED");
    assert_eq!(ledger.decision("schwab").unwrap().pauses(monday), Some(date(2025, 9, 10)));
    // It is asked once a day, and never for a day that is over.
    broker.equity = Some(1.into());
    let sweep =
        observe(ports(&ledger, &broker), &run("schwab", monday, "sweep", None), &settings(), at(monday))
            .await
            .unwrap();
    assert_eq!(sweep.rows, paused.rows);
    let tuesday = date(2025, 9, 9);
    let late = observe(
        ports(&ledger, &broker),
        &run("schwab", tuesday, "c", None),
        &settings(),
        at(date(2025, 9, 10)),
    )
    .await
    .unwrap();
    assert_eq!((late.rows, late.verdict), (paused.rows, Verdict::NoEquity));
    assert!(
        late.notes[0].contains("2025-09-09: the run ended edge_paused before it had read the equity"),
        "{:?}",
        late.notes
    );
}

#[tokio::test]
async fn no_equity_or_session_no_row_and_unreadable_records_are_named() {
    let (ledger, mut broker) = (MemoryEdge::default(), MemoryBroker::default());
    for equity in [None, Some(Decimal::ZERO), Some(Decimal::from(-5))] {
        broker.equity = equity;
        let observed = observe(ports(&ledger, &broker), &run("schwab", DAY, "a", None), &settings(), at(DAY))
            .await
            .unwrap();
        assert_eq!(
            (observed.verdict, observed.rows.len(), observed.decision),
            (Verdict::NoEquity, 0, None),
            "{equity:?}"
        );
        assert!(observed.notes[0].contains("expected dollars above zero"), "{:?}", observed.notes);
    }
    broker.equity = Some(20_000.into());
    let saturday = DAY + 4.days();
    let observed =
        observe(ports(&ledger, &broker), &run("schwab", saturday, "a", None), &settings(), at(saturday))
            .await
            .unwrap();
    assert_eq!((observed.rows.len(), ledger.decision("schwab")), (0, None));
    for (report, words) in [
        (
            json!({"plan": {"equity": 20000.5}, "started": at(DAY).to_string()}),
            "run a: plan.equity: got 20000.5, expected dollars as text",
        ),
        (json!({"plan": {"equity": "20000"}}), "run a: started: got nothing, expected an RFC 3339 time"),
    ] {
        let broken = RunRecord { report, ..run("schwab", DAY, "a", None) };
        let error = observe(ports(&ledger, &broker), &broken, &settings(), at(DAY)).await.unwrap_err();
        assert_eq!(error.to_string(), words);
    }
}

#[tokio::test]
async fn late_transfers_are_found_by_the_next_run_or_a_backfill() {
    let (ledger, mut broker) = (MemoryEdge::default(), MemoryBroker::default());
    let days = [DAY, DAY + 1.day(), DAY + 2.days()];
    for date in &days[..2] {
        observe(ports(&ledger, &broker), &run("schwab", *date, "a", Some("20000")), &settings(), at(*date))
            .await
            .unwrap();
    }
    // Booked yesterday, shown today.
    broker.transfers = vec![moved("1", at(days[1]) - 1.hour(), 300)];
    let observed = observe(
        ports(&ledger, &broker),
        &run("schwab", days[2], "a", Some("20000")),
        &settings(),
        at(days[2]),
    )
    .await
    .unwrap();
    assert_eq!(
        observed.rows.iter().map(|row| row.transfer_net.to_string()).collect::<Vec<_>>(),
        ["0", "300", "0"]
    );
    let later = date(2025, 10, 1);
    observe(ports(&ledger, &broker), &run("schwab", later, "a", Some("20000")), &settings(), at(later))
        .await
        .unwrap();
    broker.transfers.push(moved("2", at(days[2]) - 1.hour(), -50));
    let next = observe(
        ports(&ledger, &broker),
        &run("schwab", later + 1.day(), "a", Some("20000")),
        &settings(),
        at(later + 1.day()),
    )
    .await
    .unwrap();
    assert_eq!(next.rows[2].transfer_net, Decimal::ZERO, "too old to be looked for every day");
    let filled =
        backfill(ports(&ledger, &broker), "schwab", at(DAY), &settings(), at(later + 1.day())).await.unwrap();
    assert_eq!(filled.rows[2].transfer_net, Decimal::from(-50));
    assert_eq!(filled.rows[4].transfer_cum, Decimal::from(250));
    // What the broker says otherwise afterwards does not rewrite what is kept, and is told.
    broker.transfers[0].amount = 301.into();
    let told =
        backfill(ports(&ledger, &broker), "schwab", at(DAY), &settings(), at(later + 1.day())).await.unwrap();
    assert_eq!((told.rows, told.notes.len()), (filled.rows, 1));
}
