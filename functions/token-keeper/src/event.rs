//! The event of an invocation.

use gamma_lambda::Failure;
use gamma_lambda::failure::short;
use jiff::Timestamp;
use serde_json::{Map, Value};

const FIELDS: [&str; 3] = ["refresh", "scheduled_time", "execution_id"];
const EXPECTED: &str = "{\"refresh\": {}}";

/// Takes `{"refresh": {}}`, with what the scheduler adds, and nothing else. A late or repeated delivery does
/// no harm.
///
/// # Errors
/// [`Failure`] `EmptyEvent` or `MalformedEvent` names the field.
pub fn check(payload: &Value) -> Result<(), Failure> {
    let empty = || Failure::new("EmptyEvent", format!("event: empty, expected {EXPECTED}"));
    let fields: &Map<String, Value> = match payload {
        Value::Null => return Err(empty()),
        Value::Object(fields) if fields.is_empty() => return Err(empty()),
        Value::Object(fields) => fields,
        other => return Err(Failure::malformed("event", other, EXPECTED)),
    };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(Failure::new(
            "MalformedEvent",
            format!("event: unknown field {:?}, expected {}", short(unknown), FIELDS.join(", ")),
        ));
    }
    match fields.get("refresh") {
        Some(Value::Object(refresh)) if refresh.is_empty() => {}
        other => {
            return Err(Failure::malformed(
                "event refresh",
                other.unwrap_or(&Value::Null),
                "an empty object",
            ));
        }
    }
    match fields.get("scheduled_time") {
        None => {}
        Some(Value::String(text)) if text.parse::<Timestamp>().is_ok() => {}
        Some(other) => {
            return Err(Failure::malformed(
                "event scheduled_time",
                other,
                "a time such as 2025-09-03T12:00:00Z",
            ));
        }
    }
    match fields.get("execution_id") {
        None | Some(Value::String(_)) => Ok(()),
        Some(other) => Err(Failure::malformed("event execution_id", other, "a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_event_and_no_other() {
        for event in [
            json!({"refresh": {}}),
            json!({"refresh": {}, "scheduled_time": "2025-09-03T12:00:00Z", "execution_id": "x"}),
        ] {
            assert_eq!(check(&event), Ok(()), "{event}");
        }
        for (event, error_type, words) in [
            (Value::Null, "EmptyEvent", "event: empty"),
            (json!({}), "EmptyEvent", "event: empty"),
            (json!([]), "MalformedEvent", "event: got []"),
            (json!({"scheduled_time": "2025-09-03T12:00:00Z"}), "MalformedEvent", "event refresh: got null"),
            (json!({"refresh": true}), "MalformedEvent", "event refresh: got true, expected an empty object"),
            (json!({"refresh": {"schwab": true}}), "MalformedEvent", "event refresh: got {\"schwab\":true}"),
            (json!({"refresh": {}, "account": "schwab"}), "MalformedEvent", "unknown field \"account\""),
            (
                json!({"refresh": {}, "scheduled_time": "noon"}),
                "MalformedEvent",
                "event scheduled_time: got \"noon\"",
            ),
            (json!({"refresh": {}, "execution_id": 7}), "MalformedEvent", "event execution_id: got 7"),
        ] {
            let failure = check(&event).unwrap_err();
            assert_eq!(failure.error_type, error_type, "{event}");
            assert!(failure.to_string().contains(words), "{failure}");
        }
    }
}
