//! A deployment in memory: two accounts, their schedules, records and days.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use gamma_execution::gates::AnnouncedCalendar;
use gamma_execution::ports::{
    ChangeState, Clock, Consumer, ControlChange, ControlRecord, ControlScope, ControlVerb, Decision,
    EdgeDecision, Handoff, HandoffError, LedgerError, LoadedDay, OperatorLedger, Outbox, PendingHandoff,
    RunEnd, RunKey, RunRecord, SaveError, Standing, StoredToken, TokenStore, TokenVersion, TokenWrite,
};
use gamma_market::calendar::{Calendar, ExtraDaysError};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::login::{DocumentShape, Login};
use crate::names::{Names, ScheduleKind};
use crate::operator::{Operator, OperatorPorts};
use crate::ports::{Answered, Days, FunctionError, Invocations, ScheduleFault, Schedules, Sessions, Wait};
use crate::schedule::Schedule;

/// The operators' records, and how they fail.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) armed: BTreeMap<String, Standing>,
    pub(crate) halted: BTreeMap<ControlScope, Standing>,
    pub(crate) edge: Option<EdgeDecision>,
    pub(crate) changes: Vec<ControlChange>,
    /// No record reads.
    pub(crate) unreadable: bool,
    /// Writes until the table is away.
    pub(crate) writes_left: Option<usize>,
}

/// Everything behind the ports.
pub(crate) struct World {
    names: Names,
    logins: BTreeMap<String, Login>,
    pub(crate) now: Timestamp,
    pub(crate) records: Mutex<Records>,
    pub(crate) schedules: Mutex<BTreeMap<String, Schedule>>,
    pub(crate) refuses: Mutex<Option<String>>,
    pub(crate) recorded_before_switching: Mutex<Vec<bool>>,
    pub(crate) invoked: Mutex<Vec<(String, Value, Wait)>>,
    pub(crate) answers: Mutex<Vec<Answered>>,
    pub(crate) outbox: Mutex<Vec<PendingHandoff>>,
    pub(crate) days: Mutex<BTreeMap<(String, Date), Result<LoadedDay, LedgerError>>>,
    pub(crate) runs: Mutex<Vec<RunRecord>>,
    pub(crate) documents: Mutex<BTreeMap<String, String>>,
    /// The parameter of announced days.
    pub(crate) announced: Mutex<Option<String>>,
}

pub(crate) fn away(operation: &'static str) -> LedgerError {
    LedgerError {
        operation,
        item: "control#schwab/arming".to_owned(),
        reason: "the table is away".to_owned(),
        refused: false,
    }
}

pub(crate) fn pending(account: &str, run_id: &str) -> PendingHandoff {
    let run = RunKey { account: account.to_owned(), trade_date: date(2025, 9, 3), run_id: run_id.to_owned() };
    PendingHandoff { run, consumer: Consumer::SheetsLog }
}

impl World {
    /// Wednesday 2025-09-03, 17:00 in New York.
    pub(crate) fn new() -> Self {
        let names = Names::of_stack(Names::STACK, Names::SCHEDULES, ["schwab", "tt-ira"]);
        let minute = |kind| match kind {
            ScheduleKind::Warmup => "10",
            ScheduleKind::Trade => "13",
            ScheduleKind::Sweep => "16",
            ScheduleKind::LastSweep => "30",
        };
        let schedule = |kind| Schedule {
            expression: format!(
                "cron({} 16 ? * {} *)",
                minute(kind),
                if kind == ScheduleKind::LastSweep { "*" } else { "MON-FRI" }
            ),
            time_zone: "America/New_York".to_owned(),
            enabled: true,
            starts: None,
            ends: None,
        };
        let all = ["schwab", "tt-ira"].into_iter().flat_map(|account| {
            ScheduleKind::ALL.map(|kind| (names.schedule(account, kind), schedule(kind)))
        });
        let schwab = DocumentShape { token: Some("token"), dated: true };
        let tastytrade = DocumentShape { token: None, dated: false };
        let week = Some(jiff::SignedDuration::from_hours(7 * 24));
        let login = |broker, document: &str, shape, lasts| Login {
            broker,
            document: document.to_owned(),
            shape,
            lasts,
        };
        Self {
            schedules: Mutex::new(all.collect()),
            names,
            logins: [
                ("schwab".to_owned(), login("schwab", "/s", schwab, week)),
                ("tt-ira".to_owned(), login("tastytrade", "/t", tastytrade, None)),
            ]
            .into(),
            now: "2025-09-03T21:00:00Z".parse().unwrap(),
            records: Mutex::default(),
            refuses: Mutex::default(),
            recorded_before_switching: Mutex::default(),
            invoked: Mutex::default(),
            answers: Mutex::default(),
            outbox: Mutex::default(),
            days: Mutex::default(),
            runs: Mutex::default(),
            documents: Mutex::default(),
            announced: Mutex::default(),
        }
    }

