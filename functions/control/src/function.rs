//! One event, one use case of gamma-operator, one answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use gamma_accounts::names;
use gamma_cloud::{
    Closures, DynamoLedger, EventBridgeSchedules, Functions, LambdaHandoff, OperatorControls, SdkConfig,
    SsmTokenStore, aws,
};
use gamma_control::config::Config;
use gamma_control::event::{self, Event, Words};
use gamma_execution::ports::{Clock, Consumer, ControlScope, Standing};
use gamma_lambda::{Failure, Function, Invocation};
use gamma_operator::{Operator, OperatorError, OperatorPorts, Switch, Wait, Who};
use serde_json::{Value, json};

/// What the environment says, checked.
pub(crate) struct Control(Config);

impl Function for Control {
    const FAILURES_ALARM: bool = false;

    fn from_env(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        Config::from_env(read).map(Self)
    }

    fn clock_url(&self) -> Option<&str> {
        self.0.clock_url.as_deref()
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, Failure> {
        let clock: Arc<dyn Clock> = invocation.clock;
        control(&self.0, clock, &aws::load().await, &event::parse(&invocation.event)?).await
    }
}

async fn control(
    config: &Config,
    clock: Arc<dyn Clock>,
    aws: &SdkConfig,
    asked: &Event,
) -> Result<Value, Failure> {
    let names = &config.names;
    let records = OperatorControls::new(aws, &names.table, Arc::clone(&clock));
    let days = DynamoLedger::new(aws, &names.table, Arc::clone(&clock));
    let schedules = EventBridgeSchedules::new(aws, &names.schedules);
    let (functions, tokens, sessions) = (
        Functions::new(aws),
        SsmTokenStore::new(aws),
        Closures::new(aws, Arc::clone(&clock), names::CLOSURES.usual),
    );
    let ports = OperatorPorts {
        clock: clock.as_ref(),
        records: &records,
        days: &days,
        schedules: &schedules,
        sessions: &sessions,
        functions: &functions,
        tokens: &tokens,
    };
    let operator = Operator { names, logins: &config.logins, ports };
    let answer = match asked {
        Event::Status(scope) => json!(operator.status(scope).await.map_err(refused)?),
        Event::Arm { account, confirm, words } => {
            armed(account, &operator.arm(account, who(words), confirm.as_deref()).await.map_err(refused)?)
        }
        Event::Disarm(account, words) => {
            armed(account, &operator.disarm(account, who(words)).await.map_err(refused)?)
        }
        Event::Halt(scope, words) => halted(scope, &operator.halt(scope, who(words)).await.map_err(refused)?),
        Event::Resume(scope, words) => {
            halted(scope, &operator.resume(scope, who(words)).await.map_err(refused)?)
        }
        Event::Schedules(switch, words) => switched(&operator, switch, words).await?,
        Event::HandOff(account) => {
            let given = operator
                .hand_off(account, &LambdaHandoff::new(aws, consumers(config, account)))
                .await
                .map_err(refused)?;
            json!({ "account": account, "taken": given.taken, "left": given.left })
        }
        // The run may take minutes and waits by its own clock: it is queued, and what it finds is in the
        // ledger.
        Event::Recover(account, date) => {
            json!({ "account": account, "recovery": operator.recover(account, *date, Wait::Queued).await.map_err(refused)? })
        }
        Event::Changes(scope) => json!({ "changes": operator.changes(scope).await.map_err(refused)? }),
    };
    tracing::info!(verb = event_name(asked), "done");
    Ok(answer)
}

/// A schedule that is not as it was asked for is an error: nobody should take it for done.
async fn switched(operator: &Operator<'_>, switch: &Switch, words: &Words) -> Result<Value, Failure> {
    let (change, switched) = operator.switch(switch, who(words)).await.map_err(refused)?;
    if switched.iter().all(|one| one.result.is_so()) {
        return Ok(json!({ "change": change, "schedules": switched }));
    }
    let detail = change.detail.unwrap_or_default();
    Err(Failure::new("SchedulesNotSwitched", format!("schedules: {detail}; all others are as asked for")))
}

fn who(words: &Words) -> Who<'_> {
    Who { by: &words.by, why: &words.why }
}

fn refused(error: OperatorError) -> Failure {
    Failure::new(error.name(), error)
}

fn armed(account: &str, standing: &Standing) -> Value {
    json!({ "account": account, "armed": standing.on, "decision": standing.decision })
}

fn halted(scope: &ControlScope, standing: &Standing) -> Value {
    json!({ "account": scope, "halted": standing.on, "decision": standing.decision })
}

fn consumers(config: &Config, account: &str) -> BTreeMap<Consumer, String> {
    let guard = config.names.edge_guard.get(account).map(|guard| (Consumer::EdgeGuard, guard.clone()));
    guard.into_iter().chain([(Consumer::SheetsLog, config.names.sheets_log.clone())]).collect()
}

const fn event_name(event: &Event) -> &'static str {
    match event {
        Event::Status(_) => "status",
        Event::Arm { .. } => "arm",
        Event::Disarm(..) => "disarm",
        Event::Halt(..) => "halt",
        Event::Resume(..) => "resume",
        Event::Schedules(..) => "schedules",
        Event::HandOff(_) => "hand_off",
        Event::Recover(..) => "recover",
        Event::Changes(_) => "changes",
    }
}
