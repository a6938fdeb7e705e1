//! One account, read from ledger, scheduler and token store at once.

use futures_util::future::{join, join_all};
use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::ports::{
    ControlScope, EdgeDecision, IntentState, LedgerError, LoadedDay, RunRecord, STRATEGY, Standing,
};
use gamma_market::calendar::trade_date;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::{
    AccountStatus, ArmedSince, EdgeStanding, Halted, Known, LastRun, LoginStatus, OpenIntent, ScheduleStatus,
};
use crate::login::LoginTimes;
use crate::names::ScheduleKind;
use crate::operator::Operator;
use crate::schedule::NextFire;

/// Days that are looked at, today among them: two weeks hold every recovery that an operator was not called
/// for long ago.
const DAYS: i64 = 14;

impl Operator<'_> {
    pub(super) async fn account_status(&self, account: &str, at: Timestamp) -> AccountStatus {
        let today = trade_date(at);
        let days: Vec<Date> = (0..DAYS).filter_map(|back| today.checked_sub(back.days()).ok()).collect();
        let records = self.ports.records;
        let loaded = join_all(
            days.iter().map(async |date| (*date, self.ports.days.day(account, STRATEGY, *date).await)),
        );
        let (loaded, (armed, halted)) =
            join(loaded, join(records.arming(account), self.halts(account))).await;
        let (schedules, login) = join(self.schedules_of(account, at), self.login(account, at)).await;
        let (edge, (outbox, unproven)) =
            join(records.edge_decision(account), join(self.outbox_of(account), self.unproven(account))).await;
        AccountStatus {
            account: account.to_owned(),
            armed: Known::of(armed.map(|armed| armed.map(armed_since))),
            halted: Known::of(halted),
            last_run: self.last(account, &loaded, false).await,
            last_sweep: self.last(account, &loaded, true).await,
            schedules,
            login,
            open_intents: Known::of(open_intents(&loaded)),
            edge: Known::of(edge.map(|edge| edge.map(|edge| edge_standing(edge, today)))),
            outbox,
            unproven,
            looked_back_to: days.last().copied().unwrap_or(today),
        }
    }

    async fn halts(&self, account: &str) -> Result<Vec<Halted>, LedgerError> {
        let mut halts = Vec::new();
        for scope in [ControlScope::All, ControlScope::from(account)] {
            if let Some(Standing { on: true, decision }) = self.ports.records.halt(&scope).await? {
                halts.push(Halted {
                    whom: scope.to_string(),
                    since: decision.at,
                    by: decision.by,
                    why: decision.why,
                });
            }
        }
        Ok(halts)
    }

    /// The last run of the newest day that has one: sweeps, or what was to trade. A day that does not read
    /// hides what came before it.
    async fn last(
        &self,
        account: &str,
        loaded: &[(Date, Result<LoadedDay, LedgerError>)],
        sweeps: bool,
    ) -> Known<Option<LastRun>> {
        for (date, day) in loaded {
            match day {
                Err(error) => return Known::of(Err(error)),
                Ok(day) if day.runs.is_empty() => {}
                Ok(_) => {
                    let runs = match self.ports.days.runs_of(account, *date).await {
                        Ok(runs) => runs,
                        Err(error) => return Known::of(Err(error)),
                    };
                    let is_asked_for = |run: &&RunRecord| match run.report.get("task").and_then(Value::as_str)
                    {
                        Some("sweep") => sweeps,
                        Some("warm-up") => false,
                        _ => !sweeps,
                    };
                    let last = runs
                        .into_iter()
                        .filter(|run| is_asked_for(&run))
                        .map(last_run)
                        .max_by_key(|run| run.ended);
                    if last.is_some() {
                        return Known::Is(last);
                    }
                }
            }
        }
        Known::Is(None)
    }

    pub(super) async fn schedules_of(&self, account: &str, at: Timestamp) -> Vec<ScheduleStatus> {
        let calendar = self.ports.sessions.calendar().await;
        // Sweeps sweep on any day.
        let by =
            |kind| Some(&calendar).filter(|_| matches!(kind, ScheduleKind::Warmup | ScheduleKind::Trade));
        join_all(
            ScheduleKind::ALL.map(|kind| {
                self.schedule_status(self.names.schedule(account, kind), Some(kind), at, by(kind))
            }),
        )
        .await
    }

    pub(super) async fn schedule_status(
        &self,
        name: String,
        kind: Option<ScheduleKind>,
        at: Timestamp,
        calendar: Option<&AnnouncedCalendar>,
    ) -> ScheduleStatus {
        let (on, found) = match self.ports.schedules.schedule(&name).await {
            Ok(found) => (Known::Is(found.as_ref().map(|schedule| schedule.enabled)), found),
            Err(fault) => (Known::of(Err(fault.reason)), None),
        };
        let next = found.as_ref().map(|schedule| schedule.next(at, calendar));
        let idle = matches!(&next, Some(NextFire::At(fire)) if fire.note.is_some());
        let next_session = found
            .as_ref()
            .filter(|_| idle)
            .zip(calendar)
            .map(|(schedule, calendar)| schedule.next_session(at, calendar));
        let expression = found.map(|schedule| format!("{} {}", schedule.expression, schedule.time_zone));
        ScheduleStatus { name, kind, on, expression, next, next_session }
    }

    async fn login(&self, account: &str, at: Timestamp) -> Known<LoginStatus> {
        let Some(login) = self.logins.get(account) else {
            return Known::of(Err("no login is known for it: accounts.toml has no account of this name"));
        };
        let stored = match self.ports.tokens.load(&login.document).await {
            Ok(stored) => stored,
            Err(error) => return Known::of(Err(error)),
        };
        Known::of(LoginTimes::read(login.shape, &stored.text).map(|times| {
            let ends =
                times.created.zip(login.lasts).and_then(|(created, lasts)| created.checked_add(lasts).ok());
            LoginStatus {
                broker: login.broker,
                document: login.document.clone(),
                created: times.created,
                hours_left: ends.map(|ends| ends.duration_since(at).as_secs().div_euclid(3600)),
                access_expires: times.access_expires,
            }
        }))
    }

    async fn outbox_of(&self, account: &str) -> Known<Vec<String>> {
        let pending = self.ports.days.outbox().pending(account).await;
        Known::of(pending.map(|pending| {
            pending.into_iter().map(|left| format!("{} {}", left.consumer, left.run.run_id)).collect()
        }))
    }

    /// The newest change of the account's schedules, where it is not done.
    async fn unproven(&self, account: &str) -> Known<Option<gamma_execution::ports::ControlChange>> {
        use gamma_execution::ports::ChangeState;
        match self.changes(&ControlScope::from(account)).await {
            Ok(changes) => Known::Is(
                changes
                    .into_iter()
                    .find(|change| change.verb.is_of_schedules())
                    .filter(|change| change.state != ChangeState::Done),
            ),
            Err(error) => Known::of(Err(error)),
        }
    }
}

