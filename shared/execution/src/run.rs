//! One delivery of one event, from the gates to the recorded outcome. Every delivery ends in exactly one
//! named outcome.

mod last_look;
mod outcome;
mod prepare;
mod recheck;
mod request;
mod resolve;
mod sweep;
mod trade;

use std::collections::BTreeMap;

use gamma_market::calendar::trade_date;
use gamma_strategy::constant_stable;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::gates::{Gate, time_gates};
use crate::handoff::is_handed_off;
use crate::ports::{
    Arming, BrokerError, BrokerFault, DayRecord, DayState, EdgeDecision, LedgerError, LoadedDay, PutOutcome,
    RunRecord, SignalError,
};
use crate::profile::EdgeMode;
use crate::recovery;
use crate::report::{Outcome, RunReport, Status};
use crate::tokens::{TokenSaved, TokenSummary};
use crate::worker::{HeldBy, Scope, WorkError, Worker, WorkerPorts};

pub use request::{AccountProfile, Ports, RunRequest, Task};
pub use resolve::Resolve;

/// A run that ends early, with its outcome and the reason in words.
#[derive(Debug)]
struct Ended {
    outcome: Outcome,
    detail: String,
}

impl Ended {
    fn new(outcome: Outcome, detail: impl ToString) -> Self {
        Self { outcome, detail: detail.to_string() }
    }
}

impl From<LedgerError> for Ended {
    fn from(error: LedgerError) -> Self {
        Self::new(Outcome::LedgerUnavailable, error)
    }
}

impl From<BrokerError> for Ended {
    fn from(error: BrokerError) -> Self {
        let outcome = if matches!(error.fault, BrokerFault::TokenDead(_)) {
            Outcome::TokenDead
        } else {
            Outcome::BrokerUnavailable
        };
        Self::new(outcome, error)
    }
}

impl From<WorkError> for Ended {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Ledger(error) => error.into(),
            WorkError::Broker(error) => error.into(),
            WorkError::TakenOver(why) => Self::new(Outcome::AnotherRunActive, why),
            WorkError::LedgerSlow(why) => Self::new(Outcome::LedgerUnavailable, why),
            WorkError::Unresolved(why) => Self::new(Outcome::Unresolved, why),
        }
    }
}

impl From<SignalError> for Ended {
    fn from(error: SignalError) -> Self {
        Self::new(Outcome::SignalUnavailable, error)
    }
}

/// What earlier deliveries of the day had come to.
enum Earlier {
    /// No order was ever sent.
    Nothing,
    /// It ended, with this outcome.
    Over {
        /// Its name.
        outcome: String,
    },
    /// It died, and is recovered now.
    Recovered {
        /// How the day stands.
        words: String,
    },
}

/// The state of one delivery.
struct Run<'a> {
    ports: Ports<'a>,
    worker: Worker<'a>,
    request: &'a RunRequest,
    profile: &'a AccountProfile,
    report: RunReport,
    stage_began: Timestamp,
    /// This run opened the day, so its outcome closes it.
    opened_day: bool,
    /// The outcome with which a day left open by an earlier run is closed.
    closes_day: Option<&'static str>,
    /// What the edge guard decided, as it was read with halt and arming.
    edge: Option<EdgeDecision>,
}

/// Runs one delivery to its end. Never fails: whatever goes wrong is an outcome.
pub async fn run(ports: Ports<'_>, request: &RunRequest, profile: &AccountProfile) -> RunReport {
    let began = ports.clock.now();
    let today = trade_date(began);
    let (dry_run, trade_date, gates) = match &request.task {
        Task::Trade { dry_run, scheduled } => {
            (*dry_run, today, time_gates(began, *scheduled, &profile.execution, &request.calendar))
        }
        Task::Sweep { date } => (false, date.unwrap_or(today), Vec::new()),
        Task::Resolve(resolve) => (false, resolve.date, Vec::new()),
    };
    let live = !dry_run && request.deployment_live;
    let report = RunReport {
        task: request.task.name(),
        status: Status::Failed,
        outcome: Outcome::Unresolved,
        detail: String::new(),
        alarm: false,
        account: request.account.clone(),
        run_id: request.run_id.clone(),
        trade_date,
        dry_run: !live,
        gates,
        signal: BTreeMap::new(),
        plan: None,
        sides: Vec::new(),
        cost_per_contract: profile.execution.cost_per_contract,
        token: TokenSaved::Unchanged,
        notes: Vec::new(),
        started: began,
        ended: began,
        durations_ms: Vec::new(),
    };
    let scope = Scope {
        account: &request.account,
        date: trade_date,
        run_id: &request.run_id,
        deadline: request.deadline,
        execution: &profile.execution,
    };
    let mut run = Run {
        ports,
        worker: Worker::new(
            WorkerPorts { clock: ports.clock, broker: ports.broker, ledger: ports.ledger },
            scope,
        ),
        request,
        profile,
        report,
        stage_began: began,
        opened_day: false,
        closes_day: None,
        edge: None,
    };
    if let Err(reason) = &request.calendar {
        run.worker.note(reason);
        run.worker.ring();
    }
    let ended = match &request.task {
        Task::Trade { .. } if live => Box::pin(run.live()).await,
        Task::Trade { .. } => Box::pin(run.dry()).await,
        Task::Sweep { .. } => Box::pin(run.sweep()).await,
        Task::Resolve(resolve) => Box::pin(run.resolve(resolve)).await,
    };
    run.finish(ended).await
}

