//! The event of an invocation: one verb and what belongs to it. Refused by default: what is not understood
//! changes nothing and says why.

use gamma_execution::ports::ControlScope;
use gamma_lambda::Failure;
use gamma_lambda::failure::short;
use gamma_operator::Switch;
use jiff::civil::Date;
use serde_json::{Map, Value};

/// What an invocation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `{"status":{}}`, `{"status":{"account":"schwab"}}`
    Status(ControlScope),
    /// `{"arm":{"account":"schwab","by":"…","why":"…"}}`, the first time with `"confirm":"schwab"`
    Arm {
        /// The account.
        account: String,
        /// Its name once more.
        confirm: Option<String>,
        /// Who and why.
        words: Words,
    },
    /// `{"disarm":{"account":"schwab","by":"…","why":"…"}}`
    Disarm(String, Words),
    /// `{"halt":{"account":"schwab","by":"…","why":"…"}}`, or of `all`
    Halt(ControlScope, Words),
    /// `{"resume":{…}}`, as halt
    Resume(ControlScope, Words),
    /// `{"schedules":{"account":"all","state":"off","by":"…","why":"…"}}`, with `"sweeps":true` of the sweeps
    /// too
    Schedules(Switch, Words),
    /// `{"hand_off":{"account":"schwab"}}`
    HandOff(String),
    /// `{"recover":{"account":"schwab"}}`, of today or of `"date"`
    Recover(String, Option<Date>),
    /// `{"changes":{"account":"schwab"}}`, or of `all`
    Changes(ControlScope),
}

/// Who decided and why, as the event has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

const VERBS: &str = "one of status, arm, disarm, halt, resume, schedules, hand_off, recover, changes";
const EXAMPLE: &str = "a JSON object such as {\"status\":{}}";

/// Reads an event.
///
/// # Errors
/// [`Failure`] names the field, what came and what was expected.
pub fn parse(payload: &Value) -> Result<Event, Failure> {
    let verbs = match payload {
        Value::Null => return Err(empty()),
        Value::Object(verbs) if verbs.is_empty() => return Err(empty()),
        Value::Object(verbs) => verbs,
        other => return Err(Failure::malformed("event", other, EXAMPLE)),
    };
    let mut all = verbs.iter();
    let (Some((verb, asked)), None) = (all.next(), all.next()) else {
        let came = verbs.keys().map(|verb| short(verb)).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(
            "MalformedEvent",
            format!("event: got {came} together, expected {VERBS}, and only one; nothing was done"),
        ));
    };
    let Value::Object(fields) = asked else {
        return Err(Failure::malformed(&format!("event {}", short(verb)), asked, "an object"));
    };
    let asked = Asked { verb, fields };
    match verb.as_str() {
        "status" => asked.only(&["account"]).and_then(|asked| Ok(Event::Status(asked.scope_or_all()?))),
        "arm" => {
            let asked = asked.only(&["account", "by", "why", "confirm"])?;
            Ok(Event::Arm {
                account: asked.account()?,
                confirm: asked.optional("confirm", "the account's name once more")?,
                words: asked.words()?,
            })
        }
        "disarm" => asked
            .only(&["account", "by", "why"])
            .and_then(|asked| Ok(Event::Disarm(asked.account()?, asked.words()?))),
        "halt" => asked
            .only(&["account", "by", "why"])
            .and_then(|asked| Ok(Event::Halt(asked.scope()?, asked.words()?))),
        "resume" => asked
            .only(&["account", "by", "why"])
            .and_then(|asked| Ok(Event::Resume(asked.scope()?, asked.words()?))),
        "schedules" => {
            let asked = asked.only(&["account", "state", "sweeps", "by", "why"])?;
            let switch = Switch { scope: asked.scope()?, on: asked.state()?, sweeps: asked.flag("sweeps")? };
            Ok(Event::Schedules(switch, asked.words()?))
        }
        "hand_off" => asked.only(&["account"]).and_then(|asked| Ok(Event::HandOff(asked.account()?))),
        "recover" => asked
            .only(&["account", "date"])
            .and_then(|asked| Ok(Event::Recover(asked.account()?, asked.date()?))),
        "changes" => asked.only(&["account"]).and_then(|asked| Ok(Event::Changes(asked.scope()?))),
        _ => Err(Failure::new(
            "MalformedEvent",
            format!("event: unknown verb {:?}, expected {VERBS}; nothing was done", short(verb)),
        )),
    }
}

