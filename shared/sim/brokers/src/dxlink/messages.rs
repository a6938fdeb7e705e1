//! The protocol's messages, read and written (docs/reference/dxlink.md).

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value, json};

/// What a client said, once it was understood.
#[derive(Debug)]
pub(super) enum Said {
    Setup {
        version: Option<String>,
        keepalive_timeout: Option<Duration>,
    },
    Auth {
        token: SecretString,
    },
    Keepalive,
    /// The client's complaint: nothing is to be done about it.
    Error,
    ChannelRequest {
        service: String,
        contract: String,
    },
    ChannelCancel,
    FeedSetup(FeedSetup),
    FeedSubscription(Subscription),
    /// A type nobody knows: to be ignored.
    Unknown,
}

/// What a client would accept.
#[derive(Debug)]
pub(super) struct FeedSetup {
    pub(super) period: Option<Value>,
    pub(super) full: bool,
    pub(super) fields: BTreeMap<String, Vec<String>>,
}

/// What a client wants to see and what not any more, as (type, symbol).
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) reset: bool,
    pub(super) remove: Vec<(String, String)>,
    pub(super) add: Vec<(String, String)>,
}

/// A message as far as it could be read.
#[derive(Debug)]
pub(super) struct Message {
    /// Its `type`; empty where none could be read.
    pub(super) kind: String,
    pub(super) channel: u64,
    /// What it says, or what is wrong with it.
    pub(super) said: Result<Said, String>,
}

impl Message {
    pub(super) fn read(text: &str) -> Self {
        let unread = |wrong: &str| Self { kind: String::new(), channel: 0, said: Err(wrong.to_owned()) };
        let Ok(Value::Object(body)) = serde_json::from_str(text) else {
            return unread("expected a JSON object");
        };
        let Some(kind) = body.get("type").and_then(Value::as_str) else {
            return unread("type: expected a text");
        };
        let Some(channel) = body.get("channel").and_then(Value::as_u64) else {
            return Self {
                kind: kind.to_owned(),
                channel: 0,
                said: Err("channel: expected a whole number, not negative".into()),
            };
        };
        Self { kind: kind.to_owned(), channel, said: said(kind, channel, &body) }
    }
}

fn said(kind: &str, channel: u64, body: &Map<String, Value>) -> Result<Said, String> {
    let said = match kind {
        "SETUP" => {
            let version = optional(body, "version", "a text", |value| value.as_str().map(str::to_owned))?;
            let keepalive_timeout = optional(body, "keepaliveTimeout", "seconds above zero", seconds_of)?;
            Said::Setup { version, keepalive_timeout }
        }
        "AUTH" => Said::Auth { token: text(body, "token")?.into() },
        "KEEPALIVE" => Said::Keepalive,
        "ERROR" => Said::Error,
        "CHANNEL_REQUEST" => {
            let parameters = optional(body, "parameters", "an object", |value| value.as_object().cloned())?
                .unwrap_or_default();
            let contract =
                optional(&parameters, "contract", "a text", |value| value.as_str().map(str::to_owned))?;
            Said::ChannelRequest {
                service: text(body, "service")?,
                contract: contract.unwrap_or_else(|| "AUTO".into()),
            }
        }
        "CHANNEL_CANCEL" => Said::ChannelCancel,
        "FEED_SETUP" => Said::FeedSetup(feed_setup(body)?),
        "FEED_SUBSCRIPTION" => Said::FeedSubscription(Subscription {
            reset: optional(body, "reset", "true or false", Value::as_bool)?.unwrap_or(false),
            remove: pairs(body, "remove")?,
            add: pairs(body, "add")?,
        }),
        _ => Said::Unknown,
    };
    match said {
        Said::Setup { .. } | Said::Auth { .. } | Said::Keepalive if channel != 0 => {
            Err(format!("channel: got {channel}, expected 0 with {kind}"))
        }
        said => Ok(said),
    }
}

