//! A client of the simulated tastytrade that shares nothing with it: plain requests, plain JSON.

use std::time::Duration;

use gamma_simulator::exchange::{Order, OrderState};
use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use jiff::{Span, Timestamp};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "simulated-tastytrade-access-token";
pub(crate) const REFRESH: &str = "simulated-tastytrade-refresh-token";
pub(crate) const SECRET: &str = "simulated-client-secret";
pub(crate) const ACCOUNT: &str = "5WT00001";
const RUN: &str = "test";

/// A simulator and somebody who talks to its tastytrade.
pub(crate) struct Tasty {
    pub(crate) simulator: Simulator,
    http: Client,
    pub(crate) token: String,
}

impl Tasty {
    pub(crate) async fn start(seed: u64) -> Self {
        Self::with(SimulatorConfig::of_2025_09_03(seed).unwrap()).await
    }

    pub(crate) async fn with(config: SimulatorConfig) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        simulator.clock().attach(RUN);
        let http = Client::builder().user_agent("test/1.0").build().unwrap();
        Self { simulator, http, token: TOKEN.to_owned() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.simulator.clock().now()
    }

    pub(crate) async fn pass(&self, time: Span) {
        self.until(self.now() + time).await;
    }

    pub(crate) async fn until(&self, time: Timestamp) {
        self.simulator.clock().wait(RUN, time).await;
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self
            .http
            .request(method, format!("{}{path}", self.simulator.tastytrade_url()))
            .bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        request.timeout(Duration::from_secs(5)).send().await.unwrap()
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        json_of(self.send(method, path, Some(body)).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        json_of(self.send(Method::GET, path, None).await).await
    }

    /// The `data` of a GET that must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert_eq!(body["context"], path.split('?').next().unwrap().replace("%20", " "));
        body["data"].clone()
    }

    /// A request with headers of one's own and nothing else.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let url = format!("{}{path}", self.simulator.tastytrade_url());
        let request = headers
            .iter()
            .fold(Client::new().request(method, url), |request, (name, value)| request.header(*name, *value));
        request.body(body.to_owned()).send().await.unwrap()
    }

    /// `/accounts/5WT00001` and what follows.
    pub(crate) fn account(rest: &str) -> String {
        format!("/accounts/{ACCOUNT}{rest}")
    }

    pub(crate) async fn place(&self, order: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, &Self::account("/orders"), order).await
    }

    /// Posts an order that must be accepted, and gives its id.
    pub(crate) async fn post(&self, order: &Value) -> u64 {
        let (status, body) = self.place(order).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["order"]["id"].as_u64().unwrap()
    }

    /// An order at a limit nobody would take, live.
    pub(crate) async fn resting(&self, quantity: u32) -> u64 {
        let id = self.post(&vertical(quantity, "4.00")).await;
        self.pass(Span::new().seconds(2)).await;
        assert_eq!(self.order(id).await["status"], "Live");
        id
    }

    pub(crate) async fn order(&self, id: u64) -> Value {
        self.read(&Self::account(&format!("/orders/{id}"))).await
    }

    pub(crate) async fn live(&self) -> Vec<Value> {
        self.read(&Self::account("/orders/live")).await["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn delete(&self, id: u64) -> (StatusCode, Value) {
        json_of(self.send(Method::DELETE, &Self::account(&format!("/orders/{id}")), None).await).await
    }

    pub(crate) async fn replace(&self, id: u64, order: &Value) -> (StatusCode, Value) {
        self.ask(Method::PUT, &Self::account(&format!("/orders/{id}")), order).await
    }

    /// What really became of an order.
    pub(crate) fn truth(&self, id: u64) -> Order {
        self.simulator.book_of(ACCOUNT).unwrap().order(id).unwrap().clone()
    }

    pub(crate) fn filled(&self, id: u64) -> (u32, OrderState) {
        let order = self.truth(id);
        (order.filled(), order.state)
    }

    /// The next request of `route` meets `fault`.
    pub(crate) fn next(&self, route: Route, fault: &Fault) {
        self.simulator.faults().add(Rule::on(route).fault(fault.clone()));
    }

    pub(crate) fn fired(&self) -> Vec<Fault> {
        self.simulator.faults().fired().into_iter().map(|fired| fired.fault).collect()
    }
}

pub(crate) async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {text:?}: {error}")))
}

/// A put credit spread over the chain of 2025-09-03.
pub(crate) fn vertical(quantity: u32, price: &str) -> Value {
    json!({
        "time-in-force": "Day", "order-type": "Limit", "price": price, "price-effect": "Credit", "source": "test/1.0",
        "external-identifier": "a7f3c2d0-0000-4000-8000-0000000000aa",
        "legs": [leg("Buy to Open", "SPXW  250904P06420000", quantity), leg("Sell to Open", "SPXW  250904P06425000", quantity)],
    })
}

/// The way back.
pub(crate) fn closing(quantity: u32, price: &str, strict: bool) -> Value {
    json!({
        "time-in-force": "Day", "order-type": "Limit", "price": price, "price-effect": "Debit",
        "advanced-instructions": { "strict-position-effect-validation": strict },
        "legs": [leg("Sell to Close", "SPXW  250904P06420000", quantity), leg("Buy to Close", "SPXW  250904P06425000", quantity)],
    })
}

pub(crate) fn leg(action: &str, symbol: &str, quantity: u32) -> Value {
    json!({ "instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "action": action })
}

/// `order` with one more or another field at a JSON pointer.
pub(crate) fn with(mut order: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    order.pointer_mut(parent).unwrap()[key] = value;
    order
}

pub(crate) fn without(mut order: Value, key: &str) -> Value {
    order.as_object_mut().unwrap().remove(key);
    order
}

/// The kinds of values of `wire` are those of `reference`, key by key, and no key is there that the reference
/// does not have. Arrays are compared by their first elements.
pub(crate) fn assert_shape(wire: &Value, reference: &Value, path: &str) {
    match (wire, reference) {
        (Value::Object(wire), Value::Object(reference)) => {
            for (key, expected) in reference {
                let found = wire.get(key).unwrap_or_else(|| panic!("{path}.{key} is missing in {wire:?}"));
                assert_shape(found, expected, &format!("{path}.{key}"));
            }
            for key in wire.keys() {
                assert!(reference.contains_key(key), "{path}.{key} is not in the reference");
            }
        }
        (Value::Array(wire), Value::Array(reference)) => {
            if let Some(expected) = reference.first() {
                let found = wire.first().unwrap_or_else(|| panic!("{path} is empty"));
                assert_shape(found, expected, &format!("{path}[0]"));
            }
        }
        (Value::String(wire), Value::String(reference)) => {
            let number = |text: &str| text.parse::<f64>().is_ok() && text.contains('.');
            assert_eq!(number(wire), number(reference), "{path}: {wire}, in the reference {reference}");
        }
        _ => assert_eq!(
            std::mem::discriminant(wire),
            std::mem::discriminant(reference),
            "{path}: {wire}, in the reference {reference}"
        ),
    }
}
