//! What a function and its callers see of the host: environments, freezing, deadlines, failures, output.

use std::time::Duration;

use crate::host_bootstrap::{Stage, at, function, process_state, scratch, start};
use axum::Router;
use axum::routing::get;
use gamma_sim_aws::host::{FunctionConfig, InvokeKind, Peak};
use jiff::Timestamp;
use serde_json::{Value, json};

#[tokio::test]
async fn a_function_gets_its_event_and_lambdas_environment() {
    let mut config = function();
    config.environment.insert("STAGE".to_owned(), "test".to_owned());
    let stage = Stage::new(vec![config]).await;
    let answer = stage.answer(json!({ "print": [], "account": "a" })).await;
    assert_eq!(answer["event"], json!({ "print": [], "account": "a" }));
    let (environment, headers) = (&answer["environment"], &answer["headers"]);
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_REGION", "us-east-1"),
        ("TZ", ":UTC"),
        ("STAGE", "test"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(environment["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap().starts_with("2026/03/02/[$LATEST]"));
    assert_eq!(environment["CARGO_MANIFEST_DIR"], Value::Null, "the environment is not ours");
    assert_eq!(
        headers["lambda-runtime-invoked-function-arn"],
        "arn:aws:lambda:us-east-1:123456789012:function:f"
    );
    let deadline: i64 = headers["lambda-runtime-deadline-ms"].as_str().unwrap().parse().unwrap();
    assert_eq!(Timestamp::from_millisecond(deadline).unwrap(), at(900), "the deadline is virtual time");
}

#[tokio::test]
async fn an_idle_environment_is_reused_and_else_another_started() {
    let stage = Stage::new(vec![function()]).await;
    let first = stage.answer(json!({})).await["pid"].clone();
    let (one, two) = tokio::join!(stage.answer(json!({ "wait": 60 })), stage.answer(json!({ "wait": 60 })));
    let pids = [&one["pid"], &two["pid"]];
    assert!(pids[0] != pids[1] && pids.contains(&&first), "{first}, then {pids:?}");
    assert!(pids.contains(&&stage.answer(json!({})).await["pid"]));
    let cold: Vec<bool> = stage.host.attempts().iter().map(|attempt| attempt.cold).collect();
    assert_eq!((cold.len(), cold.iter().filter(|cold| **cold).count()), (4, 2));
    assert_eq!((stage.clock.now(), stage.clock.busy()), (at(60), Vec::new()));
    for attempt in stage.host.attempts() {
        assert_eq!(attempt.init.is_some(), attempt.cold, "only a process that was started came up");
        let resident = attempt.init.map(|init| init.resident_kib.unwrap());
        assert!(
            resident.unwrap_or(1) > 0 && attempt.peak_memory_kib.unwrap() >= resident.unwrap_or(1),
            "{attempt:?}"
        );
    }
}

#[tokio::test]
async fn functions_run_at_once_and_turns_let_one_work_at_a_time() {
    let names = ["f", "g", "h"];
    let stage =
        Stage::new(names.map(|name| FunctionConfig { name: name.to_owned(), ..function() }).to_vec()).await;
    stage.clock.take_turns(1);
    let event = json!({ "wait": 60 }).to_string();
    let (one, two, three) = tokio::join!(
        stage.host.invoke(names[0], event.as_bytes(), InvokeKind::RequestResponse),
        stage.host.invoke(names[1], event.as_bytes(), InvokeKind::RequestResponse),
        stage.host.invoke(names[2], event.as_bytes(), InvokeKind::RequestResponse),
    );
    let ids = [one, two, three].map(|result| result.unwrap().request_id);
    assert_eq!(stage.clock.now(), at(60), "in virtual time they waited side by side");
    assert_eq!(stage.host.peak(), Peak { environments: 3, running: 3 });
    let mut worked: Vec<_> = ids.iter().flat_map(|id| stage.clock.worked(id).split_off(1)).collect();
    worked.sort();
    assert!(worked.windows(2).all(|pair| pair[0].1 <= pair[1].0), "two were busy at once: {worked:?}");
}

#[tokio::test]
async fn between_invocations_all_is_frozen_and_idle_connections_die() {
    let stage = Stage::new(vec![function()]).await;
    let face = stage.connections.serve(Router::new().route("/quote", get(async || "6850.25"))).await.unwrap();
    let url = format!("http://{face}/quote");
    let pid = stage.answer(json!({ "spawn": true })).await["pid"].clone();
    assert_eq!(process_state(&pid), Some('T'));
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let child: Value = children.trim().parse::<u32>().unwrap().into();
    assert_eq!(process_state(&child), Some('T'), "descendants are frozen too");
    let during = stage.answer(json!({ "get": url, "times": 2 })).await;
    assert_eq!(during, json!(["6850.25", "6850.25"]));
    let after_thaw = stage.answer(json!({ "get": url, "times": 2 })).await;
    assert_eq!(after_thaw, json!(["no answer", "6850.25"]), "the kept connection is dead, a new one is not");
    stage.host.stop().await;
    assert_eq!((process_state(&pid), process_state(&child)), (None, None), "no process outlives the host");
}

#[tokio::test]
async fn failures_are_told_in_lambdas_words() {
    let stage = Stage::new(vec![function()]).await;
    for (event, error_type, message) in [
        (json!({ "raise": "no" }), "Refused", "no".to_owned()),
        (
            json!({ "exit": 3 }),
            "Runtime.ExitError",
            "RequestId: ID Error: Runtime exited with error: exit status 3".to_owned(),
        ),
        (
            json!({ "exit": 0 }),
            "Runtime.ExitError",
            "RequestId: ID Error: Runtime exited without providing a reason".to_owned(),
        ),
        (
            json!({ "signal": 11 }),
            "Runtime.ExitError",
            "RequestId: ID Error: Runtime exited with error: signal: segmentation fault".to_owned(),
        ),
        (
            json!({ "large": 6 * 1024 * 1024 + 100 }),
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).".to_owned(),
        ),
    ] {
        let (id, error) = stage.failure(event.clone()).await;
        assert_eq!(
            error,
            json!({ "errorType": error_type, "errorMessage": message.replace("ID", &id) }),
            "{event}"
        );
    }
    let cold: Vec<bool> = stage.host.attempts().iter().map(|attempt| attempt.cold).collect();
    assert_eq!(cold, [true, false, true, true, true], "an error keeps the environment, an exit does not");
    assert_eq!(stage.clock.now(), start());
}

#[tokio::test]
async fn initialisation_that_fails_fails_the_invocation() {
    let with = |init: &str| {
        let mut config = function();
        config.environment.insert("INIT".to_owned(), init.to_owned());
        config
    };
    let missing = FunctionConfig { binary: scratch("missing"), ..function() };
    for (case, config, error_type, message) in [
        ("exit", with("exit"), "Runtime.ExitError", "exit status 7"),
        ("error", with("error"), "Init", "no luck"),
        ("missing", missing, "Runtime.InvalidEntrypoint", "No such file"),
    ] {
        let stage = Stage::new(vec![config]).await;
        for _ in 0..2 {
            let (_, error) = stage.failure(json!({})).await;
            assert_eq!(error["errorType"], error_type, "{case}");
            assert!(error["errorMessage"].as_str().unwrap().contains(message), "{case}: {error}");
        }
        assert!(stage.host.attempts().iter().all(|attempt| attempt.cold), "{case}");
        assert_eq!(stage.clock.busy(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_deadline_kills() {
    let stage = Stage::new(vec![FunctionConfig { timeout: Duration::from_secs(3), ..function() }]).await;
    let pid = stage.answer(json!({ "wait": 2 })).await["pid"].clone();
    assert_eq!(stage.clock.now(), at(2));
    for (event, ends) in [(json!({ "spin": 0.25 }), 5), (json!({ "wait": 60 }), 8)] {
        let (id, error) = stage.failure(event).await;
        let message = format!("RequestId: {id} Error: Task timed out after 3.00 seconds");
        assert_eq!(error, json!({ "errorType": "Sandbox.Timedout", "errorMessage": message }));
        assert_eq!(
            (stage.clock.now(), process_state(&pid)),
            (at(ends), None),
            "killed at the deadline, neither before nor after"
        );
    }
    assert_ne!(stage.answer(json!({})).await["pid"], pid);
}

#[tokio::test]
async fn a_hang_that_never_waits_is_killed_in_real_time() {
    let stage = Stage::new(vec![FunctionConfig { timeout: Duration::from_millis(200), ..function() }]).await;
    let (_, error) = stage.failure(json!({ "hang": true })).await;
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert_eq!((stage.clock.now(), stage.clock.busy()), (start(), Vec::new()));
}

#[tokio::test]
async fn a_running_invocation_can_be_killed() {
    let stage = Stage::new(vec![FunctionConfig { max_retries: 0, ..function() }]).await;
    let mut lines = stage.host.subscribe();
    let id = stage.queue(&json!({ "print": ["placing"], "hang": true })).await;
    while lines.recv().await.unwrap().line != "placing" {}
    assert!(stage.host.kill(&id) && !stage.host.kill("unknown"));
    stage.host.settled().await;
    let failures = stage.host.async_failures();
    assert_eq!((failures.len(), failures[0].request_id.as_str()), (1, id.as_str()));
    assert!(failures[0].error.contains("Runtime exited with error: signal: killed"));
    assert!(!stage.host.kill(&id), "it is over");
}

#[tokio::test]
async fn the_runtime_api_refuses_what_does_not_fit() {
    let stage = Stage::new(vec![function()]).await;
    let misuse = ["/invocation/other/response", "/invocation/other/error", "/init/error"];
    let answers = stage.answer(json!({ "misuse": misuse })).await;
    assert_eq!(
        answers,
        json!([[400, "InvalidRequestID"], [400, "InvalidRequestID"], [403, "InvalidStateTransition"]])
    );
    let twice = ["/invocation/{id}/response", "/invocation/{id}/error"];
    let result = stage.call(&json!({ "misuse": twice })).await.unwrap();
    assert_eq!((result.function_error, result.payload), (None, b"{}".to_vec()), "the first answer counts");
}

#[tokio::test]
async fn output_belongs_to_its_invocation() {
    let stage = Stage::new(vec![function()]).await;
    let mut live = stage.host.subscribe();
    let long = "x".repeat(5000);
    let first =
        stage.call(&json!({ "print": ["one", "two"], "partial": ["half", " a line"] })).await.unwrap();
    let second = stage.call(&json!({ "print": ["three", long] })).await.unwrap();
    assert_eq!(stage.host.logs(&first.request_id), ["initialising", "one", "two", "half a line"]);
    assert_eq!(stage.host.logs(&second.request_id), ["three".to_owned(), long.clone()]);
    assert_eq!(first.log_tail, b"initialising\none\ntwo\nhalf a line");
    assert_eq!(second.log_tail, format!("{}\n", &long[..4095]).into_bytes(), "the last 4 KB");
    let line = live.recv().await.unwrap();
    assert_eq!(
        (line.function.as_str(), line.request_id, line.line.as_str()),
        ("f", first.request_id, "initialising")
    );
}
