//! What the ledger asks of its table; each call says plainly whether a condition failed. `dynamo.rs` is the
//! table itself.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use async_trait::async_trait;
pub use aws_sdk_dynamodb::types::AttributeValue;
use gamma_execution::ports::LedgerError;

pub use super::item::Item;
pub use super::key::Key;

/// What the ledger asks of the table it is kept in: conditional writes of one item and transactions, exactly
/// as DynamoDB makes them. Everything the ledger promises is made of these calls, so whoever stands in for
/// the table proves the ledger too.
#[async_trait]
pub trait Table: fmt::Debug + Send + Sync {
    /// One item, read consistently.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be read; so for every call here: then it is not known whether a
    /// write was made.
    async fn get(&self, operation: &'static str, key: &Key) -> Result<Option<Item>, LedgerError>;

    /// Those of `keys` (a hundred at most) that have an item, read consistently in one call.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn get_all(
        &self,
        operation: &'static str,
        keys: &[&Key],
    ) -> Result<BTreeMap<Key, Item>, LedgerError>;

    /// Every item of a partition, read consistently, page by page.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn partition(&self, operation: &'static str, partition: &str) -> Result<Vec<Item>, LedgerError>;

    /// Puts `item` at `key` when the condition holds.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn put(
        &self,
        operation: &'static str,
        key: &Key,
        item: Item,
        when: &Expression,
    ) -> Result<Written, LedgerError>;

    /// Puts `item` whatever stands there.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn replace(&self, operation: &'static str, key: &Key, item: Item) -> Result<(), LedgerError>;

    /// Takes the item at `key` away, if there is one.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn delete(&self, operation: &'static str, key: &Key) -> Result<(), LedgerError>;

    /// Changes the item at `key` when the condition holds; gives it as it then stands.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn update(
        &self,
        operation: &'static str,
        key: &Key,
        change: &Change,
    ) -> Result<Written, LedgerError>;

    /// Makes all of `steps` or none.
    ///
    /// # Errors
    /// As [`Table::get`].
    async fn transact(
        &self,
        operation: &'static str,
        key: &Key,
        steps: Vec<Step>,
    ) -> Result<Transacted, LedgerError>;
}

/// An expression with its values. Attributes are written `#name`, which also spares us the reserved words.
#[derive(Debug, Clone)]
pub struct Expression {
    pub(super) text: &'static str,
    pub(super) values: Item,
}

impl Expression {
    pub(super) fn new<const N: usize>(text: &'static str, values: [(&str, AttributeValue); N]) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { text, values }
    }

    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(#pk)", [])
    }

    /// For a step of a transaction that replaces whatever stands there: DynamoDB refuses an empty condition.
    pub(super) fn always() -> Self {
        Self::new("attribute_not_exists(#pk) OR attribute_exists(#pk)", [])
    }

    /// As DynamoDB is told it.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// The value of `:name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&AttributeValue> {
        self.values.get(name)
    }

    /// `#name` → `name`, of every name in the text.
    pub(super) fn names(&self) -> HashMap<String, String> {
        let words = self.text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '#' | '_')));
        words
            .filter_map(|word| word.strip_prefix('#').map(|name| (word.to_owned(), name.to_owned())))
            .collect()
    }

    /// What stands in the place of its `:value`s; DynamoDB refuses an empty map.
    pub(super) fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// A change and the condition it is made under.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is set.
    pub set: Expression,
    /// When.
    pub when: Expression,
}

impl Change {
    pub(super) fn names(&self) -> HashMap<String, String> {
        self.set.names().into_iter().chain(self.when.names()).collect()
    }

    pub(super) fn values(&self) -> Item {
        self.set.values.clone().into_iter().chain(self.when.values.clone()).collect()
    }
}

/// What came of a conditional write.
#[derive(Debug)]
pub enum Written {
    /// It is made.
    Done(Item),
    /// The condition failed; the item that stands there, `None` when there is none.
    Refused(Option<Item>),
}

/// One part of a transaction.
#[derive(Debug, Clone)]
pub enum Step {
    /// Nothing is changed, the condition must hold.
    Check(Key, Expression),
    /// The item is changed.
    Update(Key, Change),
    /// The item is put at its own key.
    Put(Item, Expression),
}

/// What came of a transaction: all of it or nothing.
#[derive(Debug)]
pub enum Transacted {
    /// All of it is made.
    Done,
    /// Nothing is; for each step, whether its condition failed.
    Refused(Vec<bool>),
}

pub(super) fn failed(operation: &'static str, item: impl fmt::Display, reason: String) -> LedgerError {
    LedgerError { operation, item: item.to_string(), reason, refused: false }
}
