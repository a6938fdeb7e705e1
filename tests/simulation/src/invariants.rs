//! What must hold whenever an order is sent, and when a delivery or a day is over. The ledger is looked at as
//! the table has it, item by item: what our own code makes of it is no witness.

mod unkind;

use gamma_cloud::table::{AttributeValue, Item, Key};
use gamma_execution::approval::PackageOrder;
use gamma_execution::ports::Consumer;
use gamma_execution::report::{Outcome, RunReport, Status};
use gamma_market::{Effect, Price, Right};
use jiff::Timestamp;

use crate::exchange::{Ms, Owner, vertical_of};
use crate::hand::Who;
use crate::reference::Reference;
use crate::store::CANARY;
use crate::world::Inner;
use unkind::{excused, more_at_a_post, more_at_the_end, sums_agree};

/// The trade date of the simulation.
pub(crate) const DATE: &str = "2025-09-03";

/// From an operator's word until nothing is sent any more: controls that were asked for longer than two
/// seconds ago are read again, and an adapter may get ready for two.
const HALTS_WITHIN: Ms = 4_100;

/// From its mark on, an order of unknown outcome is looked for this long before the other side must stand
/// still: a POST's time, a settle window, the first look, and the clocks' difference.
const IN_DOUBT: Ms = 20_000;

/// A text attribute.
pub(crate) fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// A number.
pub(crate) fn number(item: &Item, name: &str) -> i64 {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|digits| digits.parse().ok()).unwrap_or(-1)
}

/// The items of an account's day whose sort key begins so.
pub(crate) fn items<'a>(
    inner: &'a Inner,
    account: &str,
    kind: &'static str,
) -> impl Iterator<Item = &'a Item> {
    let partition = format!("{account}#{DATE}");
    inner.truth.table.partition(&partition).filter(move |item| text(item, "sk").starts_with(kind))
}

/// At the moment of a POST: a durable SENDING under the current fence, no other rung of the side open, and
/// everything else that must be so.
pub(crate) fn before_post(inner: &mut Inner, who: &Who, order: &PackageOrder) {
    inner.say(|| {
        format!("run {}  POST {:?} x{} at {}", who.run, vertical_of(order), order.quantity, order.price)
    });
    let broken: Vec<String> = breaches(inner, who, order);
    inner.truth.exchange.posted.push((who.run, who.account, vertical_of(order)));
    for words in broken {
        inner.violated(|| {
            format!(
                "run {} sent {:?} x{} at {}: {words}",
                who.run,
                vertical_of(order),
                order.quantity,
                order.price
            )
        });
    }
}

fn breaches(inner: &Inner, who: &Who, order: &PackageOrder) -> Vec<String> {
    let mut broken = Vec::new();
    let mut must = |holds: bool, words: &str| {
        if !holds {
            broken.push(words.to_owned());
        }
    };
    let now = inner.now;
    must(who.may_send, "this delivery may send nothing: stale, dry, or no trade at all");
    must(now < inner.truth.exchange.closes, "the session is closed");
    let side = if vertical_of(order).right() == Right::Put { "put" } else { "call" };
    let rungs: Vec<&Item> =
        items(inner, &who.name, "rung#").filter(|item| text(item, "slot") == side).collect();
    let marked = |item: &&&Item| {
        text(item, "state") == "sending"
            && text(item, "run_id") == who.run_id
            && text(item, "price") == order.price.to_string()
            && number(item, "quantity") == i64::from(order.quantity)
    };
    let mark = rungs.iter().find(marked);
    must(mark.is_some(), "no durable SENDING of this run says so");
    let lease =
        inner.truth.table.get(&Key { partition: format!("{}#{DATE}", who.name), sort: "lease".into() });
    let fence = |item: &Item| number(item, "fence");
    must(
        lease.is_some_and(|lease| {
            mark.is_some_and(|mark| fence(lease) == fence(mark) && text(lease, "run_id") == who.run_id)
        }),
        "the fence is another's",
    );
    let over = |item: &&&Item| matches!(text(item, "state"), "terminal" | "refused");
    must(rungs.iter().filter(|item| !over(item)).count() <= 1, "another rung of this side is open");
    must(
        items(inner, &who.name, "intent#").all(|item| text(item, "state") != "unresolved"),
        "an intent of the day is unresolved",
    );
    let marked_at = |item: &Item| text(item, "at").parse().map_or(now, |at: Timestamp| at.as_millisecond());
    let doubtful = |item: &Item| text(item, "state") == "unknown" && now - marked_at(item) > IN_DOUBT;
    must(!items(inner, &who.name, "rung#").any(doubtful), "an order of the day is in doubt");
    for (from, what) in &inner.stopped {
        must(now - from <= HALTS_WITHIN || *what != who.account, "trading was halted or disarmed");
    }
    prices(inner, who, order, &mut broken);
    if inner.truth.exchange.lies.unkind {
        more_at_a_post(inner, who, order, &mut broken);
    }
    broken
}

