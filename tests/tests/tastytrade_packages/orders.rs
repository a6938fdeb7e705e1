//! Previews, and orders from the POST to their end.

use std::collections::BTreeSet;

use gamma_execution::ports::{
    Broker, BrokerFault, CancelReply, NotPlaced, OrderId, OrderName, OrderStatus, PlaceReply,
};
use gamma_market::{Effect, Package, PositionEffect, Price};
use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::tastytrade::TastytradeAccount;
use gamma_tastytrade::SOURCE;
use rust_decimal::Decimal;

use crate::tastytrade_packages::desk::{ACCOUNT, Desk, approved, broken_wing, condor, contracts, put};

#[tokio::test]
async fn previews_tell_margin_fees_and_refusals_and_are_no_orders() {
    let desk = Desk::open().await;
    let put = Package::vertical(put());
    let dollars = |text: &str| Some(text.parse::<Decimal>().unwrap());
    for (package, effect, quantity, cents, margin, fees) in [
        (&put, Effect::Credit, 2, 400, "-1000", "3.88"),
        (&condor(), Effect::Credit, 2, 5, "-1000", "7.76"),
        (&broken_wing(), Effect::Debit, 3, 1500, "-3000", "17.46"),
    ] {
        let preview = desk.tastytrade.preview(package, effect, quantity, Price::cents(cents)).await.unwrap();
        assert!(preview.accepted && preview.rejects.is_empty(), "{package}: {preview:?}");
        let (power, cost) = (preview.buying_power.unwrap(), preview.fees.unwrap());
        assert_eq!((power.margin, power.order_margin), (dollars(margin), dollars(margin)), "{package}");
        assert_eq!(cost.total, dollars(fees), "{package}: {cost:?}");
        let parts = [cost.commission, cost.regulatory, cost.clearing, cost.index_option];
        assert_eq!(cost.total, Some(parts.into_iter().flatten().sum()), "{cost:?}");
        let sign = if effect == Effect::Credit { Decimal::ONE } else { Decimal::NEGATIVE_ONE };
        let cash = sign * Decimal::from(cents) * Decimal::from(quantity);
        assert_eq!(
            power.buying_power,
            Some(cash + power.margin.unwrap() - cost.total.unwrap()),
            "{package}: {power:?}"
        );
        assert_eq!(power.new_buying_power, Some(Decimal::from(100_000) + power.buying_power.unwrap()));
    }
    let huge = desk.tastytrade.preview(&condor(), Effect::Credit, 900, Price::cents(5)).await.unwrap();
    assert!(!huge.accepted && huge.rejects[0].contains("margin_check_failed"), "{huge:?}");
    let nothing_held = desk
        .tastytrade
        .preview(&put.positioned(PositionEffect::Close), Effect::Credit, 1, Price::cents(5))
        .await
        .unwrap();
    assert!(
        !nothing_held.accepted && nothing_held.rejects[0].contains("position_effect_validation_failed"),
        "{nothing_held:?}"
    );

    let asked = desk.asked("POST", "/orders/dry-run");
    let off_tick = desk.tastytrade.preview(&put, Effect::Credit, 1, Price::cents(402)).await.unwrap_err();
    assert!(
        matches!(&off_tick.fault, BrokerFault::Refused(why) if why.contains("4.02") && why.contains("nothing was sent")),
        "{off_tick}"
    );
    assert_eq!(desk.asked("POST", "/orders/dry-run"), asked, "the broker would not have noticed");
    assert!(
        desk.tastytrade.orders(desk.start, desk.now()).await.unwrap().is_empty(),
        "a preview is no order"
    );
}

#[tokio::test]
async fn a_price_off_the_tick_is_taken_and_dies_at_the_exchange() {
    let desk = Desk::open().await;
    let id = desk.posted(&Package::vertical(put()), Effect::Credit, 1, "4.02").await;
    desk.pass(5).await;
    let order = desk.tastytrade.order(&id).await.unwrap();
    assert_eq!((&order.status, order.filled), (&OrderStatus::Rejected, 0), "{order:?}");
    assert!(order.is_settled(1) && order.reason.is_some(), "{order:?}");
}

