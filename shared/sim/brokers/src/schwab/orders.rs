//! Placing, reading, replacing and cancelling orders (docs/reference/schwab.md, Placing).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use gamma_sim_core::exchange::{CancelError, Exchange, Order, OrderState};
use gamma_sim_core::faults::View;
use jiff::fmt::strtime;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::accounts::Parameters;
use super::errors::TraderError;
use super::logins::{Holder, LoginId};
use super::order_request::{OrderRequest, Wording, read};
use super::orders_wire::{default_wording, order as order_json, status};
use super::{Face, wire};

/// How far back orders can be listed.
const OLDEST: SignedDuration = SignedDuration::from_hours(60 * 24);
const MOST_RESULTS: usize = 3000;

/// Words the `status` filter takes.
const STATUSES: &[&str] = &[
    "AWAITING_PARENT_ORDER",
    "AWAITING_CONDITION",
    "AWAITING_STOP_CONDITION",
    "AWAITING_MANUAL_REVIEW",
    "ACCEPTED",
    "AWAITING_UR_OUT",
    "PENDING_ACTIVATION",
    "QUEUED",
    "WORKING",
    "REJECTED",
    "PENDING_CANCEL",
    "CANCELED",
    "PENDING_REPLACE",
    "REPLACED",
    "FILLED",
    "EXPIRED",
    "NEW",
    "AWAITING_RELEASE_TIME",
    "PENDING_ACKNOWLEDGEMENT",
    "PENDING_RECALL",
    "UNKNOWN",
];

/// `POST /accounts/{hash}/orders`: 201, no body, the id at the end of `Location`.
pub(super) async fn place(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    Path(hash): Path<String>,
    body: Bytes,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    let OrderRequest { ticket, wording } = read(&body).map_err(TraderError::validation)?;
    let mut exchange = face.exchange_of(holder);
    let id = exchange.submit(ticket);
    // The words are known before anybody can read the order.
    Ok(face.created(holder, id, wording))
}

/// `PUT /accounts/{hash}/orders/{id}`: as a POST, with the id of the new order.
pub(super) async fn replace(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    Path((hash, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    let old = order_id(&id)?;
    let OrderRequest { ticket, wording } = read(&body).map_err(TraderError::validation)?;
    let mut exchange = face.exchange_of(holder);
    let new = exchange.replace(old, ticket).map_err(refused)?;
    Ok(face.created(holder, new, wording))
}

/// `DELETE /accounts/{hash}/orders/{id}`: 200 without a body says only that the request was taken.
pub(super) async fn cancel(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    Path((hash, id)): Path<(String, String)>,
) -> Result<StatusCode, TraderError> {
    let holder = face.holder(login, &hash)?;
    face.exchange_of(holder).cancel(order_id(&id)?).map_err(refused)?;
    Ok(StatusCode::OK)
}

/// `GET /accounts/{hash}/orders/{id}`.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    view: View,
    Path((hash, id)): Path<(String, String)>,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    let id = order_id(&id)?;
    let exchange = face.exchange_of(holder);
    let order = exchange.book().order(id).and_then(|order| face.seen(order, &view, Exchange::now(&exchange)));
    let order = order.ok_or_else(|| refused(CancelError::Unknown(id)))?;
    Ok(wire::ok(&face.show(holder, &order, &view)))
}

/// `GET /accounts/{hash}/orders`.
pub(super) async fn of_account(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    view: View,
    Path(hash): Path<String>,
    Query(query): Parameters,
) -> Result<Response, TraderError> {
    let holder = face.holder(login, &hash)?;
    list(&face, std::iter::once(holder), &view, &query)
}

/// `GET /orders`: of all accounts the login shows.
pub(super) async fn of_all_accounts(
    State(face): State<Arc<Face>>,
    Extension(login): Extension<LoginId>,
    view: View,
    Query(query): Parameters,
) -> Result<Response, TraderError> {
    list(&face, face.of_login(login), &view, &query)
}

impl Face {
    fn created(&self, holder: &Holder, id: u64, wording: Wording) -> Response {
        self.state().wordings.insert(id, wording);
        let location = format!("https://api.schwabapi.com/trader/v1/accounts/{}/orders/{id}", holder.hash);
        (StatusCode::CREATED, [(LOCATION, location)]).into_response()
    }

    /// The order as a client is let see it at `now`, if it is.
    fn seen<'a>(&self, order: &'a Order, view: &View, now: Timestamp) -> Option<Cow<'a, Order>> {
        let hidden = self.state().hidden.get(&order.id).is_some_and(|until| now < *until);
        match (view.orders_as_of(now), view.fills_late_by()) {
            _ if hidden => None,
            (None, None) => Some(Cow::Borrowed(order)),
            (then, late) => {
                let order = order.as_of(then.unwrap_or(now))?;
                Some(Cow::Owned(late.map_or(order.clone(), |delay| order.counted_late(delay, now))))
            }
        }
    }

    fn show(&self, holder: &Holder, order: &Order, view: &View) -> Value {
        let wording = self.state().wordings.get(&order.id).cloned();
        let ours = wording.is_some();
        let mut shown = order_json(order, &wording.unwrap_or_else(|| default_wording(order)), self, holder);
        if let (false, Some(fields)) = (ours, shown.as_object_mut()) {
            // The tag names the app that placed the order; what Schwab writes for its own platforms is not
            // known.
            fields.remove("tag");
        }
        if let (Some(old), true) = (order.replaces, view.links()) {
            // Orders of another shape than in the list: what is known of it is that it names the other order.
            shown["replacingOrderCollection"] = json!([{ "orderId": old, "status": "REPLACED" }]);
        }
        if order.state == OrderState::Replaced && view.replaced_as_canceled() {
            shown["status"] = "CANCELED".into();
        }
        if let Some(status) = view.status() {
            shown["status"] = status.into();
        }
        shown
    }
}

