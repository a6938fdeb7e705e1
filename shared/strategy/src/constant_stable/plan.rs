//! What was decided, with the numbers behind it.

use std::fmt;

use gamma_market::{Effect, Price, Right, Vertical};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

/// The day's plan: every side of the signal is an intent or a skip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The trade date.
    pub trade_date: Date,
    /// The expiry.
    pub expiry: Date,
    /// What the sides make together.
    pub structure: Structure,
    /// Account value in dollars that the size comes from.
    pub equity: Decimal,
    /// Dollars per unit.
    pub unit_dollars: Decimal,
    /// `max(1, floor(equity / unit_dollars))`.
    pub units: u32,
    /// The volatility field used.
    pub volatility_field: String,
    /// Its value, decimal fraction; `None` where the profile trades the smallest bucket without one.
    pub volatility: Option<Decimal>,
    /// Bucket, from 1.
    pub bucket: usize,
    /// The bucket's multiplier.
    pub multiplier: u32,
    /// The put side, then the call side, where the signal has them.
    pub sides: Vec<SidePlan>,
}

impl Plan {
    /// Whether two plans trade the same sides, strikes and expiry: sizes aside, what a moved signal changes.
    #[must_use]
    pub fn same_trades(&self, other: &Self) -> bool {
        let trades = |plan: &Self| plan.sides.iter().map(|side| side.vertical).collect::<Vec<_>>();
        trades(self) == trades(other)
    }
}

/// What two sides make together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Structure {
    /// Both sides sold.
    IronCondorShort,
    /// Both sides bought.
    IronCondorLong,
    /// One sold, one bought.
    RiskReversal,
    /// One side only.
    SingleVertical,
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::IronCondorShort => "short iron condor",
            Self::IronCondorLong => "long iron condor",
            Self::RiskReversal => "risk reversal",
            Self::SingleVertical => "single vertical",
        })
    }
}

/// Sold or bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Sold for a credit.
    Short,
    /// Bought for a debit.
    Long,
}

/// One side of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SidePlan {
    /// Put or call.
    pub side: Right,
    /// Sold or bought.
    pub direction: Direction,
    /// The vertical.
    pub vertical: Vertical,
    /// The signal field's value whose sign chose the direction.
    pub go: Decimal,
    /// The signal's strength, for the record.
    pub strength: Decimal,
    /// The feed's own price in points, for the record.
    pub feed_price: Option<Price>,
    /// Units × multiplier.
    pub full_size: u32,
    /// After the risk-reversal reduction.
    pub target: u32,
    /// Spreads already held at these strikes.
    pub held: u32,
    /// Trade or skip.
    pub decision: Decision,
}

impl SidePlan {
    /// `PUT_SHORT`, as records have named it since the first system.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match (self.side, self.direction) {
            (Right::Put, Direction::Short) => "PUT_SHORT",
            (Right::Put, Direction::Long) => "PUT_LONG",
            (Right::Call, Direction::Short) => "CALL_SHORT",
            (Right::Call, Direction::Long) => "CALL_LONG",
        }
    }

    /// Credit or debit.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.vertical.effect()
    }

    /// Packages to trade, zero for a skip.
    #[must_use]
    pub const fn quantity(&self) -> u32 {
        match self.decision {
            Decision::Trade { quantity } => quantity,
            Decision::Skip { .. } => 0,
        }
    }
}

/// Trade or skip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// Trade this many packages.
    Trade {
        /// Packages.
        quantity: u32,
    },
    /// Trade nothing on this side.
    Skip {
        /// Why, with the numbers.
        #[serde(flatten)]
        reason: SkipReason,
    },
}

/// Why one side is not traded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum SkipReason {
    /// The target is already held.
    #[error("at or above target: {held} held, target {target}")]
    AtOrAboveTarget {
        /// Spreads held at these strikes.
        held: u32,
        /// The target.
        target: u32,
    },
    /// A leg would close something held.
    #[error("would close: {symbol} is held {position:+}, and this side {action} it")]
    WouldClose {
        /// The leg.
        symbol: gamma_market::OptionSymbol,
        /// Net contracts held.
        position: i64,
        /// `sells` or `buys`.
        action: &'static str,
    },
}

/// Why the day has no plan at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum PlanRefusal {
    /// The broker did not say what the account is worth.
    #[error("equity: missing in the broker's answer, expected dollars above zero")]
    EquityMissing,
    /// The account is worth nothing or less.
    #[error("equity: got {equity}, expected dollars above zero")]
    EquityNotPositive {
        /// What the broker said.
        equity: Decimal,
    },
    /// The signal has no volatility and the profile does not name the smallest bucket.
    #[error("signal {field}: missing or not a number, expected a volatility such as 0.20")]
    VolatilityMissing {
        /// The field.
        field: String,
    },
    /// No volatility is so small or so large: another unit.
    #[error("signal {field}: got {value}, expected a decimal fraction from 0.02 to 2, such as 0.185")]
    VolatilityImplausible {
        /// The field.
        field: String,
        /// What came.
        value: Decimal,
    },
    /// The bucket's multiplier is zero: the profile trades nothing here.
    #[error("the multiplier of bucket {bucket} is 0: nothing to trade")]
    MultiplierZero {
        /// The bucket.
        bucket: usize,
    },
    /// Neither side has a direction.
    #[error("signal LeftGo and RightGo: both absent or zero: nothing to trade")]
    NoSide,
    /// A field of the signal cannot be used.
    #[error(transparent)]
    Signal(#[from] crate::signal::SignalRefusal),
    /// A strike that no option can have.
    #[error("signal {field}: got {value}, expected a strike in points")]
    BadStrike {
        /// The field.
        field: &'static str,
        /// What came.
        value: Decimal,
    },
    /// The size does not fit a number of contracts.
    #[error("size: {units} units × {multiplier} is beyond what can be ordered")]
    TooLarge {
        /// Units.
        units: Decimal,
        /// Multiplier.
        multiplier: u32,
    },
}
