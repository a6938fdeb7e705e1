use gamma_execution::ports::{NotPlaced, PlaceReply};
use gamma_schwab::decode;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{Verdict, status, two_lines};
use crate::promise::{bounded, fault, hides};

const HASH: &str = "A1B2C3D4";

/// The secrets, as they are and as forms spell them.
const SPELLED: [&str; 6] = [
    "canary-secret/+=",
    "canary-secret%2F%2B%3D",
    "canary-secret%2f%2b%3d",
    "canary-key",
    "canary-access@",
    "canary-access%40",
];

fn secrets() -> [SecretString; 3] {
    ["canary-secret/+=", "canary-key", "canary-access@"].map(SecretString::from)
}

/// The answer to the POST of an order: the status, the Location, the body. The Location is sent as
/// `Retry-After` too.
pub(super) fn reply(data: &[u8]) -> Verdict {
    let [line, header, body] = two_lines(data);
    let status = status(line);
    let Some(answer) = decode::answer(status, &[("location", header), ("retry-after", header)], body) else {
        return Verdict::Refused;
    };
    let [secret, key, access] = &secrets();
    let reply = decode::placed(&answer, HASH, [secret, key, access]);
    hides("a reply", &format!("{reply:?}"), &SPELLED);
    match reply {
        PlaceReply::Accepted(id) => {
            assert!(answer.is_success(), "only a success accepts: {status}");
            let digits = id.0.bytes().all(|byte| byte.is_ascii_digit());
            assert!(digits && (1..=40).contains(&id.0.len()), "an order id is part of a path: {:.100}", id.0);
            let named = String::from_utf8_lossy(header).to_ascii_uppercase();
            assert!(
                named.contains(&format!("/{HASH}/ORDERS/{id}")),
                "the order of this account: {named:.200}"
            );
            return Verdict::Reads;
        }
        PlaceReply::NotPlaced(why) => {
            assert!(
                (400..500).contains(&status) && status != 408,
                "only a 4xx proves that no order exists: {status}"
            );
            assert!(!matches!(why, NotPlaced::NotSent(_)), "it was answered: {why:?}");
            bounded(&why);
            // A page is written by what stands before the broker, and nothing else than a text that is no
            // error of the API's is.
            let text = String::from_utf8_lossy(body);
            let page = text.trim_start().starts_with('<');
            assert!(
                !page
                    || matches!(
                        why,
                        NotPlaced::NotRead(_) | NotPlaced::Unauthorized | NotPlaced::RateLimited { .. }
                    ),
                "a page: {why:?}"
            );
            if matches!(why, NotPlaced::NotRead(_)) {
                let of_the_api = text.trim().is_empty()
                    || serde_json::from_str::<serde_json::Value>(&text)
                        .is_ok_and(|value| value.get("fault").is_none());
                assert!(!of_the_api, "the broker's own no is not called unread: {text:.200}");
            }
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

/// An error answer to a read: the status, an ignored line, the body. Whatever it holds, something is said of
/// it.
pub(super) fn error_body(data: &[u8]) -> Verdict {
    let [line, _, body] = two_lines(data);
    let Some(answer) = decode::answer(status(line), &[], body) else { return Verdict::Refused };
    let [secret, key, access] = &secrets();
    let read = decode::read_fault(&answer, [secret, key, access]);
    let text = fault(&read);
    assert!(text.chars().count() <= 600 && !text.contains(['\n', '\r']), "one line for a person: {text}");
    hides("an error", &text, &SPELLED);
    Verdict::Reads
}
