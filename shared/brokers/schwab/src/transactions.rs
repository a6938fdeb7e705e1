//! `GET /accounts/{hash}/transactions` (docs/reference/schwab.md, Transactions): fills with their fees,
//! transfers, expiries.

pub(crate) mod read;

use gamma_execution::ports::{BrokerError, BrokerFault, OrderId};
use gamma_http::Request;
use gamma_market::{OptionSymbol, Price};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::broker::Schwab;
use crate::client::failed;
use crate::order_list::whole_milliseconds;

/// One movement of money or contracts in the account.
///
/// Rows can lag what they record by seconds to hours, so a list that lacks one proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The broker's `activityId`: no two transactions share it.
    pub id: u64,
    /// Why it is there.
    pub kind: TransactionKind,
    /// Whether it stands; `None` when not told.
    pub status: Option<TransactionStatus>,
    /// When it was entered.
    pub at: Timestamp,
    /// When it settles, where that is told.
    pub settles: Option<Timestamp>,
    /// The order it comes from. One order has a transaction for every leg of every fill.
    pub order: Option<OrderId>,
    /// Dollars that came (positive) or went, fees included; of a trade, the sum of its items' costs. `None`
    /// when not told.
    pub net_amount: Option<Decimal>,
    /// The broker's words.
    pub description: Option<String>,
    /// What moved, and what it cost.
    pub items: Vec<TransferItem>,
}

/// The broker's types.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionKind {
    /// A leg of a fill.
    Trade,
    /// Contracts or shares that came or went without a trade: an expiry, an assignment, a transfer in kind.
    ReceiveAndDeliver,
    /// Dividends and interest.
    DividendOrInterest,
    /// Money in through the clearing house of banks.
    AchReceipt,
    /// Money out through the clearing house of banks.
    AchDisbursement,
    /// Cash in.
    CashReceipt,
    /// Cash out.
    CashDisbursement,
    /// An electronic transfer.
    ElectronicFund,
    /// Money out by wire.
    WireOut,
    /// Money in by wire.
    WireIn,
    /// A booking between accounts.
    Journal,
    /// A note.
    Memorandum,
    /// A margin call.
    MarginCall,
    /// The money market fund.
    MoneyMarket,
    /// An adjustment of the special memorandum account.
    SmaAdjustment,
    /// A word we do not know.
    Other(String),
}

impl TransactionKind {
    /// Every type that the documents name.
    pub const KNOWN: [Self; 15] = [
        Self::Trade,
        Self::ReceiveAndDeliver,
        Self::DividendOrInterest,
        Self::AchReceipt,
        Self::AchDisbursement,
        Self::CashReceipt,
        Self::CashDisbursement,
        Self::ElectronicFund,
        Self::WireOut,
        Self::WireIn,
        Self::Journal,
        Self::Memorandum,
        Self::MarginCall,
        Self::MoneyMarket,
        Self::SmaAdjustment,
    ];

    /// The broker's word for it.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Trade => "TRADE",
            Self::ReceiveAndDeliver => "RECEIVE_AND_DELIVER",
            Self::DividendOrInterest => "DIVIDEND_OR_INTEREST",
            Self::AchReceipt => "ACH_RECEIPT",
            Self::AchDisbursement => "ACH_DISBURSEMENT",
            Self::CashReceipt => "CASH_RECEIPT",
            Self::CashDisbursement => "CASH_DISBURSEMENT",
            Self::ElectronicFund => "ELECTRONIC_FUND",
            Self::WireOut => "WIRE_OUT",
            Self::WireIn => "WIRE_IN",
            Self::Journal => "JOURNAL",
            Self::Memorandum => "MEMORANDUM",
            Self::MarginCall => "MARGIN_CALL",
            Self::MoneyMarket => "MONEY_MARKET",
            Self::SmaAdjustment => "SMA_ADJUSTMENT",
            Self::Other(word) => word,
        }
    }

    /// Whether it brings money into the account or takes it out, so that equity changes without a gain or a
    /// loss. `None` for a word we do not know.
    #[must_use]
    pub const fn is_transfer(&self) -> Option<bool> {
        match self {
            Self::AchReceipt
            | Self::AchDisbursement
            | Self::CashReceipt
            | Self::CashDisbursement
            | Self::ElectronicFund
            | Self::WireOut
            | Self::WireIn
            | Self::Journal => Some(true),
            Self::Trade
            | Self::ReceiveAndDeliver
            | Self::DividendOrInterest
            | Self::Memorandum
            | Self::MarginCall
            | Self::MoneyMarket
            | Self::SmaAdjustment => Some(false),
            Self::Other(_) => None,
        }
    }
}

/// Whether a transaction stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionStatus {
    /// It stands.
    Valid,
    /// It does not.
    Invalid,
    /// Not yet.
    Pending,
    /// It was taken back.
    Canceled,
    /// A word we do not know.
    Other(String),
}

