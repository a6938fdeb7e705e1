//! The feed over a loopback server that says what a test scripts and writes down what it was asked.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use gamma_execution::ports::{Clock, SignalError, SignalSource};
use gamma_gammawizard::{GammaWizard, GammaWizardConfig};
use gamma_http::{HttpClient, HttpConfig};
use jiff::Timestamp;

const ROW: &str = r#"{"Trade": {"Date": "2026-02-11", "TDate": "2026-02-12", "Limit": 6900}}"#;
const AMPLE: Duration = Duration::from_secs(60);
const EMAIL: &str = "canary+email@example.org";
const PASSWORD: &str = "canary-p&ss=w%rd \"1\"";
const OLD_TOKEN: &str = "canary-old-token";
const NEW_LOGIN: &str = r#"{"token": "canary-new-token"}"#;

/// Time that moves only when somebody waits.
struct StepClock(Mutex<Timestamp>);

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

#[derive(Clone)]
enum Answer {
    Says(u16, String),
    Hangs,
}

fn says(status: u16, body: &str) -> Answer {
    Answer::Says(status, body.to_owned())
}

/// Scripted answers, first to last, and the requests they answered.
#[derive(Clone)]
struct Server {
    script: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn answer(
        State(server): State<Self>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, String) {
        let header = |name| headers.get(name).map_or("-", |value| value.to_str().unwrap());
        let asked = match method {
            Method::GET => format!("GET {uri} {}", header("authorization")),
            _ => format!("{method} {uri} {} {}", header("content-type"), String::from_utf8_lossy(&body)),
        };
        server.asked.lock().unwrap().push(asked);
        let next = server.script.lock().unwrap().pop_front();
        match next.expect("the client asked more often than the script foresees") {
            Answer::Says(status, body) => (StatusCode::from_u16(status).unwrap(), body),
            Answer::Hangs => std::future::pending().await,
        }
    }
}

/// A feed before a server with this script.
struct Bench {
    server: Server,
    clock: Arc<StepClock>,
    feed: GammaWizard,
}

impl Bench {
    async fn new(token: Option<&str>, script: impl IntoIterator<Item = Answer>) -> Self {
        Self::with_login(token, EMAIL, PASSWORD, script).await
    }

