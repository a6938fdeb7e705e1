//! The function that keeps the tokens, borrowed tokens, and what the functions count, through the unmodified
//! functions. Needs moto: scripts/test runs these.

use std::collections::BTreeMap;

use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{Answer, CANARIES, SCHWAB, Stack, StackConfig, TASTYTRADE_TOKEN, TOKEN, TT_IRA};
use gamma_tests::token_keeper::TOKEN_KEEPER;
use jiff::SignedDuration;
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../events/token-keeper.json");
const LIVE: &str = include_str!("../../events/schwab.json");
const SWEEP: &str = include_str!("../../events/sweep.json");
const WARM_UP: &str = include_str!("../../events/warmup.json");
const STALE: &str = include_str!("../../events/refused/stale.json");

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn config() -> StackConfig {
    let environment = BTreeMap::from([("GAMMA_METRICS".to_owned(), "gamma".to_owned())]);
    StackConfig { token_keeper: true, environment, ..StackConfig::of_seed(1) }
}

fn with(mut config: StackConfig, variable: &str, value: &str) -> StackConfig {
    config.environment.insert(variable.to_owned(), value.to_owned());
    config
}

async fn stack(config: &StackConfig) -> (Stack, Moto) {
    let moto = Moto::start().await.expect("moto starts");
    (Stack::start(&moto, config).await.expect("the stack starts"), moto)
}

async fn keep(stack: &Stack) -> Answer {
    let answer = stack.invoke_function(TOKEN_KEEPER, EVENT).await.unwrap();
    for line in stack.host.logs(&answer.request_id).iter().chain([&answer.body.to_string()]) {
        assert!(CANARIES.iter().all(|(_, secret)| !line.contains(secret)), "{line}");
    }
    answer
}

fn refreshes(stack: &Stack) -> (usize, usize) {
    let requests = stack.simulator.requests();
    let of = |service, path| {
        requests.iter().filter(|request| request.service == service && request.path == path).count()
    };
    (of(Service::Schwab, "/v1/oauth/token"), of(Service::Tastytrade, "/oauth/token"))
}

/// Versions of the two token documents.
async fn versions(stack: &Stack) -> (i64, i64) {
    (stack.token().await.unwrap().1, stack.token_of(TASTYTRADE_TOKEN).await.unwrap().1)
}

/// What an invocation counted and measured: name, dimension's value, value.
fn metrics(stack: &Stack, answer: &Answer) -> Vec<(String, String, i64)> {
    let lines = stack.host.logs(&answer.request_id);
    let lines = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
    let found = lines.filter(|line| line.get("_aws").is_some()).map(|line| {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (directive["Namespace"].as_str(), line["_aws"]["Timestamp"].is_i64()),
            (Some("gamma"), true),
            "{line}"
        );
        let (name, dimension) = (
            directive["Metrics"][0]["Name"].as_str().unwrap(),
            directive["Dimensions"][0][0].as_str().unwrap(),
        );
        (name.to_owned(), line[dimension].as_str().unwrap().to_owned(), line[name].as_i64().unwrap())
    });
    found.collect()
}

fn counted(name: &str, of: &str) -> (String, String, i64) {
    (name.to_owned(), of.to_owned(), 1)
}

