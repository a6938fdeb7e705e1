//! The reference's ladder vectors (section 8, 22 and 27 to 35) and the incidents a single ladder can meet.

mod standing;
mod times;

use std::collections::{BTreeMap, BTreeSet};

use gamma_market::{Tick, Vertical};
use jiff::SignedDuration;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::approval::{Book, approve};
use crate::ports::{Capabilities, Fill, OrderKind};
use crate::schedule::tests::profile;

const START: Timestamp = Timestamp::UNIX_EPOCH;

/// More than any ladder of these tests takes.
const STEPS: usize = 1000;

fn at(second: i64) -> Timestamp {
    START + SignedDuration::from_secs(second)
}

fn nbbo(effect: Effect, bid: i64, mid: i64, ask: i64) -> PackageNbbo {
    PackageNbbo { effect, bid: Price::cents(bid), ask: Price::cents(ask), mid: Price::cents(mid) }
}

fn intent(credit: bool, quantity: u32) -> Approved<Intent> {
    let (high, low) = ("SPXW260212P6900".parse().unwrap(), "SPXW260212P6895".parse().unwrap());
    let vertical = if credit { Vertical::new(high, low) } else { Vertical::new(low, high) }.unwrap();
    let capabilities = Capabilities {
        broker: "test",
        most_legs: 4,
        most_quantity: 100,
        kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
        roots: &[("SPXW", Tick::NICKEL)],
        previews: false,
        names_orders: false,
    };
    let (positions, foreign, ledger) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    let book = Book {
        equity: Decimal::from(1_000_000),
        positions: &positions,
        approved: &[],
        foreign: &foreign,
        ledger: &ledger,
        expected: &BTreeMap::new(),
        capabilities,
    };
    approve(vertical, quantity, nbbo(vertical.effect(), 85, 95, 105), book, profile().limits()).unwrap()
}

fn ladder(quantity: u32) -> Ladder {
    Ladder::new(
        intent(true, quantity),
        profile().rung_offsets,
        Settings { profile: profile(), look_until: at(100), prove_by: at(200) },
    )
}

/// What the broker does with the orders it gets, by the second.
type Script = fn(second: i64, number: usize, cancel_asked: bool) -> (OrderStatus, u32);

/// Drives one ladder against a scripted broker; returns (posts as (second, price, quantity), the ladder).
fn drive(mut ladder: Ladder, script: Script) -> (Vec<(i64, String, u32)>, Ladder) {
    let mut posts: Vec<(i64, String, u32)> = Vec::new();
    let mut second = 0;
    let mut cancel_asked = false;
    for _ in 0..STEPS {
        if ladder.end().is_some() {
            return (posts, ladder);
        }
        let mut commands = if ladder.is_ready() {
            cancel_asked = false;
            ladder.step(
                at(second),
                Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(second + 20) },
            )
        } else {
            let wake = ladder.next_wake().expect("a ladder that is neither ready nor done wants to be woken");
            second = wake.as_second().max(second);
            ladder.step(at(second), Event::Time)
        };
        while !commands.is_empty() {
            let command = commands.remove(0);
            assert!(posts.len() < STEPS, "it does not stop sending");
            commands.extend(match command {
                Command::Post(posting) => {
                    let order = posting.order.get();
                    posts.push((second, order.price.to_string(), order.quantity));
                    ladder.step(
                        at(second),
                        Event::Posted(PlaceReply::Accepted(OrderId(posts.len().to_string()))),
                    )
                }
                Command::Read(id) | Command::Confirm(id) => {
                    let (status, filled) = script(second, posts.len(), cancel_asked);
                    let last = posts.last().unwrap();
                    let view = view(&id, status, last.2, filled);
                    let mut more = ladder.step(at(second), Event::Unlinked { shown: true });
                    more.extend(ladder.step(at(second), Event::Seen(&view)));
                    more
                }
                Command::Cancel(_) => {
                    cancel_asked = true;
                    Vec::new()
                }
                _ => Vec::new(),
            });
        }
    }
    panic!("it does not end: {ladder:?}");
}

/// Wakes a ladder whenever it wants to be woken, until it has ended.
fn until_the_end(side: &mut Ladder, mut wake: impl FnMut(&mut Ladder, Timestamp)) {
    for _ in 0..STEPS {
        match side.next_wake() {
            Some(now) => wake(side, now),
            None => break,
        }
    }
    assert!(side.end().is_some(), "it does not end: {side:?}");
}

