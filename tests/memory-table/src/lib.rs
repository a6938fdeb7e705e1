//! A table in memory with exactly DynamoDB's conditional writes: the ledger's own expressions are read and
//! evaluated. `tests/tests/table.rs` compares it with an emulated DynamoDB, call by call.
//!
//! A test that wants the real ledger without AWS takes `DynamoLedger::over` an [`Immediate`].

mod condition;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use gamma_cloud::table::{Change, Expression, Item, Key, Step, Table, Transacted, Written};
use gamma_execution::ports::LedgerError;

use crate::condition::{Assignments, Condition, assigned, assignments, condition};

/// The items, by partition and sort key.
#[derive(Debug, Default)]
pub struct MemoryTable {
    partitions: BTreeMap<String, BTreeMap<String, Item>>,
    /// Every expression is read once.
    conditions: HashMap<&'static str, Arc<Condition>>,
    changes: HashMap<&'static str, Arc<Assignments>>,
}

impl MemoryTable {
    /// The item at `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Item> {
        self.partitions.get(&key.partition)?.get(&key.sort)
    }

    /// Every item of a partition, by sort key.
    pub fn partition<'a>(&'a self, partition: &str) -> impl Iterator<Item = &'a Item> + use<'a> {
        self.partitions.get(partition).into_iter().flat_map(BTreeMap::values)
    }

    /// Every item.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.partitions.values().flat_map(BTreeMap::values)
    }

    /// Puts `item` at `key` when the condition holds.
    pub fn put(&mut self, key: &Key, item: &Item, when: &Expression) -> Written {
        if !self.holds(key, when) {
            return Written::Refused(self.get(key).cloned());
        }
        self.replace(key, item);
        Written::Done(item.clone())
    }

    /// Puts `item` at `key`, whatever stands there.
    pub fn replace(&mut self, key: &Key, item: &Item) {
        assert_eq!(Key::of(item).as_ref(), Some(key), "an item stands under its own key");
        self.partitions.entry(key.partition.clone()).or_default().insert(key.sort.clone(), item.clone());
    }

    /// Takes away what stands at `key`.
    pub fn delete(&mut self, key: &Key) {
        if let Some(items) = self.partitions.get_mut(&key.partition) {
            items.remove(&key.sort);
        }
    }

    /// Changes the item at `key` when the condition holds; an item that is not there begins with its key.
    pub fn update(&mut self, key: &Key, change: &Change) -> Written {
        if !self.holds(key, &change.when) {
            return Written::Refused(self.get(key).cloned());
        }
        let read = self
            .changes
            .entry(change.set.text())
            .or_insert_with(|| Arc::new(assignments(change.set.text())))
            .clone();
        let before = self.get(key).cloned().unwrap_or_else(|| key.attributes());
        let after = assigned(&before, &read, &change.set);
        self.replace(key, &after);
        Written::Done(after)
    }

    /// All of `steps` or none: every condition is looked at before anything is written.
    pub fn transact(&mut self, steps: &[Step]) -> Transacted {
        let refused: Vec<bool> = steps
            .iter()
            .map(|step| match step {
                Step::Check(key, when) => !self.holds(key, when),
                Step::Update(key, change) => !self.holds(key, &change.when),
                Step::Put(item, when) => !self.holds(&key_of(item), when),
            })
            .collect();
        if refused.contains(&true) {
            return Transacted::Refused(refused);
        }
        for step in steps {
            match step {
                Step::Check(..) => {}
                Step::Update(key, change) => drop(self.update(key, change)),
                Step::Put(item, _) => self.replace(&key_of(item), item),
            }
        }
        Transacted::Done
    }

    fn holds(&mut self, key: &Key, when: &Expression) -> bool {
        let read =
            self.conditions.entry(when.text()).or_insert_with(|| Arc::new(condition(when.text()))).clone();
        let nothing = Item::new();
        read.holds(self.get(key).unwrap_or(&nothing), when)
    }
}

fn key_of(item: &Item) -> Key {
    Key::of(item).expect("an item has its key")
}

/// The table alone, without a world around it: every call is answered at once.
#[derive(Debug, Default)]
pub struct Immediate(Mutex<MemoryTable>);

impl Immediate {
    fn table(&self) -> MutexGuard<'_, MemoryTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Table for Immediate {
    async fn get(&self, _: &'static str, key: &Key) -> Result<Option<Item>, LedgerError> {
        Ok(self.table().get(key).cloned())
    }

    async fn get_all(&self, _: &'static str, keys: &[&Key]) -> Result<BTreeMap<Key, Item>, LedgerError> {
        let table = self.table();
        Ok(keys.iter().filter_map(|key| table.get(key).map(|item| ((*key).clone(), item.clone()))).collect())
    }

    async fn partition(&self, _: &'static str, partition: &str) -> Result<Vec<Item>, LedgerError> {
        Ok(self.table().partition(partition).cloned().collect())
    }

    async fn put(
        &self,
        _: &'static str,
        key: &Key,
        item: Item,
        when: &Expression,
    ) -> Result<Written, LedgerError> {
        Ok(self.table().put(key, &item, when))
    }

    async fn replace(&self, _: &'static str, key: &Key, item: Item) -> Result<(), LedgerError> {
        self.table().replace(key, &item);
        Ok(())
    }

    async fn delete(&self, _: &'static str, key: &Key) -> Result<(), LedgerError> {
        self.table().delete(key);
        Ok(())
    }

    async fn update(&self, _: &'static str, key: &Key, change: &Change) -> Result<Written, LedgerError> {
        Ok(self.table().update(key, change))
    }

    async fn transact(&self, _: &'static str, _: &Key, steps: Vec<Step>) -> Result<Transacted, LedgerError> {
        Ok(self.table().transact(&steps))
    }
}