fn alarms(stack: &Stack, answer: &Answer, words: &str) -> usize {
    stack
        .host
        .logs(&answer.request_id)
        .iter()
        .filter(|line| line.contains("\"alarm\":true") && line.contains(words))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_round_refreshes_each_document_once_and_a_second_none() {
    let (stack, _moto) = stack(&config()).await;
    let before = versions(&stack).await;
    let answer = keep(&stack).await;
    assert_eq!(
        (answer.function_error.as_deref(), &answer.body["status"]),
        (None, &json!("ok")),
        "{}",
        answer.body
    );
    assert_eq!((refreshes(&stack), versions(&stack).await), ((1, 1), (before.0 + 1, before.1 + 1)));
    let logins = answer.body["logins"].as_array().unwrap();
    assert_eq!(
        (&logins[0]["document"], &logins[0]["accounts"], &logins[0]["hours_left"]),
        (&json!(TOKEN), &json!(["schwab"]), &json!(144))
    );
    assert_eq!(
        (&logins[1]["document"], &logins[1]["accounts"], &logins[1]["hours_left"]),
        (&json!(TASTYTRADE_TOKEN), &json!(["tt-ira", "tt-individual"]), &Value::Null)
    );
    assert!(
        logins.iter().all(|login| login["refreshed"] == true && login["token"]["token"] == "saved"),
        "{}",
        answer.body
    );
    assert_eq!(metrics(&stack, &answer), [("LoginHoursLeft".to_owned(), "schwab".to_owned(), 144)]);
    assert_eq!(alarms(&stack, &answer, ""), 0);
    // No more secrets than that: neither the feed's login nor an account's number or sizing.
    let again = keep(&stack).await;
    assert!(
        again.body["logins"]
            .as_array()
            .unwrap()
            .iter()
            .all(|login| login["refreshed"] == false && login["token"]["token"] == "unchanged"),
        "{}",
        again.body
    );
    assert_eq!((refreshes(&stack), versions(&stack).await), ((1, 1), (before.0 + 1, before.1 + 1)));
    // The run finds fresh tokens.
    for trader in [SCHWAB, TT_IRA] {
        let event =
            json!({ "account": trader.account, "scheduled_time": "2025-09-03T20:13:00Z" }).to_string();
        assert_eq!(stack.invoke_of(trader, &event).await.unwrap().body["token"]["token"], "unchanged");
    }
    assert_eq!(refreshes(&stack), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn it_reads_nothing_but_applications_tokens_and_mail() {
    let unread =
        ["/gamma/shared/gw_email", "/gamma/shared/gw_password"].map(|name| (name.to_owned(), String::new()));
    let (stack, _moto) = stack(&StackConfig { parameters: unread.into(), ..config() }).await;
    assert_eq!(keep(&stack).await.body["status"], "ok");
    for (event, error_type) in [
        ("{}", "EmptyEvent"),
        ("{\"refresh\":{},\"account\":\"schwab\"}", "MalformedEvent"),
        (LIVE, "MalformedEvent"),
    ] {
        let answer = stack.invoke_function(TOKEN_KEEPER, event).await.unwrap();
        assert_eq!(answer.error_type(), error_type, "{}", answer.body);
        assert_eq!(metrics(&stack, &answer), [counted("Failed", error_type)]);
    }
    assert_eq!(refreshes(&stack), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_ending_login_is_notified_after_the_rest_is_refreshed() {
    let moto = Moto::start().await.unwrap();
    for (days, error_type, hours, severity) in [
        (4, "", 72, ""),
        (5, "", 48, "[warning] schwab: login ends soon"),
        (6, "LoginExpiring", 24, "[alarm] schwab: login is ending"),
        (7, "TokenDead", 0, "[alarm] schwab: login is dead"),
    ] {
        let stack =
            Stack::start(&moto, &StackConfig { login_age: Some(DAY * days), ..config() }).await.unwrap();
        let before = versions(&stack).await;
        let answer = keep(&stack).await;
        assert_eq!(answer.error_type(), error_type, "{days} days: {}", answer.body);
        let after = versions(&stack).await;
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (i64::from(days < 7), 1),
            "{days} days: what can be refreshed is"
        );
        let mut expected = vec![("LoginHoursLeft".to_owned(), "schwab".to_owned(), hours)];
        expected.extend((!error_type.is_empty()).then(|| counted("Failed", error_type)));
        assert_eq!(metrics(&stack, &answer), expected, "{days} days");
        let told = stack
            .host
            .logs(&answer.request_id)
            .iter()
            .filter(|line| line.contains("\"message\":\"notice\"") && line.contains(severity))
            .count();
        assert_eq!((told, alarms(&stack, &answer, "") > 0), (usize::from(days > 4), days > 4), "{days} days");
        if days > 5 {
            let message = answer.body["errorMessage"].as_str().unwrap();
            assert!(
                message.contains("docs/runbook.md, 'Schwab login'")
                    && message.ends_with(" | tastytrade: refreshed"),
                "{message}"
            );
        }
        stack.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn one_brokers_trouble_keeps_nothing_from_the_other() {
    let moto = Moto::start().await.unwrap();
    // Out of order for a moment: asked again.
    let stack = Stack::start(&moto, &config()).await.unwrap();
    stack.faults().add(
        Rule::on(Route::Token)
            .at(Service::Schwab)
            .times(2)
            .fault(Fault::ServerError(503, When::BeforeEffect)),
    );
    let answer = keep(&stack).await;
    assert_eq!((&answer.body["status"], refreshes(&stack)), (&json!("ok"), (3, 1)), "{}", answer.body);
    stack.host.stop().await;

    // For longer.
    let stack = Stack::start(&moto, &config()).await.unwrap();
    stack.simulator.refuse(Service::Schwab, true).unwrap();
    let before = versions(&stack).await;
    let answer = keep(&stack).await;
    assert_eq!(answer.error_type(), "BrokerUnavailable", "{}", answer.body);
    let message = answer.body["errorMessage"].as_str().unwrap();
    assert!(
        message.starts_with("schwab: BrokerUnavailable: ") && message.ends_with(" | tastytrade: refreshed"),
        "{message}"
    );
    let after = versions(&stack).await;
    assert_eq!((after.0 - before.0, after.1 - before.1), (0, 1));
    stack.host.stop().await;

    // A grant that was revoked, a document that does not read, a secret that is not there: the gravest names
    // the error, all are counted.
    let unreadable = [(TOKEN.to_owned(), "{\"token\": 5}".to_owned())];
    let stack =
        Stack::start(&moto, &StackConfig { parameters: unreadable.into(), ..config() }).await.unwrap();
    stack.faults().add(Rule::on(Route::Token).at(Service::Tastytrade).fault(Fault::RefreshTokenDies));
    let answer = keep(&stack).await;
    assert_eq!(answer.error_type(), "TokenDead", "{}", answer.body);
    let message = answer.body["errorMessage"].as_str().unwrap();
    assert!(message.contains("schwab: BadToken: ") && message.contains("'tastytrade grant'"), "{message}");
    assert_eq!(metrics(&stack, &answer), [counted("Failed", "BadToken"), counted("Failed", "TokenDead")]);
    stack.host.stop().await;

    // Of its own: the others' parameters are still in the first.
    let moto = Moto::start().await.unwrap();
    let missing = [("/gamma/tt/client_secret".to_owned(), String::new())];
    let stack = Stack::start(&moto, &StackConfig { parameters: missing.into(), ..config() }).await.unwrap();
    let answer = keep(&stack).await;
    assert_eq!((answer.error_type(), refreshes(&stack)), ("SecretsUnavailable", (1, 0)), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_run_that_holds_the_lock_is_waited_for() {
    let (stack, _moto) = stack(&config()).await;
    stack.hold_token_lock(8).await.unwrap();
    let began = stack.simulator.clock().now();
    let answer = keep(&stack).await;
    assert_eq!(
        (&answer.body["logins"][0]["refreshed"], &answer.body["logins"][0]["alarm"]),
        (&json!(true), &json!(false)),
        "{}",
        answer.body
    );
    let waited = stack.simulator.clock().now().duration_since(began);
    assert!(waited >= SignedDuration::from_secs(8) && waited < SignedDuration::from_secs(12), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_borrowing_deployment_trades_and_writes_no_token() {
    let moto = Moto::start().await.unwrap();
    for (expired, rotating) in [(false, false), (true, false), (true, true)] {
        let borrowing =
            StackConfig { expired_token: expired, rotating, ..with(config(), "GAMMA_TOKENS", "borrow") };
        let stack = Stack::start(&moto, &borrowing).await.unwrap();
        // Whoever keeps the token may be at work: nobody waits.
        stack.hold_token_lock(600).await.unwrap();
        let before = versions(&stack).await;
        for trader in [SCHWAB, TT_IRA] {
            let event =
                json!({ "account": trader.account, "scheduled_time": "2025-09-03T20:13:00Z" }).to_string();
            let answer = stack.invoke_of(trader, &event).await.unwrap();
            let (saved, note) = if expired {
                ("borrowed", "refreshed for this run alone")
            } else {
                ("unchanged", "used as it is stored")
            };
            assert_eq!(
                (answer.function_error.as_deref(), answer.body["status"].as_str()),
                (None, Some("traded")),
                "{}: {}",
                trader.account,
                answer.body
            );
            assert_eq!(answer.body["token"]["token"], saved, "{}: {}", trader.account, answer.body);
            let notes = answer.body["notes"].to_string();
            assert!(notes.contains(&format!("the token was borrowed: {note}")), "{notes}");
            assert_eq!(
                (
                    answer.body["alarm"] == true,
                    notes.contains("the stored login") && notes.contains("may be dead")
                ),
                (rotating, rotating),
                "{notes}"
            );
        }
        assert_eq!((refreshes(&stack) == (0, 0), versions(&stack).await), (!expired, before));
        // The keeper of such a deployment only looks.
        let asked = refreshes(&stack);
        let answer = keep(&stack).await;
        assert_eq!(
            (&answer.body["borrowed"], &answer.body["logins"][0]["hours_left"]),
            (&json!(true), &json!(143)),
            "{}",
            answer.body
        );
        assert_eq!((refreshes(&stack), versions(&stack).await), (asked, before));
        stack.host.stop().await;
    }
    let stack = Stack::start(
        &moto,
        &StackConfig { login_age: Some(DAY * 6), ..with(config(), "GAMMA_TOKENS", "borrow") },
    )
    .await
    .unwrap();
    let answer = keep(&stack).await;
    assert_eq!((answer.error_type(), refreshes(&stack)), ("LoginExpiring", (0, 0)), "{}", answer.body);
    stack.host.stop().await;
    let stack = Stack::start(&moto, &with(config(), "GAMMA_TOKENS", "lend")).await.unwrap();
    for answer in [keep(&stack).await, stack.invoke(LIVE).await.unwrap()] {
        assert_eq!(answer.error_type(), "BadDeployment", "{}", answer.body);
        assert!(
            answer.body["errorMessage"].as_str().unwrap().contains("GAMMA_TOKENS: got lend"),
            "{}",
            answer.body
        );
        assert_eq!(metrics(&stack, &answer), [counted("Failed", "BadDeployment")]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn what_the_trading_function_counts() {
    let moto = Moto::start().await.unwrap();
    let stack = Stack::start(&moto, &config()).await.unwrap();
    let warm = stack.invoke(WARM_UP).await.unwrap();
    assert_eq!(metrics(&stack, &warm), [counted("Ended", "warmed_up")]);
    let stale = stack.invoke(STALE).await.unwrap();
    assert_eq!(
        metrics(&stack, &stale),
        [counted("Ended", "outside_window"), counted("Failed", "StaleEvent")]
    );
    let refused = stack.invoke("{}").await.unwrap();
    assert_eq!(metrics(&stack, &refused), [counted("Failed", "EmptyEvent")]);
    let traded = stack.invoke(LIVE).await.unwrap();
    assert_eq!(metrics(&stack, &traded), [counted("Ended", "filled")], "{}", traded.body);
    stack.until("20:16:00").await;
    let swept = stack.invoke(SWEEP).await.unwrap();
    assert_eq!(metrics(&stack, &swept), [counted("Ended", "swept"), counted("Heartbeat", "schwab")]);
    // A sweep that cannot look is no heartbeat.
    stack.faults().add(Rule::on(Route::aws("DynamoDB")).always().fault(Fault::Throttled));
    let blind = stack.invoke(SWEEP).await.unwrap();
    assert_eq!(
        metrics(&stack, &blind),
        [counted("Ended", "ledger_unavailable"), counted("Failed", "LedgerUnavailable")],
        "{}",
        blind.body
    );
    stack.host.stop().await;

    // A day that nobody traded: the sweep says so, and lives.
    let stack = Stack::start(&moto, &StackConfig { armed: false, ..config() }).await.unwrap();
    assert_eq!(metrics(&stack, &stack.invoke(WARM_UP).await.unwrap()), [counted("Ended", "not_armed")]);
    stack.until("20:16:00").await;
    let empty = stack.invoke(SWEEP).await.unwrap();
    assert_eq!(
        metrics(&stack, &empty),
        [
            counted("Ended", "no_final_outcome"),
            counted("Heartbeat", "schwab"),
            counted("Failed", "NoFinalOutcome")
        ]
    );
    stack.host.stop().await;

    let quiet = Stack::start(&moto, &StackConfig::of_seed(1)).await.unwrap();
    let answer = quiet.invoke(LIVE).await.unwrap();
    assert_eq!(metrics(&quiet, &answer), []);
}