fn view(id: &OrderId, status: OrderStatus, quantity: u32, filled: u32) -> OrderView {
    let fills = (filled > 0)
        .then(|| Fill { quantity: filled, price: Price::cents(95), at: None })
        .into_iter()
        .collect();
    OrderView {
        id: id.clone(),
        status,
        quantity,
        filled,
        price: Some(Price::cents(95)),
        effect: Some(Effect::Credit),
        legs: Vec::new(),
        foreign_legs: false,
        entered: None,
        fills,
        reason: Some("not enough".into()),
        tag: None,
        name: None,
        linked: Vec::new(),
        unreadable: None,
    }
}

#[test]
fn reference_vectors_22_and_27_rung_prices() {
    for (credit, quote, prices) in [
        (true, nbbo(Effect::Credit, 85, 95, 105), ["0.95", "0.90", "0.85"]),
        (false, nbbo(Effect::Debit, 85, 95, 105), ["0.95", "1.00", "1.05"]),
        (true, nbbo(Effect::Credit, 95, 100, 105), ["1.00", "0.95", "0.95"]),
        // The market ran away: the price stays in the envelope fixed at decision time (0.95 ∓ 0.30).
        (true, nbbo(Effect::Credit, 40, 50, 60), ["0.65", "0.65", "0.65"]),
        (false, nbbo(Effect::Debit, 140, 150, 160), ["1.25", "1.25", "1.25"]),
    ] {
        let intent = intent(credit, 1);
        let got: Vec<_> = profile()
            .rung_offsets
            .iter()
            .map(|offset| Ladder::price(intent.get(), quote, *offset).to_string())
            .collect();
        assert_eq!(got, prices);
    }
}

#[test]
fn reference_vector_28_nothing_fills_three_rungs() {
    let (posts, ladder) =
        drive(ladder(2), |_, _, asked| (if asked { OrderStatus::Canceled } else { OrderStatus::Working }, 0));
    // Cancelled after 20 s, read a second later, and once more when its last fill would be counted.
    assert_eq!(posts, [(0, "0.95".into(), 2), (23, "0.90".into(), 2), (46, "0.85".into(), 2)]);
    assert_eq!((ladder.end(), ladder.filled()), (Some(&SideEnd::Exhausted), 0));
}

/// The replaced bot sent the full quantity again after a partial fill.
#[test]
fn incident_partial_fill_then_only_the_remainder_is_sent() {
    // Reference vector 29.
    let (posts, ladder) = drive(ladder(2), |_, number, asked| match (number, asked) {
        (1, false) => (OrderStatus::Working, 1),
        (1, true) => (OrderStatus::Canceled, 1),
        _ => (OrderStatus::Filled, 1),
    });
    assert_eq!(posts, [(0, "0.95".into(), 2), (23, "0.90".into(), 1)]);
    assert_eq!((ladder.end(), ladder.filled()), (Some(&SideEnd::Filled), 2));
}

/// The order fills between the last poll and the cancel.
#[test]
fn incident_filled_before_the_cancel_gives_one_orders_fills() {
    // Reference vector 32: the cancel was accepted, but the order had filled; the old ladder bought it twice
    // more.
    let (posts, ladder) =
        drive(
            ladder(2),
            |_, _, asked| if asked { (OrderStatus::Filled, 2) } else { (OrderStatus::Working, 0) },
        );
    assert_eq!((posts.len(), ladder.filled(), ladder.end()), (1, 2, Some(&SideEnd::Filled)));
}

#[test]
fn incident_cancel_refused_because_filled_no_next_rung() {
    // Reference vectors 30 and 34: the status is slow to say so.
    let (posts, ladder) =
        drive(
            ladder(2),
            |second, _, _| if second < 26 { (OrderStatus::Working, 0) } else { (OrderStatus::Filled, 2) },
        );
    assert_eq!((posts.len(), ladder.filled(), ladder.end()), (1, 2, Some(&SideEnd::Filled)));
}

#[test]
fn reference_vector_31_an_order_not_proven_terminal_stops_it() {
    for stubborn in
        [OrderStatus::Working, OrderStatus::CancelPending, OrderStatus::Other("CANCELLED?".into())]
    {
        let mut side = ladder(2);
        side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
        side.step(at(0), Event::Posted(PlaceReply::Accepted(OrderId("1".into()))));
        let mut cancels = 0;
        until_the_end(&mut side, |side, now| {
            for command in side.step(now, Event::Time) {
                assert!(!matches!(command, Command::Post(_)), "a second order while the first may be alive");
                cancels += usize::from(matches!(command, Command::Cancel(_)));
                let view = view(&OrderId("1".into()), stubborn.clone(), 2, 0);
                cancels += side
                    .step(now, Event::Seen(&view))
                    .iter()
                    .filter(|command| matches!(command, Command::Cancel(_)))
                    .count();
            }
        });
        assert!(matches!(side.end(), Some(SideEnd::Unresolved(_))));
        assert!(cancels > 0, "{stubborn:?}: it was never cancelled");
    }
}

