//! What is judged when a day is over.

use gamma_cloud::table::Key;
use gamma_execution::report::{Outcome, Status};
use gamma_execution::tokens::{TokenAge, TokenSaved};

use super::{End, Live, Play};
use crate::exchange::Ms;
use crate::invariants::{DATE, settled, text};
use crate::scenario::{CLOSES, Mode};
use crate::store::age;
use crate::world::Inner;

impl Play<'_> {
    /// When all is over.
    pub(super) fn judge(&self, inner: &mut Inner) {
        if self.scenario.mode != Mode::Safety {
            for (number, account) in self.scenario.accounts.iter().enumerate() {
                let of_account = |task: &'static str| {
                    self.runs.iter().filter(move |run| run.who.account == number && run.task == task)
                };
                let last = of_account("sweep")
                    .filter_map(|run| run.outcome.map(|outcome| (outcome, run.alarm)))
                    .next_back();
                if self.scenario.lies.unkind
                    && self.scenario.mode == Mode::Trades
                    && last.is_some_and(|(_, alarm)| alarm)
                {
                    inner.violated(|| {
                        format!("{}: the last sweep rang on a day that is in order: {last:?}", account.name)
                    });
                }
                settled(inner, &self.reference, number, account.name, last);
                // Lists are given five minutes to be complete: what is not shown by then never was.
                let complete = inner.faults.calm.unwrap_or(Ms::MIN).max(CLOSES + 300_000);
                let swept_before = of_account("sweep").filter(|run| run.who.began > complete).count() > 1;
                let last = last.map(|(outcome, _)| outcome);
                // What is shown late is another story when it is looked at again.
                let same_story = !self.scenario.lies.unkind;
                if same_story
                    && swept_before
                    && !matches!(last, Some(Outcome::Swept | Outcome::NoFinalOutcome))
                {
                    inner.violated(|| format!("{}: a sweep after a sweep ended {last:?}: the ledger read again tells another story", account.name));
                }
                let traded = of_account("trade")
                    .filter_map(|run| run.outcome)
                    .any(|outcome| outcome.status() == Status::Traded);
                if traded && last == Some(Outcome::NoFinalOutcome) {
                    inner.violated(|| {
                        format!(
                            "{}: it traded, and the sweep says that nothing tells what became of the day",
                            account.name
                        )
                    });
                }
            }
            let calm = inner.faults.calm.unwrap_or(Ms::MIN);
            for run in self.runs.iter().filter(|run| run.who.began >= calm) {
                recorded(inner, run);
            }
        }
        tokens(inner, &self.runs);
    }
}

/// A delivery that nothing disturbed has its record, with its outcome.
fn recorded(inner: &mut Inner, run: &Live) {
    let (name, id) = (run.who.name.clone(), run.who.run_id.clone());
    let key = Key { partition: format!("{name}#{}", DATE), sort: format!("run#{id}") };
    let told = inner.truth.table.get(&key).map(|item| text(item, "outcome").to_owned());
    let ended = run.outcome.map(|outcome| outcome.name().to_owned());
    if ended != told && run.end != Some(End::Died) {
        inner.violated(|| format!("{id} ended {ended:?}, the ledger says {told:?}"));
    }
}

/// A token that a living run reported as saved is never newer than what the store holds. A parameter has no
/// conditional write, so two things are beyond us, and whoever failed says so: a writer that died before he
/// saw what he had gone over, and a write that landed after its writer had given it up.
fn tokens(inner: &mut Inner, runs: &[Live]) {
    for (name, versions) in inner.truth.store.documents.clone() {
        let stands: TokenAge =
            versions.last().and_then(|text| age(&text.clone().into())).expect("a document is readable");
        let writers = inner.truth.store.writers.get(&name).cloned().unwrap_or_default();
        let failed = |run: usize| {
            runs[run].end == Some(End::Died) || matches!(runs[run].token, Some(TokenSaved::Failed { .. }))
        };
        // A token that is refreshed later grows from whatever stood there.
        let beyond_us = |run: usize| {
            let own = writers.iter().rposition(|(writer, _)| *writer == run).map_or(0, |at| at + 1);
            writers[own..].iter().any(|(writer, given_up)| *given_up || failed(*writer))
        };
        for (_, run, age) in inner.truth.store.obtained.clone().into_iter().filter(|(of, ..)| *of == name) {
            let claimed = matches!(
                runs[run].token,
                Some(TokenSaved::Saved { .. } | TokenSaved::NewerStored | TokenSaved::Unchanged)
            );
            if claimed && age > stands && !beyond_us(run) {
                inner.violated(|| {
                    format!(
                        "run {run} obtained a token {age:?} and says it is saved; {name} holds {stands:?}"
                    )
                });
            }
        }
    }
}
