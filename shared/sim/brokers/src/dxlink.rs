//! A face that speaks DXLink, the streaming protocol of tastytrade's quotes, on the simulator's market.
//!
//! Its wire is written from docs/reference/dxlink.md (sections named in each module) and shares no type with
//! any client. It serves [`PATH`] as a WebSocket on loopback; tokens are those of [`QuoteTokens`], which
//! whoever hands them out fills.
//!
//! A subscription delivers the last known event at once. From then on the face is a world of the clock: every
//! jump of virtual time sends what changed of the subscribed symbols, before anybody who waited for that
//! moment wakes. Liveness is about a real socket, so its times are real: see [`DxLinkConfig`].
//!
//! Without a switch the server is plain and strict: fields as asked for (those it knows), COMPACT whatever is
//! asked, one type and all its rows in a frame, `FEED_CONFIG` at once. [`Switch`] lists what can be
//! different, and [`Face::fired`] says what really was.
//!
//! | where reference and services leave it open | here |
//! |---|---|
//! | a bad token | `AUTH_STATE` UNAUTHORIZED, then close 1000 |
//! | a channel's message before AUTHORIZED | `ERROR` UNAUTHORIZED on channel 0, then close 1000 |
//! | a message before SETUP, a second AUTH, an open channel requested again, a message for a channel that is not open | `ERROR` BAD_ACTION, the connection stays |
//! | another protocol than 0.1 or 1.0 | `ERROR` UNSUPPORTED_PROTOCOL, then close 1000 |
//! | DOM, HISTORY | `ERROR` BAD_ACTION on that channel, which does not open |
//! | SETUP again | new timeouts, answered with SETUP |
//! | Candle, `TimeAndSale` and other types not offered | taken, and silent |
//! | no `FEED_SETUP` | every known field in the server's order, `FEED_CONFIG` before the first event of each type |

mod channel;
mod conversation;
mod events;
mod fields;
mod frames;
mod greeks;
mod line;
mod messages;
mod switches;
mod tokens;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gamma_sim_core::connections::Caller;
use gamma_sim_core::exchange::SharedExchange;
use gamma_sim_core::market::Market;
use gamma_sim_core::requests::RequestLog;
use gamma_sim_core::time::{Advance, VirtualClock};
use jiff::Timestamp;

use events::Sight;
use line::Line;

pub use switches::{Fired, HangUp, Switch, Which};
pub use tokens::QuoteTokens;

/// Where the stream is served.
pub const PATH: &str = "/realtime";

/// How long silence may last, in real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DxLinkConfig {
    /// A client that is not heard for so long gets the TIMEOUT frame and is dropped; declared as
    /// `keepaliveTimeout`.
    pub keepalive_timeout: Duration,
    /// What the client is asked to declare; `acceptKeepaliveTimeout`.
    pub accept_keepalive_timeout: Duration,
    /// When so long nothing was sent, a KEEPALIVE is; sooner where half the client's own timeout is shorter.
    pub keepalive_every: Duration,
}

impl Default for DxLinkConfig {
    fn default() -> Self {
        Self {
            keepalive_timeout: Duration::from_secs(60),
            accept_keepalive_timeout: Duration::from_secs(60),
            keepalive_every: Duration::from_secs(30),
        }
    }
}

/// What clients did, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sockets opened.
    pub connections: usize,
    /// Upgrades that a switch refused.
    pub upgrades_refused: usize,
    /// `FEED_SUBSCRIPTION` messages that were taken.
    pub subscriptions: usize,
    /// How often (type, symbol) was asked for with `add`, also while it was subscribed.
    pub questions: BTreeMap<(String, String), usize>,
}

impl Counters {
    /// How often `symbol` was asked for, whatever the type.
    #[must_use]
    pub fn questions_of(&self, symbol: &str) -> usize {
        self.questions.iter().filter(|((_, asked), _)| asked == symbol).map(|(_, times)| times).sum()
    }
}

/// The face. Clones are the same face.
#[derive(Clone)]
pub struct Face(Arc<Inner>);

struct Inner {
    config: DxLinkConfig,
    clock: VirtualClock,
    exchange: Arc<SharedExchange>,
    /// The market as it was at first, from which any earlier moment can be played again.
    first: Market,
    tokens: QuoteTokens,
    switches: switches::Switches,
    log: RequestLog,
    state: Mutex<FaceState>,
}

#[derive(Default)]
struct FaceState {
    lines: BTreeMap<u64, Arc<Line>>,
    counters: Counters,
}

