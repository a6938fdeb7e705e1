//! `gamma invoke`, `gamma warmup`, `gamma resolve`: events for an account's function, waited for.

use clap::{Args, ValueEnum};
use gamma_accounts::profiles::{self, Overrides};
use gamma_execution::gates::{Gate, time_gates};
use gamma_execution::ports::{Arming, Ledger as _};
use gamma_operator::Sessions as _;
use gamma_operator::story::{list, tell, text};
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Value, json};

use crate::arguments::Because;
use crate::desk::{Desk, World};
use crate::output::facts;
use crate::prompt;
use crate::trouble::{End, Ended, Trouble};

/// Runs an account's function now: everything but sending, unless --live.
#[derive(Debug, Args)]
pub(crate) struct Invoke {
    /// Whose
    account: String,
    /// Trade for real; within the account's trading window only, and asks for the account's name
    #[arg(long)]
    live: bool,
}

/// Refreshes an account's token and looks whether all is ready; places nothing.
#[derive(Debug, Args)]
pub(crate) struct Warmup {
    /// Whose
    account: String,
}

/// Records what became of orders that nobody could prove (docs/runbook.md, "Unresolved order").
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// Whose orders
    account: String,
    /// The trade date, such as 2025-09-03
    date: Date,
    /// Which side of the plan
    side: Side,
    /// The packages of this side that were filled that day, all orders together
    #[arg(long, value_name = "N")]
    filled: u32,
    #[command(flatten)]
    because: Because,
}

#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Put,
    Call,
}

impl Invoke {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let function = world.trade_function(&self.account)?;
        if !self.live {
            desk.output.progress(&format!("invoking {function}: everything but sending ..."));
            return run_told(desk, world, function, &json!({ "account": self.account, "dry_run": true }))
                .await;
        }
        may_trade(world, &self.account).await?;
        let typed = prompt::line(&format!(
            "This trades for real. Type the account's name ({}) to go on:",
            self.account
        ))?;
        if typed != self.account {
            return Err(Trouble::no(
                "trade for real",
                format!("got {typed:?}, expected {:?}; nothing was invoked", self.account),
            ));
        }
        desk.output.progress(&format!("invoking {function}, which takes up to some minutes ..."));
        // Asked anew: whoever typed the name may have taken a while. The function decides by the same rules.
        let now = world.now().await?;
        run_told(
            desk,
            world,
            function,
            &json!({ "account": self.account, "scheduled_time": now, "execution_id": "gamma-invoke" }),
        )
        .await
    }
}

/// What would make the function refuse is said before anything is sent.
async fn may_trade(world: &World, account: &str) -> Result<(), Trouble> {
    let attempted = || format!("trade {account} for real");
    let deployment = world.deployed(account).await?.deployment;
    let profile = profiles::load(deployment.profile(), Overrides::default())
        .map_err(|failure| Trouble::no(attempted(), failure))?
        .profile;
    let controls = world.ledger().controls(account).await.map_err(|error| world.of_ledger(&error))?;
    let mut shut = Vec::new();
    shut.extend((!deployment.live()).then_some(Gate::DeploymentDry));
    shut.extend((controls.arming != Arming::Armed).then_some(Gate::NotArmed));
    shut.extend(controls.halted.map(|reason| Gate::Halted { reason }));
    let now = world.clock.now();
    shut.extend(time_gates(now, Some(now), &profile.execution, &world.closures().calendar().await));
    if shut.is_empty() {
        return Ok(());
    }
    let reasons = shut.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Err(Trouble::no(attempted(), format!("{reasons}; nothing was invoked"))
        .next("without --live it does everything but sending"))
}

async fn run_told(desk: &Desk, world: &World, function: &str, event: &Value) -> Ended {
    let report = answer(world, function, event).await?;
    desk.output.answer(&report, || tell(&report));
    Ok(if report["alarm"] == true { End::No } else { End::Done })
}

impl Warmup {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let function = world.trade_function(&self.account)?;
        desk.output.progress(&format!("invoking {function}: nothing is placed ..."));
        let ready = answer(world, function, &json!({ "account": "warmup" })).await?;
        desk.output.answer(&ready, || warmed(&ready));
        Ok(End::Done)
    }
}

fn warmed(ready: &Value) -> String {
    let yes = |name: &str| if ready[name] == true { "yes" } else { "no" }.to_owned();
    let told = |name: &str| {
        Some(text(ready, name)).filter(|words| !words.is_empty()).unwrap_or_else(|| "-".to_owned())
    };
    let token = format!(
        "{}{}",
        if ready["token_refreshed"] == true { "refreshed, " } else { "" },
        text(&ready["token"], "token").replace('_', " ")
    );
    let mut rows = vec![
        ("account", told("for")),
        ("session", format!("{} {}", told("trade_date"), told("session"))),
        ("deployment", told("deployment")),
        ("armed", yes("armed")),
        ("halted", told("halted")),
        ("ready to trade", yes("ready_to_trade")),
        ("unit dollars", format!("{} ({})", told("unit_dollars"), told("sized_by"))),
        ("token", token),
        ("quote token", told("quote_token")),
    ];
    rows.extend(
        list(ready, "notes").iter().map(|note| ("note", note.as_str().unwrap_or_default().to_owned())),
    );
    facts(rows)
}

impl Resolve {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let function = world.trade_function(&self.account)?;
        let decision = json!({ "date": self.date, "side": self.side, "filled": self.filled, "by": self.because.by, "why": self.because.why });
        run_told(desk, world, function, &json!({ "account": self.account, "resolve": decision })).await
    }
}

/// What the function answered. A function that failed is trouble in its own words.
async fn answer(world: &World, function: &str, event: &Value) -> Result<Value, Trouble> {
    let invoked = world.functions().invoke(function, event).await.map_err(|error| {
        let trouble = world.of_call(&error);
        if error.is_absent() {
            trouble.next("deploy it first (README, First-time set-up); `--stack` names another stack")
        } else {
            trouble
        }
    })?;
    if !invoked.failed {
        return Ok(invoked.answer);
    }
    let kind = Some(text(&invoked.answer, "errorType"))
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| "an error without a type".to_owned());
    let trouble = Trouble::no(
        format!("invoke {function}"),
        format!("{kind}: {}", text(&invoked.answer, "errorMessage")),
    );
    Err(trouble.next(format!("docs/runbook.md says what {kind} means and what to do")))
}
