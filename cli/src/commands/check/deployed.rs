//! What is deployed: table, functions, operator records, schedules.

use gamma_cloud::inspection;
use gamma_execution::ports::{Arming, Ledger as _};
use gamma_operator::ScheduleKind;
use serde_json::json;

use super::Line;
use crate::desk::World;

const DEPLOY: &str = "deploy the stack (README, First-time set-up); --stack names another";

pub(super) async fn look(world: &World) -> Vec<Line> {
    let mut lines = vec![table(world).await];
    for account in world.names.accounts() {
        lines.push(trading(world, account).await);
        lines.push(function(world, &world.names.edge_guard[account]).await);
    }
    lines.push(function(world, &world.names.sheets_log).await);
    if !world.is_local() {
        lines.push(function(world, &world.names.token_keeper).await);
        lines.push(function(world, &world.names.control).await);
        lines.extend(schedules(world).await);
    }
    lines
}

async fn table(world: &World) -> Line {
    let name = &world.names.table;
    match inspection::table_seen(&world.aws, name).await {
        Err(error) => Line::of_call(name, world, &error),
        Ok(None) => Line::wrong(name, "no such table", DEPLOY),
        Ok(Some(seen)) if seen.keys != ["pk", "sk"] => Line::wrong(
            name,
            format!("keys {}, expected pk and sk", seen.keys.join(", ")),
            "it is not the ledger's",
        ),
        Ok(Some(seen)) if seen.status != "ACTIVE" => Line::unknown(
            name,
            format!("table is {}", seen.status),
            Some("look again in a minute".to_owned()),
        ),
        Ok(Some(seen)) if seen.expires_by.as_deref() != Some("ttl") => {
            let found =
                format!("items expire by {}, expected ttl", seen.expires_by.as_deref().unwrap_or("nothing"));
            Line::wrong(name, found, "switch time to live on, attribute ttl")
        }
        Ok(Some(_)) => Line::ok(name, "table there, items expire by ttl"),
    }
}

/// The trading function, whether it is live, and what its operator says.
async fn trading(world: &World, account: &str) -> Line {
    let name = &world.names.trade[account];
    let deployed = match world.deployed(account).await {
        Ok(deployed) => deployed,
        Err(trouble) => return Line::unknown(name, trouble, None),
    };
    if deployed.environment.is_none() {
        return Line::wrong(name, "no such function", DEPLOY);
    }
    let mode = if deployed.deployment.live() { "live" } else { "dry" };
    match world.ledger().controls(account).await {
        Err(error) => {
            Line::unknown(name, format!("{mode}; its armed record could not be read: {error}"), None)
        }
        Ok(controls) => {
            let armed = if controls.arming == Arming::Armed { "armed" } else { "not armed" };
            let halted = controls.halted.map_or(String::new(), |why| format!(", halted ({why})"));
            Line::ok(name, format!("{mode}, {armed}{halted}"))
        }
    }
}

async fn function(world: &World, name: &str) -> Line {
    match world.functions().deployed(name).await {
        Err(error) => Line::of_call(name, world, &error),
        // A demo is started with or without the functions that come after a trade.
        Ok(None) if world.is_local() => Line::ok(name, "not part of this demo"),
        Ok(None) => Line::wrong(name, "no such function", DEPLOY),
        Ok(Some(_)) => Line::ok(name, "there"),
    }
}

async fn schedules(world: &World) -> Vec<Line> {
    let names = &world.names;
    let of_accounts =
        names.accounts().flat_map(|account| ScheduleKind::ALL.map(|kind| names.schedule(account, kind)));
    let mut lines = Vec::new();
    for name in of_accounts.chain([names.token_keeper_schedule()]) {
        lines.push(match inspection::schedule_seen(&world.aws, &names.schedules, &name).await {
            Err(error) => Line::of_call(&name, world, &error),
            Ok(None) => Line::wrong(&name, "no such schedule", DEPLOY),
            Ok(Some(seen)) => {
                let state = if seen.enabled { "on" } else { "off" };
                Line::ok(&name, format!("{state}, {} {}", seen.expression, seen.time_zone))
            }
        });
    }
    lines
}

/// The warm-up of each account: token, broker and feed as the functions find them.
pub(super) async fn warm_up(world: &World) -> Vec<Line> {
    let mut lines = Vec::new();
    for (account, function) in &world.names.trade {
        let what = format!("warm-up of {account}");
        lines.push(match world.functions().invoke(function, &json!({ "account": "warmup" })).await {
            Err(error) => Line::of_call(what, world, &error),
            Ok(invoked) if invoked.failed => {
                let [kind, message] = ["errorType", "errorMessage"]
                    .map(|field| invoked.answer[field].as_str().unwrap_or_default());
                Line::wrong(
                    what,
                    format!("{kind}: {message}"),
                    format!("docs/runbook.md says what {kind} means"),
                )
            }
            Ok(invoked) => {
                let refreshed = if invoked.answer["token_refreshed"] == true {
                    "token refreshed"
                } else {
                    "token still good"
                };
                Line::ok(
                    what,
                    format!(
                        "{refreshed}, session {}",
                        invoked.answer["session"].as_str().unwrap_or("unknown")
                    ),
                )
            }
        });
    }
    lines
}
