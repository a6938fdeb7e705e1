//! What a ladder says of itself while it works: the run heeds it before anything is sent on either side.

use super::*;

fn one() -> OrderId {
    OrderId("1".into())
}

/// A ladder for two whose first order is out and shows this.
fn showing(status: OrderStatus, filled: u32) -> Ladder {
    let mut side = accepted();
    side.step(at(2), Event::Time);
    side.step(at(2), Event::Seen(&view(&one(), status, 2, filled)));
    side
}

#[test]
fn what_has_filled_so_far_counts_the_order_that_is_still_out() {
    let mut side = showing(OrderStatus::Working, 1);
    assert_eq!((side.filled(), side.filled_so_far()), (0, 1), "proven only once the order is over");
    side.step(at(20), Event::Time);
    assert_eq!((side.filled(), side.filled_so_far()), (0, 1), "its cancel is under way");
    side.step(at(21), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
    assert_eq!((side.filled(), side.filled_so_far()), (0, 1), "its last fill may not be counted yet");
    side.step(at(23), Event::Time);
    side.step(at(23), Event::Unlinked { shown: true });
    side.step(at(23), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
    assert_eq!((side.filled(), side.filled_so_far()), (1, 1));

    let mut of_three = ladder(3);
    for (second, id, status, filled, so_far) in [
        (0, "1", OrderStatus::Canceled, 1, 1),
        (3, "2", OrderStatus::Working, 0, 1),
        (4, "2", OrderStatus::Working, 1, 2),
        (5, "2", OrderStatus::Filled, 2, 3),
    ] {
        if of_three.is_ready() {
            of_three.step(
                at(second),
                Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(second + 20) },
            );
            of_three.step(at(second), Event::Posted(PlaceReply::Accepted(OrderId(id.into()))));
        }
        let size = if id == "1" { 3 } else { 2 };
        let shown = view(&OrderId(id.into()), status, size, filled);
        of_three.step(at(second), Event::Seen(&shown));
        if shown.status == OrderStatus::Canceled {
            of_three.step(at(second + 2), Event::Time);
            of_three.step(at(second + 2), Event::Unlinked { shown: true });
            of_three.step(at(second + 2), Event::Seen(&shown));
        }
        assert_eq!(of_three.filled_so_far(), so_far, "second {second}");
    }
    assert_eq!((of_three.filled(), of_three.end()), (3, Some(&SideEnd::Filled)));
}

#[test]
fn in_doubt_from_the_first_vain_look_and_not_for_a_mere_stop() {
    let (mut lost, _) = posted(PlaceReply::Unknown("timeout".into()));
    assert!(!lost.in_doubt(), "it has its settle window to show up");
    lost.step(at(5), Event::Time);
    lost.step(at(5), Event::Located(vec![]));
    assert!(lost.in_doubt());
    assert_eq!(lost.stopped_by(), Some(&StopReason::NotFoundInTime));

    let mut working = accepted();
    assert_eq!((working.in_doubt(), working.stopped_by()), (false, None));
    working.step(at(3), Event::Stop(StopReason::Disarmed));
    assert_eq!((working.in_doubt(), working.stopped_by()), (false, Some(&StopReason::Disarmed)));

    assert!(showing(OrderStatus::Replaced, 0).in_doubt(), "its replacement is alive");
    assert!(!showing(OrderStatus::Filled, 2).in_doubt());
}

#[test]
fn a_signal_that_moved_too_late_leaves_the_rungs_to_be_worked() {
    let mut side = showing(OrderStatus::Working, 1);
    side.step(at(3), Event::Stop(StopReason::SignalMoved));
    assert!(!side.resume(), "its order is still out");
    over(&mut side, 4, &view(&one(), OrderStatus::Canceled, 2, 1));
    assert_eq!(side.end(), Some(&SideEnd::Stopped(StopReason::SignalMoved)));
    assert!(side.resume());
    assert!(side.is_ready() && side.stopped_by().is_none());
    let commands = side.step(at(7), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(27) });
    let Command::Post(posting) = &commands[0] else { panic!("{commands:?}") };
    let order = posting.order.get();
    assert_eq!(
        (posting.number, order.quantity, order.price),
        (2, 1, Price::cents(90)),
        "the second rung, for what is left"
    );
}

#[test]
fn only_a_moved_signal_is_resumed_and_only_while_rungs_remain() {
    for reason in [StopReason::Disarmed, StopReason::TimeUp, StopReason::Halted("by hand".into())] {
        let mut side = ladder(2);
        side.step(at(0), Event::Stop(reason.clone()));
        assert!(!side.resume(), "{reason}");
        assert_eq!(side.end(), Some(&SideEnd::Stopped(reason)));
    }
    let mut last_rung = Ladder::new(
        intent(true, 2),
        vec![Price::ZERO],
        Settings { profile: profile(), look_until: at(100), prove_by: at(200) },
    );
    last_rung.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
    last_rung.step(at(0), Event::Posted(PlaceReply::Accepted(one())));
    last_rung.step(at(0), Event::Time);
    last_rung.step(at(0), Event::Seen(&view(&one(), OrderStatus::Working, 2, 0)));
    last_rung.step(at(3), Event::Stop(StopReason::SignalMoved));
    over(&mut last_rung, 4, &view(&one(), OrderStatus::Canceled, 2, 1));
    assert!(!last_rung.resume(), "there is nothing to go on with");
    assert_eq!(last_rung.end(), Some(&SideEnd::Exhausted));
}

