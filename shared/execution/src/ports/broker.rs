use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use gamma_market::{Effect, Leg, OptionSymbol, Price, QuoteBook};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Capabilities;
use crate::approval::{Approved, PackageOrder};
use crate::ladder::StopReason;

/// One brokerage account, as a run uses it. Reads may retry inside the adapter; `place` sends exactly once.
#[async_trait]
pub trait Broker: Send + Sync {
    /// What this broker can do, so that anything else is refused before any I/O.
    fn capabilities(&self) -> Capabilities;

    /// Quotes will be asked for soon: a broker that streams them gets its connection ready meanwhile. Returns
    /// at once.
    fn expect_quotes(&self) {}

    /// Equity and positions, read fresh.
    ///
    /// # Errors
    /// [`BrokerError`] when they could not be read or understood.
    async fn account(&self) -> Result<AccountSnapshot, BrokerError>;

    /// Every order entered between the two times, whatever its status and whoever entered it. A row that does
    /// not read is kept as [`OrderView::unreadable`]; it makes no other unreadable.
    ///
    /// # Errors
    /// [`BrokerError`] when the list could not be read completely.
    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError>;

    /// As [`Broker::orders`], while orders are out: whoever waits for it is late with a cancel. It answers,
    /// or fails, within seconds.
    ///
    /// # Errors
    /// [`BrokerError`] when the list could not be read completely.
    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError>;

    /// Every order that works now, whoever entered it and whenever: a good-till-cancel order of last week is
    /// not among [`Broker::orders`] of today. Orders that are over may be among them.
    ///
    /// # Errors
    /// [`BrokerError`] when the list could not be read completely.
    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError>;

    /// One order.
    ///
    /// # Errors
    /// [`BrokerError`]; an order the broker does not (yet) show is [`BrokerFault::NotFound`].
    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError>;

    /// Quotes of all `symbols` in one batched read. A symbol the broker does not know is absent from the
    /// book.
    ///
    /// # Errors
    /// [`BrokerError`] when the batch could not be read.
    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError>;

    /// Sends the order exactly once: no retry, and no guess when the answer is lost. Where the broker takes
    /// names, the order carries this one.
    async fn place(&self, order: &Approved<PackageOrder>, name: &OrderName) -> PlaceReply;

    /// Asks for a cancel. Whatever comes back, the order's state must be read until it is terminal.
    async fn cancel(&self, id: &OrderId) -> CancelReply;
}

/// The broker's own order id, kept as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub String);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Our own name of an order, which follows from the ledger alone: no two rungs of an account share one.
/// Brokers that show it do not refuse a second order of the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderName(pub String);

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Equity and positions at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountSnapshot {
    /// Account value in dollars, `None` when the broker did not say.
    pub equity: Option<Decimal>,
    /// Net quantity per contract, long positive; zero rows left out.
    pub positions: BTreeMap<OptionSymbol, i64>,
    /// Positions that cannot be ours and do not read, each in words: an adjusted contract, a root with a
    /// slash. They are noted.
    pub unreadable: Vec<String>,
}

/// Orders that work, and how far back the broker was asked for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkingOrders {
    /// Every order that works, and perhaps some that are over.
    pub orders: Vec<OrderView>,
    /// The broker shows none that were entered before; `None` when it shows all.
    pub since: Option<Timestamp>,
}

/// An order as the broker shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    /// The broker's id.
    pub id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Packages ordered.
    pub quantity: u32,
    /// Packages filled; the broker's own count.
    pub filled: u32,
    /// Limit in points, where the order has one.
    pub price: Option<Price>,
    /// Credit or debit, where it is a net order.
    pub effect: Option<Effect>,
    /// Option legs with their ratio; a leg we cannot read as an option is left out and `foreign_legs` is set.
    pub legs: Vec<(Leg, u32)>,
    /// Whether it has legs that are not options we can read.
    pub foreign_legs: bool,
    /// When it was entered (brokers give whole seconds).
    pub entered: Option<Timestamp>,
    /// Executions so far.
    pub fills: Vec<Fill>,
    /// The broker's words on a rejection.
    pub reason: Option<String>,
    /// The application tag the broker put on it, where it does.
    pub tag: Option<String>,
    /// The name that whoever entered it gave it, where the broker shows names.
    pub name: Option<OrderName>,
    /// Orders that the broker links to this one: it replaces them, or they replace it. An edited order lives
    /// on under another id.
    pub linked: Vec<OrderId>,
    /// Why the rest of the row does not read, when it does not. Id, legs and status are then as far as they
    /// could be read: a status that could not is [`OrderStatus::Other`], legs that could not set
    /// `foreign_legs`. It is never believed to be an order of ours.
    pub unreadable: Option<String>,
}

impl OrderView {
    /// Whether it may touch a contract: it names it, or it has option legs that could not be read.
    #[must_use]
    pub fn may_touch(&self, symbol: OptionSymbol) -> bool {
        self.legs.iter().any(|(leg, _)| leg.symbol == symbol)
            || (self.legs.is_empty() && self.foreign_legs && self.unreadable.is_some())
    }

