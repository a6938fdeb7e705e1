//! The warm-up a few minutes before trading: refresh the token, check calendar, arming and halt; place
//! nothing.

use gamma_accounts::assembly::{Assembly, Connected};
use gamma_accounts::deployment::Deployment;
use gamma_execution::ports::{Arming, Ledger};
use gamma_execution::report::Outcome;
use gamma_execution::tokens::{TokenSaved, TokenSummary};
use gamma_market::calendar::{Calendar, SessionDay, trade_date};
use serde_json::{Value, json};

use gamma_lambda::Failure;
use gamma_lambda::metrics::{Metric, Metrics};

pub(crate) async fn warm_up(
    deployment: &Deployment,
    assembly: &Assembly<'_>,
    connected: &Connected,
    metrics: &Metrics,
) -> Result<Value, Failure> {
    let today = trade_date(assembly.clock().now());
    let known = connected.calendar.as_ref();
    let session = match known.unwrap_or_else(|_| Calendar::built_in()).session_day(today) {
        SessionDay::Open { early_close: false } => "open".to_owned(),
        SessionDay::Open { early_close: true } => "open, closes early: there will be no trade".to_owned(),
        SessionDay::Closed(reason) => format!("closed: {reason}"),
    };
    let refreshed = connected.broker.refresh_if_needed().await.map_err(|error| {
        let dead = matches!(error.fault, gamma_execution::ports::BrokerFault::TokenDead(_));
        Failure::new(if dead { "TokenDead" } else { "BrokerUnavailable" }, error)
    })?;
    let quote_token = connected.broker.prepare_for_trade(assembly.kept()).await;
    let TokenSummary { saved: token, mut notes, alarm } = connected.tokens.flush().await;
    let quote_token =
        quote_token.and_then(|ready| ready.map_err(|why| notes.push(format!("quote token: {why}"))).ok());
    let controls = connected
        .ledger
        .controls(deployment.account())
        .await
        .map_err(|error| Failure::new("LedgerUnavailable", error))?;
    let armed = controls.arming == Arming::Armed;
    let ready = deployment.live() && armed && controls.halted.is_none();
    let outcome = if deployment.live() && !armed { Outcome::NotArmed.name() } else { "warmed_up" };
    metrics.write(assembly.clock().now(), Metric::Ended(outcome));
    if deployment.live() && !armed {
        tracing::error!(
            run_id = assembly.run_id(),
            alarm = true,
            outcome = "not_armed",
            "warm-up: the account is not armed"
        );
    }
    if alarm {
        tracing::error!(run_id = assembly.run_id(), alarm = true, "warm-up: {}", notes.join("; "));
    }
    // Nobody reads a warm-up that went well, and a login may be lost with this one; the trade itself goes on
    // with what it has.
    if matches!(token, TokenSaved::Failed { .. }) || (alarm && matches!(token, TokenSaved::Borrowed)) {
        return Err(Failure::new("TokenNotSaved", format!("warm-up: {}", notes.join("; "))));
    }
    // Three minutes are left to put it right.
    if let Err(why) = known {
        return Err(Failure::new(
            "CalendarUnreadable",
            format!("warm-up: {why}; nothing is traded until it reads"),
        ));
    }
    tracing::info!(run_id = assembly.run_id(), session, refreshed, armed, "warmed up");
    Ok(json!({
        "status": "ok",
        "account": "warmup",
        "for": deployment.account(),
        "run_id": assembly.run_id(),
        "trade_date": today,
        "session": session,
        "deployment": if deployment.live() { "live" } else { "dry" },
        "armed": armed,
        "halted": controls.halted,
        "ready_to_trade": ready,
        "unit_dollars": connected.profile.strategy.raw().unit_dollars,
        "sized_by": connected.sized_by,
        "token_refreshed": refreshed,
        "token": token,
        "quote_token": quote_token,
        "notes": notes,
    }))
}
