//! One account's trading Lambda: parse the event, assemble the ports, run, map the outcome.

mod warmup;

use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument;

use gamma_accounts::assembly::Assembly;
use gamma_accounts::brokers::Kept;
use gamma_accounts::deployment::Deployment;
use gamma_execution::gates::Gate;
use gamma_execution::report::{Outcome, RunReport, Status};
use gamma_execution::run::{Ports, RunRequest, run};
use gamma_lambda::clock::RunClock;
use gamma_lambda::metrics::{Metric, Metrics};
use gamma_lambda::{Failure, counted, deadline, run_id, start_log};
use gamma_trade::event;
use gamma_trade::event::Event;
use jiff::Timestamp;

/// All that goes from one invocation to the next: connections do not survive the freeze between them.
struct Process {
    /// One that cannot be read still answers every event, with an error that names the variable.
    deployment: Result<Deployment, Failure>,
    kept: Kept,
    metrics: Metrics,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    start_log();
    let value = |name: &str| std::env::var(name).ok();
    let process = Process { deployment: Deployment::from_env(value), kept: Kept::default(), metrics: Metrics::from_env(value) };
    let process = Arc::new(process);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let process = Arc::clone(&process);
        async move { Box::pin(handle(&process, event)).await }
    }))
    .await
}

async fn handle(process: &Process, event: LambdaEvent<Value>) -> Result<Value, Failure> {
    let request_id = event.context.request_id.clone();
    let run_id = run_id::unique(&request_id);
    // Every line of a run carries its id.
    let span = tracing::info_span!("run", run_id = %run_id);
    let clock_url = process.deployment.as_ref().ok().and_then(|deployment| deployment.clock_url.as_deref());
    let work = async |clock| match &process.deployment {
        Ok(deployment) => Box::pin(invoke(process, deployment, event, (run_id, clock))).await,
        Err(failure) => Err(failure.clone()),
    };
    let result = counted(&process.metrics, clock_url, &request_id, work).instrument(span.clone()).await;
    if let Err(failure) = &result {
        let _entered = span.enter();
        tracing::error!(error_type = failure.error_type, "{failure}");
    }
    result
}

async fn invoke(process: &Process, deployment: &Deployment, event: LambdaEvent<Value>, (run_id, clock): (String, Arc<dyn RunClock>)) -> Result<Value, Failure> {
    let parsed = event::parse(&event.payload, deployment.account())?;
    // What a person asks for says nothing of the schedules.
    let by_schedule = event.payload.get("scheduled_time").is_some();
    let deadline = deadline(&event.context);
    let assembly = Assembly::new(deployment, Arc::clone(&clock), &run_id, process.kept.clone()).await;
    match (assembly.ports().await, parsed) {
        (Ok((connected, _)), Event::Warmup) => warmup::warm_up(deployment, &assembly, &connected, &process.metrics).await,
        (Ok((connected, signal)), Event::Run(task)) => {
            let account = deployment.account().to_owned();
            let (deployment_live, consumers) = (deployment.live(), deployment.consumers());
            let request = RunRequest { account, run_id: run_id.clone(), deployment_live, deadline, task, consumers, calendar: connected.calendar.clone() };
            let ports =
                Ports { clock: clock.as_ref(), broker: connected.broker.as_ref(), signal: &signal, ledger: &connected.ledger, tokens: &connected.tokens };
            let report = run(ports, &request, &connected.profile).await;
            count(&process.metrics, clock.now(), &report, by_schedule);
            if connected.calendar.is_err() && report.outcome != Outcome::CalendarUnreadable {
                // A sweep did its work all the same; somebody is to hear of it before the next trade.
                process.metrics.write(clock.now(), Metric::Failed("CalendarUnreadable"));
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

/// How the run ended; and, of a scheduled sweep that could look at the day, whatever it found there, that it did.
fn count(metrics: &Metrics, at: Timestamp, report: &RunReport, by_schedule: bool) {
    metrics.write(at, Metric::Ended(report.outcome.name()));
    let looked = !matches!(report.outcome, Outcome::LedgerUnavailable | Outcome::BrokerUnavailable | Outcome::TokenDead | Outcome::AnotherRunActive);
    if report.task == "sweep" && by_schedule && looked {
        metrics.write(at, Metric::Heartbeat(&report.account));
    }
}

/// A run that did its work, or had none, answers with its report; one that somebody must act on is a Lambda error.
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
        let mut answer = serde_json::to_value(report).map_err(|error| Failure::new("ReportUnreadable", error))?;
        answer["http_requests"] = http_requests.into();
        return Ok(answer);
    }
    Err(Failure::new(error_type, format!("run {}: {}", report.run_id, report.detail)))
}
