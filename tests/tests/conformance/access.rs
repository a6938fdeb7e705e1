//! Tokens, limits on requests, and the network's edge.

use std::time::Duration;

use gamma_execution::ports::{BrokerFault, CancelReply, NotPlaced, OrderStatus, PlaceReply};
use gamma_execution::tokens::TokenSaved;
use gamma_simulator::faults::{Empty, Fault, Route};
use jiff::SignedDuration;

use crate::conformance::desk::{Desk, RESTS, name};

pub(crate) async fn an_expired_token_is_refreshed_once_and_reads_go_on(desk: &Desk) {
    let id = desk.resting(1).await;
    desk.next(Route::Account, Fault::AccessTokenDies);
    let (broker, start, now) = (desk.broker(), desk.start, desk.now());
    let (account, orders, order) =
        tokio::join!(broker.account(), broker.orders(start, now), broker.order(&id));
    assert_eq!(
        (orders.unwrap().len(), order.unwrap().status, account.unwrap().equity.is_some()),
        (1, OrderStatus::Working, true)
    );
    assert_eq!(
        (desk.refreshes(), desk.store.writes()),
        (1, 1),
        "everybody who was refused shares one refresh"
    );
    let summary = desk.connection.keeper.flush().await;
    assert!(matches!(summary.saved, TokenSaved::Saved { .. }) && !summary.alarm, "{summary:?}");
    assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
    assert_eq!(desk.refreshes(), 1);

    // The next invocation begins with the token that was stored.
    let next = desk.connect("run-2").await;
    assert_eq!(next.adapter.orders(start, desk.now()).await.unwrap().len(), 1);
    assert_eq!(desk.refreshes(), 1);
}

pub(crate) async fn an_order_refused_for_its_token_does_not_exist_and_the_next_is_accepted(desk: &Desk) {
    desk.next(Route::PlaceOrder, Fault::AccessTokenDies);
    let reply = desk.place(1, RESTS, &name(1)).await;
    assert_eq!(reply, PlaceReply::NotPlaced(NotPlaced::Unauthorized));
    assert_eq!(
        (desk.posts(), desk.book().posts().len(), desk.refreshes()),
        (1, 0, 1),
        "refreshed, and not sent again by itself"
    );
    let reply = desk.place(1, RESTS, &name(2)).await;
    assert!(matches!(reply, PlaceReply::Accepted(_)), "{reply:?}");
    assert_eq!((desk.posts(), desk.book().posts().len(), desk.refreshes()), (2, 1, 1));
    desk.struck(&[Fault::AccessTokenDies]);
}

pub(crate) async fn a_dead_refresh_token_says_what_a_person_must_do(desk: &Desk) {
    desk.next(Route::Account, Fault::LoginElsewhere);
    let error = desk.broker().account().await.unwrap_err();
    let BrokerFault::TokenDead(why) = &error.fault else { panic!("{error:?}") };
    assert!(why.contains(desk.nature.runbook), "{why}");
    let asked = desk.refreshes();
    assert_eq!(desk.place(1, RESTS, &name(1)).await, PlaceReply::NotPlaced(NotPlaced::Unauthorized));
    let error = desk.broker().orders(desk.start, desk.now()).await.unwrap_err();
    assert!(
        matches!(&error.fault, BrokerFault::TokenDead(why) if why.contains(desk.nature.runbook)),
        "{error}"
    );
    assert_eq!(
        (desk.book().posts().len(), desk.refreshes(), desk.store.writes()),
        (0, asked, 0),
        "a dead token is not tried again"
    );
    desk.struck(&[Fault::LoginElsewhere]);
}

pub(crate) async fn reads_wait_as_long_as_the_broker_asks_and_an_order_is_not_sent_again(desk: &Desk) {
    let id = desk.resting(1).await;
    for (retry_after, least) in [(Some(3), 3), (None, 1)] {
        let limited = Fault::TooManyRequests { retry_after };
        for route in [Route::ListOrders, Route::Account, Route::ReadOrder] {
            desk.next(route.clone(), limited.clone());
            let before = desk.now();
            match route {
                Route::ListOrders => assert_eq!(desk.listed().await.len(), 1),
                Route::Account => assert!(desk.broker().account().await.unwrap().equity.is_some()),
                _ => assert_eq!(desk.order(&id).await.status, OrderStatus::Working),
            }
            let waited = desk.now().duration_since(before);
            let (least, most) = (SignedDuration::from_secs(least), SignedDuration::from_secs(least + 2));
            assert!(least <= waited && waited <= most, "{route:?} {limited:?}: waited {waited:?}");
        }
        let posts = desk.posts();
        desk.next(Route::PlaceOrder, limited.clone());
        let reply = desk.place(1, RESTS, &name(2)).await;
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        assert_eq!(reply, PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after }));
        desk.pass(10).await;
        assert_eq!((desk.posts(), desk.book().posts().len()), (posts + 1, 1));
        desk.struck(&[limited]);
    }
}

