//! Lists of orders: whole or an error, and with the orders of others in them.

use std::collections::BTreeSet;

use gamma_execution::ports::{OrderId, OrderStatus, OrderView};
use gamma_market::{Effect, Leg, LegAction, Package, Price, Vertical};
use gamma_simulator::exchange::{PositionEffect, Pricing, Ticket, TicketLeg, TimeInForce};
use gamma_simulator::faults::{Fault, Route, When};
use jiff::SignedDuration;

use crate::conformance::desk::{Desk, FILLS, RESTS, contract, name, vertical};

/// More than fit on the page of a broker that lists in pages.
const MANY: usize = 210;

fn ids(orders: &[OrderView]) -> BTreeSet<OrderId> {
    let ids: BTreeSet<_> = orders.iter().map(|order| order.id.clone()).collect();
    assert_eq!(ids.len(), orders.len(), "no order twice");
    ids
}

fn really_there(desk: &Desk) -> BTreeSet<OrderId> {
    desk.book().posts().iter().map(|order| OrderId(order.id.to_string())).collect()
}

async fn user_places_many(desk: &Desk, orders: usize) {
    let http = reqwest::Client::new();
    for _ in 0..orders {
        desk.user_places(
            &http,
            &Package::vertical(vertical()),
            Effect::Credit,
            (1, Price::cents(RESTS + 10), true),
        )
        .await;
    }
}

pub(crate) async fn a_list_is_whole_however_long(desk: &Desk) {
    // One of ours among them, neither first nor last.
    user_places_many(desk, MANY / 2).await;
    desk.pass(1).await;
    let ours = desk.accepted(1, RESTS).await;
    desk.pass(1).await;
    user_places_many(desk, MANY / 2).await;
    desk.pass(2).await;
    assert_eq!(desk.book().posts().len(), MANY + 1);
    for orders in [desk.listed().await, desk.listed_in_haste().await] {
        assert_eq!(ids(&orders), really_there(desk));
        let own: Vec<_> = orders
            .iter()
            .filter(|order| order.price == Some(Price::cents(RESTS)))
            .map(|order| &order.id)
            .collect();
        assert_eq!(own, [&ours]);
    }
}

/// Orders of the day before and of today, which a broker may list apart, however many of the requests for
/// them succeed before one fails.
pub(crate) async fn a_list_that_cannot_be_read_whole_is_an_error(desk: &Desk) {
    let desk = &Desk::opened(desk.at, Some("2025-09-03T23:59:00-04:00")).await;
    // What is over by midnight is no order of today.
    desk.always(Route::PlaceOrder, Fault::Rejected("Too many orders.".into()));
    user_places_many(desk, MANY).await;
    desk.pass(10).await;
    assert!(desk.book().posts().iter().all(|order| order.state.is_terminal()));
    desk.simulator.faults().clear();
    desk.until("2025-09-04T00:00:30-04:00").await;
    let today = desk.now();
    let ours = desk.accepted(1, RESTS).await;
    desk.pass(2).await;
    assert_eq!(ids(&desk.listed().await), really_there(desk));
    let of_today = desk.broker().orders(today, desk.now()).await.unwrap();
    assert_eq!(ids(&of_today), [ours].into(), "entered between the two times, and no others");
    let (late, now) = (desk.now() - SignedDuration::from_millis(500), desk.now());
    for nothing in [desk.broker().orders(late, now).await, desk.broker().orders_in_haste(late, now).await] {
        assert_eq!(nothing.unwrap(), [], "it was entered before");
    }

    for fault in [
        Fault::ServerError(502, When::BeforeEffect),
        Fault::EdgePage,
        Fault::TooManyRequests { retry_after: None },
    ] {
        for passing in 0..3 {
            desk.simulator
                .faults()
                .add(desk.on(Route::ListOrders).after(passing).always().fault(fault.clone()));
            let listed = desk.broker().orders(desk.start, desk.now()).await;
            match &listed {
                Ok(orders) => assert_eq!(
                    ids(orders),
                    really_there(desk),
                    "{fault:?} after {passing}: a shorter list is a lie"
                ),
                Err(error) => assert!(error.fault.may_pass(), "{fault:?} after {passing}: {error}"),
            }
            assert!(passing > 0 || listed.is_err(), "{fault:?}: {listed:?}");
            desk.simulator.faults().clear();
        }
        desk.always(Route::ListOrders, fault.clone());
        let in_haste = desk.broker().orders_in_haste(desk.start, desk.now()).await;
        assert!(in_haste.as_ref().is_err_and(|error| error.fault.may_pass()), "{fault:?}: {in_haste:?}");
        desk.struck(&[fault]);
    }
}

