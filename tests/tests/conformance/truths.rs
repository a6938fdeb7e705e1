//! What is shown is not always what is: words nobody knows, fills that come late or twice, orders that others
//! replaced.

use std::time::Duration;

use gamma_execution::ports::{BrokerFault, CancelReply, OrderStatus, PlaceReply};
use gamma_market::Price;
use gamma_simulator::exchange::OrderState;
use gamma_simulator::faults::{Another, Fault, Route};

use crate::conformance::desk::{Desk, FILLS, RESTS, assert_fills, contract, name};

pub(crate) async fn a_word_nobody_knows_is_not_the_end_of_an_order(desk: &Desk) {
    let id = desk.resting(1).await;
    let odd = Fault::StatusShown("DONE_FOR_DAY".into());
    desk.always(Route::ReadOrder, odd.clone());
    desk.always(Route::ListOrders, odd.clone());
    let [listed] = desk.listed().await.try_into().unwrap();
    for order in [desk.order(&id).await, listed] {
        assert_eq!(order.status, OrderStatus::Other("DONE_FOR_DAY".into()));
        assert!(!order.status.is_terminal() && !order.is_settled(1), "{order:?}");
    }
    desk.struck(&[odd]);
    assert_eq!(
        (desk.order(&id).await.status, desk.truth(&id).state),
        (OrderStatus::Working, OrderState::Working)
    );
}

/// Read ten times a second while the broker shows fills late, in each of its ways: whoever believes an order
/// to be over believes no fewer fills than there are.
pub(crate) async fn an_order_is_settled_only_with_all_of_its_fills(desk: &Desk) {
    for behind in desk.nature.fills_behind {
        for cancels in [false, true] {
            let late = behind(Duration::from_secs(4));
            let id = if cancels { desk.resting(3).await } else { desk.accepted(3, FILLS).await };
            desk.always(Route::ReadOrder, late.clone());
            if cancels {
                desk.next(Route::CancelOrder, Fault::FillsDuringCancel(2));
                assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
            }
            let (mut unsettled, mut settled) = (0, 0);
            for _ in 0..120 {
                desk.pass_milliseconds(100).await;
                let (read, truth) = (desk.broker().order(&id).await, desk.truth(&id));
                let over = truth.state.is_terminal();
                match read {
                    Ok(order) if order.is_settled(3) => {
                        assert!(over, "{late:?}: {order:?}, in truth {:?}", truth.state);
                        assert_eq!(order.filled, truth.filled(), "{late:?}: {order:?}");
                        assert_fills(&order, &truth);
                        settled += 1;
                    }
                    Ok(order) => {
                        assert!(order.filled <= truth.filled(), "{late:?}: {order:?}");
                        unsettled += usize::from(over);
                    }
                    Err(error) => {
                        assert!(matches!(error.fault, BrokerFault::NotFound(_)), "{late:?}: {error}");
                        unsettled += usize::from(over);
                    }
                }
            }
            assert!(
                unsettled > 20 && settled > 20,
                "{late:?}, cancelled {cancels}: {unsettled} reads too early, {settled} in time"
            );
            assert_eq!(desk.truth(&id).filled(), if cancels { 2 } else { 3 });
            desk.struck(&[late]);
        }
    }
}

pub(crate) async fn a_fill_told_twice_counts_once(desk: &Desk) {
    desk.next(Route::PlaceOrder, Fault::PartFill(2));
    let id = desk.accepted(4, RESTS).await;
    desk.pass(2).await;
    desk.always(Route::ReadOrder, Fault::FillsTwice);
    desk.always(Route::ListOrders, Fault::FillsTwice);
    let [listed] = desk.listed().await.try_into().unwrap();
    for order in [desk.order(&id).await, listed] {
        assert_eq!((order.filled, &order.status), (2, &OrderStatus::Working), "{order:?}");
        assert_fills(&order, &desk.truth(&id));
    }
    desk.struck(&[Fault::FillsTwice]);
}

