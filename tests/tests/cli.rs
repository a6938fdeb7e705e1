//! The command `gamma` as an operator uses it, against moto and the simulator. Needs moto: scripts/test runs
//! these.

use std::collections::BTreeMap;

use gamma_tests::moto::Moto;
use gamma_tests::operator::{Operator, Said};
use gamma_tests::stack::{CANARIES, SCHWAB, Stack, StackConfig, TASTYTRADE_TOKEN, TOKEN};
use serde_json::Value;

/// Every secret that an operator brings, by parameter and by the variable it is kept in meanwhile.
const BROUGHT: [(&str, &str, &str); 6] = [
    ("/gamma/schwab/app_key", "APP_KEY", CANARIES[0].1),
    ("/gamma/schwab/app_secret", "APP_SECRET", CANARIES[1].1),
    ("/gamma/shared/gw_email", "EMAIL", CANARIES[4].1),
    ("/gamma/shared/gw_password", "PASSWORD", CANARIES[5].1),
    ("/gamma/tt/client_secret", "CLIENT_SECRET", CANARIES[6].1),
    ("/gamma/tt/client_id", "CLIENT_ID", "simulated-client-id"),
];

async fn stack(changes: StackConfig) -> (Stack, Operator, Moto) {
    let moto = Moto::start().await.expect("moto starts");
    let stack = Stack::start(&moto, &changes).await.expect("the stack starts");
    let operator = Operator::of(&stack, &moto).expect("the stack is announced");
    (stack, operator, moto)
}

/// What was said, without any secret in it.
fn said(said: Said, code: i32, words: &[&str]) -> String {
    let all = format!("{}{}", said.out, said.err);
    for (name, secret) in CANARIES {
        assert!(!all.contains(secret), "{name} is shown: {all}");
    }
    assert_eq!(said.code, Some(code), "{all}");
    for words in words {
        assert!(all.contains(words), "expected {words:?} in: {all}");
    }
    all
}