#[tokio::test]
async fn an_order_lives_under_its_name_until_it_is_cancelled() {
    let desk = Desk::open().await;
    let id = desk.placed(&approved(&desk, 2, 400), "20250903-cs-put-r1-1").await;
    assert_eq!(desk.tastytrade.order(&id).await.unwrap().status, OrderStatus::Pending);
    desk.pass(3).await;
    let order = desk.tastytrade.order(&id).await.unwrap();
    let name = Some(OrderName("20250903-cs-put-r1-1".into()));
    assert_eq!((&order.status, order.quantity, order.filled), (&OrderStatus::Working, 2, 0));
    assert_eq!(
        (order.price, order.effect, &order.name, order.tag.as_deref()),
        (Some(Price::cents(400)), Some(Effect::Credit), &name, Some(SOURCE))
    );
    assert_eq!(order.entered, Some(desk.start));
    for list in [
        desk.tastytrade.orders_in_haste(desk.start, desk.now()).await,
        desk.tastytrade.orders(desk.start, desk.now()).await,
    ] {
        assert_eq!(list.unwrap(), std::slice::from_ref(&order));
    }

    assert_eq!(desk.tastytrade.cancel(&id).await, CancelReply::Requested);
    assert_eq!(desk.tastytrade.order(&id).await.unwrap().status, OrderStatus::CancelPending);
    desk.pass(3).await;
    let order = desk.tastytrade.order(&id).await.unwrap();
    assert!(order.status == OrderStatus::Canceled && order.is_settled(2), "{order:?}");
    let again = desk.tastytrade.cancel(&id).await;
    assert!(matches!(&again, CancelReply::Refused(why) if why.contains("cannot_update_order")), "{again:?}");
    assert_eq!(
        desk.tastytrade.orders_in_haste(desk.start, desk.now()).await.unwrap(),
        [order],
        "today's list has it still"
    );

    let unknown = desk.tastytrade.order(&OrderId("42".into())).await.unwrap_err();
    assert!(matches!(unknown.fault, BrokerFault::NotFound(_)), "{unknown}");
    assert_eq!(desk.asked("POST", "/orders"), 1);
}

#[tokio::test]
async fn an_order_beyond_the_account_is_a_proven_refusal() {
    let desk =
        Desk::with(|config| config.tastytrade.accounts = vec![TastytradeAccount::flat(ACCOUNT, 100)]).await;
    let reply = desk.tastytrade.place(&approved(&desk, 2, 400), &OrderName("a".into())).await;
    assert!(
        matches!(&reply, PlaceReply::NotPlaced(NotPlaced::Rejected { status: 422, message }) if message.contains("margin_check_failed")),
        "{reply:?}"
    );
    assert!(desk.simulator.book_of(ACCOUNT).unwrap().posts().is_empty());
}

#[tokio::test]
async fn a_day_of_250_orders_is_read_whole_and_once() {
    let desk =
        Desk::with(|config| config.tastytrade.accounts = vec![TastytradeAccount::flat(ACCOUNT, 10_000_000)])
            .await;
    let put = Package::vertical(put());
    let mut ids: BTreeSet<OrderId> = BTreeSet::new();
    for number in 0..250 {
        ids.insert(desk.posted(&put, Effect::Credit, 1 + number % 3, "4.50").await);
    }
    desk.pass(3).await;
    let (lists, live) = (desk.asked("GET", "/orders"), desk.asked("GET", "/orders/live"));
    let listed = desk.tastytrade.orders(desk.start, desk.now()).await.unwrap();
    assert_eq!(listed.len(), 250);
    assert_eq!(listed.into_iter().map(|order| order.id).collect::<BTreeSet<_>>(), ids);
    assert_eq!(
        (desk.asked("GET", "/orders") - lists, desk.asked("GET", "/orders/live") - live),
        (2, 1),
        "two pages, and today's list"
    );
    let hasty = desk.tastytrade.orders_in_haste(desk.start, desk.now()).await.unwrap();
    assert_eq!(hasty.into_iter().map(|order| order.id).collect::<BTreeSet<_>>(), ids);
    let before = desk.start - jiff::SignedDuration::from_hours(1);
    assert!(
        desk.tastytrade
            .orders(before, desk.start - jiff::SignedDuration::from_secs(1))
            .await
            .unwrap()
            .is_empty()
    );
}

