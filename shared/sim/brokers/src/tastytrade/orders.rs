//! Placing, reading, replacing and cancelling orders (docs/reference/tastytrade.md, Placing).
//!
//! A replacement is for what was left of its order when it was asked for, and stays that large even when the
//! order fills in part on its way out: how large is unsure (docs/reference/tastytrade.md, Replacing), so a
//! client must read both orders again.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gamma_sim_core::exchange::{
    Book, CancelError, Exchange, Objection, Order, OrderState, PositionEffect, Ticket, TicketLeg,
};
use gamma_sim_core::faults::View;
use gamma_sim_core::random::uuid;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors::ApiError;
use super::estimate::{buying_power_effect, fee_calculation};
use super::order_request::{OrderRequest, Refusal, Wording, read, read_replacement};
use super::orders_wire::{order as order_json, unplaced};
use super::{Face, Holder, wire};

/// What an answer grants, kept beside it so that faults find the order and can change what is said.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub(super) order: u64,
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

/// `POST /accounts/{n}/orders`.
pub(super) async fn place(
    State(face): State<Arc<Face>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let OrderRequest { ticket, wording, strict } = read(&body).map_err(|refusal| face.refused(refusal))?;
    let mut exchange = face.exchange_of(holder);
    let ticket = face.checked(&exchange, &ticket, strict, 0)?;
    let mut shown = estimate(&exchange, &ticket);
    let id = exchange.submit(ticket);
    // The words are known before anybody can read the order.
    face.state().wordings.insert(id, wording);
    shown["order"] = face.show(holder, exchange.book(), id, &View::default(), Exchange::now(&exchange));
    Ok(granted(StatusCode::CREATED, &format!("/accounts/{number}/orders"), shown, id))
}

/// `POST /accounts/{n}/orders/dry-run`: as a POST, and nothing is placed.
pub(super) async fn dry_run(
    State(face): State<Arc<Face>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let request = read(&body).map_err(|refusal| face.refused(refusal))?;
    let exchange = face.exchange_of(holder);
    let ticket = face.checked(&exchange, &request.ticket, request.strict, 0)?;
    Ok(rehearsed(&format!("/accounts/{number}/orders/dry-run"), holder, &exchange, &ticket, &request.wording))
}

/// `PUT /accounts/{n}/orders/{id}`: `data` is the new order.
pub(super) async fn replace(
    state: State<Arc<Face>>,
    path: Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    supersede(state, path, &body, true)
}

/// `PATCH /accounts/{n}/orders/{id}`: the same, naming only what changes.
pub(super) async fn edit(
    state: State<Arc<Face>>,
    path: Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    supersede(state, path, &body, false)
}

fn supersede(
    State(face): State<Arc<Face>>,
    Path((number, id)): Path<(String, String)>,
    body: &[u8],
    whole: bool,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let mut exchange = face.exchange_of(holder);
    let (old, ticket, wording) = face.replacement(&exchange, &id, body, whole)?;
    let new = exchange.replace(old, ticket).map_err(refused)?;
    face.state().wordings.insert(new, wording);
    let shown = face.show(holder, exchange.book(), new, &View::default(), Exchange::now(&exchange));
    Ok(granted(StatusCode::OK, &format!("/accounts/{number}/orders/{id}"), shown, new))
}

