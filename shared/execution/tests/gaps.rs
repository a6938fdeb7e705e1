//! Quotes that are missing, one-sided, crossed, wide, old, halted or delayed, for a moment or for good; and
//! reads that fail for a while.

use crate::support::net::Net;
use crate::support::{Place, World, set};
use gamma_execution::ports::BrokerFault;
use gamma_execution::report::{Outcome, RunReport};
use gamma_market::{LegQuote, OptionSymbol, Price, QuoteState, Right};
use jiff::{SignedDuration, Timestamp};

fn at(time: &str) -> Timestamp {
    format!("2025-09-03T{time}Z").parse().unwrap()
}

type Spoil = fn(LegQuote, Timestamp) -> Option<LegQuote>;

/// Every way in which a leg's quote makes no price.
fn spoilt() -> Vec<(&'static str, Spoil)> {
    vec![
        ("missing", |_, _| None),
        ("no bid", |quote, _| Some(LegQuote { bid: None, ..quote })),
        ("no ask", |quote, _| Some(LegQuote { ask: None, ..quote })),
        ("no market", |quote, _| Some(LegQuote { bid: Some(Price::ZERO), ask: Some(Price::ZERO), ..quote })),
        ("crossed", |quote, _| Some(LegQuote { bid: quote.ask.map(|ask| ask + Price::cents(5)), ..quote })),
        ("wide", |quote, _| {
            Some(LegQuote { bid: Some(Price::cents(5)), ask: Some(Price::cents(900)), ..quote })
        }),
        ("old", |quote, now| {
            Some(LegQuote { at: now.checked_sub(SignedDuration::from_mins(5)).ok(), ..quote })
        }),
        ("halted", |quote, _| Some(LegQuote { state: QuoteState::Halted, ..quote })),
        ("delayed", |quote, _| Some(LegQuote { state: QuoteState::Delayed, ..quote })),
    ]
}

/// A day on which one put leg is spoilt between two times, and everything fills at once.
async fn day(spoil: Spoil, from: &str, to: &str) -> (World, RunReport) {
    let world = World::at("20:13:31");
    let (from, to) = (at(from), at(to));
    let leg: OptionSymbol = "SPXW  250904P06425000".parse().unwrap();
    let quoting = move |now: Timestamp, symbol: OptionSymbol, quote: Option<LegQuote>| {
        if symbol == leg && from <= now && now < to {
            quote.and_then(|quote| spoil(quote, now))
        } else {
            quote
        }
    };
    set(&world.broker.quoting, Some(Box::new(quoting)));
    set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    (world, report)
}

