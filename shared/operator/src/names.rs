//! What a deployment's parts are called. The names follow from the stack's, so that an operator needs to know
//! no other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The schedules of one account, and what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// 16:10: refresh the token, look whether all is ready.
    Warmup,
    /// 16:13: trade.
    Trade,
    /// 16:16: prove and record.
    Sweep,
    /// 16:30: the last look, every day of the week; its heartbeat is watched.
    LastSweep,
}

impl ScheduleKind {
    /// All of them, in the order of the day.
    pub const ALL: [Self; 4] = [Self::Warmup, Self::Trade, Self::Sweep, Self::LastSweep];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Warmup => "-warmup",
            Self::Trade => "",
            Self::Sweep => "-sweep",
            Self::LastSweep => "-last-sweep",
        }
    }
}

/// The parts of a deployment by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The ledger's table.
    pub table: String,
    /// The trading function of each account.
    pub trade: BTreeMap<String, String>,
    /// The edge guard of each account.
    pub edge_guard: BTreeMap<String, String>,
    /// Writes the spreadsheet.
    pub sheets_log: String,
    /// Keeps the tokens.
    pub token_keeper: String,
    /// The operator's function.
    pub control: String,
    /// The group that all schedules are in; their names begin with it too.
    pub schedules: String,
}

impl Names {
    /// The stack's name unless it is said.
    pub const STACK: &'static str = "gamma-trading";
    /// The schedules' prefix unless it is said.
    pub const SCHEDULES: &'static str = "gamma-cs";

    /// Of the stack `stack` with the schedule prefix `schedules`, as template.yaml makes them.
    pub fn of_stack<A: AsRef<str>>(
        stack: &str,
        schedules: &str,
        accounts: impl IntoIterator<Item = A>,
    ) -> Self {
        let accounts: Vec<String> = accounts.into_iter().map(|account| account.as_ref().to_owned()).collect();
        let of_each = |part: &str| {
            accounts.iter().map(|account| (account.clone(), format!("{stack}-{part}-{account}"))).collect()
        };
        Self {
            table: format!("{stack}-ledger"),
            trade: of_each("trade"),
            edge_guard: of_each("edge-guard"),
            sheets_log: format!("{stack}-sheets-log"),
            token_keeper: format!("{stack}-token-keeper"),
            control: format!("{stack}-control"),
            schedules: schedules.to_owned(),
        }
    }

    /// The accounts, by name.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.trade.keys().map(String::as_str)
    }

    /// The name of an account's schedule.
    #[must_use]
    pub fn schedule(&self, account: &str, kind: ScheduleKind) -> String {
        format!("{}-{account}{}", self.schedules, kind.suffix())
    }

    /// The name of the token keeper's schedule.
    #[must_use]
    pub fn token_keeper_schedule(&self) -> String {
        format!("{}-token-keeper", self.schedules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_stack() {
        let names = Names::of_stack(Names::STACK, Names::SCHEDULES, ["tt-ira", "schwab"]);
        assert_eq!(names.accounts().collect::<Vec<_>>(), ["schwab", "tt-ira"]);
        assert_eq!(
            (names.table.as_str(), names.trade["schwab"].as_str()),
            ("gamma-trading-ledger", "gamma-trading-trade-schwab")
        );
        let of_schwab = ScheduleKind::ALL.map(|kind| names.schedule("schwab", kind));
        assert_eq!(
            of_schwab,
            [
                "gamma-cs-schwab-warmup",
                "gamma-cs-schwab",
                "gamma-cs-schwab-sweep",
                "gamma-cs-schwab-last-sweep"
            ]
        );
        assert_eq!(names.token_keeper_schedule(), "gamma-cs-token-keeper");
    }
}
