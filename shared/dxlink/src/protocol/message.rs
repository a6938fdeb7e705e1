//! The messages, as texts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::StreamerSymbol;
use crate::feed::{ASKED, text};
use crate::protocol::DEAF_AFTER;

/// A message of the server's, as far as it concerns us.
pub(crate) enum Message<'a> {
    Setup { keepalive: Option<u64> },
    AuthState { authorized: bool },
    ChannelOpened { channel: u64 },
    ChannelClosed { channel: u64 },
    FeedConfig { channel: u64, fields: Option<&'a RawValue> },
    FeedData { channel: u64, data: &'a RawValue },
    Error { channel: u64, code: String, text: String },
    Other,
}

/// All keys that are read of any message. Everything but type and channel is looked at only where it belongs:
/// a server may give a message keys of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    channel: u64,
    #[serde(borrow)]
    keepalive_timeout: Option<&'a RawValue>,
    #[serde(borrow)]
    state: Option<&'a RawValue>,
    #[serde(borrow)]
    event_fields: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    /// `None` when the text is no message: no JSON object, no type, FEED_DATA without data, a state that is
    /// none.
    pub(crate) fn read(frame: &'a str) -> Option<Self> {
        let frame = serde_json::from_str::<Frame<'a>>(frame).ok()?;
        let channel = frame.channel;
        Some(match frame.kind.as_ref() {
            "SETUP" => Self::Setup {
                keepalive: frame
                    .keepalive_timeout
                    .and_then(|seconds| serde_json::from_str(seconds.get()).ok()),
            },
            "AUTH_STATE" => match frame.state.and_then(text)?.as_str() {
                "AUTHORIZED" => Self::AuthState { authorized: true },
                "UNAUTHORIZED" => Self::AuthState { authorized: false },
                _ => return None,
            },
            "CHANNEL_OPENED" => Self::ChannelOpened { channel },
            "CHANNEL_CLOSED" => Self::ChannelClosed { channel },
            "FEED_CONFIG" => Self::FeedConfig { channel, fields: frame.event_fields },
            "FEED_DATA" => Self::FeedData { channel, data: frame.data? },
            "ERROR" => Self::Error {
                channel,
                code: frame.error.and_then(text).unwrap_or_else(|| "without a code".to_owned()),
                text: frame.message.and_then(text).unwrap_or_default(),
            },
            _ => Self::Other,
        })
    }

    /// The channel that a message of the feed is about.
    pub(crate) const fn channel(&self) -> Option<u64> {
        match self {
            Self::ChannelOpened { channel }
            | Self::ChannelClosed { channel }
            | Self::FeedConfig { channel, .. }
            | Self::FeedData { channel, .. } => Some(*channel),
            _ => None,
        }
    }
}

pub(super) fn setup() -> String {
    let version = concat!("0.1-gamma-trading/", env!("CARGO_PKG_VERSION"));
    json!({"type": "SETUP", "channel": 0, "version": version, "keepaliveTimeout": DEAF_AFTER, "acceptKeepaliveTimeout": DEAF_AFTER}).to_string()
}

pub(super) fn auth(token: &SecretString) -> String {
    json!({"type": "AUTH", "channel": 0, "token": token.expose_secret()}).to_string()
}

pub(super) fn keepalive() -> String {
    json!({"type": "KEEPALIVE", "channel": 0}).to_string()
}

pub(super) fn timeout(seconds: u64) -> String {
    json!({"type": "ERROR", "channel": 0, "error": "TIMEOUT", "message": format!("nothing was heard for {seconds} seconds")}).to_string()
}

pub(super) fn channel_request(channel: u64) -> String {
    json!({"type": "CHANNEL_REQUEST", "channel": channel, "service": "FEED", "parameters": {"contract": "AUTO"}}).to_string()
}

pub(super) fn channel_cancel(channel: u64) -> String {
    json!({"type": "CHANNEL_CANCEL", "channel": channel}).to_string()
}

pub(super) fn feed_setup(channel: u64) -> String {
    let fields: serde_json::Map<_, _> =
        ASKED.iter().map(|(kind, fields)| ((*kind).to_owned(), json!(fields))).collect();
    // The text of 0.1, not the float: it is sent as it stands here.
    format!(
        r#"{{"type":"FEED_SETUP","channel":{channel},"acceptAggregationPeriod":0.1,"acceptDataFormat":"COMPACT","acceptEventFields":{}}}"#,
        serde_json::Value::Object(fields)
    )
}

pub(super) fn reset(channel: u64) -> String {
    json!({"type": "FEED_SUBSCRIPTION", "channel": channel, "reset": true}).to_string()
}

/// One message in place of all subscriptions, or as many as it takes to keep each within `largest` bytes.
pub(super) fn subscriptions(channel: u64, symbols: &BTreeSet<StreamerSymbol>, largest: usize) -> Vec<String> {
    let head = |reset| format!(r#"{{"type":"FEED_SUBSCRIPTION","channel":{channel}{reset},"add":["#);
    let mut messages = Vec::new();
    let mut message = head(r#","reset":true"#);
    let mut empty = true;
    for symbol in symbols {
        let entry = json!({"type": "Quote", "symbol": symbol.as_str()}).to_string();
        if !empty && message.len() + entry.len() + ",]}".len() > largest {
            messages.push(std::mem::replace(&mut message, head("")) + "]}");
            empty = true;
        }
        if !std::mem::replace(&mut empty, false) {
            message.push(',');
        }
        message.push_str(&entry);
    }
    messages.push(message + "]}");
    messages
}
