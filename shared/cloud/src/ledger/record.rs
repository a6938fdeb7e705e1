//! Each record as an item, and back. Prices are decimal texts, times RFC 3339; what a condition compares is a
//! number.

use aws_sdk_dynamodb::types::AttributeValue;
use gamma_execution::ports::{
    DayRecord, Decision, Fill, IntentKey, IntentRecord, Lease, LedgerError, OrderId, OrderStatus, RunRecord,
    RungRecord, RungState, Slot, Writer,
};
use gamma_market::{Package, Price, Right, Vertical};
use jiff::Timestamp;
use jiff::civil::Date;

use super::item::{Fields, Item, Malformed, flag, item, number, text, word};
use super::key::{DayKeys, Key};

const PRICE: &str = "a decimal number of option points";
const TIME: &str = "an RFC 3339 time";
const DATE: &str = "a date such as 2026-02-12";
const SYMBOL: &str = "an option symbol";
const FILLS: &str = "a list of fills";

/// When a lease ends, in milliseconds since 1970, rounded up: nobody takes it over before its holder thinks
/// it ended.
pub(super) fn expiry_ms(expires: Timestamp) -> i128 {
    expires.as_nanosecond().div_euclid(1_000_000)
        + i128::from(expires.as_nanosecond().rem_euclid(1_000_000) > 0)
}

pub(super) fn lease_from(found: &Item, account: &str, date: Date) -> Result<Lease, Malformed> {
    let fields = Fields::of(found);
    fields.number::<i64>("expires_ms")?;
    Ok(Lease {
        account: account.to_owned(),
        date,
        writer: writer_from(&fields)?,
        expires: fields.parsed("expires", TIME)?,
    })
}

fn writer_from(fields: &Fields<'_>) -> Result<Writer, Malformed> {
    Ok(Writer { run_id: fields.text("run_id")?.to_owned(), fence: fields.number("fence")? })
}

pub(super) fn day_item(key: &Key, day: &DayRecord) -> Item {
    let mut made = item(
        key,
        [
            ("account", text(&day.account)),
            ("strategy", text(&day.strategy)),
            ("date", text(day.date)),
            ("run_id", text(&day.writer.run_id)),
            ("fence", number(day.writer.fence)),
            ("state", word(&day.state)),
            ("sending", flag(day.sending)),
        ],
    );
    if let Some(outcome) = &day.outcome {
        made.insert("outcome".to_owned(), text(outcome));
    }
    made
}

pub(super) fn day_from(found: &Item) -> Result<DayRecord, Malformed> {
    let fields = Fields::of(found);
    let day = DayRecord {
        account: fields.text("account")?.to_owned(),
        strategy: fields.text("strategy")?.to_owned(),
        date: fields.parsed("date", DATE)?,
        writer: writer_from(&fields)?,
        state: fields.word("state", "open or closed")?,
        sending: fields.flag("sending")?,
        outcome: fields.optional("outcome", |fields| Ok(fields.text("outcome")?.to_owned()))?,
    };
    let key = DayKeys::new("read", &day.account, day.date).and_then(|keys| keys.day("read", &day.strategy));
    agrees(&fields, key, "strategy")?;
    Ok(day)
}

pub(super) fn intent_item(key: &Key, intent: &IntentRecord) -> Item {
    let mut made = item(
        key,
        [
            ("strategy", text(&intent.key.strategy)),
            ("slot", text(&intent.key.slot)),
            ("revision", number(intent.key.revision)),
            ("effect", word(&intent.effect)),
            ("quantity", number(intent.quantity)),
            ("planned_sides", number(intent.planned_sides)),
            ("decision_mid", text(intent.decision_mid)),
            ("worst_price", text(intent.worst_price)),
            ("run_id", text(&intent.writer.run_id)),
            ("fence", number(intent.writer.fence)),
            ("state", word(&intent.state)),
            ("filled", number(intent.filled)),
            (
                "held",
                AttributeValue::M(
                    intent
                        .held
                        .iter()
                        .map(|(symbol, contracts)| (symbol.to_string(), number(*contracts)))
                        .collect(),
                ),
            ),
        ],
    );
    // A vertical is written by its two legs, as it was before there were other packages.
    match intent.package.as_vertical() {
        Some(vertical) => made
            .extend([("sell".to_owned(), text(vertical.sell())), ("buy".to_owned(), text(vertical.buy()))]),
        None => made.extend([("package".to_owned(), text(serde_json::json!(intent.package)))]),
    }
    made
}

