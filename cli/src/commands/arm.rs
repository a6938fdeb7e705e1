//! `gamma arm`, `gamma disarm`

use clap::Args;
use serde_json::json;

use crate::arguments::Because;
use crate::bridge::{Bridge, trouble, who};
use crate::desk::Desk;
use crate::prompt;
use crate::trouble::{End, Ended};

/// Arms an account for live trading. The first time it asks for the account's name.
#[derive(Debug, Args)]
pub(crate) struct Arm {
    /// Whose
    account: String,
    #[command(flatten)]
    because: Because,
}

/// Disarms an account: its runs place nothing from now on. Asks nothing.
#[derive(Debug, Args)]
pub(crate) struct Disarm {
    /// Whose
    account: String,
    #[command(flatten)]
    because: Because,
}

impl Arm {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let (operator, account) = (bridge.operator(), self.account.as_str());
        let attempted = format!("arm {account}");
        let first = operator.arms_first(account).await.map_err(|error| trouble(&attempted, &error))?;
        let typed = if first {
            Some(prompt::line(&format!(
                "{account} was never armed and will trade real money. Type the account's name ({account}) to go on:"
            ))?)
        } else {
            None
        };
        let armed = operator
            .arm(account, who(&self.because), typed.as_deref())
            .await
            .map_err(|error| trouble(&attempted, &error))?;
        let stack = bridge.stack();
        let words = || {
            format!(
                "{account} of {stack} is armed. It trades when its schedule fires, unless it is deployed dry (`gamma check`) or halted (`gamma status`)."
            )
        };
        desk.output
            .answer(&json!({ "account": account, "armed": armed.on, "decision": armed.decision }), words);
        Ok(End::Done)
    }
}

impl Disarm {
    pub(crate) async fn run(self, desk: &Desk) -> Ended {
        let bridge = Bridge::of(desk.world().await?);
        let account = self.account.as_str();
        let disarmed = bridge.operator().disarm(account, who(&self.because)).await;
        let disarmed = disarmed.map_err(|error| trouble(&format!("disarm {account}"), &error))?;
        let words = || format!("{account} is not armed. A run at work stops before its next order.");
        desk.output.answer(
            &json!({ "account": account, "armed": disarmed.on, "decision": disarmed.decision }),
            words,
        );
        Ok(End::Done)
    }
}
