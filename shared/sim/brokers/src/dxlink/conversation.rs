//! The protocol on one connection, without the socket: what is heard, and what is said to it
//! (docs/reference/dxlink.md).

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;

use super::channel::Channel;
use super::events::Sight;
use super::messages::{self, FeedSetup, Message, Said, Subscription};
use super::switches::{HangUp, Switch, Switches};
use super::{Counters, DxLinkConfig, QuoteTokens};

/// The longest message, in bytes, without a switch.
const MOST_BYTES: usize = 64 * 1024;

/// The protocols that are spoken: what stands before the first `-` of a version.
const PROTOCOLS: &[&str] = &["0.1", "1.0"];

/// What is to be done on the socket.
#[derive(Debug, PartialEq)]
pub(super) enum Act {
    Say(Value),
    HangUp(HangUp),
}

/// What a conversation looks at while it listens.
pub(super) struct Around<'a> {
    pub(super) config: DxLinkConfig,
    pub(super) tokens: &'a QuoteTokens,
    pub(super) switches: &'a Switches,
    pub(super) counters: &'a mut Counters,
    pub(super) sight: &'a mut Sight,
    /// The clock's time, which the market's whole seconds are not.
    pub(super) now: jiff::Timestamp,
}

/// How far the handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Opened,
    SetUp,
    Authorized,
    Over,
}

/// One connection's side of the protocol.
pub(super) struct Conversation {
    connection: u64,
    stage: Stage,
    /// The client is still to be asked for its token.
    asks_late: bool,
    /// Tokens that came and were looked at.
    heard_tokens: usize,
    channels: BTreeMap<u64, Channel>,
    client_timeout: Option<Duration>,
    said: usize,
    acts: Vec<Act>,
}

impl Conversation {
    pub(super) const fn new(connection: u64) -> Self {
        Self {
            connection,
            stage: Stage::Opened,
            asks_late: false,
            heard_tokens: 0,
            channels: BTreeMap::new(),
            client_timeout: None,
            said: 0,
            acts: Vec::new(),
        }
    }

    /// What is to be done, in this order; each is given once.
    pub(super) fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// How long the client waits for a word of ours before it drops us; `None` before it said so.
    pub(super) const fn client_timeout(&self) -> Option<Duration> {
        self.client_timeout
    }

    pub(super) fn hear(&mut self, text: &str, message: Message, around: &mut Around<'_>) {
        let limit = around
            .switches
            .peek(|switch| if let Switch::MessageLimit(bytes) = switch { Some(*bytes) } else { None });
        if text.len() > limit.unwrap_or(MOST_BYTES) {
            let on = format!("a message of {} bytes", text.len());
            around.switches.strike(around.now, self.connection, &on, |switch| {
                matches!(switch, Switch::MessageLimit(_)).then_some(())
            });
            return self.hang_up(HangUp::Close(1009));
        }
        let channel = message.channel;
        match message.said {
            Err(wrong) => self.complain(channel, "INVALID_MESSAGE", &wrong, around),
            Ok(Said::Keepalive | Said::Error | Said::Unknown) if self.stage > Stage::Opened => {}
            Ok(Said::Setup { version, keepalive_timeout }) => {
                self.set_up(version.as_deref(), keepalive_timeout, around)
            }
            Ok(_) if self.stage == Stage::Opened => {
                self.complain(0, "BAD_ACTION", &format!("{} came before SETUP.", message.kind), around)
            }
            Ok(Said::Auth { token }) => self.authorize(token.expose_secret(), around),
            Ok(said) => self.hear_channel(channel, said, around),
        }
    }

    fn set_up(&mut self, version: Option<&str>, client_timeout: Option<Duration>, around: &Around<'_>) {
        let protocol = version.and_then(|version| version.split('-').next());
        if !protocol.is_some_and(|protocol| PROTOCOLS.contains(&protocol)) {
            let message =
                format!("version: got {version:?}, expected a protocol of {}.", PROTOCOLS.join(", "));
            self.complain(0, "UNSUPPORTED_PROTOCOL", &message, around);
            return self.hang_up(HangUp::Close(1000));
        }
        self.client_timeout = client_timeout.or(self.client_timeout);
        self.say(
            messages::setup(around.config.keepalive_timeout, around.config.accept_keepalive_timeout),
            around.switches,
            around.now,
        );
        if self.stage == Stage::Opened {
            self.stage = Stage::SetUp;
            self.asks_late = self.strikes(&Switch::AsksLate, "SETUP", around);
            let times = match self.asks_late {
                true => 0,
                false if self.strikes(&Switch::AsksTwice, "SETUP", around) => 2,
                false => 1,
            };
            (0..times).for_each(|_| self.say(messages::unauthorized(), around.switches, around.now));
        }
    }

    fn strikes(&self, wanted: &Switch, on: &str, around: &Around<'_>) -> bool {
        around
            .switches
            .strike(around.now, self.connection, on, |switch| (switch == wanted).then_some(()))
            .is_some()
    }

    fn authorize(&mut self, token: &str, around: &Around<'_>) {
        if self.stage == Stage::Authorized {
            return self.complain(0, "BAD_ACTION", "AUTH came on a connection that is authorized.", around);
        }
        if self.asks_late {
            return;
        }
        self.heard_tokens += 1;
        let good = around.tokens.accepts(token) && !self.strikes(&Switch::AuthRefused, "AUTH", around);
        if good && self.heard_tokens == 1 && self.strikes(&Switch::FirstAuthUnheard, "AUTH", around) {
            self.say(messages::unauthorized(), around.switches, around.now);
        } else if good && self.strikes(&Switch::SessionNotFound, "AUTH", around) {
            self.complain(
                0,
                "UNAUTHORIZED",
                "com.dxfeed.mdd.dxlink.auth.AuthException: Session not found: api",
                around,
            );
            self.hang_up(HangUp::Close(1000));
        } else if good {
            self.stage = Stage::Authorized;
            self.say(messages::authorized(), around.switches, around.now);
        } else {
            self.say(messages::unauthorized(), around.switches, around.now);
            self.hang_up(HangUp::Close(1000));
        }
    }

