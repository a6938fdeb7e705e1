//! Answers that a local AWS never gives: contention, unreadable replies, messages that quote what was sent.

use crate::wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gamma_cloud::{DynamoLedger, SdkConfig, Secrets, SsmTokenStore, aws};
use gamma_execution::ports::{Clock, Ledger, PutOutcome, TokenStore, TokenVersion};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::records::{StillClock, at, lease, rung, writer};

/// A service that gives `answers` one after another and then hangs up; with it the requests it has seen.
fn service(answers: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let answers = Mutex::new(answers.into_iter());
    let endpoint = wire::serve(move |request| {
        noted.lock().unwrap().push(String::from_utf8_lossy(request).into_owned());
        answers.lock().unwrap().next()
    });
    (endpoint, seen)
}

fn canceled(codes: &[&str]) -> Vec<u8> {
    let reasons: Vec<String> = codes.iter().map(|code| format!("{{\"Code\":\"{code}\"}}")).collect();
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let message = format!("Transaction cancelled [{}]", codes.join(", "));
    wire::json(
        400,
        &format!(
            "{{\"__type\":\"{kind}\",\"Message\":\"{message}\",\"CancellationReasons\":[{}]}}",
            reasons.join(",")
        ),
    )
}

async fn ledger(endpoint: &str) -> (DynamoLedger, Arc<StillClock>) {
    let clock = Arc::new(StillClock::default());
    let ledger = DynamoLedger::new(&aws::load_for(endpoint).await, "ledger", clock.clone());
    (ledger, clock)
}

#[tokio::test]
async fn a_transaction_that_met_another_is_tried_again_after_a_pause() {
    let contended = canceled(&["TransactionConflict", "None", "None", "None"]);
    let (endpoint, seen) = service(vec![contended.clone(), contended, wire::json(200, "{}")]);
    let (ledger, clock) = ledger(&endpoint).await;
    let outcome = ledger.put_sending(&lease("first", 1), &rung(&writer("first", 1), 1, 1)).await.unwrap();
    assert_eq!(outcome, PutOutcome::Ours);
    assert_eq!(seen.lock().unwrap().len(), 3);
    let pauses: Vec<i64> = clock
        .waits
        .lock()
        .unwrap()
        .iter()
        .map(|until| until.as_millisecond() - at(0).as_millisecond())
        .collect();
    assert_eq!(pauses, [25, 50]);
}

#[tokio::test]
async fn contention_that_does_not_end_is_an_error_with_its_code() {
    let (endpoint, seen) = service(vec![canceled(&["None", "TransactionConflict", "None", "None"]); 9]);
    let (ledger, _) = ledger(&endpoint).await;
    let error = ledger.put_sending(&lease("first", 1), &rung(&writer("first", 1), 1, 1)).await.unwrap_err();
    let expected = "TransactionCanceledException: Transaction cancelled [None, TransactionConflict, None, None] (HTTP 400)";
    assert_eq!(error.reason, expected);
    assert_eq!(seen.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn a_single_write_that_met_a_transaction_is_tried_again() {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
    let contended = wire::json(400, &format!("{{\"__type\":\"{kind}\",\"message\":\"ongoing\"}}"));
    let (endpoint, seen) = service(vec![contended, wire::json(200, "{}")]);
    let (ledger, _) = ledger(&endpoint).await;
    assert_eq!(ledger.renew_lease(&lease("first", 1), at(40)).await.unwrap(), PutOutcome::Ours);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_failed_condition_decides_even_beside_contention() {
    let refused = canceled(&["None", "ConditionalCheckFailed", "TransactionConflict", "None"]);
    let (endpoint, seen) = service(vec![refused]);
    let (ledger, _) = ledger(&endpoint).await;
    let outcome = ledger.put_sending(&lease("first", 1), &rung(&writer("first", 1), 1, 1)).await.unwrap();
    assert!(matches!(outcome, PutOutcome::Theirs(said) if said.contains("day record")));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

/// A secret that may not be read is named, with the next step, and so is one of whose answer only half came.
#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_without_its_value() {
    let denied = r#"{"__type":"AccessDeniedException","Message":"not authorized to perform: secretsmanager:GetSecretValue"}"#;
    let broken = r#"{"SecretString":"sesame-open","VersionId":"#;
    let (endpoint, seen) =
        service([vec![wire::json(400, denied)], vec![wire::json(200, broken); 3]].concat());
    let secrets = Secrets::new(&aws::load_for(&endpoint).await, Arc::new(StillClock::default()));
    let error = secrets.read(&["secretsmanager:gamma/schwab#app_key"]).await.unwrap_err().to_string();
    assert!(
        error.starts_with("secretsmanager:gamma/schwab: could not be read: AccessDeniedException")
            && error.ends_with("allow secretsmanager:GetSecretValue on it"),
        "{error}"
    );
    let error = secrets.read(&["secretsmanager:gamma/schwab#app_key"]).await.unwrap_err();
    assert!(
        error.to_string().contains("secretsmanager:gamma/schwab: could not be read")
            && !format!("{error:?}").contains("sesame"),
        "{error}"
    );
    assert_eq!(seen.lock().unwrap().len(), 4, "denied is an answer, what broke off is not");
}

/// The parameters of a run come in one call, and an answer that breaks off carries decrypted values into no
/// error.
#[tokio::test]
async fn an_unreadable_answer_shows_nothing_of_the_secrets_in_it() {
    let broken = r#"{"Parameters":[{"Name":"/gamma/key","Value":"sesame-open","Version":"#;
    let (endpoint, seen) = service(vec![wire::json(200, broken); 3]);
    let secrets = Secrets::new(&aws::load_for(&endpoint).await, Arc::new(StillClock::default()));
    let error = secrets.read_with(&["/gamma/key", "/gamma/other"], &["/gamma/sizing"]).await.unwrap_err();
    assert_eq!(error.to_string(), "parameters: could not be read: the answer could not be read (HTTP 200)");
    assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3, "what broke off may come whole");
    assert!(
        seen[0].contains(r#""Names":["/gamma/key","/gamma/other","/gamma/sizing"],"WithDecryption":true"#),
        "{}",
        seen[0]
    );
}

#[tokio::test]
async fn a_message_that_quotes_the_token_is_left_out() {
    let quoting =
        r#"{"__type":"ValidationException","message":"Value 'sesame-open' failed to satisfy constraint"}"#;
    let denied =
        r#"{"__type":"AccessDeniedException","message":"not authorized to perform: ssm:PutParameter"}"#;
    let (endpoint, _) = service(vec![wire::json(400, quoting), wire::json(400, denied)]);
    let store = SsmTokenStore::new(&aws::load_for(&endpoint).await);
    let token = SecretString::from("sesame-open");
    let error = store.save("/gamma/token_json", &token, &TokenVersion::Count(1)).await.unwrap_err();
    assert!(error.reason.starts_with("ValidationException") && !error.reason.contains("sesame"), "{error}");
    let error = store.save("/gamma/token_json", &token, &TokenVersion::Count(1)).await.unwrap_err();
    assert_eq!(error.reason, "AccessDeniedException: not authorized to perform: ssm:PutParameter (HTTP 400)");
}

#[tokio::test]
async fn a_service_out_of_reach_says_so() {
    // Port 1 is never handed out to a listener, and nobody runs its ancient service.
    let (ledger, _) = ledger("http://127.0.0.1:1").await;
    let error = ledger.controls("schwab").await.unwrap_err().to_string();
    assert!(error.contains("read controls control#") && error.to_lowercase().contains("connect"), "{error}");
}

/// Steps to whatever is waited for.
struct SteppingClock(Mutex<Timestamp>);

impl SteppingClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(at(0))))
    }

    fn passed(&self) -> SignedDuration {
        self.now().duration_since(at(0))
    }
}