fn armed_since(standing: Standing) -> ArmedSince {
    let Standing { on, decision } = standing;
    ArmedSince { armed: on, since: decision.at, by: decision.by, why: decision.why }
}

fn last_run(run: RunRecord) -> LastRun {
    let ended = run.report.get("ended").and_then(Value::as_str).and_then(|text| text.parse().ok());
    LastRun { date: run.date, run_id: run.run_id, outcome: run.outcome, live: run.live, ended }
}

/// A day that does not read may hold an open intent, so nothing is said of the others either.
fn open_intents(loaded: &[(Date, Result<LoadedDay, LedgerError>)]) -> Result<Vec<OpenIntent>, LedgerError> {
    let mut open = Vec::new();
    for (date, day) in loaded {
        let day = day.as_ref().map_err(Clone::clone)?;
        for intent in &day.intents {
            let open_orders = day.open_rungs().filter(|rung| rung.intent == intent.key).count();
            if intent.state == IntentState::Terminal && open_orders == 0 {
                continue;
            }
            open.push(OpenIntent {
                date: *date,
                slot: intent.key.slot.clone(),
                revision: intent.key.revision,
                unresolved: intent.state == IntentState::Unresolved,
                quantity: intent.quantity,
                filled: day
                    .rungs
                    .iter()
                    .filter(|rung| rung.intent == intent.key)
                    .map(|rung| rung.state.filled())
                    .sum(),
                open_orders,
            });
        }
    }
    open.sort_by_key(|intent| (!intent.unresolved, intent.date));
    Ok(open)
}

fn edge_standing(edge: EdgeDecision, today: Date) -> EdgeStanding {
    let pauses_today = edge.pauses(today).is_some();
    EdgeStanding {
        run_date: edge.run_date,
        verdict: edge.verdict,
        pause_until: edge.pause_until,
        pauses_today,
        why: edge.why,
    }
}
