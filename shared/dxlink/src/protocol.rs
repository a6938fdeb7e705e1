//! The protocol of one connection as a machine without I/O and clock (docs/reference/dxlink.md).
//!
//! Texts, beats and the caller's wishes go in; texts to send, quotes and the connection's end come out. A
//! beat is a second.

mod message;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use secrecy::SecretString;

use crate::StreamerSymbol;
use crate::feed::{self, Layout, QuoteEvent};
use crate::words::words;
use message::Message;

/// What the server is told to drop us after, and what we drop it after, in beats without a word.
pub(crate) const DEAF_AFTER: u64 = 60;

/// Something is said at least this often, in beats; more often where the server's own limit is shorter.
const SAY_EVERY: u64 = 30;

/// How long one step of the greeting may take, in beats: SETUP, AUTHORIZED after the token, an open channel
/// after its request.
pub(crate) const LONGEST_STEP: u64 = 5;

/// A server that wants a token says so after its SETUP, a slow one seconds after; dxFeed's own client waits
/// for that word for 10 s. One that has said nothing by then gets the token all the same: sent unasked, it
/// may be dropped or taken for a wrong one.
pub(crate) const TOKEN_AFTER: u64 = 10;

/// So often UNAUTHORIZED is answered with the token: a server may ask again before it has read the first. The
/// next one is a refusal.
const MOST_ANSWERS: u32 = 2;

/// A question of which no leg came is asked again, and then given up with the connection: keepalives may flow
/// while the feed is stuck.
const ASK_AGAIN_AFTER: u64 = 2;
const STUCK_AFTER: u64 = 4;

/// In what a server says that does not know its own session: about the connection, whatever the code
/// (tastyware/tastytrade#339).
const SESSION_NOT_FOUND: &str = "session not found";

/// So often a channel is requested again without a quote in between.
const MOST_REBUILDS: u32 = 3;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The token is not accepted; connecting again with it is of no use.
    Refused(String),
    /// The server complains of its session, or of a token that it had not asked for: the token may be good,
    /// on another connection.
    PerhapsRefused(String),
    /// The server takes no messages of this size.
    TooLarge(String),
    /// Everything else, to be tried again.
    Lost(String),
}

/// What is to be done after something happened. Has no `Debug`: one of the texts holds the token.
#[derive(Default)]
pub(crate) struct Step {
    /// To be sent, in order.
    pub(crate) send: Vec<String>,
    /// The texts ask for quotes: what came before does not answer.
    pub(crate) asks: bool,
    /// Quotes of symbols that are asked for.
    pub(crate) quotes: Vec<QuoteEvent>,
    /// The connection is over.
    pub(crate) end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    /// Nothing was said yet.
    Unknown,
    /// The server wants a token, and its SETUP is still to come.
    Wanted,
    /// The token was sent.
    Sent,
    Authorized,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Requested,
    Open,
}

/// One connection.
pub(crate) struct Session {
    token: SecretString,
    largest_message: usize,
    set_up: bool,
    login: Login,
    /// UNAUTHORIZED that were answered with the token, and the tokens sent beside the first: the server may
    /// have needed none of these.
    answers: u32,
    spare_tokens: u32,
    stage: Stage,
    channel: u64,
    layout: Layout,
    asked: BTreeSet<StreamerSymbol>,
    say_every: u64,
    /// Beats since something was heard, said, since the greeting's last step, since the question went out.
    silent: u64,
    mute: u64,
    waited: u64,
    unanswered: Option<u64>,
    rebuilds: u32,
    /// Whether a quote came, ever.
    fed: bool,
    senseless: u64,
}

impl Session {
    /// A connection whose socket is open, and its first message. No message will be larger than
    /// `largest_message` bytes, unless a single symbol is.
    pub(crate) fn open(token: SecretString, largest_message: usize) -> (Self, Step) {
        let session = Self {
            token,
            largest_message,
            set_up: false,
            login: Login::Unknown,
            answers: 0,
            spare_tokens: 0,
            stage: Stage::Greeting,
            channel: 1,
            layout: Layout::default(),
            asked: BTreeSet::new(),
            say_every: SAY_EVERY,
            silent: 0,
            mute: 0,
            waited: 0,
            unanswered: None,
            rebuilds: 0,
            fed: false,
            senseless: 0,
        };
        (session, Step { send: vec![message::setup()], ..Step::default() })
    }