pub(crate) async fn an_order_replaced_by_somebody_else_lives_on_under_another_id(desk: &Desk) {
    desk.next(Route::PlaceOrder, Fault::PartFill(1));
    let id = desk.accepted(3, RESTS).await;
    desk.pass(2).await;
    let replaced = Fault::ReplacedElsewhere(Price::cents(RESTS + 15));
    desk.next(Route::ReadOrder, replaced.clone());
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.is_settled(3)),
        (&OrderStatus::Replaced, 1, false),
        "{order:?}"
    );
    desk.struck(&[replaced]);
    desk.pass(2).await;
    assert_eq!((desk.truth(&id).state, desk.book().posts().len()), (OrderState::Replaced, 2));
    let orders = desk.listed().await;
    let others: Vec<_> = orders.iter().filter(|order| order.id != id).collect();
    let [other] = others.as_slice() else { panic!("{orders:?}") };
    assert_eq!(
        (&other.status, other.quantity, other.price, &other.name),
        (&OrderStatus::Working, 2, Some(Price::cents(RESTS + 15)), &None),
        "{other:?}"
    );
    let ours = orders.iter().find(|order| order.id == id).unwrap();
    assert!(
        other.linked.contains(&id) || ours.linked.contains(&other.id),
        "one of them says which: {orders:?}"
    );

    // As one capture has it. The link stands all the same.
    desk.always(Route::ListOrders, Fault::ReplacedAsCanceled);
    let orders = desk.listed().await;
    let ours = orders.iter().find(|order| order.id == id).unwrap();
    assert_eq!(
        (ours.filled, orders.iter().any(|order| order.linked.contains(&id)) || !ours.linked.is_empty()),
        (1, true),
        "{orders:?}"
    );
    desk.struck(&[Fault::ReplacedAsCanceled]);
}

/// The adapter cannot know: whoever is given an id reads it before believing anything. What it reads is that
/// order, or that there is none.
pub(crate) async fn an_id_that_is_not_ours_reads_as_what_it_is(desk: &Desk) {
    let first = desk.resting(1).await;
    let another = Fault::NamesAnother(Another::Before);
    desk.next(Route::PlaceOrder, another.clone());
    if let PlaceReply::Accepted(id) = desk.place(2, RESTS + 5, &name(2)).await {
        let order = desk.order(&id).await;
        assert_eq!(
            (&order.id, order.quantity, order.price),
            (&first, 1, Some(Price::cents(RESTS))),
            "the older one, as it is"
        );
    }
    desk.struck(&[another]);
    desk.next(Route::PlaceOrder, Fault::NotMade);
    let orders = desk.book().posts().len();
    let PlaceReply::Accepted(id) = desk.place(1, RESTS + 10, &name(3)).await else {
        panic!("nothing tells it from a success")
    };
    let error = desk.broker().order(&id).await.unwrap_err();
    assert!(matches!(error.fault, BrokerFault::NotFound(_)), "{error}");
    assert_eq!((desk.listed().await.len(), desk.book().posts().len()), (orders, orders));
    desk.struck(&[Fault::NotMade]);
}

pub(crate) async fn positions_that_lag_are_told_as_the_broker_shows_them(desk: &Desk) {
    let id = desk.accepted(2, FILLS).await;
    desk.pass(20).await;
    assert_eq!(desk.order(&id).await.filled, 2);
    let lag = Fault::LaggingPositions(Duration::from_secs(60));
    desk.next(desk.nature.positions.clone(), lag.clone());
    let behind = desk.broker().account().await.unwrap();
    assert!(behind.positions.is_empty() && behind.equity.is_some(), "{behind:?}");
    assert_eq!(
        desk.broker().account().await.unwrap().positions,
        [(contract("P6425"), -2), (contract("P6420"), 2)].into()
    );
    desk.struck(&[lag]);
}
