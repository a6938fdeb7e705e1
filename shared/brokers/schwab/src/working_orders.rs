//! Orders that work, whenever they were entered (docs/reference/schwab.md, Order lists).
//!
//! The list is asked for without a status: what the filter makes of a trigger that is over while its children
//! work is not known, and a word that Schwab invents tomorrow could not be asked for. So it is every order of
//! 60 days, in one request for most accounts. Where that is more than one answer holds, the time is split in
//! four, asked side by side, and once more where that is not enough.

use futures_util::future::try_join_all;
use gamma_execution::ports::{BrokerError, BrokerFault, OrderView, WorkingOrders};
use gamma_http::Request;
use jiff::{SignedDuration, Timestamp};

use crate::broker::{ORDERS, Schwab};
use crate::client::failed;
use crate::order_list::{self, entered_between};

/// Schwab shows orders of 60 days; an hour less, because the edge of it moves while the request is under way.
const SHOWN_FOR: SignedDuration = SignedDuration::from_hours(60 * 24 - 1);

/// Our clock may be behind: an order entered this very moment works too.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// How often a time is split in [`PIECES`]: 15 days, then less than four.
const SPLITS: u32 = 2;
const PIECES: i32 = 4;

type Span = (Timestamp, Timestamp);

/// What one request brought.
enum Listed {
    Whole(Vec<OrderView>),
    /// More than one answer holds, and why that is thought.
    TooMany(BrokerError),
}

impl Schwab {
    /// One request; five or 21 for an account with thousands of orders.
    pub(crate) async fn orders_that_work(&self) -> Result<WorkingOrders, BrokerError> {
        let now = self.client.clock.now();
        let since = now.checked_sub(SHOWN_FOR).unwrap_or(Timestamp::MIN);
        let mut spans: Vec<Span> = vec![(since, now.checked_add(AHEAD).unwrap_or(now))];
        let mut orders = Vec::new();
        for left in (0..=SPLITS).rev() {
            let mut rest = Vec::new();
            for (span, listed) in try_join_all(spans.into_iter().map(|span| self.listed(span))).await? {
                match listed {
                    Listed::Whole(whole) => orders.extend(whole),
                    Listed::TooMany(error) if left == 0 => return Err(error),
                    Listed::TooMany(error) => {
                        tracing::warn!(%error, from = %span.0, to = %span.1, "more orders than one answer holds, asking for less at once");
                        rest.extend(split(span));
                    }
                }
            }
            spans = rest;
        }
        orders.retain(|order| !order.status.is_terminal());
        Ok(WorkingOrders { orders: once_each(orders), since: Some(since) })
    }

    async fn listed(&self, span: Span) -> Result<(Span, Listed), BrokerError> {
        let url = self.orders_url(self.hash().await?);
        let query = entered_between(span.0, span.1);
        let answer = match self.client.read(ORDERS, || Request::get(&url).query(&query)).await {
            Ok(answer) => answer,
            Err(error) if is_too_large(&error.fault) => return Ok((span, Listed::TooMany(error))),
            Err(error) => return Err(error),
        };
        let cut_off = order_list::may_be_cut_off(&answer);
        match order_list::order_list(&answer).map_err(|fault| failed(ORDERS, fault)) {
            Ok(orders) => Ok((span, Listed::Whole(orders))),
            Err(error) if cut_off => Ok((span, Listed::TooMany(error))),
            Err(error) => Err(error),
        }
    }
}

/// An answer that did not read as JSON is most often one too large for us; the gateway has a limit of its
/// own.
fn is_too_large(fault: &BrokerFault) -> bool {
    matches!(fault, BrokerFault::Malformed(_))
        || matches!(fault, BrokerFault::Unavailable(text) if text.contains("TooBigBody"))
}

/// The span in pieces that meet.
fn split((from, to): Span) -> Vec<Span> {
    let piece = to.duration_since(from) / PIECES;
    let border = |n: i32| if n == PIECES { to } else { from.checked_add(piece * n).unwrap_or(to) };
    (0..PIECES).map(|n| (border(n), border(n + 1))).collect()
}

/// An order entered where two pieces meet is in both.
fn once_each(orders: Vec<OrderView>) -> Vec<OrderView> {
    let mut seen = std::collections::BTreeSet::new();
    // Made-up ids tell nothing apart.
    orders.into_iter().filter(|order| order.unreadable.is_some() || seen.insert(order.id.clone())).collect()
}