/// A verb and its fields.
struct Asked<'a> {
    verb: &'a str,
    fields: &'a Map<String, Value>,
}

impl Asked<'_> {
    fn only(self, known: &[&str]) -> Result<Self, Failure> {
        match self.fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Failure::new(
                "MalformedEvent",
                format!(
                    "event {}: unknown field {:?}, expected only {}",
                    self.verb,
                    short(name),
                    known.join(", ")
                ),
            )),
            None => Ok(self),
        }
    }

    fn refused(&self, name: &str, expected: &str) -> Failure {
        let place = format!("event {} {name}", self.verb);
        match self.fields.get(name) {
            None => Failure::new("MalformedEvent", format!("{place}: missing, expected {expected}")),
            Some(got) => Failure::malformed(&place, got, expected),
        }
    }

    fn optional(&self, name: &str, expected: &str) -> Result<Option<String>, Failure> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(self.refused(name, expected)),
        }
    }

    fn text(&self, name: &str, expected: &str) -> Result<String, Failure> {
        self.optional(name, expected)?.ok_or_else(|| self.refused(name, expected))
    }

    fn account(&self) -> Result<String, Failure> {
        self.text("account", "an account's name")
    }

    fn scope(&self) -> Result<ControlScope, Failure> {
        Ok(ControlScope::from(self.text("account", "an account's name, or all")?.as_str()))
    }

    fn scope_or_all(&self) -> Result<ControlScope, Failure> {
        let account = self.optional("account", "an account's name, or all")?;
        Ok(account.map_or(ControlScope::All, |account| ControlScope::from(account.as_str())))
    }

    fn words(&self) -> Result<Words, Failure> {
        Ok(Words { by: self.text("by", "who asks")?, why: self.text("why", "why")? })
    }

    fn flag(&self, name: &str) -> Result<bool, Failure> {
        match self.fields.get(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.refused(name, "true or false")),
        }
    }

    fn state(&self) -> Result<bool, Failure> {
        match self.text("state", "\"on\" or \"off\"")?.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(self.refused("state", "\"on\" or \"off\"")),
        }
    }

    fn date(&self) -> Result<Option<Date>, Failure> {
        let expected = "a date such as 2025-09-03";
        self.optional("date", expected)?
            .map(|text| text.parse().map_err(|_| self.refused("date", expected)))
            .transpose()
    }
}

