//! The account's rows: one a leg.

use gamma_market::{OptionSymbol, Price};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::exchange::PositionEffect;

const COMMISSION: Decimal = Decimal::from_parts(65, 0, 0, false, 2);
const OPTION_REGULATORY_FEE: Decimal = Decimal::from_parts(2, 0, 0, false, 2);
const INDEX_OPTION_FEE: Decimal = Decimal::from_parts(30, 0, 0, false, 2);

/// Dollars one contract costs to trade, commission and fees together: 0.97.
pub const FEES_PER_CONTRACT: Decimal = Decimal::from_parts(97, 0, 0, false, 2);

/// What one row cost besides its price, in dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fees {
    /// The broker's commission.
    pub commission: Decimal,
    /// The options regulatory fee.
    pub option_regulatory: Decimal,
    /// The exchange's fee on index options.
    pub index_option: Decimal,
}

impl Fees {
    /// For some contracts.
    pub fn of(contracts: u64) -> Self {
        let contracts = Decimal::from(contracts);
        Self {
            commission: COMMISSION * contracts,
            option_regulatory: OPTION_REGULATORY_FEE * contracts,
            index_option: INDEX_OPTION_FEE * contracts,
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.commission + self.option_regulatory + self.index_option
    }
}

/// Why a row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionKind {
    /// A leg of an execution.
    Trade {
        /// The order.
        order: u64,
        /// Opening or closing.
        effect: PositionEffect,
    },
    /// The contract expired and was settled in cash.
    Expiry,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Trade or expiry.
    pub kind: TransactionKind,
    /// The contract.
    pub symbol: OptionSymbol,
    /// Contracts that came (positive) or went (negative).
    pub amount: i64,
    /// Points per contract.
    pub price: Price,
    /// Dollars that came (positive) or went for the contracts, without fees.
    pub cost: Decimal,
    /// Fees.
    pub fees: Fees,
}

impl Transaction {
    /// Dollars that came or went, fees included.
    #[must_use]
    pub fn net_amount(&self) -> Decimal {
        self.cost - self.fees.total()
    }
}
