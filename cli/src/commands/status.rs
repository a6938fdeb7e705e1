//! `gamma status`

use clap::Args;
use gamma_market::calendar::eastern;
use gamma_operator::{AccountStatus, Known, LastRun, LoginStatus, OpenIntent, ScheduleKind};
use jiff::Timestamp;

use crate::bridge::{Bridge, scope, trouble};
use crate::commands::schedules::{fires, on};
use crate::desk::Desk;
use crate::trouble::{End, Ended};

/// How each account stands, on one screen.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Only this account
    account: Option<String>,
}

impl Status {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let status = bridge
            .operator()
            .status(&scope(self.account.as_deref()))
            .await
            .map_err(|error| trouble("status", &error))?;
        desk.output.answer(&status, || {
            let accounts = status.accounts.iter().map(account).collect::<Vec<_>>().join("\n\n");
            format!("{} New York, stack {}\n\n{accounts}", minute(status.at), bridge.stack())
        });
        Ok(status.accounts.iter().map(end).max_by_key(|end| *end as u8).unwrap_or(End::Done))
    }
}

/// Something that nobody knows, something that waits for a person, or neither.
fn end(account: &AccountStatus) -> End {
    let unread = is_unknown(&account.armed)
        || is_unknown(&account.halted)
        || is_unknown(&account.last_run)
        || is_unknown(&account.login)
        || is_unknown(&account.open_intents)
        || is_unknown(&account.edge)
        || is_unknown(&account.outbox)
        || is_unknown(&account.last_sweep)
        || is_unknown(&account.unproven)
        || account.schedules.iter().any(|schedule| is_unknown(&schedule.on));
    let unresolved =
        matches!(&account.open_intents, Known::Is(open) if open.iter().any(|intent| intent.unresolved));
    let unproven = matches!(&account.unproven, Known::Is(Some(_)));
    let missing = account.schedules.iter().any(|schedule| schedule.on == Known::Is(None));
    let dead = matches!(&account.login, Known::Is(login) if login.hours_left.is_some_and(|hours| hours < 0));
    if unread {
        End::Unknown
    } else if unresolved || unproven || missing || dead {
        End::No
    } else {
        End::Done
    }
}

const fn is_unknown<T>(known: &Known<T>) -> bool {
    matches!(known, Known::Unknown { .. })
}

fn account(account: &AccountStatus) -> String {
    let mut lines = vec![format!("{}: {}", account.account, armed(account))];
    lines.extend(halted(account).into_iter().map(|halt| format!("  {halt}")));
    let mut line = |name: &str, words: String| lines.push(format!("  {name:<9} {words}"));
    let sweep = said(&account.last_sweep, |sweep| {
        sweep.as_ref().map_or_else(|| "no sweep".to_owned(), |sweep| format!("sweep: {}", ended(sweep)))
    });
    let none = format!("none since {}", account.looked_back_to);
    line(
        "last run",
        format!("{}; {sweep}", said(&account.last_run, |run| run.as_ref().map_or_else(|| none.clone(), ran))),
    );
    line("next", next(account));
    line("login", said(&account.login, login));
    line("open", said(&account.open_intents, |open| open_intents(open)));
    let edge = said(&account.edge, |edge| {
        let pause = |until| format!("pause until {until}");
        edge.as_ref().map_or_else(
            || "nothing decided yet".to_owned(),
            |edge| {
                format!(
                    "{}{}",
                    edge.verdict.name(),
                    edge.pause_until
                        .filter(|_| edge.pauses_today)
                        .map(pause)
                        .map_or_else(String::new, |pause| format!(", {pause}"))
                )
            },
        )
    });
    let left = said(&account.outbox, |left| {
        if left.is_empty() {
            "nothing left to hand off".to_owned()
        } else {
            format!("left to hand off: {}", left.join(", "))
        }
    });
    line("edge", format!("{edge}; {left}"));
    match &account.unproven {
        Known::Is(None) => {}
        Known::Is(Some(change)) => line(
            "unproven",
            format!(
                "{} by {}: {}",
                change.verb,
                change.decision.by,
                change.detail.as_deref().unwrap_or("asked for")
            ),
        ),
        Known::Unknown { unknown } => line("changes", format!("unknown: {unknown}")),
    }
    lines.join("\n")
}