#[async_trait]
impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, until: Timestamp) {
        *self.0.lock().unwrap() = until;
    }
}

/// The SDK's waits between its attempts are random, from nothing on. Here they are nothing, the least lucky
/// case.
async fn unlucky(endpoint: &str) -> SdkConfig {
    let config = aws::load_for(endpoint).await;
    let retries = config.retry_config().unwrap().clone().with_initial_backoff(Duration::from_millis(1));
    config.to_builder().retry_config(retries).build()
}

const KEPT: [&str; 2] = ["/gamma/key", "secretsmanager:gamma/key"];

/// What both stores answer when they do: SSM looks at the one half, Secrets Manager at the other.
const VALUE: &str =
    r#"{"Parameters":[{"Name":"/gamma/key","Value":"x","Version":1}],"SecretString":"x","VersionId":"v"}"#;

#[tokio::test]
async fn secrets_ride_out_a_fault_that_clears_within_two_seconds() {
    let fault = |name: &str, status: u16| {
        Some(wire::json(status, &format!("{{\"__type\":\"{name}\",\"message\":\"no\"}}")))
    };
    for answer in [
        fault("InternalServerError", 500),
        fault("ThrottlingException", 400),
        fault("TooManyRequestsException", 429),
        None,
    ] {
        for name in KEPT {
            let (clock, answer) = (SteppingClock::new(), answer.clone());
            let seen = Arc::clone(&clock);
            let endpoint = wire::serve(move |_| {
                if seen.passed() < SignedDuration::from_millis(1900) {
                    answer.clone()
                } else {
                    Some(wire::json(200, VALUE))
                }
            });
            let set = Secrets::new(&unlucky(&endpoint).await, clock).read(&[name]).await.unwrap();
            assert_eq!(set.get(name).unwrap().expose_secret(), "x");
        }
    }
}

#[tokio::test]
async fn a_fault_that_stays_costs_the_run_two_seconds_and_is_named() {
    for name in KEPT {
        let (endpoint, seen) =
            service(vec![wire::json(500, r#"{"__type":"InternalServerError","message":"no"}"#); 20]);
        let clock = SteppingClock::new();
        let error = Secrets::new(&unlucky(&endpoint).await, clock.clone())
            .read(&[name])
            .await
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("could not be read: InternalServerError: no (HTTP 500)"), "{error}");
        assert_eq!(
            (clock.passed(), seen.lock().unwrap().len()),
            (SignedDuration::from_secs(2), 9),
            "three reads of three attempts each"
        );
    }
}

#[tokio::test]
async fn an_answer_that_will_not_change_is_not_asked_for_again() {
    for (name, status, answer) in [
        (KEPT[0], 400, r#"{"__type":"AccessDeniedException","message":"no"}"#),
        (KEPT[1], 400, r#"{"__type":"AccessDeniedException","Message":"no"}"#),
        (KEPT[1], 400, r#"{"__type":"ResourceNotFoundException","Message":"no"}"#),
        (KEPT[0], 200, r#"{"InvalidParameters":["/gamma/key"]}"#),
        (KEPT[0], 200, r#"{"Parameters":[{"Name":"/gamma/key","Value":" ","Version":1}]}"#),
    ] {
        let (endpoint, seen) = service(vec![wire::json(status, answer); 2]);
        let clock = SteppingClock::new();
        Secrets::new(&unlucky(&endpoint).await, clock.clone()).read(&[name]).await.unwrap_err();
        assert_eq!((seen.lock().unwrap().len(), clock.passed()), (1, SignedDuration::ZERO), "{answer}");
    }
}
