//! A deployment's schedules on the stack: made in moto, fired by the simulator's scheduler, their dead letters read.
//!
//! Where they come from does not matter to what follows: anything that [`create`]s them, or a loader that makes moto hold a template's.

use std::io;

use gamma_operator::{Names, ScheduleKind};
use gamma_simulator::scheduler::{Scheduler, SchedulerConfig};
use reqwest::Method;
use serde_json::{Value, json};

use crate::moto::Moto;
use crate::stack::{Fallible, Stack};

const ACCOUNT: &str = "us-east-1:123456789012";

/// A schedule as `CreateSchedule` takes it, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The schedule's name.
    pub name: String,
    /// Everything else.
    pub body: Value,
}

/// The schedules of the accounts as template.yaml has them; `queue` is the ARN for dead letters.
#[must_use]
pub fn of_deployment(names: &Names, queue: &str) -> Vec<Definition> {
    let of_account = |account: &str| ScheduleKind::ALL.map(|kind| definition(names, account, kind, queue));
    names.accounts().flat_map(of_account).collect()
}

fn definition(names: &Names, account: &str, kind: ScheduleKind, queue: &str) -> Definition {
    let (expression, retries, oldest, task) = match kind {
        ScheduleKind::Warmup => ("cron(10 16 ? * MON-FRI *)", 2, 120, r#""account":"warmup""#.to_owned()),
        ScheduleKind::Trade => ("cron(13 16 ? * MON-FRI *)", 3, 60, format!(r#""account":"{account}""#)),
        ScheduleKind::Sweep => ("cron(16 16 ? * MON-FRI *)", 5, 600, format!(r#""account":"{account}","sweep":true"#)),
        ScheduleKind::LastSweep => ("cron(30 16 ? * * *)", 10, 3600, format!(r#""account":"{account}","sweep":true"#)),
    };
    let input = format!(r#"{{{task},"scheduled_time":"<aws.scheduler.scheduled-time>","execution_id":"<aws.scheduler.execution-id>"}}"#);
    let function = names.trade.get(account).map_or("", String::as_str);
    let body = json!({
        "GroupName": names.schedules, "ScheduleExpression": expression, "ScheduleExpressionTimezone": "America/New_York",
        "FlexibleTimeWindow": { "Mode": "OFF" }, "State": "ENABLED",
        "Target": {
            "Arn": format!("arn:aws:lambda:{ACCOUNT}:function:{function}"), "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            "Input": input, "RetryPolicy": { "MaximumRetryAttempts": retries, "MaximumEventAgeInSeconds": oldest },
            "DeadLetterConfig": { "Arn": queue },
        },
    });
    Definition { name: names.schedule(account, kind), body }
}

/// Makes the group and the schedules.
///
/// # Errors
/// When moto refuses one.
pub async fn create(moto: &Moto, group: &str, definitions: &[Definition]) -> io::Result<()> {
    moto.scheduler(Method::POST, &format!("/schedule-groups/{group}"), &json!({})).await?;
    for Definition { name, body } in definitions {
        moto.scheduler(Method::POST, &format!("/schedules/{name}"), body).await?;
    }
    Ok(())
}

/// Reads a schedule, changes it, and writes it back whole, as a client must.
///
/// # Errors
/// When moto knows no such schedule or refuses the change.
pub async fn change(moto: &Moto, group: &str, name: &str, change: impl FnOnce(&mut Value)) -> io::Result<()> {
    let mut schedule = moto.scheduler(Method::GET, &format!("/schedules/{name}?groupName={group}"), &Value::Null).await?;
    change(&mut schedule);
    moto.scheduler(Method::PUT, &format!("/schedules/{name}"), &schedule).await.map(drop)
}

/// Fires the group's schedules into the stack's functions from now on.
///
/// # Errors
/// When the schedules cannot be read.
pub async fn start(moto: &Moto, stack: &Stack, group: &str, seed: u64) -> Fallible<Scheduler> {
    let (clock, changes) = (stack.simulator.clock().clone(), stack.simulator.schedule_changes());
    let config = SchedulerConfig { aws: moto.address(), group: group.to_owned(), seed, clock, invoker: stack.host.invoker(), changes };
    Ok(Scheduler::start(config).await?)
}

/// Makes a queue and gives its ARN.
///
/// # Errors
/// When moto refuses.
pub async fn create_queue(moto: &Moto, name: &str) -> io::Result<String> {
    moto.ask("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": name })).await?;
    Ok(format!("arn:aws:sqs:{ACCOUNT}:{name}"))
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
            moto.ask("sqs", "AmazonSQS.DeleteMessage", &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] })).await?;
            let body = serde_json::from_str(message["Body"].as_str().unwrap_or_default())?;
            taken.push(Message { body, attributes: message["MessageAttributes"].clone() });
        }
    }
}