fn brought() -> (Vec<String>, Vec<(&'static str, &'static str)>) {
    let arguments = BROUGHT
        .iter()
        .flat_map(|(name, variable, _)| ["--from-env".to_owned(), format!("{name}={variable}")])
        .collect();
    (arguments, BROUGHT.map(|(_, variable, value)| (variable, value)).into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_first_time_user_seeds_logs_in_checks_and_runs_dry() {
    let absent = BROUGHT.map(|(name, _, _)| name).into_iter().chain([TOKEN, TASTYTRADE_TOKEN]);
    let parameters: BTreeMap<String, String> = absent.map(|name| (name.to_owned(), String::new())).collect();
    let (stack, operator, _moto) =
        stack(StackConfig { parameters, post_trade: true, ..StackConfig::of_seed(1) }).await;

    let listed = said(
        operator.calls(&["seed", "--list"]).await.unwrap(),
        1,
        &["/gamma/schwab/app_key", "MISSING", "not there (optional)"],
    );
    assert!(listed.contains("there, version 1"), "the Google key is there: {listed}");
    let wrong = [
        "/gamma/schwab/app_secret",
        "run `gamma seed`",
        "run `gamma login schwab`",
        "run `gamma login tastytrade`",
        "WRONG",
    ];
    said(operator.calls(&["check"]).await.unwrap(), 1, &wrong);
    let refused =
        ["no value for /gamma/schwab/app_key, /gamma/schwab/app_secret", "nothing was written", "--from-env"];
    said(operator.calls(&["seed"]).await.unwrap(), 1, &refused);

    let (named, environment) = brought();
    let seed: Vec<&str> = std::iter::once("seed").chain(named.iter().map(String::as_str)).collect();
    let sizing: Vec<&str> =
        seed.iter().copied().chain(["--from-env", "/gamma/schwab/sizing=SIZING"]).collect();
    let bad = environment.iter().copied().chain([("SIZING", r#"{"unit_dollar": 1}"#)]).collect::<Vec<_>>();
    said(
        operator.types(&sizing, &bad, "").await.unwrap(),
        1,
        &["/gamma/schwab/sizing", "unit_dollar", "nothing was written"],
    );
    said(operator.calls(&["seed", "--list"]).await.unwrap(), 1, &["MISSING"]);
    // The token documents come with the logins.
    said(operator.types(&seed, &environment, "").await.unwrap(), 1, &["written, version 1", "MISSING"]);
    said(
        operator.types(&seed, &environment, "").await.unwrap(),
        1,
        &["there already: /gamma/schwab/app_key", "--overwrite replaces them"],
    );
    let again: Vec<&str> = seed.iter().copied().chain(["--overwrite"]).collect();
    said(operator.types(&again, &environment, "").await.unwrap(), 1, &["written, version 2"]);

    let mut told = String::new();
    for broker in ["schwab", "tastytrade"] {
        let shown = operator.logs_in(&["login", broker], str::to_owned).await.unwrap();
        // The address to open names the application, or nobody could be asked to consent.
        let err = shown.err.replace(&format!("client_id={}", CANARIES[0].1), "client_id=…");
        told += &said(Said { err, ..shown }, 0, &["Logged in", "is written, version 1"]);
    }
    let (token, _) = stack.token().await.unwrap();
    let now = stack.simulator.clock().now().as_second();
    assert_eq!(
        (token["creation_timestamp"].as_i64(), token["token"]["expires_at"].as_i64()),
        (Some(now), Some(now + 1800)),
        "as schwab-py writes it"
    );
    assert!(token["token"]["refresh_token"].is_string() && token["token"]["id_token"].is_string());
    let (grant, _) = stack.token_of(TASTYTRADE_TOKEN).await.unwrap();
    assert_eq!(
        grant.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["refresh_token"],
        "undated: a run's refresh of the old one cannot win"
    );

    for new in [&token["token"]["access_token"], &token["token"]["refresh_token"], &grant["refresh_token"]] {
        assert!(new.as_str().is_some_and(|new| !told.contains(new)), "a new token is shown: {told}");
    }

    let older = [(
        "OLDER",
        r#"{"creation_timestamp": 1, "token": {"access_token": "a", "refresh_token": "r", "expires_at": 2, "expires_in": 1800}}"#,
    )];
    let seed_older = ["seed", "--overwrite", "--from-env", "/gamma/schwab/token_json=OLDER"];
    said(
        operator.types(&seed_older, &older, "").await.unwrap(),
        1,
        &["of a later login or refresh; it was left alone"],
    );
    assert_eq!(stack.token().await.unwrap().0, token);
    said(
        operator.calls(&["check"]).await.unwrap(),
        0,
        &["the login lives for 168 hours more", "live, armed", "Everything is as it should be."],
    );
    said(operator.calls(&["warmup", "schwab"]).await.unwrap(), 0, &["ready to trade  yes"]);
    said(operator.calls(&["check", "--refresh"]).await.unwrap(), 0, &["warm-up of tt-ira", "session open"]);
    said(operator.calls(&["invoke", "schwab"]).await.unwrap(), 0, &["DRY_RUN", "sizing"]);
    assert!(stack.simulator.book().posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_live_run_needs_the_typed_name_and_is_told_afterwards() {
    let (stack, operator, _moto) = stack(StackConfig::of_seed(1)).await;
    said(
        operator.types(&["invoke", "schwab", "--live"], &[], "tt-ira\n").await.unwrap(),
        1,
        &["expected \"schwab\"; nothing was invoked"],
    );
    assert!(stack.simulator.book().posts().is_empty());
    said(operator.types(&["invoke", "schwab", "--live"], &[], "schwab\n").await.unwrap(), 0, &["FILLED"]);
    let posts = stack.simulator.book().posts().len();
    assert!(posts > 0, "it traded");

    let listed = operator.calls(&["--json", "runs", "schwab"]).await.unwrap();
    let runs: Value = serde_json::from_str(&said(listed, 0, &[])).unwrap();
    assert_eq!(
        (runs["runs"][0]["outcome"].as_str(), runs["runs"][0]["live"].as_bool()),
        (Some("filled"), Some(true))
    );
    let table = said(operator.calls(&["runs"]).await.unwrap(), 0, &["2025-09-03", "live trade", "filled"]);
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    let short = table
        .lines()
        .find(|line| line.starts_with("2025"))
        .and_then(|line| line.split_whitespace().last())
        .unwrap()
        .to_owned();
    said(
        operator.calls(&["run", "show", &short]).await.unwrap(),
        0,
        &["bucket", "rung", "limit", "never worse than", "FILLED", "over HTTP"],
    );
    said(
        operator.calls(&["run", "show", "nobody"]).await.unwrap(),
        1,
        &["no run is recorded whose id begins so"],
    );

    let decision = [
        "resolve",
        "schwab",
        "2025-09-03",
        "put",
        "--filled",
        "0",
        "--by",
        "me",
        "--why",
        "looked at the history",
    ];
    said(operator.calls(&decision).await.unwrap(), 1, &["NotResolved", "docs/runbook.md"]);
    // After the window nothing is even asked.
    stack.until("20:15:30").await;
    let late = said(
        operator.calls(&["invoke", "schwab", "--live"]).await.unwrap(),
        1,
        &["expected between", "nothing was invoked"],
    );
    assert!(!late.contains("Type the account's name"), "{late}");
    said(
        operator.calls(&["invoke", "nobody"]).await.unwrap(),
        1,
        &["got \"nobody\", expected one of schwab, tt-individual, tt-ira"],
    );
    said(operator.calls(&["logs", "schwab"]).await.unwrap(), 1, &["run show"]);
    assert_eq!(stack.simulator.book().posts().len(), posts);
    assert_eq!(stack.ledger_runs(SCHWAB).await.unwrap().len(), 2, "the run and the decision");
}

/// A good one replaces a token that a run refreshed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_login_with_foreign_state_or_spent_code_is_refused() {
    let (stack, operator, _moto) =
        stack(StackConfig { environment: BTreeMap::new(), ..StackConfig::of_seed(1) }).await;
    let (before, version) = stack.token().await.unwrap();
    let hidden = |shown: Said| Said { err: shown.err.replace(CANARIES[0].1, "…"), ..shown };
    let foreign =
        operator.logs_in(&["login", "schwab"], |back| back.replace("state=", "state=x")).await.unwrap();
    said(hidden(foreign), 1, &["state: not the one of this login"]);
    let spent =
        operator.logs_in(&["login", "schwab"], |back| back.replace("code=C0.", "code=C1.")).await.unwrap();
    said(hidden(spent), 1, &["nothing was written", "400"]);
    assert_eq!(stack.token().await.unwrap(), (before, version));

    stack.invoke(include_str!("../../events/warmup.json")).await.unwrap();
    let (refreshed, version) = stack.token().await.unwrap();
    let shown = operator.logs_in(&["login", "schwab"], str::to_owned).await.unwrap();
    said(hidden(shown), 0, &["Logged in"]);
    let (after, next) = stack.token().await.unwrap();
    assert!(
        next == version + 1
            && after["creation_timestamp"].as_i64() > refreshed["creation_timestamp"].as_i64()
    );
    let warmed = stack.invoke(include_str!("../../events/warmup.json")).await.unwrap();
    assert_eq!(warmed.body["token"]["token"], "unchanged", "{}", warmed.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_closure_is_announced_checked_kept_and_taken_back() {
    let (stack, operator, _moto) = stack(StackConfig::of_seed(1)).await;
    let seed = ["seed", "--overwrite", "--from-env", "/gamma/shared/closures=TEXT"];
    let refused = ["entry 1: day: got \"2025-09-06\", expected a weekday", "nothing was written"];
    said(operator.types(&seed, &[("TEXT", "closed 2025-09-06")], "").await.unwrap(), 1, &refused);
    said(
        operator.types(&seed, &[("TEXT", "closed 2025-09-03 Day of Mourning")], "").await.unwrap(),
        0,
        &["written, version 1"],
    );
    let told = said(
        operator.calls(&["check"]).await.unwrap(),
        0,
        &["next sessions 2025-09-04", "announced: 2025-09-03 closed (Day of Mourning)"],
    );
    assert!(told.contains("/gamma/shared/closures"), "{told}");
    said(operator.calls(&["warmup", "schwab"]).await.unwrap(), 0, &["closed: announced (Day of Mourning)"]);
    let shut = ["no session today: announced (Day of Mourning)", "nothing was invoked"];
    said(operator.types(&["invoke", "schwab", "--live"], &[], "schwab\n").await.unwrap(), 1, &shut);
    let run = stack.invoke(include_str!("../../events/schwab.json")).await.unwrap();
    assert_eq!(run.outcome(), "market_closed", "{}", run.body);
    said(operator.types(&seed, &[("TEXT", "none")], "").await.unwrap(), 0, &["written, version 2"]);
    said(operator.types(&["invoke", "schwab", "--live"], &[], "schwab\n").await.unwrap(), 0, &["FILLED"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn announced_days_that_do_not_read_stop_trading_loudly() {
    for (text, words) in [("closed tomorrow", "day: got \"tomorrow\"")] {
        let parameters = [("/gamma/shared/closures".to_owned(), text.to_owned())].into();
        let (stack, operator, _moto) = stack(StackConfig { parameters, ..StackConfig::of_seed(1) }).await;
        said(
            operator.calls(&["check"]).await.unwrap(),
            1,
            &["WRONG    /gamma/shared/closures", words, "nothing is traded until it reads"],
        );
        for (event, error_type) in [
            (include_str!("../../events/warmup.json"), "CalendarUnreadable"),
            (include_str!("../../events/schwab.json"), "CalendarUnreadable"),
        ] {
            let answer = stack.invoke(event).await.unwrap();
            let message = answer.body["errorMessage"].as_str().unwrap_or_default();
            assert!(
                answer.error_type() == error_type
                    && message.contains("/gamma/shared/closures")
                    && message.contains(words),
                "{}",
                answer.body
            );
        }
        assert!(stack.simulator.book().posts().is_empty());
        // What is open is proven all the same; that nothing was traded is told too.
        stack.until("20:16:00").await;
        let swept = stack.invoke(include_str!("../../events/sweep.json")).await.unwrap();
        assert_eq!(swept.error_type(), "NoFinalOutcome", "{}", swept.body);
    }
}

/// Cron, containers and `ssh HOST COMMAND` know no name; the stub of cli/tests/usage.rs shows every decision,
/// this the record that is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_halt_without_a_name_is_kept_and_shown() {
    let (_stack, operator, _moto) = stack(StackConfig::of_seed(1)).await;
    said(operator.calls(&["halt", "all", "--why", "a drill"]).await.unwrap(), 0, &["is halted"]);
    let shown = operator.calls(&["status", "schwab"]).await.unwrap().out;
    assert!(
        shown.contains("HALTED (all)") && shown.contains("(uid ") && shown.contains(": a drill)"),
        "{shown}"
    );
}
