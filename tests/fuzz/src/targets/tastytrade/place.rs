use gamma_execution::ports::{NotPlaced, PlaceReply};
use gamma_tastytrade::decode;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use super::super::{Verdict, status, two_lines};
use crate::promise::{bounded, fault, hides};

const ACCOUNT: &str = "5WT00001";
const NAME: &str = "gt-1-p1";

/// The secrets, as they are and as forms spell them.
const SPELLED: [&str; 5] =
    ["canary-secret/+=", "canary-secret%2F%2B%3D", "canary-secret%2f%2b%3d", "canary-id", "canary-access"];

/// What the client hides: its secret and id, and the token it sent.
fn secrets() -> [SecretString; 3] {
    ["canary-secret/+=", "canary-id", "canary-access"].map(SecretString::from)
}

/// The answer to the POST of an order: the status, `Retry-After`, the body.
pub(in super::super) fn reply(data: &[u8]) -> Verdict {
    let [line, header, body] = two_lines(data);
    let status = status(line);
    let Some(answer) = decode::answer(status, &[("retry-after", header)], body) else {
        return Verdict::Refused;
    };
    let [secret, id, access] = &secrets();
    let reply = decode::placed(&answer, ACCOUNT, NAME, &[secret, id, access]);
    hides("a reply", &format!("{reply:?}"), &SPELLED);
    match reply {
        PlaceReply::Accepted(id) => {
            assert!(answer.is_success(), "only a success accepts: {status}");
            let digits = id.0.bytes().all(|byte| byte.is_ascii_digit());
            assert!(digits && (1..=40).contains(&id.0.len()), "an order id is part of a path: {:.100}", id.0);
            assert!(is_told(body, &id.0), "the id of the answer's own order: {id}");
            return Verdict::Reads;
        }
        PlaceReply::NotPlaced(why) => {
            assert!(
                (400..500).contains(&status) && status != 408,
                "only a 4xx proves that no order exists: {status}"
            );
            assert!(!matches!(why, NotPlaced::NotSent(_)), "it was answered: {why:?}");
            bounded(&why);
            if let NotPlaced::RateLimited { retry_after } = why {
                assert_eq!(status, 429);
                // As the ladder adds it to now.
                let _ = Timestamp::UNIX_EPOCH.checked_add(retry_after.unwrap_or_default());
            }
        }
        PlaceReply::Unknown(why) => {
            assert!(!matches!(status, 401 | 429), "proven whoever wrote it: {status}");
            bounded(&why);
        }
    }
    Verdict::Refused
}

/// Whether the answer names this order, of this account and of this name where it says so.
fn is_told(body: &[u8], id: &str) -> bool {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    [&answer["data"]["order"], &answer["data"]].into_iter().any(|order| {
        let same = |key: &str, ours: &str| order[key].is_null() || order[key] == ours;
        let named = order["id"].as_str().map_or_else(|| order["id"].to_string(), str::to_owned);
        named == id && same("account-number", ACCOUNT) && same("external-identifier", NAME)
    })
}

/// An error answer to a read: the status, an ignored line, the body. Whatever it holds, something is said of
/// it.
pub(in super::super) fn error_body(data: &[u8]) -> Verdict {
    let [line, _, body] = two_lines(data);
    let Some(answer) = decode::answer(status(line), &[], body) else { return Verdict::Refused };
    let [secret, id, access] = &secrets();
    let text = fault(&decode::read_fault(&answer, &[secret, id, access]));
    assert!(text.chars().count() <= 600 && !text.contains(['\n', '\r']), "one line for a person: {text}");
    hides("an error", &text, &SPELLED);
    Verdict::Reads
}
