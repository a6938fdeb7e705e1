//! Every day from 2010 to 2035 compared with an independent calendar, in both directions.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gamma_market::calendar::{equity_close, equity_open};
use jiff::Timestamp;
use jiff::civil::{Date, date};

/// Open and close of each session.
type Sessions = BTreeMap<Date, (Timestamp, Timestamp)>;

fn exchange_calendars() -> Sessions {
    let python = std::env::var("GAMMA_PYTHON")
        .expect("GAMMA_PYTHON must name a Python interpreter that has the package exchange_calendars");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/xnys-sessions");
    let output = Command::new(&python)
        .arg(&script)
        .output()
        .unwrap_or_else(|error| panic!("GAMMA_PYTHON={python} does not start: {error}"));
    assert!(output.status.success(), "xnys-sessions failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("xnys-sessions prints UTF-8");
    text.lines()
        .map(|line| {
            read(line).unwrap_or_else(|| panic!("xnys-sessions: got {line:?}, expected date,open,close"))
        })
        .collect()
}

fn read(line: &str) -> Option<(Date, (Timestamp, Timestamp))> {
    let mut fields = line.split(',').map(str::trim);
    let (day, open, close) = (fields.next()?, fields.next()?, fields.next()?);
    Some((day.parse().ok()?, (open.parse().ok()?, close.parse().ok()?)))
}

#[test]
#[ignore = "needs exchange_calendars; scripts/test runs it"]
fn the_calendar_agrees_with_exchange_calendars_on_every_day() {
    let theirs = exchange_calendars();
    let last = date(2035, 12, 31);
    assert!(theirs.len() > 6_000, "only {} sessions came", theirs.len());
    assert!(
        theirs.keys().all(|day| (date(2010, 1, 1)..=last).contains(day)),
        "a session outside the years compared"
    );
    let mut day = date(2010, 1, 1);
    let mut differences = Vec::new();
    while day <= last {
        let ours = equity_open(day).zip(equity_close(day));
        if ours.as_ref() != theirs.get(&day) {
            differences.push(format!("{day}: ours {ours:?}, theirs {:?}", theirs.get(&day)));
        }
        day = day.tomorrow().expect("2035 is not the end of time");
    }
    assert!(differences.is_empty(), "{} days differ:\n{}", differences.len(), differences.join("\n"));
}
