//! What can be different from a plain server, and the record of what was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// One thing that is different while it is on. Nothing is recorded where it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// The upgrade is answered with this status, such as 502.
    RefuseUpgrade(u16),
    /// A good token is treated as a bad one.
    AuthRefused,
    /// The AUTH_STATE that follows SETUP comes at the next step, of virtual time or [`Face::deliver`]; a
    /// token that comes before it is read over.
    ///
    /// [`Face::deliver`]: super::Face::deliver
    AsksLate,
    /// The AUTH_STATE that follows SETUP comes twice.
    AsksTwice,
    /// The first good token of a connection is answered with UNAUTHORIZED, and the connection stays.
    FirstAuthUnheard,
    /// A good token is answered with `ERROR` UNAUTHORIZED about a session that is not found, then close 1000.
    SessionNotFound,
    /// No frame at all from now on, the socket stays open, nothing that comes is understood. It strikes
    /// connections, the open ones at once; one that is frozen stays so.
    Freeze,
    /// The connection ends once the server has sent so many messages on it.
    CloseAfter(usize, HangUp),
    /// A message of more bytes than this is answered with close 1009, instead of 64 KB.
    MessageLimit(usize),

    /// `FEED_SETUP` is answered with a `FEED_CONFIG` without fields; each type's come in one of their own
    /// before its first event.
    LazyConfig,
    /// `FEED_SETUP` is not answered before the first events are out.
    ConfigAfterData,
    /// `FEED_SETUP` is never answered.
    NoConfig,
    /// Fields come in the server's order, whatever order was asked for.
    OwnFieldOrder,
    /// The server does not know these fields.
    WithoutFields(Vec<String>),
    /// FULL is given to who asks for it.
    HonourFull,

    /// No event of it ever.
    Silent(Which),
    /// No event at all; KEEPALIVE flows.
    KeepaliveOnly,
    /// Of what one message asks for, so many rows come at once, the rest at the next step: of virtual time or
    /// [`Face::deliver`].
    ///
    /// [`Face::deliver`]: super::Face::deliver
    Partial(usize),
    /// No frame has more rows than this.
    RowsPerFrame(usize),
    /// A frame has all types of its channel.
    TypesTogether,
    /// Each row comes twice.
    DuplicateRows,
    /// A COMPACT block lacks its last value.
    BrokenBlock,

    /// Quotes as of so long ago, with the times of that moment.
    Stale(Duration),
    /// Quotes carry the time they are of, where they carry 0 otherwise.
    Stamped,
    /// The bid lies above the ask.
    Crossed(Which),
    /// The bid is the ask.
    Locked(Which),
    /// Nobody offers.
    OneSided(Which),
}

/// Of which symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Of all.
    Every,
    /// Of this one, as it is spelled on the wire.
    Only(String),
}

impl Which {
    /// Of one symbol.
    #[must_use]
    pub fn only(symbol: &str) -> Self {
        Self::Only(symbol.to_owned())
    }

    pub(super) fn has(&self, symbol: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(only) => only == symbol,
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// With a close frame of this code, such as 1000.
    Close(u16),
    /// Without a word, which a client sees as 1006.
    Cut,
}

/// A switch that made a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The switch.
    pub switch: Switch,
    /// The connection, counted from 1; 0 where there was none yet.
    pub connection: u64,
    /// To what: a message, or a type and a symbol.
    pub on: String,
    /// Virtual time.
    pub at: Timestamp,
}

/// The switches that are on. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Switches(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    on: Vec<(Switch, usize)>,
    fired: Vec<Fired>,
}

impl Switches {
    pub(super) fn add(&self, switch: Switch, times: usize) {
        self.lock().on.push((switch, times));
    }

    pub(super) fn clear(&self) {
        self.lock().on.clear();
    }

    pub(super) fn fired(&self) -> Vec<Fired> {
        self.lock().fired.clone()
    }

    /// Lets the first switch strike that `pick` wants, and gives what it picked.
    pub(super) fn strike<T>(
        &self,
        at: Timestamp,
        connection: u64,
        on: &str,
        pick: impl Fn(&Switch) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        let (place, picked) = state
            .on
            .iter()
            .enumerate()
            .filter(|(_, (_, times))| *times > 0)
            .find_map(|(place, (switch, _))| Some((place, pick(switch)?)))?;
        let (switch, times) = state.on.get_mut(place)?;
        // The largest number stands for ever.
        if *times != usize::MAX {
            *times -= 1;
        }
        let switch = switch.clone();
        state.fired.push(Fired { switch, connection, on: on.to_owned(), at });
        Some(picked)
    }

    /// What `pick` wants of the switches that are on, without striking.
    pub(super) fn peek<T>(&self, pick: impl Fn(&Switch) -> Option<T>) -> Option<T> {
        self.lock().on.iter().filter(|(_, times)| *times > 0).find_map(|(switch, _)| pick(switch))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
