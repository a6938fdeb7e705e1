//! The event of an invocation. Refused by default: what is not understood places nothing and says why.

use gamma_accounts::profiles;
use gamma_execution::run::{Resolve, Task};
use gamma_lambda::Failure;
use gamma_lambda::failure::short;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

/// What an invocation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A run for this function's account: `{"account":"schwab", …}` trades,
    /// `{"account":"schwab","sweep":true}` proves and records after the close,
    /// `{"account":"schwab","resolve":{…}}` records an operator's decision.
    Run(Task),
    /// `{"account":"warmup"}`: refresh the token, check calendar, arming and halt; place nothing.
    Warmup,
}

impl Event {
    /// What it asks for, in a word, as reports name it.
    #[must_use]
    pub const fn task(&self) -> &'static str {
        match self {
            Self::Run(Task::Trade { .. }) => "trade",
            Self::Run(Task::Sweep { .. }) => "sweep",
            Self::Run(Task::Resolve(_)) => "resolve",
            Self::Warmup => "warm-up",
        }
    }
}

/// The fields an event may have, and those of its `resolve`.
const FIELDS: [&str; 7] =
    ["account", "dry_run", "scheduled_time", "execution_id", "sweep", "date", "resolve"];
const RESOLVE_FIELDS: [&str; 5] = ["date", "side", "filled", "by", "why"];

/// The most characters of an operator's words: they stand in the ledger beside everything else of the day.
const LONGEST_WORDS: usize = 1000;

/// Reads an event of the function that trades `own_account`.
///
/// # Errors
/// [`Failure`] names the field, what came and what was expected.
pub fn parse(payload: &Value, own_account: &str) -> Result<Event, Failure> {
    let fields = match payload {
        Value::Null => return Err(empty()),
        Value::Object(fields) if fields.is_empty() => return Err(empty()),
        Value::Object(fields) => fields,
        other => {
            return Err(Failure::malformed("event", other, "a JSON object such as {\"account\":\"schwab\"}"));
        }
    };
    only(fields, "event", &FIELDS)?;
    let account = match fields.get("account") {
        Some(Value::String(account)) => account.as_str(),
        None => {
            return Err(Failure::new(
                "MalformedEvent",
                "event account: missing, expected this function's account or \"warmup\"",
            ));
        }
        Some(other) => return Err(Failure::malformed("event account", other, "a text")),
    };
    let dry_run = flag(fields, "dry_run")?;
    let scheduled = time(fields, "scheduled_time")?;
    if account == "warmup" {
        return match ["sweep", "date", "resolve"].into_iter().find(|name| fields.contains_key(*name)) {
            Some(field) => Err(Failure::new(
                "MalformedEvent",
                format!("event {field}: got it together with account warmup, expected an account's own name"),
            )),
            None => Ok(Event::Warmup),
        };
    }
    if account != own_account {
        let known = profiles::names();
        let (error_type, why) = if known.iter().any(|name| name == account) {
            ("ForeignAccount", "is another function's")
        } else {
            ("UnknownAccount", "is not known")
        };
        return Err(Failure::new(
            error_type,
            format!(
                "event account: got {:?}, which {why}; this function trades {own_account:?} only",
                short(account)
            ),
        ));
    }
    task(fields, dry_run, scheduled).map(Event::Run)
}

/// A trade, a sweep or a decision, and never two of them.
fn task(fields: &Map<String, Value>, dry_run: bool, scheduled: Option<Timestamp>) -> Result<Task, Failure> {
    let sweep = flag(fields, "sweep")?;
    let resolve = fields.get("resolve");
    let not_with = |field: &str, other: &str| {
        Err(Failure::new(
            "MalformedEvent",
            format!("event {field}: got it together with {other}, expected only one of them"),
        ))
    };
    if dry_run && sweep {
        return not_with("dry_run", "sweep");
    }
    if let Some(resolve) = resolve {
        let beside = [("dry_run", dry_run), ("sweep", sweep), ("date", fields.contains_key("date"))];
        return match beside.into_iter().find(|(_, there)| *there) {
            Some((other, _)) => not_with("resolve", other),
            None => resolution(resolve).map(Task::Resolve),
        };
    }
    let date = fields.get("date").map(|value| date("event date", value)).transpose()?;
    match (sweep, date) {
        (true, date) => Ok(Task::Sweep { date }),
        (false, None) => Ok(Task::Trade { dry_run, scheduled }),
        (false, Some(_)) => Err(Failure::new(
            "MalformedEvent",
            "event date: got one without \"sweep\": true, expected none; a trade is always of today",
        )),
    }
}

