//! `gamma halt`, `gamma resume`

use clap::Args;
use gamma_execution::ports::{ControlScope, Standing};
use serde_json::json;

use crate::arguments::Because;
use crate::bridge::{Bridge, trouble, who};
use crate::desk::Desk;
use crate::trouble::{End, Ended};

/// Stops trading at once. A run at work cancels its orders and proves them over. Asks nothing.
#[derive(Debug, Args)]
pub(crate) struct Halt {
    /// Whose: an account, or all
    account: String,
    #[command(flatten)]
    because: Because,
}

/// Lifts a halt. The halt of all and the halt of one account are lifted apart.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Whose: an account, or all
    account: String,
    #[command(flatten)]
    because: Because,
}

impl Halt {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let scope = ControlScope::from(self.account.as_str());
        let halted = bridge.operator().halt(&scope, who(&self.because)?).await.map_err(|error| trouble(&format!("halt {scope}"), &error))?;
        let whom = if scope == ControlScope::All { "Every account".to_owned() } else { scope.to_string() };
        let words = format!(
            "{whom} of {} is halted: nothing more is sent, and a run at work cancels its orders. `gamma resume {scope} --why …` lifts it.",
            bridge.stack()
        );
        tell(desk, &scope, &halted, words);
        Ok(End::Done)
    }
}

impl Resume {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let scope = ControlScope::from(self.account.as_str());
        let resumed = bridge.operator().resume(&scope, who(&self.because)?).await.map_err(|error| trouble(&format!("resume {scope}"), &error))?;
        let words = match &scope {
            ControlScope::All => format!("The halt of all of {} is lifted. An account that was halted by itself still is: `gamma status`.", bridge.stack()),
            ControlScope::Account(account) => format!("The halt of {account} is lifted. A halt of all holds all the same: `gamma status {account}`."),
        };
        tell(desk, &scope, &resumed, words);
        Ok(End::Done)
    }
}

fn tell(desk: &Desk, scope: &ControlScope, standing: &Standing, words: String) {
    desk.output.answer(&json!({ "account": scope, "halted": standing.on, "decision": standing.decision }), || words);
}
