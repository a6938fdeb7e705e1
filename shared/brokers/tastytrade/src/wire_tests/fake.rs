//! A server that answers from a script, a clock that only moves when waited on, and a renewal that remembers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response};
use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::{BrokerFault, Clock, InHand, TokenIssuer, TokenRenewal};
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::{Effect, Price, Vertical};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{ClientAuth, Tastytrade, TastytradeConfig};

pub(super) const START: i64 = 1_790_010_000;
pub(super) const BALANCES: &str = "GET /accounts/5WT00001/balances";
pub(super) const POSITIONS: &str = "GET /accounts/5WT00001/positions";
pub(super) const ORDERS: &str = "POST /accounts/5WT00001/orders";
pub(super) const TOKEN: &str = "POST /oauth/token";

/// One scripted answer.
#[derive(Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Announces more than it sends, so that the connection breaks within the answer.
    cut: bool,
    /// What the exchange takes on the test's clock.
    takes: Duration,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), cut: false, takes: Duration::ZERO }
    }

    pub(super) fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    pub(super) fn created(id: u64) -> Self {
        Self::new(201, json!({"data": {"order": {"id": id, "account-number": "5WT00001", "status": "Received"}, "warnings": []}}).to_string())
    }

    pub(super) fn token(access: &str) -> Self {
        Self::json(
            &json!({"expires_in": 900, "token_type": "Bearer", "access_token": access, "id_token": "canary-id"}),
        )
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn cut(mut self) -> Self {
        self.cut = true;
        self.body.push(' ');
        self
    }

    pub(super) const fn takes(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Method and path.
    pub(super) target: String,
    pub(super) query: String,
    pub(super) authorization: String,
    pub(super) user_agent: String,
    pub(super) body: String,
}

#[derive(Default)]
struct Script {
    replies: HashMap<String, VecDeque<Reply>>,
    seen: Vec<Seen>,
}

/// Starts at [`START`]; moves when somebody waits, or by what a scripted exchange takes.
pub(super) struct TestClock(Mutex<Timestamp>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.0.lock().unwrap();
        *now = at.max(*now);
    }
}

impl TestClock {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Timestamp::from_second(START).unwrap()))
    }

    fn advance(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }

    pub(super) fn elapsed(&self) -> Duration {
        Duration::try_from(self.now().duration_since(Timestamp::from_second(START).unwrap())).unwrap()
    }
}

/// Renews alone: nobody shares the token. Every document obtained, and every note.
#[derive(Default)]
pub(super) struct Alone {
    pub(super) obtained: Mutex<Vec<SecretString>>,
    pub(super) notes: Mutex<Vec<String>>,
}

#[async_trait]
impl TokenRenewal for Alone {
    async fn renew(
        &self,
        held: &SecretString,
        _: InHand,
        issuer: &dyn TokenIssuer,
    ) -> Result<SecretString, BrokerFault> {
        let refreshed = issuer.refresh(held).await?;
        self.obtained.lock().unwrap().push(refreshed.clone());
        Ok(refreshed)
    }

    fn trouble(&self, note: String) {
        self.notes.lock().unwrap().push(note);
    }
}

/// An adapter and everything around it.
pub(super) struct Stage {
    pub(super) broker: Tastytrade,
    pub(super) clock: Arc<TestClock>,
    pub(super) alone: Arc<Alone>,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

/// A token good for another `seconds`.
pub(super) fn token_text(seconds: i64) -> SecretString {
    let document = json!({"refresh_token": "canary-refresh-1", "access_token": "canary-access-1", "token_type": "Bearer", "expires_in": 900,
        "creation_timestamp": START + seconds - 900, "expires_at": START + seconds});
    SecretString::from(document.to_string())
}

pub(super) fn config(base_url: String, seconds: i64) -> TastytradeConfig {
    TastytradeConfig {
        base_url,
        client_id: Some(SecretString::from("canary-id")),
        client_secret: SecretString::from("canary-secret"),
        client_auth: ClientAuth::Body,
        token_text: token_text(seconds),
        account_number: "5WT00001".to_owned(),
        root: "SPXW".to_owned(),
    }
}

impl Stage {
    /// A token that needs no refresh.
    pub(super) async fn new() -> Self {
        Self::with_token_for(900).await
    }

    pub(super) async fn with_token_for(seconds: i64) -> Self {
        Self::configured(|url| config(url, seconds)).await
    }

    pub(super) async fn configured(config: impl FnOnce(String) -> TastytradeConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::default();
        let clock = Arc::new(TestClock::new());
        let router = Router::new().fallback(answer).with_state((Arc::clone(&script), Arc::clone(&clock)));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = HttpClient::new(&HttpConfig::default()).unwrap();
        let alone = Arc::new(Alone::default());
        let broker = Tastytrade::new(http, config(base_url), clock.clone(), alone.clone()).unwrap();
        Self { broker, clock, alone, script, server }
    }

    /// Scripts the answers to `target`, in order; the last one stays.
    pub(super) fn on(&self, target: &str, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies.insert(target.to_owned(), replies.into_iter().collect());
    }

    /// Requests to `target` so far.
    pub(super) fn seen(&self, target: &str) -> Vec<Seen> {
        self.script.lock().unwrap().seen.iter().filter(|seen| seen.target == target).cloned().collect()
    }

    /// Every request so far.
    pub(super) fn all_seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    /// Method and path of every request so far.
    pub(super) fn targets(&self) -> Vec<String> {
        self.script.lock().unwrap().seen.iter().map(|seen| seen.target.clone()).collect()
    }

    /// Stops listening. Every answer closes its connection, so whatever comes next finds nobody.
    pub(super) async fn stop_server(&mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }
}

async fn answer(
    State((script, clock)): State<(Arc<Mutex<Script>>, Arc<TestClock>)>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let header =
        |name: &str| head.headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let seen = Seen {
        target: format!("{} {}", head.method, head.uri.path()),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: header("authorization"),
        user_agent: header("user-agent"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let reply = {
        let mut script = script.lock().unwrap();
        let replies = script.replies.get_mut(&seen.target);
        let reply =
            replies.and_then(
                |replies| if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() },
            );
        script.seen.push(seen);
        reply.unwrap_or_else(|| Reply::new(418, "not scripted"))
    };
    clock.advance(reply.takes);
    let mut builder = Response::builder().status(reply.status).header("connection", "close");
    for (name, value) in &reply.headers {
        builder = builder.header(*name, HeaderValue::from_str(value).unwrap());
    }
    if reply.cut {
        builder = builder.header("content-length", reply.body.len() + 10);
    }
    builder.body(Body::from(reply.body)).unwrap()
}

/// Two put credit spreads at 1.15.
pub(super) fn order() -> PackageOrder {
    PackageOrder {
        package: Vertical::new("SPXW260821P5900".parse().unwrap(), "SPXW260821P5895".parse().unwrap())
            .unwrap()
            .into(),
        effect: Effect::Credit,
        quantity: 2,
        price: Price::cents(115),
    }
}
