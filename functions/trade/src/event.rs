//! The event of an invocation. Refused by default: what is not understood places nothing and says why.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::profiles;

/// What an invocation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// `{"account":"schwab", …}`
    Trade(TradeEvent),
    /// `{"account":"warmup"}`: refresh the token, check calendar, arming and halt; place nothing.
    Warmup,
}

/// A delivery for this function's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TradeEvent {
    /// Everything but sending.
    pub(crate) dry_run: bool,
    /// The scheduler's time, `<aws.scheduler.scheduled-time>`.
    pub(crate) scheduled: Option<Timestamp>,
}

/// The fields an event may have.
const FIELDS: [&str; 4] = ["account", "dry_run", "scheduled_time", "execution_id"];

pub(crate) fn parse(payload: &Value, own_account: &str) -> Result<Event, Failure> {
    let fields = match payload {
        Value::Null => return Err(empty()),
        Value::Object(fields) if fields.is_empty() => return Err(empty()),
        Value::Object(fields) => fields,
        other => return Err(malformed("event", other, "a JSON object such as {\"account\":\"schwab\"}")),
    };
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(Failure::new("MalformedEvent", format!("event: unknown field {name:?}, expected only {}", FIELDS.join(", "))));
    }
    let account = match fields.get("account") {
        Some(Value::String(account)) => account.as_str(),
        None => return Err(Failure::new("MalformedEvent", "event account: missing, expected this function's account or \"warmup\"")),
        Some(other) => return Err(malformed("event account", other, "a text")),
    };
    let dry_run = flag(fields, "dry_run")?;
    let scheduled = time(fields, "scheduled_time")?;
    if account == "warmup" {
        return Ok(Event::Warmup);
    }
    if account != own_account {
        let known = profiles::names();
        let (error_type, why) =
            if known.iter().any(|name| name == account) { ("ForeignAccount", "is another function's") } else { ("UnknownAccount", "is not known") };
        return Err(Failure::new(error_type, format!("event account: got {account:?}, which {why}; this function trades {own_account:?} only")));
    }
    Ok(Event::Trade(TradeEvent { dry_run, scheduled }))
}

fn empty() -> Failure {
    Failure::new("EmptyEvent", "event: empty, expected a JSON object such as {\"account\":\"schwab\"}; nothing was done")
}

fn flag(fields: &Map<String, Value>, name: &'static str) -> Result<bool, Failure> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(malformed(&format!("event {name}"), other, "true or false")),
    }
}

fn time(fields: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Failure> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => match text.parse() {
            Ok(at) => Ok(Some(at)),
            Err(_) => Err(malformed(&format!("event {name}"), &Value::String(text.clone()), "a time such as 2025-09-03T20:13:00Z")),
        },
        Some(other) => Err(malformed(&format!("event {name}"), other, "a text such as 2025-09-03T20:13:00Z")),
    }
}

fn malformed(field: &str, got: &Value, expected: &str) -> Failure {
    let shown: String = got.to_string().chars().take(60).collect();
    Failure::new("MalformedEvent", format!("{field}: got {shown}, expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_understood() {
        let scheduled = Some("2025-09-03T20:13:00Z".parse().unwrap());
        for (payload, event) in [
            (json!({"account": "schwab"}), Event::Trade(TradeEvent { dry_run: false, scheduled: None })),
            (
                json!({"account": "schwab", "scheduled_time": "2025-09-03T20:13:00Z", "execution_id": "x"}),
                Event::Trade(TradeEvent { dry_run: false, scheduled }),
            ),
            (json!({"account": "schwab", "dry_run": true}), Event::Trade(TradeEvent { dry_run: true, scheduled: None })),
            (json!({"account": "warmup"}), Event::Warmup),
        ] {
            assert_eq!(parse(&payload, "schwab"), Ok(event), "{payload}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_stable_type_and_names_the_field() {
        for (payload, error_type, words) in [
            (Value::Null, "EmptyEvent", "event: empty"),
            (json!({}), "EmptyEvent", "event: empty"),
            (json!([1]), "MalformedEvent", "event: got [1]"),
            (json!("schwab"), "MalformedEvent", "event: got \"schwab\""),
            (json!({"dry_run": true}), "MalformedEvent", "event account: missing"),
            (json!({"account": 7}), "MalformedEvent", "event account: got 7"),
            (json!({"account": "schwab", "dryrun": true}), "MalformedEvent", "unknown field \"dryrun\""),
            (json!({"account": "schwab", "dry_run": "true"}), "MalformedEvent", "event dry_run: got \"true\", expected true or false"),
            (json!({"account": "schwab", "scheduled_time": "16:13"}), "MalformedEvent", "event scheduled_time: got \"16:13\""),
            (json!({"account": "schwab", "scheduled_time": 5}), "MalformedEvent", "event scheduled_time: got 5"),
            (json!({"account": "bogus"}), "UnknownAccount", "got \"bogus\""),
        ] {
            let failure = parse(&payload, "schwab").unwrap_err();
            assert_eq!(failure.error_type, error_type, "{payload}");
            assert!(failure.to_string().contains(words), "{failure}");
        }
        assert_eq!(parse(&json!({"account": "schwab"}), "tt-ira").unwrap_err().error_type, "ForeignAccount");
    }
}