/// On tick, above zero, in the right direction, and no further than the envelope from a mid of this run's
/// time.
fn prices(inner: &Inner, who: &Who, order: &PackageOrder, broken: &mut Vec<String>) {
    let cents = order.price.points() * rust_decimal::Decimal::ONE_HUNDRED;
    if order.price <= Price::ZERO || cents % rust_decimal::Decimal::from(5) != rust_decimal::Decimal::ZERO {
        broken.push("the price is not on tick, or not above zero".to_owned());
    }
    let inner_is_sold = inner
        .truth
        .exchange
        .quotes
        .get(&vertical_of(order).sell())
        .is_some_and(|(bid, _)| *bid >= crate::exchange::INNER_CENTS);
    if order.effect != if inner_is_sold { Effect::Credit } else { Effect::Debit } {
        broken.push("credit and debit are flipped".to_owned());
    }
    let moments = inner
        .truth
        .exchange
        .moves
        .iter()
        .map(|(at, _)| *at)
        .filter(|at| *at > who.began && *at <= inner.now)
        .chain([who.began, inner.now]);
    let near = |mid: Price| (mid - order.price).abs() <= Price::cents(30);
    if !moments.filter_map(|at| inner.truth.exchange.mid(at, vertical_of(order))).any(near) {
        broken.push("the price is outside the envelope of every mid of this run".to_owned());
    }
}

/// When a delivery ends: what its outcome claims is true.
pub(crate) fn at_the_end(inner: &mut Inner, reference: &Reference, who: &Who, report: &RunReport) {
    let outcome = report.outcome;
    inner.say(|| format!("run {}  ended {outcome}: {}", who.run, report.detail));
    let alive = reference
        .orders
        .iter()
        .find(|(_, order)| order.account == who.account && order.alive && order.is_seen())
        .map(|(id, _)| *id);
    let proven = outcome.status() == Status::Traded
        || matches!(outcome, Outcome::Recovered | Outcome::Swept | Outcome::AlreadyTraded);
    if let Some(id) = alive.filter(|_| proven) {
        inner.violated(|| format!("run {} ended {outcome}, and order {id} is alive", who.run));
    }
    let filled: Vec<u32> =
        [Right::Put, Right::Call].iter().map(|side| reference.filled(who.account, *side)).collect();
    if inner.truth.exchange.lies.unkind {
        more_at_the_end(inner, reference, who, report);
    }
    let told = !reference.is_meddled(who.account) && reference.is_counted(who.account, inner.now);
    let one_sided = told && reference.outcomes(who.account) == ["one_sided"];
    if one_sided && outcome.status() == Status::Traded && (outcome != Outcome::OneSided || !report.alarm) {
        inner.violated(|| {
            format!(
                "run {} ended {outcome} without a word of its one-sidedness: {filled:?} are filled",
                who.run
            )
        });
    }
    let over =
        |item: &&Item| matches!(text(item, "state"), "terminal" | "refused" | "never_accepted" | "resolved");
    let of = |intent: &Item, rung: &&Item| {
        text(rung, "slot") == text(intent, "slot") && number(rung, "revision") == number(intent, "revision")
    };
    let closed = items(inner, &who.name, "intent#").filter(|item| text(item, "state") == "terminal");
    let early: Vec<String> = closed
        .filter(|intent| items(inner, &who.name, "rung#").any(|rung| of(intent, &rung) && !over(&rung)))
        .map(|intent| format!("{} is terminal over a rung that is not", text(intent, "sk")))
        .collect();
    for words in early {
        inner.violated(|| format!("run {} ended {outcome}: {words}", who.run));
    }
    if outcome.alarms() && !report.alarm {
        inner.violated(|| format!("run {} ended {outcome} without an alarm", who.run));
    }
    if serde_json::to_string(report).is_ok_and(|text| text.contains(CANARY)) {
        inner.violated(|| format!("run {}: the report shows a secret", who.run));
    }
}

