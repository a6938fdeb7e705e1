//! Schedules: an update replaces the whole, so nothing of it may be lost on the way.

#[allow(dead_code, reason = "the endpoint alone is not asked for here")]
use crate::moto;
use crate::wire;

use std::sync::{Arc, Mutex};

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::primitives::DateTime;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState, Target,
};
use gamma_cloud::{EventBridgeSchedules, aws};
use gamma_operator::Schedules;
use serde_json::{Value, json};

/// Everything that the service tells of a schedule, parts of targets that we never use among it.
fn whole(state: &str) -> Value {
    json!({
        "Arn": "arn:aws:scheduler:us-east-1:123456789012:schedule/gamma-cs/gamma-cs-schwab",
        "GroupName": "gamma-cs",
        "Name": "gamma-cs-schwab",
        "ScheduleExpression": "cron(13 16 ? * MON-FRI *)",
        "ScheduleExpressionTimezone": "America/New_York",
        "StartDate": 2_082_758_400.0,
        "EndDate": 2_082_844_800.0,
        "Description": "trades",
        "State": state,
        "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1",
        "ActionAfterCompletion": "NONE",
        "CreationDate": 1_756_900_000.0,
        "LastModificationDate": 1_756_900_001.0,
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 7},
        "Target": {
            "Arn": "arn:aws:lambda:us-east-1:123456789012:function:trade",
            "RoleArn": "arn:aws:iam::123456789012:role/scheduler",
            "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"},
            "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0},
            "Input": "{\"account\":\"schwab\",\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}",
            "EventBridgeParameters": {"DetailType": "a", "Source": "b"},
            "KinesisParameters": {"PartitionKey": "c"},
            "SqsParameters": {"MessageGroupId": "d"},
            "SageMakerPipelineParameters": {"PipelineParameterList": [{"Name": "e", "Value": "f"}]},
            "EcsParameters": {"TaskDefinitionArn": "g", "TaskCount": 2, "PlatformVersion": "h"},
        },
    })
}

/// A service that keeps what it is given; `forgets` is left out of what it tells after an update.
async fn service(forgets: Option<&'static str>) -> (EventBridgeSchedules, Arc<Mutex<Vec<Value>>>) {
    let updates: Arc<Mutex<Vec<Value>>> = Arc::default();
    let noted = Arc::clone(&updates);
    let endpoint = wire::serve(move |request| {
        let text = String::from_utf8_lossy(request);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().next().unwrap().contains("/schedules/gamma-cs-schwab"), "{head}");
        if head.starts_with("PUT") {
            noted.lock().unwrap().push(serde_json::from_str(body).unwrap());
            return Some(wire::json(200, "{\"ScheduleArn\":\"x\"}"));
        }
        let mut told = whole(if noted.lock().unwrap().is_empty() { "ENABLED" } else { "DISABLED" });
        if let Some(field) = forgets.filter(|_| !noted.lock().unwrap().is_empty()) {
            told.as_object_mut().unwrap().remove(field);
        }
        Some(wire::json(200, &told.to_string()))
    });
    (EventBridgeSchedules::new(&aws::load_for(&endpoint).await, "gamma-cs"), updates)
}

#[tokio::test]
async fn an_update_carries_every_field_as_it_was_read() {
    let (schedules, updates) = service(None).await;
    assert_eq!(schedules.switch("gamma-cs-schwab", false).await.unwrap(), Some(true));
    let mut expected = whole("DISABLED");
    for told_only in ["Arn", "Name", "CreationDate", "LastModificationDate"] {
        expected.as_object_mut().unwrap().remove(told_only);
    }
    let mut sent = updates.lock().unwrap().clone();
    // The SDK's own: it makes a repeated request known as one.
    assert!(sent[0].as_object_mut().unwrap().remove("ClientToken").is_some());
    for date in ["StartDate", "EndDate"] {
        assert_eq!(sent[0][date].as_f64(), expected[date].as_f64());
        (sent[0][date], expected[date]) = (Value::Null, Value::Null);
    }
    assert_eq!(sent, [expected]);
}

