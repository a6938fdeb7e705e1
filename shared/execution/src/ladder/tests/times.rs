//! When a ladder does what: nothing a moment too early, nothing after its time.

use std::time::Duration;

use super::*;

fn one() -> OrderId {
    OrderId("1".into())
}

fn working() -> Ladder {
    accepted()
}

#[test]
fn an_order_is_read_every_two_seconds_and_cancelled_in_time() {
    let mut side = working();
    let quiet = view(&one(), OrderStatus::Working, 2, 0);
    for second in 1..20 {
        let commands = side.step(at(second), Event::Time);
        if second % 2 == 0 {
            assert_eq!(commands, [Command::Read(one())], "second {second}");
            assert!(side.step(at(second), Event::Seen(&quiet)).is_empty());
        } else {
            assert!(commands.is_empty(), "second {second}: {commands:?}");
        }
    }
    assert_eq!(side.next_wake(), Some(at(20)));
    assert_eq!(side.step(at(20), Event::Time), [Command::Cancel(one())]);
    assert!(side.step(at(20), Event::Time).is_empty(), "the cancel settles first");
    assert_eq!(side.next_wake(), Some(at(21)));
    assert_eq!(side.step(at(21), Event::Time), [Command::Read(one())]);
}

#[test]
fn an_unreadable_order_is_cancelled_in_time() {
    let mut side = working();
    for second in [2, 4, 19] {
        assert_eq!(side.step(at(second), Event::Time), [Command::Read(one())], "second {second}");
        assert!(side.step(at(second), Event::Unread).is_empty());
    }
    assert_eq!(side.next_wake(), Some(at(20)), "not a read later");
    let mut late = side.clone();
    assert_eq!(side.step(at(20), Event::Time), [Command::Cancel(one())]);
    assert_eq!(late.step(at(20), Event::Unread), [Command::Cancel(one())]);
}

#[test]
fn a_cancel_is_asked_for_again_unless_the_broker_is_at_it() {
    // Four, a second apart, then one every five seconds until the end.
    for (status, cancels) in
        [(OrderStatus::Working, 39), (OrderStatus::Other("ODD".into()), 39), (OrderStatus::CancelPending, 1)]
    {
        let (mut side, mut asked, mut last) = (working(), 0, START);
        until_the_end(&mut side, |side, now| {
            last = now;
            let mut commands = side.step(now, Event::Time);
            let reads = commands.iter().any(|command| matches!(command, Command::Read(_)));
            if reads && now >= at(20) {
                commands.extend(side.step(now, Event::Seen(&view(&one(), status.clone(), 2, 0))));
            }
            asked += commands.iter().filter(|command| matches!(command, Command::Cancel(_))).count();
        });
        assert_eq!((asked, last), (cancels, at(200)), "{status:?}: read until the run has to end");
    }
}

#[test]
fn a_read_that_fails_during_a_cancel_asks_for_no_other() {
    let mut side = working();
    side.step(at(20), Event::Time);
    side.step(at(21), Event::Time);
    assert!(side.step(at(21), Event::Unread).is_empty());
    assert_eq!(side.next_wake(), Some(at(22)));
}

#[test]
fn what_was_not_sent_is_tried_after_1_2_4_and_8_s() {
    let refused = || Event::Posted(NotSent::NotConnected("refused".into()).into());
    // A mark that the ledger does not have is made again under its own number.
    for (failed, renumbered) in [
        (refused as fn() -> Event<'static>, 1),
        (|| Event::Unmarked(NotSent::NotConnected("refused".into())), 0),
    ] {
        let mut side = ladder(2);
        side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
        side.step(at(0), failed());
        for (resend, second) in [(1, 1), (2, 3), (3, 7), (4, 15)] {
            assert_eq!(side.next_wake(), Some(at(second)));
            assert!(side.step(at(second - 1), Event::Time).is_empty(), "not before second {second}");
            let commands = side.step(at(second), Event::Time);
            let number = 1 + resend * renumbered;
            assert!(
                matches!(&commands[..], [Command::Post(posting)] if posting.number == number),
                "{number}: {commands:?}"
            );
            side.step(at(second), failed());
        }
        // The next would be after 16 seconds: beyond the rung's end, and beyond the four it may take.
        assert_eq!(side.next_wake(), Some(at(31)));
        side.step(at(31), Event::Time);
        assert!(side.is_ready());
    }
}

#[test]
fn nothing_is_sent_again_at_the_end_of_its_rung() {
    for (seconds, wakes, again) in [(19, 19, true), (20, 20, false), (21, 21, false)] {
        let wait = Some(Duration::from_secs(seconds));
        let (mut side, _) = posted(PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: wait }));
        assert_eq!(side.next_wake(), Some(at(wakes)));
        let commands = side.step(at(wakes), Event::Time);
        assert_eq!(
            commands.iter().any(|command| matches!(command, Command::Post(_))),
            again,
            "{seconds} seconds"
        );
    }
}

#[test]
fn a_rate_limit_without_wait_is_a_second_at_most_four_a_rung() {
    for retry_after in [None, Some(Duration::ZERO)] {
        let refused = || PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after });
        let (mut side, _) = posted(refused());
        for second in 1..=4 {
            assert_eq!(side.next_wake(), Some(at(second)));
            assert!(matches!(side.step(at(second), Event::Time)[..], [Command::Post(_)]), "second {second}");
            side.step(at(second), Event::Posted(refused()));
        }
        assert_eq!(side.next_wake(), Some(at(20)), "then it keeps its time");
        assert!(side.step(at(19), Event::Time).is_empty() && !side.is_ready());
    }
}

