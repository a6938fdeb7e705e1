//! Keys of the one table.

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_execution::ports::{ControlScope, IntentKey, LedgerError, PendingHandoff, RunKey};
use jiff::Timestamp;
use jiff::civil::Date;

use super::item::Item;

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// `pk`.
    pub partition: String,
    /// `sk`.
    pub sort: String,
}

impl Key {
    /// The key under which `item` stands.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        let part = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        Some(Self { partition: part("pk")?, sort: part("sk")? })
    }

    /// Both key attributes, as a request names an item.
    #[must_use]
    pub fn attributes(&self) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(self.partition.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sort.clone())),
        ])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.sort)
    }
}

/// All keys of one (account, trade date).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayKeys {
    pub(super) partition: String,
}

impl DayKeys {
    /// The keys of `account` on `date`.
    pub(super) fn new(operation: &'static str, account: &str, date: Date) -> Result<Self, LedgerError> {
        checked_account(operation, account)?;
        Ok(Self { partition: format!("{account}#{date}") })
    }

    fn at(&self, sort: SortKey<'_>) -> Key {
        Key { partition: self.partition.clone(), sort: sort.to_string() }
    }

    pub(super) fn lease(&self) -> Key {
        self.at(SortKey::Lease)
    }

    pub(super) fn day(&self, operation: &'static str, strategy: &str) -> Result<Key, LedgerError> {
        checked(operation, "strategy", strategy)?;
        Ok(self.at(SortKey::Day(strategy)))
    }

    pub(super) fn intent(&self, operation: &'static str, intent: &IntentKey) -> Result<Key, LedgerError> {
        checked(operation, "strategy", &intent.strategy)?;
        checked(operation, "slot", &intent.slot.0)?;
        counted(operation, "revision", intent.revision)?;
        Ok(self.at(SortKey::Intent(intent)))
    }

    pub(super) fn rung(
        &self,
        operation: &'static str,
        intent: &IntentKey,
        number: u32,
    ) -> Result<Key, LedgerError> {
        self.intent(operation, intent)?;
        counted(operation, "rung number", number)?;
        Ok(self.at(SortKey::Rung(intent, number)))
    }

    pub(super) fn run(&self, operation: &'static str, run_id: &str) -> Result<Key, LedgerError> {
        checked(operation, "run id", run_id)?;
        Ok(self.at(SortKey::Run(run_id)))
    }
}

/// All keys of an account's equity log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EdgeKeys {
    pub(super) partition: String,
}

impl EdgeKeys {
    /// What the sort keys of observations begin with.
    pub(super) const OBSERVATION: &'static str = "observation#";
    /// What the sort keys of transfers begin with.
    pub(super) const TRANSFER: &'static str = "transfer#";

    pub(super) fn new(operation: &'static str, account: &str) -> Result<Self, LedgerError> {
        checked_account(operation, account)?;
        Ok(Self { partition: format!("{account}#edge") })
    }

    pub(super) fn decision(&self) -> Key {
        Key { partition: self.partition.clone(), sort: "decision".to_owned() }
    }

    pub(super) fn observation(
        &self,
        operation: &'static str,
        date: Date,
        run_id: &str,
    ) -> Result<Key, LedgerError> {
        checked(operation, "run id", run_id)?;
        Ok(Key { partition: self.partition.clone(), sort: format!("{}{date}#{run_id}", Self::OBSERVATION) })
    }

    pub(super) fn transfer(&self, operation: &'static str, id: &str) -> Result<Key, LedgerError> {
        checked(operation, "transfer", id)?;
        Ok(Key { partition: self.partition.clone(), sort: format!("{}{id}", Self::TRANSFER) })
    }
}

/// How the sort keys are written. Numbers are padded so that the console lists them in order; code sorts by
/// number.
#[derive(Clone, Copy)]
pub(super) enum SortKey<'a> {
    Lease,
    Day(&'a str),
    Intent(&'a IntentKey),
    Rung(&'a IntentKey, u32),
    Run(&'a str),
}

impl fmt::Display for SortKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lease => f.write_str("lease"),
            Self::Day(strategy) => write!(f, "day#{strategy}"),
            Self::Intent(IntentKey { strategy, slot, revision }) => {
                write!(f, "intent#{strategy}#{slot}#r{revision:02}")
            }
            Self::Rung(IntentKey { strategy, slot, revision }, number) => {
                write!(f, "rung#{strategy}#{slot}#r{revision:02}#{number:02}")
            }
            Self::Run(run_id) => write!(f, "run#{run_id}"),
        }
    }
}

