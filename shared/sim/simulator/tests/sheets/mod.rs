//! A client of the simulated Google that shares nothing with it: plain requests, plain JSON, an assertion
//! signed by hand.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gamma_simulator::google::Tab;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use jiff::{Span, Timestamp};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

pub(crate) const ID: &str = "book-1";
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";
const RUN: &str = "test";

/// A simulator with a spreadsheet, and somebody who is logged in there.
pub(crate) struct Sheets {
    pub(crate) simulator: Simulator,
    http: Client,
    pub(crate) token: String,
}

impl Sheets {
    pub(crate) async fn start() -> Self {
        Self::with(SimulatorConfig::of_2025_09_03(1).unwrap()).await
    }

    pub(crate) async fn with(config: SimulatorConfig) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        simulator.clock().attach(RUN);
        simulator.spreadsheets().create(
            ID,
            "Journal",
            [Tab::new("Trades").row(["date", "net"]).row(["2025-09-03", "12.5"])],
        );
        let mut sheets = Self { simulator, http: Client::new(), token: String::new() };
        sheets.log_in().await;
        sheets
    }

    pub(crate) async fn log_in(&mut self) {
        let (status, body) = self.grant(&self.assertion(&json!({}))).await;
        assert_eq!(
            (status, &body["expires_in"], &body["token_type"]),
            (StatusCode::OK, &json!(3599), &json!("Bearer")),
            "{body}"
        );
        body["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.simulator.clock().now()
    }

    pub(crate) async fn pass(&self, time: Span) {
        self.simulator.clock().wait(RUN, self.now() + time).await;
    }

    /// A good assertion, but for the claims that are `changed`.
    pub(crate) fn assertion(&self, changed: &Value) -> String {
        let file: Value =
            serde_json::from_str(self.simulator.google_service_account().expose_secret()).unwrap();
        let now = self.now().as_second();
        let mut claims = json!({ "iss": file["client_email"], "aud": file["token_uri"], "scope": SCOPE, "iat": now, "exp": now + 3600 });
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": file["private_key_id"] });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let pem: String =
            file["private_key"].as_str().unwrap().lines().filter(|line| !line.starts_with("-----")).collect();
        let key = KeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) async fn grant(&self, assertion: &str) -> (StatusCode, Value) {
        let form =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        let request = self.http.post(format!("{}/token", self.simulator.google_url()));
        json_of(
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        rest: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Response> {
        let url = format!("{}/v4/spreadsheets/{rest}", self.simulator.google_url());
        let request = self.http.request(method, url).bearer_auth(&self.token).timeout(Duration::from_secs(5));
        body.map_or_else(
            || request.try_clone().unwrap(),
            |body| request.try_clone().unwrap().body(body.to_string()),
        )
        .send()
        .await
    }

    pub(crate) async fn get(&self, rest: &str) -> (StatusCode, Value) {
        json_of(self.send(Method::GET, rest, None).await.unwrap()).await
    }

    pub(crate) async fn post(&self, rest: &str, body: &Value) -> (StatusCode, Value) {
        json_of(self.send(Method::POST, rest, Some(body)).await.unwrap()).await
    }

    /// Appends one row to the table.
    pub(crate) async fn append(&self, text: &str) -> (StatusCode, Value) {
        self.post(&format!("{ID}/values/Trades:append?valueInputOption=RAW"), &json!({ "values": [[text]] }))
            .await
    }

    /// A page for people.
    pub(crate) async fn page(&self, path: &str) -> (StatusCode, String) {
        let response = self.http.get(format!("{}{path}", self.simulator.google_url())).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