    pub(crate) fn operator(&self) -> Operator<'_> {
        let ports = OperatorPorts {
            clock: self,
            records: self,
            days: self,
            schedules: self,
            sessions: self,
            functions: self,
            tokens: self,
        };
        Operator { names: &self.names, logins: &self.logins, ports }
    }

    /// A day with one recorded run.
    pub(crate) fn ran(&self, account: &str, date: Date, task: &str, outcome: &str, ended: &str) {
        let run_id = format!("{task}-{date}-{outcome}");
        let mut days = self.days.lock().unwrap();
        let day = days
            .entry((account.to_owned(), date))
            .or_insert_with(|| Ok(LoadedDay::default()))
            .as_mut()
            .unwrap();
        day.runs.insert(run_id.clone(), RunEnd { outcome: outcome.to_owned(), live: true });
        let report = json!({"task": task, "ended": ended});
        let (account, outcome) = (account.to_owned(), outcome.to_owned());
        self.runs.lock().unwrap().push(RunRecord {
            run_id,
            account,
            date,
            outcome,
            live: true,
            report,
            hand_off: Vec::new(),
        });
    }
}

impl Records {
    fn read<T>(&self, value: T) -> Result<T, LedgerError> {
        if self.unreadable { Err(away("read")) } else { Ok(value) }
    }

