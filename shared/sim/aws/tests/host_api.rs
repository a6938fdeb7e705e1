//! The Invoke API on the wire.

use crate::host_bootstrap::{Stage, function};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gamma_sim_aws::host::FunctionConfig;
use reqwest::Response;
use serde_json::{Value, json};

async fn post(
    stage: &Stage,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Response {
    let mut request =
        reqwest::Client::new().post(format!("{}/2015-03-31/functions/{path}", stage.host.url())).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'response>(response: &'response Response, name: &str) -> Option<&'response str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_result_carries_its_headers() {
    let stage = Stage::new(vec![function()]).await;
    let response =
        post(&stage, "f/invocations", &[("X-Amz-Log-Type", "Tail")], r#"{"print": ["hello"]}"#).await;
    let id = header(&response, "x-amzn-requestid").unwrap().to_owned();
    assert_eq!(
        (response.status().as_u16(), header(&response, "x-amz-executed-version")),
        (200, Some("$LATEST"))
    );
    assert_eq!(header(&response, "x-amz-function-error"), None);
    assert_eq!(
        STANDARD.decode(header(&response, "x-amz-log-result").unwrap()).unwrap(),
        b"initialising\nhello\n"
    );
    let answer = json_of(response).await;
    assert_eq!(answer["headers"]["lambda-runtime-aws-request-id"], Value::String(id));
    let response = post(&stage, "f/invocations", &[], r#"{"raise": "no"}"#).await;
    assert_eq!(
        (
            response.status().as_u16(),
            header(&response, "x-amz-function-error"),
            header(&response, "x-amz-log-result")
        ),
        (200, Some("Unhandled"), None)
    );
    assert_eq!(json_of(response).await, json!({ "errorType": "Refused", "errorMessage": "no" }));
}

#[tokio::test]
async fn a_function_is_found_by_every_name_it_has() {
    let stage = Stage::new(vec![function()]).await;
    let arn = "arn:aws:lambda:us-east-1:123456789012:function";
    for name in
        ["f", "f:$LATEST", "123456789012:function:f", &format!("{arn}:f"), &format!("{arn}%3Af%3A%24LATEST")]
    {
        let response = post(&stage, &format!("{name}/invocations"), &[], "").await;
        assert_eq!(response.status().as_u16(), 200, "{name}");
        assert_eq!(json_of(response).await["event"], json!({}), "an empty payload is an empty object");
    }
    assert_eq!(post(&stage, "f/invocations?Qualifier=$LATEST", &[], "{}").await.status().as_u16(), 200);
    for (path, unknown) in
        [("g/invocations", "g"), ("f/invocations?Qualifier=live", "f:live"), ("f:7/invocations", "f:7")]
    {
        let response = post(&stage, path, &[], "{}").await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "x-amzn-errortype")),
            (404, Some("ResourceNotFoundException")),
            "{path}"
        );
        assert_eq!(
            json_of(response).await,
            json!({ "Message": format!("Function not found: {arn}:{unknown}"), "Type": "User" })
        );
    }
}

#[tokio::test]
async fn kinds_and_refusals() {
    let closed = FunctionConfig { name: "closed".to_owned(), reserved_concurrency: Some(0), ..function() };
    let stage = Stage::new(vec![function(), closed]).await;
    let kind = |kind| vec![("X-Amz-Invocation-Type", kind)];
    let blank = |kilobytes: usize, more: usize| format!("1{}", " ".repeat(kilobytes * 1024 - 1 + more));
    for (function, headers, body, status, error) in [
        ("f", kind("Event"), "{}".to_owned(), 202, None),
        ("f", kind("DryRun"), "{}".to_owned(), 204, None),
        ("g", kind("DryRun"), "{}".to_owned(), 404, Some("ResourceNotFoundException")),
        ("f", kind("Later"), "{}".to_owned(), 400, Some("InvalidParameterValueException")),
        ("f", vec![("X-Amz-Log-Type", "All")], "{}".to_owned(), 400, Some("InvalidParameterValueException")),
        ("f", vec![], "{".to_owned(), 400, Some("InvalidRequestContentException")),
        ("f", kind("Event"), "nonsense".to_owned(), 400, Some("InvalidRequestContentException")),
        ("closed", kind("Event"), blank(256, 0), 202, None),
        ("f", kind("Event"), blank(256, 1), 413, Some("RequestEntityTooLargeException")),
        ("f", kind("DryRun"), blank(6 * 1024, 0), 204, None),
        ("f", vec![], blank(6 * 1024, 1), 413, Some("RequestEntityTooLargeException")),
        ("closed", vec![], "{}".to_owned(), 429, Some("TooManyRequestsException")),
    ] {
        let case = format!("{function} {headers:?} {} bytes", body.len());
        let response = post(&stage, &format!("{function}/invocations"), &headers, body).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "x-amzn-errortype")),
            (status, error),
            "{case}"
        );
        assert_eq!(header(&response, "x-amzn-requestid").is_some(), error.is_none(), "{case}");
        assert_eq!(response.text().await.unwrap().is_empty(), error.is_none(), "{case}");
    }
}

#[tokio::test]
async fn an_invocation_outlives_its_caller() {
    let stage = Stage::new(vec![function()]).await;
    let hold = stage.clock.hold();
    let mut lines = stage.host.subscribe();
    let url = format!("{}/2015-03-31/functions/f/invocations", stage.host.url());
    let caller = tokio::spawn(reqwest::Client::new().post(url).body(r#"{"wait": 60}"#).send());
    lines.recv().await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(hold);
    stage.host.settled().await;
    let attempts = stage.host.attempts();
    assert_eq!((attempts.len(), attempts[0].error.as_ref()), (1, None));
}
