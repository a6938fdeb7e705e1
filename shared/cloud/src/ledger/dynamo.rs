//! The table in DynamoDB, tried again when another write was in the way.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, KeysAndAttributes, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use gamma_execution::ports::{Clock, LedgerError};
use jiff::SignedDuration;

use super::item::Item;
use super::key::Key;
use super::table::{Change, Expression, Step, Table, Transacted, Written, failed};
use crate::service_error::{is_refusal, reason};

/// The pauses before another try when a transaction touched the same item in the same moment. The SDK does
/// not retry these: nothing was written, and the other write is over within a few milliseconds.
const CONTENTION_PAUSES_MS: [i64; 4] = [25, 50, 100, 200];

/// The table, and what reaches it.
pub(super) struct DynamoTable {
    client: Client,
    name: String,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for DynamoTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoTable").field("name", &self.name).finish_non_exhaustive()
    }
}

impl DynamoTable {
    pub(super) fn new(config: &SdkConfig, name: String, clock: Arc<dyn Clock>) -> Self {
        let client = Client::new(config);
        Self { client, name, clock }
    }

    fn write(&self, step: Step) -> Result<TransactWriteItem, BuildError> {
        let write = TransactWriteItem::builder();
        Ok(match step {
            Step::Check(key, when) => {
                let check = ConditionCheck::builder().table_name(&self.name).set_key(Some(key.attributes()));
                let check =
                    check.condition_expression(when.text).set_expression_attribute_names(Some(when.names()));
                write.condition_check(check.set_expression_attribute_values(when.values()).build()?)
            }
            Step::Update(key, change) => {
                let update = Update::builder().table_name(&self.name).set_key(Some(key.attributes()));
                let update = update.update_expression(change.set.text).condition_expression(change.when.text);
                let update = update.set_expression_attribute_names(Some(change.names()));
                write.update(update.set_expression_attribute_values(Some(change.values())).build()?)
            }
            Step::Put(item, when) => {
                let put = Put::builder().table_name(&self.name).set_item(Some(item));
                let put =
                    put.condition_expression(when.text).set_expression_attribute_names(Some(when.names()));
                write.put(put.set_expression_attribute_values(when.values()).build()?)
            }
        }
        .build())
    }

    async fn uncontended<T, E, F>(
        &self,
        attempt: impl Fn() -> F + Send + Sync,
        contended: fn(&E) -> bool,
    ) -> Result<T, SdkError<E, HttpResponse>>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    {
        for pause in CONTENTION_PAUSES_MS {
            match attempt().await {
                Err(error) if error.as_service_error().is_some_and(contended) => {
                    let now = self.clock.now();
                    let until = now.checked_add(SignedDuration::from_millis(pause)).unwrap_or(now);
                    self.clock.sleep_until(until).await;
                }
                answered => return answered,
            }
        }
        attempt().await
    }
}

#[async_trait]
impl Table for DynamoTable {
    async fn get(&self, operation: &'static str, key: &Key) -> Result<Option<Item>, LedgerError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(true);
        let answer = request.send().await.map_err(|error| failed(operation, key, reason(&error)))?;
        Ok(answer.item)
    }

