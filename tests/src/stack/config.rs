//! What kind of day a stack is to play.

use std::collections::BTreeMap;
use std::time::Duration;

use gamma_operator::Names;
use gamma_simulator::faults::FaultPlan;
use gamma_simulator::schwab::LoginConfig;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Trader;

/// What kind of day it is.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// Chooses the market's path, its liquidity and the signal.
    pub seed: u64,
    /// Virtual time at the start.
    pub start: Timestamp,
    /// Virtual seconds per real second, for watching; `None` as fast as it goes.
    pub speed: Option<f64>,
    /// The deployment's parameter.
    pub live: bool,
    /// Whether the account is armed.
    pub armed: bool,
    /// Whether the stored access tokens have already expired; tastytrade's says nothing of its age then.
    pub expired_token: bool,
    /// How long ago a person logged in at Schwab, at the broker too. `None`: a day by the document, and the
    /// broker's seven days begin now.
    pub login_age: Option<SignedDuration>,
    /// Whether the brokers replace the refresh token with every refresh.
    pub rotating: bool,
    /// Dollars in each account.
    pub cash: Decimal,
    /// Logins at the broker beside the stack's own account, with their accounts.
    pub more_logins: Vec<LoginConfig>,
    /// A signal row to publish at once instead of the simulator's own.
    pub signal: Option<Value>,
    /// What goes wrong at broker, feed and AWS.
    pub faults: FaultPlan,
    /// Whether the functions that come after a trade are deployed too.
    pub post_trade: bool,
    /// Whether the operator's function is deployed.
    pub control: bool,
    /// Whether the function that keeps the tokens is deployed.
    pub token_keeper: bool,
    /// How often Lambda runs a failed asynchronous event again.
    pub retries: u8,
    /// Parameters to write instead of, or beside, the usual ones; an empty text leaves one out.
    pub parameters: BTreeMap<String, String>,
    /// Variables of the function instead of, or beside, the usual ones.
    pub environment: BTreeMap<String, String>,
    /// The last of several days: the market goes on, each session has a signal, and a chain that expires at
    /// the next session.
    pub through: Option<Date>,
    /// A deployment's names for the functions and the table, instead of short ones.
    pub names: Option<Names>,
    /// The ARN of the queue that hears of asynchronous events that were given up.
    pub on_failure: Option<String>,
}

impl StackConfig {
    /// The day of the real chain, a little after 16:13:00 New York: the scheduler fires anywhere in that
    /// minute.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let fired: Timestamp = "2025-09-03T20:13:00Z".parse().unwrap_or_default();
        let late = Duration::from_secs(seed.wrapping_mul(17) % 45);
        Self {
            seed,
            start: fired + late,
            speed: None,
            live: true,
            armed: true,
            expired_token: true,
            login_age: None,
            rotating: false,
            cash: Decimal::from(25_000),
            more_logins: Vec::new(),
            signal: None,
            faults: FaultPlan::default(),
            post_trade: false,
            control: false,
            token_keeper: false,
            retries: 0,
            parameters: BTreeMap::new(),
            environment: BTreeMap::new(),
            through: None,
            names: None,
            on_failure: None,
        }
    }

    /// The name of an account's trading function.
    #[must_use]
    pub fn trade_function(&self, trader: Trader) -> &str {
        self.names
            .as_ref()
            .and_then(|names| names.trade.get(trader.account))
            .map_or(trader.function, String::as_str)
    }
}