fn resolution(value: &Value) -> Result<Resolve, Failure> {
    let Value::Object(fields) = value else {
        return Err(Failure::malformed(
            "event resolve",
            value,
            "an object with date, side, filled, by and why",
        ));
    };
    only(fields, "event resolve", &RESOLVE_FIELDS)?;
    let field = |name: &str| fields.get(name).unwrap_or(&Value::Null);
    let words = |name: &str, expected: &str| match field(name) {
        Value::String(text) if !text.trim().is_empty() && text.chars().count() <= LONGEST_WORDS => {
            Ok(text.clone())
        }
        other => Err(Failure::malformed(&format!("event resolve {name}"), other, expected)),
    };
    let side = serde_json::from_value(field("side").clone())
        .map_err(|_| Failure::malformed("event resolve side", field("side"), "\"put\" or \"call\""))?;
    let filled = field("filled").as_u64().and_then(|filled| u32::try_from(filled).ok());
    let expected = "the packages of this side filled that day, 0 or more";
    Ok(Resolve {
        date: date("event resolve date", field("date"))?,
        side,
        filled: filled
            .ok_or_else(|| Failure::malformed("event resolve filled", field("filled"), expected))?,
        by: words("by", "who decided, up to 1000 characters")?,
        why: words("why", "why: what was looked at, up to 1000 characters")?,
    })
}

fn only(fields: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), Failure> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Failure::new(
            "MalformedEvent",
            format!("{place}: unknown field {:?}, expected only {}", short(name), known.join(", ")),
        )),
        None => Ok(()),
    }
}

fn date(field: &str, value: &Value) -> Result<Date, Failure> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Failure::malformed(field, value, "a date such as 2025-09-03"))
}

fn empty() -> Failure {
    Failure::new(
        "EmptyEvent",
        "event: empty, expected a JSON object such as {\"account\":\"schwab\"}; nothing was done",
    )
}

fn flag(fields: &Map<String, Value>, name: &'static str) -> Result<bool, Failure> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(Failure::malformed(&format!("event {name}"), other, "true or false")),
    }
}

