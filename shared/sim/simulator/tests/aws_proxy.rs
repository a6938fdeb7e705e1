//! The proxy before AWS, against an upstream that tells what it got. tests/tests/aws_proxy.rs puts moto
//! behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use gamma_simulator::connections::Connections;
use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

async fn simulator(upstream: SocketAddr) -> Simulator {
    let config = SimulatorConfig { aws: Some(upstream), ..SimulatorConfig::of_2025_09_03(1).unwrap() };
    Simulator::start(config).await.unwrap()
}

/// A request as an SDK makes it; `Err` when no answer came.
async fn call(url: &str, target: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
    let service = if target.starts_with("Dynamo") { "dynamodb" } else { "ssm" };
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let request = reqwest::Client::new()
        .post(format!("{url}/"))
        .header("x-amz-target", target)
        .header("authorization", signature);
    let request = request
        .header("content-type", "application/x-amz-json-1.0")
        .timeout(Duration::from_secs(60))
        .body(body.to_string());
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, serde_json::from_slice(&response.bytes().await?).unwrap_or_default()))
}

/// Answers with what it got.
async fn mirror(connections: &Connections) -> SocketAddr {
    let tell = async |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let told = json!({ "method": method.as_str(), "uri": uri.to_string(), "headers": headers, "body": body.to_vec() });
        ([("x-amzn-requestid", "made-up"), ("x-amz-crc32", "1")], axum::Json(told))
    };
    connections.serve(Router::new().fallback(tell)).await.unwrap()
}

#[tokio::test]
async fn requests_go_through_as_they_came_and_are_logged_by_operation() {
    let connections = Connections::new();
    let simulator = simulator(mirror(&connections).await).await;
    let url = simulator.aws_url().unwrap();
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let request = reqwest::Client::new()
        .put(format!("{url}/a%20b?x=%2F"))
        .header("x-amz-target", "secretsmanager.GetSecretValue");
    let response = request
        .header("authorization", "AWS4 made up")
        .header("content-type", "application/x-amz-json-1.1")
        .body(body.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            response.headers()["x-amzn-requestid"].to_str().unwrap(),
            response.headers()["x-amz-crc32"].to_str().unwrap()
        ),
        ("made-up", "1")
    );
    let told: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!((&told["method"], &told["uri"]), (&json!("PUT"), &json!("/a%20b?x=%2F")));
    assert_eq!(told["body"], json!(body));
    let host = url.trim_start_matches("http://");
    for pair in [
        ["authorization", "AWS4 made up"],
        ["content-type", "application/x-amz-json-1.1"],
        ["x-amz-target", "secretsmanager.GetSecretValue"],
        ["host", host],
        ["content-length", "300000"],
    ] {
        assert!(told["headers"].as_array().unwrap().contains(&json!(pair)), "{pair:?}: {}", told["headers"]);
    }
    let log = simulator.requests();
    assert_eq!(
        (log[0].service, log[0].path.as_str(), log[0].status),
        (Service::Aws, "SecretsManager.GetSecretValue", Some(200))
    );
}

#[tokio::test]
async fn faults_of_aws_speak_its_words() {
    let connections = Connections::new();
    let simulator = simulator(mirror(&connections).await).await;
    let url = simulator.aws_url().unwrap();
    let (put, parameter) = ("DynamoDB_20120810.PutItem", "AmazonSSM.PutParameter");
    for (target, route, fault, expected) in [
        (
            put,
            "DynamoDB.PutItem",
            Fault::Throttled,
            Some((400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")),
        ),
        (parameter, "SSM", Fault::Throttled, Some((400, "ThrottlingException"))),
        (put, "DynamoDB", Fault::ServerError(500, When::BeforeEffect), Some((500, "InternalServerError"))),
        (parameter, "SSM.PutParameter", Fault::Dropped(When::AfterEffect), None),
    ] {
        simulator.faults().add(Rule::on(Route::aws(route)).fault(fault.clone()));
        let answer = call(&url, target, &json!({})).await.ok();
        assert_eq!(
            answer.as_ref().map(|(status, body)| (*status, body["__type"].as_str().unwrap())),
            expected,
            "{fault:?}"
        );
        assert_eq!(call(&url, target, &json!({})).await.unwrap().0, 200, "after {fault:?}");
    }
    assert_eq!(simulator.faults().fired().len(), 4);
    simulator.refuse(Service::Aws, true).unwrap();
    assert!(call(&url, put, &json!({})).await.unwrap_err().is_connect());
    connections.stop();
    simulator.refuse(Service::Aws, false).unwrap();
    assert_eq!(call(&url, put, &json!({})).await.unwrap().0, 502, "nothing is behind the proxy");
}

/// Counts how many requests it serves at once, each of them for many turns of the scheduler; gives the most
/// there were.
async fn crowd(connections: &Connections) -> (SocketAddr, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let count = async move || {
        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
        now.fetch_sub(1, Ordering::SeqCst);
        "{}"
    };
    (connections.serve(Router::new().fallback(count)).await.unwrap(), most)
}

#[tokio::test]
async fn writes_to_dynamo_db_go_one_at_a_time() {
    for (operations, alone) in [
        (["DynamoDB_20120810.PutItem", "DynamoDB_20120810.TransactWriteItems"], true),
        (["DynamoDB_20120810.UpdateItem", "DynamoDB_20120810.DeleteItem"], true),
        (["DynamoDB_20120810.GetItem", "DynamoDB_20120810.Query"], false),
        (["AmazonSSM.PutParameter", "AmazonSSM.GetParameters"], false),
    ] {
        let connections = Connections::new();
        let (upstream, most) = crowd(&connections).await;
        let simulator = simulator(upstream).await;
        let proxy = simulator.aws_url().unwrap();
        let callers = operations.into_iter().cycle().take(8).map(|operation| {
            let proxy = proxy.clone();
            tokio::spawn(async move { call(&proxy, operation, &json!({})).await.unwrap().0 })
        });
        for caller in callers.collect::<Vec<_>>() {
            assert_eq!(caller.await.unwrap(), 200);
        }
        assert_eq!(most.load(Ordering::SeqCst) == 1, alone, "{operations:?}: {most:?} at once");
    }
}
