//! tastytrade's status words (docs/reference/tastytrade.md, Order as shown) in the ports' vocabulary.

use gamma_execution::ports::OrderStatus;

/// The status a word stands for, however its letters and spaces are written. A word we do not know stays what
/// it is, and that is not terminal.
pub(crate) fn status(word: &str) -> OrderStatus {
    let plain: String = word
        .chars()
        .take(60)
        .filter(|letter| !matches!(letter, ' ' | '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect();
    match plain.as_str() {
        "received" | "routed" | "inflight" | "contingent" => OrderStatus::Pending,
        "live" => OrderStatus::Working,
        "cancelrequested" | "replacerequested" => OrderStatus::CancelPending,
        "filled" => OrderStatus::Filled,
        // tastytrade writes two Ls; a reader that knew only one of the spellings let orders burn a whole
        // step. Removed is what becomes of an order that never worked.
        "cancelled" | "canceled" | "removed" | "partiallyremoved" => OrderStatus::Canceled,
        "rejected" => OrderStatus::Rejected,
        "expired" => OrderStatus::Expired,
        _ => OrderStatus::Other(word.chars().take(60).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_word() {
        for (words, expected) in [
            ("Received,Routed,In Flight,Contingent,IN_FLIGHT,in-flight,InFlight", OrderStatus::Pending),
            ("Live,LIVE", OrderStatus::Working),
            ("Cancel Requested,Replace Requested,cancel_requested", OrderStatus::CancelPending),
            ("Filled,FILLED", OrderStatus::Filled),
            (
                "Cancelled,Canceled,CANCELLED,CANCELED,Removed,Partially Removed,partially_removed",
                OrderStatus::Canceled,
            ),
            ("Rejected", OrderStatus::Rejected),
            ("Expired", OrderStatus::Expired),
        ] {
            for word in words.split(',') {
                assert_eq!(status(word), expected, "{word}");
            }
        }
        for word in ["Partially Filled", "", "Done", "Filledx"] {
            assert!(matches!(status(word), OrderStatus::Other(kept) if kept == word));
            assert!(!status(word).is_terminal());
        }
    }
}
