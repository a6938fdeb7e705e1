//! A Google that says what a test scripts and writes down what it was asked; it takes only assertions that
//! its key signed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpConfig};
use gamma_sheets::{ServiceAccount, Sheets, SheetsConfig, SheetsTokens};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const TOKEN: &str = "POST /token";
pub(crate) const TABS: &str = "GET /v4/spreadsheets/sheet-1";
pub(crate) const CELLS: &str = "GET /v4/spreadsheets/sheet-1/values:batchGet";
pub(crate) const CHANGES: &str = "POST /v4/spreadsheets/sheet-1:batchUpdate";
pub(crate) const START: &str = "2026-08-14T20:20:00Z";

/// One key for all tests: making it takes a moment.
pub(crate) fn key() -> &'static RsaKeyPair {
    static KEY: OnceLock<RsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

/// The key as Google's file holds it.
pub(crate) fn pem() -> String {
    let der: Pkcs8V1Der<'_> = key().as_der().unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
}

/// Google's file.
pub(crate) fn key_file(token_uri: &str) -> Value {
    json!({"type": "service_account", "project_id": "p", "private_key_id": "canary-key-id", "private_key": pem(),
        "client_email": "canary@p.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri})
}

pub(crate) fn account(file: &Value) -> ServiceAccount {
    ServiceAccount::parse(&SecretString::from(file.to_string())).unwrap()
}

/// Time that moves only when somebody waits.
pub(crate) struct StepClock(Mutex<Timestamp>);

#[async_trait]
impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut now = self.0.lock().unwrap();
        *now = at.max(*now);
    }
}

impl StepClock {
    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }

    pub(crate) fn waited_ms(&self) -> i128 {
        self.now().duration_since(START.parse().unwrap()).as_millis()
    }
}

/// One scripted answer.
#[derive(Clone)]
pub(crate) enum Reply {
    Says(u16, String),
    /// 429 with a `Retry-After`.
    Later(&'static str),
    /// Announces more than it sends.
    Breaks,
    Hangs,
}

pub(crate) fn says(status: u16, body: &Value) -> Reply {
    Reply::Says(status, body.to_string())
}

pub(crate) fn fails(status: u16) -> Reply {
    says(
        status,
        &json!({"error": {"code": status, "message": "canary-access-1\nsaid Google", "status": "WORDS"}}),
    )
}

pub(crate) fn token(name: &str) -> Reply {
    says(200, &json!({"access_token": name, "expires_in": 3599, "token_type": "Bearer"}))
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) query: String,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Script {
    replies: HashMap<&'static str, VecDeque<Reply>>,
    seen: Vec<Seen>,
}

/// A spreadsheet client before that Google.
pub(crate) struct Bench {
    script: Arc<Mutex<Script>>,
    pub(crate) clock: Arc<StepClock>,
    pub(crate) url: String,
    pub(crate) http: HttpClient,
    pub(crate) tokens: SheetsTokens,
}

impl Bench {
    /// It gives the token `canary-access-1` until told otherwise.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = Arc::new(StepClock(Mutex::new(START.parse().unwrap())));
        let bench = Self {
            script,
            clock,
            url,
            http: HttpClient::new(&HttpConfig::default()).unwrap(),
            tokens: SheetsTokens::default(),
        };
        bench.on(TOKEN, [token("canary-access-1")]);
        bench
    }

    /// Scripts the answers to `target`, in order; the last one stays.
    pub(crate) fn on(&self, target: &'static str, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies.insert(target, replies.into_iter().collect());
    }

    /// A client whose deadline is `seconds` after the start.
    pub(crate) fn sheets_for(&self, seconds: i64) -> Sheets {
        let deadline = START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds);
        let config =
            SheetsConfig { base_url: format!("{}/", self.url), spreadsheet: "sheet-1".to_owned(), deadline };
        let account = account(&key_file(&format!("{}/token", self.url)));
        Sheets::new(self.http.clone(), self.clock.clone(), config, account, self.tokens.clone())
    }

    pub(crate) fn sheets(&self) -> Sheets {
        self.sheets_for(120)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.target).collect()
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let header =
        |name: &str| head.headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let seen = Seen {
        target: format!("{} {}", head.method, head.uri.path()),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: header("authorization"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let reply = {
        let mut script = script.lock().unwrap();
        let replies = script.replies.get_mut(seen.target.as_str());
        let reply =
            replies.and_then(
                |replies| if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() },
            );
        script.seen.push(seen);
        reply.unwrap_or_else(|| Reply::Says(418, "not scripted".to_owned()))
    };
    let builder = Response::builder();
    match reply {
        Reply::Says(status, body) => builder.status(status).body(Body::from(body)),
        Reply::Later(seconds) => builder.status(429).header("retry-after", seconds).body(Body::empty()),
        Reply::Breaks => builder
            .status(200)
            .header("connection", "close")
            .header("content-length", "10")
            .body(Body::from("{")),
        Reply::Hangs => std::future::pending().await,
    }
    .unwrap()
}

/// Header and claims of an assertion as the token endpoint was asked with, its signature checked against the
/// key.
pub(crate) fn assertion(form: &str) -> (Value, Value) {
    let text = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key().public_key().as_ref());
    public.verify(signed.as_bytes(), &bytes(signature)).expect("signed by the account's key");
    let (header, claims) = signed.split_once('.').unwrap();
    let json = |part| serde_json::from_slice(&bytes(part)).unwrap();
    (json(header), json(claims))
}