    async fn get_all(
        &self,
        operation: &'static str,
        keys: &[&Key],
    ) -> Result<BTreeMap<Key, Item>, LedgerError> {
        let place = || keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys.iter().map(|key| key.attributes()).collect()))
            .consistent_read(true);
        let wanted = wanted.build().map_err(|error| failed(operation, place(), error.to_string()))?;
        let request = self.client.batch_get_item().request_items(&self.name, wanted);
        let answer = request.send().await.map_err(|error| failed(operation, place(), reason(&error)))?;
        if answer.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
            // Part of an answer is none: whoever asked tries again.
            return Err(failed(operation, place(), "the table left keys unprocessed".to_owned()));
        }
        let items = answer.responses.unwrap_or_default().remove(&self.name).unwrap_or_default();
        items
            .into_iter()
            .map(|item| {
                Key::of(&item)
                    .map(|key| (key, item))
                    .ok_or_else(|| failed(operation, place(), "got an item without its key".to_owned()))
            })
            .collect()
    }

    async fn partition(&self, operation: &'static str, partition: &str) -> Result<Vec<Item>, LedgerError> {
        let request = self.client.query().table_name(&self.name).consistent_read(true);
        let request = request.key_condition_expression("#pk = :pk").expression_attribute_names("#pk", "pk");
        let request = request.expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        let pages = request.into_paginator().items().send();
        let items: Result<Vec<Item>, _> = pages.collect().await;
        items.map_err(|error| failed(operation, partition, reason(&error)))
    }

    async fn put(
        &self,
        operation: &'static str,
        key: &Key,
        item: Item,
        when: &Expression,
    ) -> Result<Written, LedgerError> {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(item.clone()));
        let request =
            request.condition_expression(when.text).set_expression_attribute_names(Some(when.names()));
        let request = request.set_expression_attribute_values(when.values());
        let request =
            request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.uncontended(|| request.clone().send(), is_contended).await {
            Ok(_) => Ok(Written::Done(item)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(unwritten(operation, key, &error)),
            },
        }
    }

    async fn replace(&self, operation: &'static str, key: &Key, item: Item) -> Result<(), LedgerError> {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(item));
        let sent = self.uncontended(|| request.clone().send(), is_contended::<PutItemError>).await;
        sent.map(drop).map_err(|error| unwritten(operation, key, &error))
    }

    async fn delete(&self, operation: &'static str, key: &Key) -> Result<(), LedgerError> {
        let request = self.client.delete_item().table_name(&self.name).set_key(Some(key.attributes()));
        let sent = self.uncontended(|| request.clone().send(), is_contended::<DeleteItemError>).await;
        sent.map(drop).map_err(|error| unwritten(operation, key, &error))
    }

    async fn update(
        &self,
        operation: &'static str,
        key: &Key,
        change: &Change,
    ) -> Result<Written, LedgerError> {
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key.attributes()));
        let request = request.update_expression(change.set.text).condition_expression(change.when.text);
        let request = request.set_expression_attribute_names(Some(change.names()));
        let request =
            request.set_expression_attribute_values(Some(change.values())).return_values(ReturnValue::AllNew);
        let request =
            request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match self.uncontended(|| request.clone().send(), is_contended).await {
            Ok(answer) => Ok(Written::Done(answer.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    Ok(Written::Refused(refused.item.clone()))
                }
                _ => Err(unwritten(operation, key, &error)),
            },
        }
    }

    async fn transact(
        &self,
        operation: &'static str,
        key: &Key,
        steps: Vec<Step>,
    ) -> Result<Transacted, LedgerError> {
        let built: Result<Vec<TransactWriteItem>, BuildError> =
            steps.into_iter().map(|step| self.write(step)).collect();
        let built = built.map_err(|error| failed(operation, key, error.to_string()))?;
        let request = self.client.transact_write_items().set_transact_items(Some(built));
        match self.uncontended(|| request.clone().send(), is_contended_transaction).await {
            Ok(_) => Ok(Transacted::Done),
            Err(error) => {
                let refused = error.as_service_error().and_then(refused_steps);
                refused.map(Transacted::Refused).ok_or_else(|| unwritten(operation, key, &error))
            }
        }
    }
}

/// A write that failed, and whether it is known that nothing was written.
fn unwritten<E>(operation: &'static str, key: &Key, error: &SdkError<E, HttpResponse>) -> LedgerError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    LedgerError { refused: is_refusal(error), ..failed(operation, key, reason(error)) }
}

fn is_contended<E: ProvideErrorMetadata>(error: &E) -> bool {
    error.code() == Some("TransactionConflictException")
}

const CONDITION_FAILED: &str = "ConditionalCheckFailed";
const CONTENDED: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(canceled) => canceled.cancellation_reasons(),
        _ => &[],
    }
}

/// A failed condition decides, whatever else was in the way; without one, contention is a reason to try
/// again.
fn is_contended_transaction(error: &TransactWriteItemsError) -> bool {
    let mut codes = reasons(error).iter().filter_map(CancellationReason::code);
    refused_steps(error).is_none() && codes.any(|code| CONTENDED.contains(&code))
}

fn refused_steps(error: &TransactWriteItemsError) -> Option<Vec<bool>> {
    let failed = |reason: &CancellationReason| reason.code() == Some(CONDITION_FAILED);
    let steps: Vec<bool> = reasons(error).iter().map(failed).collect();
    steps.contains(&true).then_some(steps)
}
