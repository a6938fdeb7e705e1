//! One account's trading Lambda: parse the event, assemble the ports, run, map the outcome.

mod warmup;

use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument;

use gamma_execution::gates::Gate;
use gamma_execution::report::{Outcome, RunReport, Status};
use gamma_execution::run::{Ports, RunRequest, run};
use gamma_lambda::{clock, deadline, run_id, start_log};
use gamma_tastytrade::QuoteTokens;
use gamma_trade::assembly::Assembly;
use gamma_trade::deployment::Deployment;
use gamma_trade::event;
use gamma_trade::event::Event;
use gamma_trade::failure::Failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    start_log();
    // A deployment that cannot be read still answers every event, with an error that names the variable.
    let deployment = Arc::new(Deployment::from_env(|name| std::env::var(name).ok()));
    // All that goes from one invocation to the next: connections do not survive the freeze between them.
    let quote_tokens = QuoteTokens::default();
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let (deployment, quote_tokens) = (Arc::clone(&deployment), quote_tokens.clone());
        async move { Box::pin(handle(&deployment, event, &quote_tokens)).await }
    }))
    .await
}

async fn handle(deployment: &Result<Deployment, Failure>, event: LambdaEvent<Value>, quote_tokens: &QuoteTokens) -> Result<Value, Failure> {
    let run_id = run_id::unique(&event.context.request_id);
    // Every line of a run carries its id.
    let span = tracing::info_span!("run", run_id = %run_id);
    let result = match deployment {
        Ok(deployment) => invoke(deployment, event, run_id, quote_tokens).instrument(span.clone()).await,
        Err(failure) => Err(failure.clone()),
    };
    if let Err(failure) = &result {
        let _entered = span.enter();
        tracing::error!(error_type = failure.error_type, "{failure}");
    }
    result
}

async fn invoke(deployment: &Deployment, event: LambdaEvent<Value>, run_id: String, quote_tokens: &QuoteTokens) -> Result<Value, Failure> {
    let parsed = event::parse(&event.payload, deployment.account())?;
    let clock = clock::of(deployment.clock_url.as_deref(), &event.context.request_id).await?;
    let deadline = deadline(&event.context);
    let assembly = Assembly::new(deployment, Arc::clone(&clock), &run_id, quote_tokens.clone()).await;
    let result = match (assembly.ports().await, parsed) {
        (Ok(connected), Event::Warmup) => warmup::warm_up(deployment, &assembly, &connected).await,
        (Ok(connected), Event::Run(task)) => {
            let account = deployment.account().to_owned();
            let (deployment_live, consumers) = (deployment.live(), deployment.consumers());
            let request = RunRequest { account, run_id: run_id.clone(), deployment_live, deadline, task, consumers };
            let ports = Ports {
                clock: clock.as_ref(),
                broker: connected.broker.port(),
                signal: &connected.signal,
                ledger: &connected.ledger,
                tokens: &connected.tokens,
            };
            let report = run(ports, &request, &connected.profile).await;
            assembly.hand_off().await;
            respond(&report, connected.http.requests_sent())
        }
        (Err(failure), _) => {
            assembly.record(&failure).await;
            assembly.hand_off().await;
            Err(failure)
        }
    };
    clock.detach().await;
    result
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
        Outcome::SignalUnavailable => "SignalUnavailable",
        Outcome::BrokerUnavailable => "BrokerUnavailable",
        Outcome::TokenDead => "TokenDead",
        Outcome::LedgerUnavailable => "LedgerUnavailable",
        Outcome::Unresolved => "Unresolved",
        Outcome::NoFinalOutcome => "NoFinalOutcome",
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