/// What stands before the service answers in its place, with a page for people.
pub(crate) async fn an_edge_page_is_no_answer(desk: &Desk) {
    let id = desk.resting(1).await;
    for route in [Route::ListOrders, Route::Account, Route::ReadOrder] {
        desk.next(route, Fault::EdgePage);
    }
    assert_eq!(
        (desk.listed().await.len(), desk.order(&id).await.status),
        (1, OrderStatus::Working),
        "asked again"
    );
    assert!(desk.broker().account().await.unwrap().equity.is_some());
    desk.struck(&[Fault::EdgePage]);

    for route in [Route::ListOrders, Route::Account, Route::ReadOrder, Route::PlaceOrder] {
        desk.always(route, Fault::EdgePage);
    }
    let (broker, now) = (desk.broker(), desk.now());
    let faults = [
        broker.orders(desk.start, now).await.unwrap_err(),
        broker.orders_in_haste(desk.start, now).await.unwrap_err(),
        broker.account().await.unwrap_err(),
        broker.order(&id).await.unwrap_err(),
    ];
    for error in faults {
        assert!(
            matches!(error.fault, BrokerFault::Unavailable(_)),
            "never `not found`, never `refused`: {error}"
        );
    }
    let posts = desk.posts();
    let reply = desk.place(1, RESTS, &name(2)).await;
    assert!(
        matches!(&reply, PlaceReply::NotPlaced(NotPlaced::NotRead(why)) if why.contains("edge page")),
        "{reply:?}"
    );
    assert_eq!((desk.posts(), desk.book().posts().len()), (posts + 1, 1));

    desk.simulator.faults().clear();
    desk.next(Route::CancelOrder, Fault::EdgePage);
    let reply = desk.broker().cancel(&id).await;
    assert!(
        matches!(&reply, CancelReply::Unknown(why) if why.contains("edge page")),
        "nobody has said no to it: {reply:?}"
    );
    assert_eq!(desk.broker().cancel(&id).await, CancelReply::Requested);
    desk.pass(3).await;
    assert_eq!(desk.order(&id).await.status, OrderStatus::Canceled);
}

/// Though the token is good. Whoever waits it out may ask every second: the login is not tried as often.
pub(crate) async fn seconds_of_401_pass_and_refreshes_stay_few(desk: &Desk) {
    let id = desk.resting(1).await;
    let until = desk.now() + SignedDuration::from_secs(12);
    for route in [Route::Account, Route::ListOrders, Route::ReadOrder, Route::CancelOrder] {
        desk.simulator.faults().add(desk.on(route).until(until).always().fault(Fault::Unauthorized));
    }
    for _ in 0..12 {
        let broker = desk.broker();
        let faults = [
            broker.account().await.unwrap_err().fault,
            broker.working_orders().await.unwrap_err().fault,
            broker.order(&id).await.unwrap_err().fault,
        ];
        assert!(faults.iter().all(|fault| matches!(fault, BrokerFault::Unauthorized(_))), "{faults:?}");
        let reply = broker.cancel(&id).await;
        assert!(
            matches!(reply, CancelReply::Unknown(_)),
            "a token that is refused says nothing of the order: {reply:?}"
        );
        desk.pass(1).await;
    }
    assert!(desk.refreshes() <= 3, "{} refreshes in 12 seconds", desk.refreshes());
    assert!(desk.broker().account().await.unwrap().equity.is_some());
    assert_eq!(
        (desk.broker().working_orders().await.unwrap().orders.len(), desk.order(&id).await.status),
        (1, OrderStatus::Working)
    );
    desk.struck(&[Fault::Unauthorized]);
}

/// What stands before the service may also answer 200 with nothing of the service's in it.
pub(crate) async fn an_empty_success_is_no_answer(desk: &Desk) {
    let id = desk.resting(1).await;
    for empty in [Empty::Body, Empty::Page] {
        for route in [Route::ListOrders, Route::Account, Route::ReadOrder] {
            desk.next(route, Fault::Empty(empty));
        }
        assert_eq!(
            (desk.listed().await.len(), desk.order(&id).await.status),
            (1, OrderStatus::Working),
            "{empty:?}: asked again"
        );
        assert!(desk.broker().account().await.unwrap().equity.is_some());
        desk.struck(&[Fault::Empty(empty)]);
    }
    for route in [Route::Account, Route::ReadOrder] {
        desk.always(route, Fault::Empty(Empty::Object));
    }
    for error in [desk.broker().account().await.unwrap_err(), desk.broker().order(&id).await.unwrap_err()] {
        assert!(error.fault.may_pass(), "`{{}}` says nothing of an account or an order: {error}");
    }
}
