//! Lists of orders (docs/reference/tastytrade.md, Order lists): those of today, and those of some days.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use gamma_market::calendar::trade_date;
use gamma_sim_core::exchange::{Exchange, Order};
use gamma_sim_core::faults::View;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::errors::ApiError;
use super::orders_wire::status;
use super::parameters::Parameters;
use super::{Face, Holder, wire};

/// From this release on a search must say since when, and orders of today come in pages.
const DATED_RELEASE: &str = "20261012";
const MOST_PER_PAGE: usize = 200;

/// `GET /accounts/{n}/orders/live`: what was placed or changed today, whatever became of it, and what still
/// works.
pub(super) async fn live(
    State(face): State<Arc<Face>>,
    view: View,
    headers: HeaderMap,
    Path(number): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let today = trade_date(face.clock.now());
    let only_todays = face.state().only_todays_orders;
    let of_today = |order: &Order| {
        (!order.state.is_terminal() && !only_todays) || trade_date(order.last_change()) == today
    };
    let mut orders = list(&face, holder, &view, |order, _| of_today(order));
    orders.extend(view.foreign_rows().cloned());
    let context = format!("/accounts/{number}/orders/live");
    if !is_dated_release(&headers) {
        return Ok(wire::items(&context, orders));
    }
    let (per_page, page) = parameters.page(MOST_PER_PAGE, MOST_PER_PAGE)?;
    Ok(wire::page(&context, orders, per_page, page))
}

/// `GET /accounts/{n}/orders`.
pub(super) async fn search(
    State(face): State<Arc<Face>>,
    view: View,
    headers: HeaderMap,
    Path(number): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let holder = face.holder(&number)?;
    let since = Since::read(&parameters)?;
    if is_dated_release(&headers) && since.start_date.is_none() && since.start_at.is_none() {
        return Err(ApiError::invalid("start-date", "start-date or start-at is required"));
    }
    let statuses = parameters.list("status");
    let underlying = parameters.one("underlying-symbol").is_none_or(|symbol| symbol == "SPX");
    let kind = parameters.one("underlying-instrument-type").is_none_or(|kind| kind == "Equity");
    let (per_page, page) = parameters.page(10, MOST_PER_PAGE)?;
    let wanted = |order: &Order, word: &str| {
        underlying && kind && since.holds(order.entered) && (statuses.is_empty() || statuses.contains(&word))
    };
    let mut orders = list(&face, holder, &view, wanted);
    orders.extend(
        view.foreign_rows()
            .filter(|row| {
                statuses.is_empty() || row["status"].as_str().is_some_and(|word| statuses.contains(&word))
            })
            .cloned(),
    );
    if descends(&parameters)? {
        return Ok(wire::page(&format!("/accounts/{number}/orders"), orders, per_page, page));
    }
    orders.reverse();
    Ok(wire::page(&format!("/accounts/{number}/orders"), orders, per_page, page))
}

/// Newest first.
fn list(face: &Face, holder: &Holder, view: &View, wanted: impl Fn(&Order, &str) -> bool) -> Vec<Value> {
    let exchange = face.exchange_of(holder);
    let (book, now) = (exchange.book(), Exchange::now(&exchange));
    let at = view.orders_as_of(now).unwrap_or(now);
    let seen = book.posts().iter().rev().filter_map(|order| face.seen(order, view, now));
    seen.filter(|order| wanted(order, status(order, book, at)))
        .map(|order| face.show(holder, book, order.id, view, now))
        .collect()
}

fn is_dated_release(headers: &HeaderMap) -> bool {
    headers
        .get("accept-version")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|version| version >= DATED_RELEASE)
}

/// Whether the newest comes first, as it does unless `sort` says otherwise.
pub(super) fn descends(parameters: &Parameters) -> Result<bool, ApiError> {
    match parameters.one("sort") {
        None | Some("Desc") => Ok(true),
        Some("Asc") => Ok(false),
        Some(other) => Err(ApiError::invalid("sort", format!("got {other:?}, expected Asc or Desc"))),
    }
}

/// A span of days in New York or of moments; both ends are included.
pub(super) struct Since {
    pub(super) start_date: Option<Date>,
    end_date: Option<Date>,
    pub(super) start_at: Option<Timestamp>,
    end_at: Option<Timestamp>,
}

impl Since {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ApiError> {
        let date = |name: &str| parameters.parse::<Date>(name, "yyyy-MM-dd");
        let time = |name: &str| parameters.parse::<Timestamp>(name, "a time with its offset");
        Ok(Self {
            start_date: date("start-date")?,
            end_date: date("end-date")?,
            start_at: time("start-at")?,
            end_at: time("end-at")?,
        })
    }

    pub(super) fn holds(&self, at: Timestamp) -> bool {
        let day = trade_date(at);
        let days =
            self.start_date.is_none_or(|start| start <= day) && self.end_date.is_none_or(|end| day <= end);
        days && self.start_at.is_none_or(|start| start <= at) && self.end_at.is_none_or(|end| at <= end)
    }
}
