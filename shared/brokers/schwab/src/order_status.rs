//! Schwab's status words (docs/reference/schwab.md, Order as shown) in the ports' vocabulary.

use gamma_execution::ports::OrderStatus;

/// The status a word stands for. A word we do not know stays what it is, and that is not terminal.
pub(crate) fn status(word: &str) -> OrderStatus {
    match word {
        "NEW"
        | "PENDING_ACTIVATION"
        | "ACCEPTED"
        | "QUEUED"
        | "AWAITING_PARENT_ORDER"
        | "AWAITING_CONDITION"
        | "AWAITING_STOP_CONDITION"
        | "AWAITING_MANUAL_REVIEW"
        | "AWAITING_RELEASE_TIME"
        | "PENDING_ACKNOWLEDGEMENT" => OrderStatus::Pending,
        "WORKING" => OrderStatus::Working,
        // UR out is the exchange's word that an order is out of its book; a replace and a recall begin with
        // one.
        "PENDING_CANCEL" | "PENDING_REPLACE" | "PENDING_RECALL" | "AWAITING_UR_OUT" => {
            OrderStatus::CancelPending
        }
        "FILLED" => OrderStatus::Filled,
        // Schwab writes one L; other brokers, and once this one, two.
        "CANCELED" | "CANCELLED" => OrderStatus::Canceled,
        "REJECTED" => OrderStatus::Rejected,
        "EXPIRED" => OrderStatus::Expired,
        "REPLACED" => OrderStatus::Replaced,
        other => OrderStatus::Other(other.chars().take(60).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_word() {
        for (words, expected) in [
            (
                "NEW PENDING_ACTIVATION ACCEPTED QUEUED AWAITING_PARENT_ORDER AWAITING_CONDITION AWAITING_STOP_CONDITION \
                 AWAITING_MANUAL_REVIEW AWAITING_RELEASE_TIME PENDING_ACKNOWLEDGEMENT",
                OrderStatus::Pending,
            ),
            ("WORKING", OrderStatus::Working),
            ("PENDING_CANCEL PENDING_REPLACE PENDING_RECALL AWAITING_UR_OUT", OrderStatus::CancelPending),
            ("FILLED", OrderStatus::Filled),
            ("CANCELED CANCELLED", OrderStatus::Canceled),
            ("REJECTED", OrderStatus::Rejected),
            ("EXPIRED", OrderStatus::Expired),
            ("REPLACED", OrderStatus::Replaced),
        ] {
            for word in words.split_whitespace() {
                assert_eq!(status(word), expected, "{word}");
            }
        }
        for word in ["UNKNOWN", "", "filled", "DONE_FOR_DAY"] {
            assert!(matches!(status(word), OrderStatus::Other(kept) if kept == word));
            assert!(!status(word).is_terminal());
        }
    }
}
