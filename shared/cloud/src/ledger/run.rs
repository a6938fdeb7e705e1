//! The final record of each run.

use gamma_execution::ports::{LedgerError, PutOutcome, RunRecord};

use super::DynamoLedger;
use super::item::{Fields, Item};
use super::key::{DayKeys, Key};
use super::outbox;
use super::record::run_item;
use super::table::{Expression, Step, Transacted, Written, failed};

impl DynamoLedger {
    pub(super) async fn keep_run(&self, run: &RunRecord) -> Result<PutOutcome, LedgerError> {
        let operation = "put run";
        let key = DayKeys::new(operation, &run.account, run.date)?.run(operation, &run.run_id)?;
        let meant = run_item(&key, run);
        match self.create_run(operation, &key, run, meant.clone()).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => {
                Err(failed(operation, &key, "the record was refused, yet none is shown".to_owned()))
            }
            // Compared as written: a number in the report that is read back and written again may differ in
            // its last digit.
            Written::Refused(Some(standing))
                if meant.iter().all(|(name, value)| standing.get(name) == Some(value)) =>
            {
                Ok(PutOutcome::Ours)
            }
            Written::Refused(Some(standing)) => {
                let outcome =
                    Fields::of(&standing).text("outcome").map_err(|malformed| malformed.during(operation))?;
                Ok(PutOutcome::Theirs(format!("run {} already ended with {outcome}", run.run_id)))
            }
        }
    }

    /// The record, and with it the outbox's marks: all or nothing.
    async fn create_run(
        &self,
        operation: &'static str,
        key: &Key,
        run: &RunRecord,
        item: Item,
    ) -> Result<Written, LedgerError> {
        if run.hand_off.is_empty() {
            return self.table.put(operation, key, item, &Expression::absent()).await;
        }
        let marks: Result<Vec<Item>, LedgerError> =
            run.hand_off.iter().map(|consumer| outbox::mark(operation, run, *consumer)).collect();
        let steps = std::iter::once(item.clone())
            .chain(marks?)
            .map(|item| Step::Put(item, Expression::absent()))
            .collect();
        match self.table.transact(operation, key, steps).await? {
            Transacted::Done => Ok(Written::Done(item)),
            Transacted::Refused(_) => self.table.get(operation, key).await.map(Written::Refused),
        }
    }
}
