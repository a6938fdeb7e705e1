//! How the simulator's own parts ask the simulated AWS: straight, past the proxy, its faults and its record.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::{Failure, LARGEST_BODY};

/// A client of one simulated AWS.
#[derive(Debug, Clone)]
pub(crate) struct AwsClient {
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

impl AwsClient {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http() }
    }

    /// A request of a service whose API is made of paths.
    pub(crate) async fn rest(&self, service: &str, method: Method, path: &str) -> Result<Value, Failure> {
        self.ask(service, method, path, None, String::new()).await
    }

    /// A message to the queue of this ARN, with attributes that are texts.
    pub(crate) async fn send_message(
        &self,
        queue: &str,
        message: &str,
        attributes: &[(&str, String)],
    ) -> Result<(), Failure> {
        let named = queue.rsplit_once(':').and_then(|(rest, name)| Some((rest.rsplit_once(':')?.1, name)));
        let (account, name) = named.ok_or_else(|| format!("queue: got {queue:?}, expected an ARN"))?;
        let attributes: serde_json::Map<String, Value> = attributes
            .iter()
            .map(|(name, value)| {
                ((*name).to_owned(), serde_json::json!({ "DataType": "String", "StringValue": value }))
            })
            .collect();
        let url = format!("http://{}/{account}/{name}", self.address);
        let body =
            serde_json::json!({ "QueueUrl": url, "MessageBody": message, "MessageAttributes": attributes });
        self.ask("sqs", Method::POST, "/", Some("AmazonSQS.SendMessage"), body.to_string()).await.map(drop)
    }

    async fn ask(
        &self,
        service: &str,
        method: Method,
        path: &str,
        target: Option<&str>,
        body: String,
    ) -> Result<Value, Failure> {
        let asked = format!("{method} {path}");
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=local/20250903/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(AUTHORIZATION, signature);
        // One who asks by path sends no document.
        let request = match target {
            Some(target) => {
                request.header("x-amz-target", target).header(CONTENT_TYPE, "application/x-amz-json-1.0")
            }
            None => request,
        };
        let (parts, body) = self.client.request(request.body(Body::from(body))?).await?.into_parts();
        let body = to_bytes(Body::new(body), LARGEST_BODY).await?;
        if !parts.status.is_success() {
            return Err(
                format!("{service} {asked}: {}: {}", parts.status, String::from_utf8_lossy(&body)).into()
            );
        }
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? })
    }
}
