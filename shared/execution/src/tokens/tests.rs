use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::world::{Fault, Hand, START, World, age, document};
use super::*;

/// Runs `future` alone; what it waits for is time, which moves at once.
fn alone<T>(world: &World, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        world.shared().now += 50;
    }
    panic!("it waits for ever")
}

fn world(change: impl FnOnce(&mut World)) -> (Arc<World>, Hand) {
    let mut world = World::new();
    change(&mut world);
    let world = Arc::new(world);
    (Arc::clone(&world), Hand { world, run: 0 })
}

/// Somebody else holds the lock for `seconds`.
fn held_for(world: &World, seconds: i64) {
    let until = world.now() + jiff::SignedDuration::from_secs(seconds);
    world.shared().lock = Some(("run-other".into(), until));
}

fn renew(hand: &Hand, keeper: &TokenKeeper, in_hand: InHand) -> Result<SecretString, BrokerFault> {
    let held = keeper.state().current.clone();
    alone(&hand.world, keeper.renew(&held, in_hand, hand))
}

fn flush(hand: &Hand, keeper: &TokenKeeper) -> TokenSummary {
    alone(&hand.world, keeper.flush())
}

#[test]
fn written_back_only_when_the_content_changed() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper();
    keeper.state().current = r#"{"access": "CANARY", "expires": 10, "created": 1}"#.into();
    assert_eq!(
        flush(&hand, &keeper),
        TokenSummary { saved: TokenSaved::Unchanged, notes: vec![], alarm: false }
    );
    assert_eq!(world.words(0), [""; 0], "neither lock nor store was asked");
    renew(&hand, &keeper, InHand::Useless).unwrap();
    assert_eq!(world.words(0), ["take", "load", "refresh", "load", "save", "release"]);
    assert_eq!(flush(&hand, &keeper).saved, TokenSaved::Saved { version: TokenVersion::Count(2) });
    assert_eq!(world.words(0).len(), 6, "saved is saved");
}

#[test]
fn token_lock_a_token_refreshed_meanwhile_is_adopted() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper();
    let theirs = document(1, START + 900);
    world.shared().versions.push(theirs.clone());
    assert_eq!(renew(&hand, &keeper, InHand::Useless).unwrap().expose_secret(), theirs);
    assert_eq!(world.words(0), ["take", "load", "release"]);
    let summary = flush(&hand, &keeper);
    assert_eq!((summary.saved, summary.alarm), (TokenSaved::Unchanged, false));
    assert_eq!(summary.notes, ["took over a token that another process had stored"]);
}

#[test]
fn a_newer_login_that_is_due_itself_is_what_gets_refreshed() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper();
    world.shared().login = 2;
    world.shared().versions.push(document(2, 5));
    let renewed = renew(&hand, &keeper, InHand::Useless).unwrap();
    assert_eq!(age(&renewed).unwrap().created, 2);
    assert_eq!(world.stands().1.created, 2);
}

/// Two seconds once, however many ask, and one note.
#[test]
fn token_lock_taken_costs_a_usable_token_two_seconds_and_alarms() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper();
    held_for(&world, 60);
    renew(&hand, &keeper, InHand::Usable).unwrap();
    assert!((2000..2500).contains(&world.shared().now), "{}", world.shared().now);
    assert!(world.words(0).iter().all(|word| *word == "take"), "{:?}", world.words(0));
    let waited = world.shared().now;
    renew(&hand, &keeper, InHand::Usable).unwrap();
    assert!(world.shared().now - waited <= 100, "the second time nobody waits");
    let summary = flush(&hand, &keeper);
    assert!(
        summary.alarm
            && summary.notes[0].contains("run-other holds it until")
            && summary.notes[0].ends_with("traded on the token in hand"),
        "{summary:?}"
    );
}

#[test]
fn token_lock_taken_without_valid_token_adopts_or_refreshes() {
    for written in [true, false] {
        let (world, hand) = world(|_| {});
        let keeper = hand.keeper();
        held_for(&world, 60);
        if written {
            world.shared().versions.push(document(1, START + 900));
        }
        renew(&hand, &keeper, InHand::Useless).unwrap();
        let refreshed = world.words(0).contains(&"refresh");
        assert_eq!(refreshed, !written);
        world.shared().lock = None;
        let summary = flush(&hand, &keeper);
        assert!(summary.alarm, "{summary:?}");
        // What was written without the lock is looked at once more under it.
        assert_eq!(world.words(0).ends_with(&["take", "load", "release"]), refreshed, "{:?}", world.words(0));
    }
}

