//! tastytrade, with quotes from REST alone or from the stream first.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::ports::BrokerError;
use gamma_market::{Effect, OptionSymbol, Package, PositionEffect, Price};
use gamma_simulator::account::Account;
use gamma_simulator::dxlink::{Switch, Which};
use gamma_simulator::faults::{Fault, Route};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::Simulator;
use gamma_tastytrade::{ClientAuth, QuoteTokens, Tastytrade, TastytradeConfig, order_json, token_age};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::conformance::nature::{Adapter, BrokerAtHand, Nature, Session};

const ACCOUNT: &str = "5WT00001";
const ACCESS: &str = "simulated-tastytrade-access-token";

pub(crate) struct AtTastytrade {
    streams: bool,
}

impl AtTastytrade {
    pub(crate) const OVER_REST: Self = Self { streams: false };
    pub(crate) const STREAMING: Self = Self { streams: true };
}

#[async_trait]
impl BrokerAtHand for AtTastytrade {
    fn nature(&self) -> Nature {
        Nature {
            service: Service::Tastytrade,
            account: ACCOUNT,
            access_token: ACCESS,
            read_age: token_age,
            positions: Route::Positions,
            worth: Account::liquidation_value,
            fills_behind: &[Fault::StaleOrders, Fault::FillsLate],
            runbook: "docs/runbook.md, 'tastytrade grant'",
        }
    }

    fn token_document(&self, start: Timestamp) -> String {
        let document = json!({
            "access_token": ACCESS, "refresh_token": "simulated-tastytrade-refresh-token", "token_type": "Bearer", "expires_in": 900,
            "creation_timestamp": start.as_second(), "expires_at": start.as_second() + 900,
        });
        document.to_string()
    }

    async fn connect(&self, simulator: &Simulator, session: Session) -> Arc<dyn Adapter> {
        let config = TastytradeConfig {
            base_url: simulator.tastytrade_url(),
            client_id: None,
            client_secret: "simulated-client-secret".into(),
            client_auth: ClientAuth::Body,
            token_text: session.token_text,
            account_number: ACCOUNT.to_owned(),
            root: "SPXW".to_owned(),
        };
        let adapter =
            Arc::new(Tastytrade::new(session.http, config, session.clock, session.renewal).unwrap());
        if self.streams {
            // What a function does beside other work is done here first, so that no request of it comes
            // between those of a case.
            let tokens = QuoteTokens::default();
            adapter.ready_quote_token(&tokens).await.unwrap();
            adapter.learn_symbols().await;
            adapter.stream_quotes(&tokens);
        }
        adapter
    }

    fn orders_url(&self, simulator: &Simulator) -> String {
        format!("{}/accounts/{ACCOUNT}/orders", simulator.tastytrade_url())
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
            None,
        )
    }

    fn odd_orders(&self) -> Vec<Value> {
        let leg = |kind: &str, symbol: &str| json!({"instrument-type": kind, "symbol": symbol, "quantity": 1, "remaining-quantity": 1, "action": "Buy to Open", "fills": []});
        vec![
            json!({"id": 5, "status": null, "size": 1, "underlying-symbol": "SPY", "legs": [leg("Equity", "SPY")]}),
            json!({"id": 5, "status": "Live", "received-at": 7, "underlying-symbol": "AAPL", "legs": [leg("Equity Option", "AAPL  250919C00200000")]}),
            json!({"id": 5, "status": null, "underlying-symbol": "BRK/B", "legs": [leg("Equity Option", "BRK/B 250904C00400000")]}),
        ]
    }

    fn odd_positions(&self) -> Vec<Value> {
        let option = |symbol: &str| json!({"instrument-type": "Equity Option", "symbol": symbol, "quantity": "1", "quantity-direction": "Long"});
        vec![
            option("2SPX  250904C06425000"),
            option("BRK/B 250904C00400000"),
            json!({"symbol": "SPY", "underlying-symbol": "SPY"}),
        ]
    }

    fn drop_quote(&self, simulator: &Simulator, symbol: OptionSymbol) {
        simulator.tastytrade().drop_quote(symbol);
        simulator.dxlink().set(Switch::Silent(Which::only(&symbol.streamer())));
    }
}

#[async_trait]
impl Adapter for Tastytrade {
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