/// A ladder whose first order is out and was read once.
fn accepted() -> Ladder {
    let (mut side, commands) = posted(PlaceReply::Accepted(OrderId("1".into())));
    assert!(matches!(commands[..], [Command::RecordNamed { .. }]), "{commands:?}");
    assert_eq!(side.step(at(0), Event::Time), [Command::Read(OrderId("1".into()))]);
    let commands = side.step(at(0), Event::Seen(&view(&OrderId("1".into()), OrderStatus::Working, 2, 0)));
    assert!(matches!(commands[..], [Command::RecordAccepted { .. }]), "{commands:?}");
    side
}

/// The order is over with fewer fills than ordered: the ladder is shown it twice, far enough apart, and
/// nothing that replaces it.
fn over(side: &mut Ladder, second: i64, view: &OrderView) -> Vec<Command> {
    assert_eq!(side.step(at(second), Event::Seen(view)), [], "one look is not enough");
    assert_eq!(side.next_wake(), Some(at(second + 2)));
    assert!(side.step(at(second + 1), Event::Time).is_empty(), "not before");
    assert_eq!(side.step(at(second + 2), Event::Time), [Command::Confirm(view.id.clone())]);
    assert!(side.step(at(second + 2), Event::Unlinked { shown: true }).is_empty());
    side.step(at(second + 2), Event::Seen(view))
}

fn posted(reply: PlaceReply) -> (Ladder, Vec<Command>) {
    let mut side = ladder(2);
    side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
    let commands = side.step(at(0), Event::Posted(reply));
    (side, commands)
}

#[test]
fn incident_order_id_not_parsed_is_unknown_then_found_or_stops() {
    // Reference vector 35: three full-size orders at once.
    let own = view(&OrderId("9".into()), OrderStatus::Working, 2, 0);
    for (found, adopted) in [(vec![&own], true), (vec![], false), (vec![&own, &own], false)] {
        let (mut side, commands) = posted(PlaceReply::Unknown("created without an id".into()));
        assert!(matches!(commands[..], [Command::RecordUnknown { .. }]));
        assert_eq!(side.next_wake(), Some(at(5)), "the settle window passes first");
        assert!(side.step(at(4), Event::Time).is_empty());
        assert!(matches!(side.step(at(5), Event::Time)[..], [Command::Locate(_)]));
        let commands = side.step(at(5), Event::Located(found));
        assert!(!commands.iter().any(|command| matches!(command, Command::Post(_))));
        assert_eq!(commands.iter().any(|command| matches!(command, Command::RecordAccepted { .. })), adopted);
        assert_eq!(side.in_doubt(), !adopted);
        assert!(!side.is_ready(), "nothing more is sent while an order may be out");
    }
}

#[test]
fn a_late_order_is_cancelled_and_its_fills_are_kept() {
    let own = |status, filled| view(&OrderId("9".into()), status, 2, filled);
    let (mut side, _) = posted(PlaceReply::Unknown("timeout".into()));
    side.step(at(5), Event::Time);
    side.step(at(5), Event::Located(vec![]));
    side.step(at(12), Event::Time);
    let commands = side.step(at(12), Event::Located(vec![&own(OrderStatus::Working, 0)]));
    assert!(matches!(commands[..], [Command::RecordAccepted { .. }, Command::Cancel(_)]), "{commands:?}");
    side.step(at(13), Event::Time);
    let commands = over(&mut side, 13, &own(OrderStatus::Canceled, 1));
    assert!(matches!(commands[..], [Command::RecordTerminal { .. }]));
    assert_eq!((side.end(), side.filled()), (Some(&SideEnd::Stopped(StopReason::NotFoundInTime)), 1));
}

#[test]
fn unlistable_orders_leave_the_outcome_unknown_until_the_end() {
    let (mut side, _) = posted(PlaceReply::Unknown("timeout".into()));
    let mut listed = 0;
    until_the_end(&mut side, |side, now| {
        listed += side.step(now, Event::Time).len();
        side.step(now, Event::Unread);
    });
    assert!(listed > 3);
    assert!(matches!(side.end(), Some(SideEnd::Unresolved(_))));
}

