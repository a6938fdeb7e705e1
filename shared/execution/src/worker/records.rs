//! Bringing to the ledger where rungs and intents stand.

use futures_util::future::join_all;

use super::Worker;
use super::work::Side;
use crate::ladder::SideEnd;
use crate::ports::{IntentState, LedgerError, PutOutcome, RungRecord};

impl Worker<'_> {
    /// Writes where rungs stand, all at once and each once; gives what went wrong. The orders' life goes on
    /// when the ledger does not answer: SENDING is durable, and what is not written now is written before the
    /// next SENDING or at the end.
    pub(super) async fn write_all(&self, sides: &mut [Side]) -> Vec<String> {
        let (ledger, account, date) = (self.ledger, self.scope.account, self.date());
        let unwritten = |side: &Side| {
            side.rungs
                .iter()
                .filter(|rung| side.unwritten.contains(&rung.number))
                .cloned()
                .collect::<Vec<_>>()
        };
        let writes = sides
            .iter()
            .enumerate()
            .flat_map(|(index, side)| unwritten(side).into_iter().map(move |rung| (index, rung)));
        let answers = join_all(writes.map(async |(index, rung)| {
            let answer = ledger.set_rung(account, date, &rung).await;
            (index, rung, answer)
        }))
        .await;
        let mut trouble = Vec::new();
        for (index, rung, answer) in answers {
            match answer {
                Ok(outcome) => trouble.extend(sides[index].written(&rung, outcome)),
                Err(error) => trouble.push(format!(
                    "rung {} of {} could not be recorded yet: {error}",
                    rung.number, rung.intent
                )),
            }
        }
        trouble
    }

    /// Writes what is not written yet, and tries until it is known.
    pub(super) async fn write_patiently(&mut self, side: &mut Side) -> Result<(), LedgerError> {
        let (ledger, account, date) = (self.ledger, self.scope.account, self.date());
        for rung in side
            .rungs
            .iter()
            .filter(|rung| side.unwritten.contains(&rung.number))
            .cloned()
            .collect::<Vec<_>>()
        {
            let outcome = self.persist(async || ledger.set_rung(account, date, &rung).await).await?;
            let notes = side.written(&rung, outcome);
            self.note_all(notes);
        }
        Ok(())
    }

    /// Records where every intent stands; whether the ledger has all of it.
    pub(super) async fn settle(&mut self, sides: &mut [Side]) -> bool {
        let mut all = true;
        for side in sides {
            all &= self.settle_side(side).await;
        }
        all
    }

    pub(super) async fn settle_side(&mut self, side: &mut Side) -> bool {
        if let Err(error) = self.write_patiently(side).await {
            // An intent is not over in the ledger before its rungs are: the next delivery or sweep proves and
            // records them.
            self.note(format!(
                "the rungs of {} could not be recorded, the intent stays open: {error}",
                side.record.key
            ));
            return false;
        }
        if !side.unsure.is_empty() {
            // A mark that was never answered may land yet. What has not been read back is not concluded from.
            self.note(format!("whether a mark of {} was written is not known, the intent stays open until its rungs are read back", side.record.key));
            return false;
        }
        let unresolved = matches!(side.ladder.end(), Some(SideEnd::Unresolved(_)));
        side.record.state = if unresolved { IntentState::Unresolved } else { IntentState::Terminal };
        side.record.filled = side.ladder.filled();
        let (record, ledger, account, date) =
            (side.record.clone(), self.ledger, self.scope.account, self.date());
        match self.persist(async || ledger.set_intent(account, date, &record).await).await {
            Ok(PutOutcome::Ours) => return true,
            Ok(PutOutcome::Theirs(what)) => {
                self.note(format!("intent {} stands otherwise in the ledger: {what}", record.key))
            }
            Err(error) => self.note(format!("intent {} could not be recorded: {error}", record.key)),
        }
        false
    }
}

impl Side {
    /// The ledger has answered where this rung stands; what is to be said of it.
    fn written(&mut self, rung: &RungRecord, outcome: PutOutcome) -> Option<String> {
        self.unwritten.remove(&rung.number);
        match outcome {
            PutOutcome::Ours => {
                self.unsure.remove(&rung.number);
                None
            }
            PutOutcome::Theirs(what) => Some(format!(
                "rung {} of {} stands otherwise in the ledger: {what}",
                rung.number, rung.intent
            )),
        }
    }
}
