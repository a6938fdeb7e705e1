//! Hand-offs of three accounts over thirty days, in any order, several at once, twice and with faults: the
//! same result as day after day.

use std::collections::BTreeMap;
use std::sync::Arc;

use gamma_execution::ports::{RunRecord, Transfer};
use gamma_market::calendar::{SessionDay, session_day};
use gamma_strategy::edge::EdgeRow;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use rust_decimal::Decimal;
use tokio::task::JoinSet;

use super::{DAY, at, moved, ports, run, settings};
use crate::memory::{MemoryBroker, MemoryEdge, Trouble};
use crate::observe;

const ACCOUNTS: [&str; 3] = ["schwab", "tt-ira", "tt-individual"];
const DAYS: usize = 30;

/// Each broker's account of one seed: what happened, told in no order.
#[derive(Debug, Clone)]
struct World {
    /// For each account, what each day changes, in dollars.
    changes: Vec<Vec<i64>>,
    /// Account, hours after the first run, dollars.
    transfers: Vec<(usize, i64, i64)>,
    /// Keys by which the hand-offs are shuffled; those beyond their number are second deliveries.
    order: Vec<u32>,
    /// How many are at work at once.
    at_once: usize,
    troubles: Vec<Trouble>,
}

fn worlds() -> impl Strategy<Value = World> {
    let trouble = prop_oneof![6 => (0_u8..4).prop_map(Trouble::Late), 1 => Just(Trouble::Before), 1 => Just(Trouble::After)];
    (
        prop::collection::vec(prop::collection::vec(-1200_i64..1200, DAYS), ACCOUNTS.len()),
        prop::collection::vec((0..ACCOUNTS.len(), -20_i64..900, -2000_i64..2000), 0..12),
        prop::collection::vec(any::<u32>(), ACCOUNTS.len() * DAYS * 2),
        1_usize..5,
        prop::collection::vec(trouble, 0..600),
    )
        .prop_map(|(changes, transfers, order, at_once, troubles)| World {
            changes,
            transfers,
            order,
            at_once,
            troubles,
        })
}

impl World {
    fn dates() -> Vec<Date> {
        DAY.series(1.day())
            .filter(|date| matches!(session_day(*date), SessionDay::Open { .. }))
            .take(DAYS)
            .collect()
    }

    fn transfers_of(&self, account: usize) -> Vec<Transfer> {
        let own = self.transfers.iter().enumerate().filter(|(_, (of, ..))| *of == account);
        own.map(|(id, (_, hours, dollars))| {
            moved(&id.to_string(), at(DAY) + SignedDuration::from_mins(hours * 60 + 1), *dollars)
        })
        .collect()
    }

    /// What every run saw: start, changes and the transfers until then.
    fn runs(&self) -> Vec<(usize, RunRecord)> {
        let mut runs = Vec::new();
        for (account, changes) in self.changes.iter().enumerate() {
            let (transfers, mut gains) = (self.transfers_of(account), 0);
            for (date, change) in Self::dates().into_iter().zip(changes) {
                gains += change;
                let came: Decimal = transfers
                    .iter()
                    .filter(|transfer| transfer.at <= at(date))
                    .map(|transfer| transfer.amount)
                    .sum();
                let equity = Decimal::from(40_000 + gains) + came;
                runs.push((account, run(ACCOUNTS[account], date, "run", Some(&equity.to_string()))));
            }
        }
        runs
    }

    fn brokers(&self) -> Vec<Arc<MemoryBroker>> {
        (0..ACCOUNTS.len())
            .map(|account| {
                Arc::new(MemoryBroker { transfers: self.transfers_of(account), ..MemoryBroker::default() })
            })
            .collect()
    }
}

/// What is left of everything: the rows of each account, and its decision.
type Left = BTreeMap<&'static str, (Vec<EdgeRow>, String)>;

async fn left(ledger: &MemoryEdge, brokers: &[Arc<MemoryBroker>]) -> Left {
    let mut left = Left::new();
    for (account, broker) in ACCOUNTS.into_iter().zip(brokers) {
        // As it stands in the ledger, before anything is worked out anew.
        let decision = ledger.decision(account).unwrap();
        let words =
            format!("{} {} {:?} {}", decision.run_date, decision.verdict, decision.pause_until, decision.why);
        let rows = crate::rebuild(ports(ledger, broker), account, &settings()).await.unwrap().rows;
        left.insert(account, (rows, words));
    }
    left
}

async fn orderly(world: &World) -> Left {
    let (ledger, brokers) = (MemoryEdge::default(), world.brokers());
    let mut runs = world.runs();
    runs.sort_by_key(|(account, run)| (run.date, *account));
    for (account, run) in runs {
        observe(ports(&ledger, &brokers[account]), &run, &settings(), at(run.date)).await.unwrap();
    }
    left(&ledger, &brokers).await
}

/// A hand-off is delivered until it is worked off.
async fn deliver(ledger: Arc<MemoryEdge>, broker: Arc<MemoryBroker>, run: RunRecord, now: Timestamp) {
    for _ in 0..100 {
        if observe(ports(&ledger, &broker), &run, &settings(), now).await.is_ok() {
            return;
        }
    }
    panic!("{} {} was delivered a hundred times", run.account, run.date);
}

async fn shuffled(world: &World) -> Left {
    let (ledger, brokers) = (Arc::new(MemoryEdge::default()), world.brokers());
    ledger.troubles.lock().unwrap().extend(world.troubles.iter().copied());
    let runs = world.runs();
    let mut deliveries: Vec<(u32, (usize, RunRecord))> =
        world.order.iter().copied().zip(runs.iter().chain(&runs).cloned()).collect();
    deliveries.sort_by_key(|(key, _)| *key);
    for (step, batch) in deliveries.chunks(world.at_once).enumerate() {
        let mut at_work = JoinSet::new();
        for (_, (account, run)) in batch {
            *brokers[*account].fails.lock().unwrap() = u32::from(step % 7 == 3);
            at_work.spawn(deliver(
                Arc::clone(&ledger),
                Arc::clone(&brokers[*account]),
                run.clone(),
                at(DAY + 60.days()),
            ));
        }
        while let Some(done) = at_work.join_next().await {
            done.unwrap();
        }
    }
    ledger.troubles.lock().unwrap().clear();
    left(&ledger, &brokers).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_result_of_the_orderly_run(world in worlds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (expected, came) = runtime.block_on(async { (orderly(&world).await, shuffled(&world).await) });
        for account in ACCOUNTS {
            prop_assert_eq!(expected[account].0.len(), DAYS);
            prop_assert_eq!(&came[account], &expected[account], "{}", account);
        }
        // The gains alone make the profit: no transfer is lost or counted twice, in whatever pauses.
        for (account, changes) in ACCOUNTS.into_iter().zip(&world.changes) {
            let profit: Decimal = expected[account].0.iter().filter_map(|row| row.pnl).sum();
            prop_assert_eq!(profit, Decimal::from(changes[1..].iter().sum::<i64>()), "{}", account);
        }
    }
}
