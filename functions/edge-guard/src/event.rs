//! What the function is asked for.

use gamma_execution::ports::RunKey;
use gamma_lambda::Failure;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A run that has ended: `{"account", "trade_date", "run_id"}`.
    Run(RunKey),
    /// Work everything out of the ledger and write the sheet anew: `{"account", "rebuild": true}`.
    Rebuild,
    /// The same, with the transfers since that day read once more: `{"account", "backfill_from":
    /// "2025-12-01"}`.
    Backfill(Timestamp),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    account: String,
    trade_date: Option<Date>,
    run_id: Option<String>,
    rebuild: Option<bool>,
    backfill_from: Option<Date>,
}

/// Reads an event for `account`.
///
/// # Errors
/// [`Failure`] `MalformedEvent` names the field; `ForeignAccount` when it is another account's.
pub fn parse(payload: &Value, account: &str) -> Result<Event, Failure> {
    let malformed = |words: String| Failure::new("MalformedEvent", format!("event: {words}"));
    let raw: Raw = serde_json::from_value(payload.clone()).map_err(|error| malformed(error.to_string()))?;
    if raw.account != account {
        return Err(Failure::new(
            "ForeignAccount",
            format!(
                "event account: got {:?}, expected {account}: this function guards no other",
                raw.account
            ),
        ));
    }
    match (raw.trade_date, raw.run_id, raw.rebuild, raw.backfill_from) {
        (Some(trade_date), Some(run_id), None, None) => {
            Ok(Event::Run(RunKey { account: raw.account, trade_date, run_id }))
        }
        (None, None, Some(true), None) => Ok(Event::Rebuild),
        (None, None, None, Some(from)) => {
            let midnight = TimeZone::get("America/New_York").and_then(|zone| from.to_zoned(zone));
            Ok(Event::Backfill(
                midnight.map_err(|error| malformed(format!("backfill_from: {error}")))?.timestamp(),
            ))
        }
        _ => Err(malformed(
            "got another set of fields, expected trade_date and run_id, or rebuild: true, or backfill_from"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_kind_of_event_and_no_other() {
        let day = "2025-09-03".parse().unwrap();
        let run = RunKey { account: "schwab".into(), trade_date: day, run_id: "run-1".into() };
        assert_eq!(parse(&serde_json::to_value(&run).unwrap(), "schwab"), Ok(Event::Run(run)));
        assert_eq!(parse(&json!({"account": "schwab", "rebuild": true}), "schwab"), Ok(Event::Rebuild));
        let from = "2025-12-01T05:00:00Z".parse().unwrap();
        assert_eq!(
            parse(&json!({"account": "schwab", "backfill_from": "2025-12-01"}), "schwab"),
            Ok(Event::Backfill(from))
        );
        for (event, words) in [
            (json!({}), "missing field `account`"),
            (json!({"account": "schwab"}), "another set of fields"),
            (json!({"account": "schwab", "rebuild": false}), "another set of fields"),
            (
                json!({"account": "schwab", "rebuild": true, "backfill_from": "2025-12-01"}),
                "another set of fields",
            ),
            (json!({"account": "schwab", "backfill_from": "December"}), "event: "),
            (json!({"account": "schwab", "trade_date": "2025-09-03"}), "another set of fields"),
            (json!({"account": "schwab", "rebild": true}), "unknown field `rebild`"),
            (json!({"account": "tt-ira", "rebuild": true}), "expected schwab"),
        ] {
            let failure = parse(&event, "schwab").unwrap_err();
            assert!(failure.to_string().contains(words), "{event}: {failure}");
        }
    }
}