/// A user's good-till-cancel order on our legs, entered the evening before.
pub(crate) async fn an_order_of_an_earlier_day_is_among_those_that_work(desk: &Desk) {
    let legs = vertical().legs().map(|leg| TicketLeg {
        symbol: leg.symbol,
        action: leg.action,
        effect: PositionEffect::Opening,
        ratio: 1,
    });
    let limit = Pricing::Limit { effect: Effect::Credit, price: Price::cents(RESTS + 50) };
    let ticket = Ticket::new(legs.to_vec(), 3, limit, TimeInForce::GoodTillCancel).unwrap();
    let entered = desk.now() - SignedDuration::from_hours(20);
    let id = desk
        .simulator
        .with_exchange(desk.nature.account, |exchange| exchange.entered_earlier(ticket, entered))
        .unwrap();
    let id = OrderId(id.to_string());
    let ours = desk.resting(1).await;
    assert_eq!(ids(&desk.listed().await), [ours.clone()].into(), "it was not entered today");
    let working = desk.broker().working_orders().await.unwrap();
    assert_eq!(ids(&working.orders), [id.clone(), ours].into());
    assert!(working.since.is_none_or(|since| since < entered), "{:?}", working.since);
    let order = working.orders.iter().find(|order| order.id == id).unwrap();
    assert_eq!(
        (&order.status, order.quantity, order.may_touch(contract("P6425")), &order.name),
        (&OrderStatus::Working, 3, true, &None),
        "{order:?}"
    );

    for fault in [Fault::ServerError(502, When::BeforeEffect), Fault::EdgePage] {
        desk.always(Route::ListOrders, fault.clone());
        let error = desk.broker().working_orders().await.unwrap_err();
        assert!(error.fault.may_pass(), "whole or an error: {error}");
        desk.struck(&[fault]);
    }
}

/// Rows of others that do not read, in orders and positions, hide nothing that does.
pub(crate) async fn rows_of_others_that_do_not_read_hide_nothing(desk: &Desk) {
    let id = desk.accepted(1, FILLS).await;
    desk.pass(20).await;
    let resting = desk.resting(1).await;
    for row in desk.at.odd_orders() {
        let fault = Fault::ForeignRow(row.clone());
        desk.always(Route::ListOrders, fault.clone());
        let working = desk.broker().working_orders().await.unwrap().orders;
        for orders in [desk.listed().await, desk.listed_in_haste().await, working.clone()] {
            let odd: Vec<_> = orders.iter().filter(|order| order.unreadable.is_some()).collect();
            assert_eq!(odd.len(), 1, "{row}: {orders:?}");
            assert!(!odd[0].status.is_terminal() && !odd[0].may_touch(contract("P6425")), "{row}: {odd:?}");
            assert!(orders.iter().any(|order| order.id == resting), "{row}");
        }
        assert_eq!(ids(&working).len(), 2, "{row}");
        desk.struck(&[fault]);
    }
    let held = desk.broker().account().await.unwrap();
    assert!(held.unreadable.is_empty() && held.positions.len() == 2, "{held:?}");
    for row in desk.at.odd_positions() {
        let fault = Fault::ForeignRow(row.clone());
        desk.next(desk.nature.positions.clone(), fault.clone());
        let shown = desk.broker().account().await.unwrap();
        assert_eq!((&shown.positions, shown.unreadable.len()), (&held.positions, 1), "{row}");
        desk.struck(&[fault]);
    }
    assert_eq!(desk.order(&id).await.status, OrderStatus::Filled);
}

