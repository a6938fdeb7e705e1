//! The deployment's own schedules on the stack: loaded into moto from template.yaml, fired by the simulator's
//! scheduler, their dead letters read.

use std::io;

use gamma_simulator::scheduler::{Scheduler, SchedulerConfig};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::moto::Moto;
use crate::stack::{Fallible, Stack};

/// Makes moto hold the schedules of template.yaml, switched on, with their group and the queue of dead
/// letters.
///
/// # Errors
/// When `GAMMA_SAM_PYTHON` is unset, or the template's loader fails; the text is its own.
pub async fn deploy(moto: &Moto) -> Fallible<()> {
    const LOADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/template/load.py");
    const KINDS: [&str; 3] = ["AWS::SQS::Queue", "AWS::Scheduler::ScheduleGroup", "AWS::Scheduler::Schedule"];
    let python = std::env::var_os("GAMMA_SAM_PYTHON")
        .ok_or("GAMMA_SAM_PYTHON: unset, expected a Python with aws-sam-cli; scripts/test sets it")?;
    let parameters = ["--parameters", "ScheduleState=ENABLED", "DryRun=false", "--only"];
    let loaded = Command::new(python)
        .args([LOADER, "--endpoint", &moto.url()])
        .args(parameters)
        .args(KINDS)
        .output()
        .await?;
    if loaded.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&loaded.stderr).into()) }
}

/// A schedule as it stands.
///
/// # Errors
/// When moto knows no such schedule.
pub async fn read(moto: &Moto, group: &str, name: &str) -> io::Result<Value> {
    moto.scheduler(Method::GET, &format!("/schedules/{name}?groupName={group}"), &Value::Null).await
}

/// Reads a schedule, changes it, and writes it back whole, as a client must.
///
/// # Errors
/// When moto knows no such schedule or refuses the change.
pub async fn change(moto: &Moto, group: &str, name: &str, change: impl FnOnce(&mut Value)) -> io::Result<()> {
    let mut schedule = read(moto, group, name).await?;
    change(&mut schedule);
    moto.scheduler(Method::PUT, &format!("/schedules/{name}"), &schedule).await.map(drop)
}

/// Fires the group's schedules into the stack's functions from now on.
///
/// # Errors
/// When the schedules cannot be read.
pub async fn start(moto: &Moto, stack: &Stack, group: &str, seed: u64) -> Fallible<Scheduler> {
    let (clock, changes) = (stack.simulator.clock().clone(), stack.simulator.schedule_changes());
    let config = SchedulerConfig {
        aws: moto.address(),
        group: group.to_owned(),
        seed,
        clock,
        invoker: stack.host.invoker(),
        changes,
    };
    Ok(Scheduler::start(config).await?)
}

/// A message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its body.
    pub body: Value,
    /// Its attributes by name, the texts alone.
    pub attributes: Value,
}

impl Message {
    /// An attribute's text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes[name]["StringValue"].as_str().unwrap_or_default()
    }
}

/// Takes every message out of a queue.
///
/// # Errors
/// When moto refuses, or a message is no JSON.
pub async fn take_messages(moto: &Moto, queue: &str) -> io::Result<Vec<Message>> {
    let url = format!("{}/123456789012/{queue}", moto.url());
    let receive = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 0 });
    let mut taken = Vec::new();
    loop {
        let answer = moto.ask("sqs", "AmazonSQS.ReceiveMessage", &receive).await?;
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return Ok(taken);
        }
        for message in messages {
            moto.ask(
                "sqs",
                "AmazonSQS.DeleteMessage",
                &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }),
            )
            .await?;
            let body = serde_json::from_str(message["Body"].as_str().unwrap_or_default())?;
            taken.push(Message { body, attributes: message["MessageAttributes"].clone() });
        }
    }
}