/// An order at 4.00 that works, and the one that is to take its place at 3.95.
async fn replaced(desk: &Desk) -> (OrderId, OrderId) {
    let old = desk.placed(&approved(desk, 2, 400), "first").await;
    desk.pass(3).await;
    let new = desk.edited_by_hand(&old, Effect::Credit, Price::cents(395), "second").await;
    assert_ne!(old, new);
    let status = async |id: &OrderId| desk.tastytrade.order(id).await.unwrap().status;
    assert_eq!((status(&old).await, status(&new).await), (OrderStatus::CancelPending, OrderStatus::Pending));
    desk.pass(5).await;
    (old, new)
}

#[tokio::test]
async fn a_replaced_order_lives_on_under_the_id_of_the_new_one() {
    let desk = Desk::open().await;
    let (old, new) = replaced(&desk).await;
    let [old, new] = [desk.tastytrade.order(&old).await.unwrap(), desk.tastytrade.order(&new).await.unwrap()];
    assert!(old.status == OrderStatus::Replaced && !old.is_settled(2), "{old:?}");
    assert_eq!(
        (&new.status, new.price, new.name),
        (&OrderStatus::Working, Some(Price::cents(395)), Some(OrderName("second".into())))
    );
    assert_eq!((new.quantity, new.legs), (2, old.legs));
    assert_eq!(desk.tastytrade.orders(desk.start, desk.now()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_order_that_fills_first_is_not_replaced() {
    let desk = Desk::open().await;
    desk.simulator.faults().add(Rule::on(Route::ReplaceOrder).fault(Fault::FillsDuringCancel(u32::MAX)));
    let (old, new) = replaced(&desk).await;
    assert_eq!(desk.simulator.faults().fired().len(), 1);
    let [old, new] = [desk.tastytrade.order(&old).await.unwrap(), desk.tastytrade.order(&new).await.unwrap()];
    assert!(old.status == OrderStatus::Filled && old.is_settled(2) && old.filled == 2, "{old:?}");
    assert!(new.status.is_terminal() && new.is_settled(2) && new.filled == 0, "{new:?}");
    let put = Package::vertical(put());
    assert_eq!(desk.tastytrade.account().await.unwrap().positions, contracts(&[(&put, 2)]), "filled once");
}

#[tokio::test]
async fn what_fills_in_part_while_it_is_cancelled_is_counted() {
    let desk = Desk::open().await;
    let id = desk.placed(&approved(&desk, 3, 400), "a").await;
    desk.pass(3).await;
    desk.simulator.faults().add(Rule::on(Route::CancelOrder).fault(Fault::FillsDuringCancel(1)));
    assert_eq!(desk.tastytrade.cancel(&id).await, CancelReply::Requested);
    desk.pass(3).await;
    let order = desk.tastytrade.order(&id).await.unwrap();
    assert_eq!(
        (&order.status, order.filled, order.is_settled(3)),
        (&OrderStatus::Canceled, 1, true),
        "{order:?}"
    );
    assert_eq!(
        order.fills.iter().map(|fill| (fill.quantity, fill.price)).collect::<Vec<_>>(),
        [(1, Price::cents(400))]
    );
}
