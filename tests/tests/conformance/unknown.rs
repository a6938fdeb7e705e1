//! Answers that prove nothing.

use std::time::Duration;

use gamma_execution::fingerprint::Fingerprint;
use gamma_execution::ports::{CancelReply, OrderId, OrderName, OrderStatus, OrderView, PlaceReply};
use gamma_market::Price;
use gamma_simulator::faults::{Fault, Route, When};
use jiff::Timestamp;

use crate::conformance::desk::{Desk, RESTS, name, vertical};

/// The orders of a list that can be ours: the run's own way of looking.
fn found<'a>(
    desk: &Desk,
    orders: &'a [OrderView],
    (quantity, cents, marked): (u32, i64, Timestamp),
    name: &OrderName,
) -> Vec<&'a OrderId> {
    let print = Fingerprint {
        package: vertical().into(),
        quantity,
        price: Price::cents(cents),
        marked,
        seen: &[],
        mark: desk.mark(name),
    };
    print.matches(orders).into_iter().map(|order| &order.id).collect()
}

pub(crate) async fn an_answer_that_proves_nothing_is_unknown_and_the_order_is_sent_once(desk: &Desk) {
    let faults = [
        (Fault::ServerError(500, When::BeforeEffect), 0),
        (Fault::ServerError(503, When::AfterEffect), 1),
        (Fault::ServerError(502, When::BeforeEffect), 0),
        (Fault::ServerError(504, When::AfterEffect), 1),
        (Fault::Dropped(When::BeforeEffect), 0),
        (Fault::Dropped(When::AfterEffect), 1),
        (Fault::NoLocation, 1),
        (Fault::Location("nowhere".into()), 1),
    ];
    let mut existing = 0;
    for (n, (fault, effect)) in (1..).zip(faults) {
        // Each at a price of its own, so that no other can be taken for it.
        let (cents, own) = (RESTS + 5 * i64::from(n), name(n));
        let (marked, posts) = (desk.now(), desk.posts());
        desk.next(Route::PlaceOrder, fault.clone());
        let reply = desk.place(1, cents, &own).await;
        assert!(matches!(reply, PlaceReply::Unknown(_)), "{fault:?}: {reply:?}");
        desk.pass(2).await;
        existing += effect;
        assert_eq!(
            (desk.posts(), desk.book().posts().len()),
            (posts + 1, existing),
            "{fault:?}: posts, and orders of the broker's"
        );
        let real: Vec<OrderId> = desk
            .book()
            .posts()
            .iter()
            .skip(existing - effect)
            .map(|order| OrderId(order.id.to_string()))
            .collect();
        for orders in [desk.listed().await, desk.listed_in_haste().await] {
            assert_eq!(orders.len(), existing, "{fault:?}");
            assert_eq!(
                found(desk, &orders, (1, cents, marked), &own),
                real.iter().collect::<Vec<_>>(),
                "{fault:?}"
            );
        }
        desk.struck(&[fault]);
    }
}

pub(crate) async fn an_order_that_shows_up_late_is_found(desk: &Desk) {
    let marked = desk.now();
    desk.next(Route::PlaceOrder, Fault::HiddenFor(Duration::from_secs(4)));
    desk.next(Route::PlaceOrder, Fault::ServerError(503, When::AfterEffect));
    let reply = desk.place(2, RESTS, &name(1)).await;
    assert!(matches!(reply, PlaceReply::Unknown(_)), "{reply:?}");
    desk.pass(3).await;
    assert_eq!(
        (desk.listed().await.len(), desk.book().posts().len()),
        (0, 1),
        "not seen yet is no proof of absence"
    );
    desk.pass(1).await;
    let (orders, real) = (desk.listed().await, OrderId(desk.book().posts()[0].id.to_string()));
    assert_eq!(found(desk, &orders, (2, RESTS, marked), &name(1)), [&real]);
    assert_eq!((desk.order(&real).await.status, desk.posts()), (OrderStatus::Working, 1));
}

/// Side by side, because the adapters' timeouts are real.
pub(crate) async fn what_hangs_ends_as_unknown_within_its_own_timeouts(desk: &Desk) {
    let (lost, cancelling, listing) = tokio::join!(desk.another(), desk.another(), desk.another());
    let id = cancelling.resting(1).await;
    desk.next(Route::PlaceOrder, Fault::Hang(When::AfterEffect));
    lost.next(Route::PlaceOrder, Fault::Hang(When::BeforeEffect));
    cancelling.next(Route::CancelOrder, Fault::Hang(When::AfterEffect));
    listing.always(Route::ListOrders, Fault::Hang(When::BeforeEffect));
    let (first, second) = (name(1), name(2));
    let hanging = async {
        tokio::join!(
            desk.place(1, RESTS, &first),
            lost.place(1, RESTS, &second),
            cancelling.broker().cancel(&id),
            listing.broker().orders_in_haste(listing.start, listing.now()),
        )
    };
    let (made, unmade, cancel, list) =
        tokio::time::timeout(Duration::from_secs(9), hanging).await.expect("no call waits for ever");
    assert!(
        matches!((&made, &unmade), (PlaceReply::Unknown(_), PlaceReply::Unknown(_))),
        "{made:?} {unmade:?}"
    );
    assert_eq!((desk.book().posts().len(), desk.posts()), (1, 1));
    assert_eq!((lost.book().posts().len(), lost.posts()), (0, 1));
    assert!(matches!(cancel, CancelReply::Unknown(_)), "{cancel:?}");
    cancelling.pass(3).await;
    assert_eq!(cancelling.order(&id).await.status, OrderStatus::Canceled);
    assert!(list.as_ref().is_err_and(|error| error.fault.may_pass()), "{list:?}");
}
