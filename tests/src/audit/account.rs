//! One account among many: what its deliveries came to, beside its books and its ledger.

use std::collections::{BTreeMap, BTreeSet};

use gamma_execution::ports::{DayState, IntentState, LoadedDay};
use gamma_market::Right;
use gamma_simulator::exchange::Book;
use jiff::Timestamp;
use serde_json::Value;

use super::{After, violations};

/// One delivery that has ended.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The account's number at the broker.
    pub number: String,
    /// When the event came.
    pub at: Timestamp,
    /// Whether it was to sweep.
    pub sweep: bool,
    /// The invocation.
    pub request_id: String,
    /// Whether the function failed.
    pub failed: bool,
    /// The function's answer, or its error.
    pub body: Value,
}

impl Delivered {
    /// How it ended: the named outcome, or the error's type.
    #[must_use]
    pub fn end(&self) -> &str {
        self.body[if self.failed { "errorType" } else { "outcome" }].as_str().unwrap_or_default()
    }

    /// Whether a run is one of this delivery.
    fn owns(&self, run_id: &str) -> bool {
        run_id.strip_prefix(&self.request_id).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Whether anything was made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Nothing: every account must trade.
    Calm,
    /// Requests failed: an account may end without a trade, and says so.
    Faults,
}

/// One account's day, from every side.
#[derive(Debug)]
pub struct AccountDay<'a> {
    /// What the broker really did.
    pub book: &'a Book,
    /// What the ledger has of it.
    pub day: &'a LoadedDay,
    /// Its deliveries, the sweeps among them.
    pub delivered: &'a [&'a Delivered],
    /// Whether anything was made to go wrong.
    pub weather: Weather,
}

/// How a delivery ends that traded.
const TRADED: [&str; 5] = ["filled", "partially_filled", "uneven", "one_sided", "no_fill"];
/// How one ends that left the day to another.
const STOOD_BACK: [&str; 3] = ["already_traded", "recovered", "another_run_active"];
/// Ends that nobody named: the process died, or was killed for its time.
const UNNAMED: [&str; 4] = ["", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.InvalidEntrypoint"];

impl AccountDay<'_> {
    /// Everything that must never be. Empty when all is well.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let mut found = violations(self.book, self.day, After::Everything);
        found.extend(self.hands());
        found.extend(self.ends());
        found.extend(self.delivered.iter().filter_map(|delivered| self.unrecorded(delivered)));
        if self.weather == Weather::Calm {
            found.extend(self.lost());
        }
        found
    }

    /// The deliveries by which intents and orders were written: one at most, and in calm weather one.
    fn hands(&self) -> Vec<String> {
        let writers = self
            .day
            .intents
            .iter()
            .map(|intent| &intent.writer)
            .chain(self.day.rungs.iter().map(|rung| &rung.writer));
        let runs: BTreeSet<&str> = writers.map(|writer| writer.run_id.as_str()).collect();
        let (own, foreign): (Vec<&str>, Vec<&str>) =
            runs.into_iter().partition(|run| self.delivered.iter().any(|delivered| delivered.owns(run)));
        let mut found: Vec<String> =
            foreign.iter().map(|run| format!("run {run} wrote to it, which is none of its own")).collect();
        match (own.len(), self.weather) {
            (0, Weather::Faults) | (1, _) => {}
            (0, Weather::Calm) => found.push("no delivery traded".to_owned()),
            (several, _) => found.push(format!("{several} runs wrote its orders: {}", own.join(", "))),
        }
        found
    }

    /// Whether this delivery wrote an order or an intent.
    fn traded(&self, delivered: &Delivered) -> bool {
        self.day.intents.iter().any(|intent| delivered.owns(&intent.writer.run_id))
            || self.day.rungs.iter().any(|rung| delivered.owns(&rung.writer.run_id))
    }

    /// How the deliveries ended: the one that traded and those that stood back, each by a name of its own.
    fn ends(&self) -> Vec<String> {
        let fits = |delivered: &Delivered| match (self.weather, delivered.sweep) {
            (Weather::Faults, _) => !UNNAMED.contains(&delivered.end()),
            (Weather::Calm, true) => delivered.end() == "swept",
            (Weather::Calm, false) if self.traded(delivered) => TRADED.contains(&delivered.end()),
            (Weather::Calm, false) => STOOD_BACK.contains(&delivered.end()),
        };
        let wrong = self.delivered.iter().filter(|delivered| !fits(delivered));
        let mut found: Vec<String> = wrong
            .map(|delivered| {
                let did = if self.traded(delivered) { "traded" } else { "placed nothing" };
                format!(
                    "delivery {} {did} and ended {:?}: {}",
                    delivered.request_id,
                    delivered.end(),
                    words(&delivered.body)
                )
            })
            .collect();
        if !self.delivered.iter().any(|delivered| delivered.sweep) {
            found.push("it was never swept".to_owned());
        }
        found
    }

    /// The ledger alone says how every delivery ended. With faults its record may be lost, and an error has
    /// another name there.
    fn unrecorded(&self, delivered: &Delivered) -> Option<String> {
        let ends: Vec<&str> = self
            .day
            .runs
            .iter()
            .filter(|(run, _)| delivered.owns(run))
            .map(|(_, end)| end.outcome.as_str())
            .collect();
        let forgiven =
            self.weather == Weather::Faults && (ends.is_empty() || (delivered.failed && ends.len() == 1));
        let told = ends == [delivered.end()] || forgiven;
        (!told).then(|| {
            format!(
                "delivery {} ended {:?}, the ledger has {ends:?} of it",
                delivered.request_id,
                delivered.end()
            )
        })
    }

    /// What must be there: both sides' intents, terminal, as the delivery that traded tells them, and a day
    /// that is closed.
    fn lost(&self) -> Vec<String> {
        let mut found = Vec::new();
        for right in [Right::Put, Right::Call] {
            if !self.day.intents.iter().any(|intent| intent.key.slot == right) {
                found.push(format!("{right}: no intent"));
            }
        }
        found.extend(
            self.day
                .intents
                .iter()
                .filter(|intent| intent.state != IntentState::Terminal)
                .map(|intent| format!("{}: {:?}", intent.key, intent.state)),
        );
        let in_ledger: BTreeMap<String, (u32, u32)> = self
            .day
            .intents
            .iter()
            .map(|intent| {
                (
                    format!("{:?} r{}", intent.key.slot.0, intent.key.revision),
                    (intent.quantity, intent.filled),
                )
            })
            .collect();
        let trader = self.delivered.iter().find(|delivered| self.traded(delivered));
        let number =
            |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX);
        let sides = trader.and_then(|trader| trader.body["sides"].as_array());
        let told: BTreeMap<String, (u32, u32)> = sides
            .into_iter()
            .flatten()
            .map(|told| {
                (
                    format!("{} r{}", told["side"], told["revision"]),
                    (number(&told["quantity"]), number(&told["filled"])),
                )
            })
            .collect();
        if in_ledger != told {
            found.push(format!(
                "the ledger has (side: quantity, filled) {in_ledger:?}, the run that traded tells {told:?}"
            ));
        }
        match &self.day.day {
            Some(day)
                if day.state == DayState::Closed
                    && day.outcome.as_deref() == trader.map(|trader| trader.end()) => {}
            day => found.push(format!("its day is {day:?}")),
        }
        found
    }
}

/// The reason an answer gives.
fn words(body: &Value) -> &str {
    ["detail", "errorMessage"].into_iter().find_map(|name| body[name].as_str()).unwrap_or("no reason")
}

#[cfg(test)]
mod tests;
