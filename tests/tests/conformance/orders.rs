//! An order from its POST to its end, and what is refused before it.

use gamma_execution::ports::{BrokerFault, CancelReply, NotPlaced, OrderStatus, PlaceReply};
use gamma_market::{Effect, Package, Price};
use gamma_simulator::exchange::{OrderState, Pricing};
use gamma_simulator::faults::{Fault, Route};
use jiff::SignedDuration;

use crate::conformance::desk::{Desk, FILLS, RESTS, assert_fills, contract, name, vertical};

pub(crate) async fn an_accepted_order_is_shown_as_it_was_sent(desk: &Desk) {
    desk.pass_milliseconds(1337).await;
    let sent = desk.now();
    let id = desk.accepted(2, RESTS).await;
    desk.pass(2).await;

    let order = desk.order(&id).await;
    assert_eq!((&order.id, &order.status, order.quantity, order.filled), (&id, &OrderStatus::Working, 2, 0));
    assert_eq!(
        (order.price, order.effect, order.foreign_legs),
        (Some(Price::cents(RESTS)), Some(Effect::Credit), false)
    );
    let mut legs = order.legs.clone();
    legs.sort_by_key(|(leg, _)| (leg.action, leg.symbol));
    assert_eq!(legs, Package::vertical(vertical()).legs());
    let entered = order.entered.unwrap();
    assert!(
        sent - SignedDuration::from_secs(1) < entered && entered <= sent + SignedDuration::from_secs(1),
        "sent at {sent}, entered at {entered}"
    );
    assert!(order.fills.is_empty() && order.reason.is_none(), "{order:?}");
    assert_eq!(order.name, desk.broker().capabilities().names_orders.then(|| name(1)));
    assert_eq!((desk.listed().await, desk.listed_in_haste().await), (vec![order.clone()], vec![order]));

    let truth = desk.truth(&id);
    assert_eq!((desk.book().posts().len(), desk.posts(), truth.ticket.quantity()), (1, 1, 2));
    assert_eq!(truth.ticket.pricing(), Pricing::Limit { effect: Effect::Credit, price: Price::cents(RESTS) });
    assert!(desk.account().positions().is_empty());
}

pub(crate) async fn a_refused_order_does_not_exist(desk: &Desk) {
    desk.next(Route::PlaceOrder, Fault::Declined("This account may not trade spreads.".into()));
    let reply = desk.place(1, RESTS, &name(1)).await;
    let PlaceReply::NotPlaced(NotPlaced::Rejected { status: 400..=499, message }) = &reply else {
        panic!("{reply:?}")
    };
    assert!(message.contains("This account may not trade spreads."), "the broker's own words: {message}");
    desk.pass(3).await;
    assert_eq!((desk.posts(), desk.book().posts().len(), desk.listed().await), (1, 0, Vec::new()));
}

pub(crate) async fn an_order_rejected_later_says_why_and_filled_nothing(desk: &Desk) {
    desk.next(Route::PlaceOrder, Fault::Rejected("Short sale restriction.".into()));
    let id = desk.accepted(2, FILLS).await;
    desk.pass(3).await;
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.fills.len(), order.is_settled(2)),
        (&OrderStatus::Rejected, 0, 0, true),
        "{order:?}"
    );
    assert!(
        order.reason.as_ref().is_some_and(|reason| reason.contains("Short sale restriction.")),
        "{order:?}"
    );
    assert_eq!(desk.listed().await, [order]);
    assert_eq!(desk.truth(&id).state, OrderState::Rejected("Short sale restriction.".into()));
    desk.struck(&[Fault::Rejected("Short sale restriction.".into())]);
}

pub(crate) async fn a_part_that_filled_is_counted_and_priced_and_survives_the_cancel(desk: &Desk) {
    desk.next(Route::PlaceOrder, Fault::PartFill(1));
    let id = desk.accepted(4, RESTS).await;
    desk.pass(2).await;
    desk.next(Route::ReadOrder, Fault::PartFill(2));
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.quantity, order.is_settled(4)),
        (&OrderStatus::Working, 3, 4, false),
        "{order:?}"
    );
    assert_fills(&order, &desk.truth(&id));
    assert_eq!(desk.listed().await, [order]);

    assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
    desk.pass(3).await;
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.is_settled(4)),
        (&OrderStatus::Canceled, 3, true),
        "{order:?}"
    );
    assert_fills(&order, &desk.truth(&id));
    assert_eq!(desk.truth(&id).state, OrderState::Canceled);
    let held = desk.broker().account().await.unwrap().positions;
    assert_eq!(held, [(contract("P6425"), -3), (contract("P6420"), 3)].into());
    desk.struck(&[Fault::PartFill(1), Fault::PartFill(2)]);
}

pub(crate) async fn a_filled_order_is_in_positions_and_equity(desk: &Desk) {
    let before = desk.broker().account().await.unwrap();
    assert!(before.positions.is_empty(), "{before:?}");
    let id = desk.accepted(3, FILLS).await;
    desk.pass(20).await;
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.is_settled(3)),
        (&OrderStatus::Filled, 3, true),
        "{order:?}"
    );
    assert_fills(&order, &desk.truth(&id));
    assert!(
        order.fills.iter().all(|fill| fill.price >= Price::cents(FILLS) && fill.at.is_some()),
        "its limit or better: {order:?}"
    );

    let (shown, books) = (desk.broker().account().await.unwrap(), desk.account());
    let held = books.positions().iter().map(|(symbol, position)| (*symbol, position.quantity)).collect();
    assert_eq!(shown.positions, held);
    assert_eq!(held, [(contract("P6425"), -3), (contract("P6420"), 3)].into());
    let worth = (desk.nature.worth)(&books, &desk.simulator.market());
    assert_eq!(shown.equity.map(|equity| equity.round_dp(2)), Some(worth.round_dp(2)));
    assert_eq!(before.equity, Some(books.day_begin().liquidation_value()));
}

pub(crate) async fn what_cannot_be_done_is_refused_before_any_request(desk: &Desk) {
    let capabilities = desk.broker().capabilities();
    let vertical = Package::vertical(vertical());
    let before = desk.simulator.requests().len();
    for (quantity, cents, told) in
        [(capabilities.most_quantity + 1, 100, "packages at most"), (1, 97, "in steps of")]
    {
        let error = desk
            .connection
            .adapter
            .would_take(&vertical, Effect::Credit, quantity, Price::cents(cents))
            .await
            .unwrap_err();
        assert!(matches!(&error.fault, BrokerFault::Refused(why) if why.contains(told)), "{error}");
    }
    assert_eq!(desk.simulator.requests().len(), before, "nothing was asked");
    assert!(
        desk.connection.adapter.would_take(&vertical, Effect::Credit, 1, Price::cents(RESTS)).await.unwrap()
    );
    assert!(desk.book().posts().is_empty(), "a preview is no order");
}
