//! Adapters that ask a stream for quotes before they ask over REST.

use std::time::Duration;

use gamma_simulator::dxlink::{HangUp, Switch, Which};

use crate::conformance::desk::{Desk, contract};
use crate::conformance::quotes::assert_the_markets;

fn asked_over_rest(desk: &Desk) -> usize {
    desk.requests("GET", "/market-data/by-type")
}

pub(crate) async fn what_the_stream_knows_is_not_asked_for_again(desk: &Desk) {
    let legs = ["P6425", "P6420"].map(contract);
    for _ in 0..3 {
        assert_the_markets(desk, &legs).await;
        desk.pass(2).await;
    }
    assert_eq!((asked_over_rest(desk), desk.simulator.dxlink().counters().connections), (0, 1));
}

pub(crate) async fn what_the_stream_leaves_open_comes_from_rest(desk: &Desk) {
    let legs = ["P6425", "P6420"].map(contract);
    let only = || Which::only(&legs[0].streamer());
    for (n, switch) in (1..).zip([Switch::Silent(only()), Switch::OneSided(only())]) {
        desk.simulator.dxlink().set(switch.clone());
        let connection = desk.connect(&format!("run-{}", n + 1)).await;
        let before = asked_over_rest(desk);
        let (shown, market) = (connection.adapter.quotes(&legs).await.unwrap(), desk.simulator.market());
        for leg in &legs {
            assert_eq!(
                crate::conformance::quotes::sides(shown.get(leg).copied()),
                crate::conformance::quotes::sides(market.quote(leg)),
                "{switch:?}: {leg}"
            );
        }
        assert_eq!(asked_over_rest(desk), before + 1, "{switch:?}");
        assert!(
            desk.simulator.dxlink().fired().iter().any(|fired| fired.switch == switch),
            "{switch:?} never struck"
        );
        desk.simulator.dxlink().clear();
    }
}

/// In real time, since the stream's is: nobody waits for it longer than the adapter's own patience, and the
/// second time less.
pub(crate) async fn a_stream_that_gives_nothing_is_waited_for_only_so_long(desk: &Desk) {
    let legs = ["P6425", "P6420"].map(contract);
    let cut = Switch::CloseAfter(1, HangUp::Cut);
    for (n, switch) in (1..).zip([
        Switch::KeepaliveOnly,
        Switch::Freeze,
        Switch::RefuseUpgrade(502),
        Switch::AuthRefused,
        cut,
    ]) {
        let other = desk.another().await;
        other.simulator.dxlink().set(switch.clone());
        let connection = other.connect(&format!("run-{}", n + 1)).await;
        for patience in [Duration::from_millis(3500), Duration::from_millis(1600)] {
            let asked = tokio::time::timeout(patience, connection.adapter.quotes(&legs)).await;
            let shown =
                asked.unwrap_or_else(|_| panic!("{switch:?}: no quotes within {patience:?}")).unwrap();
            let market = other.simulator.market();
            for leg in &legs {
                assert_eq!(
                    crate::conformance::quotes::sides(shown.get(leg).copied()),
                    crate::conformance::quotes::sides(market.quote(leg)),
                    "{switch:?}: {leg}"
                );
            }
        }
        assert_eq!(asked_over_rest(&other), 2, "{switch:?}");
        assert!(
            other.simulator.dxlink().fired().iter().any(|fired| fired.switch == switch),
            "{switch:?} never struck"
        );
    }
}
