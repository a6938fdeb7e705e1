//! The last look at a day: nothing that was called over is believed. Every order of ours is held against the
//! broker once more, and the account's positions against what was held before and what filled since. What can
//! be proven is recorded, the rest rings.

use gamma_market::calendar::trade_date;

use super::{Ended, Run, outcome};
use crate::last_look::{Seen, differences, doubts, more_fills, turned_up};
use crate::ports::{IntentRecord, LoadedDay};
use crate::report::Outcome;

impl Run<'_> {
    /// Looks once more; `ended` is what the sweep had come to before that.
    pub(super) async fn last_look(&mut self, ended: Ended) -> Result<Ended, Ended> {
        let mut day = self.load().await?;
        let orders = self.worker.shown_orders().await?;
        let mut found = more_fills(&day, &orders);
        found.extend(turned_up(
            &day,
            &orders,
            self.profile.execution.application_tag.as_deref(),
            self.worker.names_of(),
        ));
        let mut told = Vec::new();
        let mut open = doubts(&day, &orders);
        let intents =
            found.iter().flat_map(|seen| day.intents.iter().filter(|intent| intent.key == seen.rung.intent));
        let fence = self.worker.lease()?.writer.fence;
        let mut writers =
            found.iter().map(|seen| &seen.rung.writer).chain(intents.map(|intent| &intent.writer));
        if writers.any(|writer| writer.fence >= fence) {
            // What is proven changes only under a later fence: this sweep has recorded it a moment ago, and
            // sees more now.
            self.worker.take_lease_anew().await?;
        }
        let before = day.clone();
        for Seen { rung, order, words } in found {
            if !order.status.is_terminal() {
                // It is after the close, and it is not over: a person looks.
                open.push(format!("{words}, and it is {}", order.status));
                continue;
            }
            self.worker.correct(&mut day, rung, order).await?;
            told.push(words);
        }
        if !told.is_empty() || lags(&day) {
            // A look that died on the way left rungs corrected, and their intents and day not.
            told.push(self.conclude(&before, &day).await?);
        }
        // On a later day positions tell of that day.
        if trade_date(self.now()) == self.date() {
            let broker = self.ports.broker;
            let held = self.worker.patiently(async || broker.account().await).await?.positions;
            let differs = differences(&day, &orders, &held, self.date());
            if !differs.is_empty() {
                told.extend(differs.into_iter().chain(open));
                return Ok(Ended::new(Outcome::PositionsDiffer, told.join("; ")));
            }
        }
        if !open.is_empty() {
            return Ok(Ended::new(
                Outcome::Unresolved,
                told.into_iter().chain(open).collect::<Vec<_>>().join("; "),
            ));
        }
        if told.is_empty() {
            return Ok(ended);
        }
        let before = (ended.outcome == Outcome::Recovered).then_some(ended.detail);
        Ok(Ended::new(Outcome::Recovered, before.into_iter().chain(told).collect::<Vec<_>>().join("; ")))
    }

    /// Records what the corrected rungs make of their intents and the day, once for all of them: an intent
    /// that is over changes once under one fence.
    async fn conclude(&mut self, before: &LoadedDay, day: &LoadedDay) -> Result<String, Ended> {
        let sides =
            self.worker.settle_intents(before, &day.rungs).await.inspect_err(|_| self.worker.ring())?;
        let (outcome, words) = outcome::outcome_of(&sides);
        self.closes_day = Some(outcome.name());
        Ok(format!("the day is {outcome} after the last look: {words}"))
    }
}

/// Whether an intent has other fills than its rungs.
fn lags(day: &LoadedDay) -> bool {
    let of = |intent: &IntentRecord| {
        day.rungs.iter().filter(|rung| rung.intent == intent.key).map(|rung| rung.state.filled()).sum::<u32>()
    };
    day.intents.iter().any(|intent| of(intent) != intent.filled)
}