impl Face {
    /// A face on `exchange` that reads the time from `clock`, admits the bearers of `tokens` and writes every
    /// message into `log`. It is a world of the clock from now on, so the exchange must be one before.
    #[must_use]
    pub fn new(
        config: DxLinkConfig,
        clock: VirtualClock,
        exchange: Arc<SharedExchange>,
        tokens: QuoteTokens,
        log: RequestLog,
    ) -> Self {
        let first = exchange.lock().market().clone();
        let switches = switches::Switches::default();
        let inner = Arc::new(Inner {
            config,
            clock,
            exchange,
            first,
            tokens,
            switches,
            log,
            state: Mutex::default(),
        });
        inner.clock.on_advance(Arc::new(World(Arc::downgrade(&inner))));
        Self(inner)
    }

    /// The route, to be served by [`Connections`](gamma_sim_core::connections::Connections).
    pub fn router(&self) -> Router {
        Router::new().route(PATH, get(upgrade)).with_state(self.clone())
    }

    /// The tokens it admits.
    #[must_use]
    pub fn tokens(&self) -> &QuoteTokens {
        &self.0.tokens
    }

    /// Turns `switch` on until [`Face::clear`].
    pub fn set(&self, switch: Switch) {
        self.times(usize::MAX, switch);
    }

    /// Turns `switch` on for the next thing it strikes.
    pub fn once(&self, switch: Switch) {
        self.times(1, switch);
    }

    /// Turns `switch` on for the next so many things it strikes.
    pub fn times(&self, times: usize, switch: Switch) {
        self.0.switches.add(switch, times);
        self.0.lines().iter().for_each(|line| line.freeze_if_told(&self.0));
    }

    /// Turns all switches off. What they did stays done, and on record.
    pub fn clear(&self) {
        self.0.switches.clear();
    }

    /// What the switches did so far, oldest first.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        self.0.switches.fired()
    }

    /// Ends every open connection now; gives how many.
    pub fn hang_up(&self, how: HangUp) -> usize {
        let lines = self.0.lines();
        lines.iter().for_each(|line| line.with(|conversation| conversation.hang_up(how)));
        lines.len()
    }

    /// Closes every open channel of every connection, unasked; gives how many.
    pub fn close_channels(&self) -> usize {
        let mut closed = 0;
        self.0
            .lines()
            .iter()
            .for_each(|line| line.with(|conversation| closed += conversation.close_channels()));
        closed
    }

    /// Sends what is due and was not sent, such as the rest of a [`Switch::Partial`] answer, without a step
    /// of virtual time.
    pub fn deliver(&self) {
        self.0.deliver(&mut self.0.sight());
    }

    /// What clients did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.0.state().counters.clone()
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face")
            .field("config", &self.0.config)
            .field("open", &self.0.state().lines.len())
            .finish_non_exhaustive()
    }
}

/// The face as the clock has it: the face has the clock, so one of them must not keep the other alive.
struct World(Weak<Inner>);

impl Advance for World {
    fn advance_to(&self, now: Timestamp) {
        if let Some(face) = self.0.upgrade() {
            face.deliver(&mut face.sight_at(now));
        }
    }
}

impl Inner {
    /// No code panics while it has the lock, so a poisoned state is still a whole one.
    fn state(&self) -> MutexGuard<'_, FaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        self.state().lines.values().cloned().collect()
    }

    /// What can be seen of the market now. Locks the exchange for a moment: a line may be locked by whoever
    /// calls, never the exchange.
    fn sight(&self) -> Sight {
        self.sight_at(self.clock.now())
    }

    fn sight_at(&self, now: Timestamp) -> Sight {
        Sight::new(self.exchange.at(now).market().clone(), self.first.clone())
    }

    fn deliver(&self, sight: &mut Sight) {
        for line in self.lines() {
            line.with(|conversation| conversation.step(sight, &self.switches));
        }
    }
}

/// The upgrade, or the status that a switch puts in its place.
async fn upgrade(
    State(face): State<Face>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let refused = face.0.switches.strike(face.0.clock.now(), 0, "upgrade", |switch| match switch {
        Switch::RefuseUpgrade(status) => StatusCode::from_u16(*status).ok(),
        _ => None,
    });
    match (refused, upgrade) {
        (Some(status), _) => {
            face.0.state().counters.upgrades_refused += 1;
            status.into_response()
        }
        (None, Ok(upgrade)) => upgrade.on_upgrade(move |socket| line::serve(face.0, socket, caller)),
        (None, Err(rejection)) => rejection.into_response(),
    }
}
