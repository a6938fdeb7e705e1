//! One delivery to one account: its event parsed, its ports assembled, the run, the outcome mapped.

use std::sync::Arc;

use serde_json::Value;

use gamma_accounts::assembly::Assembly;
use gamma_accounts::brokers::Kept;
use gamma_accounts::deployment::Deployment;
use gamma_execution::gates::Gate;
use gamma_execution::report::{Outcome, RunReport, Status};
use gamma_execution::run::{Ports, RunRequest, run};
use gamma_lambda::metrics::{Metric, Metrics};
use gamma_lambda::{Failure, Function, Invocation};
use gamma_trade::event;
use gamma_trade::event::Event;
use jiff::Timestamp;

/// All that goes from one invocation to the next: connections do not survive the freeze between them.
pub(crate) struct Trade {
    deployment: Deployment,
    kept: Kept,
}

impl Function for Trade {
    const FAILURES_ALARM: bool = false;

    fn from_env(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        Ok(Self { deployment: Deployment::from_env(read)?, kept: Kept::default() })
    }

    fn clock_url(&self) -> Option<&str> {
        self.deployment.clock_url.as_deref()
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failure> {
        trade(&self.deployment, self.kept.clone(), invocation).await
    }
}

async fn trade(deployment: &Deployment, kept: Kept, invocation: Invocation) -> Result<Value, Failure> {
    let Invocation { event, deadline, run_id, clock, metrics } = invocation;
    let parsed = event::parse(&event, deployment.account())?;
    // What a person asks for says nothing of the schedules.
    let by_schedule = event.get("scheduled_time").is_some();
    let assembly = Assembly::new(deployment, Arc::clone(&clock), &run_id, kept).await;
    match (assembly.ports().await, parsed) {
        (Ok((connected, _)), Event::Warmup) => {
            crate::warmup::warm_up(deployment, &assembly, &connected, &metrics).await
        }
        (Ok((connected, signal)), Event::Run(task)) => {
            let account = deployment.account().to_owned();
            let (deployment_live, consumers) = (deployment.live(), deployment.consumers());
            let request = RunRequest {
                account,
                run_id: run_id.clone(),
                deployment_live,
                deadline,
                task,
                consumers,
                calendar: connected.calendar.clone(),
            };
            let ports = Ports {
                clock: clock.as_ref(),
                broker: connected.broker.as_ref(),
                signal: &signal,
                ledger: &connected.ledger,
                tokens: &connected.tokens,
            };
            let report = run(ports, &request, &connected.profile).await;
            count(&metrics, clock.now(), &report, by_schedule);
            if connected.calendar.is_err() && report.outcome != Outcome::CalendarUnreadable {
                // A sweep did its work all the same; somebody is to hear of it before the next trade.
                metrics.write(clock.now(), Metric::Failed("CalendarUnreadable"));
            }
            assembly.hand_off().await;
            respond(&report, connected.http.requests_sent())
        }
        (Err(failure), parsed) => {
            assembly.record(&failure, parsed.task()).await;
            assembly.hand_off().await;
            Err(failure)
        }
    }
}

/// How the run ended; and, of a scheduled sweep that could look at the day, whatever it found there, that it
/// did.
fn count(metrics: &Metrics, at: Timestamp, report: &RunReport, by_schedule: bool) {
    metrics.write(at, Metric::Ended(report.outcome.name()));
    let looked = !matches!(
        report.outcome,
        Outcome::LedgerUnavailable
            | Outcome::BrokerUnavailable
            | Outcome::TokenDead
            | Outcome::AnotherRunActive
    );
    if report.task == "sweep" && by_schedule && looked {
        metrics.write(at, Metric::Heartbeat(&report.account));
    }
}

/// A run that did its work, or had none, answers with its report; one that somebody must act on is a Lambda
/// error.
fn respond(report: &RunReport, http_requests: u64) -> Result<Value, Failure> {
    let (outcome, detail) = (report.outcome.name(), report.detail.as_str());
    if report.alarm {
        tracing::error!(run_id = %report.run_id, account = %report.account, outcome, detail, alarm = true, "run ended");
    } else {
        tracing::info!(run_id = %report.run_id, account = %report.account, outcome, detail, http_requests, "run ended");
    }
    let error_type = match report.outcome {
        Outcome::OutsideWindow => report.gates.first().map_or("OutsideWindow", |gate| match gate {
            Gate::StaleEvent { .. } => "StaleEvent",
            Gate::NoScheduledTime => "NoScheduledTime",
            _ => "OutsideWindow",
        }),
        Outcome::CalendarUnreadable => "CalendarUnreadable",
        Outcome::SignalUnavailable => "SignalUnavailable",
        Outcome::BrokerUnavailable => "BrokerUnavailable",
        Outcome::TokenDead => "TokenDead",
        Outcome::LedgerUnavailable => "LedgerUnavailable",
        Outcome::Unresolved => "Unresolved",
        Outcome::NoFinalOutcome => "NoFinalOutcome",
        Outcome::PositionsDiffer => "PositionsDiffer",
        Outcome::NotResolved => "NotResolved",
        _ => "",
    };
    if error_type.is_empty() {
        debug_assert!(report.status != Status::Failed, "a failed run must be a Lambda error");
        let mut answer =
            serde_json::to_value(report).map_err(|error| Failure::new("ReportUnreadable", error))?;
        answer["http_requests"] = http_requests.into();
        return Ok(answer);
    }
    Err(Failure::new(error_type, format!("run {}: {}", report.run_id, report.detail)))
}
