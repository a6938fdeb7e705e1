//! The topic: what is published to it, and what comes of a refusal.

#[allow(dead_code, reason = "the endpoint alone is not asked for here")]
use crate::moto;
use crate::wire;

use std::sync::{Arc, Mutex};

use gamma_cloud::{SnsTopic, aws};
use gamma_execution::ports::{Notice, Notifier, Severity};

const ARN: &str = "arn:aws:sns:us-east-1:123456789012:gamma-alarms";

fn notice(subject: &str) -> Notice {
    Notice::new(Severity::Alarm, subject, ["account 5WT20360 & more".to_owned(), "naïve".to_owned()])
}

#[tokio::test]
async fn a_notice_is_published_with_a_subject_that_sns_takes() {
    let published = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let endpoint = wire::serve(move |request| {
        noted.lock().unwrap().push(String::from_utf8_lossy(request).into_owned());
        Some(wire::json(200, published))
    });
    let topic = SnsTopic::new(&aws::load_for(&endpoint).await, ARN);
    topic.notify(&notice(&format!("naïve {}", "x".repeat(200)))).await.unwrap();
    topic.notify(&notice("\n")).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(
        seen[0].contains("Action=Publish")
            && seen[0].contains("TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Agamma-alarms"),
        "{}",
        seen[0]
    );
    assert!(
        seen[0].contains(&format!("Subject=na%3Fve%20{}&", "x".repeat(93)))
            || seen[0].ends_with(&format!("Subject=na%3Fve%20{}", "x".repeat(93))),
        "{}",
        seen[0]
    );
    assert!(
        seen[0].contains("Message=account%20%2A%2A%2A%2A0360%20%26%20more%0Ana%C3%AFve%0A"),
        "{}",
        seen[0]
    );
    assert!(seen[1].contains("Subject=gamma-trading"), "{}", seen[1]);
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn a_refusal_is_an_error_with_its_code() {
    let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>not authorized</Message></Error></ErrorResponse>";
    let endpoint = wire::serve(move |_| Some(wire::json(403, refused)));
    let error = SnsTopic::new(&aws::load_for(&endpoint).await, ARN).notify(&notice("x")).await.unwrap_err();
    assert_eq!(error.to_string(), "notice by sns: AuthorizationError: not authorized (HTTP 403)");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_topic_takes_what_is_published_and_a_missing_one_is_named() {
    let config = moto::config().await;
    let made = aws_sdk_sns::Client::new(&config).create_topic().name("gamma-alarms").send().await.unwrap();
    SnsTopic::new(&config, &format!(" {}\n", made.topic_arn().unwrap()))
        .notify(&notice("[alarm] tt-ira"))
        .await
        .unwrap();
    let missing = made.topic_arn().unwrap().replace("gamma-alarms", "missing");
    let error = SnsTopic::new(&config, &missing).notify(&notice("x")).await.unwrap_err();
    assert!(error.reason.starts_with("NotFound"), "{error}");
}
