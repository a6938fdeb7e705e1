//! What a ladder is told, what it asks for, and how it ends.

use gamma_market::PackageNbbo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::approval::{Approved, PackageOrder};
use crate::ports::{NotSent, OrderId, OrderView, PlaceReply};

/// What happened.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The next rung may open, until `closes`, at these quotes.
    Open {
        /// Fresh package quotes.
        nbbo: PackageNbbo,
        /// When its wait ends.
        closes: Timestamp,
    },
    /// What came of the POST.
    Posted(PlaceReply),
    /// Nothing was sent, and no mark was written either: the rung's number is still free.
    Unmarked(NotSent),
    /// The order was read, and it is ours.
    Seen(&'a OrderView),
    /// The order that the POST's answer named was read, and it is not ours, in words.
    Another(String),
    /// The broker's orders were listed, and none of them replaces the order.
    Unlinked {
        /// Whether the order itself is among them: a list without it may be empty, or late.
        shown: bool,
    },
    /// Somebody edited the order at the broker, in words: it lives on under another id.
    Edited(String),
    /// The order could not be read.
    Unread,
    /// The broker's orders that can be the one of unknown outcome, read completely.
    Located(Vec<&'a OrderView>),
    /// Time passed.
    Time,
    /// No further rung may open; what is out is cancelled and proven.
    Stop(StopReason),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Write SENDING, then send this order once.
    Post(Posting),
    /// Read the order.
    Read(OrderId),
    /// Ask for a cancel.
    Cancel(OrderId),
    /// List the broker's orders and match this posting's fingerprint.
    Locate(Posting),
    /// Read the order, and list the broker's orders for one that replaces it.
    Confirm(OrderId),
    /// Record that the broker's answer named this order.
    RecordNamed {
        /// The rung.
        posting: Posting,
        /// The broker's id.
        order: OrderId,
    },
    /// Record that this order is ours.
    RecordAccepted {
        /// The rung.
        posting: Posting,
        /// The broker's id.
        order: OrderId,
    },
    /// Record that this posting never existed.
    RecordRefused {
        /// The rung.
        posting: Posting,
        /// Why.
        reason: String,
    },
    /// Record that the order is over.
    RecordTerminal {
        /// The rung.
        posting: Posting,
        /// The order as the broker showed it last.
        order: Box<OrderView>,
    },
    /// Record that the outcome could not be proven.
    RecordUnknown {
        /// The rung.
        posting: Posting,
        /// What is known.
        reason: String,
    },
    /// Note that a rung was not opened.
    Skipped(RungSkip),
}

/// One order to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Counted over the intent.
    pub number: u32,
    /// The approved order.
    pub order: Approved<PackageOrder>,
    /// The quotes its price was made from.
    pub nbbo: PackageNbbo,
}

/// Why a rung was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungSkip {
    /// No sound price inside the envelope.
    #[error("no price: {0}")]
    NoPrice(String),
}

/// Why a ladder was told to stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// An operator halted trading.
    #[error("halted: {0}")]
    Halted(String),
    /// The account is no longer armed.
    #[error("no longer armed")]
    Disarmed,
    /// Another run took the lease, or it could not be renewed.
    #[error("lease lost: {0}")]
    LeaseLost(String),
    /// The signal moved.
    #[error("signal moved")]
    SignalMoved,
    /// No rung fits before the close or the end of the function.
    #[error("no time left")]
    TimeUp,
    /// The ledger could not be written or read.
    #[error("ledger unavailable: {0}")]
    Ledger(String),
    /// The fate of an order of the other side is not proven.
    #[error("the other side is unresolved")]
    OtherSideUnresolved,
    /// An order of unknown outcome did not show up within the settle window.
    #[error("an order of unknown outcome was not found in time")]
    NotFoundInTime,
    /// Whether a mark was written is not known: the rung may stand in the ledger.
    #[error("a mark may have been written: {0}")]
    MarkUnknown(String),
    /// The broker's answers about the order contradict each other.
    #[error("the broker contradicts itself: {0}")]
    Contradiction(String),
}

/// How a side ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end", content = "detail")]
pub enum SideEnd {
    /// Everything filled.
    Filled,
    /// Every rung was worked; the rest is not filled.
    Exhausted,
    /// Told to stop.
    Stopped(StopReason),
    /// The broker refused or rejected the order.
    Rejected(String),
    /// An order's fate could not be proven: an operator has to look.
    Unresolved(String),
}