#[test]
fn a_proven_refusal_may_be_sent_anew_a_few_times() {
    for (reply, again_at) in [
        (NotPlaced::Unauthorized, Some(0)),
        (NotPlaced::NotSent(NotSent::NotConnected("refused".into())), Some(1)),
        (NotPlaced::RateLimited { retry_after: Some(std::time::Duration::from_secs(3)) }, Some(3)),
        (NotPlaced::RateLimited { retry_after: Some(std::time::Duration::from_secs(30)) }, None),
    ] {
        let (mut side, mut commands) = posted(PlaceReply::NotPlaced(reply.clone()));
        if let Some(second) = again_at.filter(|second| *second > 0) {
            assert_eq!(side.next_wake(), Some(at(second)));
            commands = side.step(at(second), Event::Time);
        }
        let again = commands.iter().find_map(|command| {
            if let Command::Post(posting) = command { Some(posting.number) } else { None }
        });
        assert_eq!(again, again_at.map(|_| 2), "{reply}: a new number for the same remainder");
    }
}

#[test]
fn a_401_is_sent_again_at_once_and_then_after_1_2_and_4_s() {
    let (mut side, mut commands) = posted(PlaceReply::NotPlaced(NotPlaced::Unauthorized));
    let mut sent = vec![0];
    let mut now = at(0);
    for _ in 0..9 {
        if !commands.iter().any(|command| matches!(command, Command::Post(_))) {
            let Some(wake) = side.next_wake().filter(|wake| *wake < at(20)) else { break };
            now = wake;
            side.step(now, Event::Time);
        }
        sent.push(now.as_second());
        commands = side.step(now, Event::Posted(PlaceReply::NotPlaced(NotPlaced::Unauthorized)));
    }
    assert_eq!(
        sent,
        [0, 0, 1, 3, 7],
        "two seconds of 401 cost no rung, and no token endpoint is asked for ever"
    );
    assert_eq!((side.is_ready(), side.next_wake()), (false, Some(at(20))), "the rung keeps its time");
    side.step(at(20), Event::Time);
    assert!(side.is_ready(), "then the next rung");
}

#[test]
fn a_wait_that_the_broker_asks_for_holds_the_next_rung_too() {
    let wait = Some(std::time::Duration::from_secs(30));
    let (mut side, _) = posted(PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: wait }));
    assert_eq!(side.next_wake(), Some(at(30)), "beyond this rung's end");
    assert!(side.step(at(29), Event::Time).is_empty() && !side.is_ready());
    side.step(at(30), Event::Time);
    assert!(side.is_ready());
}

#[test]
fn a_broker_that_says_no_ends_the_side() {
    let (side, _) =
        posted(PlaceReply::NotPlaced(NotPlaced::Rejected { status: 400, message: "price".into() }));
    assert!(matches!(side.end(), Some(SideEnd::Rejected(_))));
    let (posts, ladder) = drive(ladder_of_two(), |_, _, _| (OrderStatus::Rejected, 0));
    assert_eq!((posts.len(), ladder.end()), (1, Some(&SideEnd::Rejected("not enough".into()))));
}

fn ladder_of_two() -> Ladder {
    ladder(2)
}

#[test]
fn a_stop_cancels_what_is_out_and_opens_nothing() {
    let mut side = accepted();
    assert_eq!(side.step(at(3), Event::Stop(StopReason::Disarmed)), [Command::Cancel(OrderId("1".into()))]);
    assert!(matches!(side.step(at(4), Event::Time)[..], [Command::Read(_)]));
    let gone = view(&OrderId("1".into()), OrderStatus::Canceled, 2, 1);
    over(&mut side, 4, &gone);
    assert_eq!((side.end(), side.filled()), (Some(&SideEnd::Stopped(StopReason::Disarmed)), 1));
}

#[test]
fn filled_is_believed_only_once_the_fills_add_up() {
    let (posts, ladder) =
        drive(ladder(2), |second, _, _| (OrderStatus::Filled, if second < 30 { 1 } else { 2 }));
    assert_eq!((posts.len(), ladder.filled(), ladder.end()), (1, 2, Some(&SideEnd::Filled)));
}

#[test]
fn a_broker_that_shows_more_than_was_ordered_is_not_believed() {
    let mut side = accepted();
    let odd = view(&OrderId("1".into()), OrderStatus::Filled, 2, 3);
    side.step(at(2), Event::Time);
    side.step(at(2), Event::Seen(&odd));
    until_the_end(&mut side, |side, now| {
        let commands = side.step(now, Event::Time);
        assert!(!commands.iter().any(|command| matches!(command, Command::Post(_))));
        side.step(now, Event::Seen(&odd));
    });
    assert!(matches!(side.end(), Some(SideEnd::Unresolved(_))));
}

