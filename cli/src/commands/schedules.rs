//! `gamma schedules`, `gamma schedules on`, `gamma schedules off`

use clap::{Args, Subcommand};
use gamma_execution::ports::ChangeState;
use gamma_operator::{Known, NextFire, ScheduleStatus, Switch, SwitchResult};
use serde_json::json;

use crate::arguments::Because;
use crate::bridge::{Bridge, scope, trouble, who};
use crate::desk::Desk;
use crate::output::table;
use crate::trouble::{End, Ended, Trouble};

/// Lists the schedules with their next fire, or switches them.
#[derive(Debug, Args)]
pub(crate) struct Schedules {
    #[command(subcommand)]
    turn: Option<Turn>,
}

#[derive(Debug, Subcommand)]
enum Turn {
    /// Switches every schedule on: trade, warm-up, sweeps, and the token keeper
    On(Which),
    /// Switches trade and warm-up off; sweeps go on
    Off(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// Whose [default: all accounts]
    account: Option<String>,
    /// Off: the sweeps too, and of all accounts the token keeper; without them nobody notices what a day left
    /// open
    #[arg(long)]
    sweeps: bool,
    #[command(flatten)]
    because: Because,
}

impl Schedules {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        match self.turn {
            None => list(desk).await,
            Some(Turn::On(which)) => switch(desk, which, true).await,
            Some(Turn::Off(which)) => switch(desk, which, false).await,
        }
    }
}

async fn list(desk: &Desk) -> Ended {
    let bridge = Bridge::of(desk.world().await?);
    let schedules =
        bridge.operator().schedules(&scope(None)).await.map_err(|error| trouble("list schedules", &error))?;
    desk.output.answer(&json!({ "schedules": schedules }), || {
        let row = |schedule: &ScheduleStatus| {
            let next = schedule.next.as_ref().map_or_else(|| "-".to_owned(), fires);
            [schedule.name.clone(), on(schedule), next, schedule.expression.clone().unwrap_or_default()]
        };
        table(["schedule", "state", "next fire", "expression"], schedules.iter().map(row))
    });
    let unread = schedules.iter().any(|schedule| matches!(schedule.on, Known::Unknown { .. }));
    let missing = schedules.iter().any(|schedule| schedule.on == Known::Is(None));
    Ok(if unread {
        End::Unknown
    } else if missing {
        End::No
    } else {
        End::Done
    })
}

/// `on`, `off`, `missing`, or why nobody knows.
pub(crate) fn on(schedule: &ScheduleStatus) -> String {
    match &schedule.on {
        Known::Is(Some(true)) => "on".to_owned(),
        Known::Is(Some(false)) => "off".to_owned(),
        Known::Is(None) => "missing".to_owned(),
        Known::Unknown { unknown } => format!("unknown: {unknown}"),
    }
}

/// When it fires next, were it on.
pub(crate) fn fires(next: &NextFire) -> String {
    match next {
        NextFire::At(fire) => {
            fire.note.as_ref().map_or_else(|| fire.local.clone(), |note| format!("{} ({note})", fire.local))
        }
        NextFire::Never(why) => format!("never: {why}"),
        NextFire::Unknown(why) => format!("unknown: {why}"),
    }
}

async fn switch(desk: &Desk, which: Which, on: bool) -> Ended {
    let bridge = Bridge::of(desk.world().await?);
    let switch = Switch { scope: scope(which.account.as_deref()), on, sweeps: which.sweeps };
    let attempted = format!("switch schedules {}", if on { "on" } else { "off" });
    let switched = bridge.operator().switch(&switch, who(&which.because)).await;
    let (change, switched) = switched.map_err(|error| trouble(&attempted, &error))?;
    desk.output.answer(&json!({ "change": change, "schedules": switched }), || {
        let rows = switched.iter().map(|one| {
            let words = match &one.result {
                SwitchResult::Changed => format!("switched {}", if on { "on" } else { "off" }),
                SwitchResult::Already => format!("was {} already", if on { "on" } else { "off" }),
                SwitchResult::Missing => "missing; none was made".to_owned(),
                SwitchResult::Failed(reason) => format!("not proven: {reason}"),
            };
            [one.name.clone(), words]
        });
        table(["schedule", "what became of it"], rows)
    });
    match change.state {
        ChangeState::Done => Ok(End::Done),
        ChangeState::AskedFor => Err(Trouble::unknown(attempted, change.detail.unwrap_or_default())
            .next("`gamma schedules` says how they stand")),
        ChangeState::Failed if switched.iter().any(|one| matches!(one.result, SwitchResult::Failed(_))) => {
            Ok(End::Unknown)
        }
        ChangeState::Failed => Ok(End::No),
    }
}