    /// Proven over, for an order of `quantity` packages: "filled" is believed only once the fills add up, and
    /// a replaced order lives on under an id we do not know.
    #[must_use]
    pub fn is_settled(&self, quantity: u32) -> bool {
        match self.status {
            OrderStatus::Filled => self.filled == quantity,
            OrderStatus::Canceled | OrderStatus::Rejected | OrderStatus::Expired => self.filled <= quantity,
            OrderStatus::Pending
            | OrderStatus::Working
            | OrderStatus::CancelPending
            | OrderStatus::Replaced
            | OrderStatus::Other(_) => false,
        }
    }
}

/// One execution of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Packages filled.
    pub quantity: u32,
    /// Net price per package in points, never negative; the order's effect says which way.
    pub price: Price,
    /// When.
    pub at: Option<Timestamp>,
}

/// One vocabulary for every broker. What is not recognised is [`OrderStatus::Other`], and that is *not*
/// terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Accepted but not yet on the market.
    Pending,
    /// On the market.
    Working,
    /// A cancel is on its way; it may still fill.
    CancelPending,
    /// Completely filled. Terminal.
    Filled,
    /// Canceled, perhaps after partial fills. Terminal.
    Canceled,
    /// Rejected, at once or later. Terminal.
    Rejected,
    /// Expired. Terminal.
    Expired,
    /// Replaced by another order. Terminal.
    Replaced,
    /// A word we do not know.
    Other(String),
}

impl OrderStatus {
    /// Nothing more can happen to the order.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Rejected | Self::Expired | Self::Replaced)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Working => "working",
            Self::CancelPending => "cancel pending",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Other(word) => word,
        })
    }
}

/// What came of one POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceReply {
    /// An id came back. That names an order; whether it is ours its first read says.
    Accepted(OrderId),
    /// Proven not to exist at the broker.
    NotPlaced(NotPlaced),
    /// Timeout, 5xx, connection lost after sending, or success without an id: it may or may not exist.
    Unknown(String),
}

/// Why an order is proven not to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPlaced {
    /// Nothing left this process.
    NotSent(NotSent),
    /// The edge in front of the broker answered (its 403 page): the broker never read the order.
    NotRead(String),
    /// 401; the adapter has already refreshed the token, a new SENDING may follow.
    Unauthorized,
    /// 429.
    RateLimited {
        /// The wait the broker asked for.
        retry_after: Option<Duration>,
    },
    /// Any other 4xx: the broker read the order and said no.
    Rejected {
        /// HTTP status.
        status: u16,
        /// The broker's words.
        message: String,
    },
}

impl fmt::Display for NotPlaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::NotRead(why) => write!(f, "answered before the broker, which never read it: {why}"),
            Self::Unauthorized => f.write_str("401 unauthorized"),
            Self::RateLimited { retry_after: Some(wait) } => {
                write!(f, "429, asked to wait {} s", wait.as_secs())
            }
            Self::RateLimited { retry_after: None } => f.write_str("429"),
            Self::Rejected { status, message } => write!(f, "{status} {message}"),
        }
    }
}

/// Why nothing was sent. Adapters know the last two, the rest is found before one is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Nothing more may be sent for this intent: halted, no longer armed, the lease or the ledger lost.
    #[error(transparent)]
    Stopped(StopReason),
    /// Getting there took so long that price, permission or time are gone.
    #[error("too late: {0}")]
    TooLate(String),
    /// No order could be made: quotes without a price, no token, no account.
    #[error("could not be prepared: {0}")]
    NotPrepared(String),
    /// No connection was established.
    #[error("not connected: {0}")]
    NotConnected(String),
}

impl From<NotSent> for PlaceReply {
    fn from(why: NotSent) -> Self {
        Self::NotPlaced(NotPlaced::NotSent(why))
    }
}

/// What came of asking for a cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelReply {
    /// The broker took the request; the order may still fill.
    Requested,
    /// The broker said no, most often because it is already filled.
    Refused(String),
    /// Nothing is known.
    Unknown(String),
}

/// A broker call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{broker} {operation}: {fault}")]
pub struct BrokerError {
    /// Which broker.
    pub broker: &'static str,
    /// What was attempted, `GET positions`.
    pub operation: &'static str,
    /// What went wrong.
    pub fault: BrokerFault,
}

/// What can go wrong with a read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerFault {
    /// The refresh token is dead: a person has to log in. The text names the runbook step.
    #[error("{0}")]
    TokenDead(String),
    /// Still 401 after one refresh, or the refresh was refused for another reason.
    #[error("not authorised: {0}")]
    Unauthorized(String),
    /// The broker does not show it.
    #[error("not found: {0}")]
    NotFound(String),
    /// 429 beyond the retries.
    #[error("rate limited: {0}")]
    RateLimited(String),
    /// Not reached, timed out, 5xx, or an edge page instead of an answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The broker refused the request.
    #[error("refused: {0}")]
    Refused(String),
    /// An answer that does not read; names the field, what came and what was expected.
    #[error("answer: {0}")]
    Malformed(String),
}

impl BrokerFault {
    /// A failure that may be over in a moment.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::RateLimited(_))
    }
}
