use super::*;
use crate::chain::Chain;
use gamma_market::{Effect, LegAction, OptionSymbol, Price, Tick, Vertical};
use jiff::Span;
use proptest::prelude::*;
use std::collections::BTreeMap;

const START: &str = "2025-09-03T16:13:31-04:00";

fn exchange_at(start: &str, seed: u64) -> Exchange {
    let market = Market::new(Chain::spxw_2025_09_03().unwrap(), seed, start.parse().unwrap());
    Exchange::new(market, Account::new(Decimal::from(100_000), &[]), seed)
}

fn exchange(seed: u64) -> Exchange {
    exchange_at(START, seed)
}

fn pass(exchange: &mut Exchange, time: Span) {
    exchange.advance_to(exchange.now() + time);
}

fn leg(symbol: &str, action: LegAction) -> TicketLeg {
    TicketLeg { symbol: symbol.parse().unwrap(), action, effect: PositionEffect::Opening, ratio: 1 }
}

fn credit(cents: i64) -> Pricing {
    Pricing::Limit { effect: Effect::Credit, price: Price::cents(cents) }
}

fn debit(cents: i64) -> Pricing {
    Pricing::Limit { effect: Effect::Debit, price: Price::cents(cents) }
}

const PUTS: [&str; 2] = ["SPXW250904P6425", "SPXW250904P6420"];
const CALLS: [&str; 2] = ["SPXW250904C6470", "SPXW250904C6475"];

fn spread([sell, buy]: [&str; 2], quantity: u32, pricing: Pricing) -> Ticket {
    let legs = vec![leg(buy, LegAction::Buy), leg(sell, LegAction::Sell)];
    Ticket::new(legs, quantity, pricing, TimeInForce::Day).unwrap()
}

fn single(symbol: &str, action: LegAction, effect: PositionEffect, pricing: Pricing) -> Ticket {
    Ticket::new(vec![TicketLeg { effect, ..leg(symbol, action) }], 1, pricing, TimeInForce::Day).unwrap()
}

fn state(exchange: &Exchange, id: u64) -> &OrderState {
    &exchange.book().order(id).unwrap().state
}

/// Three rungs of 20 seconds from the mid towards the far side, cancelling between them; packages filled.
fn ladder(exchange: &mut Exchange, [sell, buy]: [&str; 2], quantity: u32) -> u32 {
    let vertical = Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap();
    let mut filled = 0;
    for concession in [0, 5, 10] {
        let quotes = exchange.market().quotes(&[vertical.sell(), vertical.buy()]);
        let mid = vertical.nbbo(&quotes, Tick::NICKEL).unwrap().mid;
        let limit = Pricing::Limit { effect: Effect::Credit, price: mid - Price::cents(concession) };
        let id = exchange.submit(spread([sell, buy], quantity - filled, limit));
        pass(exchange, 20.seconds());
        let _ = exchange.cancel(id);
        pass(exchange, 2.seconds());
        assert!(state(exchange, id).is_terminal());
        filled += exchange.book().order(id).unwrap().filled();
        if filled == quantity {
            break;
        }
    }
    filled
}