pub(crate) async fn orders_of_others_are_read_and_not_taken_for_ours(desk: &Desk) {
    let put = Vertical::new(contract("P6425"), contract("P6420")).unwrap();
    let call = Vertical::new(contract("C6470"), contract("C6475")).unwrap();
    let condor = Package::iron_condor(put, call).unwrap();
    let leg = |text: &str, action| Leg::open(contract(text), action);
    let uneven =
        Package::custom([(leg("P6425", LegAction::Sell), 1), (leg("P6400", LegAction::Buy), 2)]).unwrap();
    let http = reqwest::Client::new();
    desk.user_places(&http, &condor, Effect::Credit, (1, Price::cents(5), true)).await;
    desk.pass(20).await;
    // The put wing is bought back, at a price nobody sells it for.
    let back = Package::vertical(Vertical::new(contract("P6420"), contract("P6425")).unwrap());
    desk.user_places(&http, &back, Effect::Debit, (1, Price::cents(5), false)).await;
    desk.user_places(&http, &uneven, Effect::Credit, (2, Price::cents(4000), true)).await;
    // The very order that we send, except that we did not send it.
    desk.user_places(&http, &Package::vertical(vertical()), Effect::Credit, (1, Price::cents(RESTS), true))
        .await;
    let ours = desk.accepted(1, RESTS).await;
    desk.pass(2).await;

    for orders in [desk.listed().await, desk.listed_in_haste().await] {
        assert_eq!(ids(&orders), really_there(desk));
        let by_legs =
            |legs: usize| orders.iter().filter(|order| order.legs.len() == legs).collect::<Vec<_>>();
        let [filled] = by_legs(4).try_into().unwrap();
        assert_eq!(
            (&filled.status, filled.filled, filled.effect),
            (&OrderStatus::Filled, 1, Some(Effect::Credit)),
            "{filled:?}"
        );
        let uneven = orders.iter().find(|order| order.price == Some(Price::cents(4000))).unwrap();
        let ratios: BTreeSet<_> = uneven.legs.iter().map(|(leg, ratio)| (leg.symbol, *ratio)).collect();
        assert_eq!(
            (uneven.quantity, ratios),
            (2, [(contract("P6425"), 1), (contract("P6400"), 2)].into()),
            "{uneven:?}"
        );
        let closes = |order: &&OrderView| {
            order.legs.iter().any(|(leg, _)| leg.position == gamma_market::PositionEffect::Close)
        };
        let closing: Vec<_> = orders.iter().filter(closes).collect();
        assert!(
            matches!(closing.as_slice(), [order] if order.effect == Some(Effect::Debit) && order.legs.len() == 2),
            "{closing:?}"
        );
        assert!(orders.iter().all(|order| !order.foreign_legs), "every leg reads: {orders:?}");
        let named: Vec<_> = orders
            .iter()
            .filter(|order| order.name.is_some())
            .map(|order| (&order.id, order.name.clone()))
            .collect();
        let expected: Vec<_> =
            desk.broker().capabilities().names_orders.then(|| (&ours, Some(name(1)))).into_iter().collect();
        assert_eq!(named, expected, "only ours carries a name of ours");
    }
    let held = desk.broker().account().await.unwrap().positions;
    let signed = |symbol: &str| held.get(&contract(symbol)).copied();
    assert_eq!(["P6425", "P6420", "C6470", "C6475"].map(signed), [Some(-1), Some(1), Some(-1), Some(1)]);
}