    async fn with_login(
        token: Option<&str>,
        email: &str,
        password: &str,
        script: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let server =
            Server { script: Arc::new(Mutex::new(script.into_iter().collect())), asked: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new().fallback(Server::answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let clock = Arc::new(StepClock(Mutex::new("2026-02-11T21:13:00Z".parse().unwrap())));
        let config = GammaWizardConfig {
            base_url,
            endpoint: "rapi/GetUltraPureConstantStable".into(),
            email: email.into(),
            password: password.into(),
            token: token.map(Into::into),
        };
        assert!(!format!("{config:?}").contains("canary"));
        let feed = GammaWizard::new(HttpClient::new(&HttpConfig::default()).unwrap(), config, clock.clone());
        Self { server, clock, feed }
    }

    async fn days(&self) -> Result<Vec<String>, SignalError> {
        let view = self.feed.read(AMPLE).await?;
        Ok(view.rows.iter().map(|row| row.date.to_string()).collect())
    }

    /// The requests so far, in short: `old` and `new` for reads with that token, `login` for logins.
    fn asked(&self) -> Vec<&'static str> {
        let read = |token: &str| format!("GET /rapi/GetUltraPureConstantStable Bearer {token}");
        let asked = self.server.asked.lock().unwrap();
        let short = |line: &String| match line {
            line if *line == read("canary-old-token") => "old",
            line if *line == read("canary-new-token") => "new",
            line if *line == login() => "login",
            line => panic!("unexpected request {line}"),
        };
        asked.iter().map(short).collect()
    }

    fn logins(&self) -> usize {
        self.asked().iter().filter(|what| **what == "login").count()
    }

    fn waited_ms(&self) -> i128 {
        let start: Timestamp = "2026-02-11T21:13:00Z".parse().unwrap();
        self.clock.now().duration_since(start).as_millis()
    }
}

fn login() -> String {
    let form = "email=canary%2Bemail%40example.org&password=canary-p%26ss%3Dw%25rd%20%221%22";
    format!("POST /goauth/authenticateFireUser application/x-www-form-urlencoded {form}")
}

#[tokio::test]
async fn which_credentials_are_tried_and_in_which_order() {
    let bearer = format!(" \"Bearer {OLD_TOKEN}\" ");
    let row = || says(200, ROW);
    for (name, token, script, asked) in [
        ("a good token needs no login", Some(OLD_TOKEN), vec![row()], vec!["old"]),
        ("a token as pasted", Some(bearer.as_str()), vec![row()], vec!["old"]),
        ("no token", None, vec![says(200, NEW_LOGIN), row()], vec!["login", "new"]),
        ("an empty token", Some("\"\""), vec![says(200, NEW_LOGIN), row()], vec!["login", "new"]),
        (
            "a token refused",
            Some(OLD_TOKEN),
            vec![says(401, ""), says(200, NEW_LOGIN), row()],
            vec!["old", "login", "new"],
        ),
        (
            "a token forbidden",
            Some(OLD_TOKEN),
            vec![says(403, ""), says(201, NEW_LOGIN), row()],
            vec!["old", "login", "new"],
        ),
        (
            "the other spelling",
            None,
            vec![says(200, r#"{"Token": "Bearer canary-new-token"}"#), row()],
            vec!["login", "new"],
        ),
    ] {
        let bench = Bench::new(token, script).await;
        assert_eq!(bench.days().await.unwrap(), ["2026-02-11"], "{name}");
        assert_eq!(bench.asked(), asked, "{name}");
        assert_eq!(bench.waited_ms(), 0, "{name}");
    }
}

#[tokio::test]
async fn the_token_of_a_login_serves_later_reads_until_it_is_refused() {
    let (ok, login) = (|| says(200, ROW), || says(200, NEW_LOGIN));
    let bench =
        Bench::new(Some(OLD_TOKEN), [says(401, ""), login(), ok(), ok(), says(401, ""), login(), ok()]).await;
    for _ in 0..3 {
        bench.days().await.unwrap();
    }
    assert_eq!(bench.asked(), ["old", "login", "new", "new", "new", "login", "new"]);
}

/// Reads every second, as a run does, until a row or a refusal that is final; with the seconds at which a
/// login was made.
async fn read_each_second(bench: &Bench) -> (Result<Vec<String>, SignalError>, Vec<i128>) {
    let mut logins = Vec::new();
    for _ in 0..100 {
        let (made, at) = (bench.logins(), bench.waited_ms() / 1000);
        let result = bench.days().await;
        logins.extend((made..bench.logins()).map(|_| at));
        match result {
            Err(SignalError::Unavailable(_)) => {
                bench.clock.sleep_until(bench.clock.now() + Duration::from_secs(1)).await
            }
            done => return (done, logins),
        }
    }
    panic!("no end")
}

#[tokio::test]
async fn refused_logins_are_few_and_apart_then_an_operator_is_needed() {
    for (name, script, message) in [
        ("refused", vec![says(401, "")], "signal login: email and password refused with status 401"),
        ("bad request", vec![says(400, "")], "signal login: email and password refused with status 400"),
        (
            "forbidden",
            vec![says(403, r#"{"message": "locked"}"#)],
            "signal login: email and password refused with status 403",
        ),
        ("no token", vec![says(200, r#"{"error": "x"}"#)], "signal login: token: none in the login's answer"),
    ] {
        let bench = Bench::new(None, vec![script; 3].concat()).await;
        let (end, logins) = read_each_second(&bench).await;
        let error = end.unwrap_err();
        assert!(matches!(error, SignalError::Login(_)), "{name}: {error:?}");
        assert!(error.to_string().starts_with(message), "{name}: {error}");
        assert_eq!(logins, [0, 3, 9], "{name}");
        assert!(matches!(bench.days().await, Err(SignalError::Login(_))), "{name}: nobody logs in again");
        assert_eq!(bench.logins(), 3, "{name}");
    }
    for (email, password) in [("", PASSWORD), (EMAIL, "")] {
        let bench = Bench::with_login(None, email, password, []).await;
        assert!(matches!(bench.days().await, Err(SignalError::Login(_))));
        assert_eq!(bench.asked().len(), 0);
    }
}

#[tokio::test]
async fn tokens_that_are_refused_again_and_again_make_three_logins() {
    let (no, login) = (|| says(401, ""), || says(200, NEW_LOGIN));
    // Each second the token at hand is read with; at 0, 3 and 9 a login is made.
    let each = |seconds: usize| vec![no(); seconds];
    let script =
        [each(1), vec![login(), no()], each(3), vec![login(), no()], each(6), vec![login(), no()]].concat();
    let bench = Bench::new(Some(OLD_TOKEN), script).await;
    let (end, logins) = read_each_second(&bench).await;
    assert!(matches!(end, Err(SignalError::Login(_))), "{end:?}");
    assert_eq!(logins, [0, 3, 9]);
}

#[tokio::test]
async fn two_seconds_of_refusals_or_edge_pages_cost_seconds() {
    let (no, login, row) = (|| says(401, ""), || says(200, NEW_LOGIN), || says(200, ROW));
    let page = || says(403, "\n<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD></HTML>");
    for (name, token, password, script, logins, seconds) in [
        ("the login refuses", None, PASSWORD, vec![no(), login(), row()], vec![0, 3], 3),
        (
            "the login refuses a token's heir",
            Some(OLD_TOKEN),
            PASSWORD,
            vec![no(), no(), no(), row()],
            vec![0],
            2,
        ),
        (
            "the feed refuses, its login does not",
            None,
            PASSWORD,
            vec![login(), no(), no(), row()],
            vec![0],
            2,
        ),
        ("the feed refuses and there is no login", Some(OLD_TOKEN), "", vec![no(), no(), row()], vec![], 2),
        ("a page before the feed", Some(OLD_TOKEN), PASSWORD, vec![page(), page(), row()], vec![], 2),
        ("a page before the login", None, PASSWORD, vec![page(), login(), row()], vec![0, 3], 3),
        (
            "pages for a minute",
            Some(OLD_TOKEN),
            PASSWORD,
            [vec![page(); 60], vec![row()]].concat(),
            vec![],
            60,
        ),
        (
            "a page after a refusal",
            None,
            PASSWORD,
            vec![no(), page(), no(), login(), row()],
            vec![0, 3, 6, 12],
            12,
        ),
    ] {
        let bench = Bench::with_login(token, EMAIL, password, script).await;
        let (end, made) = read_each_second(&bench).await;
        assert_eq!(end.expect(name), ["2026-02-11"], "{name}");
        assert_eq!((made, bench.waited_ms() / 1000), (logins, seconds), "{name}");
    }
}

#[tokio::test]
async fn a_login_that_is_made_early_counts_among_the_three() {
    let no = || says(401, "");
    let bench = Bench::new(None, [no(), no(), no()]).await;
    bench.feed.prepare(AMPLE).await;
    assert!(matches!(bench.days().await, Err(SignalError::Unavailable(_))), "not three seconds later");
    let (end, logins) = read_each_second(&bench).await;
    assert!(matches!(end, Err(SignalError::Login(_))));
    assert_eq!(logins, [3, 9]);
}

#[tokio::test]
async fn transient_errors_are_retried_and_lasting_ones_given_up() {
    let down = || says(503, "");
    for (name, script, asked, waited) in [
        ("the read, once", vec![down(), says(200, ROW)], vec!["old"; 2], 300),
        ("the read, twice", vec![says(500, ""), down(), says(200, ROW)], vec!["old"; 3], 900),
        (
            "the login",
            vec![says(401, ""), down(), says(200, NEW_LOGIN), down(), says(200, ROW)],
            vec!["old", "login", "login", "new", "new"],
            600,
        ),
    ] {
        let bench = Bench::new(Some(OLD_TOKEN), script).await;
        assert_eq!(bench.days().await.unwrap(), ["2026-02-11"], "{name}");
        assert_eq!((bench.asked(), bench.waited_ms()), (asked, waited), "{name}");
    }
    for (token, asked) in [(Some(OLD_TOKEN), "old"), (None, "login")] {
        let bench = Bench::new(token, vec![down(); 3]).await;
        let error = bench.days().await.unwrap_err();
        assert!(
            matches!(&error, SignalError::Unavailable(why) if why.ends_with("status 503 (try 3, the last)")),
            "{error}"
        );
        assert_eq!((bench.asked(), bench.waited_ms()), (vec![asked; 3], 900));
    }
}

#[tokio::test]
async fn other_answers_are_final_at_once() {
    for (status, body, message) in [
        (400, "", "signal answer: status of GET http://"),
        (404, ROW, "signal answer: status of GET http://"),
        (302, ROW, "signal answer: status of GET http://"),
        (429, "", "signal feed unavailable: the feed answered 429"),
        (200, "<html>", "signal answer: body: got 6 bytes"),
        (200, "[]", "signal answer: rows: got an empty list"),
        (200, r#"{"Trade": {"Limit": 6900}}"#, "signal answer: Date: got nothing"),
    ] {
        let bench = Bench::new(Some(OLD_TOKEN), [says(status, body)]).await;
        let error = bench.days().await.unwrap_err().to_string();
        assert!(error.starts_with(message), "{status}: {error}");
        assert_eq!((bench.asked(), bench.waited_ms()), (vec!["old"], 0), "{status}");
    }
    let bench = Bench::new(None, [says(429, "")]).await;
    assert!(matches!(bench.days().await, Err(SignalError::Unavailable(_))));
    assert_eq!(bench.asked(), ["login"]);
}

#[tokio::test]
async fn the_budget_bounds_calls_waits_and_tries() {
    // A wait of 0.3 s fits into half a second, the next one of 0.6 s does not.
    let bench = Bench::new(Some(OLD_TOKEN), vec![says(500, ""); 2]).await;
    let error = bench.feed.read(Duration::from_millis(500)).await.unwrap_err();
    assert!(error.to_string().ends_with("status 500 (try 2, the last)"), "{error}");
    assert_eq!(bench.waited_ms(), 300);

    // A call may not outlast the budget: the usual limit of 10 s would end in the outer one.
    let bench = Bench::new(Some(OLD_TOKEN), [Answer::Hangs]).await;
    let call = tokio::time::timeout(Duration::from_secs(5), bench.feed.read(Duration::from_millis(50)));
    let error = call.await.expect("the call outlasted its budget").unwrap_err();
    assert!(
        matches!(&error, SignalError::Unavailable(why) if why.contains("answer lost") && why.ends_with("(try 1, the last)")),
        "{error}"
    );

    let bench = Bench::new(Some(OLD_TOKEN), []).await;
    let error = bench.feed.read(Duration::ZERO).await.unwrap_err();
    assert!(
        matches!(&error, SignalError::Unavailable(why) if why.ends_with("no time left for try 1")),
        "{error}"
    );
    assert_eq!(bench.asked().len(), 0);
}

#[tokio::test]
async fn a_feed_that_is_not_there_is_unavailable_after_the_tries() {
    // Bound and not listening: refuses, and nobody else is given its port meanwhile.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = deaf.local_addr().unwrap();
    let clock = Arc::new(StepClock(Mutex::new(Timestamp::UNIX_EPOCH)));
    let http = HttpClient::new(&HttpConfig::default()).unwrap();
    let config = GammaWizardConfig {
        base_url: format!("http://{nobody}"),
        endpoint: "/rapi/x".into(),
        email: EMAIL.into(),
        password: PASSWORD.into(),
        token: None,
    };
    let error = GammaWizard::new(http.clone(), config, clock).read(AMPLE).await.unwrap_err();
    assert!(matches!(&error, SignalError::Unavailable(why) if why.contains("not connected")), "{error}");
    assert_eq!(http.requests_sent(), 3);
}

/// A place for log lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_error_and_no_log_line_holds_a_credential() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let echo = format!("<html>{EMAIL} {PASSWORD} {OLD_TOKEN}");
    let echoes = |status| says(status, &echo);
    for script in [
        vec![echoes(401), echoes(401)],
        vec![echoes(401), echoes(200)],
        vec![echoes(401), says(200, NEW_LOGIN), echoes(401)],
        vec![echoes(403)],
        vec![echoes(401), echoes(403)],
        vec![echoes(401), says(200, NEW_LOGIN), echoes(500), echoes(500), echoes(500)],
        vec![echoes(500), echoes(401), echoes(500), echoes(500), echoes(500)],
        vec![echoes(404)],
        vec![echoes(200)],
    ] {
        let expected = script.len();
        let bench = Bench::new(Some(OLD_TOKEN), script).await;
        let error = bench.feed.read(AMPLE).await.unwrap_err();
        assert_eq!(bench.asked().len(), expected);
        let shown = format!("{error} {error:?} {:?}", bench.feed);
        assert!(!shown.contains("canary"), "{shown}");
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("signal feed failed, trying again"), "the log was not caught");
    let leak = logged.lines().find(|line| line.contains("canary") || line.contains("%26ss"));
    assert_eq!(leak, None);
}

#[tokio::test]
async fn a_login_made_while_there_is_time_is_not_made_again() {
    let bench = Bench::new(None, [says(200, NEW_LOGIN), says(200, ROW)]).await;
    bench.feed.prepare(AMPLE).await;
    assert_eq!(bench.days().await.unwrap(), ["2026-02-11"]);
    assert_eq!(bench.asked(), ["login", "new"]);
    // One that fails then is made by the read.
    let bench = Bench::new(None, [says(401, ""), says(200, NEW_LOGIN), says(200, ROW)]).await;
    bench.feed.prepare(AMPLE).await;
    bench.clock.sleep_until(bench.clock.now() + Duration::from_secs(3)).await;
    assert_eq!(bench.days().await.unwrap(), ["2026-02-11"]);
    let bench = Bench::new(Some(OLD_TOKEN), [says(200, ROW)]).await;
    bench.feed.prepare(AMPLE).await;
    assert_eq!(
        (bench.days().await.unwrap().len(), bench.asked()),
        (1, vec!["old"]),
        "a token at hand is tried first"
    );
}
