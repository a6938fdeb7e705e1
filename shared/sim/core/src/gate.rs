//! What stands before a face: the log and the faults.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::connections::{Caller, Outages};
use crate::faults::{self, Fault, FaultPlan, Route, Stage, Strike, View, When};
use crate::requests::{LoggedRequest, RequestLog, Service};
use crate::time::{VirtualClock, real_now};

/// A face, as far as faults change what it holds and what it says.
pub trait Sufferer: Send + Sync {
    /// A fault befalls tokens or an order before `request`, which carries `headers`, is served. Whether it
    /// did.
    fn suffer(&self, fault: &Fault, request: &faults::Request, headers: &HeaderMap) -> bool;

    /// A fault befalls what `request` was just granted with `response`. Whether it did.
    fn suffer_accepted(&self, fault: &Fault, request: &faults::Request, response: &mut Response) -> bool;

    /// The number of the account that `path` names.
    fn account_on(&self, path: &str) -> Option<String>;

    /// What a client is told of `fault` in the service's own words; `None` where those of all services do.
    fn answer(&self, _fault: &Fault, _request: &faults::Request) -> Option<Response> {
        None
    }
}

/// What stands before one face.
#[derive(Clone)]
pub struct Gate {
    /// Which service it stands before.
    pub service: Service,
    /// What tells when a request came.
    pub clock: VirtualClock,
    /// Where every request is kept.
    pub log: RequestLog,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// Which ports are away, and until when.
    pub outages: Arc<Outages>,
    /// Whose orders and tokens the faults change; `None` before a service that has neither.
    pub broker: Option<Arc<dyn Sufferer>>,
}

/// Bytes; a real order has one or two thousand.
const LARGEST_ORDER: usize = 1 << 20;

/// Whether a client hears anything.
enum Outcome {
    Answered(Response),
    Cut,
    Muted,
    Refused(Timestamp),
}

impl Gate {
    /// Puts the gate before every route, the unknown ones included.
    pub fn before(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, pass))
    }

    async fn serve(&self, asked: &faults::Request, mut request: Request, next: Next) -> Outcome {
        let strikes = self.faults.consult(asked);
        if let Some(delay) = strikes
            .iter()
            .find_map(|strike| if let Fault::Latency(delay) = strike.fault { Some(delay) } else { None })
        {
            real_time(delay).await;
        }
        let of = |stage: Stage| strikes.iter().filter(move |strike| strike.stage == stage);
        for strike in of(Stage::World) {
            self.keep_if(
                self.broker
                    .as_ref()
                    .is_some_and(|broker| broker.suffer(&strike.fault, asked, request.headers())),
                strike,
            );
        }
        if let Some(strike) = of(Stage::Answer(When::BeforeEffect)).next() {
            return self.outcome(&strike.fault, asked);
        }
        request
            .extensions_mut()
            .insert(View::of(of(Stage::View).map(|strike| strike.fault.clone()).collect()));
        let mut response = next.run(request).await;
        for strike in of(Stage::View) {
            self.keep_if(response.status() != StatusCode::UNAUTHORIZED, strike);
        }
        // What is said of an order changes last: the other faults find it by that.
        let mut accepted: Vec<&Strike> = of(Stage::Accepted).collect();
        accepted.sort_by_key(|strike| matches!(strike.fault, Fault::NoLocation | Fault::Location(_)));
        for strike in accepted {
            let accepted = response.status().is_success();
            let befell = self
                .broker
                .as_ref()
                .filter(|_| accepted)
                .is_some_and(|broker| broker.suffer_accepted(&strike.fault, asked, &mut response));
            self.keep_if(befell, strike);
        }
        match of(Stage::Answer(When::AfterEffect)).next() {
            Some(strike) => self.outcome(&strike.fault, asked),
            None => Outcome::Answered(response),
        }
    }

    fn outcome(&self, fault: &Fault, asked: &faults::Request) -> Outcome {
        match fault {
            Fault::Dropped(_) => Outcome::Cut,
            Fault::Hang(_) => Outcome::Muted,
            Fault::Refused(time) => Outcome::Refused(asked.at.checked_add(*time).unwrap_or(Timestamp::MAX)),
            answered => {
                let own_words = self.broker.as_ref().and_then(|broker| broker.answer(answered, asked));
                Outcome::Answered(own_words.unwrap_or_else(|| faults::answer(answered, asked)))
            }
        }
    }

    fn keep_if(&self, happened: bool, strike: &Strike) {
        if !happened {
            self.faults.give_back(strike);
        }
    }
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let arrived = real_now().into_std();
    let route = Route::of(gate.service, request.method(), request.uri().path(), request.headers());
    let path = request.uri().path().to_owned();
    let account = gate.broker.as_ref().and_then(|broker| broker.account_on(&path));
    let asked = faults::Request {
        service: gate.service,
        route,
        method: request.method().clone(),
        path,
        account,
        at: gate.clock.now(),
    };
    let caller = request.extensions().get::<ConnectInfo<Caller>>().map(|ConnectInfo(caller)| caller.clone());
    let (order, request) = order_of(&asked.route, request).await;
    let outcome = gate.serve(&asked, request, next).await;
    let status =
        if let Outcome::Answered(response) = &outcome { Some(response.status().as_u16()) } else { None };
    let faults::Request { route, method, path, at, .. } = asked;
    let path = if let Route::Aws(operation) = route { operation } else { path };
    let answered = real_now().into_std();
    gate.log.add(LoggedRequest {
        service: gate.service,
        method: method.to_string(),
        path,
        order,
        status,
        at,
        arrived,
        answered,
    });
    match (outcome, caller) {
        (Outcome::Answered(response), _) => return response,
        (Outcome::Cut, Some(caller)) => caller.cut(),
        (Outcome::Muted, Some(caller)) => caller.mute(),
        (Outcome::Refused(until), Some(caller)) => gate.outages.begin(caller.server(), until),
        (_, None) => {
            tracing::error!("a request came on a connection that no registry knows, and was answered")
        }
    }
    // It is written to a connection that lets nothing through any more.
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// The body of an order that is sent, and the request as it came.
async fn order_of(route: &Route, request: Request) -> (Option<String>, Request) {
    if !matches!(route, Route::PlaceOrder) {
        return (None, request);
    }
    let (head, body) = request.into_parts();
    match axum::body::to_bytes(body, LARGEST_ORDER).await {
        Ok(bytes) => {
            (Some(String::from_utf8_lossy(&bytes).into_owned()), Request::from_parts(head, bytes.into()))
        }
        Err(error) => {
            tracing::error!("the body of an order did not come: {error}");
            (None, Request::from_parts(head, axum::body::Body::empty()))
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a slow network is slow in real time: virtual time stands still while a run waits for an answer"
)]
async fn real_time(delay: Duration) {
    tokio::time::sleep(delay).await;
}
