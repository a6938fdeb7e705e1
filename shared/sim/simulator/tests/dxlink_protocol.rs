//! The stream's protocol: order of messages, channels, refusals, liveness.

use std::time::Duration;

use crate::streaming::{End, QUOTE, Stage, TOKEN, channel_request, feed_setup, pairs};
use gamma_simulator::dxlink::DxLinkConfig;
use gamma_simulator::requests::Service;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

fn setup() -> Value {
    json!({ "type": "SETUP", "channel": 0, "version": "0.1-test", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60 })
}

/// Which error a message is, and on which channel.
fn error(message: &Value) -> (&str, u64) {
    assert_eq!(message["type"], "ERROR", "{message}");
    assert!(message["message"].is_string(), "{message}");
    (message["error"].as_str().unwrap(), message["channel"].as_u64().unwrap())
}

#[tokio::test]
async fn the_handshake_is_as_documented_and_messages_are_recorded() {
    let stage = Stage::start().await;
    let mut client = stage.connect().await;
    client.send(setup()).await;
    let server = json!({ "type": "SETUP", "channel": 0, "version": "1.0-simulated", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60 });
    assert_eq!(client.next().await, server);
    assert_eq!(client.next().await, json!({ "type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED" }));
    client.send(json!({ "type": "AUTH", "channel": 0, "token": TOKEN })).await;
    assert_eq!(
        client.next().await,
        json!({ "type": "AUTH_STATE", "channel": 0, "state": "AUTHORIZED", "userId": "simulated" })
    );
    client.open(3).await;
    client.send(feed_setup(3, json!({ "Quote": QUOTE, "Tulip": ["petals"] }))).await;
    let config = json!({ "type": "FEED_CONFIG", "channel": 3, "aggregationPeriod": 0.5, "dataFormat": "COMPACT", "eventFields": { "Quote": QUOTE } });
    assert_eq!(client.next().await, config);
    client.add(3, "Quote", &["SPX"]).await;
    assert_eq!(client.next().await["type"], "FEED_DATA");

    let log: Vec<_> =
        stage.simulator.requests().into_iter().filter(|request| request.service == Service::DxLink).collect();
    let shown: Vec<_> =
        log.iter().map(|request| (request.method.as_str(), request.path.as_str(), request.status)).collect();
    let expected = [
        ("GET", "/realtime", Some(101)),
        ("SETUP", "/realtime/0", None),
        ("AUTH", "/realtime/0", None),
        ("CHANNEL_REQUEST", "/realtime/3", None),
        ("FEED_SETUP", "/realtime/3", None),
        ("FEED_SUBSCRIPTION", "/realtime/3", None),
    ];
    assert_eq!(shown, expected);
    assert!(!format!("{log:?} {:?}", stage.simulator).contains(TOKEN), "no token is shown");
}

#[tokio::test]
async fn nothing_counts_before_setup() {
    let stage = Stage::start().await;
    let mut client = stage.connect().await;
    for early in [
        json!({ "type": "KEEPALIVE", "channel": 0 }),
        json!({ "type": "AUTH", "channel": 0, "token": TOKEN }),
        channel_request(1),
    ] {
        client.send(early).await;
        assert_eq!(error(&client.next().await), ("BAD_ACTION", 0));
    }
    client.send(setup()).await;
    assert_eq!(
        (client.next().await["type"].clone(), client.next().await["state"].clone()),
        (json!("SETUP"), json!("UNAUTHORIZED")),
        "it stays usable"
    );
}

#[tokio::test]
async fn protocols_it_does_not_speak_end_the_connection() {
    let stage = Stage::start().await;
    for version in [json!({}), json!({ "version": "9.9-test" }), json!({ "version": "" })] {
        let mut client = stage.connect().await;
        let mut setup = json!({ "type": "SETUP", "channel": 0 });
        setup.as_object_mut().unwrap().extend(version.as_object().unwrap().clone());
        client.send(setup).await;
        assert_eq!(error(&client.next().await), ("UNSUPPORTED_PROTOCOL", 0), "{version}");
        assert_eq!(client.end().await, End::Closed(1000));
    }
}