#[test]
fn a_stop_while_the_post_is_out_cancels_what_comes_of_it() {
    let stopped = |reply: PlaceReply| {
        let mut side = ladder(2);
        side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
        assert!(side.step(at(1), Event::Stop(StopReason::Disarmed)).is_empty(), "its fate is not known yet");
        let commands = side.step(at(2), Event::Posted(reply));
        (side, commands)
    };
    let (mut side, commands) = stopped(PlaceReply::Accepted(one()));
    assert!(
        matches!(&commands[..], [Command::RecordNamed { .. }]),
        "nothing is cancelled by a name: {commands:?}"
    );
    assert_eq!(side.step(at(2), Event::Time), [Command::Read(one())]);
    let commands = side.step(at(2), Event::Seen(&view(&one(), OrderStatus::Working, 2, 0)));
    assert!(
        matches!(&commands[..], [Command::RecordAccepted { .. }, Command::Cancel(id)] if *id == one()),
        "{commands:?}"
    );
    assert_eq!(side.end(), None);
    for refusal in [NotPlaced::Unauthorized, NotPlaced::NotSent(NotSent::NotConnected("refused".into()))] {
        let (side, commands) = stopped(PlaceReply::NotPlaced(refusal));
        assert!(matches!(commands[..], [Command::RecordRefused { .. }]), "{commands:?}");
        assert_eq!(side.end(), Some(&SideEnd::Stopped(StopReason::Disarmed)));
    }
}

#[test]
fn a_stop_between_orders_ends_the_side_at_once() {
    let wait = Some(std::time::Duration::from_secs(30));
    let resending = posted(NotSent::NotConnected("refused".into()).into()).0;
    let pausing = posted(PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: wait })).0;
    for mut side in [ladder(2), resending, pausing] {
        assert!(side.step(at(0), Event::Stop(StopReason::TimeUp)).is_empty());
        assert_eq!(side.end(), Some(&SideEnd::Stopped(StopReason::TimeUp)));
    }
}

#[test]
fn a_named_order_is_not_cancelled_before_it_is_proven_ours() {
    let (mut side, _) = posted(PlaceReply::Accepted(one()));
    assert!(side.step(at(3), Event::Stop(StopReason::Disarmed)).is_empty());
    let mut now = at(3);
    // Its time is over and it cannot be read: it is read on, and looked for in the list once the settle
    // window is over.
    while now < at(30) {
        now = side.next_wake().unwrap().max(now);
        let commands = side.step(now, Event::Time);
        assert!(
            commands.iter().all(|command| matches!(command, Command::Read(_) | Command::Locate(_))),
            "{commands:?}"
        );
        assert_eq!(commands.len(), if now >= at(5) { 2 } else { 1 });
        side.step(now, Event::Unread);
        assert!(side.is_locating() && !side.is_ready());
    }
    let mut other = side.clone();
    let commands = side.step(now, Event::Another("order 1 shows other legs than ours".into()));
    assert!(matches!(&commands[..], [Command::RecordUnknown { .. }]), "{commands:?}");
    assert!(side.is_locating(), "whatever became of ours is looked for");
    // Two alike are found: the one that was named is ours.
    let (own, twin) =
        (view(&one(), OrderStatus::Working, 2, 0), view(&OrderId("2".into()), OrderStatus::Working, 2, 0));
    let commands = other.step(now, Event::Located(vec![&twin, &own]));
    assert!(
        matches!(&commands[..], [Command::RecordAccepted { order, .. }, Command::Cancel(id)] if *order == one() && *id == one()),
        "{commands:?}"
    );
}

#[test]
fn an_order_over_too_soon_is_read_until_two_reads_agree() {
    let gone = |filled| view(&one(), OrderStatus::Canceled, 4, filled);
    let mut side = ladder(4);
    side.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
    side.step(at(0), Event::Posted(PlaceReply::Accepted(one())));
    side.step(at(0), Event::Seen(&view(&one(), OrderStatus::Working, 4, 0)));
    side.step(at(2), Event::Seen(&gone(1)));
    for (second, filled) in [(4, 2), (6, 3)] {
        assert!(!side.is_ready(), "another order now would buy again what fills late");
        assert_eq!(side.step(at(second), Event::Time), [Command::Confirm(one())]);
        side.step(at(second), Event::Unlinked { shown: true });
        assert!(side.step(at(second), Event::Seen(&gone(filled))).is_empty());
    }
    side.step(at(8), Event::Time);
    side.step(at(8), Event::Unlinked { shown: true });
    let commands = side.step(at(8), Event::Seen(&gone(3)));
    assert!(
        matches!(&commands[..], [Command::RecordTerminal { order, .. }] if order.filled == 3),
        "{commands:?}"
    );
    assert!(side.is_ready() && side.filled() == 3);
}

#[test]
fn an_order_edited_at_the_broker_stops_the_side_unresolved() {
    let mut side = showing(OrderStatus::Canceled, 1);
    side.step(at(4), Event::Time);
    side.step(at(4), Event::Edited("order 1 goes on as order 7".into()));
    side.step(at(4), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
    assert!(side.in_doubt() && !side.is_ready(), "{side:?}");
    // A list that does not show the order itself may be empty or late: it is asked three times.
    let mut side = showing(OrderStatus::Canceled, 1);
    for second in [4, 5, 6] {
        assert!(!side.is_ready(), "second {second}");
        assert_eq!(side.step(at(second), Event::Time), [Command::Confirm(one())], "second {second}");
        side.step(at(second), Event::Unlinked { shown: false });
        side.step(at(second), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
    }
    assert!(side.is_ready());
    // A list that fails is no proof that nothing replaces it.
    let mut side = showing(OrderStatus::Canceled, 1);
    for second in [4, 5, 6] {
        assert_eq!(side.step(at(second), Event::Time), [Command::Confirm(one())], "second {second}");
        side.step(at(second), Event::Unread);
        assert!(side.step(at(second), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1))).is_empty());
    }
}
