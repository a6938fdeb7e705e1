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

use crate::{Schwab, SchwabConfig};

pub(super) const HASH: &str = "A1B2C3D4";
pub(super) const START: i64 = 1_790_010_000;
pub(super) const ACCOUNTS: &str = "GET /trader/v1/accounts/accountNumbers";
pub(super) const ORDERS: &str = "POST /trader/v1/accounts/A1B2C3D4/orders";
pub(super) const TOKEN: &str = "POST /v1/oauth/token";

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

    pub(super) fn created(id: &str) -> Self {
        Self::new(201, "")
            .header("location", format!("https://api.example.com/trader/v1/accounts/{HASH}/orders/{id}"))
    }

    pub(super) fn token(access: &str, refresh: &str) -> Self {
        Self::json(
            &json!({"expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": refresh, "access_token": access, "id_token": "canary-id"}),
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
    pub(super) schwab: Schwab,
    pub(super) clock: Arc<TestClock>,
    pub(super) alone: Arc<Alone>,
    script: Arc<Mutex<Script>>,
    server: JoinHandle<()>,
}

/// A token good for another `seconds`, logged in 6.5 days ago.
pub(super) fn token_text(seconds: i64) -> SecretString {
    let document = json!({"creation_timestamp": START - 561_600, "token": {"expires_in": 1800, "token_type": "Bearer", "scope": "api",
        "refresh_token": "canary-refresh-1", "access_token": "canary-access-1", "expires_at": START + seconds}});
    SecretString::from(document.to_string())
}

impl Stage {
    /// A token that needs no refresh.
    pub(super) async fn new() -> Self {
        Self::with_token_for(1800, None).await
    }

    pub(super) async fn with_token_for(seconds: i64, account: Option<&str>) -> Self {
        let alone = Arc::new(Alone::default());
        let mut stage = Self::renewed_through(seconds, account, alone.clone()).await;
        stage.alone = alone;
        stage
    }

    /// A token that is renewed through `renewal`.
    pub(super) async fn renewed_through(
        seconds: i64,
        account: Option<&str>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::default();
        let clock = Arc::new(TestClock::new());
        let router = Router::new().fallback(answer).with_state((Arc::clone(&script), Arc::clone(&clock)));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let config = SchwabConfig {
            base_url,
            app_key: SecretString::from("canary-key"),
            app_secret: SecretString::from("canary-secret"),
            token_text: token_text(seconds),
            account_number: account.map(str::to_owned),
        };
        let http = HttpClient::new(&HttpConfig::default()).unwrap();
        let schwab = Schwab::new(http, config, clock.clone(), renewal).unwrap();
        let stage = Self { schwab, clock, alone: Arc::default(), script, server };
        stage.on(ACCOUNTS, [Reply::json(&json!([{"accountNumber": "12345678", "hashValue": HASH}]))]);
        stage
    }

    /// Scripts the answers to `target`, in order; the last one stays.
    pub(super) fn on(&self, target: &str, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies.insert(target.to_owned(), replies.into_iter().collect());
    }

    /// Requests to `target` so far.
    pub(super) fn seen(&self, target: &str) -> Vec<Seen> {
        self.script.lock().unwrap().seen.iter().filter(|seen| seen.target == target).cloned().collect()
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
    let seen = Seen {
        target: format!("{} {}", head.method, head.uri.path()),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: head
            .headers
            .get("authorization")
            .map_or(String::new(), |value| value.to_str().unwrap().to_owned()),
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
