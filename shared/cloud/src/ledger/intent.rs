//! Intents: written once before their first order, then only where they stand and what they filled.

use gamma_execution::ports::{IntentKey, IntentRecord, IntentState, Lease, LedgerError, PutOutcome};
use jiff::civil::Date;

use super::DynamoLedger;
use super::item::{Item, number, text, word};
use super::key::{DayKeys, Key};
use super::lease::fenced;
use super::record::{intent_from, intent_item};
use super::table::{Expression, Step, Transacted, Written, failed};
use super::writer_holds;

// A side that an earlier plan left out has no earlier revision; none is as empty as one without fills.
const EMPTY: &str = "attribute_not_exists(#pk) OR (#state = :terminal AND #filled = :zero)";
// A transaction holds 100 parts. A delivery plans up to four times.
const MOST_REVISIONS: u32 = 90;
// The envelope was approved once: quantity and worst price never change, and fills are never forgotten. One
// that is over is changed only by a later holder of the lease, who has seen more fills.
const MAY_SET: &str = "attribute_exists(#pk) AND #quantity = :quantity AND #worst_price = :worst_price \
     AND ((#state <> :terminal AND #filled <= :filled AND #fence <= :fence) OR (#state = :terminal AND #filled < :filled AND #fence < :fence))";

impl DynamoLedger {
    /// One transaction: the lease is ours, no intent exists yet, and whatever came before each of them ended
    /// without a fill.
    pub(super) async fn create_intents(
        &self,
        lease: &Lease,
        intents: &[IntentRecord],
    ) -> Result<PutOutcome, LedgerError> {
        let operation = "put intents";
        let keys = DayKeys::new(operation, &lease.account, lease.date)?;
        let mut steps = vec![fenced(&keys, lease)];
        let mut before = Vec::new();
        for intent in intents {
            let key = keys.intent(operation, &intent.key)?;
            writer_holds(operation, &key, lease, &intent.writer)?;
            steps.push(Step::Put(intent_item(&key, intent), Expression::absent()));
            before.extend(earlier(operation, &keys, &intent.key)?.into_iter().map(|key| (key, intent)));
        }
        steps.extend(before.iter().map(|(key, _)| Step::Check(key.clone(), empty())));
        let Transacted::Refused(refused) = self.table.transact(operation, &keys.lease(), steps).await? else {
            return Ok(PutOutcome::Ours);
        };
        if refused.first() == Some(&true) {
            return self.lease_lost(operation, lease).await;
        }
        let not_empty =
            before.iter().zip(refused.iter().skip(1 + intents.len())).find(|(_, refused)| **refused);
        if let Some(((_, intent), _)) = not_empty {
            return Ok(PutOutcome::Theirs(format!(
                "a revision before {} is not terminal with zero fills",
                intent.key
            )));
        }
        for intent in intents {
            let theirs = self.same_intent(operation, &keys.intent(operation, &intent.key)?, intent).await?;
            if theirs != PutOutcome::Ours {
                return Ok(theirs);
            }
        }
        Ok(PutOutcome::Ours)
    }

    async fn same_intent(
        &self,
        operation: &'static str,
        key: &Key,
        intent: &IntentRecord,
    ) -> Result<PutOutcome, LedgerError> {
        match self.table.get(operation, key).await? {
            Some(item) => compared(operation, &item, intent),
            None => {
                Err(failed(operation, key, "the intents were refused, yet this one is not shown".to_owned()))
            }
        }
    }

    pub(super) async fn change_intent(
        &self,
        account: &str,
        date: Date,
        intent: &IntentRecord,
    ) -> Result<PutOutcome, LedgerError> {
        let operation = "set intent";
        let key = DayKeys::new(operation, account, date)?.intent(operation, &intent.key)?;
        let when = Expression::new(
            MAY_SET,
            [
                (":terminal", word(&IntentState::Terminal)),
                (":filled", number(intent.filled)),
                (":fence", number(intent.writer.fence)),
                (":quantity", number(intent.quantity)),
                (":worst_price", text(intent.worst_price)),
            ],
        );
        match self.table.put(operation, &key, intent_item(&key, intent), &when).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => Ok(PutOutcome::Theirs("no such intent is kept".to_owned())),
            Written::Refused(Some(item)) => compared(operation, &item, intent),
        }
    }
}

/// The part of a transaction that lets an intent be followed by the next revision.
fn empty() -> Expression {
    Expression::new(EMPTY, [(":terminal", word(&IntentState::Terminal)), (":zero", number(0))])
}

fn earlier(operation: &'static str, keys: &DayKeys, key: &IntentKey) -> Result<Vec<Key>, LedgerError> {
    if key.revision > MOST_REVISIONS {
        return Err(failed(
            operation,
            key,
            format!("revision: got {}, expected {MOST_REVISIONS} at most", key.revision),
        ));
    }
    let of = |revision| IntentKey { revision, ..key.clone() };
    (1..key.revision).map(|revision| keys.intent(operation, &of(revision))).collect()
}

fn compared(operation: &'static str, item: &Item, meant: &IntentRecord) -> Result<PutOutcome, LedgerError> {
    let standing = intent_from(item).map_err(|malformed| malformed.during(operation))?;
    Ok(if standing == *meant {
        PutOutcome::Ours
    } else {
        PutOutcome::Theirs(format!(
            "run {} (fence {}) wrote {}: {} {} x{} to {}, filled {}, {:?}",
            standing.writer.run_id,
            standing.writer.fence,
            standing.key,
            standing.effect,
            standing.package.in_words(),
            standing.quantity,
            standing.worst_price,
            standing.filled,
            standing.state
        ))
    })
}