/// What kind of item a sort key names, and of which strategy where it has one; `None` for a kind this table
/// does not hold.
pub(super) fn kind_of(sort: &str) -> Option<Kind<'_>> {
    if sort == "lease" {
        return Some(Kind::Lease);
    }
    let (kind, rest) = sort.split_once('#')?;
    let strategy = rest.split('#').next()?;
    match kind {
        "day" => Some(Kind::Day(strategy)),
        "intent" => Some(Kind::Intent(strategy)),
        "rung" => Some(Kind::Rung(strategy)),
        "run" => Some(Kind::Run),
        _ => None,
    }
}

/// The kinds of item below a day's partition, with their strategy.
pub(super) enum Kind<'a> {
    Lease,
    Day(&'a str),
    Intent(&'a str),
    Rung(&'a str),
    Run,
}

pub(super) fn arming(operation: &'static str, account: &str) -> Result<Key, LedgerError> {
    checked_account(operation, account)?;
    Ok(Key { partition: format!("control#{account}"), sort: "arming".to_owned() })
}

pub(super) fn halt(operation: &'static str, scope: &ControlScope) -> Result<Key, LedgerError> {
    Ok(Key { partition: controls(operation, scope)?, sort: "halt".to_owned() })
}

/// The partition of what operators decided for an account, or for all.
pub(super) fn controls(operation: &'static str, scope: &ControlScope) -> Result<String, LedgerError> {
    if let ControlScope::Account(account) = scope {
        checked_account(operation, account)?;
    }
    Ok(format!("control#{scope}"))
}

/// What the sort keys of operators' changes begin with.
pub(super) const CHANGE: &str = "change#";

/// One change. The time has nine decimals, so that the console lists changes in order.
pub(super) fn change(
    operation: &'static str,
    scope: &ControlScope,
    at: Timestamp,
    id: &str,
) -> Result<Key, LedgerError> {
    checked(operation, "change", id)?;
    Ok(Key { partition: controls(operation, scope)?, sort: format!("{CHANGE}{at:.9}#{id}") })
}

/// The partition of what an account has still to hand off.
pub(super) fn outbox(operation: &'static str, account: &str) -> Result<String, LedgerError> {
    checked_account(operation, account)?;
    Ok(format!("{account}#outbox"))
}

/// The mark that a person was told of a run.
pub(super) fn told(operation: &'static str, run: &RunKey) -> Result<Key, LedgerError> {
    checked_account(operation, &run.account)?;
    checked(operation, "run id", &run.run_id)?;
    Ok(Key { partition: format!("{}#told", run.account), sort: format!("{}#{}", run.trade_date, run.run_id) })
}

/// The mark of one run for one consumer.
pub(super) fn outbox_mark(operation: &'static str, handoff: &PendingHandoff) -> Result<Key, LedgerError> {
    let run = &handoff.run;
    checked(operation, "run id", &run.run_id)?;
    Ok(Key {
        partition: outbox(operation, &run.account)?,
        sort: format!("{}#{}#{}", run.trade_date, run.run_id, handoff.consumer),
    })
}

/// The lock of one token document, whose name is that of its parameter or secret.
pub(super) fn token_lock(operation: &'static str, name: &str) -> Result<Key, LedgerError> {
    checked(operation, "token", name)?;
    Ok(Key { partition: format!("token#{name}"), sort: "lock".to_owned() })
}

/// An account's name leads its partition keys and is what roles are cut by, so it may not look like another
/// prefix, nor like the record for all accounts.
fn checked_account(operation: &'static str, account: &str) -> Result<(), LedgerError> {
    checked(operation, "account", account)?;
    if matches!(account, "control" | "token" | "all") {
        return Err(LedgerError {
            operation,
            item: format!("account {account:?}"),
            reason: "control, token and all are reserved, expected an account's own name".to_owned(),
            refused: true,
        });
    }
    Ok(())
}

fn checked(operation: &'static str, part: &str, text: &str) -> Result<(), LedgerError> {
    if text.trim().is_empty() || text.contains('#') {
        return Err(LedgerError {
            operation,
            item: format!("{part} {text:?}"),
            reason: "expected a name that is not empty and has no #, which separates the parts of a key"
                .to_owned(),
            refused: true,
        });
    }
    Ok(())
}

fn counted(operation: &'static str, part: &str, number: u32) -> Result<(), LedgerError> {
    if number == 0 {
        return Err(LedgerError {
            operation,
            item: format!("{part} 0"),
            reason: "expected a number counted from 1".to_owned(),
            refused: true,
        });
    }
    Ok(())
}