/// One row of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferItem {
    /// A fee. Fees of zero are listed too.
    Fee {
        /// Which.
        kind: FeeKind,
        /// Dollars, negative when paid.
        cost: Decimal,
    },
    /// Option contracts.
    Contracts {
        /// The contract.
        symbol: OptionSymbol,
        /// How many came (positive) or went.
        contracts: i64,
        /// Points each.
        price: Option<Price>,
        /// Dollars that came (positive) or went for them, without fees.
        cost: Option<Decimal>,
        /// Opening or closing.
        effect: Option<PositionEffect>,
    },
    /// Money as such. Which of the two is filled is not documented; the transaction's net amount decides.
    Cash {
        /// Dollars.
        amount: Option<Decimal>,
        /// Dollars that came (positive) or went.
        cost: Option<Decimal>,
    },
    /// Anything else: shares, funds, an option whose symbol we cannot read.
    Other {
        /// `EQUITY` and its like.
        asset_type: Option<String>,
        /// Its symbol.
        symbol: Option<String>,
        /// Units that came (positive) or went.
        amount: Option<Decimal>,
        /// Per unit.
        price: Option<Price>,
        /// Dollars that came (positive) or went for them, without fees.
        cost: Option<Decimal>,
    },
}

/// What a fee is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeeKind {
    /// The broker's commission.
    Commission,
    /// The options regulatory fee.
    OptionRegulatory,
    /// The exchange's fee on index options.
    IndexOption,
    /// The regulator's fee on sales.
    Sec,
    /// The trading activity fee.
    TradingActivity,
    /// Another, in the broker's word.
    Other(String),
}

/// Whether contracts opened or closed a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PositionEffect {
    /// `OPENING`.
    Opening,
    /// `CLOSING`.
    Closing,
    /// Another, in the broker's word.
    Other(String),
}

impl Transaction {
    /// Dollars of commission and fees paid, above zero unless some were given back.
    #[must_use]
    pub fn fees(&self) -> Decimal {
        self.items.iter().fold(Decimal::ZERO, |sum, item| match item {
            TransferItem::Fee { cost, .. } => sum.saturating_sub(*cost),
            _ => sum,
        })
    }
}

/// Which transactions are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionQuery {
    /// Entered no earlier.
    pub from: Timestamp,
    /// Entered no later; at most [`TransactionQuery::LONGEST`] after `from`.
    pub to: Timestamp,
    /// Of these types, at least one.
    pub kinds: Vec<TransactionKind>,
    /// Of this symbol only: 21 characters for an option.
    pub symbol: Option<String>,
}

impl TransactionQuery {
    /// Schwab answers for a year at most; a year without a leap day is always inside.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(365 * 24);
    /// The most rows Schwab gives. There are no pages: a list this long may have been cut off and is an
    /// error.
    pub const MOST_ROWS: usize = 3000;

    fn impossible(&self) -> Option<String> {
        let length = self.to.duration_since(self.from);
        if self.kinds.is_empty() {
            return Some("types: got none, expected at least one; nothing was sent".to_owned());
        }
        if length.is_negative() || length > Self::LONGEST {
            return Some(format!(
                "endDate: got {}, expected up to 365 days from {}; nothing was sent",
                self.to, self.from
            ));
        }
        None
    }

    fn pairs(&self) -> Vec<(&'static str, String)> {
        let [start, end] = whole_milliseconds(self.from, self.to);
        let types: Vec<&str> = self.kinds.iter().map(TransactionKind::word).collect();
        let mut pairs = vec![("startDate", start), ("endDate", end), ("types", types.join(","))];
        pairs.extend(self.symbol.clone().map(|symbol| ("symbol", symbol)));
        pairs
    }
}

impl Schwab {
    /// The transactions asked for, oldest first.
    ///
    /// # Errors
    /// [`BrokerError`] when the query can have no answer, or the list could not be read completely.
    pub async fn transactions(&self, query: &TransactionQuery) -> Result<Vec<Transaction>, BrokerError> {
        const OPERATION: &str = "GET transactions";
        if let Some(why) = query.impossible() {
            return Err(failed(OPERATION, BrokerFault::Refused(why)));
        }
        let url = self.transactions_url().await?;
        let pairs = query.pairs();
        let answer = self.client.read(OPERATION, || Request::get(&url).query(&pairs)).await?;
        read::list(&answer).map_err(|fault| failed(OPERATION, fault))
    }

    /// One transaction.
    ///
    /// # Errors
    /// [`BrokerError`]; one the broker does not (yet) show is [`BrokerFault::NotFound`].
    pub async fn transaction(&self, id: u64) -> Result<Transaction, BrokerError> {
        const OPERATION: &str = "GET transaction";
        let url = format!("{}/{id}", self.transactions_url().await?);
        let answer = self.client.read(OPERATION, || Request::get(&url)).await?;
        read::one(&answer, id).map_err(|fault| failed(OPERATION, fault))
    }

    async fn transactions_url(&self) -> Result<String, BrokerError> {
        Ok(format!("{}/trader/v1/accounts/{}/transactions", self.client.base, self.hash().await?))
    }
}