/// After the faults and the last sweep: everything is proven, recorded, and told truly.
pub(crate) fn settled(
    inner: &mut Inner,
    reference: &Reference,
    account: usize,
    name: &str,
    last: Option<(Outcome, bool)>,
) {
    let mut broken = Vec::new();
    let rang = last.is_some_and(|(outcome, alarm)| alarm || outcome.alarms());
    let last = last.map(|(outcome, _)| outcome);
    let ours = |owner: Owner| matches!(owner, Owner::Ours(_));
    for order in
        inner.truth.exchange.orders.iter().filter(|order| order.account == account && ours(order.owner))
    {
        let (id, filled) = (order.id, inner.truth.exchange.filled_of(order));
        if !order.status.is_terminal() {
            broken.push(format!("order {id} is {}", order.status));
        }
        let known: Vec<&Item> =
            items(inner, name, "rung#").filter(|item| text(item, "order_id") == id.to_string()).collect();
        match known[..] {
            [item] if text(item, "state") == "terminal" && number(item, "filled") == i64::from(filled) => {}
            [item] => broken.push(format!(
                "order {id} filled {filled}, the ledger has {} {}",
                text(item, "state"),
                number(item, "filled")
            )),
            // An order that nobody was shown in time, and that never filled, may count as never accepted.
            [] if filled == 0
                && items(inner, name, "rung#")
                    .any(|item| matches!(text(item, "state"), "never_accepted" | "resolved")) => {}
            _ => broken
                .push(format!("order {id} with {filled} filled stands {} times in the ledger", known.len())),
        }
    }
    let over =
        |item: &&Item| matches!(text(item, "state"), "terminal" | "refused" | "never_accepted" | "resolved");
    broken.extend(
        items(inner, name, "rung#")
            .filter(|item| !over(item))
            .map(|item| format!("{} is {}", text(item, "sk"), text(item, "state"))),
    );
    for intent in items(inner, name, "intent#") {
        let rungs = items(inner, name, "rung#").filter(|rung| {
            text(rung, "slot") == text(intent, "slot")
                && number(rung, "revision") == number(intent, "revision")
        });
        let filled: i64 = rungs.map(|rung| number(rung, "filled").max(0)).sum();
        if number(intent, "filled") != filled {
            broken.push(format!(
                "{} has filled {}, its rungs {filled}",
                text(intent, "sk"),
                number(intent, "filled")
            ));
        }
    }
    let day = items(inner, name, "day#").next().map(|day| {
        (text(day, "outcome").to_owned(), day.get("sending") == Some(&AttributeValue::Bool(true)))
    });
    sums_agree(inner, account, name, &mut broken);
    if let Some((outcome, true)) = &day
        && !reference.is_meddled(account)
        && !reference.tells(account, outcome)
    {
        broken
            .push(format!("the day is called {outcome:?}, the books say {:?}", reference.outcomes(account)));
    }
    if last.is_none_or(|last| {
        matches!(
            last,
            Outcome::Unresolved
                | Outcome::LedgerUnavailable
                | Outcome::BrokerUnavailable
                | Outcome::AnotherRunActive
        )
    }) {
        broken.push(format!("the last sweep ended {last:?}"));
    }
    if inner.truth.exchange.lies.unkind && rang && excused(inner, reference, account) {
        broken.clear();
    }
    let left = inner
        .truth
        .table
        .partition(&format!("{name}#outbox"))
        .map(|mark| format!("{} is in the outbox", text(mark, "sk")));
    broken.extend(left);
    let untold = ["already_traded", "another_run_active", "market_closed", "swept", "dry_run"];
    let told = |run: &str, consumer| {
        inner.truth.handed.iter().any(|handed| {
            handed.run.run_id == run && handed.run.account == name && handed.consumer == consumer
        })
    };
    for run in items(inner, name, "run#").filter(|run| {
        run.get("live") == Some(&AttributeValue::Bool(true)) && !untold.contains(&text(run, "outcome"))
    }) {
        let missed = Consumer::ALL.into_iter().filter(|consumer| !told(text(run, "run_id"), *consumer));
        broken.extend(missed.map(|consumer| {
            format!(
                "{consumer} was never given run {}, which ended {}",
                text(run, "run_id"),
                text(run, "outcome")
            )
        }));
    }
    if inner
        .truth
        .table
        .items()
        .flat_map(|item| item.values())
        .any(|value| value.as_s().is_ok_and(|text| text.contains(CANARY)))
    {
        broken.push("a record shows a secret".to_owned());
    }
    for words in broken {
        inner.violated(|| format!("in the end {name}: {words}"));
    }
}
