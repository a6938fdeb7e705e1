//! Rows put into frames (docs/reference/dxlink.md, Data).

use serde_json::Value;

use super::events::Event;
use super::fields::EventType;
use super::messages::feed_data;

/// One event on its way out, and how its type is written on its channel.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kind: EventType,
    pub(super) fields: Vec<String>,
    pub(super) event: Event,
}

/// How rows are put together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packing {
    pub(super) full: bool,
    pub(super) most_rows: usize,
    pub(super) types_together: bool,
    /// The last COMPACT block lacks a value.
    pub(super) broken: bool,
}

/// The frames of one channel, with the types that are in each. Rows keep their order within their type.
pub(super) fn frames(channel: u64, mut rows: Vec<Row>, packing: Packing) -> Vec<(Vec<EventType>, Value)> {
    rows.sort_by_key(|row| row.kind);
    let groups: Vec<&[Row]> = if packing.types_together {
        vec![&rows]
    } else {
        rows.chunk_by(|left, right| left.kind == right.kind).collect()
    };
    let cut = groups.into_iter().flat_map(|group| group.chunks(packing.most_rows.max(1)));
    let cut: Vec<&[Row]> = cut.filter(|rows| !rows.is_empty()).collect();
    let last = cut.len().saturating_sub(1);
    let frame = |(at, rows): (usize, &[Row])| {
        let mut kinds: Vec<EventType> = rows.iter().map(|row| row.kind).collect();
        kinds.dedup();
        let data = if packing.full {
            rows.iter().map(object).collect()
        } else {
            compact(rows, packing.broken && at == last)
        };
        (kinds, feed_data(channel, data))
    };
    cut.into_iter().enumerate().map(frame).collect()
}

fn compact(rows: &[Row], broken: bool) -> Vec<Value> {
    let blocks = rows.chunk_by(|left, right| left.kind == right.kind);
    let mut data: Vec<Value> = blocks
        .flat_map(|block| {
            block.first().map(|row| [row.kind.name().into(), block.iter().flat_map(values).collect()])
        })
        .flatten()
        .collect();
    if let Some(block) = data.last_mut().and_then(Value::as_array_mut).filter(|_| broken) {
        block.pop();
    }
    data
}

fn values(row: &Row) -> impl Iterator<Item = Value> {
    row.fields.iter().map(|name| row.event.get(name).cloned().unwrap_or(Value::Null))
}

/// Type and symbol are in an object whether they were asked for or not.
fn object(row: &Row) -> Value {
    let headers = ["eventType", "eventSymbol"].into_iter();
    let names = headers.chain(row.fields.iter().map(String::as_str));
    Value::Object(names.filter_map(|name| Some((name.to_owned(), row.event.get(name)?.clone()))).collect())
}
