//! `gamma recover`

use std::collections::BTreeMap;

use clap::Args;
use gamma_cloud::LambdaHandoff;
use gamma_execution::ports::Consumer;
use gamma_operator::story::tell;
use gamma_operator::{Recovery, Wait};
use jiff::civil::Date;
use serde_json::json;

use crate::bridge::{Bridge, trouble};
use crate::desk::{Desk, World};
use crate::trouble::{End, Ended, Trouble};

/// Has the account's function prove and record what is open, which places nothing, and hands off what was
/// left.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// Whose
    account: String,
    /// The trade date [default: today in New York]
    date: Option<Date>,
}

impl Recover {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let bridge = Bridge::of(world);
        let (operator, account) = (bridge.operator(), self.account.as_str());
        let attempted = format!("recover {account}");
        desk.output
            .progress(&format!("sweeping {account}: nothing is placed; this takes up to some minutes ..."));
        let recovery = operator
            .recover(account, self.date, Wait::Answer)
            .await
            .map_err(|error| trouble(&attempted, &error))?;
        let consumers = LambdaHandoff::new(&world.lambda, consumers(world, account));
        let given =
            operator.hand_off(account, &consumers).await.map_err(|error| trouble(&attempted, &error))?;
        match recovery {
            Recovery::AskedFor => Err(Trouble::unknown(attempted, "it was asked for, and nothing came back")),
            Recovery::Failed { error_type, message } => {
                Err(Trouble::no(attempted, format!("{error_type}: {message}"))
                    .next(format!("docs/runbook.md says what {error_type} means")))
            }
            Recovery::Answered(report) => {
                let answer = json!({ "report": report, "handed_off": given.taken, "left": given.left });
                desk.output.answer(&answer, || {
                    let handed = given.taken.iter().map(|name| format!("handed off {name}"));
                    let left = given.left.iter().map(|why| format!("not handed off: {why}"));
                    std::iter::once(tell(&report)).chain(handed).chain(left).collect::<Vec<_>>().join("\n")
                });
                let unproven = report["alarm"] == true || report["outcome"] == "another_run_active";
                Ok(if given.left.is_empty() && !unproven { End::Done } else { End::No })
            }
        }
    }
}

fn consumers(world: &World, account: &str) -> BTreeMap<Consumer, String> {
    let guard = world.names.edge_guard.get(account).map(|guard| (Consumer::EdgeGuard, guard.clone()));
    guard.into_iter().chain([(Consumer::SheetsLog, world.names.sheets_log.clone())]).collect()
}
