//! Charles Schwab.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::ports::BrokerError;
use gamma_market::{Effect, OptionSymbol, Package, PositionEffect, Price};
use gamma_schwab::{Schwab, SchwabConfig, order_json, token_age};
use gamma_simulator::faults::{Fault, Route};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::Simulator;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::conformance::nature::{Adapter, BrokerAtHand, Nature, Session};

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

    fn users_order(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: Price,
        opens: bool,
    ) -> Value {
        order_json(
            &package.positioned(if opens { PositionEffect::Open } else { PositionEffect::Close }),
            effect,
            quantity,
            price,
        )
    }

    fn odd_orders(&self) -> Vec<Value> {
        let leg = |kind: &str, symbol: &str| json!({"instruction": "BUY", "instrument": {"assetType": kind, "symbol": symbol}});
        let fill = json!({"activityType": "EXECUTION", "executionType": "FILL", "executionLegs": []});
        vec![
            json!({"orderId": 5, "status": "WORKING", "orderLegCollection": [leg("FIXED_INCOME", "912828")], "orderActivityCollection": [fill]}),
            json!({"orderId": 5, "status": null, "quantity": 1, "orderLegCollection": [leg("EQUITY", "SPY")]}),
            json!({"orderId": 5, "status": "QUEUED", "orderLegCollection": [{"instruction": "BUY_TO_OPEN", "instrument": {"assetType": "OPTION", "symbol": "AAPL  250919C00200000"}}]}),
            json!({"orderId": 5, "status": "WORKING", "enteredTime": 7, "orderLegCollection": [leg("OPTION", "2SPX  250904C06425000")]}),
            json!({"orderId": null, "status": "WORKING", "orderLegCollection": [leg("OPTION", "BRK/B 250904C00400000")]}),
        ]
    }

    fn odd_positions(&self) -> Vec<Value> {
        let option = |symbol: &str| json!({"longQuantity": 1.0, "instrument": {"assetType": "OPTION", "symbol": symbol}});
        vec![
            option("2SPX  250904C06425000"),
            option("BRK/B 250904C00400000"),
            json!({"longQuantity": 1.0, "instrument": {"symbol": "SPY"}}),
        ]
    }

    fn drop_quote(&self, simulator: &Simulator, symbol: OptionSymbol) {
        simulator.schwab().drop_quote(symbol);
    }
}

#[async_trait]
impl Adapter for Schwab {
    async fn would_take(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: Price,
    ) -> Result<bool, BrokerError> {
        self.preview(package, effect, quantity, price).await.map(|preview| preview.accepted)
    }
}
