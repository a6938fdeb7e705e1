//! The rows of `FEED_DATA`, in whichever of the feed's forms (docs/reference/dxlink.md, Data).
//!
//! An event comes as an object with named values (FULL) or as a row of bare ones (COMPACT), whose names the
//! server tells in `FEED_CONFIG`. Which of the two it is, the data itself shows; what was asked for decides
//! nothing.

mod quote;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

pub(crate) use quote::QuoteEvent;

/// The event types that are asked for, with their fields.
pub(crate) const ASKED: [(&str, &[&str]); 1] = [(
    "Quote",
    &["eventType", "eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize", "bidTime", "askTime"],
)];

const EVENT_TYPE: &str = "eventType";

/// What stands in a compact row, by event type: what was asked for, until the server says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout(BTreeMap<&'static str, Vec<String>>);

impl Default for Layout {
    fn default() -> Self {
        Self(
            ASKED
                .map(|(kind, fields)| (kind, fields.iter().map(|field| (*field).to_owned()).collect()))
                .into(),
        )
    }
}

impl Layout {
    /// Takes over the types that `eventFields` names; the others stay. Types nobody asked for, and lists that
    /// are none, are no news.
    pub(crate) fn merge(&mut self, event_fields: &RawValue) {
        let Ok(lists) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(event_fields.get()) else {
            return;
        };
        for (kind, list) in lists {
            self.set(&kind, list);
        }
    }

    fn set(&mut self, kind: &str, list: &RawValue) {
        if let Some(fields) = self.0.get_mut(kind)
            && let Ok(list) = serde_json::from_str::<Vec<String>>(list.get())
            && !list.is_empty()
        {
            *fields = list;
        }
    }

    fn of(&self, kind: &str) -> Option<(&'static str, &[String])> {
        self.0.get_key_value(kind).map(|(kind, fields)| (*kind, fields.as_slice()))
    }
}

/// One event of a type that was asked for.
pub(crate) struct Row<'a> {
    pub(crate) kind: &'a str,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Named(BTreeMap<Cow<'a, str>, &'a RawValue>),
    Ordered(&'a [String], &'a [&'a RawValue]),
}

impl Row<'_> {
    /// The value of a field, as the server wrote it.
    pub(crate) fn get(&self, field: &str) -> Option<&RawValue> {
        match &self.cells {
            Cells::Named(values) => values.get(field).copied(),
            Cells::Ordered(names, values) => {
                names.iter().position(|name| name == field).and_then(|at| values.get(at)).copied()
            }
        }
    }

    /// Whether the row says of itself what its block says; if not, names and values do not belong together.
    fn agrees(&self) -> bool {
        self.get(EVENT_TYPE).is_none_or(|kind| text(kind).as_deref() == Some(self.kind))
    }
}

/// Hands every readable event of `data` on, in order; returns how many blocks and rows made no sense. Types
/// nobody asked for are passed over, they are no nonsense.
///
/// Several types and several rows may come in one frame. An inline list of fields, as older servers send, is
/// learnt like a configuration.
pub(crate) fn read(data: &RawValue, layout: &mut Layout, mut each: impl FnMut(&Row<'_>)) -> u64 {
    let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(data.get()) else { return 1 };
    let mut senseless = 0;
    let mut parts = parts.into_iter();
    while let Some(part) = parts.next() {
        senseless += match part.get().as_bytes().first() {
            Some(b'{') => object(part, layout, &mut each),
            Some(b'"' | b'[') => match (heading(part, layout), parts.next()) {
                (Some(kind), Some(values)) => block(&kind, values, layout, &mut each),
                _ => 1,
            },
            _ => 1,
        };
    }
    senseless
}

/// `"Quote"`, or `["Quote", [fields…]]`.
fn heading(part: &RawValue, layout: &mut Layout) -> Option<String> {
    if let Some(kind) = text(part) {
        return Some(kind);
    }
    let inline = serde_json::from_str::<Vec<&RawValue>>(part.get()).ok()?;
    let kind = inline.first().and_then(|kind| text(kind))?;
    if let Some(fields) = inline.get(1) {
        layout.set(&kind, fields);
    }
    Some(kind)
}

fn object(part: &RawValue, layout: &Layout, each: &mut impl FnMut(&Row<'_>)) -> u64 {
    let Ok(values) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(part.get()) else { return 1 };
    let Some(kind) = values.get(EVENT_TYPE).and_then(|kind| text(kind)) else { return 1 };
    if layout.of(&kind).is_some() {
        each(&Row { kind: &kind, cells: Cells::Named(values) });
    }
    0
}

/// A block whose values do not divide into rows is dropped: from the first missing value on, each would stand
/// under the wrong name.
fn block(kind: &str, values: &RawValue, layout: &Layout, each: &mut impl FnMut(&Row<'_>)) -> u64 {
    let Some((kind, names)) = layout.of(kind) else { return 0 };
    let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(values.get()) else { return 1 };
    if !values.len().is_multiple_of(names.len()) {
        return 1;
    }
    let mut senseless = 0;
    for values in values.chunks_exact(names.len()) {
        let row = Row { kind, cells: Cells::Ordered(names, values) };
        if row.agrees() {
            each(&row);
        } else {
            senseless += 1;
        }
    }
    senseless
}

/// A JSON string.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests;
