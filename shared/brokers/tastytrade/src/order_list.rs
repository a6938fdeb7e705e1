//! `GET /accounts/{number}/orders/live` and `/orders` (docs/reference/tastytrade.md, Order lists).

use std::collections::BTreeMap;

use gamma_execution::ports::{BrokerError, BrokerFault, OrderView, WorkingOrders};
use gamma_http::Request;
use gamma_market::calendar::{at_eastern, trade_date};
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan, Unit};
use serde_json::Value;

use crate::broker::Tastytrade;
use crate::client::{failed, real};
use crate::envelope;
use crate::order_view;
use crate::pages::{Paging, Step, Told};

/// The most rows the broker gives at once.
const PER_PAGE: usize = 200;

const LIVE: &str = "GET orders/live";
const DATED: &str = "GET orders";

/// How far back orders that still work are searched for: a good-till-cancel order may be this old.
const WORKING_SINCE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The words of an order that is not terminal (docs/reference/tastytrade.md, Order as shown).
const NOT_OVER: [&str; 7] =
    ["Received", "Routed", "In Flight", "Live", "Cancel Requested", "Replace Requested", "Contingent"];

/// How patiently a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As any read.
    Usual,
    /// While orders are out.
    Hasty,
}

impl Tastytrade {
    /// Orders entered between the two times, of both lists: the search by date, and today's, where a new
    /// order is to be looked for first.
    pub(crate) async fn all_orders(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<OrderView>, BrokerError> {
        let (live, dated) = tokio::try_join!(self.live_orders(Patience::Usual), self.dated_orders(from, to))?;
        Ok(between(merged(live.into_iter().chain(dated)), from, to))
    }

    /// Orders of today's list alone, entered between the two times.
    pub(crate) async fn todays_orders(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<OrderView>, BrokerError> {
        Ok(between(merged(self.live_orders(Patience::Hasty).await?), from, to))
    }

    /// Orders that work now, of both lists at once. Today's has "older GTC orders that are still working"
    /// too, as the broker's documents say (developer.tastytrade.com, List Today's Orders); where it has not,
    /// the search by status finds them.
    ///
    /// A search that the broker refuses, for a span it does not take, is no reason not to trade: then `since`
    /// is today.
    pub(crate) async fn orders_that_work(&self) -> Result<WorkingOrders, BrokerError> {
        let now = self.client.clock.now();
        let since = now.checked_sub(WORKING_SINCE).unwrap_or(now);
        let searched = async {
            match self.searched_orders(&not_over(since)).await {
                Err(error) if matches!(error.fault, BrokerFault::Refused(_)) => {
                    tracing::warn!(%error, "orders of earlier days are known from today's list alone");
                    Ok(None)
                }
                answer => answer.map(Some),
            }
        };
        let (live, searched) = tokio::try_join!(self.live_orders(Patience::Usual), searched)?;
        let since = if searched.is_some() { since } else { at_eastern(trade_date(now), Time::midnight()) };
        let mut orders = merged(live.into_iter().chain(searched.into_iter().flatten()));
        orders.retain(|order| !order.status.is_terminal());
        Ok(WorkingOrders { orders, since: Some(since) })
    }

    /// Every order made or changed today, ended ones too.
    async fn live_orders(&self, patience: Patience) -> Result<Vec<OrderView>, BrokerError> {
        let url = format!("{}/live", self.orders_url());
        // Without pages until the broker's release of October 2026: it is asked for without a number.
        let answer = self.list_page(LIVE, patience, &url, &[]).await?;
        let (unpaged, told) = rows(&answer, LIVE, self.client.clock.now())?;
        if told == Told::default() {
            return Ok(unpaged.into_iter().map(|(_, view)| view).collect());
        }
        let mut whole = Paging::new(PER_PAGE);
        if whole.take(unpaged, told) == Ok(Step::Done) {
            return Ok(whole.into_rows().map(|(_, view)| view).collect());
        }
        // It has more pages. They are of the broker's length, so it is read again from the first in pages of
        // ours.
        let mut paging = Paging::new(PER_PAGE);
        let mut page = 0;
        loop {
            let answer = self.list_page(LIVE, patience, &url, &page_query(page)).await?;
            let (rows, told) = rows(&answer, LIVE, self.client.clock.now())?;
            match paging.take(rows, told).map_err(|why| incomplete(LIVE, &why))? {
                Step::Done => return Ok(paging.into_rows().map(|(_, view)| view).collect()),
                Step::Read(next) => page = next,
            }
        }
    }

    async fn dated_orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        let [first, last] = whole_milliseconds(from, to);
        self.searched_orders(&[("start-at", first), ("end-at", last)]).await
    }

    async fn searched_orders(
        &self,
        wanted: &[(&'static str, String)],
    ) -> Result<Vec<OrderView>, BrokerError> {
        let url = self.orders_url();
        let mut paging = Paging::new(PER_PAGE);
        let mut page = 0;
        loop {
            let mut query = wanted.to_vec();
            query.extend(page_query(page));
            let answer = self.list_page(DATED, Patience::Usual, &url, &query).await?;
            let (rows, told) = rows(&answer, DATED, self.client.clock.now())?;
            match paging.take(rows, told).map_err(|why| incomplete(DATED, &why))? {
                Step::Done => return Ok(paging.into_rows().map(|(_, view)| view).collect()),
                Step::Read(next) => page = next,
            }
        }
    }

    async fn list_page(
        &self,
        operation: &'static str,
        patience: Patience,
        url: &str,
        query: &[(&str, String)],
    ) -> Result<Value, BrokerError> {
        let request = || Request::get(url).query(query);
        let answer = match patience {
            Patience::Usual => self.client.read(operation, request).await,
            Patience::Hasty => self.client.read_urgently(operation, request).await,
        };
        real(operation, answer)
    }
}

/// An order entered this very moment works too, so the search has no end.
fn not_over(since: Timestamp) -> Vec<(&'static str, String)> {
    let [first, _] = whole_milliseconds(since, since);
    std::iter::once(("start-at", first)).chain(NOT_OVER.map(|word| ("status[]", word.to_owned()))).collect()
}

fn page_query(page: usize) -> Vec<(&'static str, String)> {
    vec![("per-page", PER_PAGE.to_string()), ("page-offset", page.to_string())]
}

fn incomplete(operation: &'static str, why: &str) -> BrokerError {
    failed(operation, BrokerFault::Malformed(format!("orders: {why}")))
}

/// Rows by their ids.
type Rows = Vec<(String, OrderView)>;

fn rows(answer: &Value, operation: &'static str, now: Timestamp) -> Result<(Rows, Told), BrokerError> {
    page(answer, now).map_err(|fault| failed(operation, fault))
}

/// The orders of one page, read at `now`, and what it says of the list.
pub(crate) fn page(answer: &Value, now: Timestamp) -> Result<(Rows, Told), BrokerFault> {
    let page = envelope::page(answer, "orders")?;
    let views = page.rows.iter().map(|row| order_view::row(row, now).map(|view| (view.id.0.clone(), view)));
    let views: Vec<_> = views.collect::<Result<_, _>>()?;
    Ok((views, Told { total: page.total, pages: page.pages }))
}

/// One view of each order. Both lists are read at once, and orders only go forward: the one that is over, or
/// shows more filled, is newer. One that reads says more than one that does not.
pub(crate) fn merged(views: impl IntoIterator<Item = OrderView>) -> Vec<OrderView> {
    let mut kept: BTreeMap<String, OrderView> = BTreeMap::new();
    for view in views {
        let progress = |view: &OrderView| (view.unreadable.is_none(), view.status.is_terminal(), view.filled);
        match kept.get(&view.id.0) {
            Some(known) if progress(known) >= progress(&view) => {}
            _ => drop(kept.insert(view.id.0.clone(), view)),
        }
    }
    kept.into_values().collect()
}

/// Those entered between the two times. One that does not say when it was entered is kept.
fn between(views: Vec<OrderView>, from: Timestamp, to: Timestamp) -> Vec<OrderView> {
    views
        .into_iter()
        .filter(|view| view.entered.is_none_or(|entered| from <= entered && entered <= to))
        .collect()
}

/// Both times in whole milliseconds, as queries want them, widened where a time has a finer part.
pub(crate) fn whole_milliseconds(from: Timestamp, to: Timestamp) -> [String; 2] {
    let floor = from.subsec_nanosecond() % 1_000_000;
    let first = from.checked_sub(floor.nanoseconds()).unwrap_or(from);
    let last = to.round(Unit::Millisecond).unwrap_or(to);
    let last = if last < to { last.checked_add(1.millisecond()).unwrap_or(last) } else { last };
    [format!("{first:.3}"), format!("{last:.3}")]
}
