//! The questions: one is answered at a time, the others wait in line.

use std::collections::BTreeSet;

use tokio::select;
use tokio::sync::mpsc;

use super::Question;
use crate::StreamerSymbol;
use crate::feed::QuoteEvent;

pub(super) struct Desk {
    line: mpsc::UnboundedReceiver<Question>,
    current: Option<Question>,
    /// What last went wrong, for those who ask before it is mended.
    trouble: Option<String>,
}

pub(super) enum Change {
    /// These symbols are wanted.
    Asked(BTreeSet<StreamerSymbol>),
    /// Whoever asked has the answer, or waits no longer.
    GaveUp,
    /// The handle is gone.
    Ended,
}

impl Desk {
    pub(super) const fn new(line: mpsc::UnboundedReceiver<Question>) -> Self {
        Self { line, current: None, trouble: None }
    }

    /// The next change. Can be dropped and called again without losing one.
    pub(super) async fn change(&mut self) -> Change {
        if let Some(question) = &self.current {
            // The handle outlives its questions, so as long as one is asked the line need not be looked at.
            question.closed().await;
            self.current = None;
            return Change::GaveUp;
        }
        while let Some(question) = self.line.recv().await {
            if question.is_closed() {
                continue;
            }
            let wanted = question.borrow().wanted().clone();
            if let Some(trouble) = &self.trouble {
                question.send_modify(|answer| answer.lost(Some(trouble.clone())));
            }
            self.current = Some(question);
            return Change::Asked(wanted);
        }
        Change::Ended
    }

    /// Does `work` while questions come and go; `None` when the handle is gone.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            select! {
                done = &mut work => return Some(done),
                change = self.change() => if matches!(change, Change::Ended) { return None },
            }
        }
    }

    /// What is wanted now.
    pub(super) fn wanted(&self) -> Option<BTreeSet<StreamerSymbol>> {
        self.current.as_ref().map(|question| question.borrow().wanted().clone())
    }

    /// The question goes out.
    pub(super) fn asked(&mut self) {
        self.trouble = None;
        if let Some(question) = &self.current {
            question.send_modify(crate::answer::Answer::asked);
        }
    }

    pub(super) fn saw(&self, quotes: Vec<QuoteEvent>) {
        if let Some(question) = self.current.as_ref().filter(|_| !quotes.is_empty()) {
            question.send_modify(|answer| {
                quotes.into_iter().for_each(|event| answer.saw(event.symbol, event.quote))
            });
        }
    }

    pub(super) fn lost(&mut self, trouble: String) {
        if let Some(question) = &self.current {
            question.send_modify(|answer| answer.lost(Some(trouble.clone())));
        }
        self.trouble = Some(trouble);
    }
}
