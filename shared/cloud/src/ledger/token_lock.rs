//! The token lock: one item for each token document, taken and given back like a lease, only shorter and
//! without a fence.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use gamma_execution::ports::{Clock, LedgerError, PutOutcome, TokenLock, TokenLockError};
use jiff::Timestamp;

use super::dynamo::DynamoTable;
use super::item::{Fields, Item, number, text};
use super::key;
use super::table::{Change, Expression, Table, Written};

/// How long after its end the item is kept: it means nothing any more, but an operator may want to see who
/// had it last.
const KEPT_AFTER_SECONDS: i64 = 24 * 60 * 60;

const TAKE: &str = "SET #run_id = :run_id, #expires = :expires, #expires_ms = :expires_ms, #ttl = :ttl";
// Ours already: the answer to an earlier try was lost. A lock that does not say until when would be taken for
// ever.
const FREE: &str = "attribute_not_exists(#expires_ms) OR #expires_ms <= :now OR #run_id = :run_id";
const RELEASE: &str = "SET #expires_ms = :zero";
const HELD: &str = "#run_id = :run_id";

/// A [`TokenLock`] in the ledger's table.
#[derive(Debug)]
pub struct DynamoTokenLock {
    table: Arc<dyn Table>,
}

impl DynamoTokenLock {
    /// Locks kept in the table called `table`. The clock is only used to pause, for some milliseconds, when
    /// another write is in the way.
    #[must_use]
    pub fn new(config: &SdkConfig, table: &str, clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::new(DynamoTable::new(config, table.to_owned(), clock)))
    }

    /// Locks over whatever keeps a table's promises.
    #[must_use]
    pub fn over(table: Arc<dyn Table>) -> Self {
        Self { table }
    }

    async fn change(
        &self,
        operation: &'static str,
        name: &str,
        set: Expression,
        when: Expression,
    ) -> Result<Written, LedgerError> {
        let key = key::token_lock(operation, name)?;
        self.table.update(operation, &key, &Change { set, when }).await
    }
}

#[async_trait]
impl TokenLock for DynamoTokenLock {
    async fn take(
        &self,
        name: &str,
        owner: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<PutOutcome, TokenLockError> {
        let set = Expression::new(
            TAKE,
            [
                (":run_id", text(owner)),
                (":expires", text(expires)),
                (":expires_ms", number(expires.as_millisecond())),
                (":ttl", number(expires.as_second() + KEPT_AFTER_SECONDS)),
            ],
        );
        let when = Expression::new(FREE, [(":now", number(now.as_millisecond())), (":run_id", text(owner))]);
        match self.change("take token lock", name, set, when).await {
            Ok(Written::Done(_)) => Ok(PutOutcome::Ours),
            Ok(Written::Refused(standing)) => Ok(PutOutcome::Theirs(holder(standing.as_ref()))),
            Err(error) => Err(failed("take", name, error)),
        }
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), TokenLockError> {
        let set = Expression::new(RELEASE, [(":zero", number(0))]);
        let when = Expression::new(HELD, [(":run_id", text(owner))]);
        self.change("release token lock", name, set, when)
            .await
            .map(drop)
            .map_err(|error| failed("release", name, error))
    }
}

/// For people only, so that a field that does not read is shown and stops nobody.
fn holder(standing: Option<&Item>) -> String {
    let Some(item) = standing else { return "by a holder that is not shown".to_owned() };
    let fields = Fields::of(item);
    let field = |name| fields.text(name).unwrap_or("?");
    format!("by run {} until {}", field("run_id"), field("expires"))
}

fn failed(what: &'static str, name: &str, error: LedgerError) -> TokenLockError {
    TokenLockError { what, name: name.to_owned(), reason: error.reason }
}