fn said<T>(known: &Known<T>, words: impl FnOnce(&T) -> String) -> String {
    match known {
        Known::Is(value) => words(value),
        Known::Unknown { unknown } => format!("unknown: {unknown}"),
    }
}

fn armed(account: &AccountStatus) -> String {
    said(&account.armed, |armed| match armed {
        None => "never armed".to_owned(),
        Some(armed) => format!(
            "{} since {} ({}: {})",
            if armed.armed { "armed" } else { "NOT ARMED" },
            minute(armed.since),
            armed.by,
            armed.why
        ),
    })
}

/// A line for each halt; none where there is none.
fn halted(account: &AccountStatus) -> Vec<String> {
    match &account.halted {
        Known::Unknown { unknown } => vec![format!("halted    unknown: {unknown}")],
        Known::Is(halts) => halts
            .iter()
            .map(|halt| {
                format!("HALTED ({}) since {} ({}: {})", halt.whom, minute(halt.since), halt.by, halt.why)
            })
            .collect(),
    }
}

fn ran(run: &LastRun) -> String {
    format!("{} {}{}", run.date, ended(run), if run.live { "" } else { ", dry" })
}

fn ended(run: &LastRun) -> String {
    let at = run.ended.map(|at| at.to_zoned(eastern().clone()).strftime("%H:%M:%S").to_string());
    format!("{} {}", run.outcome, at.unwrap_or_else(|| "at an unknown time".to_owned()))
}

/// The trade's next fire, and what is not on.
fn next(account: &AccountStatus) -> String {
    let of_kind = |kind| account.schedules.iter().find(|schedule| schedule.kind == Some(kind));
    let trade = of_kind(ScheduleKind::Trade)
        .and_then(|trade| trade.next.as_ref())
        .map_or_else(|| "-".to_owned(), fires);
    let then = of_kind(ScheduleKind::Trade)
        .and_then(|trade| trade.next_session.as_ref())
        .map(fires)
        .map_or_else(String::new, |then| format!(", then {then}"));
    let states = [
        ("warm-up", ScheduleKind::Warmup),
        ("trade", ScheduleKind::Trade),
        ("sweep", ScheduleKind::Sweep),
        ("last sweep", ScheduleKind::LastSweep),
    ];
    let states: Vec<(&str, String)> = states
        .into_iter()
        .map(|(name, kind)| (name, of_kind(kind).map_or_else(|| "missing".to_owned(), on)))
        .collect();
    let schedules = if states.iter().all(|(_, state)| *state == states[0].1) {
        format!("schedules {}", states[0].1)
    } else {
        states.iter().map(|(name, state)| format!("{name} {state}")).collect::<Vec<_>>().join(", ")
    };
    format!("{trade}{then}; {schedules}")
}

fn login(login: &LoginStatus) -> String {
    match (login.hours_left, login.created) {
        (Some(hours), Some(created)) if hours < 0 => {
            format!("DEAD: logged in on {}, {} hours too long ago", minute(created), -hours)
        }
        (Some(hours), Some(created)) => format!("{hours} hours left (logged in on {})", minute(created)),
        (_, Some(created)) => format!("does not end by itself (access token of {})", minute(created)),
        (_, None) => "does not end by itself (never refreshed)".to_owned(),
    }
}

fn open_intents(open: &[OpenIntent]) -> String {
    if open.is_empty() {
        return "nothing".to_owned();
    }
    let one = |intent: &OpenIntent| {
        let what = if intent.unresolved { "UNRESOLVED" } else { "open" };
        format!(
            "{what} {} {} r{}: {} of {} filled, {} orders open",
            intent.date, intent.slot, intent.revision, intent.filled, intent.quantity, intent.open_orders
        )
    };
    open.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn minute(at: Timestamp) -> String {
    at.to_zoned(eastern().clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
}
