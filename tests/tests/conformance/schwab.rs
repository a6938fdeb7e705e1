//! Charles Schwab.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::ports::BrokerError;
use gamma_market::{Effect, OptionSymbol, Package, Price};
use gamma_schwab::{Schwab, SchwabConfig, order_json, token_age};
use gamma_simulator::faults::{Fault, Route};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::Simulator;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::nature::{Adapter, BrokerAtHand, Nature, Session};

const ACCOUNT: &str = "12345678";
const ACCESS: &str = "I0.simulated-access-token@";

pub(crate) struct AtSchwab;

#[async_trait]
impl BrokerAtHand for AtSchwab {
    fn nature(&self) -> Nature {
        Nature {
            service: Service::Schwab,
            account: ACCOUNT,
            access_token: ACCESS,
            read_age: token_age,
            positions: Route::Account,
            // So that every run of a day sizes alike.
            worth: |account, _| account.day_begin().liquidation_value(),
            fills_behind: &[Fault::StaleOrders],
            runbook: "docs/runbook.md, 'Schwab login'",
        }
    }

    fn token_document(&self, start: Timestamp) -> String {
        let token = json!({
            "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": "simulated-refresh-token@", "access_token": ACCESS,
            "expires_at": start.as_second() + 1800,
        });
        json!({ "creation_timestamp": start.as_second(), "token": token }).to_string()
    }

    async fn connect(&self, simulator: &Simulator, session: Session) -> Arc<dyn Adapter> {
        let config = SchwabConfig {
            base_url: simulator.schwab_url(),
            app_key: "simulated-app-key".into(),
            app_secret: "simulated-app-secret".into(),
            token_text: session.token_text,
            account_number: Some(ACCOUNT.to_owned()),
        };
        Arc::new(Schwab::new(session.http, config, session.clock, session.renewal).unwrap())
    }

    fn orders_url(&self, simulator: &Simulator) -> String {
        format!("{}/trader/v1/accounts/{}/orders", simulator.schwab_url(), simulator.schwab().account_hash())
    }

    fn users_order(&self, package: &Package, effect: Effect, quantity: u32, price: Price, opens: bool) -> Value {
        let text = order_json(package, effect, quantity, price).to_string();
        let text = if opens { text } else { text.replace("_TO_OPEN", "_TO_CLOSE").replace("OPENING", "CLOSING") };
        serde_json::from_str(&text).unwrap()
    }

    fn drop_quote(&self, simulator: &Simulator, symbol: OptionSymbol) {
        simulator.schwab().drop_quote(symbol);
    }
}

#[async_trait]
impl Adapter for Schwab {
    async fn would_take(&self, package: &Package, effect: Effect, quantity: u32, price: Price) -> Result<bool, BrokerError> {
        self.preview(package, effect, quantity, price).await.map(|preview| preview.accepted)
    }
}