fn time(fields: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Failure> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => match text.parse() {
            Ok(at) => Ok(Some(at)),
            Err(_) => Err(Failure::malformed(
                &format!("event {name}"),
                &Value::String(text.clone()),
                "a time such as 2025-09-03T20:13:00Z",
            )),
        },
        Some(other) => {
            Err(Failure::malformed(&format!("event {name}"), other, "a text such as 2025-09-03T20:13:00Z"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trade(dry_run: bool, scheduled: Option<Timestamp>) -> Event {
        Event::Run(Task::Trade { dry_run, scheduled })
    }

    fn decision() -> Value {
        json!({"date": "2025-09-03", "side": "put", "filled": 0, "by": "operator", "why": "no order in the broker's history"})
    }

    fn decision_with(field: &str, value: Value) -> Value {
        let mut decision = decision();
        decision[field] = value;
        json!({"account": "schwab", "resolve": decision})
    }

    #[test]
    fn what_is_understood() {
        let (by, why) = ("operator".to_owned(), "no order in the broker's history".to_owned());
        let resolve = Resolve {
            date: jiff::civil::date(2025, 9, 3),
            side: gamma_market::Right::Put,
            filled: 0,
            by,
            why,
        };
        let scheduled = Some("2025-09-03T20:13:00Z".parse().unwrap());
        for (payload, event) in [
            (json!({"account": "schwab"}), trade(false, None)),
            (
                json!({"account": "schwab", "scheduled_time": "2025-09-03T20:13:00Z", "execution_id": "x"}),
                trade(false, scheduled),
            ),
            (json!({"account": "schwab", "dry_run": true}), trade(true, None)),
            (json!({"account": "schwab", "sweep": false}), trade(false, None)),
            (
                json!({"account": "schwab", "sweep": true, "scheduled_time": "2025-09-03T20:16:00Z"}),
                Event::Run(Task::Sweep { date: None }),
            ),
            (
                json!({"account": "schwab", "sweep": true, "date": "2025-09-02"}),
                Event::Run(Task::Sweep { date: Some(jiff::civil::date(2025, 9, 2)) }),
            ),
            (json!({"account": "schwab", "resolve": decision()}), Event::Run(Task::Resolve(resolve))),
            (json!({"account": "warmup"}), Event::Warmup),
        ] {
            assert_eq!(parse(&payload, "schwab"), Ok(event), "{payload}");
        }
    }

    #[test]
    fn other_events_are_refused_with_stable_type_and_field() {
        for (payload, error_type, words) in [
            (Value::Null, "EmptyEvent", "event: empty"),
            (json!({}), "EmptyEvent", "event: empty"),
            (json!([1]), "MalformedEvent", "event: got [1]"),
            (json!("schwab"), "MalformedEvent", "event: got \"schwab\""),
            (json!({"dry_run": true}), "MalformedEvent", "event account: missing"),
            (json!({"account": 7}), "MalformedEvent", "event account: got 7"),
            (json!({"account": "schwab", "dryrun": true}), "MalformedEvent", "unknown field \"dryrun\""),
            (
                json!({"account": "schwab", "dry_run": "true"}),
                "MalformedEvent",
                "event dry_run: got \"true\", expected true or false",
            ),
            (
                json!({"account": "schwab", "scheduled_time": "16:13"}),
                "MalformedEvent",
                "event scheduled_time: got \"16:13\"",
            ),
            (
                json!({"account": "schwab", "scheduled_time": 5}),
                "MalformedEvent",
                "event scheduled_time: got 5",
            ),
            (json!({"account": "bogus"}), "UnknownAccount", "got \"bogus\""),
            (
                json!({"account": "warmup", "sweep": true}),
                "MalformedEvent",
                "event sweep: got it together with account warmup",
            ),
            (json!({"account": "schwab", "sweep": "yes"}), "MalformedEvent", "event sweep: got \"yes\""),
            (
                json!({"account": "schwab", "sweep": true, "dry_run": true}),
                "MalformedEvent",
                "event dry_run: got it together with sweep",
            ),
            (
                json!({"account": "schwab", "sweep": true, "resolve": decision()}),
                "MalformedEvent",
                "event resolve: got it together with sweep",
            ),
            (
                json!({"account": "schwab", "date": "2025-09-02"}),
                "MalformedEvent",
                "event date: got one without",
            ),
            (
                json!({"account": "schwab", "sweep": true, "date": "yesterday"}),
                "MalformedEvent",
                "event date: got \"yesterday\"",
            ),
            (json!({"account": "schwab", "resolve": true}), "MalformedEvent", "event resolve: got true"),
            (decision_with("extra", json!(1)), "MalformedEvent", "event resolve: unknown field \"extra\""),
            (decision_with("date", json!("3 Sep")), "MalformedEvent", "event resolve date: got \"3 Sep\""),
            (decision_with("side", json!("left")), "MalformedEvent", "event resolve side: got \"left\""),
            (decision_with("filled", json!(-1)), "MalformedEvent", "event resolve filled: got -1"),
            (decision_with("by", json!(" ")), "MalformedEvent", "event resolve by: got \" \""),
            (
                decision_with("why", json!("w".repeat(1001))),
                "MalformedEvent",
                "w, expected why: what was looked at, up to 1000 characters",
            ),
            (decision_with("why", Value::Null), "MalformedEvent", "event resolve why: got null"),
        ] {
            let failure = parse(&payload, "schwab").unwrap_err();
            assert_eq!(failure.error_type, error_type, "{payload}");
            assert!(failure.to_string().contains(words), "{failure}");
        }
        assert_eq!(parse(&json!({"account": "schwab"}), "tt-ira").unwrap_err().error_type, "ForeignAccount");
    }
}
