use gamma_execution::ports::{Archive, Consumer, Ledger, Outbox, PutOutcome, RunKey, RunRecord};
use serde_json::json;

use super::{Console, ledger};
use crate::records::{ACCOUNT, DATE, ended_run};

fn run(run_id: &str, hand_off: &[Consumer]) -> RunRecord {
    RunRecord { hand_off: hand_off.to_vec(), ..ended_run(run_id, json!({ "equity": "25000.10" })) }
}

fn key(run_id: &str) -> RunKey {
    RunKey { account: ACCOUNT.to_owned(), trade_date: DATE, run_id: run_id.to_owned() }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_recorded_run_is_in_the_outbox_until_each_consumer_has_it() {
    let ledger = ledger("outbox").await;
    let pending = async || ledger.pending(ACCOUNT).await.unwrap();
    assert_eq!(pending().await, []);
    for run_id in ["run-b", "run-a"] {
        assert_eq!(ledger.put_run(&run(run_id, &Consumer::ALL)).await.unwrap(), PutOutcome::Ours);
    }
    ledger.put_run(&run("run-c", &[])).await.unwrap();
    let all = pending().await;
    let names: Vec<_> = all.iter().map(|pending| (pending.run.clone(), pending.consumer.name())).collect();
    assert_eq!(
        names,
        ["run-a", "run-b"]
            .map(|run_id| ["sheets-log", "edge-guard"].map(|consumer| (key(run_id), consumer)))
            .concat()
    );
    assert_eq!(ledger.pending("other").await.unwrap(), [], "each account has its own");

    ledger.handed_off(&all[0]).await.unwrap();
    ledger.handed_off(&all[0]).await.unwrap();
    assert_eq!(pending().await, all[1..]);
    // The record written again, as after a lost answer, puts nothing back.
    assert_eq!(ledger.put_run(&run("run-a", &Consumer::ALL)).await.unwrap(), PutOutcome::Ours);
    assert_eq!(pending().await, all[1..]);
    let other = RunRecord { outcome: "no_fill".to_owned(), ..run("run-a", &Consumer::ALL) };
    assert!(matches!(ledger.put_run(&other).await.unwrap(), PutOutcome::Theirs(_)));
    for left in &all[1..] {
        ledger.handed_off(left).await.unwrap();
    }
    assert_eq!(Console::of("outbox").await.items().await.len(), 3, "three records and no mark");
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn consumers_read_what_was_recorded() {
    let ledger = ledger("archive").await;
    for run_id in ["run-2", "run-1"] {
        ledger.put_run(&run(run_id, &Consumer::ALL)).await.unwrap();
    }
    let kept = ledger.run(&key("run-1")).await.unwrap().unwrap();
    assert_eq!(kept, run("run-1", &[]));
    assert_eq!(ledger.runs(ACCOUNT, DATE).await.unwrap(), [run("run-1", &[]), run("run-2", &[])]);
    assert_eq!(ledger.run(&key("run-3")).await.unwrap(), None);
    assert!(ledger.run(&key("run#3")).await.is_err());
}
