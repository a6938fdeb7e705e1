//! The proxy before AWS with moto behind it: what a fault tells the caller, and what the table then holds.

use std::time::Duration;

use gamma_simulator::faults::{Fault, Route, Rule, When};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use gamma_tests::moto::Moto;
use serde_json::{Value, json};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs moto; scripts/test runs it"]
async fn effects_are_in_the_table_and_one_conditional_write_wins() {
    let moto = Moto::start().await.unwrap();
    let config = SimulatorConfig { aws: Some(moto.address()), ..SimulatorConfig::of_2025_09_03(1).unwrap() };
    let simulator = Simulator::start(config).await.unwrap();
    let (proxy, straight) = (simulator.aws_url().unwrap(), moto.url());
    let table = json!({
        "TableName": "t", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "S" }], "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }],
    });
    assert_eq!(call(&straight, "DynamoDB_20120810.CreateTable", &table).await.unwrap().0, 200);
    let put = async |key: &str, by: u32| {
        let item = json!({ "k": { "S": key }, "by": { "N": by.to_string() } });
        call(
            &proxy,
            "DynamoDB_20120810.PutItem",
            &json!({ "TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(k)" }),
        )
        .await
    };
    let stored = async |key: &str| {
        let (status, body) = call(
            &straight,
            "DynamoDB_20120810.GetItem",
            &json!({ "TableName": "t", "Key": { "k": { "S": key } } }),
        )
        .await
        .unwrap();
        assert_eq!(status, 200);
        body.get("Item").is_some()
    };
    for (fault, status, written) in [
        (Fault::Throttled, Some(400), false),
        (Fault::ServerError(500, When::BeforeEffect), Some(500), false),
        (Fault::ServerError(500, When::AfterEffect), Some(500), true),
        (Fault::Dropped(When::BeforeEffect), None, false),
        (Fault::Dropped(When::AfterEffect), None, true),
    ] {
        simulator.faults().add(Rule::on(Route::aws("DynamoDB.PutItem")).fault(fault.clone()));
        let key = format!("{fault:?}");
        assert_eq!(put(&key, 0).await.ok().map(|(status, _)| status), status, "{fault:?}");
        assert_eq!(stored(&key).await, written, "{fault:?}");
    }
    assert_eq!(simulator.faults().fired().len(), 5);
    for round in 0..5 {
        let key = format!("round {round}");
        let writers = (0..12).map(|by| {
            let (proxy, key) = (proxy.clone(), key.clone());
            tokio::spawn(async move {
                let item = json!({ "k": { "S": key }, "by": { "N": by.to_string() } });
                let body = json!({ "TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(k)" });
                call(&proxy, "DynamoDB_20120810.PutItem", &body).await.unwrap().0
            })
        });
        let mut statuses = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            statuses.push(writer.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
    let name = json!({ "Name": "/p", "Value": "1", "Type": "SecureString" });
    simulator.faults().add(Rule::on(Route::aws("SSM.PutParameter")).fault(Fault::Throttled));
    let versions = [
        call(&proxy, "AmazonSSM.PutParameter", &name).await.unwrap(),
        call(&proxy, "AmazonSSM.PutParameter", &name).await.unwrap(),
    ];
    assert_eq!((versions[0].0, &versions[1].1["Version"]), (400, &json!(1)), "{versions:?}");
}
