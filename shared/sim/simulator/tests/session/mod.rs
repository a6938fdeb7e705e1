//! A client of the simulator over HTTP that shares nothing with it: plain requests, plain JSON.

use std::time::Duration;

use gamma_simulator::faults::{Fault, Route, Rule};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use jiff::{Span, Timestamp};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "I0.simulated-access-token@";
const RUN: &str = "test";

/// A simulator and somebody who talks to it.
pub(crate) struct Session {
    pub(crate) simulator: Simulator,
    http: Client,
    pub(crate) token: String,
}

impl Session {
    pub(crate) async fn start(seed: u64) -> Self {
        Self::with(SimulatorConfig::of_2025_09_03(seed).unwrap()).await
    }

    pub(crate) async fn with(config: SimulatorConfig) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        simulator.clock().attach(RUN);
        Self { simulator, http: Client::new(), token: TOKEN.to_owned() }
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

    /// A request to Schwab's face with the access token.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        self.attempt(method, path, body).await.unwrap()
    }

    /// The same, where no answer may come; it waits for one for a second of real time.
    pub(crate) async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, reqwest::Error> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.simulator.schwab_url()))
            .bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        request.timeout(Duration::from_secs(1)).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        json_of(self.send(Method::GET, path, None).await).await
    }

    /// The body of a GET that must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A request without any token, with headers of one's own.
    pub(crate) async fn raw(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let request = headers
            .iter()
            .fold(self.http.request(method, url), |request, (name, value)| request.header(*name, *value));
        request.body(body.to_owned()).send().await.unwrap()
    }

    /// `/trader/v1/accounts/{hash}` and what follows.
    pub(crate) fn account(&self, rest: &str) -> String {
        format!("/trader/v1/accounts/{}{rest}", self.simulator.schwab().account_hash())
    }

    /// Posts an order that must be accepted, and gives its id from `Location`.
    pub(crate) async fn post(&self, order: &Value) -> u64 {
        let response = self.send(Method::POST, &self.account("/orders"), Some(order)).await;
        assert_eq!(response.status(), 201);
        id_of(response).await
    }

    /// What a POST is refused with.
    pub(crate) async fn refused(&self, order: &Value) -> Value {
        let (status, body) =
            json_of(self.send(Method::POST, &self.account("/orders"), Some(order)).await).await;
        assert_eq!(status, 400, "{order}: {body}");
        assert_eq!(body["message"], "A validation error occurred while processing the request.");
        body
    }

    /// The next request of `route` meets `fault`.
    pub(crate) fn next(&self, route: Route, fault: &Fault) {
        self.simulator.faults().add(Rule::on(route).fault(fault.clone()));
    }

    /// Every fault that happened, in order.
    pub(crate) fn fired(&self) -> Vec<Fault> {
        self.simulator.faults().fired().into_iter().map(|fired| fired.fault).collect()
    }

    pub(crate) async fn order(&self, id: u64) -> Value {
        self.read(&self.account(&format!("/orders/{id}"))).await
    }

    pub(crate) async fn delete(&self, id: u64) -> Response {
        self.send(Method::DELETE, &self.account(&format!("/orders/{id}")), None).await
    }
}

/// The id at the end of a 201's `Location`; its body must be empty.
pub(crate) async fn id_of(response: Response) -> u64 {
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("https://api.schwabapi.com/trader/v1/accounts/"), "{location}");
    assert_eq!(response.text().await.unwrap(), "");
    location.rsplit('/').next().unwrap().parse().unwrap()
}

pub(crate) async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status} {text:?}: {error}")))
}

/// A put credit spread over the chain of 2025-09-03.
pub(crate) fn vertical(quantity: u32, price: &str) -> Value {
    json!({
        "orderType": "NET_CREDIT", "session": "NORMAL", "price": price, "duration": "DAY",
        "orderStrategyType": "SINGLE", "complexOrderStrategyType": "VERTICAL",
        "orderLegCollection": [
            leg("BUY_TO_OPEN", "SPXW  250904P06420000", quantity),
            leg("SELL_TO_OPEN", "SPXW  250904P06425000", quantity),
        ],
    })
}

pub(crate) fn leg(instruction: &str, symbol: &str, quantity: u32) -> Value {
    let effect = if instruction.ends_with("OPEN") { "OPENING" } else { "CLOSING" };
    json!({ "instruction": instruction, "positionEffect": effect, "quantity": quantity, "instrument": { "symbol": symbol, "assetType": "OPTION" } })
}

/// The JSON types of `wire` are those of `reference`, key by key: every key of the reference is there with
/// the same kind of value. Numbers with a point stay numbers with a point. Arrays are compared by their first
/// elements.
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
        (Value::Number(wire), Value::Number(reference)) => {
            assert_eq!(wire.is_f64(), reference.is_f64(), "{path}: {wire}, in the reference {reference}")
        }
        _ => assert_eq!(
            std::mem::discriminant(wire),
            std::mem::discriminant(reference),
            "{path}: {wire}, in the reference {reference}"
        ),
    }
}
