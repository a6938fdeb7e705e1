//! `gamma logs`

use std::collections::BTreeSet;

use clap::Args;
use gamma_cloud::{LoggedLine, log_lines};
use gamma_operator::story::new_york;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::desk::{Desk, World};
use crate::output::print;
use crate::trouble::{End, Ended, Trouble};

/// How often it looks for new lines, and how far back, since lines come late.
const PAUSE: SignedDuration = SignedDuration::from_secs(3);
const LATE: SignedDuration = SignedDuration::from_secs(120);

/// What an account's trading function logged (CloudWatch Logs).
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Whose
    account: String,
    /// How far back: 30m, 1h, 2d
    #[arg(long, value_name = "TIME", default_value = "1h")]
    since: SignedDuration,
    /// Go on with new lines, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    follow: bool,
}

impl Logs {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let function = world.trade_function(&self.account)?;
        if world.is_local() {
            let trouble = Trouble::no("read the logs of the demo", "it keeps none in CloudWatch");
            return Err(trouble.next("`gamma --local run show RUN` tells what a run did"));
        }
        let mut since = world.clock.now() - self.since.abs();
        let lines = read(world, function, since).await?;
        desk.output.answer(&json!({ "lines": lines.iter().map(|line| json!({ "at": line.at, "line": line.text.trim_end() })).collect::<Vec<_>>() }), || {
            if lines.is_empty() { format!("{function} logged nothing since then.") } else { lines.iter().map(told).collect::<Vec<_>>().join("\n") }
        });
        let mut seen: BTreeSet<String> = lines.into_iter().map(|line| line.id).collect();
        if !self.follow {
            return Ok(End::Done);
        }
        loop {
            world.clock.sleep_until(world.clock.now() + PAUSE).await;
            since = since.max(world.clock.now() - LATE);
            for line in read(world, function, since).await? {
                if seen.insert(line.id.clone()) {
                    print(&told(&line));
                }
            }
        }
    }
}

async fn read(world: &World, function: &str, since: jiff::Timestamp) -> Result<Vec<LoggedLine>, Trouble> {
    log_lines(&world.aws, function, since).await.map_err(|error| {
        let trouble = world.of_call(&error);
        if error.is_absent() { trouble.next("it has never run, or is not deployed") } else { trouble }
    })
}

/// `16:13:31.0 INFO run ended outcome=filled`; lines of the platform's own as they are.
fn told(line: &LoggedLine) -> String {
    let at = new_york(&line.at.to_string());
    let Ok(Value::Object(fields)) = serde_json::from_str(&line.text) else {
        return format!("{at} {}", line.text.trim_end());
    };
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let words = |name: &str| fields.get(name).map(shown).unwrap_or_default();
    let rest = fields
        .iter()
        .filter(|(name, _)| !["timestamp", "level", "message", "span", "run_id"].contains(&name.as_str()));
    let rest: String = rest.map(|(name, value)| format!(" {name}={}", shown(value))).collect();
    format!("{at} {:<5} {}{rest}", words("level"), words("message"))
}