#[tokio::test]
async fn a_field_that_is_lost_all_the_same_is_an_error_that_names_it() {
    for (field, words) in [
        ("ScheduleExpressionTimezone", "time zone: it is not"),
        ("Description", "description: it is not"),
        ("StartDate", "start date: it is not"),
        ("EndDate", "end date: it is not"),
        ("KmsKeyArn", "key: it is not"),
        ("Target", "target: it is not"),
        ("FlexibleTimeWindow", "flexible time window: it is not"),
        ("ActionAfterCompletion", "action after completion: it is not"),
        ("ScheduleExpression", "expression: it is not"),
        ("State", "state: got None, expected DISABLED"),
    ] {
        let (schedules, _) = service(Some(field)).await;
        let fault = schedules.switch("gamma-cs-schwab", false).await.unwrap_err();
        assert!(fault.reason.contains(words), "{field}: {fault}");
    }
}

const NAME: &str = "gamma-cs-schwab";

async fn get(client: &Client, group: &str) -> GetScheduleOutput {
    client.get_schedule().group_name(group).name(NAME).send().await.unwrap()
}

async fn made(client: &Client, group: &str) {
    client.create_schedule_group().name(group).send().await.unwrap();
    let target = Target::builder()
        .arn("arn:aws:lambda:us-east-1:123456789012:function:trade")
        .role_arn("arn:aws:iam::123456789012:role/scheduler")
        .input("{\"account\":\"schwab\",\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}")
        .dead_letter_config(
            DeadLetterConfig::builder().arn("arn:aws:sqs:us-east-1:123456789012:dead").build(),
        )
        .retry_policy(
            RetryPolicy::builder().maximum_event_age_in_seconds(60).maximum_retry_attempts(1).build(),
        );
    let window =
        FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Flexible).maximum_window_in_minutes(5);
    let request = client
        .create_schedule()
        .name(NAME)
        .group_name(group)
        .schedule_expression("cron(13 16 ? * MON-FRI *)")
        .schedule_expression_timezone("America/New_York")
        .description("trades at 16:13")
        .start_date(DateTime::from_secs(2_082_758_400))
        .end_date(DateTime::from_secs(2_082_844_800))
        .kms_key_arn("arn:aws:kms:us-east-1:123456789012:key/1")
        .state(ScheduleState::Enabled);
    request
        .target(target.build().unwrap())
        .flexible_time_window(window.build().unwrap())
        .send()
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn switching_changes_the_state_and_nothing_else() {
    let config = moto::config().await;
    let (client, schedules) = (Client::new(&config), EventBridgeSchedules::new(&config, "gamma-switch"));
    made(&client, "gamma-switch").await;
    let before = get(&client, "gamma-switch").await;
    assert_eq!(schedules.switch(NAME, true).await.unwrap(), Some(false), "it is on already");
    assert_eq!(schedules.switch(NAME, false).await.unwrap(), Some(true));
    let after = get(&client, "gamma-switch").await;
    assert_eq!(after.state(), Some(&ScheduleState::Disabled));
    let alike = |found: &GetScheduleOutput| {
        let mut found = found.clone();
        (found.state, found.last_modification_date) = (None, None);
        // Printed, because request ids differ.
        format!(
            "{:?}",
            (
                found.target,
                found.flexible_time_window,
                found.schedule_expression,
                found.schedule_expression_timezone,
                found.description
            )
        ) + &format!(
            "{:?}",
            (
                found.start_date,
                found.end_date,
                found.kms_key_arn,
                found.group_name,
                found.arn,
                found.action_after_completion
            )
        )
    };
    assert_eq!(alike(&before), alike(&after));
    assert!(
        alike(&after).contains("trades at 16:13")
            && alike(&after).contains("maximum_retry_attempts: Some(1)"),
        "{}",
        alike(&after)
    );

    let read = schedules.schedule(NAME).await.unwrap().unwrap();
    assert_eq!(
        (read.expression.as_str(), read.time_zone.as_str(), read.enabled),
        ("cron(13 16 ? * MON-FRI *)", "America/New_York", false)
    );
    assert_eq!(read.starts.map(|at| at.to_string()).as_deref(), Some("2036-01-01T00:00:00Z"));
    assert_eq!(schedules.switch(NAME, true).await.unwrap(), Some(true));
    assert!(schedules.schedule(NAME).await.unwrap().unwrap().enabled);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_schedule_that_is_missing_is_said_to_be_and_never_made() {
    let config = moto::config().await;
    let (client, schedules) = (Client::new(&config), EventBridgeSchedules::new(&config, "gamma-missing"));
    client.create_schedule_group().name("gamma-missing").send().await.unwrap();
    assert_eq!(schedules.schedule(NAME).await.unwrap(), None);
    assert_eq!(schedules.switch(NAME, true).await.unwrap(), None);
    assert!(client.list_schedules().group_name("gamma-missing").send().await.unwrap().schedules().is_empty());
}
