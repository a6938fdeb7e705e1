//! The sweep after the close: prove and record what is open, place nothing, and say so when a day has no
//! final outcome.

use gamma_market::calendar::SessionDay;

use super::{Earlier, Ended, Run};
use crate::ports::LoadedDay;
use crate::report::{Outcome, Status};

impl Run<'_> {
    pub(super) async fn sweep(&mut self) -> Ended {
        if let Err(ended) = self.take_lease().await {
            return ended;
        }
        self.stage("admit");
        let ended = match self.swept().await {
            Ok(ended) | Err(ended) => ended,
        };
        self.leave(ended).await
    }

    async fn swept(&mut self) -> Result<Ended, Ended> {
        let day = self.load().await?;
        let ended = match self.earlier(&day).await? {
            Earlier::Recovered { words } => Ended::new(Outcome::Recovered, words),
            Earlier::Over { outcome } => {
                Ended::new(Outcome::Swept, format!("the day ended {outcome}, and every order of it is over"))
            }
            Earlier::Nothing => return Ok(self.without_orders(&day)),
        };
        if !self.worker.is_closed() {
            return Ok(ended);
        }
        self.last_look(ended).await
    }

    /// No order was ever sent: that must have been somebody's decision.
    fn without_orders(&self, day: &LoadedDay) -> Ended {
        match self.request.calendar().session_day(self.date()) {
            SessionDay::Closed(reason) => return Ended::new(Outcome::MarketClosed, reason),
            SessionDay::Open { early_close: true } => {
                return Ended::new(
                    Outcome::MarketClosed,
                    "the session closed early, there was no trade to make",
                );
            }
            SessionDay::Open { early_close: false } => {}
        }
        if self.now() <= self.worker.closes() {
            return Ended::new(Outcome::Swept, "the session is still on, nothing is open");
        }
        // In a live deployment a dry run by hand says nothing of the day.
        let counted = day
            .runs
            .values()
            .filter(|run| run.live || !self.request.deployment_live)
            .map(|run| run.outcome.clone());
        let ends: Vec<String> =
            day.day.as_ref().and_then(|record| record.outcome.clone()).into_iter().chain(counted).collect();
        match ends.iter().find(|end| is_final(end)) {
            Some(end) => Ended::new(Outcome::Swept, format!("no order was sent, the day ended {end}")),
            None if ends.is_empty() => Ended::new(
                Outcome::NoFinalOutcome,
                "nothing ran for this account on this trade date: look at its schedule",
            ),
            None => Ended::new(
                Outcome::NoFinalOutcome,
                format!(
                    "no run came to an end that says why nothing was traded; they ended {}",
                    ends.join(", ")
                ),
            ),
        }
    }
}

/// An outcome that tells what became of the day. A failed run does not: the next delivery might have traded.
fn is_final(outcome: &str) -> bool {
    let told = [
        Outcome::NothingToDo,
        Outcome::DryRun,
        Outcome::MarketClosed,
        Outcome::NotArmed,
        Outcome::Halted,
        Outcome::EdgePaused,
        Outcome::SignalUnusable,
        Outcome::PlanRefused,
        Outcome::NotApproved,
        Outcome::OutOfTime,
    ];
    debug_assert!(told.iter().all(|outcome| outcome.status() != Status::Failed));
    told.iter().any(|told| told.name() == outcome)
}
