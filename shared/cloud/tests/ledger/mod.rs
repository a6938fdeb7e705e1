//! The ledger against a local DynamoDB: every condition, every recognition of our own write, lost answers
//! included.

use crate::moto;

mod control;
mod edge;
mod lease;
mod load;
mod lost;
mod outbox;
mod repeat;
mod token_lock;
mod write;

use std::slice::from_ref;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use gamma_cloud::{DynamoLedger, create_table};
use gamma_execution::ports::{Lease, Ledger, PutOutcome};

use crate::records::{ACCOUNT, DATE, StillClock, at, day, intent};

/// A ledger on a table of its own, called after the test.
async fn ledger(table: &str) -> DynamoLedger {
    let config = moto::config().await;
    create_table(&config, table).await.unwrap();
    DynamoLedger::new(&config, table, Arc::new(StillClock::default()))
}

/// Takes the lease at `second` for 20 s.
async fn take(ledger: &DynamoLedger, run_id: &str, second: i64) -> Result<Lease, String> {
    ledger.take_lease(ACCOUNT, DATE, run_id, at(second), at(second + 20)).await.unwrap()
}

/// A lease held, the day opened and the first intent written.
async fn planned(ledger: &DynamoLedger, run_id: &str) -> Lease {
    let lease = take(ledger, run_id, 0).await.unwrap();
    ours(ledger.open_day(&day(&lease.writer)).await.unwrap());
    ours(ledger.put_intents(&lease, from_ref(&intent(&lease.writer, 1))).await.unwrap());
    lease
}

/// Writes items as somebody with the console would.
struct Console {
    client: Client,
    table: String,
}

impl Console {
    async fn of(table: &str) -> Self {
        Self { client: Client::new(&moto::config().await), table: table.to_owned() }
    }

    async fn put(&self, partition: &str, sort: &str, fields: &[(&str, AttributeValue)]) {
        let request =
            self.client.put_item().table_name(&self.table).item("pk", text(partition)).item("sk", text(sort));
        let request =
            fields.iter().fold(request, |request, (name, value)| request.item(*name, value.clone()));
        request.send().await.unwrap();
    }

    async fn set(&self, partition: &str, sort: &str, field: &str, value: AttributeValue) {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(partition))
            .key("sk", text(sort));
        let request =
            request.update_expression("SET #field = :value").expression_attribute_names("#field", field);
        request.expression_attribute_values(":value", value).send().await.unwrap();
    }

    async fn items(&self) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        self.client.scan().table_name(&self.table).send().await.unwrap().items.unwrap_or_default()
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "read as ours(write.await.unwrap()), beside theirs")]
fn ours(outcome: PutOutcome) {
    assert_eq!(outcome, PutOutcome::Ours);
}

/// Refused, and the text says so with `part` in it.
#[track_caller]
fn theirs(outcome: PutOutcome, part: &str) {
    match outcome {
        PutOutcome::Theirs(said) => assert!(said.contains(part), "{said:?} does not say {part:?}"),
        PutOutcome::Ours => panic!("written, expected a refusal that says {part:?}"),
    }
}