/// Which orders are asked for.
struct Listing {
    from: Timestamp,
    to: Timestamp,
    most: usize,
    status: Option<String>,
}

impl Listing {
    fn read(query: &BTreeMap<String, String>, now: Timestamp) -> Result<Self, TraderError> {
        let mut errors = Vec::new();
        let mut keep =
            |result: Result<Timestamp, String>| result.map_err(|error| errors.push(error)).unwrap_or(now);
        let from = keep(time(query, "fromEnteredTime"));
        let to = keep(time(query, "toEnteredTime"));
        let most = query.get("maxResults").map_or(Some(MOST_RESULTS), |text| {
            text.parse().ok().filter(|most| (1..=MOST_RESULTS).contains(most))
        });
        if most.is_none() {
            errors.push(format!("maxResults: expected 1 to {MOST_RESULTS}"));
        }
        let status = query.get("status").cloned();
        if status.as_ref().is_some_and(|word| !STATUSES.contains(&word.as_str())) {
            errors.push("status: expected one order status".into());
        }
        if errors.is_empty() && from > to {
            errors.push("fromEnteredTime: expected a time before toEnteredTime".into());
        }
        if errors.is_empty() && from < now - OLDEST {
            errors.push("fromEnteredTime: expected a time within the last 60 days".into());
        }
        match (errors.is_empty(), most) {
            (true, Some(most)) => Ok(Self { from, to, most, status }),
            _ => Err(TraderError::validation(errors)),
        }
    }

    fn holds(&self, order: &Order) -> bool {
        let status = self.status.as_deref().is_none_or(|word| word == status(&order.state));
        status && self.from <= order.entered && order.entered <= self.to
    }
}

/// Newest first; of several accounts, one after the other.
fn list<'a>(
    face: &Face,
    holders: impl Iterator<Item = &'a Holder>,
    view: &View,
    query: &BTreeMap<String, String>,
) -> Result<Response, TraderError> {
    let listing = Listing::read(query, face.clock.now())?;
    let mut shown: Vec<Value> = Vec::new();
    for holder in holders {
        let exchange = face.exchange_of(holder);
        let seen = exchange
            .book()
            .posts()
            .iter()
            .rev()
            .filter_map(|order| face.seen(order, view, Exchange::now(&exchange)));
        let orders = seen.filter(|order| listing.holds(order)).take(listing.most - shown.len());
        shown.extend(orders.map(|order| face.show(holder, &order, view)));
    }
    shown.extend(view.foreign_rows().cloned());
    Ok(wire::ok(&shown.into()))
}

/// A required time in UTC with a Z and three decimals or none: the vendor's documents want the former, public
/// SDKs send the latter too.
pub(super) fn time(query: &BTreeMap<String, String>, name: &str) -> Result<Timestamp, String> {
    let text = query.get(name).ok_or_else(|| format!("{name} is required"))?;
    let shape = ["2025-09-03T20:13:30Z".len(), "2025-09-03T20:13:30.000Z".len()];
    let parsed =
        strtime::parse("%Y-%m-%dT%H:%M:%S%.fZ", text).ok().and_then(|parts| parts.to_datetime().ok());
    let at = parsed.and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil).ok());
    at.filter(|_| shape.contains(&text.len()))
        .ok_or_else(|| format!("'{text}' is not a valid value for {name}"))
}

fn order_id(text: &str) -> Result<u64, TraderError> {
    text.parse().map_err(|_| TraderError::invalid("orderId: expected a whole number".into()))
}

fn refused(error: CancelError) -> TraderError {
    match error {
        CancelError::Unknown(id) => TraderError::not_found(format!("orderId: no order {id}")),
        CancelError::NotCancelable { id, state } => TraderError::invalid(format!(
            "Order {id} cannot be canceled or replaced: its status is {}",
            status(&state)
        )),
    }
}
