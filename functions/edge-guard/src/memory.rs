//! The ledger and a broker in memory, for tests: the real table's conditions, and calls that fail before or
//! after their effect.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use gamma_execution::ports::{
    BrokerError, BrokerFault, EdgeDecision, EdgeLedger, EdgeLog, Equity, LedgerError, Observation,
    PutOutcome, Transfer, Transfers,
};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing; others come in between, so often.
    Late(u8),
    /// It fails, and nothing happened.
    Before,
    /// It fails, and it happened.
    After,
}

#[derive(Debug, Default)]
struct Kept {
    observations: BTreeMap<(Date, String), Observation>,
    transfers: BTreeMap<String, Transfer>,
    decision: Option<EdgeDecision>,
}

/// Several accounts' edge logs.
#[derive(Debug, Default)]
pub(crate) struct MemoryEdge {
    kept: Mutex<BTreeMap<String, Kept>>,
    /// The trouble of the next calls, in order.
    pub(crate) troubles: Mutex<VecDeque<Trouble>>,
}

impl MemoryEdge {
    pub(crate) fn decision(&self, account: &str) -> Option<EdgeDecision> {
        self.kept.lock().unwrap().get(account).and_then(|kept| kept.decision.clone())
    }

    async fn call<T: Send>(
        &self,
        operation: &'static str,
        account: &str,
        effect: impl FnOnce(&mut Kept) -> T + Send,
    ) -> Result<T, LedgerError> {
        let failed = || LedgerError {
            operation,
            item: account.to_owned(),
            reason: "scripted".to_owned(),
            refused: false,
        };
        let trouble = self.troubles.lock().unwrap().pop_front();
        match trouble {
            Some(Trouble::Before) => return Err(failed()),
            Some(Trouble::Late(times)) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Some(Trouble::After) | None => {}
        }
        let done = effect(self.kept.lock().unwrap().entry(account.to_owned()).or_default());
        if trouble == Some(Trouble::After) { Err(failed()) } else { Ok(done) }
    }
}

/// Absent before, or the same.
fn keep<K: Ord, V: Clone + PartialEq>(map: &mut BTreeMap<K, V>, key: K, value: &V) -> PutOutcome {
    let standing = map.entry(key).or_insert_with(|| value.clone());
    if standing == value { PutOutcome::Ours } else { PutOutcome::Theirs("another stands there".to_owned()) }
}

#[async_trait]
impl EdgeLedger for MemoryEdge {
    async fn edge_log(&self, account: &str) -> Result<EdgeLog, LedgerError> {
        let read = |kept: &mut Kept| EdgeLog {
            observations: kept.observations.values().cloned().collect(),
            transfers: kept.transfers.values().cloned().collect(),
        };
        self.call("read edge log", account, read).await
    }

    async fn put_observation(&self, account: &str, seen: &Observation) -> Result<PutOutcome, LedgerError> {
        self.call("put observation", account, |kept| {
            keep(&mut kept.observations, (seen.date, seen.run_id.clone()), seen)
        })
        .await
    }

    async fn put_transfer(&self, account: &str, transfer: &Transfer) -> Result<PutOutcome, LedgerError> {
        self.call("put transfer", account, |kept| keep(&mut kept.transfers, transfer.id.clone(), transfer))
            .await
    }

    async fn put_decision(&self, account: &str, decision: &EdgeDecision) -> Result<PutOutcome, LedgerError> {
        let put = |kept: &mut Kept| match &kept.decision {
            Some(standing) if standing.known > decision.known => {
                PutOutcome::Theirs("made from more".to_owned())
            }
            _ => {
                kept.decision = Some(decision.clone());
                PutOutcome::Ours
            }
        };
        self.call("put decision", account, put).await
    }
}

/// A broker: its transfers, and what the account is worth.
#[derive(Debug, Default)]
pub(crate) struct MemoryBroker {
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) equity: Option<Decimal>,
    /// The next reads of transfers fail, so often.
    pub(crate) fails: Mutex<u32>,
    /// What was asked for.
    pub(crate) asked: Mutex<Vec<(Timestamp, Timestamp)>>,
}

#[async_trait]
impl Transfers for MemoryBroker {
    async fn transfers(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Transfer>, BrokerError> {
        tokio::task::yield_now().await;
        let mut fails = self.fails.lock().unwrap();
        if *fails > 0 {
            *fails -= 1;
            return Err(BrokerError {
                broker: "memory",
                operation: "GET transactions",
                fault: BrokerFault::Unavailable("scripted".to_owned()),
            });
        }
        self.asked.lock().unwrap().push((from, to));
        Ok(self.transfers.iter().filter(|transfer| (from..=to).contains(&transfer.at)).cloned().collect())
    }
}

#[async_trait]
impl Equity for MemoryBroker {
    async fn equity(&self) -> Result<Option<Decimal>, BrokerError> {
        Ok(self.equity)
    }
}
