//! One channel: what its client accepts, what it wants to see and what it saw last
//! (docs/reference/dxlink.md, Channels).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::events::{Event, NAN, Sight, essence, stamp};
use super::fields::EventType;
use super::frames::{Packing, Row, frames};
use super::messages::{FeedSetup, Subscription, feed_config};
use super::switches::{Switch, Switches};

/// Seconds between events of one symbol, where the client did not say.
const PERIOD: f64 = 0.1;

/// A channel that is open.
pub(super) struct Channel {
    number: u64,
    connection: u64,
    period: Value,
    full: bool,
    /// How the types that the client named are written.
    fields: BTreeMap<EventType, Vec<String>>,
    telling: Telling,
    /// The types whose fields the client was told.
    told: BTreeSet<EventType>,
    /// By type and symbol, what of the last event counts; `None` where there was none yet.
    wanted: BTreeMap<(EventType, String), Option<Vec<Value>>>,
}

/// When the client learns how types are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    Before,
    After,
    Never,
}

impl Channel {
    pub(super) fn new(number: u64, connection: u64) -> Self {
        let (fields, told, wanted) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self {
            number,
            connection,
            period: json!(PERIOD),
            full: false,
            fields,
            telling: Telling::Before,
            told,
            wanted,
        }
    }

    /// Takes what the client accepts; gives the answer, if there is one.
    pub(super) fn set_up(
        &mut self,
        setup: FeedSetup,
        at: jiff::Timestamp,
        switches: &Switches,
    ) -> Option<Value> {
        let on = format!("FEED_SETUP of channel {}", self.number);
        let strike = |wanted: &Switch| {
            switches.strike(at, self.connection, &on, |switch| (switch == wanted).then_some(())).is_some()
        };
        let full = setup.full && strike(&Switch::HonourFull);
        let mut now = BTreeMap::new();
        for (name, asked) in &setup.fields {
            let Some(kind) = EventType::of(name) else { continue };
            now.insert(kind, self.negotiated(kind, asked, at, switches, &on));
        }
        let lazy = strike(&Switch::LazyConfig);
        self.telling = if strike(&Switch::NoConfig) {
            Telling::Never
        } else if strike(&Switch::ConfigAfterData) {
            Telling::After
        } else {
            Telling::Before
        };
        self.full = full;
        self.period = setup.period.unwrap_or_else(|| self.period.clone());
        self.told.retain(|kind| !now.contains_key(kind));
        let kinds: Vec<EventType> = now.keys().copied().collect();
        self.fields.extend(now);
        let at_once = self.telling == Telling::Before;
        at_once.then(|| if lazy { self.config(&[]) } else { self.config(&kinds) })
    }

    /// The fields that were asked for and are known.
    fn negotiated(
        &self,
        kind: EventType,
        asked: &[String],
        at: jiff::Timestamp,
        switches: &Switches,
        on: &str,
    ) -> Vec<String> {
        let known: Vec<String> =
            asked.iter().filter(|name| kind.fields().contains(&name.as_str())).cloned().collect();
        let without = |switch: &Switch| match switch {
            Switch::WithoutFields(names) if known.iter().any(|name| names.contains(name)) => {
                Some(names.clone())
            }
            _ => None,
        };
        let missing = switches.strike(at, self.connection, on, without).unwrap_or_default();
        let mut fields: Vec<String> = known.into_iter().filter(|name| !missing.contains(name)).collect();
        let own: Vec<String> = kind
            .fields()
            .iter()
            .filter(|name| fields.iter().any(|asked| asked == *name))
            .map(|name| (*name).to_owned())
            .collect();
        let differs = |switch: &Switch| (*switch == Switch::OwnFieldOrder && own != fields).then_some(());
        if switches.strike(at, self.connection, on, differs).is_some() {
            fields = own;
        }
        if fields.is_empty() { every_field(kind) } else { fields }
    }

    /// Says how these types are written.
    fn config(&mut self, kinds: &[EventType]) -> Value {
        self.told.extend(kinds);
        let fields: Map<String, Value> =
            kinds.iter().map(|kind| (kind.name().to_owned(), self.fields_of(*kind).into())).collect();
        feed_config(self.number, &self.period, self.full, fields)
    }

    fn fields_of(&self, kind: EventType) -> Vec<String> {
        self.fields.get(&kind).cloned().unwrap_or_else(|| every_field(kind))
    }

    /// Takes a subscription (reset, then remove, then add) and gives what is new in it, in its order.
    pub(super) fn subscribe(&mut self, asked: Subscription) -> Vec<(EventType, String)> {
        if asked.reset {
            self.wanted.clear();
        }
        let offered = |(name, symbol): (String, String)| EventType::of(&name).map(|kind| (kind, symbol));
        for key in asked.remove.into_iter().filter_map(offered) {
            self.wanted.remove(&key);
        }
        let mut new = Vec::new();
        for key in asked.add.into_iter().filter_map(offered) {
            if !self.wanted.contains_key(&key) {
                self.wanted.insert(key.clone(), None);
                new.push(key);
            }
        }
        new
    }

    /// The first events of what was just subscribed.
    pub(super) fn answer(
        &mut self,
        new: Vec<(EventType, String)>,
        sight: &mut Sight,
        switches: &Switches,
    ) -> Vec<Value> {
        let known = |sight: &mut Sight| {
            new.iter().filter(|(kind, symbol)| sight.event(*kind, symbol).is_some()).count()
        };
        let rows = known(sight);
        let on = format!("{rows} rows of channel {}", self.number);
        let partial = |switch: &Switch| match switch {
            Switch::Partial(most) if *most < rows => Some(*most),
            _ => None,
        };
        let most = switches.strike(sight.at(), self.connection, &on, partial).unwrap_or(usize::MAX);
        self.deliver(new, most, sight, switches)
    }

