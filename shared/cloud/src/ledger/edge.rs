//! An account's equity log and the edge guard's decision. Nothing of it expires.

use async_trait::async_trait;
use gamma_execution::ports::{
    EdgeDecision, EdgeLedger, EdgeLog, LedgerError, Observation, PutOutcome, Transfer,
};

use super::DynamoLedger;
use super::item::{Fields, Item, Malformed, flag, item, number, text, word};
use super::key::{EdgeKeys, Key};
use super::table::{Expression, Written, failed};

const TIME: &str = "an RFC 3339 time";
const DATE: &str = "a date such as 2026-02-12";
const DOLLARS: &str = "dollars, a decimal number";

/// Both lists of the log only grow, so whoever knew less looked earlier.
const NOT_FROM_MORE: &str = "attribute_not_exists(#pk) OR #known <= :known";

impl DynamoLedger {
    /// Puts an item that is never changed: absent before, or the same.
    async fn keep(&self, operation: &'static str, key: &Key, meant: Item) -> Result<PutOutcome, LedgerError> {
        match self.table.put(operation, key, meant.clone(), &Expression::absent()).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => {
                Err(failed(operation, key, "the item was refused, yet none is shown".to_owned()))
            }
            Written::Refused(Some(standing))
                if meant.iter().all(|(name, value)| standing.get(name) == Some(value)) =>
            {
                Ok(PutOutcome::Ours)
            }
            Written::Refused(Some(_)) => {
                Ok(PutOutcome::Theirs(format!("{key} stands there with other values")))
            }
        }
    }
}

#[async_trait]
impl EdgeLedger for DynamoLedger {
    async fn edge_log(&self, account: &str) -> Result<EdgeLog, LedgerError> {
        let operation = "read edge log";
        let keys = EdgeKeys::new(operation, account)?;
        let items = self.table.partition(operation, &keys.partition).await?;
        let mut log = EdgeLog::default();
        for found in &items {
            take_up(found, &mut log).map_err(|malformed| malformed.during(operation))?;
        }
        Ok(log)
    }

    async fn put_observation(&self, account: &str, seen: &Observation) -> Result<PutOutcome, LedgerError> {
        let operation = "put observation";
        let key = EdgeKeys::new(operation, account)?.observation(operation, seen.date, &seen.run_id)?;
        self.keep(operation, &key, observation_item(&key, seen)).await
    }

    async fn put_transfer(&self, account: &str, transfer: &Transfer) -> Result<PutOutcome, LedgerError> {
        let operation = "put transfer";
        let key = EdgeKeys::new(operation, account)?.transfer(operation, &transfer.id)?;
        self.keep(operation, &key, transfer_item(&key, transfer)).await
    }

    async fn put_decision(&self, account: &str, decision: &EdgeDecision) -> Result<PutOutcome, LedgerError> {
        let operation = "put edge decision";
        let key = EdgeKeys::new(operation, account)?.decision();
        let when = Expression::new(NOT_FROM_MORE, [(":known", number(decision.known))]);
        match self.table.put(operation, &key, decision_item(&key, decision), &when).await? {
            Written::Done(_) => Ok(PutOutcome::Ours),
            Written::Refused(None) => {
                Err(failed(operation, &key, "the decision was refused, yet none is shown".to_owned()))
            }
            Written::Refused(Some(standing)) => {
                let standing = decision_from(&standing).map_err(|malformed| malformed.during(operation))?;
                Ok(PutOutcome::Theirs(format!(
                    "the decision of {} was made from {} items, this one from {}",
                    standing.run_date, standing.known, decision.known
                )))
            }
        }
    }
}

fn take_up(found: &Item, log: &mut EdgeLog) -> Result<(), Malformed> {
    let fields = Fields::of(found);
    match fields.text("sk")? {
        sort if sort.starts_with(EdgeKeys::OBSERVATION) => log.observations.push(observation_from(found)?),
        sort if sort.starts_with(EdgeKeys::TRANSFER) => log.transfers.push(transfer_from(found)?),
        "decision" => {}
        _ => return Err(fields.malformed("sk", "an observation, a transfer or the decision")),
    }
    Ok(())
}

fn observation_item(key: &Key, seen: &Observation) -> Item {
    item(
        key,
        [
            ("date", text(seen.date)),
            ("run_id", text(&seen.run_id)),
            ("live", flag(seen.live)),
            ("at", text(seen.at)),
            ("counted_until", text(seen.counted_until)),
            ("equity", text(seen.equity.normalize())),
            ("source", word(&seen.source)),
        ],
    )
}

fn observation_from(found: &Item) -> Result<Observation, Malformed> {
    let fields = Fields::of(found);
    let seen = Observation {
        date: fields.parsed("date", DATE)?,
        run_id: fields.text("run_id")?.to_owned(),
        live: fields.flag("live")?,
        at: fields.parsed("at", TIME)?,
        counted_until: fields.parsed("counted_until", TIME)?,
        equity: fields.parsed("equity", DOLLARS)?,
        source: fields.word("source", "run or broker")?,
    };
    let keys = EdgeKeys { partition: fields.text("pk")?.to_owned() };
    let key = keys
        .observation("read", seen.date, &seen.run_id)
        .map_err(|_| fields.malformed("run_id", "a run id that makes a key"))?;
    fields.stands_at(&key)?;
    Ok(seen)
}

fn transfer_item(key: &Key, transfer: &Transfer) -> Item {
    item(
        key,
        [
            ("id", text(&transfer.id)),
            ("at", text(transfer.at)),
            ("amount", text(transfer.amount.normalize())),
        ],
    )
}

fn transfer_from(found: &Item) -> Result<Transfer, Malformed> {
    let fields = Fields::of(found);
    let transfer = Transfer {
        id: fields.text("id")?.to_owned(),
        at: fields.parsed("at", TIME)?,
        amount: fields.parsed("amount", DOLLARS)?,
    };
    let keys = EdgeKeys { partition: fields.text("pk")?.to_owned() };
    let key =
        keys.transfer("read", &transfer.id).map_err(|_| fields.malformed("id", "an id that makes a key"))?;
    fields.stands_at(&key)?;
    Ok(transfer)
}

fn decision_item(key: &Key, decision: &EdgeDecision) -> Item {
    let mut made = item(
        key,
        [
            ("run_date", text(decision.run_date)),
            ("verdict", word(&decision.verdict)),
            ("why", text(&decision.why)),
            ("known", number(decision.known)),
        ],
    );
    if let Some(until) = decision.pause_until {
        made.insert("pause_until".to_owned(), text(until));
    }
    made
}

pub(super) fn decision_from(found: &Item) -> Result<EdgeDecision, Malformed> {
    let fields = Fields::of(found);
    Ok(EdgeDecision {
        run_date: fields.parsed("run_date", DATE)?,
        verdict: fields.word("verdict", "a verdict of the edge test")?,
        pause_until: fields.optional("pause_until", |fields| fields.parsed("pause_until", DATE))?,
        why: fields.text("why")?.to_owned(),
        known: fields.number("known")?,
    })
}