    /// Whether the channel is open.
    pub(crate) fn is_ready(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Whether this connection has brought a quote.
    pub(crate) const fn has_fed(&self) -> bool {
        self.fed
    }

    /// How many messages, blocks and rows made no sense.
    pub(crate) const fn senseless(&self) -> u64 {
        self.senseless
    }

    /// Asks for the quotes of these symbols and of no others, as soon as the channel is open.
    pub(crate) fn ask(&mut self, symbols: BTreeSet<StreamerSymbol>) -> Step {
        self.asked = symbols;
        self.unanswered = None;
        let mut step = Step::default();
        if self.is_ready() {
            self.subscribe(&mut step);
        }
        self.said(step)
    }

    /// Asks for nothing any more.
    pub(crate) fn rest(&mut self) -> Step {
        self.asked.clear();
        self.unanswered = None;
        let mut step = Step::default();
        if self.is_ready() {
            step.send.push(message::reset(self.channel));
        }
        self.said(step)
    }

    /// A frame without a text of the protocol's: it shows that the server lives.
    pub(crate) fn heard(&mut self) -> Step {
        self.silent = 0;
        Step::default()
    }

    /// A text frame.
    pub(crate) fn text(&mut self, text: &str) -> Step {
        self.silent = 0;
        let mut step = Step::default();
        match Message::read(text) {
            None => self.senseless += 1,
            Some(Message::Setup { keepalive }) => self.greeted(keepalive, &mut step),
            Some(Message::AuthState { authorized }) => self.auth_state(authorized, &mut step),
            Some(Message::Error { channel, code, text }) => self.error(channel, &code, &text, &mut step),
            Some(Message::Other) => {}
            Some(about) if about.channel() != Some(self.channel) => {}
            Some(Message::ChannelOpened { .. }) => self.opened(&mut step),
            Some(Message::ChannelClosed { .. }) => self.rebuild("the server closed the channel", &mut step),
            Some(Message::FeedConfig { fields, .. }) => {
                fields.into_iter().for_each(|fields| self.layout.merge(fields))
            }
            Some(Message::FeedData { data, .. }) => self.data(data, &mut step),
        }
        self.said(step)
    }

    /// A second went by.
    pub(crate) fn beat(&mut self) -> Step {
        let mut step = Step::default();
        self.silent += 1;
        self.mute += 1;
        self.waited += 1;
        self.unanswered = self.unanswered.map(|beats| beats + 1);
        if self.silent >= DEAF_AFTER {
            step.send.push(message::timeout(self.silent));
            step.end = Some(End::Lost(format!("nothing was heard for {} s", self.silent)));
        } else if self.set_up && self.login == Login::Unknown {
            if self.waited >= TOKEN_AFTER {
                self.authenticate(&mut step);
            }
        } else if !self.is_ready() && self.waited >= LONGEST_STEP {
            step.end =
                Some(End::Lost(format!("nothing came of it for {} s {}", self.waited, self.awaited())));
        } else if self.unanswered.is_some_and(|beats| beats >= STUCK_AFTER) {
            step.end = Some(End::Lost(format!("no quote of any leg within {STUCK_AFTER} s")));
        } else if self.unanswered == Some(ASK_AGAIN_AFTER) {
            self.subscribe_again(&mut step);
        } else if self.mute >= self.say_every {
            step.send.push(message::keepalive());
        }
        self.said(step)
    }

    /// The socket closed, by a frame with this code and reason or without any.
    pub(crate) fn closed(&self, frame: Option<(u16, &str)>) -> End {
        let Some((code, reason)) = frame else {
            return End::Lost(format!("the connection broke off {}", self.moment()));
        };
        let shown =
            format!("closed by the server with {code} {:?} {}", words(reason, &self.token), self.moment());
        match code {
            1009 => End::TooLarge(format!(
                "{shown}: a message is too large, the largest may be {} bytes",
                self.largest_message
            )),
            // A server that goes away says so; one that says nothing of the kind right after the token has
            // refused it.
            1001 | 1006 | 1011..=1014 => End::Lost(shown),
            _ if self.login == Login::Sent => self.refusal(reason, shown),
            _ => End::Lost(shown),
        }
    }

    fn moment(&self) -> &'static str {
        if self.is_ready() { "while the channel was open" } else { self.awaited() }
    }

