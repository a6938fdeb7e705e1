use gamma_execution::gates::time_gates;
use gamma_execution::profile::ExecutionProfile;
use gamma_execution::run::Task;
use gamma_market::calendar::{Calendar, session_day};
use gamma_trade::event::{Event, parse};
use jiff::Timestamp;
use serde_json::Value;

use super::Verdict;
use crate::promise::{bounded, names_what_came, short};

/// The event of an invocation; Lambda's runtime has read the JSON.
pub(super) fn event(data: &[u8]) -> Verdict {
    let Ok(payload) = serde_json::from_slice::<Value>(data) else { return Verdict::Refused };
    match parse(&payload, "schwab") {
        Ok(event) => {
            useful(&event);
            assert_eq!(parse(&payload, "schwab").ok(), Some(event), "the same text is the same event");
            Verdict::Reads
        }
        Err(failure) => {
            let text = match failure.error_type {
                "EmptyEvent" | "MalformedEvent" => names_what_came(&failure),
                "ForeignAccount" | "UnknownAccount" => bounded(&failure),
                other => panic!("an event is never {other}: {failure}"),
            };
            assert!(text.starts_with("event"), "{text}");
            Verdict::Refused
        }
    }
}

/// What a run does with it first.
fn useful(event: &Event) {
    match event {
        Event::Run(Task::Trade { scheduled, .. }) => drop(time_gates(
            Timestamp::UNIX_EPOCH,
            *scheduled,
            &ExecutionProfile::default(),
            &Ok(Calendar::default()),
        )),
        Event::Run(Task::Sweep { date }) => drop(date.map(session_day)),
        Event::Run(Task::Resolve(resolve)) => {
            let _ = session_day(resolve.date);
            short("resolve by", &resolve.by);
            short("resolve why", &resolve.why);
        }
        Event::Warmup => {}
    }
}
