//! What an unkind day demands beyond a kind one.

use std::collections::BTreeMap;

use gamma_execution::approval::PackageOrder;
use gamma_execution::report::{Outcome, RunReport, Status};
use gamma_market::{Effect, Price, Right, Tick, Vertical};

use super::{items, number, text};
use crate::exchange::{Ms, Order, Owner, vertical_of};
use crate::fault::Fault;
use crate::hand::Who;
use crate::reference::Reference;
use crate::scenario::CLOSES;
use crate::world::Inner;

/// A price is of quotes that were true so long before its POST left: two seconds, and an adapter may get
/// ready for two more.
const QUOTES_LAST: Ms = 4_100;
/// The same of the feed.
const FEED_LASTS: Ms = 5_000;
/// From an order's appearance in lists until recovery must have found it, and from there until the close a
/// cancel must fit in.
const FOUND_WITHIN: Ms = 8_000;

/// When an order is sent.
pub(super) fn more_at_a_post(inner: &Inner, who: &Who, order: &PackageOrder, broken: &mut Vec<String>) {
    let exchange = &inner.truth.exchange;
    price_is_of_now(inner, who, order, broken);
    if let Some(other) = exchange.orders.iter().find(|other| forbids(inner, who, vertical_of(order), other)) {
        broken.push(format!("the user's order {} works on its legs, and the broker showed it", other.id));
    }
    if exchange.lies.no_trade_until.is_some_and(|until| inner.now < until) {
        broken.push("the feed says that there is no trade".to_owned());
    }
    let untouched = exchange
        .orders
        .iter()
        .all(|order| order.account != who.account || order.owner == Owner::User || order.filled() == 0);
    let withdrawn =
        |(vertical, from): &(Vertical, Ms)| *vertical == vertical_of(order) && inner.now > from + FEED_LASTS;
    let feed_failed = inner.hits.keys().any(|(step, _)| step.0 == "signal");
    if exchange.lies.must_trade && untouched && !feed_failed && exchange.lies.withdrawn.iter().any(withdrawn)
    {
        broken.push("the feed asks for other packages, and nothing has filled".to_owned());
    }
}

/// A working order of the user's on the same legs that the run was shown before its first order: in a list of
/// its own reading, or because it was there the evening before.
fn forbids(inner: &Inner, who: &Who, vertical: Vertical, other: &Order) -> bool {
    let exchange = &inner.truth.exchange;
    let touches =
        other.vertical.legs().iter().any(|leg| vertical.legs().iter().any(|ours| ours.symbol == leg.symbol));
    let first = exchange.posted.iter().all(|(run, ..)| *run != who.run);
    // An empty answer to the question for working orders is believed: nothing tells it from a true one.
    let hidden = inner.hits.keys().any(|(step, fault)| step.0 == "working orders" && *fault == Fault::Empty);
    let shown = exchange.told.contains(&(who.run, other.id)) || (other.stays && !hidden);
    other.owner == Owner::User
        && other.account == who.account
        && !other.status.is_terminal()
        && touches
        && first
        && shown
        && other.entered < who.began
}

/// Some moment just before had quotes of living legs that make this price; the first order for a package asks
/// for its mid.
fn price_is_of_now(inner: &Inner, who: &Who, order: &PackageOrder, broken: &mut Vec<String>) {
    let (exchange, now) = (&inner.truth.exchange, inner.now);
    let earliest = now - QUOTES_LAST;
    let changes = exchange
        .lies
        .legs
        .iter()
        .flat_map(|lie| [lie.from, lie.to])
        .chain(exchange.moves.iter().map(|(at, _)| *at));
    let changes = changes.chain(exchange.gap.into_iter().flat_map(|(from, to)| [from, to]));
    let moments: Vec<Ms> =
        changes.filter(|at| earliest <= *at && *at <= now).chain([earliest, now]).collect();
    let sound: Vec<Ms> =
        moments.into_iter().filter(|at| exchange.is_quoted(*at, vertical_of(order))).collect();
    if sound.is_empty() {
        broken.push("for seconds no quotes of its legs were any to trade on".to_owned());
        return;
    }
    let worst = items(inner, &who.name, "intent#")
        .any(|intent| text(intent, "worst_price") == order.price.to_string());
    let given_up: Vec<Price> = sound
        .iter()
        .filter_map(|at| exchange.mid(*at, vertical_of(order)))
        .map(|mid| towards_the_market(order, mid))
        .collect();
    if !worst && !given_up.iter().any(|given| (Price::ZERO..=Price::cents(10)).contains(given)) {
        broken.push("its price is of quotes that are no longer true".to_owned());
    }
    let repeated = exchange
        .posted
        .iter()
        .any(|(_, account, vertical)| *account == who.account && *vertical == vertical_of(order));
    if exchange.lies.must_trade && !repeated && !worst && !given_up.contains(&Price::ZERO) {
        broken.push("its package was never offered at its mid".to_owned());
    }
}