#[test]
fn a_lock_or_store_that_fails_stops_nothing_and_is_told() {
    for (step, words) in
        [(0, "token lock: take"), (1, "refreshed without looking"), (5, "token lock: release")]
    {
        let (world, hand) = world(|world| world.strikes = vec![(0, step, Fault::Fails)]);
        let keeper = hand.keeper();
        renew(&hand, &keeper, InHand::Useless).unwrap();
        let summary = flush(&hand, &keeper);
        assert_eq!(summary.saved, TokenSaved::Saved { version: TokenVersion::Count(2) }, "{words}");
        assert!(summary.notes[0].contains(words) && summary.notes[0].contains("throttled"), "{summary:?}");
        assert_eq!(summary.alarm, step != 5, "a lock left to expire is in nobody's way for long");
        assert!(!format!("{summary:?} {keeper:?}").contains("CANARY"));
        assert_eq!(world.stands().1.expires, START + 1800);
    }
}

#[test]
fn a_write_that_failed_is_told_and_made_after_trading() {
    let (world, hand) = world(|world| world.strikes = vec![(0, 4, Fault::Fails)]);
    let keeper = hand.keeper();
    renew(&hand, &keeper, InHand::Useless).unwrap();
    assert_eq!(world.shared().versions.len(), 1);
    assert!(
        matches!(&keeper.state().result, TokenSaved::Failed { reason } if reason.contains("write /gamma/x/token_json: throttled"))
    );
    assert_eq!(flush(&hand, &keeper).saved, TokenSaved::Saved { version: TokenVersion::Count(2) });
}

#[test]
fn a_write_with_lost_answer_or_made_twice_is_known_as_ours() {
    for (fault, versions) in [(Fault::AnswerLost, 2), (Fault::Twice, 3)] {
        let (world, hand) = world(|world| world.strikes = vec![(0, 4, fault)]);
        let keeper = hand.keeper();
        renew(&hand, &keeper, InHand::Useless).unwrap();
        let summary = flush(&hand, &keeper);
        assert_eq!(
            summary,
            TokenSummary {
                saved: TokenSaved::Saved { version: TokenVersion::Count(versions) },
                notes: vec![],
                alarm: false
            }
        );
        assert_eq!(
            world.shared().versions.len(),
            usize::try_from(versions).unwrap(),
            "{fault:?}: not written again"
        );
    }
}

