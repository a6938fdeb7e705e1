//! The edge test: an account's equity day by day, transfers excluded, and a sequential test of its
//! returns (docs/reference/strategy.md, Edge test).
//!
//! Nothing is carried from one day to the next but what was observed: the whole chain is worked out of all
//! observations and transfers every time. A hand-off that comes late, twice or out of order therefore changes
//! nothing but what it adds.

mod cells;
mod chain;
mod settings;
#[cfg(test)]
mod tests;
mod transfers;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use cells::COLUMNS;
pub use chain::chain;
pub use settings::{EdgeSettings, EdgeSettingsError};
pub use transfers::{MoneyRow, is_transfer, words_say_transfer};

/// What an account was worth at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The trade date it is for.
    pub date: Date,
    /// The run that told it, or was the occasion to ask.
    pub run_id: String,
    /// Whether that run was to trade for real.
    pub live: bool,
    /// When the equity was read.
    pub at: Timestamp,
    /// Until when transfers are in it. A broker that gives the value of the day's start shows today's
    /// transfers tomorrow.
    pub counted_until: Timestamp,
    /// Dollars.
    pub equity: Decimal,
    /// Who read it.
    pub source: EquitySource,
}

/// Who read an equity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EquitySource {
    /// The trading run, for its plan.
    Run,
    /// The guard, after a run that ended before it had read it.
    Broker,
}

impl fmt::Display for EquitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Run => "run",
            Self::Broker => "broker",
        })
    }
}

/// Money that came into the account or left it: equity changes by it without a gain or a loss.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transfer {
    /// The broker's id; the same transfer always has the same.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Dollars, positive when they came.
    pub amount: Decimal,
}

/// What the test says of a day, in the replaced system's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// No test: its settings are not given, or there is no return yet.
    MonitorOnly,
    /// No test: sigma is not above zero.
    NoSigma,
    /// Between the bounds: go on.
    Ok,
    /// The upper bound is reached: the edge is there, and the test begins anew.
    EdgeOkReset,
    /// The lower bound is reached: trading pauses, and the test begins anew after the pause.
    PauseEdge,
    /// A pause lasts.
    Paused,
    /// The broker gives no equity above zero: no row.
    NoEquity,
}

impl Verdict {
    /// Its name in the sheet and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MonitorOnly => "MONITOR_ONLY",
            Self::NoSigma => "NO_SIGMA",
            Self::Ok => "OK",
            Self::EdgeOkReset => "EDGE_OK_RESET",
            Self::PauseEdge => "PAUSE_EDGE",
            Self::Paused => "PAUSED",
            Self::NoEquity => "NO_EQUITY",
        }
    }

    /// Whether trading may go on.
    #[must_use]
    pub const fn can_trade(self) -> bool {
        !matches!(self, Self::PauseEdge | Self::Paused)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a day ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WinLoss {
    /// The account gained.
    Win,
    /// It lost.
    Loss,
    /// Neither.
    Flat,
}

impl WinLoss {
    /// Its name in the sheet.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Win => "WIN",
            Self::Loss => "LOSS",
            Self::Flat => "FLAT",
        }
    }
}

/// One day of an account: a row of the sheet. Dollars unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    /// When the equity was read.
    pub at: Timestamp,
    /// The trade date.
    pub run_date: Date,
    /// The account.
    pub account: String,
    /// What it was worth.
    pub equity: Decimal,
    /// Who read it.
    pub source: EquitySource,
    /// What it was worth in the row before.
    pub prev_equity: Option<Decimal>,
    /// Transfers since the row before, positive when more came than went.
    pub transfer_net: Decimal,
    /// Transfers of all rows so far.
    pub transfer_cum: Decimal,
    /// Equity without them.
    pub equity_adj: Decimal,
    /// The same in the row before.
    pub prev_equity_adj: Option<Decimal>,
    /// Gain or loss since then.
    pub pnl: Option<Decimal>,
    /// The same as a share of the adjusted equity before, where that was above zero.
    pub ret: Option<Decimal>,
    /// The highest adjusted equity so far.
    pub peak_equity: Decimal,
    /// How far below it.
    pub dd: Decimal,
    /// The same as a share of it, where it is above zero.
    pub dd_pct: Option<Decimal>,
    /// Gain or loss in a word.
    pub win_loss: Option<WinLoss>,
    /// The statistic after this row: zero where the test began anew.
    pub llr: Decimal,
    /// The statistic that the verdict was made from.
    pub reached: Decimal,
    /// Returns in the statistic, after this row.
    pub n: u32,
    /// The last day of the last pause, also when it is over.
    pub pause_until: Option<Date>,
    /// What the test says.
    pub verdict: Verdict,
}

impl EdgeRow {
    /// The verdict in a sentence for people.
    #[must_use]
    pub fn why(&self) -> String {
        let until = self.pause_until.map(|date| date.to_string()).unwrap_or_default();
        match self.verdict {
            Verdict::PauseEdge => format!(
                "the sequential test reached {:.4} on {}: pause until {until}",
                self.reached.round_dp(4),
                self.run_date
            ),
            Verdict::Paused => format!("the pause of an earlier verdict lasts until {until}"),
            Verdict::EdgeOkReset => {
                format!(
                    "the sequential test reached {:.4} on {}: the edge is there, it begins anew",
                    self.reached.round_dp(4),
                    self.run_date
                )
            }
            Verdict::Ok => {
                format!("the sequential test stands at {:.4} after {} returns", self.llr.round_dp(4), self.n)
            }
            Verdict::MonitorOnly => "equity is logged, nothing is tested".to_owned(),
            Verdict::NoSigma => "sigma is not above zero, nothing is tested".to_owned(),
            Verdict::NoEquity => "no equity above zero".to_owned(),
        }
    }
}