    fn hear_channel(&mut self, channel: u64, said: Said, around: &mut Around<'_>) {
        if self.stage != Stage::Authorized {
            self.complain(0, "UNAUTHORIZED", "The connection is not authorized.", around);
            return self.hang_up(HangUp::Close(1000));
        }
        if channel.is_multiple_of(2) {
            return self.complain(0, "BAD_ACTION", "Protocol violation with an even channel usage.", around);
        }
        match said {
            Said::ChannelRequest { service, contract } => self.open(channel, &service, &contract, around),
            _ if !self.channels.contains_key(&channel) => {
                self.complain(channel, "BAD_ACTION", "The channel is not open.", around)
            }
            Said::ChannelCancel => {
                self.channels.remove(&channel);
                self.say(messages::channel_closed(channel), around.switches, around.now);
            }
            Said::FeedSetup(setup) => self.set_up_feed(channel, setup, around),
            Said::FeedSubscription(asked) => self.subscribe(channel, asked, around),
            Said::Setup { .. } | Said::Auth { .. } | Said::Keepalive | Said::Error | Said::Unknown => {}
        }
    }

    fn open(&mut self, channel: u64, service: &str, contract: &str, around: &Around<'_>) {
        let wrong = match (service, contract) {
            _ if self.channels.contains_key(&channel) => {
                Some(("BAD_ACTION", "The channel is open already.".to_owned()))
            }
            ("FEED", "AUTO" | "TICKER" | "STREAM") => None,
            ("FEED", "HISTORY") => {
                Some(("BAD_ACTION", "contract: got HISTORY, expected AUTO, TICKER or STREAM.".to_owned()))
            }
            ("FEED", _) => Some((
                "INVALID_MESSAGE",
                format!("contract: got {contract:?}, expected AUTO, TICKER or STREAM."),
            )),
            _ => Some(("BAD_ACTION", format!("service: got {service:?}, expected FEED."))),
        };
        if let Some((error, message)) = wrong {
            return self.complain(channel, error, &message, around);
        }
        self.channels.insert(channel, Channel::new(channel, self.connection));
        self.say(messages::channel_opened(channel, contract), around.switches, around.now);
    }

    fn set_up_feed(&mut self, channel: u64, setup: FeedSetup, around: &Around<'_>) {
        let Some(open) = self.channels.get_mut(&channel) else { return };
        if let Some(config) = open.set_up(setup, around.now, around.switches) {
            self.say(config, around.switches, around.now);
        }
    }

    fn subscribe(&mut self, channel: u64, asked: Subscription, around: &mut Around<'_>) {
        let Some(open) = self.channels.get_mut(&channel) else { return };
        around.counters.subscriptions += 1;
        for question in &asked.add {
            *around.counters.questions.entry(question.clone()).or_default() += 1;
        }
        let new = open.subscribe(asked);
        let data = open.answer(new, around.sight, around.switches);
        data.into_iter().for_each(|frame| self.say(frame, around.switches, around.now));
    }

    /// Says what changed.
    pub(super) fn step(&mut self, sight: &mut Sight, switches: &Switches) {
        let at = sight.at();
        if std::mem::take(&mut self.asks_late) {
            self.say(messages::unauthorized(), switches, at);
        }
        let data: Vec<Value> =
            self.channels.values_mut().flat_map(|channel| channel.step(sight, switches)).collect();
        data.into_iter().for_each(|frame| self.say(frame, switches, at));
    }

    pub(super) fn keep_alive(&mut self, switches: &Switches, now: jiff::Timestamp) {
        self.say(messages::keepalive(), switches, now);
    }

    /// The client was silent for too long.
    pub(super) fn time_out(&mut self, silence: Duration, switches: &Switches, now: jiff::Timestamp) {
        self.say(messages::timed_out(silence), switches, now);
        self.hang_up(HangUp::Close(1000));
    }

    /// Closes every channel, unasked; gives how many.
    pub(super) fn close_channels(&mut self) -> usize {
        let open = std::mem::take(&mut self.channels);
        self.acts.extend(open.keys().map(|channel| Act::Say(messages::channel_closed(*channel))));
        open.len()
    }

    /// Nothing is said after this.
    pub(super) fn hang_up(&mut self, how: HangUp) {
        if self.stage != Stage::Over {
            self.stage = Stage::Over;
            self.channels.clear();
            self.acts.push(Act::HangUp(how));
        }
    }

    fn complain(&mut self, channel: u64, error: &str, message: &str, around: &Around<'_>) {
        self.say(messages::error(channel, error, message), around.switches, around.now);
    }

    fn say(&mut self, message: Value, switches: &Switches, at: jiff::Timestamp) {
        if self.stage == Stage::Over {
            return;
        }
        self.acts.push(Act::Say(message));
        self.said += 1;
        let enough = |switch: &Switch| match switch {
            Switch::CloseAfter(most, how) if self.said >= *most => Some(*how),
            _ => None,
        };
        if let Some(how) = switches.strike(at, self.connection, &format!("message {}", self.said), enough) {
            self.hang_up(how);
        }
    }
}