/// An operator may have logged in meanwhile.
#[test]
fn a_dead_refresh_token_is_looked_up_once_more() {
    let (world, hand) = world(|world| world.strikes = vec![(0, 2, Fault::Slow(1))]);
    let keeper = hand.keeper();
    let held = document(1, 10).into();
    let mut renewal = pin!(keeper.renew(&held, InHand::Useless, &hand));
    // The person is done between our look and the broker's refusal.
    for _ in 0..4 {
        assert!(renewal.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(world.words(0), ["take", "load", "refresh"]);
    world.shared().login = 2;
    world.shared().versions.push(document(2, START + 1800));
    assert_eq!(age(&alone(&world, renewal).unwrap()).unwrap().created, 2);

    let (dead, hand) = self::world(|world| world.state.get_mut().unwrap().login = 2);
    let keeper = hand.keeper();
    let fault = renew(&hand, &keeper, InHand::Useless).unwrap_err();
    assert!(
        matches!(fault, BrokerFault::TokenDead(words) if words.contains("docs/runbook.md, 'Schwab login'"))
    );
    assert_eq!(
        dead.words(0),
        ["take", "load", "refresh", "load", "release"],
        "looked once more, and gave the lock back"
    );
}

#[test]
fn of_equal_age_ours_replaces_only_what_it_came_from() {
    for (stored, stays) in [(document(1, 10), false), (document(1, 10).replace("CANARY", "theirs"), true)] {
        let (world, hand) = world(|_| {});
        let keeper = hand.keeper();
        keeper.state().current = document(1, 10).replace("CANARY", "ours").into();
        world.shared().versions.push(stored.clone());
        let summary = flush(&hand, &keeper);
        assert_eq!(summary.saved == TokenSaved::NewerStored, stays);
        assert_eq!(*world.shared().versions.last().unwrap() == stored, stays);
    }
}

#[test]
fn a_stored_document_that_does_not_read_is_replaced() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper();
    world.shared().versions.push("pasted by mistake".into());
    renew(&hand, &keeper, InHand::Useless).unwrap();
    assert_eq!(world.stands().1.expires, START + 1800);
}

#[test]
fn a_write_landing_after_two_others_is_undone_by_the_flush() {
    let (world, hand) = world(|world| world.strikes = vec![(0, 4, Fault::Fails)]);
    let keeper = hand.keeper();
    let held = document(1, 10).into();
    let mut renewal = pin!(keeper.renew(&held, InHand::Useless, &hand));
    while world.words(0).last() != Some(&"save") {
        assert!(renewal.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    // The next look finds the second token of three, and the write lands over the third.
    world.shared().versions.push(document(1, START + 5000));
    let ours = alone(&world, renewal).unwrap().expose_secret().to_owned();
    world.shared().versions.extend([document(1, START + 9000), ours]);
    let summary = flush(&hand, &keeper);
    assert_eq!(
        (world.stands().1.expires, summary.saved),
        (START + 9000, TokenSaved::NewerStored),
        "{:?}",
        world.words(0)
    );
}

#[test]
fn a_newer_token_under_a_lost_write_is_put_back_by_the_flush() {
    let (world, hand) = world(|world| world.strikes = vec![(0, 2, Fault::AnswerLost)]);
    let keeper = hand.keeper();
    keeper.state().current = document(1, START + 1800).into();
    let mut flush = pin!(keeper.flush());
    // Somebody writes between our look and our write.
    while world.words(0) != ["take", "load"] {
        assert!(flush.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    world.shared().versions.push(document(1, START + 9000));
    let summary = alone(&world, flush);
    assert_eq!(
        (world.stands().1.expires, summary.saved),
        (START + 9000, TokenSaved::NewerStored),
        "{:?}",
        world.words(0)
    );
}

#[test]
fn whoever_is_in_no_hurry_outwaits_a_holder_that_died() {
    let (world, hand) = world(|_| {});
    held_for(&world, 10);
    let keeper = hand.keeper().outwaiting_the_dead();
    renew(&hand, &keeper, InHand::Usable).unwrap();
    assert_eq!(
        (world.words(0).last(), world.stands().1.expires > START + 1800),
        (Some(&"release"), true),
        "{:?}",
        world.words(0)
    );
    assert!(!flush(&hand, &keeper).alarm);
}

#[test]
fn a_borrowed_token_is_used_then_refreshed_in_memory_only() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper().borrowing();
    held_for(&world, 60);
    renew(&hand, &keeper, InHand::Usable).unwrap();
    assert_eq!(world.words(0), [""; 0], "neither lock nor store nor broker was asked");
    let summary = flush(&hand, &keeper);
    assert_eq!((summary.saved, summary.alarm), (TokenSaved::Unchanged, false));
    assert_eq!(summary.notes, ["the token was borrowed: used as it is stored, nothing was written"]);

    let renewed = renew(&hand, &keeper, InHand::Useless).unwrap();
    assert_eq!((world.words(0), age(&renewed).unwrap().expires), (vec!["load", "refresh"], START + 1800));
    let summary = flush(&hand, &keeper);
    assert_eq!((summary.saved, summary.alarm), (TokenSaved::Borrowed, false));
    assert_eq!(summary.notes, ["the token was borrowed: refreshed for this run alone, nothing was written"]);
    assert_eq!(
        (world.words(0).len(), world.shared().versions.len()),
        (2, 1),
        "the flush neither looks nor writes"
    );
}

#[test]
fn a_borrower_takes_over_what_the_owner_refreshed_meanwhile() {
    let (world, hand) = world(|_| {});
    let keeper = hand.keeper().borrowing();
    let theirs = document(1, START + 900);
    world.shared().versions.push(theirs.clone());
    assert_eq!(renew(&hand, &keeper, InHand::Useless).unwrap().expose_secret(), theirs);
    assert_eq!((world.words(0), flush(&hand, &keeper).saved), (vec!["load"], TokenSaved::Unchanged));
}

#[test]
fn a_refresh_token_rotated_under_a_borrower_alarms_unwritten() {
    let (world, hand) = world(|world| world.rotates = true);
    let keeper = hand.keeper().borrowing();
    renew(&hand, &keeper, InHand::Useless).unwrap();
    let summary = flush(&hand, &keeper);
    assert!(
        summary.alarm && summary.notes[0].contains("the stored login /gamma/x/token_json may be dead"),
        "{summary:?}"
    );
    assert_eq!((summary.saved, world.shared().versions.len()), (TokenSaved::Borrowed, 1));
}
