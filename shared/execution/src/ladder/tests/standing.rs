//! What a ladder says of itself while it works: the run heeds it before anything is sent on either side.

use super::*;

fn one() -> OrderId {
    OrderId("1".into())
}

/// A ladder for two whose first order is out and shows this.
fn showing(status: OrderStatus, filled: u32) -> Ladder {
    let (mut side, _) = posted(PlaceReply::Accepted(one()));
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
    assert_eq!((side.filled(), side.filled_so_far()), (1, 1));

    let mut of_three = ladder(3);
    for (second, id, status, filled, so_far) in
        [(0, "1", OrderStatus::Canceled, 1, 1), (1, "2", OrderStatus::Working, 0, 1), (2, "2", OrderStatus::Working, 1, 2), (3, "2", OrderStatus::Filled, 2, 3)]
    {
        if of_three.is_ready() {
            of_three.step(at(second), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(second + 20) });
            of_three.step(at(second), Event::Posted(PlaceReply::Accepted(OrderId(id.into()))));
        }
        let size = if id == "1" { 3 } else { 2 };
        of_three.step(at(second), Event::Seen(&view(&OrderId(id.into()), status, size, filled)));
        assert_eq!(of_three.filled_so_far(), so_far, "second {second}");
    }
    assert_eq!((of_three.filled(), of_three.end()), (3, Some(&SideEnd::Filled)));
}

#[test]
fn in_doubt_from_the_first_look_in_vain_on_and_not_for_a_mere_stop() {
    let (mut lost, _) = posted(PlaceReply::Unknown("timeout".into()));
    assert!(!lost.in_doubt(), "it has its settle window to show up");
    lost.step(at(5), Event::Time);
    lost.step(at(5), Event::Located(vec![]));
    assert!(lost.in_doubt());
    assert_eq!(lost.stopped_by(), Some(&StopReason::NotFoundInTime));

    let (mut working, _) = posted(PlaceReply::Accepted(one()));
    assert_eq!((working.in_doubt(), working.stopped_by()), (false, None));
    working.step(at(3), Event::Stop(StopReason::Disarmed));
    assert_eq!((working.in_doubt(), working.stopped_by()), (false, Some(&StopReason::Disarmed)));

    assert!(showing(OrderStatus::Replaced, 0).in_doubt(), "its replacement is alive");
    assert!(!showing(OrderStatus::Filled, 2).in_doubt());
}

#[test]
fn after_a_signal_that_moved_too_late_the_rungs_that_remain_are_worked() {
    let mut side = showing(OrderStatus::Working, 1);
    side.step(at(3), Event::Stop(StopReason::SignalMoved));
    assert!(!side.resume(), "its order is still out");
    side.step(at(4), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
    assert_eq!(side.end(), Some(&SideEnd::Stopped(StopReason::SignalMoved)));
    assert!(side.resume());
    assert!(side.is_ready() && side.stopped_by().is_none());
    let commands = side.step(at(5), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(25) });
    let Command::Post(posting) = &commands[0] else { panic!("{commands:?}") };
    let order = posting.order.get();
    assert_eq!((posting.number, order.quantity, order.price), (2, 1, Price::cents(90)), "the second rung, for what is left");
}

#[test]
fn only_a_moved_signal_is_resumed_and_only_while_rungs_remain() {
    for reason in [StopReason::Disarmed, StopReason::TimeUp, StopReason::Halted("by hand".into())] {
        let mut side = ladder(2);
        side.step(at(0), Event::Stop(reason.clone()));
        assert!(!side.resume(), "{reason}");
        assert_eq!(side.end(), Some(&SideEnd::Stopped(reason)));
    }
    let mut last_rung = Ladder::new(intent(true, 2), vec![Price::ZERO], Settings { profile: profile(), look_until: at(100), prove_by: at(200) });
    last_rung.step(at(0), Event::Open { nbbo: nbbo(Effect::Credit, 85, 95, 105), closes: at(20) });
    last_rung.step(at(0), Event::Posted(PlaceReply::Accepted(one())));
    last_rung.step(at(3), Event::Stop(StopReason::SignalMoved));
    last_rung.step(at(4), Event::Seen(&view(&one(), OrderStatus::Canceled, 2, 1)));
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
    let (side, commands) = stopped(PlaceReply::Accepted(one()));
    assert!(matches!(&commands[..], [Command::RecordAccepted { .. }, Command::Cancel(id)] if *id == one()), "{commands:?}");
    assert_eq!(side.end(), None);
    for refusal in [NotPlaced::Unauthorized, NotPlaced::NotConnected("refused".into())] {
        let (side, commands) = stopped(PlaceReply::Refused(refusal));
        assert!(matches!(commands[..], [Command::RecordRefused { .. }]), "{commands:?}");
        assert_eq!(side.end(), Some(&SideEnd::Stopped(StopReason::Disarmed)));
    }
}

#[test]
fn a_stop_between_orders_ends_the_side_at_once() {
    let wait = Some(std::time::Duration::from_secs(30));
    let resending = posted(PlaceReply::Refused(NotPlaced::NotConnected("refused".into()))).0;
    let pausing = posted(PlaceReply::Refused(NotPlaced::RateLimited { retry_after: wait })).0;
    for mut side in [ladder(2), resending, pausing] {
        assert!(side.step(at(0), Event::Stop(StopReason::TimeUp)).is_empty());
        assert_eq!(side.end(), Some(&SideEnd::Stopped(StopReason::TimeUp)));
    }
}