/// `POST /accounts/{n}/orders/{id}/dry-run`: what a replacement would come to.
pub(super) async fn dry_run_replacement(
    State(face): State<Arc<Face>>,
    Path((number, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let exchange = face.exchange_of(holder);
    let (_, ticket, wording) = face.replacement(&exchange, &id, &body, true)?;
    Ok(rehearsed(&format!("/accounts/{number}/orders/{id}/dry-run"), holder, &exchange, &ticket, &wording))
}

/// `DELETE /accounts/{n}/orders/{id}`: the order, which may still fill.
pub(super) async fn cancel(
    State(face): State<Arc<Face>>,
    Path((number, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let mut exchange = face.exchange_of(holder);
    let order = order_id(&id)?;
    exchange.cancel(order).map_err(refused)?;
    let shown = face.show(holder, exchange.book(), order, &View::default(), Exchange::now(&exchange));
    Ok(granted(StatusCode::OK, &format!("/accounts/{number}/orders/{id}"), shown, order))
}

/// `GET /accounts/{n}/orders/{id}`: `data` is the order, without a wrapper.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    view: View,
    Path((number, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let order = order_id(&id)?;
    let exchange = face.exchange_of(holder);
    let now = Exchange::now(&exchange);
    let seen = exchange.book().order(order).filter(|order| face.seen(order, &view, now).is_some());
    let seen = seen.ok_or_else(|| refused(CancelError::Unknown(order)))?;
    Ok(wire::ok(
        &format!("/accounts/{number}/orders/{id}"),
        face.show(holder, exchange.book(), seen.id, &view, now),
    ))
}

/// Complex orders are not simulated, and none is ever said to have been placed.
pub(super) async fn complex() -> ApiError {
    ApiError::unsupported("Complex orders are not simulated.")
}

impl Face {
    pub(super) fn refused(&self, refusal: Refusal) -> ApiError {
        match refusal {
            Refusal::Fields(fields) => ApiError::validation(fields),
            Refusal::Check(code, message) => self.failed(&[(code, message)]),
        }
    }

    fn failed(&self, failures: &[(&'static str, String)]) -> ApiError {
        let mut state = self.state();
        state.checks += 1;
        ApiError::preflight(&uuid(self.seed, (1 << 32) + state.checks), failures)
    }

    /// The order as it goes to the exchange, or why it does not. A price between two ticks passes here and
    /// dies there.
    fn checked(
        &self,
        exchange: &Exchange,
        ticket: &Ticket,
        strict: bool,
        replaced: u64,
    ) -> Result<Ticket, ApiError> {
        let ticket = &if strict { ticket.clone() } else { opened(exchange, ticket) };
        let failures: Vec<(&str, String)> =
            exchange.objections(ticket, ticket.quantity(), replaced).filter_map(failure).collect();
        if failures.is_empty() { Ok(ticket.clone()) } else { Err(self.failed(&failures)) }
    }

    /// The order that is to be replaced, and what is to take its place.
    fn replacement(
        &self,
        exchange: &Exchange,
        id: &str,
        body: &[u8],
        whole: bool,
    ) -> Result<(u64, Ticket, Wording), ApiError> {
        let id = order_id(id)?;
        let old = exchange.book().order(id).ok_or_else(|| refused(CancelError::Unknown(id)))?;
        if old.state.is_terminal()
            || matches!(old.state, OrderState::PendingCancel | OrderState::PendingReplace)
        {
            return Err(refused(CancelError::NotCancelable { id, state: old.state.clone() }));
        }
        let request = read_replacement(body, &old.ticket, old.unfilled(), whole)
            .map_err(|refusal| self.refused(refusal))?;
        let failures: Vec<(&str, String)> =
            exchange.objections(&request.ticket, request.ticket.quantity(), id).filter_map(failure).collect();
        if !failures.is_empty() {
            return Err(self.failed(&failures));
        }
        let before = self.state().wordings.get(&id).cloned().unwrap_or_default();
        let wording = Wording {
            source: request.wording.source.or(before.source),
            external_identifier: request.wording.external_identifier.or(before.external_identifier),
        };
        Ok((id, request.ticket, wording))
    }

    /// The order as a client is let see it at `now`, if it is.
    pub(super) fn seen<'a>(&self, order: &'a Order, view: &View, now: Timestamp) -> Option<Cow<'a, Order>> {
        let hidden = self.state().hidden.get(&order.id).is_some_and(|until| now < *until);
        match view.orders_as_of(now) {
            _ if hidden => None,
            None => Some(Cow::Borrowed(order)),
            Some(then) => order.as_of(then).map(Cow::Owned),
        }
    }

    /// One order's JSON as `view` has it.
    pub(super) fn show(&self, holder: &Holder, book: &Book, id: u64, view: &View, now: Timestamp) -> Value {
        let at = view.orders_as_of(now).unwrap_or(now);
        let Some(order) = book.order(id).and_then(|order| order.as_of(at)) else { return Value::Null };
        let wording = self.state().wordings.get(&id).cloned().unwrap_or_default();
        order_json(self, holder, book, &order, &wording, (view, at))
    }
}

/// Legs that close nothing, or more than is held, become legs that open.
fn opened(exchange: &Exchange, ticket: &Ticket) -> Ticket {
    let open = |leg: &TicketLeg| {
        if exchange.closes(leg, ticket.quantity()) {
            *leg
        } else {
            TicketLeg { effect: PositionEffect::Opening, ..*leg }
        }
    };
    let legs = ticket.legs().iter().map(open).collect();
    Ticket::new(legs, ticket.quantity(), ticket.pricing(), ticket.time_in_force())
        .unwrap_or_else(|_| ticket.clone())
}

/// The check that fails, in tastytrade's words. What a strict closing leg fails by is not known.
fn failure(objection: Objection) -> Option<(&'static str, String)> {
    match objection {
        Objection::NotListed(symbol) => {
            Some(("instrument_validation_failed", format!("{symbol} could not be found.")))
        }
        Objection::Closed(symbol) => Some(("too_close_to_expiration", format!("{symbol} no longer trades."))),
        Objection::NothingToClose { symbol, held } => Some((
            "position_effect_validation_failed",
            format!("A closing leg needs a position to close: {symbol} has {held}."),
        )),
        Objection::TooLittleMoney { .. } => Some((
            "margin_check_failed",
            "Account does not have sufficient buying power available for this order.".to_owned(),
        )),
        Objection::OffTick { .. } => None,
    }
}

fn granted(status: StatusCode, context: &str, data: Value, order: u64) -> Response {
    let body = json!({ "data": data, "context": context });
    let mut response = wire::json(status, &body);
    response.extensions_mut().insert(Granted { order, status, body });
    response
}

fn rehearsed(
    context: &str,
    holder: &Holder,
    exchange: &Exchange,
    ticket: &Ticket,
    wording: &Wording,
) -> Response {
    let mut shown = estimate(exchange, ticket);
    shown["order"] = Value::Object(unplaced(holder, ticket, wording, "Received", true));
    wire::data(StatusCode::CREATED, context, shown)
}

fn estimate(exchange: &Exchange, ticket: &Ticket) -> Value {
    let next_session = json!({ "code": "tif_next_valid_sesssion", "message": "Your order will begin working during next valid session." });
    let warnings: Vec<Value> = exchange.opens_later(ticket).then_some(next_session).into_iter().collect();
    json!({ "warnings": warnings, "buying-power-effect": buying_power_effect(exchange, ticket), "fee-calculation": fee_calculation(ticket) })
}

fn order_id(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| ApiError::not_found(&format!("Order {text}")))
}

fn refused(error: CancelError) -> ApiError {
    match error {
        CancelError::Unknown(id) => ApiError::not_found(&format!("Order {id}")),
        CancelError::NotCancelable { id, .. } => {
            ApiError::cannot_update(format!("Order {id} cannot be updated: it is no longer live."))
        }
    }
}
