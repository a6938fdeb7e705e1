//! A simulated AWS: a proxy before moto, so that its faults and its request log are those of the other
//! services, what was asked of it on record ([`AwsCalls`]), a Lambda host ([`host`]), and EventBridge
//! Scheduler on the virtual clock ([`scheduler`]).
//!
//! The proxy sends requests upstream as they came, signature and all, and gives answers back as they were.
//! Only what belongs to one connection is left out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gamma_sim_core::faults::Route;
use gamma_sim_core::requests::Service;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::RwLock;

use crate::scheduler::ScheduleChanges;

mod calls;
mod client;
pub mod host;
mod permission;
pub mod scheduler;

pub use calls::{AwsCall, AwsCalls};
pub(crate) use client::AwsClient;

/// Far above the largest request and answer of any operation we use.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Operations that only read. Whatever is not known to is taken to write.
const READS: [&str; 6] = [
    "DynamoDB.GetItem",
    "DynamoDB.Query",
    "DynamoDB.Scan",
    "DynamoDB.BatchGetItem",
    "DynamoDB.TransactGetItems",
    "DynamoDB.DescribeTable",
];

struct Proxy {
    upstream: SocketAddr,
    client: Client<HttpConnector, Body>,
    calls: AwsCalls,
    changes: ScheduleChanges,
    /// DynamoDB evaluates a write's condition and applies it as one step. moto does not: of two writes at
    /// once, both can find the condition true, and a read can see half of a transaction. One write at a time,
    /// and no read beside it, is what the real one promises.
    table: RwLock<()>,
}

/// A router that hands everything on to `upstream`, notes in `calls` what was asked, and tells `changes` of
/// every schedule that was changed.
pub fn router(upstream: SocketAddr, calls: AwsCalls, changes: ScheduleChanges) -> Router {
    // A connection for each request: one that was kept could be closed by the other end just when it is used
    // again, and such a failure would be ours and in no fault plan.
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    Router::new().fallback(forward).with_state(Arc::new(Proxy {
        upstream,
        client,
        calls,
        changes,
        table: RwLock::new(()),
    }))
}

/// Runs to its end in a task of its own, whether or not the client still listens: what was sent to a service
/// is done.
async fn forward(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    match tokio::spawn(async move { proxy.exchange(request).await }).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => unreachable_upstream(&error),
        Err(error) => unreachable_upstream(&error.into()),
    }
}

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Proxy {
    async fn exchange(&self, request: Request) -> Result<Response, Failure> {
        let route = Route::of(Service::Aws, request.method(), request.uri().path(), request.headers());
        let (mut parts, body) = request.into_parts();
        // The whole request first: a client that is slow to send it must not hold up the others.
        let body = to_bytes(body, LARGEST_BODY).await?;
        self.calls.note(&parts.method, &parts.uri, &parts.headers, &body)?;
        parts.uri = self.upstream_uri(&parts.uri)?;
        parts.extensions.clear();
        leave_out_connection(&mut parts.headers);
        let request = Request::from_parts(parts, Body::from(body));
        match route {
            Route::Aws(operation) if READS.contains(&operation.as_str()) => {
                let _reading = self.table.read().await;
                self.send(request).await
            }
            Route::Aws(operation) if operation.starts_with("DynamoDB.") => {
                let _writing = self.table.write().await;
                self.send(request).await
            }
            _ => {
                let changes_schedules =
                    request.method() != Method::GET && request.uri().path().starts_with("/schedules/");
                let response = self.send(request).await?;
                if changes_schedules {
                    self.changes.tell();
                }
                Ok(response)
            }
        }
    }

    async fn send(&self, request: Request) -> Result<Response, Failure> {
        let (mut parts, body) = self.client.request(request).await?.into_parts();
        let body = to_bytes(Body::new(body), LARGEST_BODY).await?;
        leave_out_connection(&mut parts.headers);
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    fn upstream_uri(&self, uri: &Uri) -> Result<Uri, Failure> {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.upstream.to_string().parse::<Authority>()?);
        parts.path_and_query = parts.path_and_query.or_else(|| Some(PathAndQuery::from_static("/")));
        Ok(Uri::from_parts(parts)?)
    }
}

fn leave_out_connection(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
}

fn unreachable_upstream(error: &Failure) -> Response {
    tracing::error!(%error, "the simulated AWS behind the proxy did not answer");
    (StatusCode::BAD_GATEWAY, format!("proxy: the simulated AWS did not answer: {error}")).into_response()
}