/// The ladder of a run that has to end after so many seconds, and the first order's outcome unknown.
fn lost(prove_by: i64) -> Ladder {
    let mut side = Ladder::new(
        intent(true, 2),
        profile().rung_offsets,
        Settings { profile: profile(), look_until: at(100), prove_by: at(prove_by) },
    );
    side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
    side.step(at(0), Event::Posted(PlaceReply::Unknown("timeout".into())));
    side
}

/// The end is that of trading or of the run, whichever comes first.
#[test]
fn an_unknown_order_is_looked_for_each_second_until_the_end() {
    for (prove_by, listed, ends) in [(200, true, 100), (12, true, 12), (200, false, 200), (12, false, 12)] {
        let (mut side, mut looks) = (lost(prove_by), Vec::new());
        until_the_end(&mut side, |side, now| {
            looks.push(now.as_second());
            let commands = side.step(now, Event::Time);
            assert!(matches!(commands[..], [Command::Locate(_)]), "{commands:?}");
            assert!(side.step(now, Event::Time).is_empty(), "once a look");
            let commands = side.step(now, if listed { Event::Located(vec![]) } else { Event::Unread });
            assert_eq!(
                commands.iter().any(|command| matches!(command, Command::RecordUnknown { .. })),
                now == at(ends)
            );
        });
        assert_eq!(
            looks,
            (5..=ends).collect::<Vec<_>>(),
            "the run has to end at {prove_by}, listed: {listed}"
        );
        assert!(matches!(side.end(), Some(SideEnd::Unresolved(_))));
    }
}

#[test]
fn an_order_found_in_its_settle_window_works_out_its_rung() {
    let own = view(&OrderId("9".into()), OrderStatus::Working, 2, 0);
    for (second, cancelled) in [(19, false), (20, true)] {
        let mut side = lost(200);
        side.step(at(5), Event::Time);
        let commands = side.step(at(second), Event::Located(vec![&own]));
        assert_eq!(
            commands.iter().any(|command| matches!(command, Command::Cancel(_))),
            cancelled,
            "second {second}"
        );
    }
}

#[test]
fn a_named_order_is_read_every_second_and_looked_for_after_five() {
    for (prove_by, ends) in [(200, 100), (12, 12)] {
        let settings = Settings { profile: profile(), look_until: at(100), prove_by: at(prove_by) };
        let mut side = Ladder::new(intent(true, 2), profile().rung_offsets, settings);
        side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
        side.step(at(0), Event::Posted(PlaceReply::Accepted(one())));
        let mut reads = Vec::new();
        until_the_end(&mut side, |side, now| {
            let commands = side.step(now, Event::Time);
            assert_eq!(commands.contains(&Command::Read(one())), now < at(ends), "{now}: {commands:?}");
            let locates = commands.iter().any(|command| matches!(command, Command::Locate(_)));
            assert_eq!(locates, at(5) <= now && now < at(ends), "{now}: {commands:?}");
            assert!(side.step(now, Event::Time).is_empty(), "once a look");
            reads.push(now.as_second());
            assert!(side.step(now, Event::Unread).is_empty());
        });
        assert_eq!(reads, (0..=ends).collect::<Vec<_>>(), "the run has to end at {prove_by}");
        assert!(matches!(side.end(), Some(SideEnd::Unresolved(_))));
    }
}

#[test]
fn what_was_over_once_is_believed_when_no_read_succeeds() {
    let mut side = accepted();
    let canceled = view(&one(), OrderStatus::Canceled, 2, 1);
    side.step(at(20), Event::Time);
    assert!(side.step(at(20), Event::Seen(&canceled)).is_empty(), "one look is not enough");
    for second in [22, 199] {
        side.step(at(second), Event::Time);
        assert!(side.step(at(second), Event::Unread).is_empty(), "second {second}");
    }
    side.step(at(200), Event::Time);
    let commands = side.step(at(200), Event::Unread);
    assert!(
        matches!(&commands[..], [Command::RecordTerminal { order, .. }] if **order == canceled),
        "{commands:?}"
    );
}

#[test]
fn an_order_that_is_over_is_read_again_only_while_there_is_time() {
    for (second, settles) in [(197, true), (198, false)] {
        let mut side = accepted();
        side.step(at(20), Event::Time);
        let commands = side.step(at(second), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
        assert_eq!(
            commands.is_empty(),
            settles,
            "two seconds after second {second} the run has to end, or not: {commands:?}"
        );
    }
}

#[test]
fn a_replaced_order_ends_its_side_unless_it_has_filled() {
    for (status, filled, ends) in [
        (OrderStatus::Canceled, 1, "unresolved"),
        (OrderStatus::Working, 0, "unresolved"),
        (OrderStatus::Filled, 2, "filled"),
    ] {
        let mut side = accepted();
        let linked = OrderView { linked: vec![OrderId("10".into())], ..view(&one(), status, 2, filled) };
        side.step(at(2), Event::Time);
        side.step(at(2), Event::Seen(&linked));
        let ended = match side.end() {
            Some(SideEnd::Filled) => "filled",
            Some(SideEnd::Unresolved(reason)) if reason.contains("goes on as order 10") => "unresolved",
            other => panic!("{other:?}"),
        };
        assert_eq!(ended, ends, "{filled} filled");
    }
}