fn empty() -> Failure {
    Failure::new("EmptyEvent", format!("event: empty, expected {EXAMPLE}; nothing was done"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words() -> Words {
        Words { by: "Ada".to_owned(), why: "a drill".to_owned() }
    }

    #[test]
    fn what_is_understood() {
        let schwab = || ControlScope::from("schwab");
        let with = |verb: &str, account: &str| json!({ verb: { "account": account, "by": "Ada", "why": "a drill" } });
        let arm = |confirm: Option<&str>| Event::Arm {
            account: "schwab".into(),
            confirm: confirm.map(str::to_owned),
            words: words(),
        };
        let mut confirmed = with("arm", "schwab");
        confirmed["arm"]["confirm"] = "schwab".into();
        let mut off = with("schedules", "all");
        off["schedules"]["state"] = "off".into();
        let mut on = with("schedules", "schwab");
        (on["schedules"]["state"], on["schedules"]["sweeps"]) = ("on".into(), true.into());
        let switch = |scope, on, sweeps| Event::Schedules(Switch { scope, on, sweeps }, words());
        for (payload, event) in [
            (json!({"status": {}}), Event::Status(ControlScope::All)),
            (json!({"status": {"account": "schwab"}}), Event::Status(schwab())),
            (with("arm", "schwab"), arm(None)),
            (confirmed, arm(Some("schwab"))),
            (with("disarm", "schwab"), Event::Disarm("schwab".into(), words())),
            (with("halt", "all"), Event::Halt(ControlScope::All, words())),
            (with("halt", "schwab"), Event::Halt(schwab(), words())),
            (with("resume", "schwab"), Event::Resume(schwab(), words())),
            (off, switch(ControlScope::All, false, false)),
            (on, switch(schwab(), true, true)),
            (json!({"hand_off": {"account": "schwab"}}), Event::HandOff("schwab".into())),
            (json!({"recover": {"account": "schwab"}}), Event::Recover("schwab".into(), None)),
            (
                json!({"recover": {"account": "schwab", "date": "2025-09-02"}}),
                Event::Recover("schwab".into(), Some(jiff::civil::date(2025, 9, 2))),
            ),
            (json!({"changes": {"account": "all"}}), Event::Changes(ControlScope::All)),
        ] {
            assert_eq!(parse(&payload), Ok(event), "{payload}");
        }
    }

    #[test]
    fn other_events_are_refused_with_stable_type_and_field() {
        let who = json!({"account": "schwab", "by": "Ada", "why": "a drill"});
        let but = |field: &str, value: Value| {
            let mut fields = who.clone();
            if value.is_null() {
                fields.as_object_mut().unwrap().remove(field);
            } else {
                fields[field] = value;
            }
            fields
        };
        for (payload, error_type, words) in [
            (Value::Null, "EmptyEvent", "event: empty"),
            (json!({}), "EmptyEvent", "nothing was done"),
            (json!(["status"]), "MalformedEvent", "event: got [\"status\"]"),
            (json!({"stop": {}}), "MalformedEvent", "unknown verb \"stop\""),
            (json!({"halt": who, "resume": who}), "MalformedEvent", "got halt, resume together"),
            (json!({"status": null}), "MalformedEvent", "event status: got null, expected an object"),
            (
                json!({"status": {"acount": "schwab"}}),
                "MalformedEvent",
                "event status: unknown field \"acount\"",
            ),
            (
                json!({"halt": but("account", Value::Null)}),
                "MalformedEvent",
                "event halt account: missing, expected an account's name, or all",
            ),
            (json!({"halt": but("account", json!(7))}), "MalformedEvent", "event halt account: got 7"),
            (
                json!({"halt": but("by", Value::Null)}),
                "MalformedEvent",
                "event halt by: missing, expected who asks",
            ),
            (json!({"resume": but("why", json!(" "))}), "MalformedEvent", "event resume why: got \" \""),
            (
                json!({"halt": but("confirm", json!("schwab"))}),
                "MalformedEvent",
                "event halt: unknown field \"confirm\"",
            ),
            (json!({"arm": but("confirm", json!(true))}), "MalformedEvent", "event arm confirm: got true"),
            (
                json!({"schedules": who}),
                "MalformedEvent",
                "event schedules state: missing, expected \"on\" or \"off\"",
            ),
            (
                json!({"schedules": but("state", json!("OFF"))}),
                "MalformedEvent",
                "event schedules state: got \"OFF\"",
            ),
            (
                json!({"schedules": but("state", json!(false))}),
                "MalformedEvent",
                "event schedules state: got false",
            ),
            (
                json!({"recover": {"account": "schwab", "date": "yesterday"}}),
                "MalformedEvent",
                "event recover date: got \"yesterday\"",
            ),
            (json!({"recover": {}}), "MalformedEvent", "event recover account: missing"),
            (
                json!({"hand_off": {"account": "schwab", "by": "Ada"}}),
                "MalformedEvent",
                "event hand_off: unknown field \"by\"",
            ),
        ] {
            let failure = parse(&payload).unwrap_err();
            assert_eq!(failure.error_type, error_type, "{payload}");
            assert!(failure.to_string().contains(words), "{payload}: {failure}");
        }
        let mut sweeps = but("state", json!("on"));
        sweeps["sweeps"] = "yes".into();
        assert!(
            parse(&json!({ "schedules": sweeps }))
                .unwrap_err()
                .to_string()
                .contains("event schedules sweeps: got \"yes\", expected true or false")
        );
    }

    #[test]
    fn the_events_of_the_repository_are_understood() {
        for event in [
            include_str!("../../../events/control-status.json"),
            include_str!("../../../events/control-arm.json"),
            include_str!("../../../events/control-disarm.json"),
            include_str!("../../../events/control-halt.json"),
            include_str!("../../../events/control-resume.json"),
            include_str!("../../../events/control-schedules.json"),
            include_str!("../../../events/control-hand-off.json"),
            include_str!("../../../events/control-recover.json"),
            include_str!("../../../events/control-changes.json"),
        ] {
            assert!(parse(&serde_json::from_str(event).unwrap()).is_ok(), "{event}");
        }
        for event in [
            include_str!("../../../events/refused/control-two-verbs.json"),
            include_str!("../../../events/refused/control-nobody.json"),
            include_str!("../../../events/refused/control-unknown-field.json"),
        ] {
            assert_eq!(
                parse(&serde_json::from_str(event).unwrap()).unwrap_err().error_type,
                "MalformedEvent",
                "{event}"
            );
        }
    }
}
