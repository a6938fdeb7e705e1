//! Cancels, and the fills that win against them.

use gamma_execution::ports::{BrokerFault, CancelReply, OrderId, OrderStatus};
use gamma_simulator::exchange::OrderState;
use gamma_simulator::faults::{Fault, Route, When};

use crate::conformance::desk::{Desk, assert_fills};

pub(crate) async fn a_fill_may_win_against_a_cancel(desk: &Desk) {
    for (packages, status, filled) in [(u32::MAX, OrderStatus::Filled, 3), (1, OrderStatus::Canceled, 1)] {
        let id = desk.resting(3).await;
        desk.next(Route::CancelOrder, Fault::FillsDuringCancel(packages));
        assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
        let under_way = desk.order(&id).await;
        assert!(
            !under_way.is_settled(3) && !under_way.status.is_terminal(),
            "a cancel that was taken is not through yet: {under_way:?}"
        );
        desk.pass(3).await;
        let order = desk.order(&id).await;
        assert_eq!((&order.status, order.filled, order.is_settled(3)), (&status, filled, true), "{order:?}");
        assert_fills(&order, &desk.truth(&id));
        desk.struck(&[Fault::FillsDuringCancel(packages)]);
    }
}

pub(crate) async fn an_order_that_filled_first_refuses_the_cancel_and_reads_filled(desk: &Desk) {
    let id = desk.resting(3).await;
    desk.next(Route::CancelOrder, Fault::FilledFirst);
    let reply = desk.broker().cancel(&id).await;
    assert!(matches!(reply, CancelReply::Refused(_)), "{reply:?}");
    let order = desk.order(&id).await;
    assert_eq!(
        (&order.status, order.filled, order.is_settled(3)),
        (&OrderStatus::Filled, 3, true),
        "{order:?}"
    );
    assert_fills(&order, &desk.truth(&id));
    desk.struck(&[Fault::FilledFirst]);
}

pub(crate) async fn an_order_that_is_over_cannot_be_cancelled(desk: &Desk) {
    let id = desk.resting(1).await;
    assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
    desk.pass(3).await;
    let over = desk.truth(&id);
    assert_eq!(over.state, OrderState::Canceled);
    let reply = desk.broker().cancel(&id).await;
    assert!(matches!(&reply, CancelReply::Refused(why) if !why.is_empty()), "{reply:?}");
    desk.pass(3).await;
    assert_eq!((desk.truth(&id), desk.order(&id).await.status), (over, OrderStatus::Canceled));

    let nobodys = OrderId("7".into());
    assert!(matches!(desk.broker().cancel(&nobodys).await, CancelReply::Refused(_)));
    let error = desk.broker().order(&nobodys).await.unwrap_err();
    assert!(matches!(error.fault, BrokerFault::NotFound(_)), "{error}");
}

pub(crate) async fn a_cancel_asked_for_twice_happens_once(desk: &Desk) {
    let id = desk.resting(2).await;
    assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
    let again = desk.broker().cancel(&id).await;
    assert!(!matches!(again, CancelReply::Unknown(_)), "the broker did answer: {again:?}");
    desk.pass(3).await;
    let order = desk.order(&id).await;
    assert_eq!((&order.status, order.filled, order.is_settled(2)), (&OrderStatus::Canceled, 0, true));
    assert_eq!((desk.truth(&id).state, desk.book().posts().len()), (OrderState::Canceled, 1));
}

pub(crate) async fn a_cancel_of_unknown_outcome_leaves_the_order_readable(desk: &Desk) {
    for (fault, cancelled) in [
        (Fault::ServerError(500, When::BeforeEffect), false),
        (Fault::ServerError(502, When::AfterEffect), true),
        (Fault::Dropped(When::BeforeEffect), false),
        (Fault::Dropped(When::AfterEffect), true),
    ] {
        let id = desk.resting(2).await;
        let before = desk.requests("DELETE", &id.0);
        desk.next(Route::CancelOrder, fault.clone());
        let reply = desk.broker().cancel(&id).await;
        assert!(matches!(reply, CancelReply::Unknown(_)), "{fault:?}: {reply:?}");
        assert_eq!(
            desk.requests("DELETE", &id.0),
            before + 1,
            "{fault:?}: whoever wants another asks for it"
        );
        desk.pass(3).await;
        let order = desk.order(&id).await;
        assert_eq!(
            (order.status == OrderStatus::Canceled, order.is_settled(2)),
            (cancelled, cancelled),
            "{fault:?}: {order:?}"
        );
        if !cancelled {
            assert_eq!(
                (&order.status, desk.broker().cancel(&id).await),
                (&OrderStatus::Working, CancelReply::Requested)
            );
            desk.pass(3).await;
        }
        assert_eq!(
            (desk.truth(&id).state, desk.order(&id).await.status),
            (OrderState::Canceled, OrderStatus::Canceled)
        );
        desk.struck(&[fault]);
    }
}