    fn write(&mut self) -> Result<(), LedgerError> {
        match &mut self.writes_left {
            None => Ok(()),
            Some(0) => Err(away("write")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn change(
        &mut self,
        scope: &ControlScope,
        verb: ControlVerb,
        decision: &Decision,
        state: ChangeState,
    ) -> ControlChange {
        let id = format!("{:03}", self.changes.len());
        let change =
            ControlChange { scope: scope.clone(), id, verb, decision: decision.clone(), state, detail: None };
        self.changes.push(change.clone());
        change
    }
}

#[async_trait]
impl Sessions for World {
    async fn calendar(&self) -> AnnouncedCalendar {
        let text = self.announced.lock().unwrap().clone();
        text.map_or_else(
            || Ok(Calendar::default()),
            |text| text.parse().map(Calendar::with).map_err(|error: ExtraDaysError| error.to_string()),
        )
    }
}

#[async_trait]
impl OperatorLedger for World {
    async fn arming(&self, account: &str) -> Result<Option<Standing>, LedgerError> {
        let records = self.records.lock().unwrap();
        records.read(records.armed.get(account).cloned())
    }

    async fn halt(&self, scope: &ControlScope) -> Result<Option<Standing>, LedgerError> {
        let records = self.records.lock().unwrap();
        records.read(records.halted.get(scope).cloned())
    }

    async fn edge_decision(&self, _: &str) -> Result<Option<EdgeDecision>, LedgerError> {
        Ok(self.records.lock().unwrap().edge.clone())
    }

    async fn decide(&self, record: &ControlRecord, decision: &Decision) -> Result<(), LedgerError> {
        let mut records = self.records.lock().unwrap();
        records.write()?;
        records.change(&record.scope(), record.verb(), decision, ChangeState::Done);
        let standing = |on| Standing { on, decision: decision.clone() };
        match record {
            ControlRecord::Arming { account, armed } => {
                drop(records.armed.insert(account.clone(), standing(*armed)))
            }
            ControlRecord::Halt { scope, halted } => {
                drop(records.halted.insert(scope.clone(), standing(*halted)))
            }
        }
        Ok(())
    }

    async fn ask(
        &self,
        scope: &ControlScope,
        verb: ControlVerb,
        decision: &Decision,
    ) -> Result<ControlChange, LedgerError> {
        let mut records = self.records.lock().unwrap();
        records.write()?;
        Ok(records.change(scope, verb, decision, ChangeState::AskedFor))
    }

    async fn conclude(&self, change: &ControlChange) -> Result<(), LedgerError> {
        let mut records = self.records.lock().unwrap();
        records.write()?;
        let kept = records.changes.iter_mut().find(|kept| kept.id == change.id).unwrap();
        *kept = change.clone();
        Ok(())
    }

    async fn changes(&self, scope: &ControlScope) -> Result<Vec<ControlChange>, LedgerError> {
        let records = self.records.lock().unwrap();
        records.read(records.changes.iter().rev().filter(|change| change.scope == *scope).cloned().collect())
    }
}

#[async_trait]
impl Schedules for World {
    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, ScheduleFault> {
        if self.refuses.lock().unwrap().as_deref() == Some(name) {
            return Err(ScheduleFault {
                name: name.to_owned(),
                what: "read",
                reason: "AccessDenied".to_owned(),
            });
        }
        Ok(self.schedules.lock().unwrap().get(name).cloned())
    }

    async fn switch(&self, name: &str, on: bool) -> Result<Option<bool>, ScheduleFault> {
        if self.refuses.lock().unwrap().as_deref() == Some(name) {
            return Err(ScheduleFault {
                name: name.to_owned(),
                what: "switch",
                reason: "AccessDenied".to_owned(),
            });
        }
        let asked =
            self.records.lock().unwrap().changes.iter().any(|change| change.state == ChangeState::AskedFor);
        self.recorded_before_switching.lock().unwrap().push(asked);
        Ok(self
            .schedules
            .lock()
            .unwrap()
            .get_mut(name)
            .map(|schedule| std::mem::replace(&mut schedule.enabled, on) != on))
    }
}

#[async_trait]
impl Invocations for World {
    async fn ask(&self, function: &str, event: &Value, wait: Wait) -> Result<Answered, FunctionError> {
        self.invoked.lock().unwrap().push((function.to_owned(), event.clone(), wait));
        Ok(self.answers.lock().unwrap().pop().unwrap_or(Answered::Queued))
    }
}

#[async_trait]
impl Outbox for World {
    async fn pending(&self, account: &str) -> Result<Vec<PendingHandoff>, LedgerError> {
        Ok(self
            .outbox
            .lock()
            .unwrap()
            .iter()
            .filter(|pending| pending.run.account == account)
            .cloned()
            .collect())
    }

    async fn handed_off(&self, handoff: &PendingHandoff) -> Result<(), LedgerError> {
        self.outbox.lock().unwrap().retain(|pending| pending != handoff);
        Ok(())
    }
}

#[async_trait]
impl Handoff for World {
    async fn hand_off(&self, _: &PendingHandoff) -> Result<(), HandoffError> {
        Ok(())
    }
}

#[async_trait]
impl Days for World {
    async fn day(&self, account: &str, _: &str, date: Date) -> Result<LoadedDay, LedgerError> {
        self.days
            .lock()
            .unwrap()
            .get(&(account.to_owned(), date))
            .cloned()
            .unwrap_or_else(|| Ok(LoadedDay::default()))
    }

    async fn runs_of(&self, account: &str, date: Date) -> Result<Vec<RunRecord>, LedgerError> {
        Ok(self
            .runs
            .lock()
            .unwrap()
            .iter()
            .filter(|run| run.account == account && run.date == date)
            .cloned()
            .collect())
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }
}

#[async_trait]
impl TokenStore for World {
    async fn load(&self, name: &str) -> Result<StoredToken, SaveError> {
        let missing = || SaveError {
            what: "read",
            name: name.to_owned(),
            reason: "the parameter is missing".to_owned(),
        };
        let text = self.documents.lock().unwrap().get(name).cloned().ok_or_else(missing)?;
        Ok(StoredToken { text: SecretString::from(text), version: TokenVersion::Count(1) })
    }

    async fn save(&self, name: &str, _: &SecretString, _: &TokenVersion) -> Result<TokenWrite, SaveError> {
        panic!("an operator writes no token, yet {name} was written")
    }

    async fn between(
        &self,
        name: &str,
        _: &TokenVersion,
        _: &TokenVersion,
    ) -> Result<Vec<SecretString>, SaveError> {
        panic!("an operator writes no token, yet versions of {name} were asked for")
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        self.now
    }

    async fn sleep_until(&self, at: Timestamp) {
        panic!("an operator waits for nothing, yet for {at}")
    }
}