impl Run<'_> {
    fn now(&self) -> Timestamp {
        self.worker.now()
    }

    /// Ends a stage: how long it took goes into the report.
    fn stage(&mut self, name: &str) {
        let now = self.now();
        self.report.durations_ms.push((
            name.to_owned(),
            i64::try_from(now.duration_since(self.stage_began).as_millis()).unwrap_or(i64::MAX),
        ));
        self.stage_began = now;
    }

    const fn date(&self) -> Date {
        self.worker.date()
    }

    /// The gates, then the day under a lease.
    async fn live(&mut self) -> Ended {
        if let Some(gate) = self.report.gates.first() {
            let outcome = match gate {
                Gate::MarketClosed { .. } | Gate::ClosedEarly { .. } => Outcome::MarketClosed,
                Gate::CalendarUnreadable { .. } => Outcome::CalendarUnreadable,
                _ => Outcome::OutsideWindow,
            };
            return Ended::new(outcome, gate);
        }
        if let Err(ended) = self.admitted().await {
            return ended;
        }
        self.stage("admit");
        let ended = match self.under_lease().await {
            Ok(outcome) => Ended::new(outcome, String::new()),
            Err(ended) => ended,
        };
        self.leave(ended).await
    }

    /// Tokens first, then the day, then the lease.
    async fn leave(&mut self, ended: Ended) -> Ended {
        self.save_tokens().await;
        self.close(&ended).await;
        ended
    }

    /// Armed, not halted, and the lease is ours.
    async fn admitted(&mut self) -> Result<(), Ended> {
        let ledger = self.ports.ledger;
        let controls = self.worker.persist(async || ledger.controls(&self.request.account).await).await?;
        if let Some(reason) = controls.halted {
            return Err(self.refuse(Outcome::Halted, Gate::Halted { reason }));
        }
        if controls.arming == Arming::NotArmed {
            return Err(self.refuse(Outcome::NotArmed, Gate::NotArmed));
        }
        self.edge = controls.edge;
        self.take_lease().await
    }

    /// A pause keeps a run from trading, not from recovering what an earlier one left open. Where it is not
    /// enforced it is a note.
    fn edge_gate(&mut self) -> Option<Gate> {
        let edge = self.edge.take()?;
        let gate = Gate::EdgePaused { until: edge.pauses(self.date())?, why: edge.why };
        match self.profile.execution.edge_guard {
            EdgeMode::Enforce => return Some(gate),
            EdgeMode::Monitor => {
                self.worker.note(format!("edge_guard = \"monitor\", nothing is held back: {gate}"))
            }
        }
        None
    }

    fn refuse(&mut self, outcome: Outcome, gate: Gate) -> Ended {
        let ended = Ended::new(outcome, &gate);
        self.report.gates.push(gate);
        ended
    }

    async fn take_lease(&mut self) -> Result<(), Ended> {
        self.worker
            .take_lease()
            .await?
            .map_err(|HeldBy(holder)| self.refuse(Outcome::AnotherRunActive, Gate::LeaseHeld { holder }))
    }

    async fn under_lease(&mut self) -> Result<Outcome, Ended> {
        let ledger = self.ports.ledger;
        let day = self.load().await?;
        match self.earlier(&day).await? {
            Earlier::Nothing => {}
            Earlier::Over { outcome } => {
                return Err(self.refuse(Outcome::AlreadyTraded, Gate::AlreadyTraded { outcome }));
            }
            Earlier::Recovered { words } => return Err(Ended::new(Outcome::Recovered, words)),
        }
        if let Some(gate) = self.edge_gate() {
            return Err(self.refuse(Outcome::EdgePaused, gate));
        }
        let (account, date) = (&self.request.account, self.date());
        let record = DayRecord {
            account: account.clone(),
            strategy: constant_stable::NAME.to_owned(),
            date,
            writer: self.worker.lease()?.writer.clone(),
            state: DayState::Open,
            sending: false,
            outcome: None,
        };
        if let PutOutcome::Theirs(holder) =
            self.worker.persist(async || ledger.open_day(&record).await).await?
        {
            return Err(self.refuse(Outcome::AnotherRunActive, Gate::LeaseHeld { holder }));
        }
        self.opened_day = true;
        self.stage("open day");
        self.trade(&day).await
    }

    async fn load(&self) -> Result<LoadedDay, Ended> {
        let (ledger, account, date) = (self.ports.ledger, &self.request.account, self.date());
        Ok(self.worker.persist(async || ledger.load_day(account, constant_stable::NAME, date).await).await?)
    }

    /// Recovers what an earlier run left open, and says what it had come to.
    async fn earlier(&mut self, day: &LoadedDay) -> Result<Earlier, Ended> {
        let recovered = self.worker.recover(day).await?;
        let Some(record) = day.day.as_ref().filter(|record| record.sending) else {
            return Ok(Earlier::Nothing);
        };
        self.stage("recover");
        let open = record.state == DayState::Open;
        let died = open || recovered.is_some();
        let sides = recovered.unwrap_or_else(|| recovery::standings(day, &day.rungs));
        let (outcome, words) = outcome::outcome_of(&sides);
        // A day that an earlier run closed keeps its outcome; one it left open gets the one its orders make.
        self.closes_day = open.then(|| outcome.name());
        let named = record.outcome.clone().unwrap_or_else(|| outcome.name().to_owned());
        if died {
            let words = format!(
                "an earlier run left it open; its orders are proven over, the day is {named}: {words}"
            );
            return Ok(Earlier::Recovered { words });
        }
        Ok(Earlier::Over { outcome: named })
    }

    /// Everything but sending. It works at any hour, and shows which gates would have refused a live run.
    async fn dry(&mut self) -> Ended {
        if !self.request.deployment_live {
            self.report.gates.push(Gate::DeploymentDry);
        }
        match self.ports.ledger.controls(&self.request.account).await {
            Ok(controls) => {
                self.report.gates.extend(controls.halted.map(|reason| Gate::Halted { reason }));
                self.report.gates.extend((controls.arming == Arming::NotArmed).then_some(Gate::NotArmed));
                self.edge = controls.edge;
                let paused = self.edge_gate();
                self.report.gates.extend(paused);
            }
            Err(error) => self.worker.note(format!("arming and halt could not be read: {error}")),
        }
        let ended = match self.rehearse().await {
            Ok(()) => Ended::new(Outcome::DryRun, "nothing was sent"),
            Err(ended) => ended,
        };
        self.save_tokens().await;
        ended
    }

    async fn save_tokens(&mut self) {
        let TokenSummary { saved, notes, alarm } = self.ports.tokens.flush().await;
        self.report.token = saved;
        if alarm {
            self.worker.ring();
        }
        self.worker.note_all(notes);
        self.stage("save tokens");
    }

    /// Terminal writes. A day with an unproven order stays open, so that the next delivery recovers it; and
    /// so does one that another run has taken over: its orders say what it came to, not that this run lost
    /// it.
    async fn close(&mut self, ended: &Ended) {
        let stays_open = matches!(ended.outcome, Outcome::Unresolved | Outcome::AnotherRunActive);
        let own = (self.opened_day && !stays_open).then(|| ended.outcome.name());
        if let Some(name) = own.or(self.closes_day)
            && let Err(error) = self.close_day(name).await
        {
            self.worker.note(format!("the day could not be closed: {error}"));
        }
        self.worker.release().await;
        self.stage("close");
    }

    async fn close_day(&self, outcome: &str) -> Result<(), WorkError> {
        let (ledger, lease) = (self.ports.ledger, self.worker.lease()?);
        self.worker.persist(async || ledger.close_day(lease, constant_stable::NAME, outcome).await).await?;
        Ok(())
    }

    async fn finish(mut self, ended: Ended) -> RunReport {
        self.report.outcome = ended.outcome;
        self.report.status = ended.outcome.status();
        let (notes, alarm) = self.worker.take_notes();
        self.report.notes = notes;
        self.report.alarm = alarm || ended.outcome.alarms();
        self.report.detail = ended.detail;
        self.report.ended = self.now();
        let record = RunRecord {
            run_id: self.request.run_id.clone(),
            account: self.request.account.clone(),
            date: self.date(),
            outcome: ended.outcome.name().to_owned(),
            live: !self.report.dry_run,
            report: serde_json::to_value(&self.report).unwrap_or_default(),
            hand_off: if is_handed_off(ended.outcome) && !self.report.dry_run {
                self.request.consumers.clone()
            } else {
                Vec::new()
            },
        };
        let ledger = self.ports.ledger;
        if let Err(error) = self.worker.persist(async || ledger.put_run(&record).await).await {
            self.worker.note(format!("the run record could not be written: {error}"));
            self.report.notes.extend(self.worker.take_notes().0);
        }
        self.report
    }
}