#[tokio::test]
async fn a_leg_spoilt_for_a_moment_at_approval_costs_nothing() {
    for (name, spoil) in spoilt() {
        let (world, report) = day(spoil, "20:13:00", "20:13:34").await;
        assert_eq!(report.outcome, Outcome::Filled, "{name}: {} {:?}", report.detail, report.notes);
        assert_eq!(world.broker.book().len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_leg_spoilt_all_day_costs_its_side_and_no_other() {
    for (name, spoil) in spoilt() {
        let (world, report) = day(spoil, "20:13:00", "20:20:00").await;
        assert_eq!(
            (report.outcome, report.alarm),
            (Outcome::OneSided, true),
            "{name}: {} {:?}",
            report.detail,
            report.notes
        );
        assert!(world.broker.book().iter().all(|(right, ..)| *right == Right::Call), "{name}");
        assert!(
            report
                .sides
                .iter()
                .any(|side| side.refused.as_ref().is_some_and(|why| why.contains("P06425000"))),
            "{name}: {:?}",
            report.sides
        );
    }
}

#[tokio::test]
async fn a_run_that_begins_late_waits_out_a_gap_too() {
    let world = World::at("20:13:59");
    let gap = |now: Timestamp, symbol: OptionSymbol, quote: Option<LegQuote>| {
        if symbol.right() == Right::Put && now < at("20:14:01") { None } else { quote }
    };
    set(&world.broker.quoting, Some(Box::new(gap)));
    set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Filled, "{} {:?}", report.detail, report.notes);
}

#[tokio::test]
async fn a_leg_that_the_batch_does_not_answer_is_asked_for_alone() {
    let world = World::at("20:13:31");
    // Only a question about nothing else answers this leg.
    let leg: OptionSymbol = "SPXW  250904P06425000".parse().unwrap();
    set(&world.broker.only_alone, Some(leg));
    set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    assert_eq!(report.outcome, Outcome::Filled, "{} {:?}", report.detail, report.notes);
    assert!(report.ended < at("20:13:40"), "no second was waited for it: {}", report.ended);
}

#[tokio::test]
async fn a_gap_at_a_later_rung_costs_its_time_and_not_the_slot() {
    // The first rungs do not fill; when the second ones are to open, one put leg is missing for three
    // seconds.
    for (name, spoil) in spoilt() {
        let world = World::at("20:13:31");
        let leg: OptionSymbol = "SPXW  250904P06425000".parse().unwrap();
        let quoting = move |now: Timestamp, symbol: OptionSymbol, quote: Option<LegQuote>| {
            if symbol == leg && at("20:13:50") <= now && now < at("20:13:58") {
                quote.and_then(|quote| spoil(quote, now))
            } else {
                quote
            }
        };
        set(&world.broker.quoting, Some(Box::new(quoting)));
        set(&world.broker.fills, |right, number, seconds| match (right, number) {
            (Right::Put, 2) if seconds >= 1 => 4,
            (Right::Call, 2) if seconds >= 10 => 4,
            _ => 0,
        });
        let report = world.deliver("run-1").await;
        assert_eq!(report.outcome, Outcome::Filled, "{name}: {} {:?}", report.detail, report.notes);
        let opened =
            |name: &str| report.sides.iter().find(|side| side.name.starts_with(name)).unwrap().rungs[1].at;
        let (put, call) = (opened("PUT"), opened("CALL"));
        assert!(
            call < put && put < call + SignedDuration::from_secs(8),
            "{name}: the put follows the call in the same slot, {call} and {put}"
        );
    }
}

/// The leg with this in its symbol costs 0.20 more from this time.
fn dearer_from(world: &World, leg: &'static str, time: &'static str) {
    let moved = move |now: Timestamp, symbol: OptionSymbol, quote: Option<LegQuote>| {
        let up = |price: Option<Price>| price.map(|price| price + Price::cents(20));
        let dear = symbol.to_string().contains(leg) && now >= at(time);
        if dear {
            quote.map(|quote| LegQuote { bid: up(quote.bid), ask: up(quote.ask), ..quote })
        } else {
            quote
        }
    };
    set(&world.broker.quoting, Some(Box::new(moved)));
}

#[tokio::test]
async fn each_side_is_priced_by_quotes_read_right_before_it_is_sent() {
    // The put's POST takes seven seconds; the call's market moves meanwhile.
    let world = World::at("20:13:31");
    dearer_from(&world, "C06470000", "20:13:33");
    let mut net = Net::to(&world);
    net.slow = Box::new(|call, now| (if call == "place" && now < at("20:13:33") { 7 } else { 0 }, false));
    let report = net.deliver(&world.request("run-1")).await;
    let price = |name: &str| {
        report.sides.iter().find(|side| side.name.starts_with(name)).unwrap().rungs[0].price.unwrap()
    };
    // Worth 1.20 when it was decided, 1.40 when it is sent.
    assert_eq!(price("CALL").to_string(), "1.40", "{:?}", report.sides);
}

#[tokio::test]
async fn an_order_that_is_sent_again_is_priced_anew() {
    let world = World::at("20:13:31");
    dearer_from(&world, "P06425000", "20:13:32");
    set(&world.broker.place, |number| if number == 1 { Place::EdgePage } else { Place::Accept });
    set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
    let report = world.deliver("run-1").await;
    let put = report.sides.iter().find(|side| side.side == Right::Put).unwrap();
    let prices: Vec<_> = put.rungs.iter().map(|rung| rung.price.unwrap().to_string()).collect();
    assert_eq!(
        (prices, report.outcome),
        (vec!["0.95".to_owned(), "1.15".to_owned()], Outcome::Filled),
        "{:?}",
        report.notes
    );
}

#[tokio::test]
async fn what_may_pass_is_waited_out_before_anything_is_sent() {
    let faults: [fn() -> BrokerFault; 5] = [
        || BrokerFault::Unauthorized("401".into()),
        || BrokerFault::Unavailable("403 edge page".into()),
        || BrokerFault::RateLimited("429".into()),
        || BrokerFault::NotFound("404".into()),
        || BrokerFault::Malformed("body: got 0 bytes, expected JSON".into()),
    ];
    for (fault, seconds) in faults.into_iter().flat_map(|fault| [(fault, 2), (fault, 10)]) {
        // Other refusals are not waited for that long.
        if seconds == 10 && matches!(fault(), BrokerFault::NotFound(_) | BrokerFault::Malformed(_)) {
            continue;
        }
        for call in ["account", "orders", "working orders", "quotes"] {
            let world = World::at("20:13:00");
            set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
            let mut net = Net::to(&world);
            let begins = if call == "quotes" { at("20:13:31") } else { at("20:13:00") };
            net.failing = Box::new(move |name, now| {
                (name == call && now < begins + SignedDuration::from_secs(seconds)).then(fault)
            });
            let report = net.deliver(&world.request("run-1")).await;
            assert_eq!(
                report.outcome,
                Outcome::Filled,
                "{call} fails for {seconds} s with {}: {} {:?}",
                fault(),
                report.detail,
                report.notes
            );
        }
    }
}

#[tokio::test]
async fn what_never_reached_the_broker_is_sent_again() {
    for how in [Place::EdgePage, Place::Unauthorized] {
        let world = World::at("20:13:31");
        set(
            &world.broker.place,
            if how == Place::EdgePage {
                |number| if number <= 2 { Place::EdgePage } else { Place::Accept }
            } else {
                |number| if number <= 2 { Place::Unauthorized } else { Place::Accept }
            },
        );
        set(&world.broker.fills, |_, _, seconds| if seconds >= 1 { 4 } else { 0 });
        let report = world.deliver("run-1").await;
        assert_eq!(report.outcome, Outcome::Filled, "{how:?}: {} {:?}", report.detail, report.notes);
    }
}
