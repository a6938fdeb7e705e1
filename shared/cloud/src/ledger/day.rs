//! The day's record, and everything below it.

use gamma_execution::ports::{DayRecord, DayState, Lease, LedgerError, LoadedDay, PutOutcome, RunEnd};
use jiff::civil::Date;

use super::DynamoLedger;
use super::item::{Fields, Item, Malformed, flag, number, text, word};
use super::key::{DayKeys, Kind, kind_of};
use super::record::{day_from, day_item, intent_from, rung_from};
use super::table::{Change, Expression, Written, failed};

const MAY_OPEN: &str = "attribute_not_exists(#pk) OR (#sending = :no AND #fence < :fence)";
const CLOSE: &str = "SET #state = :closed, #outcome = :outcome, #run_id = :run_id, #fence = :fence";
const MAY_CLOSE: &str = "attribute_exists(#pk) AND #fence <= :fence";

impl DynamoLedger {
    pub(super) async fn load(
        &self,
        account: &str,
        strategy: &str,
        date: Date,
    ) -> Result<LoadedDay, LedgerError> {
        let operation = "load day";
        let keys = DayKeys::new(operation, account, date)?;
        // The name is checked even though it is no part of the query: a strategy that cannot exist has no
        // day.
        keys.day(operation, strategy)?;
        let mut loaded = LoadedDay::default();
        for item in self.table.partition(operation, &keys.partition).await? {
            collect(&mut loaded, &item, strategy).map_err(|malformed| malformed.during(operation))?;
        }
        loaded.intents.sort_by(|a, b| a.key.cmp(&b.key));
        loaded.rungs.sort_by(|a, b| (&a.intent, a.number).cmp(&(&b.intent, b.number)));
        no_orphans(&loaded, &keys, operation)?;
        Ok(loaded)
    }

    pub(super) async fn open(&self, day: &DayRecord) -> Result<PutOutcome, LedgerError> {
        let operation = "open day";
        let key = DayKeys::new(operation, &day.account, day.date)?.day(operation, &day.strategy)?;
        let when = Expression::new(MAY_OPEN, [(":no", flag(false)), (":fence", number(day.writer.fence))]);
        match self.table.put(operation, &key, day_item(&key, day), &when).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => {
                Err(failed(operation, &key, "the day was refused, yet none is shown".to_owned()))
            }
            Written::Refused(Some(item)) => {
                let standing = day_from(&item).map_err(|malformed| malformed.during(operation))?;
                Ok(if standing == *day { PutOutcome::Ours } else { PutOutcome::Theirs(shown(&standing)) })
            }
        }
    }

    /// The record becomes the closer's: a run with an older fence that wakes up later cannot close it again
    /// its own way.
    pub(super) async fn close(
        &self,
        lease: &Lease,
        strategy: &str,
        outcome: &str,
    ) -> Result<PutOutcome, LedgerError> {
        let operation = "close day";
        let key = DayKeys::new(operation, &lease.account, lease.date)?.day(operation, strategy)?;
        let set = Expression::new(
            CLOSE,
            [
                (":closed", word(&DayState::Closed)),
                (":outcome", text(outcome)),
                (":run_id", text(&lease.writer.run_id)),
                (":fence", number(lease.writer.fence)),
            ],
        );
        let when = Expression::new(MAY_CLOSE, [(":fence", number(lease.writer.fence))]);
        match self.table.update(operation, &key, &Change { set, when }).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => Ok(PutOutcome::Theirs("no day record is kept".to_owned())),
            Written::Refused(Some(item)) => {
                let standing = day_from(&item).map_err(|malformed| malformed.during(operation))?;
                Ok(PutOutcome::Theirs(shown(&standing)))
            }
        }
    }
}

fn collect(loaded: &mut LoadedDay, item: &Item, strategy: &str) -> Result<(), Malformed> {
    let fields = Fields::of(item);
    match kind_of(fields.text("sk")?) {
        Some(Kind::Day(of)) if of == strategy => loaded.day = Some(day_from(item)?),
        Some(Kind::Intent(of)) if of == strategy => loaded.intents.push(intent_from(item)?),
        Some(Kind::Rung(of)) if of == strategy => loaded.rungs.push(rung_from(item)?),
        Some(Kind::Run) => {
            let end = RunEnd { outcome: fields.text("outcome")?.to_owned(), live: fields.flag("live")? };
            loaded.runs.insert(fields.text("run_id")?.to_owned(), end);
        }
        // Another strategy's, or the lease.
        Some(_) => {}
        None => {
            return Err(
                fields.malformed("sk", "lease, or a key that begins with day#, intent#, rung# or run#")
            );
        }
    }
    Ok(())
}

/// Readers walk from intent to rung: a rung below no intent would be an order that nobody looks at.
fn no_orphans(loaded: &LoadedDay, keys: &DayKeys, operation: &'static str) -> Result<(), LedgerError> {
    let orphan =
        loaded.rungs.iter().find(|rung| loaded.intents.iter().all(|intent| intent.key != rung.intent));
    match orphan {
        None => Ok(()),
        Some(rung) => {
            let key = keys.rung(operation, &rung.intent, rung.number)?;
            Err(failed(
                operation,
                key,
                format!("got a rung of {}, expected that intent beside it", rung.intent),
            ))
        }
    }
}

fn shown(day: &DayRecord) -> String {
    let state = match day.state {
        DayState::Open => "open",
        DayState::Closed => "closed",
    };
    let sending = if day.sending { "orders were sent" } else { "no order was sent" };
    let outcome = day.outcome.as_deref().unwrap_or("none");
    format!(
        "run {} (fence {}) has the day, {state}, {sending}, outcome {outcome}",
        day.writer.run_id, day.writer.fence
    )
}