#[test]
fn ten_seeds_show_full_partial_and_no_fills() {
    let mut outcomes = BTreeMap::new();
    for seed in 1..=10 {
        for legs in [PUTS, CALLS] {
            let outcome = match ladder(&mut exchange(seed), legs, 4) {
                0 => "none",
                4 => "full",
                _ => "partial",
            };
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
    }
    assert!(outcomes.get("full") >= Some(&6), "{outcomes:?}");
    assert!(outcomes.get("partial") >= Some(&2), "{outcomes:?}");
    assert!(outcomes.get("none") >= Some(&2), "{outcomes:?}");
}

#[test]
fn an_order_works_within_a_second_and_fills_at_the_natural() {
    for seed in 0..20 {
        let mut exchange = exchange(seed);
        let id = exchange.submit(spread(PUTS, 2, credit(5)));
        assert!(matches!(state(&exchange, id), OrderState::Pending(_)));
        pass(&mut exchange, 299.milliseconds());
        assert!(matches!(state(&exchange, id), OrderState::Pending(_)), "seed {seed}");
        pass(&mut exchange, 1701.milliseconds());
        let first = exchange.book().order(id).unwrap().fills.first().cloned();
        let fill = first.unwrap_or_else(|| panic!("seed {seed}: no fill"));
        assert_eq!(
            (fill.quantity == 2, fill.effect),
            (exchange.regime() == Regime::Normal, Effect::Credit),
            "seed {seed}"
        );
        assert!(fill.price > Price::cents(5), "seed {seed}: {} is the limit, not the market", fill.price);
        assert_eq!(fill.leg_prices[1] - fill.leg_prices[0], fill.price);
        pass(&mut exchange, 1.minutes());
        assert!(
            state(&exchange, id) == &OrderState::Filled || exchange.regime() == Regime::Dry,
            "seed {seed}"
        );
    }
}

#[test]
fn a_fill_moves_cash_positions_and_transactions_together() {
    let mut exchange = exchange(1);
    let before = exchange.account().cash();
    let id = exchange.submit(spread(PUTS, 3, credit(5)));
    pass(&mut exchange, 3.seconds());
    let fill = exchange.book().order(id).unwrap().fills[0].clone();
    let account = exchange.account();
    let fees = FEES_PER_CONTRACT_CENTS * Decimal::from(6);
    assert_eq!(account.cash(), before + fill.price.dollars_per_contract() * Decimal::from(3) - fees);
    assert_eq!(
        account.transactions().iter().map(crate::account::Transaction::net_amount).sum::<Decimal>(),
        account.cash() - before
    );
    let held: Vec<_> = account
        .positions()
        .iter()
        .map(|(symbol, position)| (symbol.to_string(), position.quantity))
        .collect();
    assert_eq!(held, [("SPXW  250904P06420000".to_owned(), 3), ("SPXW  250904P06425000".to_owned(), -3)]);
    assert_eq!(exchange.book().filled_packages().len(), 1);
    let moved = exchange.liquidation_value() - before;
    assert!(
        moved < Decimal::ZERO && moved > Decimal::from(-200),
        "selling at the far side costs the half spread and fees, got {moved}"
    );
}

const FEES_PER_CONTRACT_CENTS: Decimal = Decimal::from_parts(97, 0, 0, false, 2);

#[test]
fn a_cancel_takes_a_moment_and_a_fill_may_win() {
    let (mut canceled, mut filled) = (0, 0);
    for seed in 0..40 {
        let mut exchange = exchange(seed);
        // A limit far inside rests; crossing while the cancel is on its way needs an order that is marketable
        // when it gets there.
        let resting = exchange.submit(spread(CALLS, 1, credit(400)));
        let crossing = exchange.submit(spread(PUTS, 1, credit(5)));
        exchange.cancel(crossing).unwrap();
        pass(&mut exchange, 2.seconds());
        match state(&exchange, crossing) {
            OrderState::Canceled => canceled += 1,
            OrderState::Filled => filled += 1,
            other => panic!("seed {seed}: {other:?}"),
        }
        assert!(matches!(exchange.cancel(crossing), Err(CancelError::NotCancelable { .. })));
        exchange.cancel(resting).unwrap();
        exchange.cancel(resting).unwrap();
        pass(&mut exchange, 299.milliseconds());
        assert_eq!(state(&exchange, resting), &OrderState::PendingCancel);
        pass(&mut exchange, 901.milliseconds());
        let order = exchange.book().order(resting).unwrap();
        assert_eq!((&order.state, order.filled()), (&OrderState::Canceled, 0));
        assert!(order.cancel_activity.is_some() && order.closed.is_some());
    }
    assert!(canceled > 0 && filled > 0, "canceled {canceled}, filled {filled}");
    assert_eq!(exchange(1).cancel(7), Err(CancelError::Unknown(7)));
}

#[test]
fn a_replacement_works_after_the_old_or_is_rejected_if_filled() {
    let mut exchange = exchange(2);
    let old = exchange.submit(spread(PUTS, 1, credit(400)));
    pass(&mut exchange, 2.seconds());
    let new = exchange.replace(old, spread(PUTS, 1, credit(395))).unwrap();
    assert_eq!(state(&exchange, old), &OrderState::PendingReplace);
    pass(&mut exchange, 3.seconds());
    assert_eq!((state(&exchange, old), state(&exchange, new)), (&OrderState::Replaced, &OrderState::Working));
    assert!(exchange.replace(old, spread(PUTS, 1, credit(390))).is_err());

    let mut rejected = 0;
    for seed in 0..20 {
        let mut exchange = exchange_at(START, seed);
        let old = exchange.submit(spread(PUTS, 1, credit(5)));
        let new = exchange.replace(old, spread(PUTS, 1, credit(10))).unwrap();
        pass(&mut exchange, 5.seconds());
        let (old, new) = (exchange.book().order(old).unwrap(), exchange.book().order(new).unwrap());
        assert_eq!(old.filled() + new.filled(), 1, "seed {seed}: filled once whoever won");
        rejected += i32::from(matches!(new.state, OrderState::Rejected(_)));
    }
    assert!(rejected > 0);
}

#[test]
fn an_impossible_order_is_rejected_after_acceptance() {
    use PositionEffect::{Closing, Opening};
    let rejects: [(Ticket, &str); 7] = [
        (spread(PUTS, 1, credit(97)), "not a multiple of 0.05"),
        (single("SPXW250904P6425", LegAction::Buy, Opening, debit(715)), "not a multiple of 0.10"),
        (spread(PUTS, 300, credit(90)), "buying power is insufficient"),
        (
            single("SPXW250904P6425", LegAction::Sell, Opening, Pricing::Market),
            "buying power is insufficient",
        ),
        (single("SPXW250904P6425", LegAction::Sell, Closing, Pricing::Market), "do not hold enough"),
        (spread(["SPXW250904P6426", "SPXW250904P6420"], 1, credit(90)), "not a listed option"),
        (spread(["SPXW250903P6425", "SPXW250903P6420"], 1, credit(90)), "not a listed option"),
    ];
    for (ticket, words) in rejects {
        let mut exchange = exchange(1);
        let id = exchange.submit(ticket);
        assert!(!state(&exchange, id).is_terminal());
        pass(&mut exchange, 2.seconds());
        let OrderState::Rejected(text) = state(&exchange, id) else {
            panic!("{words}: {:?}", state(&exchange, id))
        };
        assert!(text.contains(words), "{text}");
        assert_eq!(exchange.account().cash(), Decimal::from(100_000));
    }
    let mut exchange = exchange(1);
    let (first, second) =
        (exchange.submit(spread(PUTS, 1, credit(5))), exchange.submit(spread(CALLS, 1, credit(5))));
    assert!(exchange.condemn(first, "made up"));
    pass(&mut exchange, 3.seconds());
    assert_eq!(
        (state(&exchange, first), state(&exchange, second)),
        (&OrderState::Rejected("made up".into()), &OrderState::Filled)
    );
    assert!(!exchange.condemn(second, "too late"));
}

#[test]
fn working_orders_reserve_buying_power() {
    let mut exchange = exchange(1);
    let first = exchange.submit(spread(PUTS, 200, credit(400)));
    pass(&mut exchange, 2.seconds());
    let second = exchange.submit(spread(CALLS, 200, credit(100)));
    let third = exchange.submit(spread(CALLS, 1000, credit(400)));
    pass(&mut exchange, 2.seconds());
    assert_eq!(state(&exchange, first), &OrderState::Working);
    assert!(
        matches!(state(&exchange, second), OrderState::Rejected(_)),
        "20000 + 80000 needed of 100000 with fees"
    );
    assert!(matches!(state(&exchange, third), OrderState::Rejected(_)));
}

#[test]
fn orders_end_with_the_session_and_positions_with_the_series() {
    let mut exchange = exchange(1);
    let day = exchange.submit(spread(PUTS, 1, credit(400)));
    let sold = exchange.submit(spread(PUTS, 1, credit(5)));
    exchange.advance_to("2025-09-03T16:14:59.999-04:00".parse().unwrap());
    assert_eq!((state(&exchange, day), state(&exchange, sold)), (&OrderState::Working, &OrderState::Filled));
    exchange.advance_to("2025-09-03T16:15:00-04:00".parse().unwrap());
    assert_eq!(state(&exchange, day), &OrderState::Expired);

    // After the close an order waits for the next opening, but can be cancelled.
    let evening = exchange.submit(spread(CALLS, 1, credit(5)));
    let regretted = exchange.submit(spread(CALLS, 1, credit(5)));
    pass(&mut exchange, 1.hours());
    exchange.cancel(regretted).unwrap();
    pass(&mut exchange, 2.seconds());
    assert_eq!(state(&exchange, evening), &OrderState::Pending(PendingStage::Activation));
    assert_eq!(state(&exchange, regretted), &OrderState::Canceled);
    exchange.advance_to("2025-09-04T09:30:00-04:00".parse().unwrap());
    assert_eq!(state(&exchange, evening), &OrderState::Pending(PendingStage::Activation));
    exchange.advance_to("2025-09-04T09:30:05-04:00".parse().unwrap());
    assert_eq!(state(&exchange, evening), &OrderState::Filled);
    assert_eq!(exchange.account().positions().len(), 4);

    exchange.advance_to("2025-09-04T16:00:00-04:00".parse().unwrap());
    assert!(exchange.account().positions().is_empty(), "settled at the close");
    assert_eq!(exchange.account().day_begin().cash, Decimal::from(100_000) + fills_of_first_day(&exchange));
    let late = exchange.submit(spread(PUTS, 1, credit(5)));
    pass(&mut exchange, 2.seconds());
    assert!(
        matches!(state(&exchange, late), OrderState::Rejected(text) if text.contains("closed for trading"))
    );
}

fn fills_of_first_day(exchange: &Exchange) -> Decimal {
    exchange.account().transactions().iter().take(2).map(crate::account::Transaction::net_amount).sum()
}

#[test]
fn immediate_orders_fill_at_once_or_are_gone() {
    for (time_in_force, cents, expected) in [
        (TimeInForce::ImmediateOrCancel, 5, OrderState::Filled),
        (TimeInForce::ImmediateOrCancel, 400, OrderState::Canceled),
        (TimeInForce::FillOrKill, 5, OrderState::Filled),
        (TimeInForce::FillOrKill, 400, OrderState::Canceled),
    ] {
        let mut exchange = exchange(1);
        let legs = vec![leg(PUTS[1], LegAction::Buy), leg(PUTS[0], LegAction::Sell)];
        let id = exchange.submit(Ticket::new(legs, 1, credit(cents), time_in_force).unwrap());
        pass(&mut exchange, 2.seconds());
        assert_eq!(state(&exchange, id), &expected, "{time_in_force:?} {cents}");
    }
}

#[test]
fn impossible_tickets_are_named() {
    let put = leg(PUTS[0], LegAction::Sell);
    let ticket = |legs: Vec<TicketLeg>, quantity| Ticket::new(legs, quantity, credit(100), TimeInForce::Day);
    assert_eq!(ticket(vec![], 1), Err(TicketError::NoLegs));
    assert_eq!(ticket(vec![put, put], 1), Err(TicketError::ContractTwice(put.symbol)));
    assert_eq!(ticket(vec![put], 0), Err(TicketError::NoQuantity));
    assert_eq!(ticket(vec![TicketLeg { ratio: 2, ..put }], 1), Err(TicketError::NoUnitLeg));
    assert!(matches!(
        Ticket::new(vec![put], 1, credit(-5), TimeInForce::Day),
        Err(TicketError::NegativeLimit(_))
    ));
}

/// A sequence of requests with the pauses between them.
#[derive(Debug, Clone)]
enum Request {
    Sell(bool, u32, i64),
    Cancel(usize),
    Replace(usize, i64),
}

fn requests() -> impl Strategy<Value = Vec<(i64, Request)>> {
    let request = prop_oneof![
        (any::<bool>(), 1_u32..6, 1_i64..40).prop_map(|(puts, quantity, nickels)| Request::Sell(
            puts,
            quantity,
            nickels * 5
        )),
        (0_usize..6).prop_map(Request::Cancel),
        (0_usize..6, 1_i64..40).prop_map(|(at, nickels)| Request::Replace(at, nickels * 5)),
    ];
    proptest::collection::vec((0_i64..9_000, request), 1..10)
}

fn play(seed: u64, story: &[(i64, Request)], slices: i64) -> Exchange {
    let mut exchange = exchange_at("2025-09-03T10:00:00-04:00", seed);
    for (pause, request) in story {
        for slice in (1..=slices).rev() {
            pass(&mut exchange, (pause / slices + i64::from(slice == 1) * (pause % slices)).milliseconds());
        }
        let at = |at: usize| exchange.book().posts().get(at).map_or(0, |order| order.id);
        match *request {
            Request::Sell(puts, quantity, cents) => {
                exchange.submit(spread(if puts { PUTS } else { CALLS }, quantity, credit(cents)));
            }
            Request::Cancel(index) => {
                let id = at(index);
                let _ = exchange.cancel(id);
            }
            Request::Replace(index, cents) => {
                let id = at(index);
                let _ = exchange.replace(id, spread(PUTS, 1, credit(cents)));
            }
        }
    }
    pass(&mut exchange, 30.seconds());
    exchange
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_same_requests_make_the_same_book_however_time_is_cut(seed in 0_u64..20, story in requests()) {
        let (one, other) = (play(seed, &story, 1), play(seed, &story, 7));
        prop_assert_eq!(one.book(), other.book());
        prop_assert_eq!(one.account(), other.account());
    }

    #[test]
    fn fills_keep_to_quantity_limit_and_leg_prices(seed in 0_u64..20, story in requests()) {
        let exchange = play(seed, &story, 1);
        for order in exchange.book().posts() {
            prop_assert!(order.filled() <= order.ticket.quantity());
            prop_assert_eq!(order.state == OrderState::Filled, order.unfilled() == 0);
            for fill in &order.fills {
                let Pricing::Limit { price, .. } = order.ticket.pricing() else { continue };
                prop_assert!(fill.effect == Effect::Credit && fill.price >= price);
                let net: Price = order.ticket.legs().iter().zip(&fill.leg_prices)
                    .map(|(leg, price)| if leg.action == LegAction::Sell { *price } else { -*price }).sum();
                prop_assert_eq!(net, fill.price);
                prop_assert!(fill.leg_prices.iter().all(|price| Tick::PENNY.holds(*price) && !price.is_negative()));
            }
        }
        let moved: Decimal = exchange.account().transactions().iter().map(crate::account::Transaction::net_amount).sum();
        prop_assert_eq!(exchange.account().cash(), Decimal::from(100_000) + moved);
    }

    #[test]
    fn legs_of_any_ratio_add_up(markets in proptest::collection::vec((0_i64..2_000, 0_i64..90, 1_u32..4, any::<bool>()), 1..4), depth in 0_i64..100) {
        let symbols = ["SPXW250904P6380", "SPXW250904P6400", "SPXW250904P6420", "SPXW250904P6440"];
        let mut quotes = gamma_market::QuoteBook::new();
        let mut legs = Vec::new();
        for (symbol, (bid, spread, ratio, buy)) in symbols.iter().zip(markets.into_iter().chain([(100, 10, 1, true)])) {
            let symbol: OptionSymbol = symbol.parse().unwrap();
            quotes.insert(symbol, gamma_market::LegQuote { bid: Some(Price::cents(bid)), ask: Some(Price::cents(bid + spread)), ..Default::default() });
            let action = if buy { LegAction::Buy } else { LegAction::Sell };
            legs.push(TicketLeg { symbol, action, effect: PositionEffect::Opening, ratio });
        }
        let market = Ticket::new(legs.clone(), 1, Pricing::Market, TimeInForce::Day).unwrap();
        let range = matching::cash_range(&market, &quotes).unwrap();
        let wanted = range.worst + (range.best - range.worst) * depth / 100;
        let pricing = if wanted < 0 { debit(-wanted) } else { credit(wanted) };
        let ticket = Ticket::new(legs, 1, pricing, TimeInForce::Day).unwrap();
        let mut random = crate::random::stream_at(1, Stream::Fills(0), 0);
        let execution = (0..2_000).find_map(|_| matching::execute(&ticket, 1, &quotes, Regime::Normal, &mut random));
        prop_assert!(execution.is_some() || depth > 50, "an order between mid and far side fills in the end");
        if let Some(execution) = execution {
            let net: i64 = ticket.legs().iter().zip(&execution.leg_prices).map(|(leg, price)| {
                let cents = rust_decimal::prelude::ToPrimitive::to_i64(&(price.points() * Decimal::ONE_HUNDRED)).unwrap();
                -leg.signed(1) * cents
            }).sum();
            prop_assert_eq!(net, wanted);
        }
    }
}
