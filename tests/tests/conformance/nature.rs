//! What a broker is by nature, and what is needed to connect to a simulated one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{Broker, BrokerError, Clock, TokenRenewal};
use gamma_execution::tokens::ReadAge;
use gamma_http::HttpClient;
use gamma_market::{Effect, OptionSymbol, Package, Price};
use gamma_simulator::account::Account;
use gamma_simulator::faults::{Fault, Route};
use gamma_simulator::market::Market;
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::Simulator;
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::Value;

/// One broker with its simulated service.
#[async_trait]
pub(crate) trait BrokerAtHand: Sync {
    /// What makes it unlike the others.
    fn nature(&self) -> Nature;

    /// The token document as it is stored when the simulation begins.
    fn token_document(&self, start: Timestamp) -> String;

    /// The production adapter, made as a function makes it.
    async fn connect(&self, simulator: &Simulator, session: Session) -> Arc<dyn Adapter>;

    /// Where orders are posted.
    fn orders_url(&self, simulator: &Simulator) -> String;

    /// The JSON of an order that the user enters by another program.
    fn users_order(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: Price,
        opens: bool,
    ) -> Value;

    /// Rows of a list of orders that are none of ours, may be working, and do not read.
    fn odd_orders(&self) -> Vec<Value>;

    /// Rows of positions that are none of ours and do not read.
    fn odd_positions(&self) -> Vec<Value>;

    /// No source of the broker's quotes knows `symbol` any more.
    fn drop_quote(&self, simulator: &Simulator, symbol: OptionSymbol);
}

/// What an adapter is given for one invocation.
pub(crate) struct Session {
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) renewal: Arc<dyn TokenRenewal>,
    pub(crate) token_text: SecretString,
}

/// The differences between brokers that cases ask for.
pub(crate) struct Nature {
    pub(crate) service: Service,
    /// The account's number.
    pub(crate) account: &'static str,
    /// The access token that is good at the start.
    pub(crate) access_token: &'static str,
    pub(crate) read_age: ReadAge,
    /// The requests that show positions.
    pub(crate) positions: Route,
    /// What the account is shown to be worth, in dollars: now, or as the day began.
    pub(crate) worth: fn(&Account, &Market) -> Decimal,
    /// The ways in which what is shown of an order's fills can be so far behind.
    pub(crate) fills_behind: &'static [fn(Duration) -> Fault],
    /// What a dead refresh token has a person look for in the runbook.
    pub(crate) runbook: &'static str,
}

/// An adapter behind the port, with the preview that each has beside it.
#[async_trait]
pub(crate) trait Adapter: Broker {
    /// Whether the broker would take it.
    async fn would_take(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: Price,
    ) -> Result<bool, BrokerError>;
}