fn package_from(fields: &Fields<'_>) -> Result<Package, Malformed> {
    let written = fields.optional("package", |fields| Ok(fields.text("package")?.to_owned()))?;
    if let Some(text) = written {
        return serde_json::from_str(&text)
            .map_err(|_| fields.malformed("package", "a package as JSON text"));
    }
    let vertical = Vertical::new(fields.parsed("sell", SYMBOL)?, fields.parsed("buy", SYMBOL)?);
    vertical
        .map(Package::vertical)
        .map_err(|_| fields.malformed("buy", "the other leg of the vertical that sell begins"))
}

pub(super) fn intent_from(found: &Item) -> Result<IntentRecord, Malformed> {
    let fields = Fields::of(found);
    let key = intent_key_from(&fields)?;
    agrees(&fields, day_keys_of(&fields)?.intent("read", &key), "revision")?;
    Ok(IntentRecord {
        key,
        package: package_from(&fields)?,
        effect: fields.word("effect", "credit or debit")?,
        quantity: fields.number("quantity")?,
        planned_sides: fields.number("planned_sides")?,
        decision_mid: fields.parsed("decision_mid", PRICE)?,
        worst_price: fields.parsed("worst_price", PRICE)?,
        writer: writer_from(&fields)?,
        state: fields.word("state", "open, terminal or unresolved")?,
        filled: fields.number("filled")?,
        held: fields.counts("held", "contracts held by option symbol")?,
    })
}

fn intent_key_from(fields: &Fields<'_>) -> Result<IntentKey, Malformed> {
    let slot = match fields.optional("slot", |fields| Ok(Slot(fields.text("slot")?.to_owned())))? {
        Some(slot) => slot,
        // Called `side` before strategies had other packages beside each other than puts and calls.
        None => match fields.optional("side", |fields| fields.word::<Right>("side", "put or call"))? {
            Some(right) => right.into(),
            None => return Err(fields.malformed("slot", "a text")),
        },
    };
    Ok(IntentKey {
        strategy: fields.text("strategy")?.to_owned(),
        slot,
        revision: fields.number("revision")?,
    })
}

/// Intents and rungs do not repeat account and date: they stand in their partition.
fn day_keys_of(fields: &Fields<'_>) -> Result<DayKeys, Malformed> {
    let partition = fields.text("pk")?.to_owned();
    Ok(DayKeys { partition })
}

fn agrees(fields: &Fields<'_>, key: Result<Key, LedgerError>, part: &str) -> Result<(), Malformed> {
    let key = key.map_err(|_| fields.malformed(part, "parts that make a key"))?;
    fields.stands_at(&key)
}

pub(super) fn rung_item(key: &Key, rung: &RungRecord) -> Item {
    let (bid, ask, mid) = rung.nbbo;
    let seen = rung.seen.iter().map(text).collect();
    let mut made = item(
        key,
        [
            ("strategy", text(&rung.intent.strategy)),
            ("slot", text(&rung.intent.slot)),
            ("revision", number(rung.intent.revision)),
            ("number", number(rung.number)),
            ("price", text(rung.price)),
            ("quantity", number(rung.quantity)),
            ("at", text(rung.at)),
            ("seen", AttributeValue::L(seen)),
            ("run_id", text(&rung.writer.run_id)),
            ("fence", number(rung.writer.fence)),
            ("nbbo_bid", text(bid)),
            ("nbbo_ask", text(ask)),
            ("nbbo_mid", text(mid)),
        ],
    );
    let state = state_fields(&rung.state).into_iter();
    made.extend(state.map(|(name, value)| (name.to_owned(), value)));
    made
}

fn state_fields(state: &RungState) -> Vec<(&'static str, AttributeValue)> {
    let named = |name: &str| ("state", text(name));
    match state {
        RungState::Sending => vec![named("sending")],
        RungState::Named { order } => vec![named("named"), ("named_id", text(order))],
        RungState::Accepted { order } => vec![named("accepted"), ("order_id", text(order))],
        RungState::Refused { reason } => vec![named("refused"), ("reason", text(reason))],
        RungState::Unknown { reason } => vec![named("unknown"), ("reason", text(reason))],
        RungState::NeverAccepted { reason } => vec![named("never_accepted"), ("reason", text(reason))],
        RungState::Resolved { filled, decision } => vec![
            named("resolved"),
            ("filled", number(*filled)),
            ("decided_by", text(&decision.by)),
            ("reason", text(&decision.why)),
            ("decided_at", text(decision.at)),
        ],
        RungState::Terminal { order, status, filled, fills } => vec![
            named("terminal"),
            ("order_id", text(order)),
            ("status", status_text(status)),
            ("filled", number(*filled)),
            ("fills", AttributeValue::L(fills.iter().map(fill_value).collect())),
        ],
    }
}

