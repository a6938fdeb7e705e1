//! One delivery: what the function assembles around a run, over the simulated world.

use std::sync::Arc;
use std::time::Duration;

use gamma_cloud::{DynamoLedger, DynamoTokenLock};
use gamma_execution::handoff::hand_off;
use gamma_execution::ports::{Clock, TokenStore};
use gamma_execution::report::RunReport;
use gamma_execution::run::{AccountProfile, Ports, RunRequest, run};
use gamma_execution::tokens::{TokenIdentity, TokenKeeper, TokenPorts};

use crate::desk::Desk;
use crate::hand::Hand;
use crate::scenario::Account;
use crate::store::age;

/// Reads the token, then runs; `None` when the token could not be read.
pub(crate) async fn deliver(
    hand: Hand,
    request: RunRequest,
    profile: Arc<AccountProfile>,
    account: Account,
) -> Option<RunReport> {
    let mut stored = TokenStore::load(&hand, &hand.who.token).await;
    for _ in 0..2 {
        if stored.is_err() {
            hand.sleep_until(hand.now() + Duration::from_secs(1)).await;
            stored = TokenStore::load(&hand, &hand.who.token).await;
        }
    }
    let stored = stored.ok()?;
    let own: Arc<Hand> = Arc::new(hand.clone());
    let ports = TokenPorts {
        store: own.clone(),
        lock: Arc::new(DynamoTokenLock::over(own.clone())),
        clock: own.clone(),
    };
    let identity = TokenIdentity { name: &hand.who.token, run_id: &hand.who.run_id, read_age: age };
    let keeper = Arc::new(TokenKeeper::new(ports, identity, &stored));
    let desk = Desk::new(hand.clone(), Arc::clone(&keeper), stored.text.clone(), &account);
    let ledger = DynamoLedger::over(own.clone());
    let ports = Ports { clock: &hand, broker: &desk, signal: &hand, ledger: &ledger, tokens: &keeper };
    let report = run(ports, &request, &profile).await;
    hand_off(&ledger, &hand, &request.account).await;
    Some(report)
}
