//! `gamma runs`

use clap::Args;
use gamma_execution::ports::{Archive as _, RunRecord};
use gamma_operator::story::{list, new_york, text};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::desk::{Desk, World};
use crate::output::table;
use crate::trouble::{End, Ended, Trouble};

/// Lists recorded runs, the newest first.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only this account's
    account: Option<String>,
    /// How many days back, today included
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
}

impl Runs {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let runs = recorded(world, self.account.as_deref(), self.days).await?;
        let shown: Vec<Value> = runs.iter().map(summary).collect();
        desk.output.answer(&json!({ "runs": shown }), || told(&runs, self.days));
        Ok(End::Done)
    }
}

/// The runs of the last days, of one account or all, the newest first.
pub(crate) async fn recorded(
    world: &World,
    account: Option<&str>,
    days: u16,
) -> Result<Vec<RunRecord>, Trouble> {
    let accounts: Vec<&str> = match account {
        Some(account) => world.trade_function(account).map(|_| vec![account])?,
        None => world.names.accounts().collect(),
    };
    let (ledger, today) = (world.ledger(), world.today());
    let mut runs = Vec::new();
    for date in days_back(today, days) {
        for account in &accounts {
            runs.extend(ledger.runs(account, date).await.map_err(|error| world.of_ledger(&error))?);
        }
    }
    runs.sort_by(|a, b| (b.date, began(b)).cmp(&(a.date, began(a))));
    Ok(runs)
}

fn days_back(today: Date, days: u16) -> impl Iterator<Item = Date> {
    (0..i64::from(days)).filter_map(move |back| today.checked_sub(back.days()).ok())
}

/// When it began, as it is recorded; empty where a run never came so far.
fn began(run: &RunRecord) -> &str {
    run.report["started"].as_str().unwrap_or_default()
}

fn summary(run: &RunRecord) -> Value {
    json!({
        "run_id": run.run_id, "account": run.account, "trade_date": run.date, "started": run.report.get("started"), "task": run.report.get("task"),
        "live": run.live, "outcome": run.outcome, "filled": fills(run), "detail": detail(run),
    })
}

fn fills(run: &RunRecord) -> String {
    let sides = list(&run.report, "sides")
        .iter()
        .map(|side| format!("{} of {}", text(side, "filled"), text(side, "quantity")));
    sides.collect::<Vec<_>>().join(", ")
}

fn detail(run: &RunRecord) -> String {
    text(&run.report, "detail")
}

fn told(runs: &[RunRecord], days: u16) -> String {
    if runs.is_empty() {
        return format!("No run is recorded of the last {days} days; `--days` looks further back.");
    }
    let length = short_length(runs);
    let rows = runs.iter().map(|run| {
        let time = if began(run).is_empty() { "-".to_owned() } else { new_york(began(run)) };
        let kind = format!("{} {}", if run.live { "live" } else { "dry" }, text(&run.report, "task"));
        let id = run.run_id.chars().take(length).collect();
        [run.date.to_string(), time, run.account.clone(), kind, run.outcome.clone(), fills(run), id]
    });
    let table = table(["date", "New York", "account", "kind", "outcome", "filled", "run"], rows);
    format!("{table}\n\n`gamma run show RUN` tells one of them.")
}

/// How much of a run's id tells these runs apart.
fn short_length(runs: &[RunRecord]) -> usize {
    let longest = runs.iter().map(|run| run.run_id.chars().count()).max().unwrap_or_default();
    let tells_apart = |length: usize| {
        let mut short: Vec<String> =
            runs.iter().map(|run| run.run_id.chars().take(length).collect()).collect();
        short.sort_unstable();
        short.windows(2).all(|pair| pair[0] != pair[1])
    };
    (8..longest).find(|length| tells_apart(*length)).unwrap_or(longest)
}
