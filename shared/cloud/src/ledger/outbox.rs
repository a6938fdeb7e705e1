//! What is still to be handed off, and the records that consumers read.

use async_trait::async_trait;
use gamma_execution::ports::{Archive, Consumer, LedgerError, Outbox, PendingHandoff, RunKey, RunRecord};
use jiff::civil::Date;

use super::DynamoLedger;
use super::item::{Fields, Item, Malformed, item, text};
use super::key::{self, DayKeys, Kind, kind_of};
use super::record::run_from;

/// The mark of one run for one consumer.
pub(super) fn mark(
    operation: &'static str,
    run: &RunRecord,
    consumer: Consumer,
) -> Result<Item, LedgerError> {
    let run = RunKey { account: run.account.clone(), trade_date: run.date, run_id: run.run_id.clone() };
    let key = key::outbox_mark(operation, &PendingHandoff { run: run.clone(), consumer })?;
    Ok(item(
        &key,
        [
            ("account", text(&run.account)),
            ("date", text(run.trade_date)),
            ("run_id", text(&run.run_id)),
            ("consumer", text(consumer)),
        ],
    ))
}

fn pending_from(found: &Item) -> Result<PendingHandoff, Malformed> {
    let fields = Fields::of(found);
    let run = RunKey {
        account: fields.text("account")?.to_owned(),
        trade_date: fields.parsed("date", "a date such as 2025-09-03")?,
        run_id: fields.text("run_id")?.to_owned(),
    };
    Ok(PendingHandoff { run, consumer: fields.parsed("consumer", "sheets-log or edge-guard")? })
}

impl DynamoLedger {
    /// Whether a person was told of a run.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read.
    pub async fn was_told(&self, run: &RunKey) -> Result<bool, LedgerError> {
        let operation = "read told";
        Ok(self.table.get(operation, &key::told(operation, run)?).await?.is_some())
    }

    /// Keeps that a person was told of a run.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known; then the person may be told again.
    pub async fn set_told(&self, run: &RunKey) -> Result<(), LedgerError> {
        let operation = "set told";
        let key = key::told(operation, run)?;
        self.table.replace(operation, &key, item(&key, [("run_id", text(&run.run_id))])).await
    }
}

#[async_trait]
impl Outbox for DynamoLedger {
    async fn pending(&self, account: &str) -> Result<Vec<PendingHandoff>, LedgerError> {
        let operation = "read outbox";
        let found = self.table.partition(operation, &key::outbox(operation, account)?).await?;
        let pending: Result<Vec<_>, _> = found
            .iter()
            .map(|item| pending_from(item).map_err(|malformed| malformed.during(operation)))
            .collect();
        let mut pending = pending?;
        pending.sort_by(|a, b| {
            (a.run.trade_date, &a.run.run_id, a.consumer).cmp(&(b.run.trade_date, &b.run.run_id, b.consumer))
        });
        Ok(pending)
    }

    async fn handed_off(&self, handoff: &PendingHandoff) -> Result<(), LedgerError> {
        let operation = "clear outbox";
        self.table.delete(operation, &key::outbox_mark(operation, handoff)?).await
    }
}

#[async_trait]
impl Archive for DynamoLedger {
    async fn run(&self, run: &RunKey) -> Result<Option<RunRecord>, LedgerError> {
        let operation = "read run";
        let key = DayKeys::new(operation, &run.account, run.trade_date)?.run(operation, &run.run_id)?;
        let found = self.table.get(operation, &key).await?;
        found.map(|item| run_from(&item)).transpose().map_err(|malformed| malformed.during(operation))
    }

    async fn runs(&self, account: &str, date: Date) -> Result<Vec<RunRecord>, LedgerError> {
        let operation = "read runs";
        let found =
            self.table.partition(operation, &DayKeys::new(operation, account, date)?.partition).await?;
        let is_run = |item: &&Item| {
            key::Key::of(item).is_some_and(|key| matches!(kind_of(&key.sort), Some(Kind::Run)))
        };
        let runs: Result<Vec<_>, _> = found.iter().filter(is_run).map(run_from).collect();
        let mut runs = runs.map_err(|malformed| malformed.during(operation))?;
        runs.sort_by(|a, b| a.run_id.cmp(&b.run_id));
        Ok(runs)
    }
}
