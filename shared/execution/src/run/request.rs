//! What a run is given: the event's wish, the account's profile, and the world.

use gamma_market::calendar::Calendar;
use gamma_strategy::constant_stable;
use jiff::Timestamp;
use jiff::civil::Date;

use super::Resolve;
use crate::gates::{AnnouncedCalendar, known};
use crate::ports::{Broker, Clock, Consumer, Ledger, SignalSource};
use crate::profile::ExecutionProfile;
use crate::tokens::TokenKeeper;

/// What a run works with.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Time.
    pub clock: &'a dyn Clock,
    /// The account's broker.
    pub broker: &'a dyn Broker,
    /// The day's signal.
    pub signal: &'a dyn SignalSource,
    /// The durable record.
    pub ledger: &'a dyn Ledger,
    /// The broker's token document.
    pub tokens: &'a TokenKeeper,
}

/// How one account trades.
#[derive(Debug, Clone)]
pub struct AccountProfile {
    /// What to trade.
    pub strategy: constant_stable::Profile,
    /// How to work it.
    pub execution: ExecutionProfile,
}

/// One delivery.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The account.
    pub account: String,
    /// This delivery's id; every retry of an event is a run of its own.
    pub run_id: String,
    /// The deployment's parameter allows live trading.
    pub deployment_live: bool,
    /// When the function is killed.
    pub deadline: Timestamp,
    /// What is asked for.
    pub task: Task,
    /// Who is deployed to take runs from here.
    pub consumers: Vec<Consumer>,
    /// The sessions, with what was announced after the build.
    pub calendar: AnnouncedCalendar,
}

impl RunRequest {
    /// The sessions as far as they are known. Whether that is enough to trade is for the gates.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        known(&self.calendar)
    }
}

/// What a delivery asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Trade the day.
    Trade {
        /// The event asks for a dry run.
        dry_run: bool,
        /// The scheduler's time.
        scheduled: Option<Timestamp>,
    },
    /// After the close: prove and record what is open, place nothing, and say so when the account has no
    /// final outcome.
    Sweep {
        /// The trade date; today where there is none.
        date: Option<Date>,
    },
    /// Record an operator's decision about a side whose orders could not be proven.
    Resolve(Resolve),
}

impl Task {
    /// Its name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Trade { .. } => "trade",
            Self::Sweep { .. } => "sweep",
            Self::Resolve(_) => "resolve",
        }
    }
}
