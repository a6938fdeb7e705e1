//! One seed put on trial: played, judged, and where the day must trade compared with the same day without
//! faults.

use std::collections::BTreeMap;

use crate::fault::{Fault, Step};
use crate::play::{End, Played, play};
use crate::scenario::{Mode, Scenario};
use crate::world::Faults;

/// What a trial came to.
#[derive(Debug)]
pub struct Trial {
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// How deliveries ended.
    pub ends: Vec<(&'static str, End)>,
    /// What each account's day came to, by the broker's books.
    pub days: Vec<&'static str>,
    /// Which faults struck.
    pub hits: BTreeMap<(Step, Fault), u32>,
    /// It was a day that had to trade.
    pub must_trade: bool,
}

/// Puts a day on trial.
#[must_use]
pub fn trial(scenario: Scenario) -> Trial {
    let (mut played, known) = (play(&scenario, false), scenario.known.clone());
    let must_trade = scenario.mode == Mode::Trades;
    if must_trade && played.violations.is_empty() {
        if let Some(expected) = scenario.must_fill.as_ref().filter(|expected| **expected != played.filled) {
            played.violations.push(format!(
                "IT MUST TRADE: {expected:?} were there to be filled, {:?} are; it ended {:?}",
                played.filled, played.ends
            ));
        } else {
            let undisturbed = play(
                &Scenario { faults: Faults::default(), lies: scenario.lies.clone().told_truly(), ..scenario },
                false,
            );
            played.violations.extend(differs(&undisturbed, &played));
        }
    }
    played.violations.retain(|words| !known.iter().any(|known| words.contains(known.as_str())));
    Trial {
        violations: played.violations,
        ends: played.ends,
        days: played.days,
        hits: played.hits,
        must_trade,
    }
}

/// In what a disturbed day differs from the undisturbed one.
#[must_use]
pub fn differs(undisturbed: &Played, disturbed: &Played) -> Option<String> {
    if undisturbed.filled == disturbed.filled {
        return None;
    }
    Some(format!(
        "IT MUST TRADE: {:?} filled undisturbed, {:?} with the fault; it ended {:?}",
        undisturbed.filled, disturbed.filled, disturbed.ends
    ))
}