/// A broker's word that we do not know is kept behind `other:`, so that it never reads back as one that we
/// do.
fn status_text(status: &OrderStatus) -> AttributeValue {
    match status {
        OrderStatus::Other(broker) => text(format!("other:{broker}")),
        known => word(known),
    }
}

fn status_from(fields: &Fields<'_>) -> Result<OrderStatus, Malformed> {
    match fields.text("status")?.strip_prefix("other:") {
        Some(broker) => Ok(OrderStatus::Other(broker.to_owned())),
        None => fields.word("status", "an order status"),
    }
}

fn fill_value(fill: &Fill) -> AttributeValue {
    let mut entry =
        Item::from([("quantity".to_owned(), number(fill.quantity)), ("price".to_owned(), text(fill.price))]);
    if let Some(at) = fill.at {
        entry.insert("at".to_owned(), text(at));
    }
    AttributeValue::M(entry)
}

fn fill_from(fields: &Fields<'_>) -> Result<Fill, Malformed> {
    Ok(Fill {
        quantity: fields.number("quantity")?,
        price: fields.parsed("price", PRICE)?,
        at: fields.optional("at", |fields| fields.parsed("at", TIME))?,
    })
}

pub(super) fn rung_from(found: &Item) -> Result<RungRecord, Malformed> {
    let fields = Fields::of(found);
    let price = |field| fields.parsed::<Price>(field, PRICE);
    let intent = intent_key_from(&fields)?;
    let count = fields.number("number")?;
    agrees(&fields, day_keys_of(&fields)?.rung("read", &intent, count), "number")?;
    Ok(RungRecord {
        intent,
        number: count,
        price: price("price")?,
        quantity: fields.number("quantity")?,
        at: fields.parsed("at", TIME)?,
        seen: fields.list("seen", "a list of order ids", |entry| Ok(OrderId(entry.text()?.to_owned())))?,
        writer: writer_from(&fields)?,
        state: state_from(&fields)?,
        nbbo: (price("nbbo_bid")?, price("nbbo_ask")?, price("nbbo_mid")?),
    })
}

fn state_from(fields: &Fields<'_>) -> Result<RungState, Malformed> {
    let order = || Ok(OrderId(fields.text("order_id")?.to_owned()));
    let reason = || Ok(fields.text("reason")?.to_owned());
    match fields.text("state")? {
        "sending" => Ok(RungState::Sending),
        "named" => Ok(RungState::Named { order: OrderId(fields.text("named_id")?.to_owned()) }),
        "accepted" => Ok(RungState::Accepted { order: order()? }),
        "refused" => Ok(RungState::Refused { reason: reason()? }),
        "unknown" => Ok(RungState::Unknown { reason: reason()? }),
        "never_accepted" => Ok(RungState::NeverAccepted { reason: reason()? }),
        "resolved" => {
            let decision = Decision {
                by: fields.text("decided_by")?.to_owned(),
                why: reason()?,
                at: fields.parsed("decided_at", TIME)?,
            };
            Ok(RungState::Resolved { filled: fields.number("filled")?, decision })
        }
        "terminal" => Ok(RungState::Terminal {
            order: order()?,
            status: status_from(fields)?,
            filled: fields.number("filled")?,
            fills: fields.list("fills", FILLS, |entry| fill_from(&entry.fields()?))?,
        }),
        _ => Err(fields.malformed(
            "state",
            "sending, named, accepted, refused, unknown, never_accepted, resolved or terminal",
        )),
    }
}

/// The report is kept as JSON text: it is read by people and programs outside, never compared field by field.
pub(super) fn run_item(key: &Key, run: &RunRecord) -> Item {
    item(
        key,
        [
            ("account", text(&run.account)),
            ("date", text(run.date)),
            ("run_id", text(&run.run_id)),
            ("outcome", text(&run.outcome)),
            ("live", flag(run.live)),
            ("report", text(&run.report)),
        ],
    )
}

pub(super) fn run_from(found: &Item) -> Result<RunRecord, Malformed> {
    let fields = Fields::of(found);
    let report = serde_json::from_str(fields.text("report")?)
        .map_err(|_| fields.malformed("report", "a report as JSON text"))?;
    Ok(RunRecord {
        run_id: fields.text("run_id")?.to_owned(),
        account: fields.text("account")?.to_owned(),
        date: fields.parsed("date", "a date such as 2025-09-03")?,
        outcome: fields.text("outcome")?.to_owned(),
        live: fields.flag("live")?,
        report,
        hand_off: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