#[tokio::test]
async fn a_channel_before_login_or_a_bad_token_ends_the_connection() {
    let stage = Stage::start().await;
    for early in
        [channel_request(1), feed_setup(1, json!({})), json!({ "type": "FEED_SUBSCRIPTION", "channel": 1 })]
    {
        let mut client = stage.connect().await;
        client.send(setup()).await;
        client.send(early).await;
        let (heard, end) = client.rest().await;
        assert_eq!((error(&heard[2]), end), (("UNAUTHORIZED", 0), End::Closed(1000)));
    }
    let mut client = stage.connect().await;
    client.send(setup()).await;
    client.send(json!({ "type": "AUTH", "channel": 0, "token": "another" })).await;
    let (heard, end) = client.rest().await;
    assert_eq!(
        (heard.len(), &heard[2], end),
        (3, &json!({ "type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED" }), End::Closed(1000))
    );
    assert!(stage.simulator.dxlink().fired().is_empty(), "no switch was needed");
}

#[tokio::test]
async fn channels_are_odd_opened_once_and_only_for_the_feed() {
    let stage = Stage::start().await;
    let mut client = stage.authorized().await;
    client.open(1).await;
    let request = |channel: u64, service: &str, contract: &str| json!({ "type": "CHANNEL_REQUEST", "channel": channel, "service": service, "parameters": { "contract": contract } });
    for (message, expected) in [
        (channel_request(2), ("BAD_ACTION", 0)),
        (channel_request(0), ("BAD_ACTION", 0)),
        (channel_request(1), ("BAD_ACTION", 1)),
        (request(3, "DOM", "AUTO"), ("BAD_ACTION", 3)),
        (request(3, "FEED", "HISTORY"), ("BAD_ACTION", 3)),
        (request(3, "FEED", "TULIP"), ("INVALID_MESSAGE", 3)),
        (feed_setup(3, json!({})), ("BAD_ACTION", 3)),
        (
            json!({ "type": "FEED_SUBSCRIPTION", "channel": 3, "add": pairs("Quote", &["SPX"]) }),
            ("BAD_ACTION", 3),
        ),
        (json!({ "type": "CHANNEL_CANCEL", "channel": 3 }), ("BAD_ACTION", 3)),
        (json!({ "type": "AUTH", "channel": 0, "token": TOKEN }), ("BAD_ACTION", 0)),
    ] {
        client.send(message.clone()).await;
        assert_eq!(error(&client.next().await), expected, "{message}");
    }
    client.add(1, "Quote", &["SPX"]).await;
    assert_eq!(client.next().await["type"], "FEED_CONFIG", "the first channel is as it was");
}

