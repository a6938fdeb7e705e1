//! The ledger on one DynamoDB table.
//!
//! | partition key | sort key | item |
//! |---|---|---|
//! | `<account>#<date>` | `lease` | who may act, until when; with the token lock the only item with a `ttl` |
//! | | `day#<strategy>` | the day record |
//! | | `intent#<strategy>#<side>#r<NN>` | one side of the plan |
//! | | `rung#<strategy>#<side>#r<NN>#<NN>` | one attempt to place an order |
//! | | `run#<run_id>` | how one run ended, with its report as JSON text |
//! | `<account>#outbox` | `<date>#<run_id>#<consumer>` | that consumer has not been given that run; taken away when it has |
//! | `<account>#told` | `<date>#<run_id>` | a person was told how that run ended |
//! | `<account>#edge` | `observation#<date>#<run_id>` | what the account was worth then |
//! | | `transfer#<id>` | money that came or went |
//! | | `decision` | what the edge test says of the next run |
//! | `control#<account>` | `arming`, `halt` | operator records of one account |
//! | | `change#<time>#<id>` | what an operator changed, who, why; written with the record itself, never changed but for how far it got |
//! | `control#all` | `halt`, `change#…` | the operator's halt of everything; changes for all |
//! | `token#<name>` | `lock` | who refreshes that token document and writes it back, until when |
//!
//! Records are kept attribute by attribute, not as a JSON document: conditions need half of the attributes
//! anyhow, an operator reads the rest in the console, and a document beside the attributes would be a second
//! truth. An item that does not read is an error that names item and field; nothing is skipped.
//!
//! Every write is conditional, and recognises its own success: when the condition fails, the item that stands
//! there is compared with the one meant. That is also what carries a repeated transaction; the token that the
//! SDK sends with it is a help, not a foundation.
//!
//! A lease is known by its run id, so **a run id names one delivery**: a function that is invoked again for
//! the same event needs another one.

mod control;
mod day;
mod dynamo;
mod edge;
mod intent;
mod item;
mod key;
mod lease;
mod outbox;
mod record;
mod run;
mod rung;
mod schema;
pub mod table;
mod token_lock;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use gamma_execution::ports::{
    Clock, Controls, DayRecord, IntentRecord, Lease, Ledger, LedgerError, LoadedDay, PutOutcome, RunRecord,
    RungRecord, Writer,
};
use jiff::Timestamp;
use jiff::civil::Date;

pub use control::OperatorControls;
pub use schema::create_table;
pub use token_lock::DynamoTokenLock;

use dynamo::DynamoTable;
use table::Table;

/// A [`Ledger`] over one DynamoDB table (its items and keys are told at the top of `ledger.rs`).
#[derive(Debug)]
pub struct DynamoLedger {
    table: Arc<dyn Table>,
}

impl DynamoLedger {
    /// A ledger over the table called `table`. The clock is only used to pause, for some milliseconds, when
    /// another write is in the way.
    #[must_use]
    pub fn new(config: &SdkConfig, table: &str, clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::new(DynamoTable::new(config, table.to_owned(), clock)))
    }

    /// A ledger over whatever keeps a table's promises.
    #[must_use]
    pub fn over(table: Arc<dyn Table>) -> Self {
        Self { table }
    }
}

/// What is written under a lease is written by its holder.
fn writer_holds(
    operation: &'static str,
    item: &key::Key,
    lease: &Lease,
    writer: &Writer,
) -> Result<(), LedgerError> {
    if *writer == lease.writer {
        return Ok(());
    }
    let (came, expected) = (writer, &lease.writer);
    let reason = format!(
        "writer: got run {} (fence {}), expected the lease's run {} (fence {})",
        came.run_id, came.fence, expected.run_id, expected.fence
    );
    Err(table::failed(operation, item, reason))
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn take_lease(
        &self,
        account: &str,
        date: Date,
        run_id: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<Result<Lease, String>, LedgerError> {
        self.take(account, date, run_id, now, expires).await
    }

    async fn renew_lease(&self, lease: &Lease, expires: Timestamp) -> Result<PutOutcome, LedgerError> {
        self.renew(lease, expires).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.release(lease).await
    }

    async fn load_day(&self, account: &str, strategy: &str, date: Date) -> Result<LoadedDay, LedgerError> {
        self.load(account, strategy, date).await
    }

    async fn open_day(&self, day: &DayRecord) -> Result<PutOutcome, LedgerError> {
        self.open(day).await
    }

    async fn put_intents(&self, lease: &Lease, intents: &[IntentRecord]) -> Result<PutOutcome, LedgerError> {
        self.create_intents(lease, intents).await
    }

    async fn put_sending(&self, lease: &Lease, rung: &RungRecord) -> Result<PutOutcome, LedgerError> {
        self.create_sending(lease, rung).await
    }

    async fn set_rung(
        &self,
        account: &str,
        date: Date,
        rung: &RungRecord,
    ) -> Result<PutOutcome, LedgerError> {
        self.change_rung(account, date, rung).await
    }

    async fn set_intent(
        &self,
        account: &str,
        date: Date,
        intent: &IntentRecord,
    ) -> Result<PutOutcome, LedgerError> {
        self.change_intent(account, date, intent).await
    }

    async fn close_day(
        &self,
        lease: &Lease,
        strategy: &str,
        outcome: &str,
    ) -> Result<PutOutcome, LedgerError> {
        self.close(lease, strategy, outcome).await
    }

    async fn put_run(&self, run: &RunRecord) -> Result<PutOutcome, LedgerError> {
        self.keep_run(run).await
    }

    async fn controls(&self, account: &str) -> Result<Controls, LedgerError> {
        self.read_controls(account).await
    }
}
