//! Many accounts within one minute, every event delivered twice: scripts/load at a size for every day, and
//! the proof that its check can fail. Needs moto: scripts/test runs these.

use gamma_tests::fleet::{Fleet, FleetConfig};
use gamma_tests::moto::Moto;
use jiff::SignedDuration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn twenty_accounts_in_a_minute_trade_once_each_and_apart() {
    let moto = Moto::start_for_many().await.unwrap();
    let fleet = Fleet::start(&moto, &FleetConfig::of(20)).await.unwrap();
    let mut delivered = fleet.trade(2).await.unwrap();
    let held = delivered.iter().filter(|delivered| delivered.end() == "another_run_active").count();
    assert!(held > 0, "two copies at once: one met the other's lease");
    delivered.extend(fleet.sweep().await.unwrap());
    let wrong = fleet.audit(&moto, &delivered).await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let orders: Vec<_> =
        fleet.members.iter().flat_map(|member| fleet.book(member).unwrap().posts().to_vec()).collect();
    let firsts = || orders.iter().map(|order| order.entered);
    assert!(orders.len() >= 40, "two sides of each: {}", orders.len());
    assert!(
        firsts().max().unwrap().duration_since(firsts().min().unwrap()) < SignedDuration::from_secs(120),
        "time did not run away"
    );
    assert!(fleet.host.peak().running > 4, "{:?}: they overlapped", fleet.host.peak());
    fleet.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn two_accounts_under_one_name_do_not_go_unnoticed() {
    let moto = Moto::start_for_many().await.unwrap();
    let mut config = FleetConfig::of(2);
    config.members[1].name = config.members[0].name.clone();
    let fleet = Fleet::start(&moto, &config).await.unwrap();
    let mut delivered = fleet.trade(1).await.unwrap();
    delivered.extend(fleet.sweep().await.unwrap());
    let wrong = fleet.audit(&moto, &delivered).await.unwrap().join("\n");
    for words in [
        "which is none of its own",
        "no delivery traded",
        "the ledger knows orders that the broker does not",
        "\"schwab-001\" belongs to several accounts",
    ] {
        assert!(wrong.contains(words), "{words:?} is not in\n{wrong}");
    }
    fleet.host.stop().await;
}