#[tokio::test]
async fn unreadable_messages_are_named_and_unknown_ones_ignored() {
    let stage = Stage::start().await;
    let mut client = stage.authorized().await;
    client.open(1).await;
    for (text, expected) in [
        ("tulip", ("INVALID_MESSAGE", 0)),
        ("[]", ("INVALID_MESSAGE", 0)),
        (r#"{"channel":0}"#, ("INVALID_MESSAGE", 0)),
        (r#"{"type":"KEEPALIVE"}"#, ("INVALID_MESSAGE", 0)),
        (r#"{"type":"KEEPALIVE","channel":"0"}"#, ("INVALID_MESSAGE", 0)),
        (r#"{"type":"KEEPALIVE","channel":1}"#, ("INVALID_MESSAGE", 1)),
        (r#"{"type":"AUTH","channel":0}"#, ("INVALID_MESSAGE", 0)),
        (r#"{"type":"SETUP","channel":0,"version":"0.1","keepaliveTimeout":0}"#, ("INVALID_MESSAGE", 0)),
        (r#"{"type":"CHANNEL_REQUEST","channel":3}"#, ("INVALID_MESSAGE", 3)),
        (r#"{"type":"FEED_SETUP","channel":1,"acceptDataFormat":"XML"}"#, ("INVALID_MESSAGE", 1)),
        (
            r#"{"type":"FEED_SETUP","channel":1,"acceptEventFields":{"Quote":"bidPrice"}}"#,
            ("INVALID_MESSAGE", 1),
        ),
        (r#"{"type":"FEED_SUBSCRIPTION","channel":1,"add":[{"type":"Quote"}]}"#, ("INVALID_MESSAGE", 1)),
        (r#"{"type":"FEED_SUBSCRIPTION","channel":1,"remove":"SPX"}"#, ("INVALID_MESSAGE", 1)),
    ] {
        client.send_raw(Message::text(text)).await;
        assert_eq!(error(&client.next().await), expected, "{text}");
    }
    client.send_raw(Message::binary(b"{}".to_vec())).await;
    assert_eq!(error(&client.next().await), ("INVALID_MESSAGE", 0));
    for ignored in [
        json!({ "type": "TULIP", "channel": 5 }),
        json!({ "type": "ERROR", "channel": 0, "error": "TIMEOUT" }),
        json!({ "type": "KEEPALIVE", "channel": 0, "petals": 5 }),
    ] {
        client.send(ignored).await;
    }
    assert_eq!(client.said().await, Vec::<Value>::new());
}

#[tokio::test]
async fn channels_are_apart_and_one_that_is_cancelled_is_silent() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    client.open(7).await;
    client.add(1, "Quote", &["SPX"]).await;
    client.add(7, "Trade", &["SPX"]).await;
    let heard = client.said().await;
    let shown: Vec<_> = heard
        .iter()
        .map(|message| (message["type"].as_str().unwrap(), message["channel"].as_u64().unwrap()))
        .collect();
    assert_eq!(shown, [("FEED_DATA", 1), ("FEED_CONFIG", 7), ("FEED_DATA", 7)]);
    client.send(json!({ "type": "CHANNEL_CANCEL", "channel": 1 })).await;
    assert_eq!(client.next().await, json!({ "type": "CHANNEL_CLOSED", "channel": 1 }));
    stage.pass(60).await;
    assert!(client.said().await.iter().all(|message| message["channel"] == 7), "nothing more of channel 1");
    client.open(1).await;
    stage.pass(60).await;
    assert!(
        client.said().await.iter().all(|message| message["channel"] == 7),
        "it is a new channel without subscriptions"
    );
}

#[tokio::test]
async fn an_idle_server_sends_keepalives_and_drops_an_idle_client() {
    let second = Duration::from_secs(1);
    let config = DxLinkConfig {
        keepalive_timeout: second,
        accept_keepalive_timeout: second * 2,
        keepalive_every: Duration::from_secs(30),
    };
    let stage = Stage::with(|simulator| simulator.dxlink = config).await;
    let mut client = stage.connect().await;
    client
        .send(json!({ "type": "SETUP", "channel": 0, "version": "0.1-test", "keepaliveTimeout": 0.2 }))
        .await;
    let server = client.next().await;
    assert_eq!((&server["keepaliveTimeout"], &server["acceptKeepaliveTimeout"]), (&json!(1), &json!(2)));
    assert_eq!(client.next().await["type"], "AUTH_STATE");
    // The server speaks every tenth of a second, and a word of the client's now and then is enough.
    for beat in 0..14 {
        assert_eq!(client.next().await, json!({ "type": "KEEPALIVE", "channel": 0 }));
        if beat % 3 == 2 {
            client.send(json!({ "type": "KEEPALIVE", "channel": 0 })).await;
        }
    }
    let (heard, end) = client.rest().await;
    let (last, before) = heard.split_last().unwrap();
    assert!(before.iter().all(|message| message["type"] == "KEEPALIVE"), "{heard:?}");
    assert_eq!((error(last), end), (("TIMEOUT", 0), End::Closed(1000)));
    assert!(
        last["message"]
            .as_str()
            .unwrap()
            .starts_with("The timeout has been reached. The message was last received 1 seconds"),
        "{last}"
    );

    // Who never says a word is dropped too.
    let (heard, end) = stage.connect().await.rest().await;
    assert_eq!((heard.len(), error(&heard[0]), end), (1, ("TIMEOUT", 0), End::Closed(1000)));
}

#[tokio::test]
async fn a_message_beyond_64_kilobytes_ends_the_connection_with_1009() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    let message = |length: usize| {
        let mut text =
            json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "add": pairs("Quote", &["SPX"]) }).to_string();
        text.push_str(&" ".repeat(length - text.len()));
        Message::text(text)
    };
    client.send_raw(message(64 * 1024)).await;
    assert_eq!(client.next().await["type"], "FEED_DATA");
    client.send_raw(message(64 * 1024 + 1)).await;
    assert_eq!(client.end().await, End::Closed(1009));
}

#[tokio::test]
async fn what_clients_did_is_counted() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    client.add(1, "Quote", &["SPX", ".SPXW250904P6425"]).await;
    client.add(1, "Trade", &["SPX", "TULIP"]).await;
    client.said().await;
    drop(client);
    stage.connect().await.said().await;
    let counters = stage.simulator.dxlink().counters();
    assert_eq!((counters.connections, counters.upgrades_refused, counters.subscriptions), (2, 0, 2));
    assert_eq!(
        (counters.questions_of("SPX"), counters.questions_of("TULIP"), counters.questions_of("VIX")),
        (2, 1, 0)
    );
    assert_eq!(counters.questions[&("Trade".to_owned(), "SPX".to_owned())], 1);
}
