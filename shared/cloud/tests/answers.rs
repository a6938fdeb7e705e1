//! Answers that a local AWS never gives: contention, unreadable replies, messages that quote what was sent.

mod records;
mod wire;

use std::sync::{Arc, Mutex};

use gamma_cloud::{DynamoLedger, Secrets, SsmTokenStore, aws};
use gamma_execution::ports::{Ledger, PutOutcome, TokenStore, TokenVersion};
use secrecy::SecretString;

use records::{StillClock, at, lease, rung, writer};

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
    wire::json(400, &format!("{{\"__type\":\"{kind}\",\"Message\":\"{message}\",\"CancellationReasons\":[{}]}}", reasons.join(",")))
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
    let pauses: Vec<i64> = clock.waits.lock().unwrap().iter().map(|until| until.as_millisecond() - at(0).as_millisecond()).collect();
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
    let (endpoint, seen) = service(vec![wire::json(400, denied), wire::json(200, broken)]);
    let secrets = Secrets::new(&aws::load_for(&endpoint).await);
    let error = secrets.read(&["secretsmanager:gamma/schwab#app_key"]).await.unwrap_err().to_string();
    assert!(
        error.starts_with("secretsmanager:gamma/schwab: could not be read: AccessDeniedException")
            && error.ends_with("allow secretsmanager:GetSecretValue on it"),
        "{error}"
    );
    let error = secrets.read(&["secretsmanager:gamma/schwab#app_key"]).await.unwrap_err();
    assert!(error.to_string().contains("secretsmanager:gamma/schwab: could not be read") && !format!("{error:?}").contains("sesame"), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 2);
}

/// The parameters of a run come in one call, and an answer that breaks off carries decrypted values into no error.
#[tokio::test]
async fn an_unreadable_answer_shows_nothing_of_the_secrets_in_it() {
    let broken = r#"{"Parameters":[{"Name":"/gamma/key","Value":"sesame-open","Version":"#;
    let (endpoint, seen) = service(vec![wire::json(200, broken)]);
    let secrets = Secrets::new(&aws::load_for(&endpoint).await);
    let error = secrets.read_with(&["/gamma/key", "/gamma/other"], &["/gamma/sizing"]).await.unwrap_err();
    assert_eq!(error.to_string(), "parameters: could not be read: the answer could not be read (HTTP 200)");
    assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].contains(r#""Names":["/gamma/key","/gamma/other","/gamma/sizing"],"WithDecryption":true"#), "{}", seen[0]);
}

#[tokio::test]
async fn a_message_that_quotes_the_token_is_left_out() {
    let quoting = r#"{"__type":"ValidationException","message":"Value 'sesame-open' failed to satisfy constraint"}"#;
    let denied = r#"{"__type":"AccessDeniedException","message":"not authorized to perform: ssm:PutParameter"}"#;
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
