//! Orders that close what is held.

use gamma_execution::ports::{NotPlaced, OrderStatus, PlaceReply};
use gamma_market::{Effect, Package, PositionEffect, Price};

use crate::conformance::desk::{Desk, FILLS, contract, name, vertical};

/// More than the market asks for the spread.
const CLOSES: i64 = 495;

pub(crate) async fn what_was_opened_is_closed_and_nothing_more(desk: &Desk) {
    let package = Package::vertical(vertical());
    desk.accepted(3, FILLS).await;
    desk.pass(5).await;
    let held = desk.broker().account().await.unwrap().positions;
    assert_eq!(held, [(contract("P6425"), -3), (contract("P6420"), 3)].into());

    let close = desk.approved_of(package.reversed(), &held, (2, CLOSES));
    let marked = desk.now();
    let PlaceReply::Accepted(id) = desk.broker().place(&close, &name(2)).await else {
        panic!("not accepted")
    };
    desk.pass(5).await;
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.foreign_legs),
        (&OrderStatus::Filled, 2, false),
        "{order:?}"
    );
    let mut legs = order.legs.clone();
    legs.sort_by_key(|(leg, _)| (leg.action, leg.symbol));
    assert_eq!(legs, package.reversed().legs());
    // Only the order that closes is found by what closes, and only the one that opens by what opens.
    let listed = desk.listed().await;
    let found = |package: Package, quantity: u32, cents: i64, number: u32| {
        let own = name(number);
        let print = gamma_execution::fingerprint::Fingerprint {
            package,
            quantity,
            price: Price::cents(cents),
            marked,
            seen: &[],
            mark: desk.mark(&own),
        };
        print.matches(&listed).iter().map(|order| order.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(package.reversed(), 2, CLOSES, 2), [id]);
    assert!(found(package.reversed().positioned(PositionEffect::Open), 2, CLOSES, 2).is_empty());

    let left = desk.broker().account().await.unwrap().positions;
    assert_eq!(left, [(contract("P6425"), -1), (contract("P6420"), 1)].into());
    assert_eq!(desk.account().positions().len(), 2, "as in the broker's books");
}

/// Approved on what was shown a moment ago; meanwhile the user has closed it.
pub(crate) async fn closing_what_is_gone_closes_nothing(desk: &Desk) {
    let package = Package::vertical(vertical());
    desk.accepted(2, FILLS).await;
    desk.pass(5).await;
    let held = desk.broker().account().await.unwrap().positions;
    let close = desk.approved_of(package.reversed(), &held, (2, CLOSES));
    let http = reqwest::Client::new();
    let users = package.reversed().positioned(PositionEffect::Open);
    desk.user_places(&http, &users, Effect::Debit, (2, Price::cents(CLOSES), false)).await;
    desk.pass(5).await;
    assert!(desk.broker().account().await.unwrap().positions.is_empty());

    match desk.broker().place(&close, &name(2)).await {
        PlaceReply::NotPlaced(NotPlaced::Rejected { .. }) => {}
        PlaceReply::Accepted(id) => {
            desk.pass(5).await;
            let order = desk.order(&id).await;
            assert_eq!((&order.status, order.filled), (&OrderStatus::Rejected, 0), "{order:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(desk.account().positions().is_empty(), "nothing was opened the other way");
}
