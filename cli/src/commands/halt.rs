//! `gamma halt`, `gamma resume`

use clap::Args;
use gamma_execution::ports::{ControlScope, Standing};
use serde_json::json;

use crate::arguments::Because;
use crate::bridge::{Bridge, trouble, who};
use crate::desk::Desk;
use crate::trouble::{End, Ended, Trouble};

/// What stops an account without this command. `docs/runbook.md` has each step.
const OTHERWISE: &str = "\
to stop without this machine (docs/runbook.md, *Stopping without gamma*):
    1. AWS console, Lambda, function STACK-control, Test, with events/control-halt.json
    2. the broker's own site or phone: cancel what works, and revoke the application's access
    3. AWS console, EventBridge Scheduler, group gamma-cs: disable the schedules of the days to come";

/// Stops trading at once. A run at work cancels its orders and proves them over. Asks nothing.
#[derive(Debug, Args)]
pub(crate) struct Halt {
    /// Whose: an account, or all
    account: String,
    #[command(flatten)]
    because: Because,
}

/// Lifts a halt. The halt of all and the halt of one account are lifted apart.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Whose: an account, or all
    account: String,
    #[command(flatten)]
    because: Because,
}

impl Halt {
    /// Whoever stops trading must not take a failure for a stop.
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        // Without region, or without the demo that is meant, nobody was asked.
        let unasked = match desk.world().await {
            Ok(world) if world.aws.region().is_none() => Some(
                Trouble::no("reach the ledger", "no region is set").next("set AWS_REGION, or give --region"),
            ),
            Ok(_) => None,
            Err(trouble) => Some(trouble),
        };
        let unwritten = unasked.is_some();
        let failed = match unasked {
            Some(trouble) => trouble,
            None => match self.halt(desk).await {
                Ok(end) => return Ok(end),
                Err(trouble) => trouble,
            },
        };
        let headline =
            if unwritten || failed.end == End::No { "NOT HALTED" } else { "NOT KNOWN TO BE HALTED" };
        let next = failed.next.map_or_else(String::new, |step| format!("{step}; or else, "));
        Err(Trouble {
            attempted: format!("{headline}: {}", failed.attempted),
            next: Some(format!("{next}{OTHERWISE}")),
            ..failed
        })
    }

    async fn halt(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let scope = ControlScope::from(self.account.as_str());
        let halted = bridge
            .operator()
            .halt(&scope, who(&self.because))
            .await
            .map_err(|error| trouble(&format!("halt {scope}"), &error))?;
        let whom = if scope == ControlScope::All { "Every account".to_owned() } else { scope.to_string() };
        let words = format!(
            "{whom} of {} is halted: nothing more is sent, and a run at work cancels its orders. `gamma resume {scope} --why …` lifts it.",
            bridge.stack()
        );
        tell(desk, &scope, &halted, words);
        Ok(End::Done)
    }
}

impl Resume {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let scope = ControlScope::from(self.account.as_str());
        let resumed = bridge
            .operator()
            .resume(&scope, who(&self.because))
            .await
            .map_err(|error| trouble(&format!("resume {scope}"), &error))?;
        let words = match &scope {
            ControlScope::All => format!(
                "The halt of all of {} is lifted. An account that was halted by itself still is: `gamma status`.",
                bridge.stack()
            ),
            ControlScope::Account(account) => format!(
                "The halt of {account} is lifted. A halt of all holds all the same: `gamma status {account}`."
            ),
        };
        tell(desk, &scope, &resumed, words);
        Ok(End::Done)
    }
}

fn tell(desk: &Desk, scope: &ControlScope, standing: &Standing, words: String) {
    desk.output
        .answer(&json!({ "account": scope, "halted": standing.on, "decision": standing.decision }), || words);
}
