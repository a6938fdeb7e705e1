//! `gamma check`

mod deployed;
mod kept;

use std::fmt;

use clap::Args;
use gamma_cloud::{CallError, inspection};
use gamma_market::calendar::{Calendar, SessionDay};
use gamma_operator::Sessions as _;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;

use crate::desk::{Desk, World};
use crate::trouble::{End, Ended};

/// Looks whether everything is there that trading needs, and says what to do where it is not. Changes
/// nothing.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Also invoke the warm-up of each account, which refreshes its token when it is due
    #[arg(long)]
    refresh: bool,
}

/// What came of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Wrong,
    Unknown,
}

/// One look.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    state: State,
    found: String,
    next: Option<String>,
}

impl Line {
    fn ok(what: impl Into<String>, found: impl fmt::Display) -> Self {
        Self { what: what.into(), state: State::Ok, found: found.to_string(), next: None }
    }

    fn wrong(what: impl Into<String>, found: impl fmt::Display, next: impl Into<String>) -> Self {
        Self { state: State::Wrong, next: Some(next.into()), ..Self::ok(what, found) }
    }

    fn unknown(what: impl Into<String>, found: impl fmt::Display, next: Option<String>) -> Self {
        Self { state: State::Unknown, next, ..Self::ok(what, found) }
    }

    /// A look that was refused: known to be wrong where a permission is missing, else unknown.
    fn of_call(what: impl Into<String>, world: &World, error: &CallError) -> Self {
        let next = world.advice(error);
        let state = if error.is_denied() || error.is_stranger() { State::Wrong } else { State::Unknown };
        Self { state, next, ..Self::ok(what, error) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Wrong => "WRONG",
            State::Unknown => "UNKNOWN",
        };
        write!(f, "{state:<8} {:<34} {}", self.what, self.found)?;
        self.next.iter().try_for_each(|next| write!(f, "\n{:9}→ {next}", ""))
    }
}

impl Check {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let world = desk.world().await?;
        let reached = credentials(world).await;
        let goes_on = reached.state == State::Ok;
        let mut lines = vec![calendar(world.today(), Calendar::built_in()), reached];
        if goes_on {
            if let Ok(announced) = world.closures().calendar().await {
                lines[0] = calendar(world.today(), &announced);
            }
            desk.output.progress("looking at parameters, table, functions and schedules ...");
            lines.extend(kept::look(world).await?);
            lines.extend(deployed::look(world).await);
            lines.extend(kept::reachable(world).await?);
            if self.refresh {
                lines.extend(deployed::warm_up(world).await);
            }
        }
        let any = |state: State| lines.iter().any(|line| line.state == state);
        let end = match (any(State::Wrong), any(State::Unknown)) {
            (true, _) => End::No,
            (false, true) => End::Unknown,
            (false, false) => End::Done,
        };
        desk.output.answer(&json!({ "ok": end == End::Done, "checks": lines }), || told(world, &lines, end));
        Ok(end)
    }
}

fn told(world: &World, lines: &[Line], end: End) -> String {
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if world.is_local() {
        text += "\nThe demo has no schedules, no token keeper and no control function.";
    }
    let count = |state: State| lines.iter().filter(|line| line.state == state).count();
    text + &match end {
        End::Done => "\nEverything is as it should be.".to_owned(),
        _ => {
            format!("\n{} wrong, {} unknown of {}.", count(State::Wrong), count(State::Unknown), lines.len())
        }
    }
}

async fn credentials(world: &World) -> Line {
    let what = "AWS";
    let Some(region) = world.aws.region() else {
        return Line::wrong(what, "no region is set", "set AWS_REGION, or name one with --region");
    };
    match inspection::identity(&world.aws).await {
        Ok(identity) => {
            Line::ok(what, format!("account {}, region {region}, as {}", identity.account, identity.arn))
        }
        Err(error) if !error.is_answer() => {
            let next = "put credentials into the environment (AWS_ACCESS_KEY_ID …) or name a profile with --profile; see `gamma --help`";
            Line::unknown(what, error, Some(next.to_owned()))
        }
        Err(error) => Line::of_call(what, world, &error),
    }
}

/// The next sessions, and whether the calendar nears its end.
fn calendar(today: Date, calendar: &Calendar) -> Line {
    let days = std::iter::successors(Some(today), |day| day.tomorrow().ok()).take(14);
    let sessions = days.filter_map(|day| match calendar.session_day(day) {
        SessionDay::Open { early_close } => {
            Some(format!("{day}{}", if early_close { " (closes early: no trade)" } else { "" }))
        }
        SessionDay::Closed(_) => None,
    });
    let sessions: Vec<String> = sessions.take(3).collect();
    let ahead = Date::new(today.year().saturating_add(1), 12, 31).map(|day| calendar.session_day(day));
    let ends = ahead.is_ok_and(|day| {
        matches!(day, SessionDay::Closed(gamma_market::calendar::ClosedReason::UnknownYear))
    });
    let announced: Vec<String> =
        calendar.extra().since(today).map(|(day, extra)| format!("{day} {extra}")).collect();
    let announced =
        if announced.is_empty() { String::new() } else { format!("; announced: {}", announced.join(", ")) };
    let found = format!(
        "next sessions {}{announced}",
        if sessions.is_empty() { "unknown".to_owned() } else { sessions.join(", ") }
    );
    if ends || sessions.is_empty() {
        return Line::wrong(
            "calendar",
            format!("{found}; it ends with this year"),
            "update to a version whose calendar goes on",
        );
    }
    Line::ok("calendar", found)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn announced_days_are_shown_beside_the_next_sessions() {
        let announced = Calendar::with(
            "closed 2025-09-03 gone by; closed 2025-09-05 Day of Mourning; early 2025-12-30".parse().unwrap(),
        );
        let line = calendar(date(2025, 9, 4), &announced);
        let found = "next sessions 2025-09-04, 2025-09-08, 2025-09-09; announced: 2025-09-05 closed (Day of Mourning), 2025-12-30 early close at 13:00";
        assert_eq!((line.state, line.found.as_str()), (State::Ok, found));
    }

    #[test]
    fn the_calendar_says_what_comes_and_when_it_ends() {
        let built_in = |today| calendar(today, Calendar::built_in());
        let line = built_in(date(2025, 11, 27));
        assert_eq!(
            (line.state, line.found.as_str()),
            (State::Ok, "next sessions 2025-11-28 (closes early: no trade), 2025-12-01, 2025-12-02")
        );
        assert_eq!(
            (built_in(date(2034, 12, 31)).state, built_in(date(2035, 1, 1)).state),
            (State::Ok, State::Wrong)
        );
        assert_eq!(built_in(date(2040, 1, 1)).state, State::Wrong);
    }
}
