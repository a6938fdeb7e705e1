//! Giving recorded runs to those who come after trading. Nothing that happens here can touch trading: it
//! begins when the run is over.

use futures_util::future::join_all;

use crate::ports::{Handoff, Outbox};
use crate::report::Outcome;

/// What came of it, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandedOff {
    /// Taken, as `sheets-log run-1`.
    pub taken: Vec<String>,
    /// What stays in the outbox for the next delivery or sweep, and why.
    pub left: Vec<String>,
}

/// Whether anybody is to be told of a run that ended so. A delivery that found the day done or another run at
/// work has nothing to tell.
#[must_use]
pub const fn is_handed_off(outcome: Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::AlreadyTraded
            | Outcome::AnotherRunActive
            | Outcome::MarketClosed
            | Outcome::Swept
            | Outcome::DryRun
    )
}

/// Gives everything of the account that is in the outbox to its consumers: this delivery's run, and what an
/// earlier one could not give.
pub async fn hand_off(outbox: &dyn Outbox, handoff: &dyn Handoff, account: &str) -> HandedOff {
    let pending = match outbox.pending(account).await {
        Ok(pending) => pending,
        Err(error) => return HandedOff { taken: Vec::new(), left: vec![format!("the outbox: {error}")] },
    };
    let given = join_all(pending.iter().map(async |pending| {
        handoff.hand_off(pending).await.map_err(|error| error.to_string())?;
        let name = format!("{} {}", pending.consumer, pending.run.run_id);
        // A mark that stays only means that the consumer is given the run again.
        outbox
            .handed_off(pending)
            .await
            .map_err(|error| format!("{name} was taken, and its mark stays: {error}"))?;
        Ok(name)
    }));
    let (taken, left): (Vec<Result<String, String>>, Vec<_>) =
        given.await.into_iter().partition(Result::is_ok);
    HandedOff {
        taken: taken.into_iter().flatten().collect(),
        left: left.into_iter().filter_map(Result::err).collect(),
    }
}
