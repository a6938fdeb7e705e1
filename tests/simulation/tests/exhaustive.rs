//! Two plain proofs beside the random days: every step executed twice changes nothing, and a failure at each
//! step leaves nothing open.

use gamma_market::Right;
use gamma_simulation::exchange::Market;
use gamma_simulation::fault::{Fault, Kind, step};
use gamma_simulation::play::{End, Played, play};
use gamma_simulation::scenario::{Delivery, Mode, SCHEDULED, Scenario, trade};
use gamma_simulation::trial::differs;
use gamma_simulation::world::Faults;

fn with(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut day = Scenario { mode: Mode::Liveness, ..Scenario::plain() };
    change(&mut day);
    day
}

fn market(day: &mut Scenario, side: Right) -> &mut Market {
    day.markets.get_mut(&(0, side)).expect("a plain day has both sides")
}

/// Days that between them take every step there is.
fn days() -> [(&'static str, Scenario); 7] {
    [
        ("both sides fill at once", with(|_| ())),
        (
            "nothing fills on three rungs",
            with(|day| {
                [Right::Put, Right::Call].into_iter().for_each(|side| market(day, side).fills_at = None)
            }),
        ),
        (
            "the put fills on its second rung, the call partly",
            with(|day| {
                market(day, Right::Put).fills_at = Some(5);
                market(day, Right::Call).liquidity = 1;
            }),
        ),
        ("the token is refreshed", with(|day| day.token_ends = SCHEDULED + 30_000)),
        (
            "the first order is taken, its answer is lost",
            with(|day| day.faults.aimed = vec![(step("place"), Fault::LostAfter, 0)]),
        ),
        (
            "it dies with its second order out, and is delivered again",
            with(|day| {
                day.faults.aimed = vec![(step("place"), Fault::DiesAfter, 1)];
                day.deliveries.push(Delivery {
                    at: SCHEDULED + 40_000,
                    account: 0,
                    task: trade(false),
                    skew: 0,
                });
            }),
        ),
        (
            "two deliveries at once",
            with(|day| {
                day.deliveries.push(Delivery {
                    at: SCHEDULED + 150,
                    account: 0,
                    task: trade(false),
                    skew: 700,
                })
            }),
        ),
    ]
}

/// The day with this fault at its so-many-eth call.
fn struck(day: &Scenario, call: usize, fault: Fault) -> Played {
    let faults = Faults { at_call: Some((u32::try_from(call).unwrap(), fault)), ..day.faults.clone() };
    play(&Scenario { faults, ..day.clone() }, false)
}

#[test]
fn every_step_executed_twice_changes_nothing() {
    let mut doubled = 0;
    for (name, day) in days() {
        let once = play(&day, false);
        assert_eq!(once.violations, Vec::<String>::new(), "{name}");
        for (call, step) in
            once.order.iter().enumerate().filter(|(_, step)| step.1.faults().contains(&Fault::Twice))
        {
            let twice = struck(&day, call, Fault::Twice);
            assert_eq!(twice.violations, Vec::<String>::new(), "{name}: call {call}, {step}, twice");
            assert_eq!(
                (&twice.filled, &twice.ends),
                (&once.filled, &once.ends),
                "{name}: call {call}, {step}, twice"
            );
            doubled += 1;
        }
    }
    assert!(doubled > 150, "{doubled} steps were doubled");
}

#[test]
fn a_failure_at_each_step_leaves_nothing_open() {
    let mut failures = 0;
    for (name, day) in days() {
        let undisturbed = play(&day, false);
        for (call, step) in undisturbed.order.iter().enumerate() {
            for fault in step.1.faults() {
                let played = struck(&day, call, *fault);
                assert_eq!(played.violations, Vec::<String>::new(), "{name}: call {call}, {step}, {fault}");
                failures += 1;
            }
        }
    }
    assert!(failures > 3000, "{failures} failures");
}

#[test]
fn one_aws_or_read_fault_that_is_over_at_once_costs_no_fill() {
    let quick =
        [Fault::Fails, Fault::FailsAfter, Fault::Twice, Fault::TooMany, Fault::Unauthorized, Fault::Garbled];
    for (name, day) in days().into_iter().filter(|(_, day)| day.faults.aimed.is_empty()) {
        let undisturbed = play(&day, false);
        for (call, step) in undisturbed
            .order
            .iter()
            .enumerate()
            .filter(|(_, step)| !matches!(step.1, Kind::Place | Kind::Cancel))
        {
            for fault in step.1.faults().iter().filter(|fault| quick.contains(fault)) {
                let played = struck(&day, call, *fault);
                assert_eq!(differs(&undisturbed, &played), None, "{name}: call {call}, {step}, {fault}");
            }
        }
    }
}

/// What the days above come to, so that none of them proves things about a run that refused.
#[test]
fn the_days_are_the_days_they_are_called() {
    let trades = |played: &Played| {
        played.ends.iter().filter(|(task, _)| *task == "trade").map(|(_, end)| *end).collect::<Vec<_>>()
    };
    let expected: [&[End]; 7] = [
        &[End::Outcome("filled")],
        &[End::Outcome("no_fill")],
        &[End::Outcome("uneven")],
        &[End::Outcome("filled")],
        &[End::Outcome("filled")],
        &[End::Died, End::Outcome("recovered")],
        &[End::Outcome("filled"), End::Outcome("another_run_active")],
    ];
    for ((name, day), ends) in days().into_iter().zip(expected) {
        assert_eq!(trades(&play(&day, false)), ends, "{name}");
    }
}