    /// Everything that changed, or was not sent yet.
    pub(super) fn step(&mut self, sight: &mut Sight, switches: &Switches) -> Vec<Value> {
        let all = self.wanted.keys().cloned().collect();
        self.deliver(all, usize::MAX, sight, switches)
    }

    fn deliver(
        &mut self,
        keys: Vec<(EventType, String)>,
        most: usize,
        sight: &mut Sight,
        switches: &Switches,
    ) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut sent = Vec::new();
        for key in keys {
            let (kind, symbol) = &key;
            if rows.len() == most {
                break;
            }
            let Some(event) = sight.event(*kind, symbol) else { continue };
            let core = essence(&event);
            if self.wanted.get(&key).is_none_or(|last| last.as_ref() == Some(&core))
                || self.is_silent(*kind, symbol, sight, switches)
            {
                continue;
            }
            let shown = self.twisted(*kind, symbol, &event, sight, switches);
            rows.push(Row { kind: *kind, fields: self.fields_of(*kind), event: shown.clone() });
            // What was not shown as it is, is shown again as it is when that is over.
            sent.push((key, (essence(&shown) == core).then_some(core)));
        }
        if rows.is_empty()
            || self.strike(sight, switches, &format!("{} rows", rows.len()), Switch::KeepaliveOnly)
        {
            return Vec::new();
        }
        self.wanted.extend(sent);
        self.framed(rows, sight, switches)
    }

    fn is_silent(&self, kind: EventType, symbol: &str, sight: &Sight, switches: &Switches) -> bool {
        let on = format!("{} {symbol}", kind.name());
        switches
            .strike(sight.at(), self.connection, &on, |switch| {
                matches!(switch, Switch::Silent(which) if which.has(symbol)).then_some(())
            })
            .is_some()
    }

    fn strike(&self, sight: &Sight, switches: &Switches, on: &str, wanted: Switch) -> bool {
        let on = format!("{on} of channel {}", self.number);
        switches
            .strike(sight.at(), self.connection, &on, |switch| (*switch == wanted).then_some(()))
            .is_some()
    }

    /// A quote as the switches want it seen.
    fn twisted(
        &self,
        kind: EventType,
        symbol: &str,
        event: &Event,
        sight: &mut Sight,
        switches: &Switches,
    ) -> Event {
        let mut shown = event.clone();
        if kind != EventType::Quote {
            return shown;
        }
        let (at, on) = (sight.at(), format!("Quote {symbol}"));
        if switches
            .strike(at, self.connection, &on, |switch| (*switch == Switch::Stamped).then_some(()))
            .is_some()
        {
            stamp(&mut shown, at);
        }
        let age = switches.strike(at, self.connection, &on, |switch| {
            if let Switch::Stale(age) = switch { Some(*age) } else { None }
        });
        if let Some(past) = age.and_then(|age| sight.past_quote(symbol, age)) {
            shown = past;
        }
        let odd = |switch: &Switch| match switch {
            Switch::Crossed(which) | Switch::Locked(which) | Switch::OneSided(which) if which.has(symbol) => {
                oddity(switch, &shown)
            }
            _ => None,
        };
        if let Some(odd) = switches.strike(at, self.connection, &on, odd) {
            shown.extend(odd);
        }
        shown
    }

    fn framed(&mut self, rows: Vec<Row>, sight: &Sight, switches: &Switches) -> Vec<Value> {
        let on = format!("{} rows", rows.len());
        let fewer = |switch: &Switch| match switch {
            Switch::RowsPerFrame(most) if *most < rows.len() => Some(*most),
            _ => None,
        };
        let mixed = rows.iter().any(|row| rows.first().is_some_and(|first| first.kind != row.kind));
        let packing = Packing {
            full: self.full,
            most_rows: switches.strike(sight.at(), self.connection, &on, fewer).unwrap_or(usize::MAX),
            types_together: mixed && self.strike(sight, switches, &on, Switch::TypesTogether),
            broken: !self.full && self.strike(sight, switches, &on, Switch::BrokenBlock),
        };
        let twice = self.strike(sight, switches, &on, Switch::DuplicateRows);
        let rows = if twice { rows.into_iter().flat_map(|row| [row.clone(), row]).collect() } else { rows };
        let mut said = Vec::new();
        for (kinds, data) in frames(self.number, rows, packing) {
            let untold: Vec<EventType> = kinds.into_iter().filter(|kind| !self.told.contains(kind)).collect();
            let config = (!untold.is_empty() && self.telling != Telling::Never).then(|| self.config(&untold));
            match self.telling {
                Telling::Before => said.extend(config.into_iter().chain([data])),
                Telling::After | Telling::Never => said.extend([data].into_iter().chain(config)),
            }
        }
        said
    }
}

fn every_field(kind: EventType) -> Vec<String> {
    kind.fields().iter().map(|name| (*name).to_owned()).collect()
}

/// The fields that make a quote odd; `None` where it has not the side that it takes.
fn oddity(switch: &Switch, quote: &Event) -> Option<Event> {
    let side = |name: &str| quote.get(name).filter(|value| value.is_number()).cloned();
    let (bid, ask) = (side("bidPrice")?, side("askPrice")?);
    let fields = match switch {
        Switch::Crossed(_) if bid != ask => [("bidPrice", ask), ("askPrice", bid)],
        Switch::Locked(_) if bid != ask => [("bidPrice", ask.clone()), ("askPrice", ask)],
        Switch::OneSided(_) => [("askPrice", NAN.into()), ("askSize", NAN.into())],
        _ => return None,
    };
    Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