fn towards_the_market(order: &PackageOrder, mid: Price) -> Price {
    let mid = Tick::NICKEL.round(mid);
    if order.effect == Effect::Credit { mid - order.price } else { order.price - mid }
}

/// When a delivery ends.
pub(super) fn more_at_the_end(inner: &mut Inner, reference: &Reference, who: &Who, report: &RunReport) {
    if reference.is_meddled(who.account) || !reference.is_counted(who.account, inner.now) {
        return;
    }
    let filled = [Right::Put, Right::Call].map(|side| reference.filled(who.account, side));
    let told_by_counts = inner.truth.exchange.held.contains_key(&who.account)
        || reference.outcomes(who.account).contains(&"filled");
    if report.outcome.status() == Status::Traded
        && filled[0] != filled[1]
        && !filled.contains(&0)
        && !told_by_counts
        && !report.alarm
    {
        inner.violated(|| {
            format!(
                "run {} ended {} without a word of its unevenness: {filled:?} are filled",
                who.run, report.outcome
            )
        });
    }
    let gave_up = report.outcome == Outcome::Unresolved && gave_up(inner, reference, who);
    if gave_up {
        inner.violated(|| {
            format!(
                "run {} ended {} while there was time to find its order, which is alive",
                who.run, report.outcome
            )
        });
    }
}

/// An order of ours is alive, lists were to show it before the close and the function's end, and nothing
/// makes it doubtful whose it is.
fn gave_up(inner: &Inner, reference: &Reference, who: &Who) -> bool {
    let exchange = &inner.truth.exchange;
    let of_account = |order: &&Order| order.account == who.account;
    let doubtful = exchange
        .orders
        .iter()
        .filter(of_account)
        .any(|order| order.owner == Owner::User && order.entered > who.began - 200_000);
    let last = CLOSES.min(who.until - FOUND_WITHIN) - FOUND_WITHIN;
    let alive = |order: &&Order| reference.orders.get(&order.id).is_some_and(|entry| entry.alive);
    let mut ours = exchange.orders.iter().filter(of_account).filter(alive);
    let calm =
        inner.faults.per_mille == 0 && inner.faults.outage.is_none() && inner.faults.answered.is_empty();
    calm && !doubtful
        && inner.now < last
        && ours.any(|order| order.entered + exchange.lies.appears_after(order.id) < last)
}

/// The ledger's fills of a side are the books'.
pub(super) fn sums_agree(inner: &Inner, account: usize, name: &str, broken: &mut Vec<String>) {
    let mut books: BTreeMap<&str, i64> = BTreeMap::new();
    for order in inner
        .truth
        .exchange
        .orders
        .iter()
        .filter(|order| order.account == account && order.owner != Owner::User)
    {
        *books.entry(side(order.vertical)).or_default() += i64::from(order.filled());
    }
    for side in ["put", "call"] {
        let recorded: i64 = items(inner, name, "rung#")
            .filter(|rung| text(rung, "slot") == side)
            .map(|rung| number(rung, "filled").max(0))
            .sum();
        let filled = books.get(side).copied().unwrap_or_default();
        if recorded != filled {
            broken.push(format!("{filled} of the {side} side are filled, the ledger has {recorded}"));
        }
    }
    let foreign = |id: &str| {
        inner
            .truth
            .exchange
            .orders
            .iter()
            .any(|order| order.owner == Owner::User && order.id.to_string() == id)
    };
    let named = items(inner, name, "rung#").filter(|rung| foreign(text(rung, "order_id")));
    broken.extend(
        named.map(|rung| {
            format!("{} is known by the user's order {}", text(rung, "sk"), text(rung, "order_id"))
        }),
    );
}

fn side(vertical: Vertical) -> &'static str {
    if vertical.right() == Right::Put { "put" } else { "call" }
}

/// What the last sweep may ring about instead of recording it: a person changed our order, an order of the
/// user's on our legs moved the positions, or the broker showed things later than a run can wait for.
pub(super) fn excused(inner: &Inner, reference: &Reference, account: usize) -> bool {
    let lies = &inner.truth.exchange.lies;
    let late = lies.positions > 0
        || [&lies.appears, &lies.lags, &lies.counts]
            .iter()
            .any(|delays| delays.iter().any(|delay| *delay > 0));
    let users = inner
        .truth
        .exchange
        .orders
        .iter()
        .any(|order| order.account == account && order.owner == Owner::User);
    reference.is_meddled(account) || late || users
}