fn feed_setup(body: &Map<String, Value>) -> Result<FeedSetup, String> {
    let format = optional(body, "acceptDataFormat", "FULL or COMPACT", |value| match value.as_str()? {
        "FULL" => Some(true),
        "COMPACT" => Some(false),
        _ => None,
    })?;
    let named = |value: &Value| {
        let types = value.as_object()?.iter().map(|(kind, names)| Some((kind.clone(), texts(names)?)));
        types.collect::<Option<BTreeMap<_, _>>>()
    };
    Ok(FeedSetup {
        period: optional(body, "acceptAggregationPeriod", "seconds", |value| {
            value.as_f64().filter(|seconds| *seconds >= 0.0).map(|_| value.clone())
        })?,
        full: format.unwrap_or(false),
        fields: optional(body, "acceptEventFields", "lists of texts by type", named)?.unwrap_or_default(),
    })
}

/// A field that may be absent, but not be anything else than `expected`.
fn optional<T>(
    body: &Map<String, Value>,
    name: &str,
    expected: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    body.get(name).map(|value| read(value).ok_or_else(|| format!("{name}: expected {expected}"))).transpose()
}

fn text(body: &Map<String, Value>, name: &str) -> Result<String, String> {
    body.get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("{name}: expected a text"))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

fn pairs(body: &Map<String, Value>, name: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |entry: &Value| {
        Some((entry.get("type")?.as_str()?.to_owned(), entry.get("symbol")?.as_str()?.to_owned()))
    };
    let read = |value: &Value| value.as_array()?.iter().map(pair).collect();
    Ok(optional(body, name, "a list of {type, symbol}", read)?.unwrap_or_default())
}

fn seconds_of(value: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_f64()?).ok().filter(|time| !time.is_zero())
}

/// Whole seconds are written as such.
fn seconds(time: Duration) -> Value {
    if time.subsec_nanos() == 0 { json!(time.as_secs()) } else { json!(time.as_secs_f64()) }
}

pub(super) fn setup(keepalive_timeout: Duration, accept: Duration) -> Value {
    json!({
        "type": "SETUP", "channel": 0, "version": "1.0-simulated", "keepaliveTimeout": seconds(keepalive_timeout), "acceptKeepaliveTimeout": seconds(accept),
    })
}

pub(super) fn unauthorized() -> Value {
    json!({ "type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED" })
}

pub(super) fn authorized() -> Value {
    json!({ "type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED", "userId": "simulated" })
}

pub(super) fn keepalive() -> Value {
    json!({ "type": "KEEPALIVE", "channel": 0 })
}

pub(super) fn error(channel: u64, error: &str, message: &str) -> Value {
    json!({ "type": "ERROR", "channel": channel, "error": error, "message": message })
}

pub(super) fn timed_out(silence: Duration) -> Value {
    error(
        0,
        "TIMEOUT",
        &format!(
            "The timeout has been reached. The message was last received {} seconds ago.",
            seconds(silence)
        ),
    )
}

pub(super) fn channel_opened(channel: u64, contract: &str) -> Value {
    json!({ "type": "CHANNEL_OPENED", "channel": channel, "service": "FEED", "parameters": { "contract": contract, "subFormat": "LIST" } })
}

pub(super) fn channel_closed(channel: u64) -> Value {
    json!({ "type": "CHANNEL_CLOSED", "channel": channel })
}

pub(super) fn feed_config(channel: u64, period: &Value, full: bool, fields: Map<String, Value>) -> Value {
    let format = if full { "FULL" } else { "COMPACT" };
    let mut config = json!({ "type": "FEED_CONFIG", "channel": channel, "aggregationPeriod": period, "dataFormat": format });
    if let Some(config) = config.as_object_mut().filter(|_| !fields.is_empty()) {
        config.insert("eventFields".into(), Value::Object(fields));
    }
    config
}

pub(super) fn feed_data(channel: u64, data: Vec<Value>) -> Value {
    json!({ "type": "FEED_DATA", "channel": channel, "data": data })
}
