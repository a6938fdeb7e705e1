//! The final record of each run.

use gamma_execution::ports::{LedgerError, PutOutcome, RunRecord};

use super::DynamoLedger;
use super::item::Fields;
use super::key::DayKeys;
use super::record::run_item;
use super::table::{Expression, Written, failed};

impl DynamoLedger {
    pub(super) async fn keep_run(&self, run: &RunRecord) -> Result<PutOutcome, LedgerError> {
        let operation = "put run";
        let key = DayKeys::new(operation, &run.account, run.date)?.run(operation, &run.run_id)?;
        let meant = run_item(&key, run);
        match self.table.put(operation, &key, meant.clone(), &Expression::absent()).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => Err(failed(operation, &key, "the record was refused, yet none is shown".to_owned())),
            // Compared as written: a number in the report that is read back and written again may differ in its last digit.
            Written::Refused(Some(standing)) if meant.iter().all(|(name, value)| standing.get(name) == Some(value)) => Ok(PutOutcome::Ours),
            Written::Refused(Some(standing)) => {
                let outcome = Fields::of(&standing).text("outcome").map_err(|malformed| malformed.during(operation))?;
                Ok(PutOutcome::Theirs(format!("run {} already ended with {outcome}", run.run_id)))
            }
        }
    }
}
