//! `gamma run show`

use clap::Subcommand;
use gamma_execution::ports::RunRecord;
use gamma_operator::story::{tell, text};
use serde_json::json;

use super::runs::recorded;
use crate::desk::Desk;
use crate::trouble::{End, Ended, Trouble};

/// One run.
#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    /// Tells a run: the signal, the sizing, every rung with its NBBO and price, the fills, what was noted
    Show {
        /// Its id, or as much of it as `gamma runs` shows
        #[arg(value_name = "RUN")]
        id: String,
        /// How many days back to look for it
        #[arg(long, value_name = "N", default_value_t = 31, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
    },
}

impl Run {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let Self::Show { id, days } = self;
        let world = desk.world().await?;
        let runs = recorded(world, None, days).await?;
        let found: Vec<&RunRecord> = runs.iter().filter(|run| run.run_id.starts_with(&id)).collect();
        let attempted = format!("find run {id:?} in the last {days} days");
        let run = match found[..] {
            [run] => run,
            [] => {
                return Err(Trouble::no(attempted, "no run is recorded whose id begins so")
                    .next("`gamma runs` lists them; --days looks further back"));
            }
            ref several => {
                let ids = several.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>().join(", ");
                return Err(
                    Trouble::no(attempted, format!("several begin so: {ids}")).next("give more of its id")
                );
            }
        };
        let shown = json!({
            "run_id": run.run_id, "account": run.account, "trade_date": run.date, "outcome": run.outcome, "live": run.live, "report": run.report,
        });
        desk.output.answer(&shown, || told(run));
        Ok(End::Done)
    }
}

/// A run whose set-up failed has no report but its error.
fn told(run: &RunRecord) -> String {
    if run.report.get("outcome").is_some() {
        return tell(&run.report);
    }
    let (error, detail) = (text(&run.report, "error_type"), text(&run.report, "detail"));
    format!(
        "  run        {}  account {}  {}\n  outcome    {}: {error}: {detail}",
        run.run_id,
        run.account,
        run.date,
        run.outcome.to_uppercase()
    )
}
