//! The server's side, one message at a time.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub(super) const TOKEN: &str = "canary-token";

pub(super) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port") }
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/realtime", self.listener.local_addr().expect("it is bound"))
    }

    /// A connection of which nothing was read.
    pub(super) async fn raw(&self) -> TcpStream {
        let (stream, _) = timeout(super::PATIENCE, self.listener.accept())
            .await
            .expect("the client connects")
            .expect("a connection");
        // As a server of small messages does; without it each second one waits for an acknowledgement.
        stream.set_nodelay(true).expect("an open socket");
        stream
    }

    pub(super) async fn accept(&self) -> Peer {
        Peer { socket: tokio_tungstenite::accept_async(self.raw().await).await.expect("an upgrade") }
    }

    /// A connection with an open channel.
    pub(super) async fn greeted(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.greet().await;
        peer
    }
}

pub(super) struct Peer {
    socket: WebSocketStream<TcpStream>,
}

impl Peer {
    pub(super) async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.expect("the client listens");
    }

    pub(super) async fn text(&mut self) -> String {
        loop {
            let next = timeout(super::PATIENCE, self.socket.next())
                .await
                .expect("the client speaks within the patience of a test");
            match next.expect("the client stays").expect("a frame") {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("got {other:?}, expected a text"),
            }
        }
    }

    /// The next message, which is of this type.
    pub(super) async fn expect(&mut self, kind: &str) -> Value {
        let message: Value = serde_json::from_str(&self.text().await).expect("JSON");
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Up to AUTH.
    pub(super) async fn login(&mut self) {
        self.expect("SETUP").await;
        self.say(json!({"type": "SETUP", "channel": 0, "version": "1.0", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60})).await;
        self.say(json!({"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"})).await;
        assert_eq!(self.expect("AUTH").await["token"], TOKEN);
    }

    /// Up to the feed's setup; no configuration is sent, as servers may put it off.
    pub(super) async fn greet(&mut self) {
        self.login().await;
        self.say(json!({"type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED"})).await;
        let request = self.expect("CHANNEL_REQUEST").await;
        assert_eq!((&request["channel"], &request["service"]), (&json!(1), &json!("FEED")));
        self.say(json!({"type": "CHANNEL_OPENED", "channel": 1, "service": "FEED", "parameters": {"contract": "AUTO"}})).await;
        let setup = self.expect("FEED_SETUP").await;
        assert_eq!(
            (&setup["acceptDataFormat"], &setup["acceptAggregationPeriod"]),
            (&json!("COMPACT"), &json!(0.1))
        );
    }

    /// The symbols of the next question.
    pub(super) async fn asked(&mut self) -> Vec<String> {
        let message = self.expect("FEED_SUBSCRIPTION").await;
        assert_eq!(message["reset"], true, "{message}");
        message["add"]
            .as_array()
            .expect("symbols")
            .iter()
            .map(|add| add["symbol"].as_str().expect("a symbol").to_owned())
            .collect()
    }

    /// A reset without symbols.
    pub(super) async fn unsubscribed(&mut self) {
        let message = self.expect("FEED_SUBSCRIPTION").await;
        assert_eq!((&message["reset"], message.get("add")), (&json!(true), None), "{message}");
    }

    pub(super) async fn quote(&mut self, symbol: &str, bid: impl Into<Value>, ask: impl Into<Value>) {
        let row = json!(["Quote", symbol, bid.into(), ask.into(), 36.0, 41.0, 0, 0]);
        self.say(json!({"type": "FEED_DATA", "channel": 1, "data": ["Quote", row]})).await;
    }

    /// Returns when the client has heard all that was said: it answers a ping in turn.
    pub(super) async fn heard_out(&mut self) {
        self.socket.send(Message::Ping("all".into())).await.expect("the client listens");
        while !matches!(self.socket.next().await, Some(Ok(Message::Pong(_)))) {}
    }

    pub(super) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.socket.close(Some(frame)).await.expect("the client listens");
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Whether the client closes, properly, without another text.
    pub(super) async fn closed(&mut self) -> bool {
        matches!(self.socket.next().await, Some(Ok(Message::Close(_))))
    }

    /// The connection ends, whatever is said until then.
    pub(super) async fn left(&mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }
}
