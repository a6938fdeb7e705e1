//! The unmodified function binary through the Lambda host, against moto and the simulator. Needs moto:
//! scripts/test runs these.

use std::collections::BTreeSet;

use gamma_execution::ports::{ControlScope, DayState, Decision, IntentState, RungState};
use gamma_tests::audit::After;
use gamma_tests::moto::Moto;
use gamma_tests::stack::{CANARIES, Stack, StackConfig, TOKEN};
use jiff::Timestamp;
use serde_json::{Value, json};

const LIVE: &str = include_str!("../../events/schwab.json");
const DRY: &str = include_str!("../../events/schwab-dry-run.json");
const WARM_UP: &str = include_str!("../../events/warmup.json");

async fn stack(config: &StackConfig) -> (Stack, Moto) {
    let moto = Moto::start().await.expect("moto starts");
    (Stack::start(&moto, config).await.expect("the stack starts"), moto)
}

fn assert_no_secret(what: &str, text: &str) {
    for (name, secret) in CANARIES {
        assert!(!text.contains(secret), "{name} in {what}: {text}");
    }
}

/// Every line the function wrote in this invocation: JSON, with the run's id on its end, and no secret.
fn check_logs(stack: &Stack, request_id: &str) {
    let lines = stack.host.logs(request_id);
    assert!(!lines.is_empty(), "the function logged nothing");
    for line in &lines {
        assert_no_secret("a log line", line);
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(line["span"]["run_id"].is_string(), "no run id: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn ten_days_trade_inside_the_market_and_ledger_and_broker_agree() {
    let moto = Moto::start().await.unwrap();
    let mut outcomes = BTreeSet::new();
    for seed in 1..=10 {
        let stack = Stack::start(&moto, &StackConfig::of_seed(seed)).await.unwrap();
        let answer = stack.invoke(LIVE).await.unwrap();
        assert_eq!((answer.status, &answer.function_error), (200, &None), "seed {seed}: {}", answer.body);
        outcomes.insert(answer.outcome().to_owned());
        let (book, day) = (stack.simulator.book(), stack.day().await.unwrap());
        let record = day.day.as_ref().unwrap();
        assert_eq!(
            (record.state, record.sending, record.outcome.as_deref()),
            (DayState::Closed, true, Some(answer.outcome())),
            "seed {seed}"
        );

        // Every order the broker knows is a rung of the ledger, over, with the same fills; and nothing else
        // is.
        let ledger: BTreeSet<(String, u32)> = day
            .rungs
            .iter()
            .map(|rung| match &rung.state {
                RungState::Terminal { order, filled, .. } => (order.0.clone(), *filled),
                other => panic!("seed {seed}: rung {} is {other:?}", rung.number),
            })
            .collect();
        let broker: BTreeSet<(String, u32)> = book
            .posts()
            .iter()
            .map(|order| (order.id.to_string(), order.fills.iter().map(|fill| fill.quantity).sum()))
            .collect();
        assert_eq!(ledger, broker, "seed {seed}");
        assert!(
            book.posts().iter().all(|order| order.state.is_terminal()),
            "seed {seed}: an order is left alive"
        );
        for intent in &day.intents {
            assert_eq!(intent.state, IntentState::Terminal);
            assert!(intent.filled <= intent.quantity);
        }
        // Filled at prices inside the NBBO the rung was made from, on tick, on the demo's expiry.
        for rung in &day.rungs {
            let (bid, ask, _) = rung.nbbo;
            assert!(
                bid <= rung.price && rung.price <= ask,
                "seed {seed}: {} outside {bid} x {ask}",
                rung.price
            );
        }
        for package in book.filled_packages() {
            assert!(
                package.contracts.iter().all(|(symbol, _)| symbol.expiry() == jiff::civil::date(2025, 9, 4))
            );
        }
        let close: Timestamp = "2025-09-03T20:15:00Z".parse().unwrap();
        assert!(answer.body["ended"].as_str().unwrap().parse::<Timestamp>().unwrap() <= close, "seed {seed}");

        let again = stack.invoke(LIVE).await.unwrap();
        assert_eq!(again.outcome(), "already_traded", "seed {seed}: {}", again.body);
        assert_eq!(
            stack.simulator.book().posts().len(),
            book.posts().len(),
            "seed {seed}: the second delivery placed something"
        );
        check_logs(&stack, &answer.request_id);
        assert_no_secret("the answer", &answer.body.to_string());
        assert_no_secret("the ledger", &format!("{day:?}"));
        stack.host.stop().await;
    }
    let expected: BTreeSet<String> = ["filled", "partially_filled", "no_fill"].map(str::to_owned).into();
    assert!(outcomes.is_superset(&expected), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn the_same_seed_is_the_same_day() {
    let mut days = Vec::new();
    for _ in 0..2 {
        let (stack, _moto) = stack(&StackConfig::of_seed(8)).await;
        let answer = stack.invoke(LIVE).await.unwrap();
        let sides = answer.body["sides"].clone();
        days.push((answer.outcome().to_owned(), sides, answer.body["ended"].clone()));
    }
    assert_eq!(days[0], days[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn an_expired_token_is_refreshed_once_and_schwab_py_can_read_it() {
    let (stack, _moto) = stack(&StackConfig::of_seed(1)).await;
    let (before, version) = stack.token().await.unwrap();
    let answer = stack.invoke(LIVE).await.unwrap();
    assert_eq!(answer.body["token"]["token"], "saved", "{}", answer.body["token"]);
    let (after, next) = stack.token().await.unwrap();
    assert_eq!(next, version + 1);
    assert_eq!(after["creation_timestamp"], before["creation_timestamp"], "the login's time stays");
    assert!(after["token"]["expires_at"].as_i64() > before["token"]["expires_at"].as_i64());
    assert!(after["token"]["id_token"].is_string());
    let refreshes =
        stack.simulator.requests().iter().filter(|request| request.path == "/v1/oauth/token").count();
    assert_eq!(refreshes, 1);

    let (fresh, _moto) = self::stack(&StackConfig { expired_token: false, ..StackConfig::of_seed(1) }).await;
    let (_, version) = fresh.token().await.unwrap();
    assert_eq!(fresh.invoke(LIVE).await.unwrap().body["token"]["token"], "unchanged");
    assert_eq!(fresh.token().await.unwrap().1, version, "an unchanged document is not written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn refused_events_are_stable_lambda_errors_and_place_nothing() {
    let (stack, _moto) = stack(&StackConfig::of_seed(1)).await;
    for (event, error_type) in [
        (include_str!("../../events/refused/empty.json"), "EmptyEvent"),
        (include_str!("../../events/refused/unknown-account.json"), "UnknownAccount"),
        (include_str!("../../events/refused/malformed.json"), "MalformedEvent"),
        (include_str!("../../events/refused/unknown-field.json"), "MalformedEvent"),
        (include_str!("../../events/refused/no-scheduled-time.json"), "NoScheduledTime"),
        (include_str!("../../events/refused/stale.json"), "StaleEvent"),
        ("[]", "MalformedEvent"),
    ] {
        let answer = stack.invoke(event).await.unwrap();
        assert_eq!(
            (answer.status, answer.function_error.as_deref(), answer.error_type()),
            (200, Some("Unhandled"), error_type),
            "{}",
            answer.body
        );
    }
    assert!(stack.simulator.book().posts().is_empty());
    // The function is as good as new afterwards.
    assert_eq!(stack.invoke(LIVE).await.unwrap().outcome(), "filled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn bad_parameters_are_named_and_nothing_is_placed_or_lost() {
    let token = |text: Value| (TOKEN.to_owned(), text.to_string());
    let sizing = |text: &str| ("/gamma/schwab/sizing".to_owned(), text.to_owned());
    let dead_login = json!({"creation_timestamp": 1_756_000_000, "token": {"access_token": "old", "refresh_token": "dead", "expires_in": 1800, "expires_at": 1_756_001_800}});
    for (parameter, error_type, words) in [
        (("/gamma/schwab/app_key".to_owned(), String::new()), "SecretsUnavailable", "/gamma/schwab/app_key"),
        (
            ("/gamma/shared/gw_password".to_owned(), String::new()),
            "SecretsUnavailable",
            "/gamma/shared/gw_password",
        ),
        (token(json!({"token": {}})), "BadToken", "creation_timestamp"),
        (token(json!({"creation_timestamp": 1, "token": {"access_token": 5}})), "BadToken", "access_token"),
        ((TOKEN.to_owned(), "canary-app-key is no JSON".to_owned()), "BadToken", "token"),
        (token(dead_login), "TokenDead", "docs/runbook.md"),
        (sizing("{\"unit_dollars\": -1}"), "BadProfile", "unit_dollars"),
        (sizing("{\"units\": 1}"), "BadProfile", "units"),
    ] {
        let config = StackConfig { parameters: [parameter.clone()].into(), ..StackConfig::of_seed(1) };
        let (stack, _moto) = stack(&config).await;
        let answer = stack.invoke(LIVE).await.unwrap();
        assert_eq!(answer.error_type(), error_type, "{parameter:?}: {}", answer.body);
        let message = answer.body["errorMessage"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert_no_secret("the error", message);
        assert!(stack.simulator.book().posts().is_empty());
    }
    let config = StackConfig {
        parameters: [sizing("{\"unit_dollars\": \"5000\", \"most_per_side\": 7}")].into(),
        ..StackConfig::of_seed(1)
    };
    let (stack, _moto) = stack(&config).await;
    let plan = stack.invoke(LIVE).await.unwrap().body["plan"].clone();
    assert_eq!(
        (plan["units"].as_i64(), plan["sides"][0]["decision"]["quantity"].as_i64()),
        (Some(5), Some(7)),
        "{plan}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn bad_signals_and_quotes_are_named_and_nothing_is_placed() {
    let good = json!({"Date": "2025-09-03", "TDate": "2025-09-04", "Limit": 6425, "CLimit": "6470", "LeftGo": -1, "RightGo": -1, "VixOne": "0.2"});
    let with = |field: &str, value: Value| {
        let mut row = good.clone();
        row[field] = value;
        row
    };
    for (row, outcome, words) in [
        (
            with("Date", json!("2025-09-02")),
            "signal_unusable",
            "Date: the newest row is of 2025-09-02, expected 2025-09-03",
        ),
        (with("TDate", json!("2025-09-03")), "signal_unusable", "TDate: got 2025-09-03"),
        (with("TDate", json!("2025-09-06")), "signal_unusable", "TDate: got 2025-09-06"),
        (with("Limit", json!("n/a")), "plan_refused", "Limit"),
        (with("Limit", json!(6423)), "not_approved", "no price: "),
        (with("VixOne", Value::Null), "plan_refused", "VixOne"),
        (with("Date", json!("yesterday")), "SignalUnavailable", "Date"),
    ] {
        let only_put = {
            let mut row = row.clone();
            if outcome == "not_approved" {
                row["RightGo"] = json!(0);
            }
            row
        };
        let (stack, _moto) = stack(&StackConfig { signal: Some(only_put), ..StackConfig::of_seed(1) }).await;
        let answer = stack.invoke(LIVE).await.unwrap();
        let (got, detail) = if answer.function_error.is_some() {
            (answer.error_type(), answer.body["errorMessage"].as_str().unwrap())
        } else {
            (answer.outcome(), answer.body["detail"].as_str().unwrap())
        };
        assert_eq!(got, outcome, "{row}: {}", answer.body);
        assert!(detail.contains(words), "{detail}");
        assert!(stack.simulator.book().posts().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_lost_quote_or_a_late_rejection_costs_its_side_alone() {
    let (stack, _moto) = stack(&StackConfig::of_seed(1)).await;
    stack.simulator.drop_quote("SPXW  250904P06420000".parse().unwrap());
    stack.simulator.reject_next_order("made up: not enough buying power");
    let answer = stack.invoke(LIVE).await.unwrap();
    let sides = answer.body["sides"].as_array().unwrap();
    assert!(
        sides[0]["refused"].as_str().unwrap().contains("no price: SPXW  250904P06420000: no quote"),
        "{}",
        answer.body
    );
    assert!(sides[1]["end"].to_string().contains("not enough buying power"), "{}", sides[1]["end"]);
    assert_eq!((answer.outcome(), stack.simulator.book().posts().len()), ("rejected", 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn live_needs_event_deployment_and_armed_record_to_agree() {
    let (stack, _moto) = stack(&StackConfig { armed: false, ..StackConfig::of_seed(1) }).await;
    let answer = stack.invoke(LIVE).await.unwrap();
    assert_eq!((answer.outcome(), answer.body["alarm"].as_bool()), ("not_armed", Some(true)));
    assert!(stack.simulator.book().posts().is_empty());

    let (stack, _moto) = self::stack(&StackConfig::of_seed(1)).await;
    let decision = Decision { by: "a test".into(), why: "news".into(), at: stack.simulator.clock().now() };
    stack.operator().set_halt(&ControlScope::All, true, &decision).await.unwrap();
    assert_eq!(stack.invoke(LIVE).await.unwrap().outcome(), "halted");
    assert!(stack.simulator.book().posts().is_empty());
    stack.operator().set_halt(&ControlScope::All, false, &decision).await.unwrap();
    assert_eq!(
        stack.invoke(LIVE).await.unwrap().outcome(),
        "filled",
        "a halt that is lifted in time leaves the day free"
    );

    let (stack, _moto) = self::stack(&StackConfig { live: false, ..StackConfig::of_seed(1) }).await;
    assert_eq!(stack.invoke(LIVE).await.unwrap().outcome(), "dry_run");
    assert!(stack.simulator.book().posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn a_manual_dry_run_works_at_any_hour_and_names_refusals() {
    let (stack, _moto) =
        stack(&StackConfig { start: "2025-09-03T20:20:00Z".parse().unwrap(), ..StackConfig::of_seed(1) })
            .await;
    let answer = stack.invoke(DRY).await.unwrap();
    assert_eq!(answer.outcome(), "dry_run", "{}", answer.body);
    let gates: Vec<_> =
        answer.body["gates"].as_array().unwrap().iter().map(|gate| gate["gate"].as_str().unwrap()).collect();
    assert_eq!(gates, ["no_scheduled_time", "outside_window"]);
    assert_eq!(answer.body["sides"][0]["rungs"].as_array().unwrap().len(), 3);
    assert!(stack.simulator.book().posts().is_empty());
}

/// The environment is frozen between warm-up and trade; its sockets die meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn warm_up_refreshes_the_token_and_no_dead_socket_is_used() {
    let (stack, _moto) =
        stack(&StackConfig { start: "2025-09-03T20:10:00Z".parse().unwrap(), ..StackConfig::of_seed(1) })
            .await;
    let answer = stack.invoke(WARM_UP).await.unwrap();
    assert_eq!(
        (answer.body["token_refreshed"].as_bool(), answer.body["ready_to_trade"].as_bool()),
        (Some(true), Some(true)),
        "{}",
        answer.body
    );
    assert!(stack.simulator.book().posts().is_empty());
    // The environment is frozen until 16:13; its sockets die meanwhile.
    stack.simulator.clock().alarm("2025-09-03T20:13:05Z".parse().unwrap()).await;
    let answer = stack.invoke(LIVE).await.unwrap();
    assert_eq!(answer.outcome(), "filled", "{}", answer.body);
    assert_eq!(answer.body["token"]["token"], "unchanged");
    assert!(
        stack.host.attempts().iter().skip(1).all(|attempt| !attempt.cold),
        "the second invocation was warm"
    );
    check_logs(&stack, &answer.request_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn two_copies_of_one_delivery_at_once_trade_once() {
    let (stack, _moto) = stack(&StackConfig::of_seed(6)).await;
    let (one, two) = tokio::join!(stack.invoke(LIVE), stack.invoke(LIVE));
    let outcomes = [one.unwrap().outcome().to_owned(), two.unwrap().outcome().to_owned()];
    let of = |names: &[&str]| outcomes.iter().filter(|outcome| names.contains(&outcome.as_str())).count();
    let (traded, kept) = (
        of(&["filled", "partially_filled", "uneven", "one_sided"]),
        of(&["already_traded", "another_run_active"]),
    );
    assert_eq!((traded, kept), (1, 1), "{outcomes:?}");
    let filled: u32 =
        stack.simulator.book().filled_packages().iter().map(|package| package.fill.quantity).sum();
    assert!((1..=12).contains(&filled), "{filled}");
    assert_eq!(stack.audit(After::Everything).await.unwrap(), Vec::<String>::new());
}