    fn awaited(&self) -> &'static str {
        match (self.set_up, self.login) {
            (false, _) => "while SETUP was awaited",
            (true, Login::Unknown | Login::Wanted | Login::Sent) => "while AUTHORIZED was awaited",
            (true, Login::Authorized) => "while CHANNEL_OPENED was awaited",
        }
    }

    fn greeted(&mut self, keepalive: Option<u64>, step: &mut Step) {
        self.say_every = keepalive.map_or(SAY_EVERY, |limit| (limit / 2).clamp(1, SAY_EVERY));
        if !std::mem::replace(&mut self.set_up, true) {
            self.waited = 0;
            match self.login {
                Login::Wanted => self.answer_with_the_token(step),
                Login::Authorized => self.request(step),
                Login::Unknown | Login::Sent => {}
            }
        }
    }

    fn auth_state(&mut self, authorized: bool, step: &mut Step) {
        match (authorized, self.login) {
            (true, Login::Authorized) => {}
            (true, _) => {
                self.login = Login::Authorized;
                if self.set_up {
                    self.request(step);
                }
            }
            (false, _) if self.set_up => self.answer_with_the_token(step),
            (false, _) => self.login = Login::Wanted,
        }
    }

    /// UNAUTHORIZED asks for the token. It does so too after the token was sent, when the two have crossed or
    /// the token came too early: what it is shows in whether another one follows.
    fn answer_with_the_token(&mut self, step: &mut Step) {
        if self.answers == MOST_ANSWERS {
            step.end = Some(End::Refused("AUTH_STATE UNAUTHORIZED".to_owned()));
            return;
        }
        self.answers += 1;
        if self.stage != Stage::Greeting {
            // Whatever became of the channel, what still comes over it is not read as the next one's.
            self.stage = Stage::Greeting;
            self.channel += 2;
        }
        self.authenticate(step);
    }

    fn authenticate(&mut self, step: &mut Step) {
        if matches!(self.login, Login::Sent | Login::Authorized) {
            self.spare_tokens += 1;
        }
        self.login = Login::Sent;
        self.waited = 0;
        self.unanswered = None;
        step.send.push(message::auth(&self.token));
    }

    /// A server's no after the token. It is about the token when the server had asked for it, and says
    /// nothing of a session of its own.
    fn refusal(&self, said: &str, shown: String) -> End {
        let of_the_session = said.to_ascii_lowercase().contains(SESSION_NOT_FOUND);
        if of_the_session || self.answers == 0 { End::PerhapsRefused(shown) } else { End::Refused(shown) }
    }

    fn request(&mut self, step: &mut Step) {
        self.stage = Stage::Requested;
        self.waited = 0;
        self.unanswered = None;
        self.layout = Layout::default();
        step.send.push(message::channel_request(self.channel));
    }

    /// Subscribes without waiting for FEED_CONFIG, which may come late or never.
    fn opened(&mut self, step: &mut Step) {
        if self.stage != Stage::Requested {
            return;
        }
        self.stage = Stage::Open;
        step.send.push(message::feed_setup(self.channel));
        if !self.asked.is_empty() {
            self.subscribe(step);
        }
    }

    fn subscribe(&mut self, step: &mut Step) {
        step.asks = true;
        self.unanswered = Some(0);
        step.send.extend(message::subscriptions(self.channel, &self.asked, self.largest_message));
    }

    /// Nothing came yet, so nothing can be older than this.
    fn subscribe_again(&self, step: &mut Step) {
        step.send.extend(message::subscriptions(self.channel, &self.asked, self.largest_message));
    }

    fn data(&mut self, data: &serde_json::value::RawValue, step: &mut Step) {
        if !self.is_ready() {
            return;
        }
        let (asked, quotes) = (&self.asked, &mut step.quotes);
        let mut nameless = 0;
        let senseless = feed::read(data, &mut self.layout, |row| match QuoteEvent::of(row) {
            Some(event) if asked.contains(&event.symbol) => quotes.push(event),
            Some(_) => {}
            None => nameless += 1,
        });
        self.senseless += senseless + nameless;
        if !step.quotes.is_empty() {
            (self.fed, self.unanswered, self.rebuilds) = (true, None, 0);
        }
    }

    /// An error about the connection ends it; one about the channel ends the channel.
    fn error(&mut self, channel: u64, code: &str, text: &str, step: &mut Step) {
        let shown = words(&format!("ERROR {code}: {text}"), &self.token);
        if code == "UNAUTHORIZED" || text.to_ascii_lowercase().contains(SESSION_NOT_FOUND) {
            step.end = Some(self.refusal(text, shown));
        } else if channel == 0 && code == "BAD_ACTION" && self.spare_tokens > 0 {
            // A token that crossed with AUTHORIZED: it was not needed, and nothing else is wrong.
            self.spare_tokens -= 1;
        } else if channel == 0 {
            step.end = Some(End::Lost(shown));
        } else if channel == self.channel {
            step.send.push(message::channel_cancel(channel));
            self.rebuild(&shown, step);
        }
    }

    /// Requests a channel in place of this one. Of another number: what still comes over the old one is not
    /// read as the new one's.
    fn rebuild(&mut self, why: &str, step: &mut Step) {
        if self.stage == Stage::Greeting {
            return;
        }
        self.rebuilds += 1;
        if self.rebuilds > MOST_REBUILDS {
            step.end = Some(End::Lost(format!(
                "{MOST_REBUILDS} channels in a row ended without a quote, the last: {why}"
            )));
            return;
        }
        self.channel += 2;
        self.request(step);
    }

    fn said(&mut self, step: Step) -> Step {
        if !step.send.is_empty() {
            self.mute = 0;
        }
        step
    }
}
