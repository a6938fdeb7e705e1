use gamma_execution::ports::{
    EdgeDecision, EdgeLedger, EquitySource, Ledger, Observation, PutOutcome, Transfer, Verdict,
};
use rust_decimal::Decimal;

use super::ledger;
use crate::records::{ACCOUNT, DATE, at};

fn seen(cents: i64) -> Observation {
    Observation {
        date: DATE,
        at: at(0),
        run_id: "run-1".to_owned(),
        live: true,
        equity: Decimal::new(cents, 2),
        source: EquitySource::Run,
        counted_until: at(0),
    }
}

fn decision(known: u64, pause: bool) -> EdgeDecision {
    EdgeDecision {
        run_date: DATE,
        verdict: if pause { Verdict::PauseEdge } else { Verdict::Ok },
        pause_until: pause.then(|| DATE.tomorrow().unwrap()),
        why: "the statistic says so".to_owned(),
        known,
    }
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_is_known_of_equity_only_grows_and_is_never_changed() {
    let ledger = ledger("edge").await;
    let transfer = Transfer { id: "77".to_owned(), at: at(5), amount: Decimal::new(-100_050, 2) };
    assert_eq!(ledger.put_observation(ACCOUNT, &seen(2_000_000)).await.unwrap(), PutOutcome::Ours);
    assert_eq!(
        ledger.put_observation(ACCOUNT, &seen(2_000_000)).await.unwrap(),
        PutOutcome::Ours,
        "written again"
    );
    assert!(matches!(
        ledger.put_observation(ACCOUNT, &seen(2_000_001)).await.unwrap(),
        PutOutcome::Theirs(_)
    ));
    assert_eq!(ledger.put_transfer(ACCOUNT, &transfer).await.unwrap(), PutOutcome::Ours);
    let restated = Transfer { amount: Decimal::ONE, ..transfer.clone() };
    assert!(matches!(ledger.put_transfer(ACCOUNT, &restated).await.unwrap(), PutOutcome::Theirs(_)));
    let log = ledger.edge_log(ACCOUNT).await.unwrap();
    assert_eq!((log.observations, log.transfers), (vec![seen(2_000_000)], vec![transfer]));
    assert_eq!(ledger.edge_log("other").await.unwrap().observations, []);
}

#[tokio::test]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_decision_made_from_more_stands_and_comes_with_controls() {
    let ledger = ledger("decision").await;
    let read = async || ledger.controls(ACCOUNT).await.unwrap().edge;
    assert_eq!(read().await, None);
    for (made, stands) in [
        (decision(3, true), decision(3, true)),
        (decision(2, false), decision(3, true)),
        (decision(4, false), decision(4, false)),
    ] {
        let ours = made == stands;
        assert_eq!(ledger.put_decision(ACCOUNT, &made).await.unwrap() == PutOutcome::Ours, ours, "{made:?}");
        assert_eq!(read().await, Some(stands));
    }
    assert_eq!(ledger.controls("other").await.unwrap().edge, None);
}
