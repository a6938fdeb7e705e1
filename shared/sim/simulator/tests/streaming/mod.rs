//! A client of the simulated stream that shares nothing with it: a plain WebSocket, plain JSON.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gamma_simulator::dxlink::{Fired, Switch};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use jiff::Span;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const TOKEN: &str = "simulated-quote-token";
const RUN: &str = "test";

/// The fields that the tests ask for.
pub(crate) const QUOTE: [&str; 6] =
    ["eventType", "eventSymbol", "bidPrice", "askPrice", "bidSize", "askSize"];

/// Below any timeout of the server's; only a failing test waits so long.
const SOON: Duration = Duration::from_secs(10);

/// A simulator whose stream admits [`TOKEN`].
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut SimulatorConfig)) -> Self {
        let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
        // The market moves: the plain start is after the close.
        config.start = "2025-09-03T15:00:00-04:00".parse().unwrap();
        change(&mut config);
        let simulator = Simulator::start(config).await.unwrap();
        simulator.dxlink().tokens().admit(TOKEN);
        simulator.clock().attach(RUN);
        Self { simulator }
    }

    pub(crate) fn set(&self, switch: Switch) {
        self.simulator.dxlink().set(switch);
    }

    pub(crate) async fn pass(&self, seconds: i64) {
        let until = self.simulator.clock().now() + Span::new().seconds(seconds);
        self.simulator.clock().wait(RUN, until).await;
    }

    /// What the switches did, as (connection, to what).
    pub(crate) fn fired(&self, switch: &Switch) -> Vec<(u64, String)> {
        let fired = self.simulator.dxlink().fired();
        fired
            .into_iter()
            .filter(|fired| fired.switch == *switch)
            .map(|Fired { connection, on, .. }| (connection, on))
            .collect()
    }

    pub(crate) async fn connect(&self) -> Client {
        Client { socket: connect_async(self.simulator.dxlink_url()).await.unwrap().0 }
    }

    /// A client that has gone through the handshake.
    pub(crate) async fn authorized(&self) -> Client {
        let mut client = self.connect().await;
        client.send(json!({ "type": "SETUP", "channel": 0, "version": "0.1-test", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60 })).await;
        assert_eq!(client.next().await["type"], "SETUP");
        assert_eq!(client.next().await["state"], "UNAUTHORIZED");
        client.send(json!({ "type": "AUTH", "channel": 0, "token": TOKEN })).await;
        assert_eq!(client.next().await["state"], "AUTHORIZED");
        client
    }

    /// A client with channel 1 open, set up for quotes with [`QUOTE`].
    pub(crate) async fn quoting(&self) -> Client {
        let mut client = self.authorized().await;
        client.open(1).await;
        client.send(feed_setup(1, json!({ "Quote": QUOTE }))).await;
        assert_eq!(client.next().await["type"], "FEED_CONFIG");
        client
    }
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed(u16),
    /// What a client calls 1006.
    Lost,
}

pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(crate) async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    async fn receive(&mut self) -> Result<Value, End> {
        loop {
            match timeout(SOON, self.socket.next()).await.expect("nothing came") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(End::Lost, |frame| End::Closed(frame.code.into())));
                }
                Some(Ok(_)) => {}
                None
                | Some(Err(
                    Error::Protocol(_) | Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed,
                )) => return Err(End::Lost),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    pub(crate) async fn next(&mut self) -> Value {
        self.receive().await.unwrap()
    }

    /// The end, which must come next.
    pub(crate) async fn end(&mut self) -> End {
        match self.receive().await {
            Err(end) => end,
            Ok(message) => panic!("expected the end, got {message}"),
        }
    }

    /// Everything until the end, and the end.
    pub(crate) async fn rest(&mut self) -> (Vec<Value>, End) {
        let mut heard = Vec::new();
        loop {
            match self.receive().await {
                Ok(message) => heard.push(message),
                Err(end) => return (heard, end),
            }
            assert!(heard.len() < 100, "it does not end: {heard:?}");
        }
    }

    /// Whether nothing at all, not even the end, arrives for so much real time.
    pub(crate) async fn hears_nothing(&mut self, time: Duration) -> bool {
        timeout(time, self.socket.next()).await.is_err()
    }

    /// Everything that the server had said before it answered a message that it always answers.
    pub(crate) async fn said(&mut self) -> Vec<Value> {
        self.send(json!({ "type": "SETUP", "channel": 0, "version": "0.1-test" })).await;
        let mut heard = Vec::new();
        loop {
            let message = self.next().await;
            if message["type"] == "SETUP" {
                return heard;
            }
            heard.push(message);
        }
    }

    pub(crate) async fn open(&mut self, channel: u64) {
        self.send(channel_request(channel)).await;
        assert_eq!(
            self.next().await,
            json!({ "type": "CHANNEL_OPENED", "channel": channel, "service": "FEED", "parameters": { "contract": "AUTO", "subFormat": "LIST" } })
        );
    }

    pub(crate) async fn add(&mut self, channel: u64, kind: &str, symbols: &[&str]) {
        self.send(json!({ "type": "FEED_SUBSCRIPTION", "channel": channel, "add": pairs(kind, symbols) }))
            .await;
    }

    /// The rows of what was said, by [`QUOTE`].
    pub(crate) async fn quotes(&mut self) -> Vec<Vec<Value>> {
        self.said().await.iter().flat_map(|message| rows(message, QUOTE.len())).collect()
    }

    /// The symbols of these rows.
    pub(crate) async fn quoted(&mut self) -> Vec<String> {
        self.quotes().await.iter().map(|row| row[1].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn channel_request(channel: u64) -> Value {
    json!({ "type": "CHANNEL_REQUEST", "channel": channel, "service": "FEED", "parameters": { "contract": "AUTO" } })
}

pub(crate) fn feed_setup(channel: u64, fields: Value) -> Value {
    json!({ "type": "FEED_SETUP", "channel": channel, "acceptAggregationPeriod": 0.5, "acceptDataFormat": "COMPACT", "acceptEventFields": fields })
}

pub(crate) fn pairs(kind: &str, symbols: &[&str]) -> Value {
    symbols.iter().map(|symbol| json!({ "type": kind, "symbol": symbol })).collect()
}

/// The rows of a COMPACT frame of one type.
pub(crate) fn rows(message: &Value, width: usize) -> Vec<Vec<Value>> {
    assert_eq!(message["type"], "FEED_DATA", "{message}");
    let data = message["data"].as_array().unwrap();
    assert_eq!(data.len(), 2, "{message}");
    let values = data[1].as_array().unwrap();
    assert_eq!(values.len() % width, 0, "{message}");
    values.chunks(width).map(<[Value]>::to_vec).collect()
}