#[test]
fn one_stale_answer_ends_the_ladder_but_not_the_proof() {
    let mut side = accepted();
    let show = |side: &mut Ladder, second: i64, status: OrderStatus, filled: u32| {
        side.step(at(second), Event::Time);
        side.step(at(second), Event::Seen(&view(&OrderId("1".into()), status, 2, filled)))
    };
    show(&mut side, 2, OrderStatus::Working, 1);
    assert_eq!(show(&mut side, 4, OrderStatus::Working, 0), [Command::Cancel(OrderId("1".into()))]);
    over(&mut side, 5, &view(&OrderId("1".into()), OrderStatus::Canceled, 2, 1));
    assert!(matches!(side.end(), Some(SideEnd::Stopped(StopReason::Contradiction(_)))));
    assert_eq!(side.filled(), 1);
}

#[test]
fn an_order_somebody_replaced_is_not_over() {
    let (posts, ladder) = drive(ladder(2), |_, _, _| (OrderStatus::Replaced, 0));
    assert_eq!(posts.len(), 1, "the replacement may be alive");
    assert!(matches!(ladder.end(), Some(SideEnd::Unresolved(_))));
}

/// One thing that can happen next, drawn at random.
fn any_move() -> impl Strategy<Value = (u8, u32, i64)> {
    (0_u8..12, 0_u32..4, 0_i64..9)
}

proptest! {
    #[test]
    fn at_all_times_one_live_order_and_no_more_than_approved(quantity in 1_u32..4, moves in proptest::collection::vec(any_move(), 1..80)) {
        let mut side = ladder(quantity);
        let (mut second, mut live, mut broker_filled) = (0_i64, None::<(OrderId, u32, u32)>, 0_u32);
        let mut gone = None::<OrderView>;
        let mut posted = 0_u32;
        for (what, filled, passed) in moves {
            second += passed;
            let now = at(second);
            let quote = nbbo(Effect::Credit, 85, 95, 105);
            let mut commands = match what {
                0..=2 => side.step(now, Event::Open { nbbo: quote, closes: at(second + 20) }),
                3..=5 => side.step(now, Event::Time),
                6 => side.step(now, Event::Unread),
                7 => side.step(now, Event::Stop(StopReason::TimeUp)),
                _ => match live.take() {
                    Some((id, size, before)) => {
                        let shown = (before + filled).min(size);
                        broker_filled += shown - before;
                        let status = match (shown == size, what) {
                            (true, _) => OrderStatus::Filled,
                            (false, 8) => OrderStatus::Canceled,
                            (false, 9) => OrderStatus::Other("ODD".into()),
                            _ => OrderStatus::Working,
                        };
                        if !status.is_terminal() {
                            live = Some((id.clone(), size, shown));
                        }
                        let view = view(&id, status.clone(), size, shown);
                        if status.is_terminal() {
                            gone = Some(view.clone());
                        }
                        let waiting = matches!(side.phase, Phase::Naming { .. } | Phase::Working { .. } | Phase::Cancelling { .. });
                        // One that was named and never shown is left to recovery, which reads it by that
                        // name.
                        if matches!(side.end(), Some(SideEnd::Unresolved(_))) {
                            return Ok(());
                        }
                        prop_assert!(waiting, "the ladder forgot its live order in {:?}", side.phase);
                        side.step(now, Event::Seen(&view))
                    }
                    None => Vec::new(),
                },
            };
            while !commands.is_empty() {
                let command = commands.remove(0);
                if let (Command::Confirm(_), Some(view)) = (&command, &gone) {
                    commands.extend(side.step(now, Event::Unlinked { shown: true }));
                    commands.extend(side.step(now, Event::Seen(view)));
                }
                if let Command::Post(posting) = command {
                    prop_assert!(live.is_none(), "a second order while one is alive");
                    posted += 1;
                    let order = posting.order.get();
                    prop_assert!(order.quantity + broker_filled <= quantity, "more than approved");
                    let id = OrderId(posted.to_string());
                    live = Some((id.clone(), order.quantity, 0));
                    commands.extend(side.step(now, Event::Posted(PlaceReply::Accepted(id))));
                }
            }
            prop_assert!(side.filled() <= broker_filled && broker_filled <= quantity);
            if side.end().is_some() && !matches!(side.end(), Some(SideEnd::Unresolved(_))) {
                prop_assert!(live.is_none(), "ended with a live order: {:?}", side.end());
                prop_assert_eq!(side.filled(), broker_filled);
            }
        }
    }
}
